//! What the recipe decides: the parameters of one run.

use crate::data::Operation;
use crate::error::Failure;
use serde::Deserialize;
use std::path::Path;

/// The parameters of a run. All must be given, and nothing else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is learned.
    pub operation: Operation,
    /// The modulus of `add`, `sub` and `div`; `s5` has none and ignores it.
    pub modulus: u32,
    /// Which part of all pairs is trained on; the others are for validation.
    pub train_fraction: f64,

    /// Numbers per position inside the model.
    pub width: usize,
    /// Attention heads; they share the width.
    pub heads: usize,
    /// Decoder blocks.
    pub layers: usize,
    /// How many times wider than the model the feed-forward layers are.
    pub ffn_multiple: usize,

    /// Pairs per update, drawn with replacement.
    pub batch: usize,
    /// Updates at most.
    pub steps: usize,
    /// Updates after the validation accuracy first reached the threshold; then the run ends.
    pub hold_steps: usize,
    /// The learning rate after warm-up.
    pub lr: f64,
    /// Updates over which the learning rate rises from 0.
    pub warmup: usize,
    /// Decoupled weight decay, of every parameter.
    pub weight_decay: f64,

    /// Updates between evaluations.
    pub eval_every: usize,
    /// Validation pairs per evaluation, drawn with replacement; 0 takes each pair once.
    pub eval_samples: usize,
}

impl Config {
    /// Reads the parameters from a JSON file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::io(path, error))?;
        Self::parse(&text).map_err(|message| Failure::Params { path: path.to_path_buf(), message })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let counts = [
            ("width", self.width),
            ("heads", self.heads),
            ("layers", self.layers),
            ("ffn_multiple", self.ffn_multiple),
            ("batch", self.batch),
            ("steps", self.steps),
            ("eval_every", self.eval_every),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(format!("`{name}` must be at least 1"));
        }
        let rates = [("lr", self.lr), ("weight_decay", self.weight_decay)];
        if let Some((name, rate)) = rates.iter().find(|(_, rate)| !rate.is_finite() || *rate < 0.0)
        {
            return Err(format!("`{name}` must be a number of at least 0, found {rate}"));
        }
        if !self.width.is_multiple_of(self.heads) {
            return Err(format!(
                "`heads` must divide `width`, but {} does not divide {}",
                self.heads, self.width
            ));
        }
        if !(self.train_fraction > 0.0 && self.train_fraction < 1.0) {
            return Err(format!(
                "`train_fraction` must be between 0 and 1, found {}",
                self.train_fraction
            ));
        }
        if !self.steps.is_multiple_of(self.eval_every) {
            return Err(format!(
                "`eval_every` must divide `steps`, but {} does not divide {}",
                self.eval_every, self.steps
            ));
        }
        self.operation.check(self.modulus)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A configuration so small that it trains in an instant.
    pub const TINY: &str = include_str!("../tests/tiny.json");

    pub fn tiny() -> Config {
        Config::parse(TINY).expect("the constant is well-formed")
    }

    #[track_caller]
    fn refused(from: &str, to: &str) -> String {
        assert!(TINY.contains(from));
        Config::parse(&TINY.replace(from, to)).expect_err("it is wrong")
    }

    #[test]
    fn names_an_unknown_parameter_and_the_known_ones() {
        let message = refused("\"lr\"", "\"rate\"");
        assert!(message.starts_with("unknown field `rate`, expected one of `operation`"));
    }

    #[test]
    fn names_a_missing_parameter() {
        assert!(refused("\"lr\": 0.003,", "").starts_with("missing field `lr`"));
    }

    #[test]
    fn refuses_what_cannot_be_trained() {
        let message = refused("\"heads\": 2", "\"heads\": 3");
        assert_eq!(message, "`heads` must divide `width`, but 3 does not divide 16");
        assert_eq!(refused("\"batch\": 32", "\"batch\": 0"), "`batch` must be at least 1");
        let message = refused("\"train_fraction\": 0.5", "\"train_fraction\": 1");
        assert_eq!(message, "`train_fraction` must be between 0 and 1, found 1");
        let message = refused("\"lr\": 0.003", "\"lr\": -1");
        assert_eq!(message, "`lr` must be a number of at least 0, found -1");
        let composite =
            TINY.replace("\"add\"", "\"div\"").replace("\"modulus\": 7", "\"modulus\": 8");
        let message = Config::parse(&composite).expect_err("8 has divisors of zero");
        assert_eq!(message, "`modulus` must be a prime to divide by, found 8");
    }
}
