//! Intervals: how far a mean, a difference of means or a ratio of means could lie from what was seen.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::{mean, sem};

/// How often a sample is drawn anew.
pub const RESAMPLES: usize = 10_000;

/// Half the width of the t interval of the mean; `None` of fewer than two values.
pub fn t_half_width(values: &[f64], level: f64) -> Option<f64> {
    let sem = sem(values)?;
    Some(t_quantile(level, (values.len() - 1) as f64)? * sem)
}

/// Half the width of Welch's interval of the difference of two means; `None` where either side has
/// fewer than two values.
pub fn welch_half_width(a: &[f64], b: &[f64], level: f64) -> Option<f64> {
    let (error, freedom) = super::hypothesis::welch_error(a, b)?;
    if error == 0.0 {
        return Some(0.0);
    }
    Some(t_quantile(level, freedom)? * error)
}

/// How many standard errors the two-sided interval of this level reaches to either side.
fn t_quantile(level: f64, freedom: f64) -> Option<f64> {
    Some(StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + level / 2.0))
}

/// The percentile bootstrap interval of the mean. The same values give the same interval.
pub fn bootstrap(values: &[f64], level: f64) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let mut random = Random::seeded();
    percentiles((0..RESAMPLES).map(|_| random.resampled_mean(values)).collect(), level)
}

/// The percentile bootstrap interval of the ratio of two means, each side drawn by itself.
pub fn bootstrap_ratio(a: &[f64], b: &[f64], level: f64) -> Option<(f64, f64)> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let mut random = Random::seeded();
    let ratios = (0..RESAMPLES).map(|_| random.resampled_mean(a) / random.resampled_mean(b));
    percentiles(ratios.filter(|ratio| ratio.is_finite()).collect(), level)
}

/// The standard error of the ratio of two means, to first order.
pub fn ratio_error(a: &[f64], b: &[f64]) -> Option<f64> {
    let (above, below) = (mean(a)?, mean(b)?);
    let (sem_above, sem_below) = (sem(a)?, sem(b)?);
    if below == 0.0 {
        return None;
    }
    Some((sem_above / below).hypot(above * sem_below / (below * below)))
}

/// The values between which the middle share `level` lies, interpolated between neighbours.
fn percentiles(mut values: Vec<f64>, level: f64) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| {
        let place = share * last as f64;
        let below = place.floor() as usize;
        let above = (below + 1).min(last);
        values[below] + (values[above] - values[below]) * (place - below as f64)
    };
    Some((at((1.0 - level) / 2.0), at((1.0 + level) / 2.0)))
}

/// SplitMix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn seeded() -> Random {
        Random(0x7265_7363_6965_6e63)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// The mean of as many values, drawn with replacement.
    fn resampled_mean(&mut self, values: &[f64]) -> f64 {
        let sum: f64 = (0..values.len()).map(|_| values[self.below(values.len())]).sum();
        sum / values.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{CONTROL, FAST, SLOW, TREATED, near};

    #[test]
    fn t_intervals_are_those_of_scipy() {
        // stats.t.ppf(0.975, 2) * numpy.std(FAST, ddof=1) / sqrt(3)
        near(t_half_width(&FAST, 0.95).unwrap(), 56.007_986_813_441_03);
        assert_eq!(t_half_width(&[1.0], 0.95), None);
        // stats.ttest_ind(.., equal_var=False).confidence_interval()
        near(
            welch_half_width(&FAST, &SLOW, 0.95).unwrap(),
            (1_392.850_246_073_211 - 1_103.816_420_593_455_9) / 2.0,
        );
        near(
            welch_half_width(&CONTROL, &TREATED, 0.95).unwrap(),
            (4.766_445_039_218_351 - 0.766_888_294_114_980_4) / 2.0,
        );
    }

    #[test]
    fn bootstrap_intervals_repeat_and_hold_the_mean() {
        let (low, high) = bootstrap(&CONTROL, 0.95).unwrap();
        assert_eq!(bootstrap(&CONTROL, 0.95), Some((low, high)));
        let middle = mean(&CONTROL).unwrap();
        assert!(low < middle && middle < high, "{low} {middle} {high}");
        // The normal interval with sd·√((n−1)/n) is what the bootstrap tends to.
        let n = CONTROL.len() as f64;
        let expected = 1.96 * sem(&CONTROL).unwrap() * ((n - 1.0) / n).sqrt();
        assert!(((high - low) / 2.0 / expected - 1.0).abs() < 0.05, "{low} {high} {expected}");
        assert_eq!(bootstrap(&[1.0], 0.95), None);
    }

    #[test]
    fn a_ratio_has_the_error_of_both_sides() {
        let error = ratio_error(&FAST, &SLOW).unwrap();
        let (above, below) = (mean(&FAST).unwrap(), mean(&SLOW).unwrap());
        let parts = (sem(&FAST).unwrap() / above).hypot(sem(&SLOW).unwrap() / below);
        near(error, above / below * parts);
        let (low, high) = bootstrap_ratio(&FAST, &SLOW, 0.95).unwrap();
        assert!(low < above / below && above / below < high);
        assert_eq!(ratio_error(&FAST, &[0.0, 0.0]), None);
    }
}
