//! The stages of `[embedding]`: a map per method, and the figure of them.

use super::data::Data;
use super::graph::Graph;
use super::{Places, PlanError, networks, pipeline};
use crate::config::Experiment;
use crate::config::experiment::{Classifier, Cnn, Embedding, Features as FeaturesOf};
use crate::images;
use crate::solvers::tsne;
use crate::stage::Handle;
use crate::stages::draw_embedding::DrawEmbedding;
use crate::stages::drawing::Drawing;
use crate::stages::embed::EmbedImages;
use crate::stages::overlap::Overlap;
use crate::store::Store;

/// Adds them where the experiment asks for a map.
pub(super) fn add(
    graph: &mut Graph,
    experiment: &Experiment,
    data: &Data,
    (warnings, overlaps): (&[String], &[(String, Handle<Overlap>)]),
    context: (&Store, &Places),
) -> Result<Vec<Handle<Drawing>>, PlanError> {
    let Some(embedding) = &experiment.embedding else { return Ok(Vec::new()) };
    let Embedding { number, title, components, perplexity, iterations, .. } = embedding;
    let mapped = embedding
        .methods
        .iter()
        .filter_map(|name| experiment.methods.iter().find(|method| method.name == *name));
    let mut embeddings = Vec::new();
    let mut has_images = true;
    for method in mapped {
        let features = match &method.features {
            FeaturesOf::Precomputed { file } => {
                has_images = false;
                pipeline::precomputed(graph, method, file, data, context)?
            }
            FeaturesOf::Cnn(cnn) => {
                let read = if method.classifier == Classifier::Network { deep(cnn) } else { cnn.clone() };
                networks::add(graph, experiment, (method, &read), data, context)?.features
            }
        };
        let stage = EmbedImages {
            features,
            split: data.split,
            components: *components,
            perplexity: *perplexity,
            iterations: *iterations,
            code: tsne::CODE,
            method: method.name.clone(),
        };
        let label = format!("embed-images {}", method.name);
        embeddings.push((method.name.clone(), graph.add(label, stage)));
    }
    let data_set = match &data.stand_in {
        Some(_) => format!("stand-in images for {}", data.title),
        None => data.title.clone(),
    };
    let stage = DrawEmbedding {
        manifest: data.images.manifest,
        listing: has_images.then_some(data.images.listing),
        embeddings,
        title: title.clone().unwrap_or_else(|| experiment.title.clone()),
        number: *number,
        columns: experiment.figure.columns,
        warnings: warnings.to_vec(),
        overlaps: overlaps.iter().filter(|(name, _)| embedding.methods.contains(name)).cloned().collect(),
        data_set,
        images: images::VERSION,
        folder: data.images.folder.clone(),
        max_pixels: experiment.dataset.max_pixels,
    };
    Ok(vec![graph.add("draw-embedding", stage)])
}

/// A network that classifies by itself, read out before its classifier.
fn deep(cnn: &Cnn) -> Cnn {
    let layer = cnn.network.layer(cnn.network.feature, None).unwrap_or(cnn.layer);
    Cnn { layer, ..cnn.clone() }
}
