//! Drawing a figure from its experiments' results and series.

use std::collections::BTreeMap;

use rescience_recipes::{ActionName, Code, NodeKind, NodeName, Plot};
use rescience_store::Artifact;

use super::{Context, Failed, Job, Yield};
use crate::event::Failure;
use crate::studio::{FigureData, FigureRequest};

/// Gathers what the figure is drawn from.
pub(super) fn request(context: &Context, job: &Job, plot: &Plot) -> Result<FigureRequest, Failed> {
    let store = &context.host.store;
    let mut data = Vec::new();
    for dep in &job.deps {
        let ActionName::Node(node) = &dep.name else { continue };
        if node.kind != NodeKind::Experiment {
            continue;
        }
        let results = store.read(&dep.artifact.digest()).map_err(|error| job.store(&error))?;
        let series = match &plot.at {
            Some(file) => series(context, job, node, file)?,
            None => BTreeMap::new(),
        };
        data.push(FigureData { results, series });
    }
    let plot = serde_json::to_value(plot)
        .map_err(|error| job.failure(Code::Internal, error.to_string()))?;
    let name = job.name.trim_start_matches("figure.").to_owned();
    Ok(FigureRequest { name, plot, data })
}

fn series(
    context: &Context,
    job: &Job,
    node: &NodeName,
    file: &str,
) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    let mut series = BTreeMap::new();
    for dep in &job.deps {
        let ActionName::Run { experiment, .. } = &dep.name else { continue };
        if experiment != node {
            continue;
        }
        let bytes = context
            .host
            .store
            .read_at(&dep.artifact.digest(), file)
            .map_err(|error| job.store(&error))?;
        let bytes = bytes.ok_or_else(|| {
            job.failure(Code::FigureError, format!("{} wrote no file `{file}`", dep.name)).note(
                "`plot.at` names a JSON lines file that every run of the figure's data writes",
            )
        })?;
        series.insert(dep.name.to_string(), bytes);
    }
    Ok(series)
}

pub(super) fn perform(
    context: &Context,
    job: &Job,
    request: FigureRequest,
) -> Result<Yield, Failed> {
    let svg = context.host.studio.draw(&request).map_err(|problem| {
        let failure = job.failure(Code::FigureError, problem.message);
        problem.hints.into_iter().fold(failure, Failure::note)
    })?;
    let blob = context.host.store.put_bytes(&svg).map_err(|error| job.store(&error))?;
    Ok(Yield::bare(Artifact::Blob(blob.digest)))
}
