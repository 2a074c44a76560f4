//! The exact Gaussian error linear unit, <https://arxiv.org/abs/1606.08415>.

use super::math::{normal, vectorized};
use super::{like, slice, values};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

/// `x` times the probability that a standard normal variable is below `x`, elementwise.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Gelu)
}

struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = slice(x, layout)?.to_vec();
        vectorized(
            #[inline(always)]
            || y.iter_mut().for_each(|x| *x *= normal(*x).0),
        );
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let mut dx = values(&grad)?.to_vec();
        let xs = values(x)?;
        let xs: &[f32] = &xs;
        vectorized(
            #[inline(always)]
            || {
                for (dx, &x) in dx.iter_mut().zip(xs) {
                    let (cumulative, density) = normal(x);
                    *dx *= cumulative + x * density;
                }
            },
        );
        Ok(Some(like(dx, x)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;

    #[test]
    fn agrees_with_candle() -> Result<()> {
        let x = (check::random(&[5, 33], 1)? * 2.0)?;
        check::same(&[x], |a| gelu(&a[0]), |a| a[0].gelu_erf())
    }
}
