//! A bundle, from its bytes up to its claims.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;

use rescience_bundle::{Bundle, Depth, Finding, manifest, verify};
use rescience_digest::{Digest, Hashed};
use rescience_exec::bounded::Deadline;
use serde_json::json;

use super::Report;
use super::accounted::{self, Strays};
use super::inside::Inside;
use super::pages::{self, Pages};
use super::traces::Traces;
use crate::args::Verify;
use crate::error::Error;
use crate::left_out::LeftOut;
use crate::unpacked::About;

/// What a bundle says, judged as if every byte were as listed.
struct Judged {
    traces: Traces,
    recipe: Result<Recipe, Error>,
    left_out: LeftOut,
}

/// What the recipe inside says of the traces, and what came of all that follows from them.
struct Recipe {
    /// What is not as the recipe has it, by action.
    problems: Vec<(String, String)>,
    actions: usize,
    pages: Pages,
    /// What is wrong with files that no action makes.
    files: Strays,
    /// The version that wrote the documents, if it was another.
    others: Option<String>,
}

/// Reads every byte, and meanwhile judges what the bytes say; that counts only if all are as listed.
pub(super) fn check(report: &mut Report<'_>, bundle: &Bundle, args: &Verify) -> Result<(), Error> {
    let depth = if args.full { Depth::Both } else { Depth::Quick };
    let claimed = claimed(bundle)?;
    let (verified, judged) = std::thread::scope(|scope| {
        let judging = scope.spawn(|| {
            let _deadline = Deadline::after(args.time_limit);
            judge(bundle, &claimed)
        });
        let verified = verify(bundle, depth, |name, hashed| {
            report.sound(format_args!("{name} {}", hashed.digest));
        });
        (verified, judging.join())
    });
    let (verified, judged) = (verified?, judged.unwrap_or_else(|panic| resume_unwind(panic))?);
    report.count("files", verified.files.len());
    if verified.claimed > 0 {
        let files = if verified.claimed == 1 { "file" } else { "files" };
        report.shell.note(format_args!(
            "{} {files} compared by BLAKE3 only; `--full` compares SHA-256 too",
            verified.claimed
        ));
    }
    report.count("traces", judged.traces.len());
    if !judged.left_out.files.is_empty() {
        report.count("files left out", judged.left_out.files.len());
    }
    // What was left out may be put back, as it was.
    let left_out = &judged.left_out.files;
    let put_back = |finding: &&Finding| {
        let Finding::Unlisted { file, .. } = finding else { return false };
        let held = verified.files.get(file).map(|held| held.digest);
        held.is_some() && left_out.get(file).map(|file| file.blake3) == held
    };
    let findings: Vec<&Finding> = verified.findings.iter().filter(|it| !put_back(it)).collect();
    if findings.is_empty() {
        return tell(report, judged);
    }
    // Where bytes are not as they were, all that follows from them would only say it again.
    let mut told = BTreeSet::new();
    for finding in findings {
        // The second list says of a file only what the first has said.
        if matches!(finding, Finding::Changed { .. }) && !told.insert(finding.file()) {
            continue;
        }
        let hanging = judged.traces.hanging(bundle, expected(finding));
        report.problem(finding, &hanging, json!(finding));
    }
    Ok(())
}

/// What the lists say that the bundle holds. What is wrong with a list is told by the comparison.
fn claimed(bundle: &Bundle) -> Result<BTreeMap<String, Hashed>, Error> {
    let list = |name: &str| Ok::<_, Error>(bundle.read(name)?.unwrap_or_default());
    let digests = manifest::parse_blake3(&list(manifest::BLAKE3)?).unwrap_or_default();
    let sha256 = manifest::parse_sha256(&list(manifest::SHA256)?).unwrap_or_default();
    let both = digests.into_iter().filter_map(|(name, digest)| {
        let (sha256, size) = (*sha256.get(&name)?, bundle.size(&name)?);
        Some((name, Hashed { digest, sha256, size }))
    });
    Ok(both.collect())
}

fn judge(bundle: &Bundle, files: &BTreeMap<String, Hashed>) -> Result<Judged, Error> {
    let (left_out, wrong) = match LeftOut::read(bundle) {
        Ok(left_out) => (left_out, None),
        Err(error) => (LeftOut::default(), Some(error)),
    };
    let traces = Traces::read(bundle, files, &left_out)?;
    let recipe = match wrong {
        Some(error) => Err(error),
        None => About::read(bundle)
            .and_then(|about| recipe(&Inside::new(bundle, files, &traces, &about, &left_out)?)),
    };
    Ok(Judged { traces, recipe, left_out })
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

/// Every key from the recipe inside, and then all that follows.
fn recipe(inside: &Inside<'_>) -> Result<Recipe, Error> {
    let (plan, problems) = inside.plan()?;
    let pages = pages::again(&inside.graph, &plan, inside);
    let version = &inside.about.rescience;
    let others = (version != env!("CARGO_PKG_VERSION")).then(|| version.clone());
    let mut files = Strays::new();
    // They tell of all actions: where one is wrong, they would only say it again.
    if problems.is_empty() {
        let documents = accounted::expected_documents(inside, &plan)?;
        files = accounted::strays(inside, &plan, &documents.keys().cloned().collect());
        if others.is_none() {
            files.extend(accounted::changed(inside.files, &documents));
        }
    }
    Ok(Recipe { problems, actions: plan.steps.len(), pages, files, others })
}

fn tell(report: &mut Report<'_>, judged: Judged) -> Result<(), Error> {
    let Judged { traces, recipe, left_out } = judged;
    for problem in traces.problems() {
        let hanging = traces.after([problem.action.clone()].into());
        let value = json!({ "problem": "trace", "file": problem.file, "message": problem.message });
        report.problem(format_args!("`{}`: {}", problem.file, problem.message), &hanging, value);
    }
    for name in traces.sound() {
        report.sound(format_args!("{name}: its key is that of its inputs, all there"));
    }
    if report.problems > 0 {
        return Ok(());
    }
    for (path, file) in &left_out.files {
        report.sound(format_args!("{path} is left out: {}, {} bytes", file.blake3, file.size));
    }
    if !left_out.files.is_empty() {
        let sizes = left_out.files.values().map(|file| file.size);
        let size = super::super::gc::bytes(sizes.fold(0, u64::saturating_add));
        report.shell.note(format_args!(
            "the bundle is thin: files with {size} were left out and not compared; `-v` names them"
        ));
    }
    let Recipe { problems, actions, pages, files, others } = recipe?;
    report.count("actions", actions);
    for (problem, all) in [("recipe", &problems), ("page", &pages.problems)] {
        for (action, message) in all {
            let hanging = traces.after([action.clone()].into());
            let value = json!({ "problem": problem, "action": action, "message": message });
            report.problem(format_args!("{action}: {message}"), &hanging, value);
        }
    }
    for (file, message) in &files {
        let value = json!({ "problem": "file", "file": file, "message": message });
        report.problem(format_args!("`{file}`: {message}"), &[], value);
    }
    if let Some((engine, count)) = &pages.others {
        report.others(*count, "figures and papers", engine);
    }
    if let Some(version) = others {
        report.others(1, "set of documents", &format!("rescience {version}"));
    }
    pages.tell(report);
    Ok(())
}
