//! Energy that is a run's own: what counters tell is of whole machines, whoever used them meanwhile.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::input::PaperInput;

/// Why the energy of some runs is not known.
pub(crate) const SHARED: &str = "what ran at the same time shared one counter";

/// Which runs of a paper had their counters for themselves, as far as the paper knows.
pub(crate) struct Energy<'a> {
    shared: BTreeSet<&'a str>,
}

impl<'a> Energy<'a> {
    /// Compares all runs and builds of a paper.
    pub(crate) fn of(input: &'a PaperInput) -> Energy<'a> {
        let facts = input.facts.iter().map(|(digest, facts)| (digest.as_str(), facts));
        Energy { shared: shared(facts) }
    }

    /// Whether another run or build was under way on the same machine.
    pub(crate) fn is_shared(&self, digest: &str) -> bool {
        self.shared.contains(digest)
    }

    /// The joules of the run whose facts these are, if they are its own.
    pub(crate) fn of_run(&self, digest: &str, facts: &Value) -> Option<f64> {
        facts["run"]["energy_j"].as_f64().filter(|_| is_whole(facts) && !self.is_shared(digest))
    }
}

/// Whether a sum of energy is one over all parts: older documents have one of whatever was known.
pub(crate) fn is_whole(facts: &Value) -> bool {
    facts["schema"].as_u64() >= Some(3)
}

/// A run's machine and time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Span<'a> {
    machine: [String; 3],
    from: Timestamp,
    to: Timestamp,
    digest: &'a str,
}

impl<'a> Span<'a> {
    fn of((digest, facts): (&'a str, &Value)) -> Option<Span<'a>> {
        let time = |field: &str| facts["run"][field].as_str()?.parse().ok();
        let machine = [&facts["cpu"], &facts["memory"], &facts["gpu"]].map(Value::to_string);
        Some(Span { machine, from: time("started")?, to: time("finished")?, digest })
    }
}

/// The documents of those that were under way on one machine at once. Runs whose facts are one
/// document were measured once.
fn shared<'a>(facts: impl Iterator<Item = (&'a str, &'a Value)>) -> BTreeSet<&'a str> {
    let spans: BTreeSet<Span<'_>> = facts.filter_map(Span::of).collect();
    let mut shared = BTreeSet::new();
    // Whoever is under way longest of those before: who overlaps with anybody overlaps with it.
    let mut longest: Option<&Span<'_>> = None;
    for span in &spans {
        let before = longest.filter(|before| before.machine == span.machine);
        if let Some(before) = before.filter(|before| span.from < before.to) {
            shared.extend([before.digest, span.digest]);
        }
        longest = before.filter(|before| before.to >= span.to).or(Some(span));
    }
    shared
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shared_of(spans: &[(&str, &str, i64, i64)]) -> Vec<String> {
        let at = |second| Timestamp::from_second(second).unwrap().to_string();
        let facts: Vec<_> = spans
            .iter()
            .map(|(digest, cpu, from, to)| {
                let run = json!({ "started": at(*from), "finished": at(*to) });
                (*digest, json!({ "cpu": cpu, "run": run }))
            })
            .collect();
        let shared = shared(facts.iter().map(|(digest, facts)| (*digest, facts)));
        shared.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn only_runs_at_once_on_one_machine_share() {
        assert_eq!(shared_of(&[("a", "x", 0, 9), ("b", "x", 9, 12)]), [""; 0]);
        assert_eq!(shared_of(&[("a", "x", 0, 9), ("b", "y", 3, 12)]), [""; 0]);
        assert_eq!(shared_of(&[("a", "x", 0, 9), ("b", "x", 8, 12)]), ["a", "b"]);
        // The same document twice.
        assert_eq!(shared_of(&[("a", "x", 0, 9), ("a", "x", 0, 9)]), [""; 0]);
        // Two in the shadow of a long one, and one after all.
        let spans = [("c", "x", 30, 40), ("a", "x", 0, 50), ("d", "x", 50, 60), ("b", "x", 10, 20)];
        assert_eq!(shared_of(&spans), ["a", "b", "c"]);
        // Beginning at one moment.
        assert_eq!(shared_of(&[("a", "x", 0, 5), ("b", "x", 0, 9)]), ["a", "b"]);
    }
}
