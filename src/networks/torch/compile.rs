//! From a network's operations to the steps that run them: batch norms are folded into the convolutions before them, and our
//! kernels take what they can.

use std::sync::Arc;

use emolab::networks::architecture::{Convolution, Operation};
use tch::{Kind, TchError};

use crate::inference::Step;
use crate::kernels::{Before, Range, Separable};
use crate::operations::Geometry;
use crate::weights::{Kernel, Weights};

/// The steps that run operations, with their weights.
pub fn compile(operations: &[Operation], weights: &Weights<'_>) -> Result<Vec<Step>, TchError> {
    let mut steps = Vec::new();
    let mut rest = operations;
    while let Some((operation, after)) = rest.split_first() {
        rest = after;
        if let Operation::Convolution(convolution) = operation {
            let norm = take_norm(&mut rest);
            let (range, after) = range_of(rest);
            if let Some(kernel) = weights.kernel(convolution, norm, range)? {
                rest = after;
                push_kernel(&mut steps, kernel);
            } else {
                push_convolution(&mut steps, convolution, norm, weights)?;
            }
            continue;
        }
        let in_place = !steps.is_empty();
        let step = match operation {
            Operation::BatchNorm { name, epsilon } => batch_norm(name, *epsilon, weights)?,
            Operation::Linear { name, .. } => Step::Linear {
                weight: weights.tensor(&format!("{name}.weight"))?,
                bias: weights.tensor(&format!("{name}.bias"))?,
            },
            Operation::Relu => Step::Rectify { ceiling: None, in_place },
            Operation::Relu6 => Step::Rectify { ceiling: Some(6.0), in_place },
            Operation::MaxPool { kernel, stride, padding, round_up } => Step::MaxPool {
                kernel: *kernel as i64,
                stride: *stride as i64,
                padding: *padding as i64,
                round_up: *round_up,
            },
            Operation::AveragePool { side } => Step::AveragePool { side: *side },
            Operation::LocalResponseNorm { size, alpha, beta, k } => {
                Step::LocalResponseNorm { size: *size, alpha: *alpha, beta: *beta, k: *k }
            }
            Operation::Flatten => Step::Flatten,
            Operation::Residual { body, shortcut } => {
                Step::Residual { body: compile(body, weights)?, shortcut: compile(shortcut, weights)? }
            }
            Operation::Convolution(_) | Operation::Dropout { .. } | Operation::Readout(_) => continue,
        };
        steps.push(step);
    }
    Ok(steps)
}

/// The batch norm that comes next, if one does.
fn take_norm<'a>(rest: &mut &'a [Operation]) -> Option<(&'a str, f64)> {
    let Some((Operation::BatchNorm { name, epsilon }, after)) = rest.split_first() else { return None };
    *rest = after;
    Some((name, *epsilon))
}

/// What the activation that comes next, if one does, holds its input to; and what follows it.
fn range_of(rest: &[Operation]) -> (Range, &[Operation]) {
    match rest.split_first() {
        Some((Operation::Relu, after)) => (Range::POSITIVE, after),
        Some((Operation::Relu6, after)) => (Range::TO_SIX, after),
        _ => (Range::ALL, rest),
    }
}

/// Depthwise convolutions take the 1 x 1 convolutions beside them into one step.
fn push_kernel(steps: &mut Vec<Step>, kernel: Kernel) {
    match kernel {
        Kernel::Patches(patches) => steps.push(Step::Patches(patches.into())),
        Kernel::Depthwise(depthwise) => {
            let before = steps.pop_if(|step| matches!(step, Step::Pointwise(_) | Step::Patches(_)));
            let before = before.and_then(|step| match step {
                Step::Pointwise(pointwise) => Arc::into_inner(pointwise).map(Before::Pointwise),
                Step::Patches(patches) => Arc::into_inner(patches).map(Before::Patches),
                _ => None,
            });
            steps.push(Step::Separable(Separable { before, depthwise, after: None }.into()));
        }
        Kernel::Pointwise(pointwise) => {
            if let Some(Step::Separable(separable)) = steps.last_mut()
                && let Some(separable) = Arc::get_mut(separable)
                && separable.after.is_none()
            {
                separable.after = Some(pointwise);
            } else {
                steps.push(Step::Pointwise(pointwise.into()));
            }
        }
    }
}

fn push_convolution(
    steps: &mut Vec<Step>,
    convolution: &Convolution,
    norm: Option<(&str, f64)>,
    weights: &Weights<'_>,
) -> Result<(), TchError> {
    let weights = weights.exact_where_few(convolution);
    let (weight, bias) = weights.folded(convolution, norm)?;
    let geometry = Geometry::of(convolution, &weight);
    if weight.kind() == Kind::Float {
        steps.push(Step::Convolution { geometry, weight, bias });
        return Ok(());
    }
    // libtorch would take the bias in bf16 too, whose error does not average out over places.
    steps.push(Step::Convolution { geometry, weight, bias: None });
    if let Some(bias) = bias {
        steps.push(Step::Add { bias: bias.f_reshape([-1, 1, 1])? });
    }
    Ok(())
}

fn batch_norm(name: &str, epsilon: f64, weights: &Weights<'_>) -> Result<Step, TchError> {
    let part = |part: &str| weights.tensor(&format!("{name}.{part}"));
    let deviation = part("running_var")?.f_add_scalar(epsilon)?.f_sqrt()?;
    let scale = part("weight")?.f_div(&deviation)?;
    let shift = part("bias")?.f_sub(&part("running_mean")?.f_mul(&scale)?)?;
    Ok(Step::BatchNorm { scale: scale.f_reshape([-1, 1, 1])?, shift: shift.f_reshape([-1, 1, 1])? })
}
