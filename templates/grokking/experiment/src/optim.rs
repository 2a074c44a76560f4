//! AdamW: Adam with decoupled weight decay, <https://arxiv.org/abs/1711.05101>.

use crate::config::Config;
use crate::model::Parameters;
use crate::ops::math::vectorized;
use candle_core::{Result, Tensor, Var, backprop::GradStore};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.98;
const EPSILON: f32 = 1e-8;

/// The learning rate of a parameter after warm-up.
fn rate(_name: &str, config: &Config) -> f64 {
    config.lr
}

/// The optimiser: decays every parameter, embeddings, biases and norms included.
pub struct AdamW {
    slots: Vec<Slot>,
    weight_decay: f64,
    warmup: usize,
    /// Updates made.
    updates: usize,
    /// `BETA_1` and `BETA_2` to the power of the updates made.
    powers: (f64, f64),
}

/// A parameter with its running moments.
struct Slot {
    var: Var,
    rate: f64,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl AdamW {
    pub fn new(parameters: &Parameters, config: &Config) -> Self {
        let slot = |(name, var): (&str, &Var)| Slot {
            var: var.clone(),
            rate: rate(name, config),
            first: vec![0.0; var.elem_count()],
            second: vec![0.0; var.elem_count()],
        };
        Self {
            slots: parameters.iter().map(slot).collect(),
            weight_decay: config.weight_decay,
            warmup: config.warmup,
            updates: 0,
            powers: (1.0, 1.0),
        }
    }

    /// Updates every parameter that has a gradient; the very first update has the rate 0.
    pub fn step(&mut self, gradients: &GradStore) -> Result<()> {
        let warmth = self.updates as f64 / self.warmup.max(1) as f64;
        let warmth = if self.warmup == 0 { 1.0 } else { warmth.min(1.0) };
        self.updates += 1;
        self.powers = (self.powers.0 * BETA_1, self.powers.1 * BETA_2);
        for slot in &mut self.slots {
            if let Some(gradient) = gradients.get(&slot.var) {
                let factors = Factors::new(slot.rate * warmth, self.weight_decay, self.powers);
                slot.update(&gradient.flatten_all()?.to_vec1()?, factors)?;
            }
        }
        Ok(())
    }
}

/// The numbers that all entries of a parameter share in one update.
#[derive(Clone, Copy)]
struct Factors {
    keep: f32,
    step: f32,
    second_scale: f32,
}

impl Factors {
    fn new(rate: f64, weight_decay: f64, (power_1, power_2): (f64, f64)) -> Self {
        Self {
            keep: (1.0 - rate * weight_decay) as f32,
            step: (rate / (1.0 - power_1)) as f32,
            second_scale: (1.0 / (1.0 - power_2).sqrt()) as f32,
        }
    }
}

impl Slot {
    fn update(&mut self, gradient: &[f32], factors: Factors) -> Result<()> {
        let mut values: Vec<f32> = self.var.flatten_all()?.to_vec1()?;
        vectorized(
            #[inline(always)]
            || update(&mut values, &mut self.first, &mut self.second, gradient, factors),
        );
        self.var.set(&Tensor::from_vec(values, self.var.shape(), self.var.device())?)
    }
}

#[inline(always)]
fn update(
    values: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    factors: Factors,
) {
    let moments = first.iter_mut().zip(second);
    for ((value, (first, second)), &gradient) in values.iter_mut().zip(moments).zip(gradient) {
        *first += (gradient - *first) * (1.0 - BETA_1) as f32;
        *second = *second * BETA_2 as f32 + gradient * gradient * (1.0 - BETA_2) as f32;
        let scale = second.sqrt() * factors.second_scale + EPSILON;
        *value = *value * factors.keep - factors.step * (*first / scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two updates at the rate 0.1 with decay 0.5, worked out by hand from the paper's
    /// algorithm 2: a first update moves by the rate against the sign of the gradient.
    #[test]
    fn follows_two_updates_worked_out_by_hand() {
        let (mut value, mut first, mut second) = ([2.0f32], [0.0], [0.0]);
        let factors = Factors::new(0.1, 0.5, (BETA_1, BETA_2));
        update(&mut value, &mut first, &mut second, &[3.0], factors);
        // m = 0.3, v = 0.18, both corrected: 3 and 9; 2 * 0.95 - 0.1 * 3 / 3.
        assert!((value[0] - 1.8).abs() < 1e-6);
        assert!((first[0] - 0.3).abs() < 1e-6 && (second[0] - 0.18).abs() < 1e-6);

        let factors = Factors::new(0.1, 0.5, (BETA_1 * BETA_1, BETA_2 * BETA_2));
        update(&mut value, &mut first, &mut second, &[-1.0], factors);
        // m = 0.17, corrected 0.17 / 0.19 = 0.894737; v = 0.1964, corrected 0.1964 / 0.0396 =
        // 4.959596 with the root 2.227015; 1.8 * 0.95 - 0.1 * 0.894737 / 2.227015 = 1.669823.
        assert!((value[0] - 1.669_823).abs() < 1e-6, "{}", value[0]);
    }

    #[test]
    fn the_first_update_of_a_warm_up_changes_nothing_and_the_second_does() -> Result<()> {
        let config = crate::config::tests::tiny();
        let mut parameters = Parameters::new(crate::rng::Rng::new(0));
        let model = crate::model::Model::new(&config, &mut parameters)?;
        let mut optimizer = AdamW::new(&parameters, &config);
        let logits = || model.forward(&[2, 0, 3, 1])?.flatten_all()?.to_vec1::<f32>();
        let gradients =
            crate::ops::cross_entropy(&model.forward(&[2, 0, 3, 1])?, &[5])?.backward()?;
        let before = logits()?;
        optimizer.step(&gradients)?;
        assert_eq!(logits()?, before);
        optimizer.step(&gradients)?;
        assert_ne!(logits()?, before);
        Ok(())
    }
}
