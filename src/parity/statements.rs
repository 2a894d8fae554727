//! The paper's statements, each with its place and its criterion: the table [`STATEMENTS`].

use crate::paper;
use crate::types::Emotion;

/// Two rates are the same if they differ by no more, or if the paper's lies in the 95 % interval of ours.
pub const TOLERANCE: f64 = 0.02;

/// The largest difference between mean rates that are "almost the same".
pub const ALMOST: f64 = 0.05;

/// Something that the paper states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statement {
    /// Where: `Table 3`.
    pub place: &'static str,
    /// What.
    pub says: &'static str,
    /// The card of the data set that it is about.
    pub data_set: &'static str,
    /// An experiment that finds out.
    pub experiment: &'static str,
    /// When it counts as reproduced.
    pub criterion: Criterion,
}

/// When a statement counts as reproduced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Criterion {
    /// So many images of each emotion.
    Counts([usize; 8]),
    /// So many test images, within a share of them: another grouping gives a few more or less.
    TestImages(u64),
    /// That share of the test images, see [`TOLERANCE`].
    Accuracy {
        /// Of that method.
        method: &'static str,
        /// Images told rightly.
        correct: u64,
        /// All test images.
        of: u64,
    },
    /// That mean true positive rate, see [`TOLERANCE`].
    MeanRate {
        /// Of that method.
        method: &'static str,
        /// The rate.
        rate: f64,
    },
    /// A higher accuracy of the first than of the second.
    HigherAccuracy {
        /// The better method.
        of: &'static str,
        /// The worse one.
        than: &'static str,
    },
    /// A higher rate of the first than of the second.
    HigherRate {
        /// For that emotion.
        emotion: Emotion,
        /// The better method.
        of: &'static str,
        /// The worse one.
        than: &'static str,
    },
    /// That share of the variance or more, with so many components, of that method.
    KeptVariance {
        /// The method.
        method: &'static str,
        /// How many components.
        components: usize,
        /// The share.
        at_least: f64,
    },
    /// Mean rates over numbers of components that differ by no more than `ALMOST`, 0.05.
    AlmostTheSame {
        /// Of that method.
        method: &'static str,
    },
}

const IMAGENET: &str = "ImageNet-CNN";
const NOISY: &str = "Noisy-Fine-tuned-CNN";
const FINE_TUNED: &str = "Fine-tuned-CNN";
const FI: &str = "experiments/fi_holdout.toml";
const IAPS: &str = "experiments/iaps_5fold.toml";
const ARTPHOTO: &str = "experiments/artphoto_5fold.toml";
const ABSTRACT: &str = "experiments/abstract_5fold.toml";
const SWEEP: &str = "experiments/pca_sweep.toml";

/// All of them.
pub const STATEMENTS: &[Statement] = &[
    counts("Table 1", "IAPS-Subset: 395 images, 37 to 74 an emotion but 8 of anger", "iaps-subset", IAPS, 0),
    counts("Table 1", "ArtPhoto: 806 images, 70 to 166 an emotion", "artphoto", ARTPHOTO, 1),
    counts(
        "Table 1",
        "Abstract Paintings: 228 images, 15 to 63 an emotion but 3 of anger",
        "abstract",
        ABSTRACT,
        2,
    ),
    Statement {
        place: "Table 2",
        says: "the new set: 23,308 labelled images, 1,032 of fear to 5,374 of contentment",
        data_set: "fi",
        experiment: FI,
        criterion: Criterion::Counts(paper::LABELLED),
    },
    Statement {
        place: "Table 3",
        says: "15 % of the new set are 3,490 test images",
        data_set: "fi",
        experiment: FI,
        criterion: Criterion::TestImages(paper::TEST_IMAGES),
    },
    accuracy("ImageNet-CNN tells 1120/3490 rightly, 32.1 %", 0),
    accuracy("Noisy-Fine-tuned-CNN tells 1600/3490 rightly, 45.8 %", 1),
    accuracy("Fine-tuned-CNN tells 2034/3490 rightly, 58.3 %", 2),
    better("Fine-tuned-CNN is better than Noisy-Fine-tuned-CNN", FINE_TUNED, NOISY),
    better("Noisy-Fine-tuned-CNN is better than ImageNet-CNN", NOISY, IMAGENET),
    Statement {
        place: "Figure 3",
        says: "the mean true positive rate of Fine-tuned-CNN is 0.483",
        data_set: "fi",
        experiment: FI,
        criterion: Criterion::MeanRate { method: FINE_TUNED, rate: paper::FINE_TUNED_MEAN },
    },
    Statement {
        place: "Figure 3",
        says: "the rate of fear is higher for ImageNet-CNN than for Fine-tuned-CNN",
        data_set: "fi",
        experiment: FI,
        criterion: Criterion::HigherRate { emotion: Emotion::Fear, of: IMAGENET, than: FINE_TUNED },
    },
    kept("20 components keep at least 90 % of the variance on IAPS-Subset", "iaps-subset", IAPS),
    kept("20 components keep at least 90 % of the variance on Abstract Paintings", "abstract", ABSTRACT),
    kept("20 components keep at least 90 % of the variance on ArtPhoto", "artphoto", ARTPHOTO),
    same("over numbers of components the results are almost the same, on IAPS-Subset", "iaps-subset"),
    same("over numbers of components the results are almost the same, on Abstract Paintings", "abstract"),
    same("over numbers of components the results are almost the same, on ArtPhoto", "artphoto"),
];

const fn counts(
    place: &'static str,
    says: &'static str,
    data_set: &'static str,
    experiment: &'static str,
    row: usize,
) -> Statement {
    Statement { place, says, data_set, experiment, criterion: Criterion::Counts(paper::SMALL_SETS[row].1) }
}

const fn accuracy(says: &'static str, row: usize) -> Statement {
    let (method, correct) = paper::CORRECT[row];
    let criterion = Criterion::Accuracy { method, correct, of: paper::TEST_IMAGES };
    Statement { place: "Table 3", says, data_set: "fi", experiment: FI, criterion }
}

const fn better(says: &'static str, of: &'static str, than: &'static str) -> Statement {
    let criterion = Criterion::HigherAccuracy { of, than };
    Statement { place: "Table 3", says, data_set: "fi", experiment: FI, criterion }
}

const fn kept(says: &'static str, data_set: &'static str, experiment: &'static str) -> Statement {
    let (components, at_least) = paper::KEPT_VARIANCE;
    let criterion = Criterion::KeptVariance { method: IMAGENET, components, at_least };
    Statement { place: "Experiments", says, data_set, experiment, criterion }
}

const fn same(says: &'static str, data_set: &'static str) -> Statement {
    let criterion = Criterion::AlmostTheSame { method: IMAGENET };
    Statement { place: "Experiments", says, data_set, experiment: SWEEP, criterion }
}

impl std::fmt::Display for Criterion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Counts(_) => write!(f, "the same number of images of each emotion"),
            Self::TestImages(_) => write!(f, "within 2 % of that many"),
            Self::Accuracy { .. } | Self::MeanRate { .. } => {
                write!(f, "within {TOLERANCE} of it, or it lies in the 95 % interval")
            }
            Self::HigherAccuracy { .. } | Self::HigherRate { .. } => write!(f, "higher, by any amount"),
            Self::KeptVariance { at_least, .. } => write!(f, "{at_least} or more, mean over folds"),
            Self::AlmostTheSame { .. } => write!(f, "mean rates within {ALMOST} of each other"),
        }
    }
}
