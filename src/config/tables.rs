//! The tables of an experiment file: one function each, in which every setting is stated once.

use std::path::PathBuf;

use figment::value::Value;

use super::experiment::{
    Dataset, Experiment, Figure, OnBadImage, Pca, PcaFit, Penalty, Split, SplitKind, StandIn, Svm,
};
use super::names::{above_0, nearest, number, one_of, show_value};
use super::section::{Reader, Section};
use super::setting::Shown;
use super::{embedding, methods, training};
use crate::dataset::listing;
use crate::dataset::stand_in::StandInSet;
use crate::figures::Columns;
use crate::networks::Device;
use crate::solvers::pca::{Keep, PcaSolver};
use crate::solvers::scale::Scale;
use crate::solvers::svm::{ClassWeight, SvmSolver};
use crate::stages::leakage::Policy;
use crate::stages::report::FigureKind;
use crate::types::{Bytes, Emotion, Seed};

pub(super) fn read(reader: &Reader<'_>) -> Experiment {
    let top = reader.top();
    let table = top.table("experiment");
    let (name, title, seed) = experiment(table);
    let dataset = dataset(top.table("dataset"));
    let split = split(top.table("split"));
    let methods = methods::read(&top);
    let pca = pca(top.table("pca"));
    let svm = svm(top.table("svm"));
    let trainings = training::read(top.table("training"), seed);
    methods::need_trainings(&top, &methods, &trainings);
    let figure = figure(top.table("figure"));
    let embedding = embedding::read(&top, &methods);
    let compute = top.table("compute");
    let device = compute
        .field(
            "device",
            "Where CNNs run: `auto`, `cpu` or `cuda:N`.",
            serde_json::json!({"type": "string", "pattern": "^(auto|cpu|cuda:[0-9]+)$"}),
            |value| {
                let device = value.as_str().and_then(|text| text.parse().ok());
                device.ok_or_else(|| "`auto`, `cpu` or `cuda:N`".to_owned())
            },
            |device: &Device| Shown::Text(device.to_string()),
        )
        .or(Device::Auto);
    let memory = compute
        .field(
            "memory",
            "Most memory that a run may use, as in `4GiB`.",
            serde_json::json!({"type": "string", "pattern": "^[0-9.]+ ?[GMKgmk]?[iI]?[bB]?$"}),
            |value| {
                let bytes = value.as_str().map(str::parse::<Bytes>);
                let expected = || "a number with a unit, as in \"4GiB\" or \"500MB\"".to_owned();
                bytes.and_then(Result::ok).ok_or_else(expected)
            },
            |bytes: &Bytes| Shown::Text(bytes.to_string()),
        )
        .optional();
    compute.end();
    // Read before, while the layers were gathered.
    top.pass_over(&["extends"]);
    // Read on its own, once it is known what there is to sweep.
    top.take("sweep");
    top.end();
    Experiment {
        name,
        title,
        seed,
        dataset,
        split,
        methods,
        pca,
        svm,
        trainings,
        figure,
        embedding,
        device,
        memory,
    }
}

fn experiment(table: Section<'_>) -> (String, String, Seed) {
    let name = table.field(
        "name",
        "Names the results folder: letters, digits, `-` and `_`.",
        serde_json::json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$"}),
        |value| {
            let fits = |name: &&str| {
                !name.is_empty()
                    && name.len() <= 100
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
                    && *name != crate::figures::FOLDER
            };
            let name = value.as_str().filter(fits);
            name.map(str::to_owned)
                .ok_or_else(|| "letters, digits, `-` and `_`, at most 100, and not `paper`".to_owned())
        },
        |name: &String| Shown::Text(name.clone()),
    );
    let name = name.required().unwrap_or_default();
    let title = table.text("title", "Title of the figure.").or(name.clone());
    let seed = table.integer("seed", "Seed of every random choice.", 0, i64::MAX).or(2016);
    table.end();
    (name, title, Seed(seed as u64))
}

const STAND_INS: [(&str, StandIn); 1] = [("emoji", StandIn::Emoji)];
const ON_BAD_IMAGE: [(&str, OnBadImage); 2] = [("stop", OnBadImage::Stop), ("skip", OnBadImage::Skip)];

/// Drawings, for a data set that there are drawings of.
pub(super) fn stand_in(table: &Section<'_>, dataset: &str) -> Option<StandIn> {
    let stand_in = table.choice("stand_in", "Drawings used when `root` is absent.", &STAND_INS).optional();
    if stand_in.is_some() && !dataset.is_empty() && StandInSet::of_card(dataset).is_none() {
        let message = format!("there are no drawings that stand in for `{dataset}`");
        let known = one_of(StandInSet::ALL.into_iter().map(StandInSet::card));
        table.refuse("stand_in", message, &format!("leave this out; there are some of {known}"));
    }
    stand_in
}

fn dataset(table: Section<'_>) -> Dataset {
    let name = table.text("name", "Name of the data set's card, or any name.").required().unwrap_or_default();
    let root = table.path("root", "A folder per emotion, or a manifest.").optional();
    let manifest = table.path("manifest", "A CSV or Parquet file: path,label[,group].").optional();
    let root = match (root, manifest) {
        (Some(_), Some(_)) => {
            table.refuse(
                "manifest",
                "`root` and `manifest` exclude each other".to_owned(),
                "leave one of them out",
            );
            PathBuf::new()
        }
        (Some(path), None) | (None, Some(path)) => path,
        (None, None) => {
            if !table.has("root") && !table.has("manifest") {
                let expected = "expected `root`, a folder per emotion, or `manifest`, a CSV or Parquet file";
                table.refuse("root", "the data set has no place".to_owned(), expected);
            }
            PathBuf::new()
        }
    };
    if table.has("manifest") && !listing::is_manifest(&root) && !root.as_os_str().is_empty() {
        let message = format!("`{}` is no manifest", root.display());
        table.refuse("manifest", message, "expected a file that ends in .csv or .parquet");
    }
    let stand_in = stand_in(&table, &name);
    let min_per_class = table
        .integer(
            "min_per_class",
            "Classes with fewer images are left out of training and report.",
            0,
            i64::MAX,
        )
        .or(10);
    let on_bad_image =
        table.choice("on_bad_image", "What an unreadable image does.", &ON_BAD_IMAGE).or(OnBadImage::Stop);
    let max_pixels = table
        .integer("max_pixels", "Images with more pixels are refused unread.", 1, i64::MAX)
        .or(100_000_000);
    table.end();
    Dataset {
        name,
        root,
        stand_in,
        min_per_class: min_per_class as usize,
        on_bad_image,
        max_pixels: max_pixels as u64,
    }
}

const SPLIT_KINDS: [(&str, bool); 2] = [("k-fold", true), ("holdout", false)];

/// Of the stand-in's drawings, 99 % of copies that were resized or compressed again are within 7 bits, all pairs within 8 are
/// the same drawing in other colours, and the nearest two of different emotions are 13 apart.
const NEAR_DUPLICATE_DISTANCE: i64 = 8;

fn split(table: Section<'_>) -> Split {
    let cross_validation = table.choice("kind", "Cross validation or one holdout.", &SPLIT_KINDS).or(true);
    let kind = if cross_validation {
        table.belongs_elsewhere(&["train", "test", "validation"], "kind", "`kind = \"k-fold\"`");
        let folds = table.integer("folds", "Number of folds.", 2, 1000).or(5);
        let help = "How often the cross validation is repeated, each time with another seed.";
        let repeats = table.integer("repeats", help, 1, 1000).or(1);
        SplitKind::KFold { folds: folds as usize, repeats: repeats as usize }
    } else {
        table.belongs_elsewhere(&["folds", "repeats"], "kind", "`kind = \"holdout\"`");
        let train = table.fraction("train", "Share of images to train on.").or(0.80);
        let test = table.fraction("test", "Share of images to test on.").or(0.15);
        let validation = table.fraction("validation", "Share kept apart for choosing settings.").or(0.05);
        let sum = train + test + validation;
        if (sum - 1.0).abs() > 1e-6 {
            let message = format!("the fractions of the holdout sum to {sum}");
            table.refuse("train", message, "train, test and validation must sum to 1");
        } else if train == 0.0 || test == 0.0 {
            let message = "the holdout needs images to train on and to test on".to_owned();
            table.refuse(if train == 0.0 { "train" } else { "test" }, message, "expected more than 0");
        }
        SplitKind::Holdout { train, test, validation }
    };
    let stratified = table.flag("stratified", "Spread each class evenly.").or(true);
    let grouped = table.flag("grouped", "Keep all images of a group on one side.").or(true);
    let leakage = table
        .choice("leakage", "What becomes of images that are the same and not of one group.", &Policy::NAMES)
        .or(Policy::Group);
    let help = "Bits, of 256, in which the perceptual hashes of near-duplicates differ, at most.";
    let distance = table.integer("near_duplicate_distance", help, 0, 64).or(NEAR_DUPLICATE_DISTANCE);
    table.end();
    Split { kind, stratified, grouped, leakage, near_duplicate_distance: distance as u32 }
}

const PCA_FITS: [(&str, PcaFit); 2] = [("train", PcaFit::Train), ("all", PcaFit::All)];
const PCA_SOLVERS: [(&str, PcaSolver); 4] = [
    ("auto", PcaSolver::Auto),
    ("exact", PcaSolver::Exact),
    ("randomized", PcaSolver::Randomized),
    ("linfa", PcaSolver::Linfa),
];

fn pca(table: Section<'_>) -> Pca {
    let shape = serde_json::json!({"anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    ]});
    let components = table
        .field(
            "components",
            "Principal components kept, or the share of variance to keep.",
            shape,
            keep,
            |kept| match *kept {
                Keep::Count(count) | Keep::AtMost(count) => Shown::Integer(count as i64),
                Keep::Variance(share) => Shown::Number(share),
            },
        )
        .or(Keep::Count(20));
    let fit = table
        .choice("fit", "What the PCA is fitted on; `all` lets the test images leak into it.", &PCA_FITS)
        .or(PcaFit::Train);
    let solver = table.choice("solver", "How components are found.", &PCA_SOLVERS).or(PcaSolver::Auto);
    let help = "What more components than the data have do: end the run, or be as many as there are.";
    let clamp = table.choice("on_excess", help, &ON_EXCESS).or(false);
    table.end();
    let components = match components {
        Keep::Count(count) if clamp => Keep::AtMost(count),
        other => other,
    };
    Pca { components, fit, solver }
}

const ON_EXCESS: [(&str, bool); 2] = [("stop", false), ("clamp", true)];

fn keep(value: &Value) -> Result<Keep, String> {
    let count = value.to_i128().filter(|count| (1..=1_000_000).contains(count));
    let share = || number(value).filter(|share| 0.0 < *share && *share < 1.0);
    match count {
        Some(count) => Ok(Keep::Count(count as usize)),
        None => share().map(Keep::Variance).ok_or_else(|| {
            "a whole number from 1 to 1000000, or a share of the variance above 0 and below 1".to_owned()
        }),
    }
}

const SCALES: [(&str, Scale); 3] =
    [("global", Scale::Global), ("none", Scale::None), ("standard", Scale::Standard)];

const SVM_SOLVERS: [(&str, SvmSolver); 2] =
    [("interior-point", SvmSolver::InteriorPoint), ("linfa", SvmSolver::Linfa)];
const SELECTIONS: [(&str, ()); 1] = [("inner-cv", ())];

fn svm(table: Section<'_>) -> Svm {
    let c = penalty(&table);
    let class_weight = class_weight(&table);
    let scale = table.choice("scale", "How scores are scaled before the SVM.", &SCALES).or(Scale::Global);
    let solver = table.choice("solver", "How it is trained.", &SVM_SOLVERS).or(SvmSolver::InteriorPoint);
    table.end();
    Svm { c, class_weight, scale, solver }
}

fn penalty(table: &Section<'_>) -> Penalty {
    let above_zero = serde_json::json!({"type": "number", "exclusiveMinimum": 0});
    let shape = serde_json::json!({"anyOf": [
        above_zero,
        {"type": "array", "items": above_zero, "minItems": 2, "uniqueItems": true}
    ]});
    let show = |penalties: &Vec<f64>| Shown::Number(penalties.first().copied().unwrap_or(f64::NAN));
    let mut candidates = table
        .field("c", "Penalty C, after scaling; several for `select` to choose from.", shape, penalties, show)
        .or(vec![1.0]);
    candidates.sort_by(f64::total_cmp);
    if let [c] = candidates[..] {
        table.belongs_elsewhere(&["select", "inner_folds"], "c", "one penalty `c`");
        return Penalty::Fixed(c);
    }
    let help = "How one of several `c` is chosen: in a cross validation inside the training images.";
    let selection = table.choice("select", help, &SELECTIONS).optional();
    if selection.is_none() && !table.has("select") {
        let message = "several penalties `c`, and nothing says how to choose one".to_owned();
        table.refuse("c", message, "add `select = \"inner-cv\"`, or give one number");
    }
    let folds = table.integer("inner_folds", "Folds of that cross validation.", 2, 1000).or(5);
    Penalty::InnerCrossValidation { candidates, folds: folds as usize }
}

/// One number above 0, or several that differ.
fn penalties(value: &Value) -> Result<Vec<f64>, String> {
    let expected = |what: &str| format!("a number above 0, or a list of two or more that differ: {what}");
    let Value::Array(_, items) = value else {
        return above_0(value)
            .map(|c| vec![c])
            .ok_or_else(|| "a number above 0, or a list of them".to_owned());
    };
    if let Some(wrong) = items.iter().find(|item| above_0(item).is_none()) {
        return Err(expected(&format!("{} is no number above 0", show_value(wrong))));
    }
    let all: Vec<f64> = items.iter().filter_map(above_0).collect();
    match all.iter().enumerate().find(|(at, c)| all[..*at].contains(c)) {
        Some((_, twice)) => Err(expected(&format!("{twice:?} is there twice"))),
        None if all.len() < 2 => Err(expected(&format!("there are {}", all.len()))),
        None => Ok(all),
    }
}

fn class_weight(table: &Section<'_>) -> ClassWeight {
    let key = "class_weight";
    let names = || Emotion::ALL.into_iter().map(Emotion::name);
    for (name, value) in table.entries_of(key) {
        if Emotion::from_name(name).is_none() {
            let message = format!("`{name}` is none of the eight emotions");
            let problem = table.entry_problem(key, (name, value), true, message);
            let problem = problem.label(format!("expected {}", one_of(names())));
            table.report(match nearest(name, names()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            });
        } else if above_0(value).is_none() {
            let message = format!("the weight of `{name}` cannot be {}", show_value(value));
            let problem = table.entry_problem(key, (name, value), false, message);
            table.report(problem.label("expected a number above 0"));
        }
    }
    let shape = serde_json::json!({"anyOf": [
        {"enum": ["balanced", "none"]},
        {
            "type": "object",
            "propertyNames": {"enum": Emotion::ALL.map(Emotion::name)},
            "additionalProperties": {"type": "number", "exclusiveMinimum": 0}
        }
    ]});
    let read = |value: &Value| match value {
        Value::String(_, text) if text == "balanced" => Ok(ClassWeight::Balanced),
        Value::String(_, text) if text == "none" => Ok(ClassWeight::None),
        // Entries that are wrong are told above.
        Value::Dict(_, fields) => Ok(ClassWeight::PerClass(
            Emotion::ALL.map(|emotion| fields.get(emotion.name()).and_then(above_0)),
        )),
        _ => Err("`balanced`, `none`, or a table of a positive number per emotion".to_owned()),
    };
    let show = |weight: &ClassWeight| {
        Shown::Text(if *weight == ClassWeight::None { "none" } else { "balanced" }.to_owned())
    };
    table.field(key, "Extra penalty on the rarer side.", shape, read, show).or(ClassWeight::Balanced)
}

const FIGURE_KINDS: [(&str, FigureKind); 2] =
    [("per-class-tpr", FigureKind::PerClassTpr), ("confusion", FigureKind::Confusion)];

fn figure(table: Section<'_>) -> Figure {
    let kind = table.choice("kind", "What is drawn.", &FIGURE_KINDS).or(FigureKind::PerClassTpr);
    let number = table.integer("number", "The figure's number in the paper, which names its files.", 1, 99);
    let number = number.optional().map(|number| number as u32);
    let columns = table.integer("columns", "Columns of a page that it is as wide as: 8.5 or 17.5 cm.", 1, 2);
    let columns = if columns.or(2) == 1 { Columns::One } else { Columns::Two };
    table.end();
    Figure { kind, number, columns }
}
