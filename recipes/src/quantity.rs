//! Durations and sizes as people write them: `1h30min`, `4GiB`.

use std::fmt::Write as _;
use std::time::Duration;

const TIMES: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];

const SIZES: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// Reads a duration: whole numbers with `d`, `h`, `min`, `s` or `ms`, from large to small.
///
/// Returns none if the text is anything else, zero, or beyond 64 bits of milliseconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let (number, after) = digits(rest)?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (_, scale) = *TIMES.iter().find(|(unit, _)| *unit == &after[..end])?;
        if scale >= last {
            return None;
        }
        last = scale;
        total = total.checked_add(number.checked_mul(scale)?)?;
        rest = after[end..].trim_start();
    }
    (total > 0).then(|| Duration::from_millis(total))
}

/// Writes a duration as [`parse_duration`] reads it.
pub fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, scale) in TIMES {
        if rest >= *scale {
            write!(text, "{}{unit}", rest / scale).expect("writing to a string cannot fail");
            rest %= scale;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Reads a size: a whole number with `B`, `kB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB` or `TiB`.
///
/// Returns the number of bytes, or none if the text is anything else, zero, or beyond 64 bits.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = digits(text.trim())?;
    let unit = unit.trim_start();
    let (_, scale) = *SIZES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(scale).filter(|size| *size > 0)
}

/// Writes a size as [`parse_size`] reads it, in the largest unit that divides it.
pub fn show_size(bytes: u64) -> String {
    let unit = SIZES.iter().find(|(_, scale)| bytes >= *scale && bytes.is_multiple_of(*scale));
    let (unit, scale) = unit.copied().unwrap_or(("B", 1));
    format!("{}{unit}", bytes / scale)
}

fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_show() {
        let seconds = |text: &str| parse_duration(text).map(|duration| duration.as_secs_f64());
        assert_eq!(seconds("10min"), Some(600.0));
        assert_eq!(seconds("1h30min"), Some(5400.0));
        assert_eq!(seconds("1h 30 min"), Some(5400.0));
        assert_eq!(seconds("90s"), Some(90.0));
        assert_eq!(seconds("250ms"), Some(0.25));
        for bad in
            ["", "10", "min", "0s", "30min1h", "1s1s", "-1s", "1.5h", "99999999999999999999s"]
        {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(show_duration(Duration::from_secs(5400)), "1h30min");
        assert_eq!(show_duration(Duration::from_millis(90_500)), "1min30s500ms");
    }

    #[test]
    fn sizes_read_and_show() {
        assert_eq!(parse_size("4GiB"), Some(4 << 30));
        assert_eq!(parse_size("500 MB"), Some(500_000_000));
        for bad in ["", "4", "4G", "GiB", "0B", "-1B", "4gib", "99999999TiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
        assert_eq!(show_size(4 << 30), "4GiB");
        assert_eq!(show_size(500_000_000), "500MB");
        assert_eq!(show_size(1), "1B");
    }
}
