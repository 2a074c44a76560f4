//! The report of a reproduction: one page, by the same typesetter as papers.

use serde::Serialize;
use serde_json::{Value, json};
use typst::diag::SourceDiagnostic;
use typst::foundations::{Datetime, Smart};
use typst::syntax::VirtualPath;
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use super::{Difference, Judged, Outcome, Verdict};
use crate::input::Mode;
use crate::results::Tolerance;
use crate::typeset;
use crate::world::PaperWorld;

const TEXT: &str = include_str!("page.typ");
const MAIN: &str = "page.typ";

/// How many metrics to show: the most that leave one page.
const LINES: [usize; 5] = [24, 16, 10, 5, 1];

/// What stands above the tables.
#[derive(Debug, Clone, Serialize)]
pub struct Head {
    /// The title of what was reproduced.
    pub title: String,
    /// Name and version of the project.
    pub project: String,
    /// What was reproduced: the digest of a bundle, or the project.
    pub of: String,
    /// The profile that the recipe was read with.
    pub profile: String,
    /// When the reproduction ended, in UTC.
    pub finished: jiff::Timestamp,
    /// How many runs were made again, and how many were recorded.
    pub runs: (usize, usize),
    /// The fingerprint of the key that signs the verdict; none if nobody does.
    pub signed_by: Option<String>,
    /// The version of rescience.
    pub rescience: String,
}

/// Typesets the report as PDF/A-3a and PDF/UA-1. The same input gives the same bytes.
///
/// # Errors
/// What typst says, which is a fault of this crate.
pub fn page(
    head: &Head,
    outcome: Outcome,
    judged: &[Judged],
    machines: &[Difference],
) -> Result<Vec<u8>, String> {
    let date = typeset::day(head.finished);
    let mut document = None;
    for lines in LINES {
        let laid_out = lay_out(&data(head, outcome, judged, machines, lines), date)?;
        let fits = laid_out.pages().len() == 1;
        document = Some(laid_out);
        if fits {
            break;
        }
    }
    let document = document.ok_or_else(|| "the page was not laid out".to_owned())?;
    let standards = PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1]);
    let options = PdfOptions {
        ident: Smart::Custom(format!("reproduction of {}", head.of)),
        creator: Smart::Custom(Some("rescience".to_owned())),
        timestamp: date.map(Timestamp::new_utc),
        standards: standards.map_err(|error| error.message().to_string())?,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options).map_err(|it| said(&it))
}

/// What the page shows, with so many lines of metrics and half as many of the machines.
fn data(
    head: &Head,
    outcome: Outcome,
    judged: &[Judged],
    machines: &[Difference],
    lines: usize,
) -> Value {
    // The worst first: what is left out is the best.
    let mut rows: Vec<&Judged> = judged.iter().collect();
    rows.sort_by_key(|it| std::cmp::Reverse(it.verdict));
    let few = lines.div_ceil(2);
    json!({
        "head": head,
        "mark": outcome.mark(),
        "outcome": outcome.as_str(),
        "holds": outcome != Outcome::NotReproduced,
        "date": head.finished.strftime("%-d %B %Y").to_string(),
        "counts": tally(judged),
        "rows": rows.iter().take(lines).map(|it| row(it)).collect::<Vec<_>>(),
        "more": rows.len().saturating_sub(lines),
        "machines": machines.iter().take(few).collect::<Vec<_>>(),
        "more_machines": machines.len().saturating_sub(few),
    })
}

fn lay_out(data: &Value, date: Option<Datetime>) -> Result<PagedDocument, String> {
    let files = [(MAIN, TEXT.as_bytes().to_vec()), ("data.json", data.to_string().into_bytes())];
    let files = files.map(|(name, bytes)| (name.to_owned(), bytes)).into();
    let main = VirtualPath::new(MAIN).map_err(|_| "the page has no name".to_owned())?;
    let world = PaperWorld::new(main, &files, Vec::new(), date, Mode::Free);
    typst::compile::<PagedDocument>(&world).output.map_err(|errors| said(&errors))
}

fn said(errors: &[SourceDiagnostic]) -> String {
    errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>().join("; ")
}

/// How many metrics came out how, the best first.
fn tally(judged: &[Judged]) -> Vec<Value> {
    let mut counts = std::collections::BTreeMap::new();
    for it in judged {
        *counts.entry(it.verdict).or_insert(0_usize) += 1;
    }
    counts.into_iter().map(|(verdict, n)| json!([verdict.as_str(), n])).collect()
}

fn row(it: &Judged) -> Value {
    let name = it.experiment.strip_prefix("experiment.").unwrap_or(&it.experiment);
    let point: Vec<String> =
        it.point.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
    let side = |side: &super::Side| match (side.mean, side.sd, side.values.as_slice()) {
        (_, _, []) => "none".to_owned(),
        (Some(_), _, [one]) => shown(*one),
        (Some(mean), Some(sd), _) => format!("{} ± {}", shown(mean), shown(sd)),
        (_, _, all) => format!("{} of {} ended before", side.censored, all.len()),
    };
    json!({
        "experiment": name,
        "point": point.join(", ").replace('"', ""),
        "metric": it.metric,
        "unit": if it.unit == "1" { "" } else { it.unit.as_str() },
        "recorded": side(&it.recorded),
        "found": side(&it.found),
        "verdict": match (it.verdict, it.tolerance) {
            (Verdict::WithinTolerance, Some(Tolerance::Rel(share))) => {
                format!("within {} %", shown(100.0 * share))
            }
            (Verdict::WithinTolerance, Some(Tolerance::Abs(bound))) => {
                format!("within ± {}", shown(bound))
            }
            (verdict, _) => verdict.as_str().to_owned(),
        },
        "holds": it.verdict.holds(),
        "p": it.p_corrected.map(|p| if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }),
        "unseen": it.unseen.map(shown),
    })
}

/// A number with four significant digits; the JSON has them all.
fn shown(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e7).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let magnitude = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let places = (3.0 - magnitude).max(0.0) as usize;
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduction::judge;
    use crate::results::Results;

    #[test]
    fn numbers_keep_four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (12345.6, "12346"),
            (0.012345, "0.01235"),
            (-2.5, "-2.5"),
            (1.23456e-9, "1.235e-9"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    fn the_report_is_one_page_of_the_same_bytes_every_time() {
        let text = r##"{"schema":1,"experiment":"experiment.a#","metrics":{"loss $x":{"unit":"nat"}},
            "points":[{"point":{"n":3},"runs":[{"name":"r","seed":1,
            "metrics":{"loss $x":{"value":0.5}}}]}]}"##;
        let results = Results::parse(text.as_bytes()).unwrap();
        let many = std::iter::repeat_n((&results, Some(&results)), 60);
        let judged = judge(many.chain([(&results, None)]));
        let head = Head {
            title: "Does #more give *more*?".to_owned(),
            project: "toy 0.1.0".to_owned(),
            of: "b3:00".to_owned(),
            profile: "default".to_owned(),
            finished: "2026-01-31T12:00:00Z".parse().unwrap(),
            runs: (1, 2),
            signed_by: None,
            rescience: "0.1.0".to_owned(),
        };
        let other = Difference {
            path: "cpu.model".to_owned(),
            recorded: Some("A very long name of a processor ".repeat(30)),
            found: None,
        };
        let machines = vec![other; 40];
        let outcome = Outcome::of(&judged, false);
        let first = page(&head, outcome, &judged, &machines).unwrap();
        assert_eq!(first, page(&head, outcome, &judged, &machines).unwrap());
        let date = typeset::day(head.finished);
        let crowded = data(&head, outcome, &judged, &machines, LINES[0]);
        assert!(lay_out(&crowded, date).unwrap().pages().len() > 1, "the test is none");
        let fit = LINES.map(|n| lay_out(&data(&head, outcome, &judged, &machines, n), date));
        assert!(fit.iter().any(|it| it.as_ref().is_ok_and(|it| it.pages().len() == 1)));
    }
}
