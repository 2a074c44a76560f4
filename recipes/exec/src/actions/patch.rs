//! Applying a diff to a source.

use super::{Context, Failed, Job, Yield};
use crate::event::Failure;
use crate::patch::apply;
use rescience_recipes::Code;
use rescience_store::{Artifact, Materialize};

pub(super) fn perform(context: &Context, job: &Job) -> Result<Yield, Failed> {
    let store = &context.host.store;
    let base = job.dep("base")?;
    let patch = store.read(&job.file("patch")?).map_err(|error| job.store(&error))?;
    let scratch = context.scratch(job)?;
    let (from, to) = (scratch.path().join("base"), scratch.path().join("patched"));
    context.materialize(job, &base.artifact, &from, Materialize::Own)?;
    apply(&from, &patch, &to).map_err(|error| {
        let failure: Failure = job.failure(Code::BadPatch, error.to_string());
        failure
            .note(format!("the patch must apply to {}", base.name))
            .note("make it with `git diff` from within the source's folder")
    })?;
    let tree = store.adopt_dir(&to).map_err(|error| job.store(&error))?;
    let mut made = Yield::bare(Artifact::Tree(tree));
    if made.artifact == base.artifact {
        made.note = Some(format!("inert: it changes nothing in {}", base.name));
    }
    Ok(made)
}
