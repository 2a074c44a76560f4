//! Compares a fused operation, with its gradients, to the same from candle's elementary ones.

use crate::rng::Rng;
use candle_core::{Device, Result, Tensor, Var};

/// A tensor of standard normal numbers.
pub fn random(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut rng = Rng::new(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.normal()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// Checks that both operations agree in value, and in the gradient of an uneven weighting of
/// their results by every argument.
#[track_caller]
pub fn same(
    args: &[Tensor],
    fused: impl Fn(&[Tensor]) -> Result<Tensor>,
    elementary: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<()> {
    let vars = args.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let args: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let (fused, elementary) = (fused(&args)?, elementary(&args)?);
    close("value", &fused, &elementary)?;
    let weighting = random(fused.dims(), 99)?;
    let gradients = |y: &Tensor| (y * &weighting)?.sum_all()?.backward();
    let (fused, elementary) = (gradients(&fused)?, gradients(&elementary)?);
    for (i, var) in vars.iter().enumerate() {
        let (Some(fused), Some(elementary)) = (fused.get(var), elementary.get(var)) else {
            panic!("argument {i} has no gradient");
        };
        close(&format!("gradient of argument {i}"), fused, elementary)?;
    }
    Ok(())
}

#[track_caller]
fn close(what: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    assert_eq!(a.dims(), b.dims(), "{what}: shapes differ");
    let (a, b) = (a.flatten_all()?.to_vec1::<f32>()?, b.flatten_all()?.to_vec1::<f32>()?);
    let largest = b.iter().fold(0f32, |top, x| top.max(x.abs()));
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        assert!((a - b).abs() <= 1e-5 * largest.max(1.0), "{what}: entry {i} is {a}, not {b}");
    }
    Ok(())
}
