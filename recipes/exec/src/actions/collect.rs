//! Collecting the metrics of an experiment's runs into `results.json`.

use std::collections::BTreeMap;

use rescience_digest::Digest;
use rescience_recipes::results::{RunRecord, collect};
use rescience_recipes::{ActionName, Code, Collect};
use rescience_store::Artifact;

use super::{Context, Failed, Job, Yield};

pub(super) fn perform(context: &Context, job: &Job, spec: &Collect) -> Result<Yield, Failed> {
    let mut runs = Vec::new();
    for dep in job.deps.iter().filter(|dep| matches!(dep.name, ActionName::Run { .. })) {
        let files = metric_files(context, job, spec, &dep.artifact.digest())?;
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

/// The files of one run that hold metrics, by path.
fn metric_files(
    context: &Context,
    job: &Job,
    spec: &Collect,
    output: &Digest,
) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    let mut files = BTreeMap::new();
    for metric in spec.metrics.values() {
        if files.contains_key(&metric.file) {
            continue;
        }
        let bytes =
            context.host.store.read_at(output, &metric.file).map_err(|error| job.store(&error))?;
        files.extend(bytes.map(|bytes| (metric.file.clone(), bytes)));
    }
    Ok(files)
}
