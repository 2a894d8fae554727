//! `[[method]]`: what is compared, one bar each.

use std::collections::BTreeSet;

use figment::value::Value;

use super::experiment::{Classifier, Cnn, Features, Labels, Method, Trainings};
use super::names::{number, one_of};
use super::section::Section;
use super::setting::Shown;
use super::training_layers;
use crate::images::{Filter, Fit};
use crate::networks::{ChannelOrder, Input, Layer, NETWORKS, NetworkCard, Precision};
use crate::types::Emotion;

#[derive(Clone, Copy, PartialEq)]
enum Variant {
    ImageNetCnn,
    FineTuned,
    NoisyFineTuned,
    Precomputed,
}

const VARIANTS: [(&str, Variant); 4] = [
    ("imagenet-cnn", Variant::ImageNetCnn),
    ("fine-tuned", Variant::FineTuned),
    ("noisy-fine-tuned", Variant::NoisyFineTuned),
    ("precomputed", Variant::Precomputed),
];
const CLASSIFIERS: [(&str, Classifier); 2] = [("svm", Classifier::Svm), ("network", Classifier::Network)];
const CNN_KEYS: [&str; 6] = ["network", "layer", "weights", "fit", "filter", "precision"];
const MODULE_KEYS: [&str; 6] = ["width", "input", "resize", "order", "mean", "std"];
const PRECISIONS: [(&str, Precision); 2] = [("f32", Precision::F32), ("bf16", Precision::Bf16)];
const ORDERS: [(&str, ChannelOrder); 2] = [("rgb", ChannelOrder::Rgb), ("bgr", ChannelOrder::Bgr)];

pub(super) fn read(top: &Section<'_>) -> Vec<Method> {
    let tables = top.tables("method");
    if tables.is_empty() && !top.has("method") {
        top.refuse(
            "method",
            "there is no `[[method]]`".to_owned(),
            "expected one `[[method]]` per bar of the figure",
        );
    }
    let mut methods: Vec<Method> = Vec::new();
    for table in tables {
        if let Some((method, named)) = method(&table) {
            if methods.iter().any(|other| other.name == method.name) {
                let message = format!("two methods are called `{}`", method.name);
                let label = "give each a `name` of its own";
                table.refuse(if named { "name" } else { "variant" }, message, label);
            }
            methods.push(method);
        }
        table.end();
    }
    methods
}

/// A fine-tuned network needs its table, and the layers that the table names.
pub(super) fn need_trainings(top: &Section<'_>, methods: &[Method], trainings: &Trainings) {
    let mut checked = BTreeSet::new();
    for method in methods {
        let Features::Cnn(Cnn { training: Some(labels), network, .. }) = &method.features else { continue };
        let (all, variant) = (top.table("training"), labels.variant());
        if let Some(training) = trainings.with(*labels) {
            if checked.insert((network.name, variant)) {
                training_layers::check(&all.table(variant), network, &training.recipe);
            }
        } else if !all.has(variant) {
            // A table with problems of its own has told them.
            let message = format!("`{}` has nothing to be trained on", method.name);
            top.refuse("method", message, &format!("expected a table `[{}]`", labels.table()));
        }
    }
}

fn method(table: &Section<'_>) -> Option<(Method, bool)> {
    let variant = table.choice("variant", "Where the features come from.", &VARIANTS).required();
    let name = table.text("name", "Label of the bar.").optional();
    let named = name.is_some();
    let Some(variant) = variant else {
        without_variant(table);
        return None;
    };
    match variant {
        Variant::ImageNetCnn => {
            table.belongs_elsewhere(&["features", "classifier"], "variant", "`variant = \"imagenet-cnn\"`");
            let features = Features::Cnn(cnn(table, None, Classifier::Svm)?);
            let name = name.unwrap_or_else(|| "ImageNet-CNN".to_owned());
            Some((Method { name, features, classifier: Classifier::Svm }, named))
        }
        Variant::FineTuned | Variant::NoisyFineTuned => {
            table.belongs_elsewhere(&["features"], "variant", "a fine-tuned network");
            let classifier = table.choice("classifier", "What tells the emotion.", &CLASSIFIERS);
            let classifier = classifier.or(Classifier::Svm);
            let (labels, default) = match variant {
                Variant::FineTuned => (Labels::Strong, "Fine-tuned-CNN"),
                _ => (Labels::Weak, "Noisy-Fine-tuned-CNN"),
            };
            let features = Features::Cnn(cnn(table, Some(labels), classifier)?);
            let name = name.unwrap_or_else(|| default.to_owned());
            Some((Method { name, features, classifier }, named))
        }
        Variant::Precomputed => {
            table.belongs_elsewhere(&CNN_KEYS, "variant", "`variant = \"precomputed\"`");
            table.belongs_elsewhere(&MODULE_KEYS, "variant", "`variant = \"precomputed\"`");
            table.belongs_elsewhere(&["classifier"], "variant", "`variant = \"precomputed\"`");
            let file = table
                .path("features", "A matrix [n, d], row i = manifest row i: .npy, .safetensors or .parquet.");
            let file = file.required()?;
            if !crate::dataset::feature_file::is_known(&file) {
                let message = format!("`{}` is of no kind that features are read from", file.display());
                table.refuse(
                    "features",
                    message,
                    "expected a file that ends in .npy, .safetensors or .parquet",
                );
            }
            let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let name = name.or(stem).unwrap_or_default();
            let features = Features::Precomputed { file };
            Some((Method { name, features, classifier: Classifier::Svm }, named))
        }
    }
}

/// Checks what can be checked of a method whose variant is missing or wrong.
fn without_variant(table: &Section<'_>) {
    table.pass_over(&["features", "classifier"]);
    if table.has("features") {
        table.pass_over(&CNN_KEYS);
        table.pass_over(&MODULE_KEYS);
    } else {
        cnn(table, None, Classifier::Svm);
    }
}

fn cnn(table: &Section<'_>, training: Option<Labels>, classifier: Classifier) -> Option<Cnn> {
    let network = network(table);
    let weights = table.path("weights", "Weights file; by default the one that set-up fetched.").optional();
    let fit = table.choice("fit", "How an image meets the input size.", &Fit::NAMES).or(Fit::Crop);
    let filter = table.choice("filter", "The resampling filter.", &Filter::NAMES).or(Filter::Bicubic);
    let precision =
        table.choice("precision", "The number format in which it runs.", &PRECISIONS).or(Precision::F32);
    let Some(network) = network else {
        table.pass_over(&["layer"]);
        table.pass_over(&MODULE_KEYS);
        return None;
    };
    let outputs = training.map(|_| Emotion::ALL.len());
    let (input, layer) = if network.architecture.is_some() {
        table.belongs_elsewhere(&MODULE_KEYS, "network", &format!("`network = \"{}\"`", network.name));
        let layer = if classifier == Classifier::Network {
            table.belongs_elsewhere(&["layer"], "classifier", "`classifier = \"network\"`");
            network.logits(outputs)?
        } else {
            layer(table, network, outputs)?
        };
        (network.input, layer)
    } else {
        if training.is_some() {
            let message = "a TorchScript module cannot be fine-tuned".to_owned();
            table.refuse("network", message, "choose a network of emolab's own");
        }
        table.belongs_elsewhere(&["layer"], "network", &format!("`network = \"{}\"`", network.name));
        module(table, network)?
    };
    if weights.is_none() && network.weights.is_none() && !table.has("weights") {
        let message = format!("`{}` comes without weights", network.name);
        let label = format!("name a file as `weights`: {}", network.weights_source);
        table.refuse("network", message, &label);
    }
    Some(Cnn { network, input, layer, weights, training, fit, filter, precision })
}

fn network(table: &Section<'_>) -> Option<&'static NetworkCard> {
    let names = || NETWORKS.iter().map(|card| card.name);
    let mut field = table.field(
        "network",
        "The network.",
        serde_json::json!({"enum": names().collect::<Vec<_>>()}),
        move |value| value.as_str().and_then(NetworkCard::find).ok_or_else(|| one_of(names())),
        |card: &&NetworkCard| Shown::Text(card.name.to_owned()),
    );
    field.names = names().collect();
    if table.has("network") { field.optional() } else { Some(field.or(NETWORKS.first()?)) }
}

fn layer(table: &Section<'_>, network: &'static NetworkCard, outputs: Option<usize>) -> Option<Layer> {
    let layers = network.layers(outputs);
    let default = network.layer(network.feature, outputs)?;
    let field = table.field(
        "layer",
        "Which layer's activations are the features; by default the one before the classifier.",
        serde_json::json!({"type": "string"}),
        move |value| {
            let found = value.as_str().and_then(|text| layers.iter().find(|layer| layer.name == text));
            let names = || layers.iter().map(|layer| layer.name);
            found.copied().ok_or_else(|| format!("a layer of {}: {}", network.name, one_of(names())))
        },
        |layer: &Layer| Shown::Text(layer.name.to_owned()),
    );
    Some(field.or(default))
}

/// What a TorchScript module does not say of itself.
fn module(table: &Section<'_>, network: &NetworkCard) -> Option<(Input, Layer)> {
    let width = table.integer("width", "Numbers per image that the module puts out.", 1, 1 << 24).required();
    let default = network.input;
    let side = table.integer("input", "Side of its square input in pixels.", 1, 4096);
    let side = side.or(i64::from(default.side)) as u32;
    let resize = table.integer("resize", "Length of the shorter side before the central crop.", 1, 8192);
    let resize = resize.or(i64::from(side)) as u32;
    if resize < side {
        let message = format!("a crop of {side} pixels does not fit into {resize}");
        table.refuse("resize", message, "expected at least `input`");
    }
    let order = table.choice("order", "Order of the colour channels.", &ORDERS).or(ChannelOrder::Rgb);
    let mean = channels(table, "mean", "Subtracted from each channel, on the scale of 0 to 1.", 0.0);
    let std =
        channels(table, "std", "Each channel is divided by it, on the scale of 0 to 1.", f32::MIN_POSITIVE);
    let mean = mean.map_or(default.mean, |mean| mean.map(|value| 255.0 * value));
    let scale = std.map_or(default.scale, |std| std.map(|value| 255.0 * value));
    let input = Input { side, resize, order, mean, scale };
    Some((input, Layer { name: network.feature, width: width? as usize }))
}

fn channels(table: &Section<'_>, key: &'static str, help: &'static str, least: f32) -> Option<[f32; 3]> {
    let shape =
        serde_json::json!({"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3});
    let read = move |value: &Value| {
        let items = value.as_array().unwrap_or_default();
        let numbers: Option<Vec<f32>> = items.iter().map(|item| number(item).map(|n| n as f32)).collect();
        let numbers = numbers.filter(|numbers| numbers.iter().all(|n| n.is_finite() && *n >= least));
        let expected =
            || if least > 0.0 { "three numbers above 0" } else { "three numbers, 0 or more" }.to_owned();
        <[f32; 3]>::try_from(numbers.unwrap_or_default()).map_err(|_| expected())
    };
    let show = |values: &[f32; 3]| Shown::Text(format!("{values:?}"));
    table.field(key, help, shape, read, show).optional()
}
