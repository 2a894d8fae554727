//! The stages of an experiment, wired: read this to see what runs.

use std::path::Path;

use super::data::{Data, Splitting, repeat_label};
use super::graph::Graph;
use super::{FitInputs, Places, PlanError, PlannedPoint, Reported, embedding, networks, protocol};
use crate::config::Experiment;
use crate::config::experiment::{Classifier, Features as FeaturesOf, Method, PcaFit, Penalty, SplitKind};
use crate::dataset::published::{self, PublishedMethod};
use crate::solvers::pca::{Keep, PcaSolver};
use crate::solvers::svm::SvmSolver;
use crate::stage::Handle;
use crate::stages::drawing::Drawing;
use crate::stages::evaluate::Evaluate;
use crate::stages::features::Features;
use crate::stages::fine_tune::Trained;
use crate::stages::leakage::Policy;
use crate::stages::measure::MeasureMethods;
use crate::stages::multiply_rows::{MultiplyRows, Products};
use crate::stages::network_classifier::ClassifyByNetwork;
use crate::stages::overlap::Overlap;
use crate::stages::pca::{FitPca, level};
use crate::stages::read_features::ReadFeatures;
use crate::stages::report::{Entry, FigureKind, MakeReport, Repeat};
use crate::stages::select::SelectPenalty;
use crate::stages::split::Division;
use crate::stages::svm::{Fitted, PenaltyOf, TrainSvm, Tried};
use crate::store::Store;
use crate::types::Digest;

/// Which code finds components, and its version.
pub(super) fn pca_code(solver: PcaSolver) -> &'static str {
    match solver {
        PcaSolver::Auto | PcaSolver::Exact | PcaSolver::Randomized => "emolab 7 on faer 0.24",
        PcaSolver::Linfa => "linfa-reduction 0.8.1",
    }
}

/// Which code trains machines, and its version.
pub(super) fn svm_code(solver: SvmSolver) -> &'static str {
    match solver {
        SvmSolver::InteriorPoint => "emolab 7 on faer 0.24",
        SvmSolver::Linfa => "linfa-svm 0.8.1",
    }
}

pub(super) struct Built {
    pub report: Reported,
    pub figures: Vec<Handle<Drawing>>,
    pub notices: Vec<String>,
    pub stand_in: Option<String>,
    pub data: Digest,
    pub fits: Vec<FitInputs>,
    pub points: Vec<PlannedPoint>,
}

/// The stages of an experiment up to its predictions.
pub(super) struct Wired {
    pub data: Data,
    pub methods: Vec<WiredMethod>,
    pub trainings: Vec<(String, Handle<Trained>)>,
    pub overlaps: Vec<(String, Handle<Overlap>)>,
    /// Said in every figure.
    pub warnings: Vec<String>,
    /// Said before it runs.
    pub notices: Vec<String>,
    pub fits: Vec<FitInputs>,
}

/// A method up to its predictions.
pub(super) struct WiredMethod {
    pub entry: Entry,
    pub features: Handle<Features>,
    /// Products of all pairs of their rows.
    pub products: Option<Handle<Products>>,
    /// What is fitted to the features; none where a network tells the emotion itself.
    pub is_fitted: bool,
}

/// What an experiment shares with others of a sweep.
#[derive(Clone, Default)]
pub(super) struct Shared {
    /// Decompositions hold so many components, for others that keep more of them.
    pub components: usize,
    /// Numbers of components, ascending, of all that differ in nothing else; none where it is alone.
    pub alike: Vec<Keep>,
    /// Names of methods that are known to fail, and are not wired.
    pub without: Vec<String>,
}

impl Shared {
    /// What is trained together, and the place of an experiment's own components among it.
    fn trained(&self, own: Keep) -> (Vec<Keep>, usize) {
        match self.alike.iter().position(|other| *other == own) {
            Some(at) => (self.alike.clone(), at),
            None => (vec![own], 0),
        }
    }
}

/// Wires all but the report.
pub(super) fn wire(
    graph: &mut Graph,
    experiment: &Experiment,
    shared: &Shared,
    context: (&Store, &Places),
) -> Result<Wired, PlanError> {
    // An error that is asked for needs the images, whatever the features are made of.
    let read_images = experiment.split.leakage == Policy::Error
        || experiment.methods.iter().any(|method| matches!(method.features, FeaturesOf::Cnn(_)));
    let (division, repeats) = match experiment.split.kind {
        SplitKind::KFold { folds, repeats } => (Division::KFold { folds }, repeats),
        SplitKind::Holdout { train, test, validation } => (Division::Holdout { train, test, validation }, 1),
    };
    let splitting = Splitting {
        division,
        repeats,
        stratified: experiment.split.stratified,
        grouped: experiment.split.grouped,
        seed: experiment.seed,
        table: "dataset",
        leakage: experiment.split.leakage,
        near_duplicate_distance: experiment.split.near_duplicate_distance,
    };
    let data = Data::add(graph, &experiment.dataset, splitting, read_images, "", context)?;
    let mut notices = data.notices.clone();
    let (mut methods, mut fits) = (Vec::new(), Vec::new());
    let mut warnings: Vec<String> = data.stand_in.iter().cloned().collect();
    let (mut trainings, mut overlaps) = (Vec::new(), Vec::new());
    for method in experiment.methods.iter().filter(|method| !shared.without.contains(&method.name)) {
        let features = match &method.features {
            FeaturesOf::Precomputed { file } => precomputed(graph, method, file, &data, context)?,
            FeaturesOf::Cnn(cnn) => {
                let network = networks::add(graph, experiment, (method, cnn), &data, context)?;
                if let Some(training) = network.training {
                    trainings.push((method.name.clone(), training.trained));
                    overlaps.push((method.name.clone(), training.overlap));
                    warnings.extend(training.stand_in);
                    notices.extend(training.notices);
                }
                network.features
            }
        };
        let is_fitted = method.classifier == Classifier::Svm;
        let products = multiply(graph, (experiment, shared), method, features);
        let entry = match method.classifier {
            Classifier::Svm => {
                let inputs = (features, products);
                let repeat = |repeat| {
                    classify(graph, (experiment, shared), method, (&data, repeat), inputs, &mut fits)
                };
                Entry { name: method.name.clone(), repeats: (0..repeats).map(repeat).collect() }
            }
            Classifier::Network => {
                let mut repeat = |repeat: usize| {
                    let (manifest, split) = (data.images.manifest, data.splits[repeat]);
                    let folds = data.division.folds();
                    let stage = ClassifyByNetwork { manifest, scores: features, split, folds };
                    let end = repeat_label(repeat, repeats);
                    let predictions = graph.add(format!("classify-by-network {}{end}", method.name), stage);
                    Repeat { predictions, classifiers: Vec::new(), selections: Vec::new() }
                };
                Entry { name: method.name.clone(), repeats: (0..repeats).map(&mut repeat).collect() }
            }
        };
        methods.push(WiredMethod { entry, features, products, is_fitted });
    }
    let leak = (experiment.pca.fit == PcaFit::All)
        .then(|| "PCA fitted on all images: the test images leak into it".to_owned());
    notices.extend(leak.clone());
    warnings.extend(leak);
    Ok(Wired { data, methods, trainings, overlaps, warnings, notices, fits })
}

/// An experiment and its report.
pub(super) fn build(
    graph: &mut Graph,
    experiment: &Experiment,
    context: (&Store, &Places),
) -> Result<Built, PlanError> {
    let Wired { data, methods, trainings, overlaps, warnings, notices, fits } =
        wire(graph, experiment, &Shared::default(), context)?;
    let entries: Vec<Entry> = methods.into_iter().map(|method| method.entry).collect();
    let predictions = |entry: &Entry| entry.repeats.iter().map(|repeat| repeat.predictions).collect();
    let measure =
        MeasureMethods { methods: entries.iter().map(predictions).collect(), seed: experiment.seed };
    let measurements = graph.add("measure", measure);
    let report = MakeReport {
        manifest: data.images.manifest,
        splits: data.splits.clone(),
        methods: entries,
        networks: experiment.methods.iter().map(network_of).collect(),
        measurements,
        trainings,
        overlaps: overlaps.clone(),
        kind: experiment.figure.kind,
        columns: experiment.figure.columns,
        published: published_rates(experiment, context.1)?,
        title: experiment.title.clone(),
        number: experiment.figure.number,
        dataset: data.title.clone(),
        protocol: protocol::of(experiment, |_| false),
        stand_in: data.stand_in.clone(),
        warnings: warnings.clone(),
        has_published: experiment.dataset.name == "fi",
        min_per_class: experiment.dataset.min_per_class,
        at_most: experiment.pca.components.at_most(),
    };
    let figures = embedding::add(graph, experiment, &data, (&warnings, &overlaps), context)?;
    let Data { stand_in, digest, .. } = data;
    let report = Reported::Experiment(graph.add("report", report));
    Ok(Built { report, figures, notices, stand_in, data: digest, fits, points: Vec::new() })
}

fn network_of(method: &Method) -> Option<&'static str> {
    match &method.features {
        FeaturesOf::Cnn(cnn) => Some(cnn.network.name),
        FeaturesOf::Precomputed { .. } => None,
    }
}

/// What others reached on the same data set, where the user has a table of it and bars are drawn.
fn published_rates(experiment: &Experiment, places: &Places) -> Result<Vec<PublishedMethod>, PlanError> {
    if experiment.figure.kind != FigureKind::PerClassTpr {
        return Ok(Vec::new());
    }
    let file = places.project.join("published").join(format!("{}.csv", experiment.dataset.name));
    let methods = published::read(&file)?.unwrap_or_default();
    let own = methods.iter().find(|method| experiment.methods.iter().any(|own| own.name == method.name));
    match own {
        Some(method) => Err(PlanError::PublishedName { name: method.name.clone(), path: file }),
        None => Ok(methods),
    }
}

pub(super) fn precomputed(
    graph: &mut Graph,
    method: &Method,
    file: &Path,
    data: &Data,
    (store, places): (&Store, &Places),
) -> Result<Handle<Features>, PlanError> {
    if data.stand_in.is_some() {
        return Err(PlanError::FeaturesOfStandIn);
    }
    let path = places.project.join(file);
    let missing = |_| PlanError::NoFeatures { method: method.name.clone(), path: path.clone() };
    let content = store.hints().digest(&path).map_err(missing)?.digest;
    let stage = ReadFeatures { manifest: data.images.manifest, content, file: path };
    Ok(graph.add(format!("read-features {}", method.name), stage))
}

/// Products of all pairs of rows, where the solver has a use for them.
fn multiply(
    graph: &mut Graph,
    (experiment, shared): (&Experiment, &Shared),
    method: &Method,
    features: Handle<Features>,
) -> Option<Handle<Products>> {
    let pca = experiment.pca;
    let is_used = matches!(pca.solver, PcaSolver::Auto | PcaSolver::Exact);
    let is_used = is_used && method.classifier == Classifier::Svm;
    let level = level(pca.components, pca.solver, shared.components);
    let stage = MultiplyRows { features, level, solver: pca.solver, code: pca_code(pca.solver) };
    is_used.then(|| graph.add(format!("multiply-rows {}", method.name), stage))
}

/// PCA and SVM of every fold of a repetition, and what they predict.
fn classify(
    graph: &mut Graph,
    (experiment, shared): (&Experiment, &Shared),
    method: &Method,
    (data, repeat): (&Data, usize),
    (features, products): (Handle<Features>, Option<Handle<Products>>),
    fits: &mut Vec<FitInputs>,
) -> Repeat {
    let (manifest, split) = (data.images.manifest, data.splits[repeat]);
    let name = format!("{}{}", method.name, repeat_label(repeat, data.splits.len()));
    let (pca, svm) = (experiment.pca, &experiment.svm);
    let folds = data.division.folds();
    let (mut reductions, mut classifiers, mut selections) = (Vec::new(), Vec::new(), Vec::new());
    for fold in 0..folds {
        let label = |stage: &str| format!("{stage} {name} fold {fold}");
        let reduction = FitPca {
            features,
            products,
            split,
            fold,
            level: level(pca.components, pca.solver, shared.components),
            fit_on_all: pca.fit == PcaFit::All,
            solver: pca.solver,
            code: pca_code(pca.solver),
        };
        let reduction = graph.add(label("fit-pca"), reduction);
        let c = match &svm.c {
            Penalty::Fixed(c) => PenaltyOf::Experiment(*c),
            Penalty::InnerCrossValidation { candidates, folds } => {
                let select = SelectPenalty {
                    manifest,
                    features,
                    products,
                    split,
                    fold,
                    candidates: candidates.clone(),
                    inner_folds: *folds,
                    stratified: experiment.split.stratified,
                    grouped: experiment.split.grouped,
                    seed: experiment.seed.of_repeat(repeat),
                    components: pca.components,
                    pca_solver: pca.solver,
                    class_weight: svm.class_weight,
                    scale: svm.scale,
                    solver: svm.solver,
                    code: svm_code(svm.solver),
                };
                let selection = graph.add(label("select-penalty"), select);
                selections.push(selection);
                PenaltyOf::Selection(selection)
            }
        };
        fits.push(FitInputs {
            method: method.name.clone(),
            repeat,
            fold,
            manifest,
            split,
            reduction,
            components: pca.components,
            c: c.clone(),
            class_weight: svm.class_weight,
            scale: svm.scale,
        });
        let (together, at) = shared.trained(pca.components);
        let tried = together.into_iter().map(|components| Tried { components, c: c.clone() }).collect();
        let train = TrainSvm {
            manifest,
            split,
            reduction,
            tried,
            fold,
            class_weight: svm.class_weight,
            scale: svm.scale,
            solver: svm.solver,
            code: svm_code(svm.solver),
        };
        let trained = graph.add(label("train-svm"), train);
        reductions.push(reduction);
        classifiers.push(Fitted { classifiers: trained, at });
    }
    let evaluate = Evaluate {
        manifest,
        split,
        reductions,
        components: pca.components,
        classifiers: classifiers.clone(),
    };
    let predictions = graph.add(format!("evaluate {name}"), evaluate);
    Repeat { predictions, classifiers, selections }
}
