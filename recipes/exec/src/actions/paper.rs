//! Typesetting a paper from its text, results, facts and figures.

use std::collections::BTreeMap;

use rescience_digest::Digest;
use rescience_recipes::{ActionName, Code, NodeKind, PaperSpec};
use rescience_store::{Artifact, Entry};

use super::{Context, Failed, Job, Yield};
use crate::event::Event;
use crate::studio::{PaperRequest, Typeset};

/// Gathers what the paper is typeset from.
pub(super) fn request(
    context: &Context,
    job: &Job,
    spec: &PaperSpec,
) -> Result<PaperRequest, Failed> {
    let store = &context.host.store;
    let read = |digest: &Digest| store.read(digest).map_err(|error| job.store(&error));
    let mut files = BTreeMap::new();
    gather(context, job, &job.file("text")?, "", &mut files)?;
    let mut request = PaperRequest {
        project: context.project.clone(),
        profile: context.profile.clone(),
        style: spec.style.to_string(),
        mode: spec.mode,
        terms: spec.terms.clone(),
        lexicon: spec.lexicon.clone(),
        confirmed: spec.confirmed.clone(),
        folder: spec.directory.clone(),
        main: spec.main().to_owned(),
        bibliography: spec.bibliography_in_folder().map(str::to_owned),
        files,
        results: Vec::new(),
        facts: BTreeMap::new(),
        figures: BTreeMap::new(),
    };
    for dep in &job.deps {
        let ActionName::Node(node) = &dep.name else { continue };
        let digest = dep.artifact.digest();
        match node.kind {
            NodeKind::Experiment => request.results.push(read(&digest)?),
            NodeKind::Figure => {
                request.figures.insert(node.name.clone(), (digest, read(&digest)?));
            }
            _ => {}
        }
    }
    for results in &request.results {
        for digest in facts_named(results) {
            if let std::collections::btree_map::Entry::Vacant(slot) = request.facts.entry(digest) {
                slot.insert(read(&digest)?);
            }
        }
    }
    Ok(request)
}

/// The digests of the facts that a `results.json` names.
fn facts_named(results: &[u8]) -> Vec<Digest> {
    let Ok(results) = serde_json::from_slice::<rescience_recipes::results::Results>(results) else {
        return Vec::new();
    };
    results.points.iter().flat_map(|point| &point.runs).filter_map(|run| run.facts).collect()
}

fn gather(
    context: &Context,
    job: &Job,
    tree: &Digest,
    prefix: &str,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), Failed> {
    let store = &context.host.store;
    for (name, entry) in store.tree(tree).map_err(|error| job.store(&error))?.entries {
        let path = format!("{prefix}{name}");
        match entry {
            Entry::File { digest, .. } => {
                files.insert(path, store.read(&digest).map_err(|error| job.store(&error))?);
            }
            Entry::Directory { digest } => {
                gather(context, job, &digest, &format!("{path}/"), files)?;
            }
            // A paper sees artifacts, not links: what a link points at is in the tree anyway.
            Entry::Symlink { .. } => {}
        }
    }
    Ok(())
}

/// Asks the studio for the pages.
pub(super) fn typeset(
    context: &Context,
    job: &Job,
    request: &PaperRequest,
) -> Result<Typeset, Failed> {
    let typeset = context.host.studio.typeset(request).map_err(|problems| {
        let errors = problems.iter().filter(|problem| !problem.warning).count();
        let message = format!("{errors} error{} in the text", if errors == 1 { "" } else { "s" });
        let mut failure = job.failure(Code::PaperError, message);
        failure.problems = problems;
        failure
    })?;
    Ok(typeset)
}

pub(super) fn perform(
    context: &Context,
    job: &Job,
    request: PaperRequest,
) -> Result<Yield, Failed> {
    let store = &context.host.store;
    let typeset = typeset(context, job, &request)?;
    let action = || job.name.clone();
    for warning in &typeset.warnings {
        context.send(Event::Warning { action: action(), message: warning.message.clone() });
    }
    let accounting = typeset.accounting;
    context.send(Event::Accounted { action: action(), digits: accounting.total(), accounting });
    let put = |bytes: &[u8]| store.put_bytes(bytes).map_err(|error| job.store(&error));
    let mut made = Yield::bare(Artifact::Blob(put(&typeset.pdf)?.digest));
    let beside = &mut made.evidence.logs;
    for (name, bytes) in [("html", typeset.html.as_bytes()), ("json", &typeset.json)] {
        if !bytes.is_empty() {
            beside.insert(name.to_owned(), Artifact::Blob(put(bytes)?.digest));
        }
    }
    let claims = context.put_json(job, &typeset.claims)?;
    beside.insert("claims".to_owned(), Artifact::Blob(claims));
    let accounting = context.put_json(job, &accounting)?;
    beside.insert("accounting".to_owned(), Artifact::Blob(accounting));
    made.note =
        Some(format!("{} page{}", typeset.pages, if typeset.pages == 1 { "" } else { "s" }));
    Ok(made)
}
