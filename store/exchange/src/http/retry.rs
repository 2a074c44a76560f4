//! When a request is sent again: what the server asks for, or twice the last wait.

use std::time::Duration;

use jiff::fmt::rfc2822;

use super::{Answer, Options};

/// How long to wait before the same request may get another answer; none if it would not.
///
/// A wait longer than the options allow is not waited for.
pub(super) fn after(
    answer: &Answer,
    repeatable: bool,
    tries: u32,
    options: &Options,
) -> Option<Duration> {
    match answer.status.as_u16() {
        // The request was not looked at.
        429 | 503 => {}
        500 | 502 | 504 if repeatable => {}
        _ => return None,
    }
    let asked = asked(|name| answer.header(name)).unwrap_or_else(|| wait(tries, options));
    (asked <= options.longest_wait).then_some(asked)
}

/// The wait after so many tries.
pub(crate) fn wait(tries: u32, options: &Options) -> Duration {
    let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
    options.wait.saturating_mul(doubled).min(options.longest_wait)
}

/// What the server asks for. Times are compared with the server's own clock.
fn asked<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let now = header("date").and_then(seconds);
    let until = |time: i64| Some(Duration::from_secs(time.saturating_sub(now?).max(0) as u64));
    if let Some(text) = header("retry-after") {
        return match text.trim().parse() {
            Ok(wait) => Some(Duration::from_secs(wait)),
            Err(_) => until(seconds(text)?),
        };
    }
    let spent = header("x-ratelimit-remaining")?.trim() == "0";
    let reset = header("x-ratelimit-reset")?.trim().parse().ok()?;
    // The counter may begin anew within the second.
    if spent { until(reset).map(|wait| wait + Duration::from_secs(1)) } else { None }
}

fn seconds(date: &str) -> Option<i64> {
    Some(rfc2822::parse(date.trim()).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&str, &'static str)]) -> Option<u64> {
        let header = |name: &str| headers.iter().find(|it| it.0 == name).map(|it| it.1);
        asked(header).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_server_says_how_long_to_wait_in_three_ways() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(of(&[("retry-after", "7")]), Some(7));
        assert_eq!(of(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(10));
        assert_eq!(of(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:27 GMT")]), Some(0));
        let reset = ("x-ratelimit-reset", "784111782");
        assert_eq!(of(&[date, ("x-ratelimit-remaining", "0"), reset]), Some(6));
        assert_eq!(of(&[date, ("x-ratelimit-remaining", "3"), reset]), None);
        assert_eq!(of(&[("x-ratelimit-remaining", "0"), reset]), None, "no clock to compare with");
        assert_eq!(of(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let second = Duration::from_secs;
        let options = Options { longest_wait: second(5), ..Options::default() };
        let waits: Vec<u64> = (1..5).map(|tries| wait(tries, &options).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5]);
        assert_eq!(wait(u32::MAX, &options), second(5));
    }
}
