//! `rescience metadata`: the graph, the keys and the artifacts, for programs.

use rescience_recipes::Step;
use serde_json::json;

use crate::args::{Global, Metadata};
use crate::error::Error;
use crate::project::{self, Project};
use crate::settings::Settings;
use crate::shell::Shell;

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Metadata,
) -> Result<(), Error> {
    match args.format_version {
        Some(1) => {}
        Some(other) => {
            return Err(Error::usage(format!("`--format-version {other}`: only 1 exists")));
        }
        None => {
            shell.warning("pass `--format-version 1`, so that a later form cannot surprise you");
        }
    }
    let project = Project::open(global, settings)?;
    let host = project::host(global, settings, None, project.unpacked.as_ref())?;
    let everything = project.everything()?;
    let plan = rescience_exec::build::plan(project.as_built(), &everything, &host)?;
    let actions = plan.steps.iter().map(|step| {
        let action = project.graph.action(step.index());
        let needs = action.deps.iter().map(|(role, dep)| {
            json!({ "role": role, "action": project.graph.action(*dep).name.to_string() })
        });
        let (key, output, why) = match step {
            Step::Fresh { key, made, .. } => (*key, Some(made.output), None),
            Step::Run { key, reasons, .. } => (*key, None, Some(reasons)),
        };
        json!({
            "action": action.name.to_string(),
            "node": action.node.to_string(),
            "needs": needs.collect::<Vec<_>>(),
            "fresh": output.is_some(),
            "key": key,
            "output": output,
            "why": why,
        })
    });
    let recipe = &project.recipe;
    shell.data(json!({
        "version": 1,
        "rescience": env!("CARGO_PKG_VERSION"),
        "project": { "name": recipe.project.name, "version": recipe.project.version,
                     "title": recipe.project.title },
        "profile": recipe.profile,
        "directory": project.directory,
        "store": settings.home.join("store"),
        "actions": actions.collect::<Vec<_>>(),
    }));
    Ok(())
}
