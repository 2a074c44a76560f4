//! Fused operations with their gradients, as candle custom operations on the CPU.
//!
//! A step of so small a model spends its time between the operations, not in them: candle's
//! elementary operations would read and write each activation many times over.

mod attention;
mod cross_entropy;
mod embed;
mod gelu;
mod layer_norm;
mod linear;
pub mod math;
mod matmul;

pub use attention::attention;
pub use cross_entropy::cross_entropy;
pub use embed::embed;
pub use gelu::gelu;
pub use layer_norm::layer_norm;
pub use linear::linear;

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};
use std::ops::{Deref, Range};

/// The numbers of a contiguous tensor of `f32` on the CPU, in row-major order.
struct Values<S> {
    storage: S,
    range: Range<usize>,
}

/// The numbers of a contiguous tensor of `f32` on the CPU; other tensors are refused.
fn values(tensor: &Tensor) -> Result<Values<impl Deref<Target = Storage> + '_>> {
    let (storage, layout) = tensor.storage_and_layout();
    let range = match &*storage {
        Storage::Cpu(CpuStorage::F32(_)) => range(layout)?,
        _ => bail!("expected numbers of type f32 on the CPU"),
    };
    Ok(Values { storage, range })
}

impl<S: Deref<Target = Storage>> Deref for Values<S> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => unreachable!("checked when it was made"),
        }
    }
}

/// The numbers that an operation is given, in row-major order.
fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    Ok(&storage.as_slice::<f32>()?[range(layout)?])
}

fn range(layout: &Layout) -> Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => bail!("expected a contiguous tensor, found {layout:?}"),
    }
}

/// A tensor of a given one's shape.
fn like(values: Vec<f32>, tensor: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, tensor.shape(), tensor.device())
}

#[cfg(test)]
mod check;
