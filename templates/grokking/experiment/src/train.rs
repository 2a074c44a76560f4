//! The training loop.

use crate::config::Config;
use crate::data::{Batch, Example, Split, sample};
use crate::error::Failure;
use crate::metrics::{Record, THRESHOLD};
use crate::model::{Model, Parameters};
use crate::ops;
use crate::optim::AdamW;
use crate::rng::{Purpose, Rng};
use candle_core::{D, Tensor};

/// What a training leaves.
pub struct Trained {
    /// How many numbers the model's parameters are.
    pub parameters: usize,
    /// One record for each evaluation.
    pub records: Vec<Record>,
}

/// Trains a model, calling `watch` with each evaluation.
///
/// The run ends after `steps` updates, or `hold_steps` after the validation accuracy crossed.
pub fn train(
    config: &Config,
    seed: u64,
    mut watch: impl FnMut(&Record),
) -> Result<Trained, Failure> {
    let rng = |purpose| Rng::for_purpose(seed, purpose);
    let split = Split::new(
        config.operation,
        config.modulus,
        config.train_fraction,
        &mut rng(Purpose::Split),
    );
    let mut parameters = Parameters::new(rng(Purpose::Init));
    let model = Model::new(config, &mut parameters)?;
    let mut optimizer = AdamW::new(&parameters, config);
    let mut batches = rng(Purpose::Batches);
    let mut evaluations = rng(Purpose::Evaluation);

    let mut records = Vec::new();
    let mut end = config.steps;
    let mut recent = Tally::default();
    for step in 1..=config.steps {
        let batch = Batch::new(sample(&split.train, config.batch, &mut batches));
        let loss = update(&model, &mut optimizer, &batch, &mut recent)?;
        if !loss.is_finite() {
            return Err(Failure::Diverged { step, loss });
        }
        if step % config.eval_every != 0 {
            continue;
        }
        let validation = evaluate(config, &model, &split.validation, &mut evaluations)?;
        let record = Record::new(step, &std::mem::take(&mut recent), &validation);
        watch(&record);
        if record.val_accuracy >= THRESHOLD {
            end = end.min(step + config.hold_steps);
        }
        records.push(record);
        if step >= end {
            break;
        }
    }
    Ok(Trained { parameters: parameters.count(), records })
}

/// Loss and accuracy, added up over pairs.
#[derive(Default)]
pub struct Tally {
    pairs: usize,
    loss: f64,
    correct: usize,
}

impl Tally {
    fn add(&mut self, logits: &Tensor, mean_loss: f32, targets: &[u32]) -> Result<(), Failure> {
        let answers = logits.argmax(D::Minus1)?.to_vec1::<u32>()?;
        self.pairs += targets.len();
        self.loss += f64::from(mean_loss) * targets.len() as f64;
        self.correct += answers.iter().zip(targets).filter(|(a, b)| a == b).count();
        Ok(())
    }

    /// Mean loss in nats.
    pub fn loss(&self) -> f64 {
        self.loss / self.pairs as f64
    }

    /// Which part of the answers is right.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.pairs as f64
    }
}

/// Makes one update; the batch is counted as it was answered before.
fn update(
    model: &Model,
    optimizer: &mut AdamW,
    batch: &Batch,
    tally: &mut Tally,
) -> Result<f32, Failure> {
    let logits = model.forward(&batch.ids)?;
    let loss = ops::cross_entropy(&logits, &batch.targets)?;
    let mean = loss.to_scalar()?;
    tally.add(&logits, mean, &batch.targets)?;
    optimizer.step(&loss.backward()?)?;
    Ok(mean)
}

fn evaluate(
    config: &Config,
    model: &Model,
    validation: &[Example],
    rng: &mut Rng,
) -> Result<Tally, Failure> {
    let examples = match config.eval_samples {
        0 => validation.to_vec(),
        n => sample(validation, n, rng),
    };
    let mut tally = Tally::default();
    for chunk in examples.chunks(config.batch) {
        let batch = Batch::new(chunk.iter().copied());
        let logits = model.forward(&batch.ids)?;
        let loss = ops::cross_entropy(&logits, &batch.targets)?.to_scalar()?;
        tally.add(&logits, loss, &batch.targets)?;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::tiny;

    #[test]
    fn the_loss_falls_and_the_seed_decides_everything() -> Result<(), Failure> {
        let run = |seed| train(&tiny(), seed, |_| {}).map(|trained| trained.records);
        let first = run(1)?;
        assert_eq!(first.len(), 6);
        assert!(first[5].train_loss < first[0].train_loss);
        assert_eq!(first, run(1)?);
        assert_ne!(first, run(2)?);
        Ok(())
    }

    #[test]
    fn a_rate_that_is_too_high_is_reported() {
        let config = Config { lr: 1e30, ..tiny() };
        let failure = train(&config, 1, |_| {}).err().expect("it cannot train");
        assert!(matches!(failure, Failure::Diverged { .. }), "{failure}");
    }
}
