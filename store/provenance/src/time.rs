//! Moments as the documents spell them, always in UTC.

use jiff::Timestamp;

/// With the offset in figures: the validator of run crates flags a `Z`.
pub(crate) fn with_offset(at: Timestamp) -> String {
    format!("{}+00:00", to_the_millisecond(at))
}

/// With a `Z`, as in-toto asks.
pub(crate) fn zulu(at: Timestamp) -> String {
    format!("{}Z", to_the_millisecond(at))
}

/// The day.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Run crates allow three digits of a second or none.
fn to_the_millisecond(at: Timestamp) -> String {
    let whole = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    match at.as_millisecond().rem_euclid(1000) {
        0 => whole,
        part => format!("{whole}.{part:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_gets_its_spelling() {
        let at: Timestamp = "2026-08-22T01:02:03.0456Z".parse().unwrap();
        assert_eq!(with_offset(at), "2026-08-22T01:02:03.045+00:00");
        assert_eq!(zulu(at), "2026-08-22T01:02:03.045Z");
        assert_eq!(date(at), "2026-08-22");
        assert_eq!(with_offset(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00+00:00");
    }
}
