//! A network that is trained: batch norms apart from convolutions, nothing overwritten, gradients wanted.

use std::collections::BTreeMap;

use emolab::networks::architecture::{Architecture, Convolution, Expected, Groups, Operation};
use emolab::networks::checkpoint::Checkpoint;
use emolab::networks::random::{Purpose, Stream};
use emolab::networks::recipe::Recipe;
use tch::{Device, Kind, TchError, Tensor};

use crate::inference::LoadError;
use crate::operations::{Geometry, average_pool, local_response_norm};
use crate::weights::{Arithmetic, Weights};

/// Standard deviation of a new layer's weights: that of Caffe's example.
const NEW_LAYER_DEVIATION: f64 = 0.01;
/// Share of a batch's mean and variance that enters the running ones.
const BATCH_NORM_MOMENTUM: f64 = 0.1;

/// The network.
#[derive(Debug)]
pub struct Trainable {
    operations: Vec<Operation>,
    /// In the order of the network.
    pub tensors: Vec<Variable>,
    places: BTreeMap<String, usize>,
    /// What convolutions and products are computed in.
    kind: Kind,
    dropout: Option<f64>,
}

/// One of its tensors.
#[derive(Debug)]
pub struct Variable {
    /// As in the weights file.
    pub name: String,
    /// `[...]` of f32.
    pub tensor: Tensor,
    /// Times the base rate; 0 is never changed by the optimizer.
    pub rate: f64,
    /// Whether weight decay pulls at it.
    pub decays: bool,
}

/// How a forward pass is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Dropout, and batch norms of the batch.
    Training,
    /// No dropout, and the running batch norms.
    Evaluation,
}

impl Trainable {
    /// The network with the weights of a checkpoint, but for its classifier, which is new.
    ///
    /// # Errors
    /// All tensors that are missing, extra or of another shape, in one report.
    pub fn load(
        (name, architecture): (&str, &Architecture),
        checkpoint: &Checkpoint,
        (recipe, seed, outputs): (&Recipe, u64, usize),
        (device, kind): (Device, Kind),
    ) -> Result<Self, LoadError> {
        let classifier = architecture.classifier();
        checkpoint.check(name, &architecture.tensors(None), classifier)?;
        let weights = Weights { checkpoint, device, arithmetic: Arithmetic::F32 };
        let mut stream = Stream::new(seed, Purpose::NewLayer);
        let expected = architecture.tensors(Some(outputs));
        let layers: Vec<&str> = expected.iter().map(Expected::layer).collect();
        if let Some(layer) = recipe.freeze_through.as_deref().filter(|layer| !layers.contains(layer)) {
            return Err(LoadError::NoLayer { network: name.to_owned(), layer: layer.to_owned() });
        }
        let rates = recipe.multipliers(&expected, classifier);

        let mut tensors = Vec::with_capacity(expected.len());
        for (at, Expected { name, shape }) in expected.iter().enumerate() {
            let is_classifier = Some(layers[at]) == classifier;
            let tensor = if is_classifier {
                let is_bias = name.rsplit('.').next() == Some("bias");
                let deviation = if is_bias { 0.0 } else { NEW_LAYER_DEVIATION };
                let count = shape.iter().product();
                let values: Vec<f32> = (0..count).map(|_| (deviation * stream.normal()) as f32).collect();
                weights.place(&values, shape)?
            } else if shape.len() == 4 {
                weights.filters(&weights.find(name)?.data, shape)?
            } else {
                weights.tensor(name)?
            };
            let rate = rates[at];
            let tensor = if rate > 0.0 { tensor.set_requires_grad(true) } else { tensor };
            // Weights of convolutions and products; the others are biases and norms.
            let decays = shape.len() > 1;
            tensors.push(Variable { name: name.clone(), tensor, rate, decays });
        }
        let places = tensors.iter().enumerate().map(|(at, variable)| (variable.name.clone(), at)).collect();
        let operations = architecture.operations.clone();
        Ok(Self { operations, tensors, places, kind, dropout: recipe.dropout })
    }

    /// Scores `[b, outputs]` of f32 for normalised images `[b, 3, side, side]`.
    pub fn forward(&self, images: &Tensor, mode: Mode) -> Result<Tensor, TchError> {
        self.run(&self.operations, images.shallow_clone(), mode)?.f_to_kind(Kind::Float)
    }

    fn run(&self, operations: &[Operation], mut x: Tensor, mode: Mode) -> Result<Tensor, TchError> {
        for operation in operations {
            x = self.step(operation, x, mode)?;
        }
        Ok(x)
    }

    fn step(&self, operation: &Operation, x: Tensor, mode: Mode) -> Result<Tensor, TchError> {
        match operation {
            Operation::Convolution(convolution) => self.convolve(convolution, &x),
            Operation::BatchNorm { name, epsilon } => self.normalise(name, *epsilon, &x, mode),
            Operation::Linear { name, .. } => {
                let weight = self.get(name, "weight")?.f_to_kind(self.kind)?;
                let bias = self.get(name, "bias")?.f_to_kind(self.kind)?;
                x.f_to_kind(self.kind)?.f_linear(&weight, Some(&bias))
            }
            Operation::Relu => x.f_relu(),
            Operation::Relu6 => x.f_clamp(0.0, 6.0),
            Operation::MaxPool { kernel, stride, padding, round_up } => {
                let pair = |length: usize| [length as i64; 2];
                x.f_max_pool2d(pair(*kernel), pair(*stride), pair(*padding), [1, 1], *round_up)
            }
            Operation::AveragePool { side } => average_pool(&x, *side),
            Operation::LocalResponseNorm { size, alpha, beta, k } => {
                local_response_norm(&x, *size, *alpha, *beta, *k)
            }
            Operation::Dropout { probability } => {
                x.f_dropout(self.dropout.unwrap_or(*probability), mode == Mode::Training)
            }
            Operation::Flatten => x.f_flatten(1, -1),
            Operation::Residual { body, shortcut } => {
                let around = self.run(shortcut, x.shallow_clone(), mode)?;
                self.run(body, x, mode)?.f_add(&around)
            }
            Operation::Readout(_) => Ok(x),
        }
    }

    fn convolve(&self, convolution: &Convolution, x: &Tensor) -> Result<Tensor, TchError> {
        // As in inference: filters that see one channel each are not exact enough in bf16.
        let kind = if convolution.groups == Groups::Depthwise { Kind::Float } else { self.kind };
        let weight = self.get(&convolution.name, "weight")?.f_to_kind(kind)?;
        let bias = convolution.bias.then(|| self.get(&convolution.name, "bias")).transpose()?;
        let bias = bias.map(|bias| bias.f_to_kind(kind)).transpose()?;
        Geometry::of(convolution, &weight).convolve(&x.f_to_kind(kind)?, &weight, bias.as_ref())
    }

    fn normalise(&self, name: &str, epsilon: f64, x: &Tensor, mode: Mode) -> Result<Tensor, TchError> {
        let part = |part| self.get(name, part).map(Some);
        // A frozen norm keeps its running mean and variance too.
        let is_frozen = self.variable(name, "weight").is_some_and(|variable| variable.rate <= 0.0);
        let of_batch = mode == Mode::Training && !is_frozen;
        x.f_batch_norm(
            part("weight")?,
            part("bias")?,
            part("running_mean")?,
            part("running_var")?,
            of_batch,
            BATCH_NORM_MOMENTUM,
            epsilon,
            true,
        )
    }

    fn variable(&self, name: &str, part: &str) -> Option<&Variable> {
        self.tensors.get(*self.places.get(&format!("{name}.{part}"))?)
    }

    fn get(&self, name: &str, part: &str) -> Result<&Tensor, TchError> {
        let missing = || TchError::TensorNameNotFound(format!("{name}.{part}"), "the network".to_owned());
        self.variable(name, part).map(|variable| &variable.tensor).ok_or_else(missing)
    }
}
