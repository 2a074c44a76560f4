//! Reproductions: what was recorded beside what came out again, judged metric by metric.
//!
//! | verdict | means |
//! |---|---|
//! | identical | every run that both sides have wrote the same value, to the last bit |
//! | within tolerance | every such pair lies as close as the recipe declares |
//! | indistinguishable | a test over the seeds finds no difference, and would have seen a large one |
//! | undecided | the test could not have seen one, or what it sees may be chance among so many metrics |
//! | different | it finds one, or there are too few seeds to test |
//! | missing | no run came to a value here |
//!
//! The test is Welch's, or Mann–Whitney's where runs ended before the value was reached. Who compares
//! many metrics finds differences by chance, which Holm's correction keeps from counting as such; but
//! the correction works for whoever claims to have reproduced, so what only it takes away is undecided,
//! and holds for nobody.

mod machines;
mod page;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::results::{Measured, Results, Run, Tolerance};
use crate::stats::hypothesis::{holm, mann_whitney, welch};
use crate::stats::intervals::welch_half_width;
use crate::stats::{mean, sd};

pub use machines::{Difference, differences};
pub use page::{Head, page};

/// Below this p two sides differ.
pub const ALPHA: f64 = 0.05;

/// How a metric came out, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The same, to the last bit.
    Identical,
    /// As close as the recipe declares.
    WithinTolerance,
    /// No test over the seeds tells them apart.
    Indistinguishable,
    /// The runs are too few to say.
    Undecided,
    /// Something else came out.
    Different,
    /// Nothing came out.
    Missing,
}

impl Verdict {
    /// Whether this counts as reproduced.
    pub fn holds(self) -> bool {
        self < Verdict::Undecided
    }

    /// Whether this counts against it.
    pub fn fails(self) -> bool {
        self > Verdict::Undecided
    }

    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Identical => "identical",
            Verdict::WithinTolerance => "within tolerance",
            Verdict::Indistinguishable => "indistinguishable",
            Verdict::Undecided => "undecided",
            Verdict::Different => "different",
            Verdict::Missing => "missing",
        }
    }
}

/// One metric of one point, judged.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// The experiment, with `experiment.`.
    pub experiment: String,
    /// The values of the axes.
    pub point: BTreeMap<String, Value>,
    /// The metric.
    pub metric: String,
    /// Its unit; empty for a pure number.
    pub unit: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was recorded, in the order of the seeds.
    pub recorded: Side,
    /// What came out here.
    pub found: Side,
    /// How many seeds both sides have.
    pub pairs: usize,
    /// How far a pair may be apart, where the recipe says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
    /// The p-value of the test, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The same after the correction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_corrected: Option<f64>,
    /// Half the width of the 95 % interval of the difference: a smaller one would go unseen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<f64>,
}

/// The values of one side.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Side {
    /// One for each seed that has one, in the metric's unit.
    pub values: Vec<f64>,
    /// How many of them are only bounds: the run ended before the value was reached.
    pub censored: usize,
    /// Their mean, where none is a bound.
    pub mean: Option<f64>,
    /// Their standard deviation, likewise.
    pub sd: Option<f64>,
}

impl Side {
    fn of(measured: &[Measured]) -> Side {
        let values: Vec<f64> = measured.iter().map(|it| it.value).collect();
        let censored = measured.iter().filter(|it| it.censored).count();
        let whole = censored == 0;
        let (mean, sd) = (mean(&values).filter(|_| whole), sd(&values).filter(|_| whole));
        Side { values, censored, mean, sd }
    }
}

/// Judges experiments by name. What was recorded and not run again is not judged; what ran again and
/// gave nothing is [`Verdict::Missing`].
pub fn judge<'a>(
    pairs: impl IntoIterator<Item = (&'a Results, Option<&'a Results>)>,
) -> Vec<Judged> {
    let mut all = Vec::new();
    for (recorded, found) in pairs {
        for point in &recorded.points {
            let again = found.and_then(|it| it.points.iter().find(|it| it.point == point.point));
            let again = again.map(|it| it.runs.as_slice()).unwrap_or_default();
            for (name, metric) in &recorded.metrics {
                let judged = compare(&point.runs, again, name, metric.tolerance);
                all.push(Judged {
                    experiment: recorded.experiment.clone(),
                    point: point.point.clone(),
                    metric: name.clone(),
                    unit: metric.unit.clone(),
                    ..judged
                });
            }
        }
    }
    decide_by_test(&mut all);
    all
}

/// All that can be said of one metric without the others.
fn compare(then: &[Run], now: &[Run], metric: &str, tolerance: Option<Tolerance>) -> Judged {
    let of = |run: &Run| run.metrics.get(metric).copied().flatten();
    let recorded: Vec<Measured> = then.iter().filter_map(of).collect();
    let found: Vec<Measured> = now.iter().filter_map(of).collect();
    let twin = |run: &Run| now.iter().find(|other| other.seed == run.seed);
    let pairs: Vec<(Measured, Measured)> =
        then.iter().filter_map(|run| Some((of(run)?, of(twin(run)?)?))).collect();
    let same = |(a, b): &(Measured, Measured)| {
        a.value.to_bits() == b.value.to_bits() && a.censored == b.censored
    };
    let close = |(a, b): &(Measured, Measured)| {
        let apart = (a.value - b.value).abs();
        a.censored == b.censored
            && match tolerance {
                None => false,
                Some(Tolerance::Rel(share)) => apart <= share * a.value.abs(),
                Some(Tolerance::Abs(bound)) => apart <= bound,
            }
    };
    let verdict = if found.is_empty() {
        Verdict::Missing
    } else if !pairs.is_empty() && pairs.iter().all(same) {
        Verdict::Identical
    } else if !pairs.is_empty() && pairs.iter().all(close) {
        Verdict::WithinTolerance
    } else {
        // Until a test says otherwise.
        Verdict::Different
    };
    let untold = verdict == Verdict::Different;
    let (p, unseen) = if untold { tested(&recorded, &found) } else { (None, None) };
    Judged {
        experiment: String::new(),
        point: BTreeMap::new(),
        metric: String::new(),
        unit: String::new(),
        verdict,
        recorded: Side::of(&recorded),
        found: Side::of(&found),
        pairs: pairs.len(),
        tolerance,
        p,
        p_corrected: None,
        unseen,
    }
}

/// The p-value of the test that fits, and how large a difference it cannot see.
fn tested(recorded: &[Measured], found: &[Measured]) -> (Option<f64>, Option<f64>) {
    if recorded.len() < 2 || found.len() < 2 {
        return (None, None);
    }
    let bounded = |side: &[Measured]| -> Vec<f64> {
        side.iter().map(|it| if it.censored { f64::INFINITY } else { it.value }).collect()
    };
    let (a, b) = (bounded(recorded), bounded(found));
    if a.iter().chain(&b).all(|value| value.is_finite()) {
        (welch(&a, &b, 0.0).and_then(|it| it.p), welch_half_width(&a, &b, 0.95))
    } else {
        (mann_whitney(&a, &b).and_then(|it| it.p), None)
    }
}

fn decide_by_test(all: &mut [Judged]) {
    let ps: Vec<f64> = all.iter().filter_map(|it| it.p).collect();
    let tested = all.iter_mut().filter(|it| it.p.is_some());
    for ((judged, p), corrected) in tested.zip(&ps).zip(holm(&ps)) {
        judged.p_corrected = Some(corrected);
        judged.verdict = if corrected < ALPHA || judged.ends_apart() {
            Verdict::Different
        } else if *p < ALPHA || judged.is_blind() {
            Verdict::Undecided
        } else {
            Verdict::Indistinguishable
        };
    }
}

impl Judged {
    /// Whether every run came to a value on one side and none did on the other, which no number of
    /// runs makes alike.
    fn ends_apart(&self) -> bool {
        let (then, now) = (&self.recorded, &self.found);
        let none = |side: &Side| side.censored == side.values.len();
        none(then) && now.censored == 0 || none(now) && then.censored == 0
    }

    /// Whether the test could not have seen a large difference: one of the value's own size, or, by
    /// ranks, every value of one side beyond every one of the other.
    fn is_blind(&self) -> bool {
        match (self.unseen, self.recorded.mean) {
            (Some(unseen), Some(mean)) => unseen > mean.abs(),
            _ => smallest_p(self.recorded.values.len(), self.found.values.len()) >= ALPHA,
        }
    }
}

/// The p-value of Mann–Whitney's test where all values of one side are beyond those of the other.
fn smallest_p(n: usize, m: usize) -> f64 {
    let ways = (1..=n).fold(1.0, |ways, k| ways * (m + k) as f64 / k as f64);
    (2.0 / ways).min(1.0)
}

/// What a whole reproduction comes to, as the journal ReScience C names it: `[Re]` before the title
/// of what was reproduced, `[¬Re]` before that of what was not; `[?Re]` is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every metric of every run holds.
    Reproduced,
    /// Nothing fails, and something holds: not all was run again, or not all could be decided.
    PartlyReproduced,
    /// Nothing fails, and nothing holds: the runs are too few to say.
    Undecided,
    /// Something fails.
    NotReproduced,
}

impl Outcome {
    /// `complete` says whether all that was recorded was run again.
    pub fn of(judged: &[Judged], complete: bool) -> Outcome {
        let all = judged.iter().all(|it| it.verdict.holds());
        if judged.iter().any(|it| it.verdict.fails()) {
            Outcome::NotReproduced
        } else if !judged.iter().any(|it| it.verdict.holds()) {
            Outcome::Undecided
        } else if all && complete {
            Outcome::Reproduced
        } else {
            Outcome::PartlyReproduced
        }
    }

    /// What stands before the title.
    pub fn mark(self) -> &'static str {
        match self {
            Outcome::NotReproduced => "[¬Re]",
            Outcome::Undecided => "[?Re]",
            Outcome::Reproduced | Outcome::PartlyReproduced => "[Re]",
        }
    }

    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Reproduced => "reproduced",
            Outcome::PartlyReproduced => "partly reproduced",
            Outcome::Undecided => "undecided",
            Outcome::NotReproduced => "not reproduced",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Metric, Point};

    fn results(values: &[f64], tolerance: Option<Tolerance>) -> Results {
        let run = |(seed, value): (usize, &f64)| Run {
            seed: seed as u64,
            metrics: [("m".to_owned(), Some(Measured { value: *value, censored: false }))].into(),
            ..Run::default()
        };
        Results {
            metrics: [("m".to_owned(), Metric { tolerance, ..Metric::default() })].into(),
            points: vec![Point {
                runs: values.iter().enumerate().map(run).collect(),
                ..Point::default()
            }],
            ..Results::default()
        }
    }

    fn verdict(then: &[f64], now: &[f64], tolerance: Option<Tolerance>) -> Verdict {
        let (then, now) = (results(then, tolerance), results(now, None));
        judge([(&then, Some(&now))])[0].verdict
    }

    #[test]
    fn the_ladder_is_climbed_down_one_rung_at_a_time() {
        let rel = Some(Tolerance::Rel(0.05));
        assert_eq!(verdict(&[1.0, 2.0], &[1.0, 2.0], rel), Verdict::Identical);
        assert_eq!(verdict(&[1.0, 2.0], &[1.04, 2.0], rel), Verdict::WithinTolerance);
        let (then, now) = ([1.0, 1.1, 1.2, 0.9], [1.2, 1.0, 1.1, 1.1]);
        assert_eq!(verdict(&then, &now, rel), Verdict::Indistinguishable);
        assert_eq!(verdict(&[1.0, 1.1, 0.9], &[9.0, 9.1, 8.9], rel), Verdict::Different);
        assert_eq!(verdict(&[1.0], &[], rel), Verdict::Missing);
        assert_eq!(
            verdict(&[0.0], &[-0.0], None),
            Verdict::Different,
            "another bit is no identity"
        );
        assert_eq!(verdict(&[10.0], &[10.4], Some(Tolerance::Abs(0.5))), Verdict::WithinTolerance);
    }

    #[test]
    fn one_seed_is_too_few_to_be_indistinguishable() {
        assert_eq!(verdict(&[1.0], &[1.1], None), Verdict::Different);
        assert_eq!(verdict(&[1.0, 1.0], &[1.1, 1.1], None), Verdict::Different, "no spread");
    }

    #[test]
    fn fewer_seeds_are_compared_with_their_own() {
        assert_eq!(verdict(&[1.0, 2.0, 3.0], &[1.0], None), Verdict::Identical);
    }

    #[test]
    fn many_metrics_find_no_differences_by_chance_and_hide_none() {
        // p is 0.03 alone; among ten such it is no finding, and no reproduction.
        let (then, now) = (results(&[1.0, 1.1, 1.2], None), results(&[1.25, 1.35, 1.45], None));
        let alone = judge([(&then, Some(&now))]);
        assert!(alone[0].p.is_some_and(|p| p < ALPHA), "{alone:?}");
        assert_eq!(alone[0].verdict, Verdict::Different);
        let among = judge((0..10).map(|_| (&then, Some(&now))));
        assert!(among.iter().all(|it| it.verdict == Verdict::Undecided), "{among:?}");
        assert_eq!(Outcome::of(&among, true), Outcome::Undecided);
        assert!(among[0].unseen.is_some_and(|width| width > 0.1));
    }

    #[test]
    fn what_was_left_out_makes_it_partial() {
        let then = results(&[1.0], None);
        let judged = judge([(&then, Some(&then))]);
        assert_eq!(Outcome::of(&judged, true), Outcome::Reproduced);
        assert_eq!(Outcome::of(&judged, false), Outcome::PartlyReproduced);
        let judged = judge([(&then, None)]);
        assert_eq!(Outcome::of(&judged, true), Outcome::NotReproduced);
        assert_eq!(Outcome::of(&judged, true).mark(), "[¬Re]");
        assert_eq!(Outcome::of(&[], true), Outcome::Undecided, "nothing is no proof");
    }

    #[test]
    fn a_test_that_sees_nothing_decides_nothing() {
        assert_eq!(verdict(&[1.0, 1.1], &[5.0, 9.0], None), Verdict::Undecided);
        let some = judge([(&results(&[1.0, 1.1], None), Some(&results(&[5.0, 9.0], None)))]);
        assert_eq!(Outcome::of(&some, true), Outcome::Undecided);
    }

    /// Results of which the last so many runs ended before the value was reached.
    fn ended(values: &[f64], last: usize) -> Results {
        let mut results = results(values, None);
        let runs = &mut results.points[0].runs;
        for run in runs.iter_mut().rev().take(last) {
            run.metrics.values_mut().flatten().for_each(|value| value.censored = true);
        }
        results
    }

    #[test]
    fn what_never_came_to_a_value_here_is_no_reproduction() {
        let judged = |last_then, last_now| {
            let then = ended(&[100.0, 110.0, 120.0], last_then);
            let now = ended(&[200.0, 200.0, 200.0], last_now);
            judge([(&then, Some(&now))])[0].verdict
        };
        assert_eq!(judged(0, 3), Verdict::Different);
        assert_eq!(judged(3, 0), Verdict::Different);
        // Three against three cannot come below one in ten.
        assert_eq!(judged(0, 2), Verdict::Undecided);
        assert!((smallest_p(3, 3) - 0.1).abs() < 1e-12 && smallest_p(4, 4) < ALPHA);
    }
}
