//! The checked experiment: what the rest of the program sees of an experiment file.

use std::path::PathBuf;

use crate::figures::Columns;
use crate::images::{Filter, Fit};
use crate::networks::recipe::Recipe;
use crate::networks::{Device, Input, Layer, NetworkCard, Precision};
use crate::solvers::pca::{Keep, PcaSolver};
use crate::solvers::scale::Scale;
use crate::solvers::svm::{ClassWeight, SvmSolver};
use crate::stages::leakage::Policy;
use crate::stages::report::FigureKind;
use crate::types::{Bytes, Seed};

/// One experiment, ready to plan.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Name of its results folder.
    pub name: String,
    /// Title of its figure.
    pub title: String,
    /// Seed of every random choice.
    pub seed: Seed,
    /// Where its images or features come from.
    pub dataset: Dataset,
    /// How they are split.
    pub split: Split,
    /// What is compared: one bar each.
    pub methods: Vec<Method>,
    /// Reduction of the features.
    pub pca: Pca,
    /// The classifier.
    pub svm: Svm,
    /// What networks are fine-tuned on.
    pub trainings: Trainings,
    /// What is drawn.
    pub figure: Figure,
    /// A map of the tested images.
    pub embedding: Option<Embedding>,
    /// Where CNNs run.
    pub device: Device,
    /// Most memory that a run may use.
    pub memory: Option<Bytes>,
}

/// `[dataset]`
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Name of its card, or any name.
    pub name: String,
    /// A folder per emotion, or a manifest; relative to the project.
    pub root: PathBuf,
    /// Whether drawings stand in for it when `root` is absent.
    pub stand_in: Option<StandIn>,
    /// Classes with fewer images are left out.
    pub min_per_class: usize,
    /// What an unreadable image or an unknown label does.
    pub on_bad_image: OnBadImage,
    /// Images with more pixels are refused unread.
    pub max_pixels: u64,
}

/// Which drawings stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandIn {
    /// Emoji of several houses, labelled by keywords.
    Emoji,
}

/// What a bad image does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBadImage {
    /// Ends the run with the list of all.
    Stop,
    /// Is left out and listed in the results.
    Skip,
}

/// `[split]`
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// Cross validation or one holdout.
    pub kind: SplitKind,
    /// Each class is spread evenly.
    pub stratified: bool,
    /// All images of a group are on one side.
    pub grouped: bool,
    /// What becomes of images that are the same.
    pub leakage: Policy,
    /// Bits of 256 in which the perceptual hashes of near-duplicates differ, at most.
    pub near_duplicate_distance: u32,
}

/// How images are divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SplitKind {
    /// Every image is tested once, in one of so many folds.
    KFold {
        /// Two or more.
        folds: usize,
        /// How often, each time with another seed; one or more.
        repeats: usize,
    },
    /// One training and one test part.
    Holdout {
        /// Share of images to train on.
        train: f64,
        /// Share of images to test on.
        test: f64,
        /// Share kept for choosing settings; the SVM does not see it.
        validation: f64,
    },
}

/// `[[method]]`
#[derive(Clone, Debug)]
pub struct Method {
    /// Label of its bar.
    pub name: String,
    /// Where its features come from.
    pub features: Features,
    /// What tells the emotion from them.
    pub classifier: Classifier,
}

/// What tells the emotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classifier {
    /// PCA and support vector machines.
    Svm,
    /// The fine-tuned network's own last layer.
    Network,
}

/// Which of the trainings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// `[training.fine-tuned]`: verified by people.
    Strong,
    /// `[training.noisy-fine-tuned]`: the query that found the image.
    Weak,
}

impl Labels {
    /// The variant that is trained on them, as an experiment calls it.
    pub const fn variant(self) -> &'static str {
        match self {
            Self::Strong => "fine-tuned",
            Self::Weak => "noisy-fine-tuned",
        }
    }

    /// The table that says what is trained on, without its brackets.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Strong => "training.fine-tuned",
            Self::Weak => "training.noisy-fine-tuned",
        }
    }
}

/// `[training]`
#[derive(Clone, Debug, Default)]
pub struct Trainings {
    /// `[training.fine-tuned]`
    pub fine_tuned: Option<Training>,
    /// `[training.noisy-fine-tuned]`
    pub noisy: Option<Training>,
}

impl Trainings {
    /// The training with these labels.
    pub fn with(&self, labels: Labels) -> Option<&Training> {
        match labels {
            Labels::Strong => self.fine_tuned.as_ref(),
            Labels::Weak => self.noisy.as_ref(),
        }
    }
}

/// What a network is fine-tuned on, and how.
#[derive(Clone, Debug)]
pub struct Training {
    /// Where its images come from.
    pub dataset: Dataset,
    /// A data set whose images are not trained on.
    pub exclude: Option<PathBuf>,
    /// Share of images kept for tests.
    pub test: f64,
    /// Share of images on which the best epoch is chosen.
    pub validation: f64,
    /// Images of a class that are drawn, at most.
    pub max_per_class: Option<usize>,
    /// Of split, order and alterations.
    pub seed: Seed,
    /// Whether a network may be evaluated on what it was trained on.
    pub allow_overlap: bool,
    /// Side of the squares that crops are made from; the network's `resize` where there is none.
    pub working_size: Option<u32>,
    /// Threads of libtorch; those of the run where there are none.
    pub threads: Option<usize>,
    /// Time between two checkpoints within an epoch.
    pub checkpoint_seconds: u64,
    /// How it is trained.
    pub recipe: Recipe,
}

/// Where a method's features come from.
#[derive(Clone, Debug)]
pub enum Features {
    /// A layer of a network, run over the images.
    Cnn(Cnn),
    /// A matrix made elsewhere, one row per manifest row.
    Precomputed {
        /// `.npy`, `.safetensors` or `.parquet`.
        file: PathBuf,
    },
}

/// A network and what is read out of it.
#[derive(Clone, Debug)]
pub struct Cnn {
    /// Which network.
    pub network: &'static NetworkCard,
    /// What enters it.
    pub input: Input,
    /// Which of its layers.
    pub layer: Layer,
    /// Its weights file, which a training starts from; `None` for the one that set-up fetched.
    pub weights: Option<PathBuf>,
    /// What it is fine-tuned on first.
    pub training: Option<Labels>,
    /// How an image meets the input size.
    pub fit: Fit,
    /// The resampling filter.
    pub filter: Filter,
    /// The number format in which it runs.
    pub precision: Precision,
}

/// `[pca]`
#[derive(Clone, Copy, Debug)]
pub struct Pca {
    /// Principal components kept.
    pub components: Keep,
    /// What it is fitted on.
    pub fit: PcaFit,
    /// How they are found.
    pub solver: PcaSolver,
}

/// What the PCA sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcaFit {
    /// The training images of the fold.
    Train,
    /// All images: the test images leak into the components.
    All,
}

/// `[svm]`
#[derive(Clone, Debug)]
pub struct Svm {
    /// Penalty C.
    pub c: Penalty,
    /// Extra penalty on each problem's own class.
    pub class_weight: ClassWeight,
    /// How scores are scaled first.
    pub scale: Scale,
    /// Which algorithm trains it.
    pub solver: SvmSolver,
}

/// The penalty C of the support vector machines.
#[derive(Clone, Debug, PartialEq)]
pub enum Penalty {
    /// This one.
    Fixed(f64),
    /// The one of several, ascending, that does best in a cross validation inside the training images.
    InnerCrossValidation {
        /// What is tried.
        candidates: Vec<f64>,
        /// Folds of that cross validation.
        folds: usize,
    },
}

/// `[embedding]`
#[derive(Clone, Debug)]
pub struct Embedding {
    /// Names of the methods whose features are mapped.
    pub methods: Vec<String>,
    /// The paper's number, which names the files.
    pub number: Option<u32>,
    /// Title of the figure.
    pub title: Option<String>,
    /// Principal components that enter the map, at most.
    pub components: usize,
    /// About how many neighbours count.
    pub perplexity: f64,
    /// Steps of the descent.
    pub iterations: usize,
}

/// `[figure]`
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// What is drawn.
    pub kind: FigureKind,
    /// The paper's number, which names the files: `figure5.svg`.
    pub number: Option<u32>,
    /// How many columns of a page it is as wide as.
    pub columns: Columns,
}
