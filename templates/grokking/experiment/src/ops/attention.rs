//! Causal multi-head attention from projected queries, keys and values,
//! <https://arxiv.org/abs/1706.03762>.

use super::math::{dot, exp, vectorized};
use super::{like, slice, values};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// Attends from the last positions of a sequence to all that are not after them.
///
/// `queries` has the shape (batch, last, width), `keys_values` (batch, length, 2 width), keys
/// first; the result is shaped as the queries, which stand for the positions `length - last ..`.
pub fn attention(queries: &Tensor, keys_values: &Tensor, heads: usize) -> Result<Tensor> {
    queries.contiguous()?.apply_op2(&keys_values.contiguous()?, Attention { heads })
}

struct Attention {
    heads: usize,
}

/// Where everything is within the flat numbers.
#[derive(Clone, Copy)]
struct Dims {
    batch: usize,
    last: usize,
    length: usize,
    width: usize,
    heads: usize,
}

impl Dims {
    fn new(queries: &Shape, keys_values: &Shape, heads: usize) -> Result<Self> {
        let (batch, last, width) = queries.dims3()?;
        let (same_batch, length, both) = keys_values.dims3()?;
        if same_batch != batch || both != 2 * width || last > length || width % heads != 0 {
            bail!("attention of {heads} heads from {queries:?} to {keys_values:?}");
        }
        Ok(Self { batch, last, length, width, heads })
    }

    #[inline(always)]
    fn scale(self) -> f32 {
        1.0 / ((self.width / self.heads) as f32).sqrt()
    }

    /// Calls `f(query, keys)` for each sequence, head and query with the offset of the query and
    /// those of the visible keys; a key's value stands `width` behind it.
    #[inline(always)]
    fn each(self, mut f: impl FnMut(usize, &[usize])) {
        let mut keys = Vec::with_capacity(self.length);
        for sequence in 0..self.batch {
            for head in 0..self.heads {
                let column = head * (self.width / self.heads);
                for i in 0..self.last {
                    let visible = self.length - self.last + i + 1;
                    keys.clear();
                    keys.extend(
                        (0..visible)
                            .map(|j| (sequence * self.length + j) * 2 * self.width + column),
                    );
                    f((sequence * self.last + i) * self.width + column, &keys);
                }
            }
        }
    }
}

/// Softmax of the scaled products of a query with its keys.
#[inline(always)]
fn weigh(weights: &mut Vec<f32>, query: &[f32], keys: &[usize], kv: &[f32], scale: f32) {
    weights.clear();
    weights.extend(keys.iter().map(|&key| dot(query, &kv[key..key + query.len()]) * scale));
    let top = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    weights.iter_mut().for_each(|w| *w = exp(*w - top));
    let total: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
}

#[inline(always)]
fn add_scaled(to: &mut [f32], from: &[f32], factor: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

#[inline(always)]
fn forward(dims: Dims, q: &[f32], kv: &[f32], out: &mut [f32]) {
    let size = dims.width / dims.heads;
    let mut weights = Vec::with_capacity(dims.length);
    dims.each(|query, keys| {
        weigh(&mut weights, &q[query..query + size], keys, kv, dims.scale());
        for (&key, &weight) in keys.iter().zip(&weights) {
            let value = key + dims.width;
            add_scaled(&mut out[query..query + size], &kv[value..value + size], weight);
        }
    });
}

#[inline(always)]
fn backward(dims: Dims, q: &[f32], kv: &[f32], grad: &[f32], dq: &mut [f32], dkv: &mut [f32]) {
    let size = dims.width / dims.heads;
    let (mut weights, mut dweights) = (Vec::new(), Vec::new());
    dims.each(|at, keys| {
        let (query, grad) = (&q[at..at + size], &grad[at..at + size]);
        weigh(&mut weights, query, keys, kv, dims.scale());
        dweights.clear();
        for (&key, &weight) in keys.iter().zip(&weights) {
            let value = key + dims.width;
            dweights.push(dot(grad, &kv[value..value + size]));
            add_scaled(&mut dkv[value..value + size], grad, weight);
        }
        let mean: f32 = weights.iter().zip(&dweights).map(|(w, dw)| w * dw).sum();
        for ((&key, &weight), &dweight) in keys.iter().zip(&weights).zip(&dweights) {
            let dscore = weight * (dweight - mean) * dims.scale();
            add_scaled(&mut dq[at..at + size], &kv[key..key + size], dscore);
            add_scaled(&mut dkv[key..key + size], query, dscore);
        }
    });
}

impl CustomOp2 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        kv: &CpuStorage,
        kv_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let dims = Dims::new(q_layout.shape(), kv_layout.shape(), self.heads)?;
        let (q, kv) = (slice(q, q_layout)?, slice(kv, kv_layout)?);
        let mut out = vec![0f32; q.len()];
        vectorized(
            #[inline(always)]
            || forward(dims, q, kv, &mut out),
        );
        Ok((CpuStorage::F32(out), q_layout.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        kv: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dims = Dims::new(q.shape(), kv.shape(), self.heads)?;
        let grad = grad.contiguous()?;
        let (qs, kvs, grads) = (values(q)?, values(kv)?, values(&grad)?);
        let (qs, kvs, grads): (&[f32], &[f32], &[f32]) = (&qs, &kvs, &grads);
        let (mut dq, mut dkv) = (vec![0f32; qs.len()], vec![0f32; kvs.len()]);
        vectorized(
            #[inline(always)]
            || backward(dims, qs, kvs, grads, &mut dq, &mut dkv),
        );
        Ok((Some(like(dq, q)?), Some(like(dkv, kv)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use candle_core::{D, Device};

    const HEADS: usize = 3;

    /// The same from matrix products, a mask and a softmax.
    fn elementary(a: &[Tensor]) -> Result<Tensor> {
        let (batch, last, width) = a[0].dims3()?;
        let length = a[1].dim(1)?;
        let split = |x: &Tensor| {
            let (batch, length, _) = x.dims3()?;
            x.reshape((batch, length, HEADS, width / HEADS))?.transpose(1, 2)?.contiguous()
        };
        let (q, k) = (split(&a[0])?, split(&a[1].narrow(2, 0, width)?)?);
        let v = split(&a[1].narrow(2, width, width)?)?;
        let mask: Vec<f32> = (length - last..length)
            .flat_map(|i| (0..length).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 }))
            .collect();
        let mask = Tensor::from_vec(mask, (last, length), &Device::Cpu)?;
        let scores = (q.matmul(&k.t()?.contiguous()?)? / ((width / HEADS) as f64).sqrt())?;
        let weights = scores.broadcast_add(&mask)?.exp()?;
        let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
        weights.matmul(&v)?.transpose(1, 2)?.reshape((batch, last, width))
    }

    #[test]
    fn agrees_with_candle() -> Result<()> {
        for last in [1, 4] {
            let args = [check::random(&[2, last, 15], 1)?, check::random(&[2, 4, 30], 2)?];
            check::same(&args, |a| attention(&a[0], &a[1], HEADS), elementary)?;
        }
        Ok(())
    }
}
