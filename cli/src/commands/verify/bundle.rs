//! A bundle, from its bytes up to its claims.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rescience_bundle::{Bundle, Depth, Finding, verify};
use rescience_digest::{Digest, Hashed};
use serde_json::json;

use super::Report;
use super::inside::Inside;
use super::pages::{self, Pages};
use super::records::Records;
use crate::error::Error;
use crate::unpacked::About;

pub(super) fn check(report: &mut Report<'_>, path: &Path, full: bool) -> Result<(), Error> {
    let bundle = Bundle::open(path)?;
    let depth = if full { Depth::Both } else { Depth::Quick };
    let verified = verify(&bundle, depth, |name, hashed| {
        report.sound(format_args!("{name} {}", hashed.digest));
    })?;
    let lost = verified.findings.iter().filter_map(expected).collect();
    let records = Records::read(&bundle, &verified.files, &lost)?;
    let mut told = BTreeSet::new();
    for finding in &verified.findings {
        // The second list says of a file only what the first has said.
        if matches!(finding, Finding::Changed { .. }) && !told.insert(finding.file()) {
            continue;
        }
        let hanging = match finding {
            Finding::Changed { .. } | Finding::Missing { .. } => {
                records.hanging(&bundle, expected(finding))
            }
            _ => Vec::new(),
        };
        report.problem(finding, &hanging, json!(finding));
    }
    for problem in records.problems() {
        let hanging = records.after([problem.action.clone()].into());
        let value =
            json!({ "problem": "record", "file": problem.file, "message": problem.message });
        report.problem(format_args!("`{}`: {}", problem.file, problem.message), &hanging, value);
    }
    for name in records.sound() {
        report.sound(format_args!("{name}: its key is that of its inputs, all there"));
    }
    report.count("files", verified.files.len());
    if verified.claimed > 0 {
        let files = if verified.claimed == 1 { "file" } else { "files" };
        report.shell.note(format_args!(
            "{} large {files} compared by BLAKE3 only; `--full` compares SHA-256 too",
            verified.claimed
        ));
    }
    report.count("records", records.len());
    // Where bytes are not as they were, all that follows from them would only say it again.
    if report.problems == 0 {
        let about = About::read(&bundle)?;
        let pages = recipe(report, &bundle, &verified.files, &records, &about)?;
        tell(report, &records, pages);
    }
    Ok(())
}

/// What a file should have held.
fn expected(finding: &Finding) -> Option<Digest> {
    match finding {
        Finding::Changed { expected, .. } | Finding::Missing { expected, .. } => {
            expected.parse().ok()
        }
        _ => None,
    }
}

/// Every key from the recipe inside, and then every page.
fn recipe(
    report: &mut Report<'_>,
    bundle: &Bundle,
    files: &BTreeMap<String, Hashed>,
    records: &Records,
    about: &About,
) -> Result<Pages, Error> {
    let inside = Inside::new(bundle, files, records, about);
    let graph = inside.graph()?;
    let (plan, problems) = inside.plan(&graph)?;
    for (action, message) in &problems {
        let hanging = records.after([action.clone()].into());
        let value = json!({ "problem": "recipe", "action": action, "message": message });
        report.problem(format_args!("{action}: {message}"), &hanging, value);
    }
    report.count("actions", plan.steps.len());
    Ok(pages::again(&graph, &plan, &inside))
}

fn tell(report: &mut Report<'_>, records: &Records, pages: Pages) {
    for (action, message) in &pages.problems {
        let hanging = records.after([action.clone()].into());
        let value = json!({ "problem": "page", "action": action, "message": message });
        report.problem(format_args!("{action}: {message}"), &hanging, value);
    }
    pages.tell(report);
}
