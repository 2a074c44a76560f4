//! `rescience check`: everything that can be known to be wrong before anything runs.

use crate::args::Global;
use crate::error::Error;
use crate::project::{self, Project};
use crate::settings::Settings;
use crate::shell::Shell;

pub(crate) fn run(shell: &Shell, global: &Global, settings: &Settings) -> Result<(), Error> {
    let began = std::time::Instant::now();
    let project = Project::open(global, settings)?;
    let host = project::host(global, settings, None)?;
    let everything = project.everything()?;
    let plan = rescience_exec::build::plan(project.as_built(), &everything, &host)?;
    let dirty = plan.dirty().count();
    let took = crate::console::seconds(began.elapsed().as_secs_f64());
    let name = &project.recipe.project.name;
    shell.status(
        "Checked",
        format_args!("{name}: {} actions, {dirty} would run, in {took}", plan.steps.len()),
    );
    Ok(())
}
