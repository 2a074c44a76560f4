//! Counters of processes that come and go, added up so that nothing counts twice and nothing that
//! was seen is lost.
//!
//! When a process ends, the parent that waits for it takes its counts over; where nobody waits, they
//! are gone. What is looked at now and then cannot tell which it was of a process that is missing,
//! but the counts that parents took over say how much of it they can have been.

use std::collections::BTreeMap;

/// What is counted of one process: numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Of the process itself.
    pub(crate) own: [u64; 2],
    /// Of ended children that it waited for, or of itself and those where both are one number.
    pub(crate) reaped: [u64; 2],
}

impl Counts {
    fn is_before(&self, later: &Counts) -> bool {
        let pairs = self.own.iter().zip(&later.own).chain(self.reaped.iter().zip(&later.reaped));
        pairs.into_iter().all(|(before, after)| before <= after)
    }
}

/// The sum over all processes that were ever seen.
#[derive(Debug)]
pub(crate) struct Ledger<Key> {
    last: BTreeMap<Key, Counts>,
    total: [u64; 2],
}

impl<Key> Default for Ledger<Key> {
    fn default() -> Ledger<Key> {
        Ledger { last: BTreeMap::new(), total: [0; 2] }
    }
}

impl<Key: Ord> Ledger<Key> {
    /// Enters what all living processes count now.
    pub(crate) fn enter(&mut self, now: BTreeMap<Key, Counts>) {
        let (mut own, mut reaped, mut vanished) = ([0; 2], [0; 2], [0; 2]);
        for (key, counts) in &now {
            let before = match self.last.remove(key) {
                Some(before) if before.is_before(counts) => before,
                // Its number belongs to another process by now.
                Some(other) => {
                    add(&mut vanished, &other);
                    Counts::default()
                }
                None => Counts::default(),
            };
            for at in 0..2 {
                own[at] += counts.own[at] - before.own[at];
                reaped[at] += counts.reaped[at] - before.reaped[at];
            }
        }
        self.last.values().for_each(|counts| add(&mut vanished, counts));
        for at in 0..2 {
            // What parents took over of the vanished was counted when it was seen.
            self.total[at] += own[at] + reaped[at].saturating_sub(vanished[at]);
        }
        self.last = now;
    }

    /// The sum of all that was seen: no more than there was.
    pub(crate) fn total(&self) -> [u64; 2] {
        self.total
    }
}

fn add(sums: &mut [u64; 2], counts: &Counts) {
    for (sum, (own, reaped)) in sums.iter_mut().zip(counts.own.iter().zip(counts.reaped)) {
        *sum += own + reaped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The total after looks at processes, each a name with what is its own and what it reaped.
    fn total(looks: &[&[(&str, u64, u64)]]) -> u64 {
        let mut ledger = Ledger::default();
        for look in looks {
            let counts = |own, reaped| Counts { own: [own, 0], reaped: [reaped, 0] };
            ledger.enter(
                look.iter().map(|(name, own, reaped)| (*name, counts(*own, *reaped))).collect(),
            );
        }
        ledger.total()[0]
    }

    #[test]
    fn what_a_parent_waited_for_counts_once() {
        assert_eq!(total(&[&[("parent", 1, 0), ("child", 50, 0)], &[("parent", 2, 60)]]), 62);
        // Of both together, as storage is counted.
        assert_eq!(total(&[&[("parent", 0, 1), ("child", 0, 50)], &[("parent", 0, 62)]]), 62);
    }

    #[test]
    fn what_nobody_waited_for_is_kept() {
        assert_eq!(total(&[&[("parent", 1, 0), ("child", 50, 0)], &[("parent", 2, 0)]]), 52);
        assert_eq!(total(&[&[("parent", 1, 0), ("child", 50, 0)], &[]]), 51);
    }

    #[test]
    fn children_that_were_never_seen_count_by_their_parent() {
        assert_eq!(total(&[&[("parent", 1, 0)], &[("parent", 1, 30)], &[("parent", 1, 70)]]), 71);
    }

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        assert_eq!(total(&[&[("one", 50, 0)], &[("one", 3, 0)], &[("one", 4, 0)]]), 54);
    }
}
