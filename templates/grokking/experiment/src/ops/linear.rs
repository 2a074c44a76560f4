//! The linear layer: `x wᵀ + b`.

use super::matmul::{Matrix, add_product, matmul};
use super::{like, math::vectorized, slice, values};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

/// Maps `x`, of shape (.., in), to (.., out) by a weight of (out, in) and a bias of (out).
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op3(weight, bias, Linear)
}

struct Linear;

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (outputs, inputs) = weight_layout.shape().dims2()?;
        let bias = slice(bias, bias_layout)?;
        let x = Matrix::new(slice(x, x_layout)?, inputs);
        let mut y = bias.repeat(x_layout.shape().elem_count() / inputs);
        add_product(x, Matrix::new(slice(weight, weight_layout)?, inputs).transposed(), &mut y);
        let mut shape = x_layout.dims().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = outputs;
        }
        Ok((CpuStorage::F32(y), shape.into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (outputs, inputs) = weight.dims2()?;
        let grad = grad.contiguous()?;
        let (grad, xs, weights) = (values(&grad)?, values(x)?, values(weight)?);
        let rows = Matrix::new(&grad, outputs);
        let dx = matmul(rows, Matrix::new(&weights, inputs));
        let dw = matmul(rows.transposed(), Matrix::new(&xs, inputs));
        Ok((
            Some(like(dx, x)?),
            Some(like(dw, weight)?),
            Some(like(column_sums(&grad, outputs), bias)?),
        ))
    }
}

fn column_sums(rows: &[f32], cols: usize) -> Vec<f32> {
    let mut sums = vec![0f32; cols];
    vectorized(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(cols) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        },
    );
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;

    #[test]
    fn agrees_with_candle() -> Result<()> {
        let args =
            [check::random(&[3, 5, 7], 1)?, check::random(&[11, 7], 2)?, check::random(&[11], 3)?];
        check::same(
            &args,
            |a| linear(&a[0], &a[1], &a[2]),
            |a| a[0].broadcast_matmul(&a[1].t()?)?.broadcast_add(&a[2]),
        )
    }
}
