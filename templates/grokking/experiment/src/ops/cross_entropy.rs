//! The mean cross-entropy of a batch, in nats.

use super::math::{exp, vectorized};
use super::{like, slice, values};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

/// Mean over the rows of `logits`, of shape (batch, classes), of minus the logarithm of the
/// probability that the softmax gives to the row's target.
pub fn cross_entropy(logits: &Tensor, targets: &[u32]) -> Result<Tensor> {
    logits.contiguous()?.apply_op1(CrossEntropy { targets: targets.to_vec() })
}

struct CrossEntropy {
    targets: Vec<u32>,
}

/// The largest logit of a row and the sum of the exponentials of what the others are below it.
#[inline(always)]
fn partition(row: &[f32]) -> (f32, f32) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (top, super::math::sum(row.len(), |i| exp(row[i] - top)))
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, classes) = layout.shape().dims2()?;
        let logits = slice(logits, layout)?;
        let mut total = 0f32;
        for (row, &target) in logits.chunks_exact(classes).zip(&self.targets) {
            let (top, rest) = vectorized(
                #[inline(always)]
                || partition(row),
            );
            total += libm::logf(rest) + top - row[target as usize];
        }
        Ok((CpuStorage::F32(vec![total / rows as f32]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (rows, classes) = logits.dims2()?;
        let factor = grad.to_scalar::<f32>()? / rows as f32;
        let mut dlogits = values(logits)?.to_vec();
        vectorized(
            #[inline(always)]
            || {
                for (row, &target) in dlogits.chunks_exact_mut(classes).zip(&self.targets) {
                    let (top, rest) = partition(row);
                    row.iter_mut().for_each(|x| *x = exp(*x - top) / rest * factor);
                    row[target as usize] -= factor;
                }
            },
        );
        Ok(Some(like(dlogits, logits)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use candle_core::{D, Device};

    #[test]
    fn agrees_with_candle() -> Result<()> {
        let targets = [2u32, 0, 10, 5];
        check::same(
            &[(check::random(&[4, 11], 1)? * 3.0)?],
            |a| cross_entropy(&a[0], &targets),
            |a| {
                let rest = a[0].exp()?.sum_keepdim(D::Minus1)?.log()?;
                let targets = Tensor::new(&targets, &Device::Cpu)?.unsqueeze(1)?;
                (rest - a[0].gather(&targets, 1)?)?.mean_all()
            },
        )
    }
}
