//! A small post-norm decoder, as trained in "Grokking: Generalization Beyond Overfitting on
//! Small Algorithmic Datasets", <https://arxiv.org/abs/2201.02177>.

use crate::config::Config;
use crate::data::LENGTH;
use crate::ops;
use crate::rng::Rng;
use candle_core::{Device, Result, Tensor, Var};

/// Rows of the position table. The last is never read; the published models have it too.
const POSITIONS: usize = LENGTH + 1;

/// The parameters of a model by name, in the order in which they were made.
pub struct Parameters {
    named: Vec<(String, Var)>,
    rng: Rng,
}

impl Parameters {
    pub fn new(rng: Rng) -> Self {
        Self { named: Vec::new(), rng }
    }

    /// Every parameter with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.named.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// How many numbers the parameters are.
    pub fn count(&self) -> usize {
        self.named.iter().map(|(_, var)| var.elem_count()).sum()
    }

    fn make(
        &mut self,
        name: String,
        shape: &[usize],
        mut value: impl FnMut(&mut Rng) -> f32,
    ) -> Result<Tensor> {
        let values = (0..shape.iter().product()).map(|_| value(&mut self.rng)).collect();
        let var = Var::from_vec(values, shape, &Device::Cpu)?;
        let tensor = var.as_tensor().clone();
        self.named.push((name, var));
        Ok(tensor)
    }
}

/// A learned table, at first standard normal.
struct Embedding {
    table: Tensor,
}

impl Embedding {
    fn new(rows: usize, width: usize, name: &str, parameters: &mut Parameters) -> Result<Self> {
        let table = parameters.make(name.to_owned(), &[rows, width], Rng::normal)?;
        Ok(Self { table })
    }
}

struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// PyTorch's default: uniform within one over the square root of the inputs.
    fn new(inputs: usize, outputs: usize, name: &str, parameters: &mut Parameters) -> Result<Self> {
        let bound = 1.0 / (inputs as f64).sqrt();
        Self::within(bound, bound, [outputs, inputs], name, parameters)
    }

    fn within(
        weight: f64,
        bias: f64,
        [outputs, inputs]: [usize; 2],
        name: &str,
        parameters: &mut Parameters,
    ) -> Result<Self> {
        Ok(Self {
            weight: parameters
                .make(format!("{name}.weight"), &[outputs, inputs], |rng| rng.uniform(weight))?,
            bias: parameters.make(format!("{name}.bias"), &[outputs], |rng| rng.uniform(bias))?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::linear(x, &self.weight, &self.bias)
    }
}

struct LayerNorm {
    scale: Tensor,
    shift: Tensor,
}

impl LayerNorm {
    fn new(width: usize, name: &str, parameters: &mut Parameters) -> Result<Self> {
        Ok(Self {
            scale: parameters.make(format!("{name}.scale"), &[width], |_| 1.0)?,
            shift: parameters.make(format!("{name}.shift"), &[width], |_| 0.0)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm(x, &self.scale, &self.shift)
    }
}

struct Attention {
    query: Linear,
    key_value: Linear,
    out: Linear,
    heads: usize,
}

impl Attention {
    /// PyTorch's default: the three projections in are one matrix, uniform after Glorot, and no
    /// bias of the attention starts anywhere but at 0.
    fn new(cfg: &Config, name: &str, parameters: &mut Parameters) -> Result<Self> {
        let width = cfg.width;
        let glorot = (6.0 / (width + 3 * width) as f64).sqrt();
        let default = 1.0 / (width as f64).sqrt();
        let mut linear = |bound, outputs, part| {
            Linear::within(bound, 0.0, [outputs, width], &format!("{name}.{part}"), parameters)
        };
        Ok(Self {
            query: linear(glorot, width, "query")?,
            key_value: linear(glorot, 2 * width, "key_value")?,
            out: linear(default, width, "out")?,
            heads: cfg.heads,
        })
    }

    /// Attends from `asking`, the last positions of `x`, to `x`.
    fn forward(&self, asking: &Tensor, x: &Tensor) -> Result<Tensor> {
        let queries = self.query.forward(asking)?;
        let attended = ops::attention(&queries, &self.key_value.forward(x)?, self.heads)?;
        self.out.forward(&attended)
    }
}

struct FeedForward {
    widen: Linear,
    narrow: Linear,
}

impl FeedForward {
    fn new(cfg: &Config, name: &str, parameters: &mut Parameters) -> Result<Self> {
        let hidden = cfg.width * cfg.ffn_multiple;
        Ok(Self {
            widen: Linear::new(cfg.width, hidden, &format!("{name}.widen"), parameters)?,
            narrow: Linear::new(hidden, cfg.width, &format!("{name}.narrow"), parameters)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.narrow.forward(&ops::gelu(&self.widen.forward(x)?)?)
    }
}

struct Block {
    attention: Attention,
    attention_norm: LayerNorm,
    feed_forward: FeedForward,
    feed_forward_norm: LayerNorm,
}

impl Block {
    fn new(cfg: &Config, name: &str, parameters: &mut Parameters) -> Result<Self> {
        let width = cfg.width;
        Ok(Self {
            attention: Attention::new(cfg, &format!("{name}.attention"), parameters)?,
            attention_norm: LayerNorm::new(width, &format!("{name}.attention_norm"), parameters)?,
            feed_forward: FeedForward::new(cfg, &format!("{name}.feed_forward"), parameters)?,
            feed_forward_norm: LayerNorm::new(
                width,
                &format!("{name}.feed_forward_norm"),
                parameters,
            )?,
        })
    }

    /// Maps the last `last` positions of `x`; the others are only attended to.
    fn forward(&self, x: &Tensor, last: usize) -> Result<Tensor> {
        let length = x.dim(1)?;
        let asking = x.narrow(1, length - last, last)?;
        let attended = self.attention.forward(&asking, x)?;
        let x = self.attention_norm.forward(&(asking + attended)?)?;
        self.feed_forward_norm.forward(&(&x + self.feed_forward.forward(&x)?)?)
    }
}

/// The decoder: reads sequences of `LENGTH` tokens, answers with the logits of the results.
pub struct Model {
    tokens: Embedding,
    positions: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Linear,
}

impl Model {
    pub fn new(cfg: &Config, parameters: &mut Parameters) -> Result<Self> {
        let vocabulary = cfg.operation.vocabulary(cfg.modulus);
        let results = cfg.operation.elements(cfg.modulus);
        Ok(Self {
            tokens: Embedding::new(vocabulary, cfg.width, "embedding.token", parameters)?,
            positions: Embedding::new(POSITIONS, cfg.width, "embedding.position", parameters)?,
            blocks: (0..cfg.layers)
                .map(|i| Block::new(cfg, &format!("block.{i}"), parameters))
                .collect::<Result<_>>()?,
            norm: LayerNorm::new(cfg.width, "norm", parameters)?,
            head: Linear::new(cfg.width, results, "head", parameters)?,
        })
    }

    /// Maps `LENGTH` tokens per sequence to logits of the shape (batch, results).
    pub fn forward(&self, ids: &[u32]) -> Result<Tensor> {
        let mut x = ops::embed(&self.tokens.table, &self.positions.table, ids, LENGTH)?;
        for (i, block) in self.blocks.iter().enumerate() {
            // Nothing reads what the last block would make of the other positions.
            let last = if i + 1 == self.blocks.len() { 1 } else { LENGTH };
            x = block.forward(&x, last)?;
        }
        self.head.forward(&self.norm.forward(&x.squeeze(1)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::tiny;
    use crate::data::Operation;

    fn count(operation: Operation) -> Result<usize> {
        let cfg = Config { operation, modulus: 97, width: 128, heads: 4, ..tiny() };
        let mut parameters = Parameters::new(Rng::new(0));
        Model::new(&cfg, &mut parameters)?;
        Ok(parameters.count())
    }

    #[test]
    fn has_as_many_parameters_as_the_published_models() -> Result<()> {
        assert_eq!(count(Operation::Add)?, 422_625);
        assert_eq!(count(Operation::S5)?, 428_536);
        Ok(())
    }

    #[test]
    fn every_parameter_has_a_gradient() -> Result<()> {
        let mut parameters = Parameters::new(Rng::new(0));
        let model = Model::new(&tiny(), &mut parameters)?;
        let logits = model.forward(&[2, 0, 3, 1, 4, 0, 5, 1])?;
        assert_eq!(logits.dims(), [2, 7]);
        let gradients = ops::cross_entropy(&logits, &[5, 2])?.backward()?;
        for (name, var) in parameters.iter() {
            assert!(gradients.get(var).is_some(), "{name} has none");
        }
        Ok(())
    }
}
