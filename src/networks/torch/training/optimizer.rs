//! From gradients to steps, with sums that a checkpoint can hold.

use emolab::networks::recipe::{Optimizer, Recipe};
use tch::{TchError, Tensor, no_grad};

use super::trainable::Variable;

/// The optimizer's memory: as many sums per variable as its rule has, of the variable's shape.
#[derive(Debug)]
pub struct Steps {
    rule: Optimizer,
    weight_decay: f64,
    /// By variable; empty for those that are not trained.
    pub sums: Vec<Vec<Tensor>>,
}

impl Steps {
    /// Nothing remembered yet.
    pub fn new(recipe: &Recipe, variables: &[Variable]) -> Result<Self, TchError> {
        let count = match recipe.optimizer {
            Optimizer::Sgd { .. } => 1,
            Optimizer::AdamW { .. } => 2,
        };
        let sums = variables.iter().map(|variable| {
            let count = if variable.rate > 0.0 { count } else { 0 };
            (0..count).map(|_| variable.tensor.detach().f_zeros_like()).collect()
        });
        let sums = sums.collect::<Result<_, _>>()?;
        Ok(Self { rule: recipe.optimizer, weight_decay: recipe.weight_decay, sums })
    }

    /// Moves every variable by its gradient and forgets the gradient; `number` counts steps from 1.
    pub fn apply(&mut self, variables: &mut [Variable], rate: f64, number: usize) -> Result<(), TchError> {
        no_grad(|| {
            for (variable, sums) in variables.iter_mut().zip(&mut self.sums) {
                let gradient = variable.tensor.grad();
                if variable.rate <= 0.0 || !gradient.defined() {
                    continue;
                }
                let rate = rate * variable.rate;
                let decay = if variable.decays { self.weight_decay } else { 0.0 };
                match (self.rule, &mut **sums) {
                    (Optimizer::Sgd { momentum }, [velocity]) => {
                        let _ = velocity.f_mul_(&Tensor::from(momentum as f32))?;
                        let _ = velocity.f_add_(&gradient)?;
                        if decay > 0.0 {
                            let _ = velocity.f_add_(&variable.tensor.f_mul_scalar(decay)?)?;
                        }
                        let _ = variable.tensor.f_sub_(&velocity.f_mul_scalar(rate)?)?;
                    }
                    (Optimizer::AdamW { beta1, beta2, epsilon }, [mean, square]) => {
                        if decay > 0.0 {
                            let _ = variable.tensor.f_mul_(&Tensor::from((1.0 - rate * decay) as f32))?;
                        }
                        let _ = mean.f_lerp_(&gradient, 1.0 - beta1)?;
                        let _ = square.f_lerp_(&gradient.f_square()?, 1.0 - beta2)?;
                        let corrected = |beta: f64| 1.0 - beta.powi(number as i32);
                        let root = square.f_div_scalar(corrected(beta2))?.f_sqrt()?.f_add_scalar(epsilon)?;
                        let step = mean.f_div(&root)?.f_mul_scalar(rate / corrected(beta1))?;
                        let _ = variable.tensor.f_sub_(&step)?;
                    }
                    _ => {}
                }
                variable.tensor.zero_grad();
            }
            Ok(())
        })
    }
}
