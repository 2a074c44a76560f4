//! What a caller is told while bytes move.

use std::time::Duration;

/// One thing that happened on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// So many bytes of something went over.
    Moved {
        /// What, as a person calls it.
        what: &'a str,
        /// How many so far.
        done: u64,
        /// How many in all, if it is known.
        total: Option<u64>,
    },
    /// It is there already and need not be sent.
    Present {
        /// What.
        what: &'a str,
    },
    /// Nothing is sent for a while, and then it is tried again.
    Waiting {
        /// Why, as a lower-case fragment.
        why: &'a str,
        /// How long.
        wait: Duration,
    },
    /// Something that was cut off goes on.
    Resumed {
        /// What.
        what: &'a str,
        /// From which byte.
        at: u64,
    },
}

/// Whoever is told. [`unwatched`] listens to nothing.
pub type Watch<'a> = dyn FnMut(Event<'_>) + 'a;

/// A listener that does nothing.
pub fn unwatched(_: Event<'_>) {}
