//! Statistics over the runs of one point: the only place where they are computed.
//!
//! | statistic | estimator |
//! |---|---|
//! | mean | arithmetic mean |
//! | sd | sample standard deviation, with n − 1 |
//! | sem | sd / √n |
//! | median | the middle value, or the mean of the two middle ones |
//! | min, max | the smallest and the largest value |
//!
//! Intervals are in [`intervals`], tests in [`hypothesis`].
//!
//! A censored value is a lower bound: the run ended before the metric was reached. No mean and no
//! deviation exist then, and an order statistic exists only where the bounds cannot change it.

pub mod hypothesis;
pub mod intervals;

use crate::results::Measured;

/// What is known about one metric at one point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Runs that wrote the metric.
    pub n: usize,
    /// Runs that did not.
    pub missing: usize,
    /// Runs among the `n` that ended before the value was reached.
    pub censored: usize,
    /// The smallest bound of the censored runs.
    pub limit: Option<f64>,
    /// The mean, if nothing is censored.
    pub mean: Option<f64>,
    /// The sample standard deviation, if nothing is censored and n ≥ 2.
    pub sd: Option<f64>,
    /// The median, if the bounds leave it determined.
    pub median: Option<f64>,
    /// The smallest value, if the bounds leave it determined.
    pub min: Option<f64>,
    /// The largest value, if nothing is censored.
    pub max: Option<f64>,
    /// Whether all values are the same number.
    pub exact: bool,
}

/// Summarises the values of the runs of one point; `None` stands for a run that wrote none.
pub fn summarize(values: &[Option<Measured>]) -> Summary {
    let present: Vec<Measured> = values.iter().copied().flatten().collect();
    let observed: Vec<f64> = present.iter().filter(|m| !m.censored).map(|m| m.value).collect();
    let limit = present.iter().filter(|m| m.censored).map(|m| m.value).min_by(f64::total_cmp);
    let complete = limit.is_none();

    // With the bounds in place of the unknown values, an order statistic is known if it comes out
    // as an observed value that no bound undercuts.
    let mut sorted: Vec<f64> = present.iter().map(|m| m.value).collect();
    sorted.sort_by(f64::total_cmp);
    let known = |value: Option<f64>| value.filter(|v| limit.is_none_or(|l| *v <= l));
    let middle = median(&sorted);
    let upper = sorted.get(sorted.len() / 2).copied();
    let median_known = complete
        || (observed.len() > present.len() / 2
            && known(upper).is_some_and(|v| observed.contains(&v)));

    Summary {
        n: present.len(),
        missing: values.len() - present.len(),
        censored: present.len() - observed.len(),
        limit,
        mean: if complete { mean(&observed) } else { None },
        sd: if complete { sd(&observed) } else { None },
        median: if median_known { middle } else { None },
        min: known(observed.iter().copied().min_by(f64::total_cmp)),
        max: if complete { sorted.last().copied() } else { None },
        exact: complete && observed.windows(2).all(|pair| pair[0] == pair[1]),
    }
}

/// The arithmetic mean; `None` of nothing.
///
/// The mean of equal values is that value exactly, so that rounding cannot make it differ.
pub fn mean(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    if values.iter().all(|v| *v == first) {
        return Some(first);
    }
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample standard deviation (n − 1); `None` of fewer than two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    if values.len() < 2 {
        return None;
    }
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The standard error of the mean; `None` of fewer than two values.
pub fn sem(values: &[f64]) -> Option<f64> {
    Some(sd(values)? / (values.len() as f64).sqrt())
}

/// The median of sorted values; `None` of nothing.
fn median(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some(sorted[half - 1] / 2.0 + sorted[half] / 2.0),
    }
}

/// Samples that other programs computed golden values from.
#[cfg(test)]
mod golden {
    pub(super) const FAST: [f64; 3] = [870.0, 850.0, 895.0];
    pub(super) const SLOW: [f64; 3] = [2110.0, 2060.0, 2190.0];
    pub(super) const CONTROL: [f64; 15] =
        [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4];
    pub(super) const TREATED: [f64; 15] =
        [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.0, 23.9];

    /// Nine digits are more than any paper prints.
    pub(super) fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} is not {expected}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(value: f64) -> Option<Measured> {
        Some(Measured { value, censored: false })
    }

    fn beyond(value: f64) -> Option<Measured> {
        Some(Measured { value, censored: true })
    }

    #[test]
    fn golden_values() {
        // Checked against R: sd(c(2, 4, 4, 4, 5, 5, 7, 9)) = 2.13809.
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let summary = summarize(&values.map(seen));
        assert_eq!(summary.mean, Some(5.0));
        assert!((summary.sd.unwrap() - 2.138_089_935).abs() < 1e-9);
        assert_eq!(summary.median, Some(4.5));
        assert_eq!((summary.min, summary.max), (Some(2.0), Some(9.0)));
        assert!((sem(&values).unwrap() - 2.138_089_935 / 8f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn one_value_has_no_spread() {
        let summary = summarize(&[seen(3.0), None]);
        assert_eq!((summary.n, summary.missing, summary.sd), (1, 1, None));
        assert!(summary.exact);
    }

    #[test]
    fn equal_values_stay_exact() {
        let summary = summarize(&[seen(0.1), seen(0.1), seen(0.1)]);
        assert_eq!((summary.mean, summary.sd, summary.exact), (Some(0.1), Some(0.0), true));
    }

    #[test]
    fn censored_values_leave_only_what_they_cannot_change() {
        let summary = summarize(&[seen(5.0), beyond(7.0), seen(6.0)]);
        assert_eq!((summary.mean, summary.sd, summary.max), (None, None, None));
        assert_eq!((summary.median, summary.min), (Some(6.0), Some(5.0)));
        assert_eq!((summary.censored, summary.limit), (1, Some(7.0)));

        // The middle is the mean of 6 and something above 7: unknown.
        assert_eq!(summarize(&[seen(5.0), seen(6.0), beyond(7.0), beyond(8.0)]).median, None);
        // A bound below an observed value leaves the smallest open.
        assert_eq!(summarize(&[beyond(3.0), seen(5.0)]).min, None);
        assert_eq!(summarize(&[beyond(3.0)]).median, None);
    }

    #[test]
    fn nothing_has_no_statistics() {
        let summary = summarize(&[None, None]);
        assert_eq!((summary.n, summary.missing, summary.mean), (0, 2, None));
    }
}
