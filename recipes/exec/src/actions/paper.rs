//! Typesetting a paper from its text, results, facts and figures.

use rescience_recipes::{Code, PaperSpec};
use rescience_store::Artifact;

use super::{Context, Failed, Job, Yield};
use crate::event::Event;
use crate::request;
use crate::studio::{PaperRequest, Typeset};

/// Gathers what the paper is typeset from.
pub(super) fn request(
    context: &Context,
    job: &Job,
    spec: &PaperSpec,
) -> Result<PaperRequest, Failed> {
    let text = job.file("text")?;
    let (project, profile) = (&context.project, &context.profile);
    request::paper(project, profile, spec, &text, &job.made(), &context.host.store)
        .map_err(|error| job.store(&error))
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
