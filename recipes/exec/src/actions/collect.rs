//! Collecting the metrics of an experiment's runs into `results.json`.

use rescience_recipes::results::{RunRecord, collect};
use rescience_recipes::{ActionName, Code, Collect};
use rescience_store::Artifact;

use super::{Context, Failed, Job, Yield};
use crate::request::metric_files;

pub(super) fn perform(context: &Context, job: &Job, spec: &Collect) -> Result<Yield, Failed> {
    let mut runs = Vec::new();
    for dep in job.deps.iter().filter(|dep| matches!(dep.name, ActionName::Run { .. })) {
        let files = metric_files(&context.host.store, spec, &dep.artifact.digest())
            .map_err(|error| job.store(&error))?;
        runs.push(RunRecord {
            name: dep.name.clone(),
            key: dep.key,
            output: dep.artifact.digest(),
            facts: dep.facts,
            files,
        });
    }
    let program = job.dep("program").ok().map(|dep| dep.artifact.digest());
    let results = collect(spec, program, &runs).map_err(|problem| {
        let failure = job.failure(Code::MetricMissing, problem.to_string());
        problem.notes().into_iter().fold(failure, |failure, note| failure.note(note))
    })?;
    let digest = context.put_json(job, &results)?;
    Ok(Yield::bare(Artifact::Blob(digest)))
}
