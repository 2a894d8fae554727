//! How a network is fine-tuned: everything that decides its weights besides the data and the seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::architecture::Expected;
use crate::images::augment::{Augmentation, Crop};

/// What a mixture's `m` may be besides 0: below, nothing is mixed; above, everything half and half.
pub const MIXUP: std::ops::RangeInclusive<f64> = 0.01..=8.0;

/// A recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// When it ends.
    pub length: Length,
    /// Images per step.
    pub batch: usize,
    /// How gradients become steps.
    pub optimizer: Optimizer,
    /// Base rate.
    pub rate: f64,
    /// How the rate changes.
    pub schedule: Schedule,
    /// Pulls weights, not biases and not batch norms, to zero.
    pub weight_decay: f64,
    /// Times the base rate: the new last layer.
    pub classifier_rate: f64,
    /// Times the layer's rate: biases.
    pub bias_rate: f64,
    /// Times the base rate, by the beginning of a tensor's name; the longest that fits counts.
    pub layer_rates: BTreeMap<String, f64>,
    /// This layer and all before it keep their weights.
    pub freeze_through: Option<String>,
    /// Share of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// Images are mixed by a share drawn from Beta(m, m); 0 is off (Zhang et al. 2018).
    pub mixup: f64,
    /// Every class is seen equally often.
    pub balanced: bool,
    /// How images are altered.
    pub augmentation: Augmentation,
    /// Share of activations that every dropout layer drops; the network's own where there is none.
    pub dropout: Option<f64>,
    /// Ends after so many epochs without a better validation loss.
    pub patience: Option<usize>,
    /// The weights of the epoch with the best validation loss are kept, not the last.
    pub keep_best: bool,
}

/// When a training ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// After so many passes over the images.
    Epochs(usize),
    /// After so many steps.
    Iterations(usize),
}

/// How gradients become steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Optimizer {
    /// `v = momentum v + g`, `w = w - rate v`.
    Sgd {
        /// Share of the last step that is kept.
        momentum: f64,
    },
    /// Loshchilov and Hutter 2019: Adam with decay apart from the gradient.
    AdamW {
        /// Share of the mean gradient that is kept.
        beta1: f64,
        /// Share of the mean squared gradient that is kept.
        beta2: f64,
        /// Added to the root of the latter.
        epsilon: f64,
    },
}

/// How the rate changes over a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Schedule {
    /// It does not.
    Constant,
    /// Multiplied by `factor` after each of `steps` equal parts.
    Step {
        /// Number of parts.
        steps: usize,
        /// At most 1.
        factor: f64,
    },
    /// Rises evenly over a share `warm_up` of all steps, then falls as half a cosine to zero.
    Cosine {
        /// From 0 to 1.
        warm_up: f64,
    },
}

/// A recipe by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Caffe's own example of fine-tuning.
    CaffeFinetune,
    /// AdamW and a cosine.
    Modern,
}

impl Preset {
    /// Names as they stand in an experiment.
    pub const NAMES: [(&'static str, Self); 2] =
        [("caffe-finetune", Self::CaffeFinetune), ("modern", Self::Modern)];

    /// The recipe.
    pub fn recipe(self) -> Recipe {
        let caffe = Recipe {
            length: Length::Epochs(20),
            batch: 32,
            optimizer: Optimizer::Sgd { momentum: 0.9 },
            rate: 1e-3,
            schedule: Schedule::Step { steps: 5, factor: 0.1 },
            weight_decay: 5e-4,
            classifier_rate: 10.0,
            bias_rate: 2.0,
            layer_rates: BTreeMap::new(),
            freeze_through: None,
            label_smoothing: 0.0,
            mixup: 0.0,
            balanced: false,
            augmentation: Augmentation { crop: Crop::Random, mirror: true, jitter: 0.0 },
            dropout: None,
            patience: None,
            keep_best: true,
        };
        match self {
            Self::CaffeFinetune => caffe,
            Self::Modern => Recipe {
                optimizer: Optimizer::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
                rate: 3e-4,
                schedule: Schedule::Cosine { warm_up: 0.1 },
                weight_decay: 0.05,
                bias_rate: 1.0,
                label_smoothing: 0.1,
                augmentation: Augmentation { crop: Crop::Resized { least: 0.5 }, mirror: true, jitter: 0.2 },
                ..caffe
            },
        }
    }
}

impl Recipe {
    /// Steps per epoch and in all, for so many images. The last batch of an epoch may be smaller.
    pub fn steps(&self, images: usize) -> (usize, usize) {
        let per_epoch = images.div_ceil(self.batch.max(1)).max(1);
        match self.length {
            Length::Epochs(epochs) => (per_epoch, per_epoch * epochs),
            Length::Iterations(iterations) => (per_epoch, iterations),
        }
    }

    /// The base rate at a step of so many.
    pub fn rate_at(&self, step: usize, steps: usize) -> f64 {
        let (done, all) = (step as f64, steps.max(1) as f64);
        match self.schedule {
            Schedule::Constant => self.rate,
            Schedule::Step { steps: parts, factor } => {
                let part = step * parts / steps.max(1);
                self.rate * factor.powi(part as i32)
            }
            Schedule::Cosine { warm_up } => {
                let rise = (warm_up * all).floor();
                if done < rise {
                    self.rate * (done + 1.0) / (rise + 1.0)
                } else {
                    let share = (done - rise) / (all - rise).max(1.0);
                    self.rate * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
                }
            }
        }
    }

    /// Times the base rate for each of a network's tensors, in order: 0 for those that are not trained, running statistics and
    /// layers up to the one that is frozen through.
    pub fn multipliers(&self, tensors: &[Expected], classifier: Option<&str>) -> Vec<f64> {
        let frozen = self.freeze_through.as_deref();
        let last_frozen = frozen.and_then(|layer| tensors.iter().rposition(|tensor| tensor.layer() == layer));
        let multiplier = |(at, tensor): (usize, &Expected)| {
            let is_running = tensor.name.contains(".running_");
            if is_running || last_frozen.is_some_and(|last| at <= last) {
                0.0
            } else {
                self.multiplier(&tensor.name, Some(tensor.layer()) == classifier)
            }
        };
        tensors.iter().enumerate().map(multiplier).collect()
    }

    /// Times the base rate for a tensor that is trained.
    fn multiplier(&self, tensor: &str, is_classifier: bool) -> f64 {
        let named = self.layer_rates.iter().filter(|(name, _)| tensor.starts_with(name.as_str()));
        let named = named.max_by_key(|(name, _)| name.len()).map(|(_, rate)| *rate);
        let own = named.unwrap_or(if is_classifier { self.classifier_rate } else { 1.0 });
        if tensor.rsplit('.').next() == Some("bias") { own * self.bias_rate } else { own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_decay_as_caffes_example_does() {
        let recipe = Preset::CaffeFinetune.recipe();
        let rates: Vec<f64> = [0, 19, 20, 40, 99].map(|step| recipe.rate_at(step, 100)).to_vec();
        let expected = [1e-3, 1e-3, 1e-4, 1e-5, 1e-7];
        assert!(rates.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{rates:?}");
        assert!((recipe.multiplier("fc8.bias", true) - 20.0).abs() < 1e-12);
        assert!((recipe.multiplier("conv1.weight", false) - 1.0).abs() < 1e-12);
        assert_eq!(recipe.steps(65), (3, 60));
    }

    #[test]
    fn a_cosine_rises_and_falls_to_zero() {
        let recipe = Preset::Modern.recipe();
        let rates: Vec<f64> = (0..100).map(|step| recipe.rate_at(step, 100)).collect();
        assert!(rates[..10].is_sorted() && rates[10..].is_sorted_by(|a, b| a >= b));
        assert!((rates[10] - recipe.rate).abs() < 1e-12 && rates[99] < 1e-3 * recipe.rate);
    }

    #[test]
    fn the_longest_name_decides_a_layers_rate() {
        let mut recipe = Preset::Modern.recipe();
        recipe.layer_rates = [("conv".to_owned(), 0.1), ("conv5".to_owned(), 0.5)].into();
        assert!((recipe.multiplier("conv5.weight", false) - 0.5).abs() < 1e-12);
        assert!((recipe.multiplier("conv1.weight", false) - 0.1).abs() < 1e-12);
        assert!((recipe.multiplier("fc8.weight", true) - 10.0).abs() < 1e-12);
    }
}
