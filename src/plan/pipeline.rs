//! The stages of an experiment, wired: read this to see what runs.

use super::graph::Graph;
use super::sources::{self, Found};
use super::{FitInputs, Places, PlanError, weights_path};
use crate::config::Experiment;
use crate::config::experiment::{
    Cnn, Features as FeaturesOf, Method, OnBadImage, PcaFit, Penalty, SplitKind,
};
use crate::dataset::card;
use crate::images::{self, Preprocess};
use crate::networks::Device;
use crate::solvers::pca::{Keep, PcaSolver};
use crate::solvers::svm::SvmSolver;
use crate::stage::Handle;
use crate::stages::evaluate::Evaluate;
use crate::stages::extract::{ExtractFeatures, Extraction};
use crate::stages::features::Features;
use crate::stages::inspect::{Decoding, InspectImages, Manifest};
use crate::stages::list::{ListImages, Listing};
use crate::stages::pca::{FitPca, level};
use crate::stages::read_features::ReadFeatures;
use crate::stages::report::{Entry, MakeReport, Report};
use crate::stages::select::SelectPenalty;
use crate::stages::split::{Division, Split, SplitImages};
use crate::stages::svm::{PenaltyOf, TrainSvm};
use crate::store::{Store, key};
use crate::types::{Digest, Emotion};

/// Which code finds components, and its version.
fn pca_code(solver: PcaSolver) -> &'static str {
    match solver {
        PcaSolver::Auto | PcaSolver::Exact | PcaSolver::Randomized => "emolab 1 on faer 0.24",
        PcaSolver::Linfa => "linfa-reduction 0.8.1",
    }
}

/// Which code trains machines, and its version.
fn svm_code(solver: SvmSolver) -> &'static str {
    match solver {
        SvmSolver::InteriorPoint => "emolab 1 on faer 0.24",
        SvmSolver::Linfa => "linfa-svm 0.8.1",
    }
}

pub(super) struct Built {
    pub report: Handle<Report>,
    pub notices: Vec<String>,
    pub stand_in: Option<String>,
    pub data: Digest,
    pub fits: Vec<FitInputs>,
}

struct Data {
    listing: Handle<Listing>,
    manifest: Handle<Manifest>,
    split: Handle<Split>,
    folder: std::path::PathBuf,
    is_drawn: bool,
}

pub(super) fn build(
    graph: &mut Graph,
    experiment: &Experiment,
    store: &Store,
    places: &Places,
) -> Result<Built, PlanError> {
    let dataset = &experiment.dataset;
    let card = card::find(&dataset.name, Some(&places.project.join("datasets")))?;
    let read_images = experiment.methods.iter().any(|method| matches!(method.features, FeaturesOf::Cnn(_)));
    let title = card.as_ref().map_or_else(|| dataset.name.clone(), |card| card.title.clone());
    let mut notices = Vec::new();

    let found = sources::find(dataset, card.as_ref(), read_images, store, places)?;
    let (listing, folder, stand_in, data) = match found {
        Found::Real { listing, folder } => {
            if let Some(card) = &card {
                notices.extend(differences(card, &listing));
            }
            let data = listing.digest();
            let listing = graph.add("list-images", ListImages::new(&dataset.name, listing));
            (listing, folder, None, data)
        }
        Found::StandIn(drawing) => {
            let data = key::digest(serde_json::json!(&drawing).to_string().as_bytes());
            let listing = graph.add("draw-stand-in", drawing);
            (listing, std::path::PathBuf::new(), Some(format!("stand-in images, not {title}")), data)
        }
    };
    let is_drawn = stand_in.is_some();
    let decode = read_images.then_some(Decoding { max_pixels: dataset.max_pixels, decoder: images::DECODER });
    let skip_bad = dataset.on_bad_image == OnBadImage::Skip;
    let inspect = InspectImages { listing, decode, skip_bad, folder: folder.clone() };
    let manifest = graph.add("inspect-images", inspect);
    let split = graph.add("split-images", split_stage(experiment, manifest));
    let data_stages = Data { listing, manifest, split, folder, is_drawn };

    let (mut entries, mut fits) = (Vec::new(), Vec::new());
    for method in &experiment.methods {
        let features = features(graph, experiment, method, &data_stages, store, places)?;
        entries.push(classify(graph, experiment, method, &data_stages, features, &mut fits));
    }
    let leak = (experiment.pca.fit == PcaFit::All)
        .then(|| "PCA fitted on all images: the test images leak into it".to_owned());
    notices.extend(leak.clone());
    let report = MakeReport {
        manifest,
        split,
        methods: entries,
        title: experiment.title.clone(),
        number: experiment.figure.number,
        dataset: title,
        protocol: protocol(experiment),
        stand_in: stand_in.clone(),
        leak,
        min_per_class: dataset.min_per_class,
    };
    Ok(Built { report: graph.add("report", report), notices, stand_in, data, fits })
}

fn split_stage(experiment: &Experiment, manifest: Handle<Manifest>) -> SplitImages {
    let division = match experiment.split.kind {
        SplitKind::KFold { folds } => Division::KFold { folds },
        SplitKind::Holdout { train, test, validation } => Division::Holdout { train, test, validation },
    };
    SplitImages {
        manifest,
        division,
        stratified: experiment.split.stratified,
        grouped: experiment.split.grouped,
        min_per_class: experiment.dataset.min_per_class,
        seed: experiment.seed,
    }
}

fn features(
    graph: &mut Graph,
    experiment: &Experiment,
    method: &Method,
    data: &Data,
    store: &Store,
    places: &Places,
) -> Result<Handle<Features>, PlanError> {
    match &method.features {
        FeaturesOf::Precomputed { file } => {
            if data.is_drawn {
                return Err(PlanError::FeaturesOfStandIn);
            }
            let path = places.project.join(file);
            let missing = |_| PlanError::NoFeatures { method: method.name.clone(), path: path.clone() };
            let content = store.hints().digest(&path).map_err(missing)?.digest;
            let stage = ReadFeatures { manifest: data.manifest, content, file: path };
            Ok(graph.add(format!("read-features {}", method.name), stage))
        }
        FeaturesOf::Cnn(cnn) => {
            let stage = extract(experiment, cnn, data, store, places)?;
            Ok(graph.add(format!("extract-features {}", method.name), stage))
        }
    }
}

fn extract(
    experiment: &Experiment,
    cnn: &Cnn,
    data: &Data,
    store: &Store,
    places: &Places,
) -> Result<ExtractFeatures, PlanError> {
    let network = cnn.network.name;
    if cfg!(not(feature = "torch")) {
        return Err(PlanError::WithoutTorch { network });
    }
    let path = weights_path(cnn.network, cnn.weights.as_deref(), places);
    let origin = cnn.network.weights_source;
    let path = path.ok_or(PlanError::NoPublishedWeights { network, origin })?;
    let missing = |_| PlanError::NoWeights { network, path: path.clone() };
    let weights = store.hints().digest(&path).map_err(missing)?.digest;
    let (size, resize) = (cnn.input.side, cnn.input.resize);
    let extraction = Extraction {
        network,
        layer: cnn.layer.name,
        width: cnn.layer.width,
        input: cnn.input,
        precision: cnn.precision,
        weights,
        preprocess: Preprocess { size, resize, fit: cnn.fit, filter: cnn.filter },
        images: images::VERSION,
        libtorch: env!("BUILT_LIBTORCH_VERSION"),
        device: device_kind(experiment.device)?,
    };
    Ok(ExtractFeatures {
        manifest: data.manifest,
        listing: data.listing,
        extractor: extraction.extractor(),
        extraction,
        folder: data.folder.clone(),
        weights_file: path,
        device: experiment.device,
        max_pixels: experiment.dataset.max_pixels,
    })
}

/// PCA and SVM of every fold, and what they predict.
fn classify(
    graph: &mut Graph,
    experiment: &Experiment,
    method: &Method,
    data: &Data,
    features: Handle<Features>,
    fits: &mut Vec<FitInputs>,
) -> Entry {
    let Data { manifest, split, .. } = *data;
    let (pca, svm) = (experiment.pca, &experiment.svm);
    let folds = split_stage(experiment, manifest).division.folds();
    let (mut reductions, mut classifiers, mut selections) = (Vec::new(), Vec::new(), Vec::new());
    for fold in 0..folds {
        let label = |stage: &str| format!("{stage} {} fold {}", method.name, fold + 1);
        let reduction = FitPca {
            features,
            split,
            fold,
            level: level(pca.components, pca.solver),
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
                    split,
                    fold,
                    candidates: candidates.clone(),
                    inner_folds: *folds,
                    stratified: experiment.split.stratified,
                    grouped: experiment.split.grouped,
                    seed: experiment.seed,
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
        let train = TrainSvm {
            manifest,
            features,
            split,
            reduction,
            components: pca.components,
            fold,
            c,
            class_weight: svm.class_weight,
            scale: svm.scale,
            solver: svm.solver,
            code: svm_code(svm.solver),
        };
        let classifier = graph.add(label("train-svm"), train);
        fits.push(FitInputs {
            method: method.name.clone(),
            fold,
            manifest,
            features,
            split,
            reduction,
            components: pca.components,
            classifier,
            class_weight: svm.class_weight,
            scale: svm.scale,
        });
        reductions.push(reduction);
        classifiers.push(classifier);
    }
    let evaluate = Evaluate {
        manifest,
        features,
        split,
        reductions,
        components: pca.components,
        classifiers: classifiers.clone(),
    };
    let predictions = graph.add(format!("evaluate {}", method.name), evaluate);
    Entry { name: method.name.clone(), predictions, classifiers, selections }
}

/// CUDA and CPU give different bytes, so the kind of device is part of a feature's key.
fn device_kind(device: Device) -> Result<&'static str, PlanError> {
    let has_cuda = env!("BUILT_LIBTORCH_CUDA") == "1";
    match device {
        Device::Cpu => Ok("cpu"),
        Device::Cuda(_) if !has_cuda => Err(PlanError::NoCuda { device: device.to_string() }),
        Device::Cuda(_) => Ok("cuda"),
        Device::Auto => {
            let has_gpu = has_cuda && std::path::Path::new("/dev/nvidiactl").exists();
            Ok(if has_gpu { "cuda" } else { "cpu" })
        }
    }
}

/// One line under the figure's title.
fn protocol(experiment: &Experiment) -> String {
    let split = match experiment.split.kind {
        SplitKind::KFold { folds } => format!("{folds}-fold cross validation"),
        SplitKind::Holdout { train, test, validation } => {
            format!("holdout {:.0}/{:.0}/{:.0} %", train * 100.0, test * 100.0, validation * 100.0)
        }
    };
    let grouped = if experiment.split.grouped { ", groups kept together" } else { "" };
    let components = match experiment.pca.components {
        Keep::Count(count) => format!("{count} components"),
        Keep::Variance(share) => format!("{}% of the variance", share * 100.0),
    };
    let chosen = match experiment.svm.c {
        Penalty::Fixed(_) => "",
        Penalty::InnerCrossValidation { .. } => ", C chosen inside the training folds",
    };
    format!("{split}{grouped}; PCA to {components}, linear SVM one against all{chosen}")
}

fn differences(card: &card::Card, listing: &Listing) -> Option<String> {
    let mut found = [0; 8];
    for image in &listing.images {
        if let Some(emotion) = Emotion::from_name(&image.label) {
            found[emotion.index()] += 1;
        }
    }
    let differences = card.differences(&found);
    let parts: Vec<String> = differences
        .iter()
        .map(|difference| {
            format!("{} {} (card: {})", difference.emotion, difference.found, difference.expected)
        })
        .collect();
    (!parts.is_empty())
        .then(|| format!("class counts differ from the card of {}: {}", card.title, parts.join(", ")))
}
