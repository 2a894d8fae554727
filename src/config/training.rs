//! `[training.fine-tuned]` and `[training.noisy-fine-tuned]`: what networks are fine-tuned on, and how.

use std::collections::BTreeMap;

use figment::value::Value;

use super::experiment::{Dataset, Labels, OnBadImage, Training, Trainings};
use super::field::Field;
use super::names::{above_0, from_0, show_value};
use super::section::Section;
use super::setting::Shown;
use super::tables;
use crate::images::augment::Crop;
use crate::networks::recipe::{Length, MIXUP, Optimizer, Preset, Recipe, Schedule};
use crate::types::Seed;

const ON_BAD_IMAGE: [(&str, OnBadImage); 2] = [("stop", OnBadImage::Stop), ("skip", OnBadImage::Skip)];

pub(super) fn read(table: Section<'_>, seed: Seed) -> Trainings {
    let one = |key| {
        let is_there = table.has(key);
        let inner = table.table(key);
        is_there.then(|| training(inner, seed)).flatten()
    };
    let trainings =
        Trainings { fine_tuned: one(Labels::Strong.variant()), noisy: one(Labels::Weak.variant()) };
    table.end();
    trainings
}

fn training(table: Section<'_>, seed: Seed) -> Option<Training> {
    let name = table.text("dataset", "Name of the data set's card, or any name.").required();
    let root = table.path("root", "A folder per emotion, or a manifest.").required();
    let stand_in = tables::stand_in(&table, name.as_deref().unwrap_or_default());
    let exclude =
        table.path("exclude", "A data set whose images are not trained on: those submitted for labelling.");
    let exclude = exclude.optional();
    let on_bad_image = table.choice("on_bad_image", "What an unreadable image does.", &ON_BAD_IMAGE);
    let on_bad_image = on_bad_image.or(OnBadImage::Stop);
    let max_pixels = table.integer("max_pixels", "Images with more pixels are refused unread.", 1, i64::MAX);
    let max_pixels = max_pixels.or(100_000_000) as u64;
    let test = table.fraction("test", "Share of images kept for tests: not trained on.").or(0.15);
    let validation = table.fraction("validation", "Share on which the best epoch is chosen.").or(0.05);
    if test + validation >= 1.0 {
        let message = "nothing is left to train on".to_owned();
        table.refuse("test", message, "test and validation must sum to less than 1");
    }
    let min_per_class =
        table.integer("min_per_class", "Classes with fewer images are left out.", 0, i64::MAX).or(10);
    let max_per_class =
        table.integer("max_per_class", "Images of a class that are drawn, at most.", 1, i64::MAX).optional();
    let seed = table.integer("seed", "Seed of split, order and alterations.", 0, i64::MAX).or(seed.0 as i64);
    let allow_overlap = table
        .flag("allow_overlap", "Evaluate on images that were trained on; every figure then says so.")
        .or(false);
    let working_size =
        table.integer("working_size", "Side of the decoded squares that crops are made from.", 8, 4096);
    let working_size = working_size.optional().map(|size| size as u32);
    let threads = table
        .integer("threads", "Threads of libtorch, which then are part of the result's key.", 1, 1024)
        .optional()
        .map(|threads| threads as usize);
    let minutes = table.integer("checkpoint_minutes", "Time between checkpoints within an epoch.", 1, 1440);
    let checkpoint_seconds = 60 * minutes.or(10) as u64;
    let recipe = recipe(&table, validation > 0.0);
    table.end();
    let dataset = Dataset {
        name: name?,
        root: root?,
        stand_in,
        min_per_class: min_per_class as usize,
        on_bad_image,
        max_pixels,
    };
    Some(Training {
        dataset,
        exclude,
        test,
        validation,
        max_per_class: max_per_class.map(|most| most as usize),
        seed: Seed(seed as u64),
        allow_overlap,
        working_size,
        threads,
        checkpoint_seconds,
        recipe,
    })
}

fn recipe(table: &Section<'_>, has_validation: bool) -> Recipe {
    let preset = table.choice("preset", "The recipe that all below starts from.", &Preset::NAMES);
    let base = preset.or(Preset::Modern).recipe();
    let length = length(table, base.length);
    let batch = table.integer("batch", "Images per step.", 1, 65536).or(base.batch as i64) as usize;
    let optimizer = optimizer(table, base.optimizer);
    let rate = positive(table, "rate", "Base rate.", base.rate);
    let schedule = schedule(table, base.schedule);
    let weight_decay = number_from_0(table, "weight_decay", "Pulls weights to zero.", base.weight_decay);
    let classifier_rate =
        positive(table, "classifier_rate", "Times the base rate: the new last layer.", base.classifier_rate);
    let bias_rate = positive(table, "bias_rate", "Times the layer's rate: biases.", base.bias_rate);
    for (name, value) in table.entries_of("layer_rates").filter(|(_, value)| from_0(value).is_none()) {
        let message = format!("the rate of `{name}` cannot be {}", show_value(value));
        let problem = table.entry_problem("layer_rates", (name, value), false, message);
        table.report(problem.label("expected a number, 0 or more"));
    }
    let layer_rates = table
        .field(
            "layer_rates",
            "Times the base rate, by the beginning of a tensor's name.",
            serde_json::json!({"type": "object", "additionalProperties": {"type": "number", "minimum": 0}}),
            rates,
            |rates: &BTreeMap<String, f64>| Shown::Text(format!("{rates:?}")),
        )
        .optional();
    let freeze_through =
        table.text("freeze_through", "This layer and all before it keep their weights.").optional();
    let help = "Share of the target spread over all classes.";
    let label_smoothing = below_1(table, "label_smoothing", help).or(base.label_smoothing);
    let mixup = mixup(table, base.mixup);
    let balanced = table.flag("balanced", "Every class is seen equally often.").or(base.balanced);
    let augmentation = crate::images::augment::Augmentation {
        crop: crop(table, base.augmentation.crop),
        mirror: table.flag("mirror", "Half of the images are mirrored.").or(base.augmentation.mirror),
        jitter: table
            .fraction("jitter", "Brightness, contrast and saturation change by up to this share.")
            .or(base.augmentation.jitter),
    };
    let dropout =
        below_1(table, "dropout", "Share that dropout drops; the network's own if unset.").optional();
    let patience = table.integer(
        "patience",
        "Ends after so many epochs without a better validation loss.",
        1,
        1_000_000,
    );
    let patience = patience.optional().map(|patience| patience as usize);
    if patience.is_some() && !has_validation {
        let message = "`patience` needs images to validate on".to_owned();
        table.refuse("patience", message, "set `validation` above 0, or leave this out");
    }
    let keep_best = table.flag("keep_best", "Keep the epoch of lowest validation loss, not the last.");
    Recipe {
        length,
        batch,
        optimizer,
        rate,
        schedule,
        weight_decay,
        classifier_rate,
        bias_rate,
        layer_rates: layer_rates.unwrap_or_default(),
        freeze_through,
        label_smoothing,
        mixup,
        balanced,
        augmentation,
        dropout,
        patience,
        keep_best: keep_best.or(base.keep_best),
    }
}

fn length(table: &Section<'_>, base: Length) -> Length {
    let default = match base {
        Length::Epochs(epochs) => epochs as i64,
        Length::Iterations(_) => 20,
    };
    let iterations = table.integer("iterations", "Steps, instead of `epochs`.", 1, 1 << 40).optional();
    match iterations {
        Some(iterations) => {
            table.belongs_elsewhere(&["epochs"], "iterations", "`iterations`");
            Length::Iterations(iterations as usize)
        }
        None => {
            Length::Epochs(table.integer("epochs", "Passes over the images.", 1, 1 << 32).or(default) as usize)
        }
    }
}

const OPTIMIZERS: [(&str, bool); 2] = [("sgd", true), ("adamw", false)];

fn optimizer(table: &Section<'_>, base: Optimizer) -> Optimizer {
    let is_sgd = matches!(base, Optimizer::Sgd { .. });
    if table.choice("optimizer", "How gradients become steps.", &OPTIMIZERS).or(is_sgd) {
        let momentum = below_1(table, "momentum", "Share of the last step that is kept.").or(0.9);
        Optimizer::Sgd { momentum }
    } else {
        table.belongs_elsewhere(&["momentum"], "optimizer", "`optimizer = \"adamw\"`");
        Optimizer::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Constant,
    Step,
    Cosine,
}

const SCHEDULES: [(&str, Kind); 3] =
    [("constant", Kind::Constant), ("step", Kind::Step), ("cosine", Kind::Cosine)];

fn schedule(table: &Section<'_>, base: Schedule) -> Schedule {
    let kind = match base {
        Schedule::Constant => Kind::Constant,
        Schedule::Step { .. } => Kind::Step,
        Schedule::Cosine { .. } => Kind::Cosine,
    };
    let kind = table.choice("schedule", "How the rate changes.", &SCHEDULES).or(kind);
    if kind != Kind::Step {
        table.belongs_elsewhere(&["decay_steps", "decay"], "schedule", "this `schedule`");
    }
    if kind != Kind::Cosine {
        table.belongs_elsewhere(&["warm_up"], "schedule", "this `schedule`");
    }
    match kind {
        Kind::Constant => Schedule::Constant,
        Kind::Step => {
            let steps =
                table.integer("decay_steps", "Equal parts, after each of which the rate decays.", 1, 1000);
            let steps = steps.or(5) as usize;
            let factor = table.fraction("decay", "The rate is multiplied by it after each part.").or(0.1);
            Schedule::Step { steps, factor }
        }
        Kind::Cosine => {
            let warm_up = table.fraction("warm_up", "Share of all steps in which the rate rises.").or(0.1);
            Schedule::Cosine { warm_up }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum CropKind {
    Centre,
    Random,
    Resized,
}

const CROPS: [(&str, CropKind); 3] =
    [("centre", CropKind::Centre), ("random", CropKind::Random), ("resized", CropKind::Resized)];

fn crop(table: &Section<'_>, base: Crop) -> Crop {
    let kind = match base {
        Crop::Centre => CropKind::Centre,
        Crop::Random => CropKind::Random,
        Crop::Resized { .. } => CropKind::Resized,
    };
    match table.choice("crop", "Which part of an image is seen.", &CROPS).or(kind) {
        CropKind::Resized => {
            let least = table.fraction("least_area", "Smallest share of the area that is seen.").or(0.5);
            if least == 0.0 {
                table.refuse("least_area", "a part of no area is nothing".to_owned(), "expected more than 0");
            }
            Crop::Resized { least }
        }
        other => {
            table.belongs_elsewhere(&["least_area"], "crop", "this `crop`");
            if other == CropKind::Centre { Crop::Centre } else { Crop::Random }
        }
    }
}

/// Entries that are no rates are told by the caller.
fn rates(value: &Value) -> Result<BTreeMap<String, f64>, String> {
    let expected = || "a table of numbers, 0 or more, by the beginning of a tensor's name".to_owned();
    let fields = value.as_dict().ok_or_else(expected)?;
    Ok(fields.iter().filter_map(|(name, value)| Some((name.clone(), from_0(value)?))).collect())
}

fn positive(table: &Section<'_>, key: &'static str, help: &'static str, default: f64) -> f64 {
    let shape = serde_json::json!({"type": "number", "exclusiveMinimum": 0});
    let read = |value: &Value| above_0(value).ok_or_else(|| "a number above 0".to_owned());
    table.field(key, help, shape, read, |number| Shown::Number(*number)).or(default)
}

/// A share that must leave something.
fn below_1<'s, 'a>(table: &'s Section<'a>, key: &'static str, help: &'static str) -> Field<'s, 'a, f64> {
    let shape = serde_json::json!({"type": "number", "minimum": 0, "exclusiveMaximum": 1});
    let read = |value: &Value| {
        let share = from_0(value).filter(|share| *share < 1.0);
        share.ok_or_else(|| "a fraction from 0 to below 1".to_owned())
    };
    table.field(key, help, shape, read, |number| Shown::Number(*number))
}

fn mixup(table: &Section<'_>, default: f64) -> f64 {
    let help = "Images are mixed by a share from Beta(m, m); 0 is off.";
    let (low, high) = (*MIXUP.start(), *MIXUP.end());
    let shape =
        serde_json::json!({"anyOf": [{"const": 0}, {"type": "number", "minimum": low, "maximum": high}]});
    let read = move |value: &Value| {
        let m = from_0(value).filter(|m| *m == 0.0 || MIXUP.contains(m));
        m.ok_or_else(|| format!("0, or a number from {low} to {high}"))
    };
    table.field("mixup", help, shape, read, |number| Shown::Number(*number)).or(default)
}

fn number_from_0(table: &Section<'_>, key: &'static str, help: &'static str, default: f64) -> f64 {
    let shape = serde_json::json!({"type": "number", "minimum": 0});
    let read = |value: &Value| from_0(value).ok_or_else(|| "a number, 0 or more".to_owned());
    table.field(key, help, shape, read, |number| Shown::Number(*number)).or(default)
}
