//! What a number that stands in the text may have been meant to be.

use serde_json::Value;

use crate::input::PaperInput;
use crate::stats;

/// The calls whose value is close to what the author wrote, the closest first.
pub(super) fn suggestions(input: &PaperInput, written: &str) -> Vec<String> {
    let Some((number, half)) = read(written) else { return Vec::new() };
    let mut found: Vec<(f64, String)> = Vec::new();
    for results in &input.experiments {
        let name = &results.experiment;
        for point in &results.points {
            let at = if results.points.len() > 1 { literal(&point.point) } else { String::new() };
            for metric in results.metrics.keys() {
                let values: Vec<_> = point
                    .runs
                    .iter()
                    .map(|run| run.metrics.get(metric).copied().flatten())
                    .collect();
                if let Some(mean) = stats::summarize(&values).mean {
                    offer(&mut found, (number, half), mean, || {
                        format!("`#value(\"{name}.{metric}\"{at})` is {mean}")
                    });
                }
            }
            for (param, value) in &point.params {
                if let Some(value) = value.as_f64() {
                    offer(&mut found, (number, half), value, || {
                        format!("`#param(\"{name}.{param}\"{at})` is {value}")
                    });
                }
            }
            let runs = point.runs.len();
            offer(&mut found, (number, half), runs as f64, || {
                format!("`#count(\"{name}.seeds\")` is {runs}")
            });
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    found.dedup_by(|a, b| a.1 == b.1);
    found.into_iter().map(|(_, call)| call).take(2).collect()
}

/// Offers a value that rounds to what was written, as it is or in percent.
fn offer(
    found: &mut Vec<(f64, String)>,
    (number, half): (f64, f64),
    value: f64,
    call: impl Fn() -> String,
) {
    for scaled in [value, value * 100.0] {
        let distance = (scaled - number).abs();
        if distance <= half {
            found.push((distance / number.abs().max(1e-12), call()));
            return;
        }
    }
}

/// A point as `value` takes it.
fn literal(point: &std::collections::BTreeMap<String, Value>) -> String {
    let pairs: Vec<String> = point.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!(", point: ({})", pairs.join(", "))
}

/// A number as people write it, or as a word, and half a unit of its last digit.
fn read(written: &str) -> Option<(f64, f64)> {
    let plain: String =
        written.chars().filter(|c| !matches!(c, ',' | '\u{202f}' | '\u{a0}')).collect();
    let plain = plain.replace('−', "-");
    let start: &str = plain.trim_end_matches(|c: char| !c.is_ascii_digit());
    if let Ok(number) = start.parse() {
        let places = start.split_once('.').map_or(0, |(_, part)| part.len());
        return Some((number, 0.5 * 0.1f64.powi(places as i32) * (1.0 + 1e-9)));
    }
    let words = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let at = words.iter().position(|word| written.eq_ignore_ascii_case(word))?;
    Some((at as f64 + 2.0, 1e-9))
}
