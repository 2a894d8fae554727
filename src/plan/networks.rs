//! The stages of a network: fine-tuning, and reading features out.

use super::data::{self, Data, Splitting};
use super::graph::Graph;
use super::{Places, PlanError, weights_path};
use crate::config::Experiment;
use crate::config::experiment::{Cnn, Dataset, Features as FeaturesOf, Labels, Method, Training};
use crate::images::{self, Preprocess};
use crate::networks::Device;
use crate::stage::Handle;
use crate::stages::extract::{ExtractFeatures, Extraction, Weights};
use crate::stages::features::Features;
use crate::stages::fine_tune::{FineTune, Trained};
use crate::stages::overlap::{CheckOverlap, EvaluatedOn, Overlap, TrainedOn};
use crate::stages::split::Division;
use crate::stages::training_images::{Excluded, TrainingImages};
use crate::store::Store;

/// A network in the graph.
pub(super) struct Network {
    pub features: Handle<Features>,
    pub training: Option<TrainedNetwork>,
}

/// A fine-tuned network in the graph.
pub(super) struct TrainedNetwork {
    pub trained: Handle<Trained>,
    pub overlap: Handle<Overlap>,
    /// Said everywhere when it was trained on drawings.
    pub stand_in: Option<String>,
    pub notices: Vec<String>,
}

/// Adds what gives a method's features.
pub(super) fn add(
    graph: &mut Graph,
    experiment: &Experiment,
    (method, cnn): (&Method, &Cnn),
    data: &Data,
    (store, places): (&Store, &Places),
) -> Result<Network, PlanError> {
    let network = cnn.network.name;
    if cfg!(not(feature = "torch")) {
        return Err(PlanError::WithoutTorch { network });
    }
    let path = weights_path(cnn.network, cnn.weights.as_deref(), places);
    let origin = cnn.network.weights_source;
    let path = path.ok_or(PlanError::NoPublishedWeights { network, origin })?;
    let missing = |_| PlanError::NoWeights { network, path: path.clone() };
    let digest = store.hints().digest(&path).map_err(missing)?.digest;
    let device = device_kind(experiment.device)?;

    let mut weights = Weights::File(digest);
    let mut training = None;
    if let Some((labels, recipe)) =
        cnn.training.and_then(|labels| Some((labels, experiment.trainings.with(labels)?)))
    {
        let context = (store, places);
        let mut own = training_data(graph, experiment, (recipe, labels), context)?;
        let corpus = TrainingImages {
            manifest: own.images.manifest,
            split: own.split,
            excluded: excluded(graph, experiment, recipe, &mut own, context)?,
            max_per_class: recipe.max_per_class,
            seed: recipe.seed,
        };
        // Before the training: it takes seconds.
        let hashes = data.images.hashes(graph);
        let overlap = CheckOverlap {
            trained: TrainedOn { corpus, hashes: own.images.hashes(graph) },
            evaluated: EvaluatedOn { manifest: data.images.manifest, split: data.split, hashes },
            groups: own.same_groups(data),
            near_duplicate_distance: experiment.split.near_duplicate_distance,
            allow: recipe.allow_overlap,
            method: method.name.clone(),
        };
        let overlap = graph.add(format!("check-overlap {}", method.name), overlap);
        let trained = fine_tune(experiment, cnn, recipe, (&own, corpus), (digest, device, path.clone()));
        let trained = graph.add(format!("fine-tune {}", method.name), trained);
        let stand_in = own
            .stand_in
            .as_ref()
            .map(|_| format!("{} trained on stand-in images, not {}", method.name, own.title));
        weights = Weights::Trained(trained);
        training = Some(TrainedNetwork { trained, overlap, stand_in, notices: own.notices });
    }

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
        device,
    };
    let extract = ExtractFeatures {
        manifest: data.images.manifest,
        listing: data.images.listing,
        extractor: extraction.extractor(),
        extraction,
        folder: data.images.folder.clone(),
        weights_file: path,
        device: experiment.device,
        max_pixels: experiment.dataset.max_pixels,
    };
    // A map reads another layer out than the one that the method classifies by.
    let is_own = matches!(&method.features, FeaturesOf::Cnn(own) if own.layer == cnn.layer);
    let layer = if is_own { String::new() } else { format!(" ({})", cnn.layer.name) };
    let label = format!("extract-features {}{layer}", method.name);
    Ok(Network { features: graph.add(label, extract), training })
}

/// The images of a training.
fn training_data(
    graph: &mut Graph,
    experiment: &Experiment,
    (training, labels): (&Training, Labels),
    context: (&Store, &Places),
) -> Result<Data, PlanError> {
    let splitting = Splitting {
        division: Division::Holdout {
            // As an experiment's own holdout of the same fractions has it.
            train: round(1.0 - training.test - training.validation),
            test: training.test,
            validation: training.validation,
        },
        repeats: 1,
        stratified: true,
        grouped: true,
        seed: training.seed,
        table: labels.table(),
        // As the experiment's own split has it, so that the two agree where the data set is the same.
        leakage: experiment.split.leakage,
        near_duplicate_distance: experiment.split.near_duplicate_distance,
    };
    let label = match labels {
        Labels::Strong => " (fine-tuning)",
        Labels::Weak => " (noisy fine-tuning)",
    };
    Data::add(graph, &training.dataset, splitting, true, label, context)
}

/// Without the last bits that subtraction leaves: 0.8, not 0.7999999999999999.
fn round(share: f64) -> f64 {
    (share * 1e9).round() / 1e9
}

/// The images that must be neither trained on nor validated on. None where they are not here and the training's own are
/// drawings: nobody submitted those, and the weak labels' share no code point with the strong ones'.
fn excluded(
    graph: &mut Graph,
    experiment: &Experiment,
    training: &Training,
    own: &mut Data,
    context: (&Store, &Places),
) -> Result<Option<Excluded>, PlanError> {
    const LABEL: &str = " (excluded)";
    let Some(root) = &training.exclude else { return Ok(None) };
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let dataset = Dataset { name, root: root.clone(), stand_in: None, ..training.dataset.clone() };
    let source = match data::source(graph, &dataset, true, LABEL, context) {
        Ok(source) => source,
        Err(PlanError::NoDataset { path, .. }) if own.stand_in.is_some() => {
            own.notices.push(format!(
                "nothing is excluded from the training on {}: `{}` is not there, and none of the drawings was submitted \
                 for labelling",
                own.data_set(),
                path.display()
            ));
            return Ok(None);
        }
        Err(PlanError::NoDataset { name, path, .. }) => {
            let hint =
                "put the images that were submitted for labelling there, or leave out `exclude`".to_owned();
            return Err(PlanError::NoDataset { name, path, hint });
        }
        Err(error) => return Err(error),
    };
    Ok(Some(Excluded {
        manifest: source.manifest,
        hashes: source.images(&dataset, LABEL).hashes(graph),
        own_hashes: own.images.hashes(graph),
        near_duplicate_distance: experiment.split.near_duplicate_distance,
    }))
}

fn fine_tune(
    experiment: &Experiment,
    cnn: &Cnn,
    training: &Training,
    (data, corpus): (&Data, TrainingImages),
    (weights, device, weights_file): (crate::types::Digest, &'static str, std::path::PathBuf),
) -> FineTune {
    let size = training.working_size.unwrap_or(cnn.input.resize).max(cnn.input.side);
    FineTune {
        corpus,
        listing: data.images.listing,
        network: cnn.network.name,
        input: cnn.input,
        weights,
        recipe: training.recipe.clone(),
        preprocess: Preprocess { size, resize: size, fit: cnn.fit, filter: cnn.filter },
        images: images::VERSION,
        libtorch: env!("BUILT_LIBTORCH_VERSION"),
        device,
        precision: cnn.precision,
        threads: training.threads,
        folder: data.images.folder.clone(),
        weights_file,
        asked_device: experiment.device,
        max_pixels: training.dataset.max_pixels,
        checkpoint_seconds: training.checkpoint_seconds,
    }
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
