//! Arithmetic shared by the operations: the same bits on every machine, whatever its vectors.
//!
//! Rust neither reorders nor contracts floating-point operations, so a result depends on the
//! order written here and not on the width of the machine's vectors. What would depend on the
//! machine, the C library's `expf` and its kin, is replaced by plain arithmetic.

use pulp::Arch;

/// Runs `f` with the widest vector instructions that this machine has.
///
/// Everything that `f` calls and wants vectorised must be `#[inline(always)]`.
pub fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(f)
}

/// Partial sums are kept per lane, so that a sum can be vectorised without being reordered.
const LANES: usize = 8;

/// Sums `f(0) + .. + f(n - 1)`: term `i` goes to lane `i % 8`, then the lanes are added in order.
#[inline(always)]
pub fn sum(n: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let full = n - n % LANES;
    let mut start = 0;
    while start < full {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += f(start + lane);
        }
        start += LANES;
    }
    for (lane, sum) in lanes.iter_mut().enumerate().take(n - full) {
        *sum += f(full + lane);
    }
    lanes.iter().sum()
}

/// The scalar product of two vectors of one length.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    sum(n, |i| a[i] * b[i])
}

/// `e` to the `x`, within two units in the last place; `x` is clamped to ±87.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut series = 1.987_569_1e-4;
    series = series * r + 1.398_199_9e-3;
    series = series * r + 8.333_452e-3;
    series = series * r + 4.166_579_6e-2;
    series = series * r + 1.666_666_6e-1;
    series = series * r + 0.5;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    ((series * r) * r + r + 1.0) * f32::from_bits(exponent)
}

/// The normal distribution's cumulative probability and density at `x`, each within 3e-7.
///
/// The error function after Abramowitz and Stegun, 7.1.26.
#[inline(always)]
pub fn normal(x: f32) -> (f32, f32) {
    const FRAC_1_SQRT_2PI: f32 = 0.398_942_3;
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let bell = exp(-z * z);
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let mut series = 1.061_405_4;
    series = series * t - 1.453_152;
    series = series * t + 1.421_413_7;
    series = series * t - 0.284_496_74;
    series = series * t + 0.254_829_6;
    let tail = 0.5 * series * t * bell;
    (if x < 0.0 { tail } else { 1.0 - tail }, FRAC_1_SQRT_2PI * bell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_near_the_exact_one() {
        for i in -8700..=8700 {
            let x = i as f32 / 100.0;
            let exact = (x as f64).exp();
            assert!((exp(x) as f64 / exact - 1.0).abs() < 2.5e-7, "exp({x})");
        }
    }

    #[test]
    fn normal_is_near_the_exact_one() {
        for i in -600..=600 {
            let x = i as f32 / 100.0;
            let (cumulative, density) = normal(x);
            let exact = 0.5 * libm::erfc(-(x as f64) / 2f64.sqrt());
            assert!((cumulative as f64 - exact).abs() < 3e-7, "at {x}");
            let exact = (-0.5 * (x as f64).powi(2)).exp() / (2.0 * std::f64::consts::PI).sqrt();
            assert!((density as f64 - exact).abs() < 3e-7, "at {x}");
        }
    }

    #[test]
    fn a_sum_has_the_same_bits_with_and_without_vectors() {
        let terms: Vec<f32> = (0..1003).map(|i| exp((i as f32).sin())).collect();
        let wide = vectorized(|| sum(terms.len(), |i| terms[i]));
        assert_eq!(wide.to_bits(), sum(terms.len(), |i| terms[i]).to_bits());
    }
}
