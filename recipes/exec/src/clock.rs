//! The clock: the only place that reads the time of day.

use jiff::Timestamp;

/// Where times come from; passed to whoever needs one, so that tests and papers can pin it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still.
    Fixed(Timestamp),
}

impl Clock {
    /// The time now, in UTC.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the clock everybody else uses")]
            Clock::System => Timestamp::now(),
            Clock::Fixed(at) => *at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_still_and_the_systems_does_not_go_back() {
        let fixed = Clock::Fixed("2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(fixed.now(), fixed.now());
        assert_eq!(fixed.now().to_string(), "2026-01-01T00:00:00Z");
        assert!(Clock::System.now() <= Clock::System.now());
    }
}
