//! The sum of a token's and a position's embedding.

use super::{like, slice, values};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

/// Embeds a batch of sequences of `length` tokens: `tokens` has the shape (vocabulary, width),
/// `positions` (at least `length`, width), the result (batch, length, width).
pub fn embed(tokens: &Tensor, positions: &Tensor, ids: &[u32], length: usize) -> Result<Tensor> {
    tokens.apply_op2(positions, Embed { ids: ids.to_vec(), length })
}

struct Embed {
    ids: Vec<u32>,
    length: usize,
}

impl Embed {
    /// The offsets of each token's row and each position's row.
    fn rows(&self, width: usize) -> impl Iterator<Item = (usize, usize)> {
        let positions = (0..self.length).cycle();
        self.ids.iter().zip(positions).map(move |(&id, at)| (id as usize * width, at * width))
    }
}

impl CustomOp2 for Embed {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn cpu_fwd(
        &self,
        tokens: &CpuStorage,
        tokens_layout: &Layout,
        positions: &CpuStorage,
        positions_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, width) = tokens_layout.shape().dims2()?;
        let tokens = slice(tokens, tokens_layout)?;
        let positions = slice(positions, positions_layout)?;
        let mut out = Vec::with_capacity(self.ids.len() * width);
        for (token, position) in self.rows(width) {
            let rows = tokens[token..token + width].iter().zip(&positions[position..]);
            out.extend(rows.map(|(token, position)| token + position));
        }
        let shape = (self.ids.len() / self.length, self.length, width);
        Ok((CpuStorage::F32(out), shape.into()))
    }

    fn bwd(
        &self,
        tokens: &Tensor,
        positions: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (_, width) = tokens.dims2()?;
        let grad = grad.contiguous()?;
        let grad = values(&grad)?;
        let mut dtokens = vec![0f32; tokens.elem_count()];
        let mut dpositions = vec![0f32; positions.elem_count()];
        for ((token, position), grad) in self.rows(width).zip(grad.chunks_exact(width)) {
            for (i, grad) in grad.iter().enumerate() {
                dtokens[token + i] += grad;
                dpositions[position + i] += grad;
            }
        }
        Ok((Some(like(dtokens, tokens)?), Some(like(dpositions, positions)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use candle_core::Device;

    #[test]
    fn agrees_with_candle() -> Result<()> {
        let ids = [4, 0, 1, 0, 2, 2];
        let args = [check::random(&[5, 7], 1)?, check::random(&[4, 7], 2)?];
        check::same(
            &args,
            |a| embed(&a[0], &a[1], &ids, 3),
            |a| {
                let ids = Tensor::new(&ids, &Device::Cpu)?;
                let tokens = a[0].index_select(&ids, 0)?.reshape((2, 3, 7))?;
                tokens.broadcast_add(&a[1].narrow(0, 0, 3)?)
            },
        )
    }
}
