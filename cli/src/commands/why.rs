//! `rescience why`: in one line each, why a node would run, or what made it.

use rescience_recipes::{ActionName, Step};
use rescience_store::Store;

use crate::args::{Global, Why};
use crate::error::Error;
use crate::project::{self, Project};
use crate::settings::Settings;
use crate::shell::Shell;

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Why,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    let host = project::host(global, settings, None, project.unpacked.as_ref())?;
    let selection = project.select(&args.nodes)?;
    let plan = rescience_exec::build::plan(project.as_built(), &selection, &host)?;
    let mut fresh = 0;
    for step in &plan.steps {
        let name = &project.graph.action(step.index()).name;
        let asked = args.nodes.iter().any(|node| *node == name.to_string());
        match step {
            Step::Run { reasons, .. } => {
                let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                shell.data(format_args!("{name}: {}", reasons.join("; ")));
            }
            Step::Fresh { key, .. } if asked || shell.verbose() => {
                let made = key.and_then(|key| when(&host.store, &key));
                let made = made.unwrap_or_else(|| "it is what the project holds".to_owned());
                shell.data(format_args!("{name}: fresh, {made}"));
            }
            Step::Fresh { .. } => fresh += 1,
        }
    }
    if fresh > 0 && !args.nodes.iter().any(|node| node.parse::<ActionName>().is_ok()) {
        shell.status("Fresh", format_args!("{fresh} actions need not run (`-v` names them)"));
    }
    Ok(())
}

fn when(store: &Store, key: &rescience_digest::ActionKey) -> Option<String> {
    let trace = store.traces(key).ok()?.pop()?;
    Some(format!("made {} (key {})", trace.finished.strftime("%Y-%m-%d %H:%M:%S UTC"), key.short()))
}
