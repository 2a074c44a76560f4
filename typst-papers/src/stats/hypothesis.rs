//! Tests of hypotheses about two samples, and the correction for asking several times.
//!
//! | test | asks | p |
//! |---|---|---|
//! | Welch's t-test | do the means differ (by more than a shift)? | two-sided, unequal variances |
//! | Mann–Whitney | is one side larger more often? | two-sided, exact up to 50 values, ties included |
//! | TOST | do the means differ by less than a margin? | the larger of two one-sided Welch tests |
//! | Holm | the same p-values, for the whole family of tests | step-down, keeps their order |

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use super::{mean, sem};

/// The most values for which Mann–Whitney counts every arrangement.
const COUNTED: usize = 50;

/// What a test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The difference that was tested, first side minus second; for Mann–Whitney the share of pairs
    /// in which the first is larger, minus the share in which it is smaller.
    pub difference: f64,
    /// The test statistic: t or U.
    pub statistic: Option<f64>,
    /// Welch's degrees of freedom.
    pub freedom: Option<f64>,
    /// The p-value; `None` where no run differs from another of its side, so that there is no
    /// chance to speak of.
    pub p: Option<f64>,
}

/// The standard error of the difference of two means and its degrees of freedom; `None` where
/// either side has fewer than two values.
pub(super) fn welch_error(a: &[f64], b: &[f64]) -> Option<(f64, f64)> {
    let (va, vb) = (sem(a)?.powi(2), sem(b)?.powi(2));
    let below = va.powi(2) / (a.len() - 1) as f64 + vb.powi(2) / (b.len() - 1) as f64;
    Some(((va + vb).sqrt(), if below == 0.0 { 0.0 } else { (va + vb).powi(2) / below }))
}

/// Welch's t-test of `mean(a) - mean(b) = shift`; `None` where either side has fewer than two
/// values.
pub fn welch(a: &[f64], b: &[f64], shift: f64) -> Option<Found> {
    let difference = mean(a)? - mean(b)? - shift;
    let (error, freedom) = welch_error(a, b)?;
    if error == 0.0 {
        return Some(Found { difference, statistic: None, freedom: None, p: None });
    }
    let t = difference / error;
    let p = 2.0 * StudentsT::new(0.0, 1.0, freedom).ok()?.cdf(-t.abs());
    Some(Found { difference, statistic: Some(t), freedom: Some(freedom), p: Some(p.min(1.0)) })
}

/// Two one-sided Welch tests of whether the means lie within `margin` of each other; a small p says
/// that they do. `None` where either side has fewer than two values.
pub fn equivalence(a: &[f64], b: &[f64], margin: f64) -> Option<Found> {
    let difference = mean(a)? - mean(b)?;
    let (error, freedom) = welch_error(a, b)?;
    if error == 0.0 {
        return Some(Found { difference, statistic: None, freedom: None, p: None });
    }
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let above = t.cdf(-(difference + margin) / error);
    let below = t.cdf((difference - margin) / error);
    Some(Found {
        difference,
        statistic: Some((margin - difference.abs()) / error),
        freedom: Some(freedom),
        p: Some(above.max(below)),
    })
}

/// The Mann–Whitney test. Infinite values stand for runs that ended before the value was reached:
/// they are larger than all others and tie among themselves. `None` where a side is empty.
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Option<Found> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    let doubled = doubled_ranks(&all);
    let (n, m) = (a.len(), b.len());
    let sum: usize = doubled[..n].iter().sum();
    // U counts the pairs in which the first side is larger, half of the ties among them.
    let doubled_u = sum - n * (n + 1);
    let u = doubled_u as f64 / 2.0;
    let middle = (n * m) as f64 / 2.0;
    let far = doubled_u.abs_diff(n * m);
    let p = if doubled.iter().all(|rank| *rank == doubled[0]) {
        None
    } else if n + m <= COUNTED {
        Some(counted(&doubled, n, far))
    } else {
        Some(approximate(&doubled, n, m, far as f64 / 2.0)?)
    };
    let difference = (u - middle) / middle;
    Some(Found { difference, statistic: Some(u), freedom: None, p })
}

/// Twice the rank of each value, so that the mean rank of ties stays whole.
fn doubled_ranks(values: &[f64]) -> Vec<usize> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let ties = values.iter().filter(|other| *other == value).count();
        2 * below + ties + 1
    };
    values.iter().map(rank).collect()
}

/// The share of all ways to choose the first side whose U lies at least as far from the middle.
fn counted(doubled: &[usize], n: usize, far: usize) -> f64 {
    let most: usize = doubled.iter().sum();
    // ways[k][s]: how many choices of k values have the sum of ranks s.
    let mut ways = vec![vec![0.0_f64; most + 1]; n + 1];
    ways[0][0] = 1.0;
    for rank in doubled {
        for k in (1..=n).rev() {
            for sum in (*rank..=most).rev() {
                ways[k][sum] += ways[k - 1][sum - rank];
            }
        }
    }
    let m = doubled.len() - n;
    let all: f64 = ways[n].iter().sum();
    let lowest = n * (n + 1);
    let as_far = |sum: usize| sum >= lowest && (sum - lowest).abs_diff(n * m) >= far;
    let extreme: f64 =
        ways[n].iter().enumerate().filter(|(sum, _)| as_far(*sum)).map(|(_, count)| count).sum();
    (extreme / all).min(1.0)
}

/// The normal approximation with the corrections for ties and for continuity.
fn approximate(doubled: &[usize], n: usize, m: usize, far: f64) -> Option<f64> {
    let total = (n + m) as f64;
    // Every value of a group of t ties adds t² − 1, the group t³ − t.
    let ties: f64 = doubled
        .iter()
        .map(|rank| doubled.iter().filter(|other| *other == rank).count() as f64)
        .map(|t| t * t - 1.0)
        .sum();
    let variance = (n * m) as f64 / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let z = (far - 0.5).max(0.0) / variance.sqrt();
    Some((2.0 * Normal::new(0.0, 1.0).ok()?.cdf(-z)).min(1.0))
}

/// Holm's correction: p-values that hold for all tests of the family together, in the given order.
pub fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|a, b| ps[*a].total_cmp(&ps[*b]));
    let mut adjusted = vec![0.0; ps.len()];
    let mut least = 0.0_f64;
    for (done, index) in order.into_iter().enumerate() {
        least = least.max(ps[index] * (ps.len() - done) as f64).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{CONTROL, FAST, SLOW, TREATED, near};

    #[test]
    fn welch_is_that_of_scipy() {
        // stats.ttest_ind(FAST, SLOW, equal_var=False)
        let found = welch(&FAST, &SLOW, 0.0).unwrap();
        near(found.statistic.unwrap(), -31.181_277_989_423_823);
        near(found.freedom.unwrap(), 2.466_350_837_293_546_8);
        near(found.p.unwrap(), 0.000_288_988_033_971_578_65);
        let found = welch(&CONTROL, &TREATED, 0.0).unwrap();
        near(found.statistic.unwrap(), -2.835_263_800_664_482);
        near(found.p.unwrap(), 0.008_452_732_437_443_423);
        // A shift moves the difference alone.
        let moved: Vec<f64> = CONTROL.iter().map(|v| v + 1.5).collect();
        near(welch(&moved, &TREATED, 1.5).unwrap().p.unwrap(), found.p.unwrap());
    }

    #[test]
    fn welch_needs_two_values_and_some_spread() {
        assert_eq!(welch(&[1.0], &SLOW, 0.0), None);
        let found = welch(&[1.0, 1.0], &[2.0, 2.0], 0.0).unwrap();
        assert_eq!((found.difference, found.p), (-1.0, None));
    }

    #[test]
    fn mann_whitney_counts_every_arrangement_of_small_samples() {
        // stats.mannwhitneyu(.., method="exact")
        let found = mann_whitney(&[1.1, 2.2, 3.3, 4.4], &[2.5, 3.5, 5.5, 6.5, 7.5]).unwrap();
        assert_eq!(found.statistic, Some(3.0));
        near(found.p.unwrap(), 0.111_111_111_111_111_1);
        near(mann_whitney(&FAST, &SLOW).unwrap().p.unwrap(), 0.1);
        assert_eq!(mann_whitney(&FAST, &SLOW).unwrap().difference, -1.0);
        // Ties: every choice of four of the eight mid-ranks.
        let tied = mann_whitney(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(tied.statistic, Some(2.5));
        near(tied.p.unwrap(), 0.2);
    }

    #[test]
    fn mann_whitney_of_many_values_is_approximate() {
        // stats.mannwhitneyu(CONTROL, TREATED, method="asymptotic")
        let doubled = doubled_ranks(&[CONTROL, TREATED].concat());
        near(approximate(&doubled, 15, 15, 112.5 - 45.5).unwrap(), 0.005_788_641_486_744_119);
        let many: Vec<f64> = (0..40).map(f64::from).collect();
        let later: Vec<f64> = (20..60).map(f64::from).collect();
        let p = mann_whitney(&many, &later).unwrap().p.unwrap();
        assert!(p < 1e-4, "{p}");
    }

    #[test]
    fn what_was_not_reached_ranks_last() {
        let unreached = [2840.0, f64::INFINITY, f64::INFINITY];
        let found = mann_whitney(&unreached, &[2210.0, 2350.0, 2290.0]).unwrap();
        assert_eq!(found.difference, 1.0);
        near(found.p.unwrap(), 0.1);
        assert_eq!(mann_whitney(&[f64::INFINITY; 2], &[f64::INFINITY; 3]).unwrap().p, None);
    }

    #[test]
    fn equivalence_is_the_larger_of_two_one_sided_tests() {
        // scipy's ttest_ind, once with alternative="greater" and once with "less"
        near(equivalence(&CONTROL, &TREATED, 5.0).unwrap().p.unwrap(), 0.014_964_941_709_605_906);
        near(equivalence(&CONTROL, &TREATED, 3.0).unwrap().p.unwrap(), 0.406_386_568_780_209_73);
    }

    #[test]
    fn holm_steps_down_and_keeps_the_order() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            near(*found, expected);
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }
}
