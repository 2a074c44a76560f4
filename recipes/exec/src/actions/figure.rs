//! Drawing a figure from its experiments' results and series.

use rescience_recipes::{Code, Plot};
use rescience_store::Artifact;

use super::{Context, Failed, Job, Yield};
use crate::event::Failure;
use crate::request::{self, NoFigure};
use crate::studio::FigureRequest;

/// Gathers what the figure is drawn from.
pub(super) fn request(context: &Context, job: &Job, plot: &Plot) -> Result<FigureRequest, Failed> {
    let name = job.name.trim_start_matches("figure.");
    request::figure(name, plot, &job.made(), &context.host.store).map_err(|why| match why {
        NoFigure::Artifact(error) => job.store(&error),
        NoFigure::NoSeries { run, file } => job
            .failure(Code::FigureError, format!("{run} wrote no file `{file}`"))
            .note("`plot.at` names a JSON lines file that every run of the figure's data writes")
            .into(),
    })
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
