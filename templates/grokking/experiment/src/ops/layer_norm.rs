//! Layer normalisation, <https://arxiv.org/abs/1607.06450>.

use super::math::{sum, vectorized};
use super::{like, slice, values};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

/// Added to the variance.
const EPSILON: f32 = 1e-5;

/// Brings each row of `x`, of shape (.., width), to mean 0 and variance 1, then scales and shifts.
pub fn layer_norm(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op3(scale, shift, LayerNorm)
}

struct LayerNorm;

/// The mean of a row and the reciprocal of its standard deviation.
#[inline(always)]
fn moments(row: &[f32]) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = sum(row.len(), |i| row[i]) / n;
    let variance = sum(row.len(), |i| (row[i] - mean) * (row[i] - mean)) / n;
    (mean, 1.0 / (variance + EPSILON).sqrt())
}

#[inline(always)]
fn forward(y: &mut [f32], scale: &[f32], shift: &[f32]) {
    for row in y.chunks_exact_mut(scale.len()) {
        let (mean, rate) = moments(row);
        for ((y, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
            *y = (*y - mean) * rate * scale + shift;
        }
    }
}

/// Turns `grad` into the gradient by `x`, and adds up those by the scale and the shift.
#[inline(always)]
fn backward(x: &[f32], scale: &[f32], grad: &mut [f32], dscale: &mut [f32], dshift: &mut [f32]) {
    let width = scale.len();
    let n = width as f32;
    let (dscale, dshift) = (&mut dscale[..width], &mut dshift[..width]);
    for (x, grad) in x.chunks_exact(width).zip(grad.chunks_exact_mut(width)) {
        let (mean, rate) = moments(x);
        let slope = sum(width, |i| grad[i] * scale[i]) / n;
        let tilt = sum(width, |i| grad[i] * scale[i] * (x[i] - mean)) * rate / n;
        for i in 0..width {
            let normalised = (x[i] - mean) * rate;
            dscale[i] += grad[i] * normalised;
            dshift[i] += grad[i];
            grad[i] = rate * (grad[i] * scale[i] - slope - normalised * tilt);
        }
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
        shift: &CpuStorage,
        shift_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let mut y = slice(x, x_layout)?.to_vec();
        let (scale, shift) = (slice(scale, scale_layout)?, slice(shift, shift_layout)?);
        vectorized(
            #[inline(always)]
            || forward(&mut y, scale, shift),
        );
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let mut dx = values(&grad)?.to_vec();
        let (xs, scales) = (values(x)?, values(scale)?);
        let (xs, scales): (&[f32], &[f32]) = (&xs, &scales);
        let (mut dscale, mut dshift) = (vec![0f32; scales.len()], vec![0f32; scales.len()]);
        vectorized(
            #[inline(always)]
            || backward(xs, scales, &mut dx, &mut dscale, &mut dshift),
        );
        Ok((Some(like(dx, x)?), Some(like(dscale, scale)?), Some(like(dshift, shift)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use candle_core::D;

    fn elementary(a: &[Tensor]) -> Result<Tensor> {
        let centred = a[0].broadcast_sub(&a[0].mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normalised = centred.broadcast_div(&(variance + f64::from(EPSILON))?.sqrt()?)?;
        normalised.broadcast_mul(&a[1])?.broadcast_add(&a[2])
    }

    #[test]
    fn agrees_with_candle() -> Result<()> {
        for width in [8, 19] {
            let args = [
                check::random(&[2, 3, width], 1)?,
                check::random(&[width], 2)?,
                check::random(&[width], 3)?,
            ];
            check::same(&args, |a| layer_norm(&a[0], &a[1], &a[2]), elementary)?;
        }
        Ok(())
    }
}
