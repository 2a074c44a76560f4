//! `rescience build`: make what is asked for.

use std::collections::BTreeSet;

use rescience_exec::build::{Report, build, plan};
use rescience_exec::event::Event;
use rescience_exec::host::Host;
use rescience_exec::views;
use rescience_recipes::{Selection, Step};
use rescience_store::Root;

use crate::args::{Build, Global, MessageFormat};
use crate::console::{self, Console};
use crate::error::Error;
use crate::project::{self, Project};
use crate::settings::Settings;
use crate::shell::Shell;

pub(crate) fn run(
    shell: &mut Shell,
    global: &Global,
    settings: &Settings,
    args: &Build,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    let selection = project.select(&args.nodes)?;
    let mut host = project::host(global, settings, args.jobs)?;
    let json = args.message_format == MessageFormat::Json;
    host.keep_going = args.keep_going;
    host.keep_failed = args.keep_failed;
    if args.dry_run {
        return dry_run(shell, &project, &selection, &host, json);
    }
    let report = follow(shell, &project, &selection, &host, settings.progress, json)?;
    let what = targets(&project, &args.nodes);
    console::finish(shell, &report.summary, &project.recipe.profile, &what);
    if report.summary.success { Ok(()) } else { Err(Error::Build) }
}

/// Builds, with the events told as they come.
fn follow(
    shell: &mut Shell,
    project: &Project,
    selection: &Selection,
    host: &Host,
    progress: bool,
    json: bool,
) -> Result<Report, Error> {
    // A collection takes the store for itself; a build shares it with other builds.
    let shared = match host.store.try_share()? {
        Some(lock) => lock,
        None => {
            shell.note_status("Blocking", "waiting for the store: it is being collected");
            host.store.share()?
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::other(format!("cannot start threads: {error}")))?;
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let mut console = Console::new(shell, json, progress, host.jobs);
    let report = runtime.block_on(async {
        let work = async {
            let report = build(project.as_built(), selection, host, &sender).await?;
            keep(project, &report, host)?;
            views::write(project.as_built(), &report, &host.store, &sender)
                .map_err(|error| Error::other(error.to_string()))?;
            Ok::<Report, Error>(report)
        };
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(work, interrupted);
        loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => console.handle(&event),
                report = &mut work => break report,
                _ = &mut interrupted => break Err(Error::Interrupted),
            }
        }
    });
    // A thread that waits for another process's lock must not keep an interrupted one alive.
    runtime.shutdown_background();
    while let Ok(event) = events.try_recv() {
        console.handle(&event);
    }
    let report = report?;
    let finished = Event::BuildFinished(report.summary.clone());
    console.handle(&finished);
    drop(shared);
    Ok(report)
}

/// Tells the store what this project wants kept: what was made, and, unless all of it was, what
/// was wanted before, which `out/` still shows.
fn keep(project: &Project, report: &Report, host: &Host) -> Result<(), Error> {
    let mut keys: BTreeSet<_> = report.made.iter().filter_map(|(_, _, key)| *key).collect();
    let mut artifacts: BTreeSet<_> = report.made.iter().map(|(_, artifact, _)| *artifact).collect();
    let project_dir = project.directory.display().to_string();
    let name = rescience_digest::Digest::of(project_dir.as_bytes()).hex();
    let before = host.store.roots()?.remove(&name);
    let whole = report.made.len() == project.graph.actions().len();
    if let Some(before) = before.as_ref().filter(|_| !whole) {
        keys.extend(before.keys.iter().copied());
        artifacts.extend(before.artifacts.iter().copied());
    }
    let root = Root {
        project_dir,
        keys: keys.into_iter().collect(),
        artifacts: artifacts.into_iter().collect(),
    };
    if before.as_ref() != Some(&root) {
        host.store.set_root(&name, &root)?;
    }
    Ok(())
}

fn dry_run(
    shell: &Shell,
    project: &Project,
    selection: &Selection,
    host: &Host,
    json: bool,
) -> Result<(), Error> {
    let plan = plan(project.as_built(), selection, host)?;
    let mut dirty = 0;
    for step in &plan.steps {
        let name = &project.graph.action(step.index()).name;
        if json {
            let line = serde_json::to_string(&Event::of(name, step)).expect("events serialise");
            shell.data(line);
        }
        match step {
            Step::Fresh { .. } => shell.detail("Fresh", name),
            Step::Run { reasons, .. } => {
                dirty += 1;
                match reasons.first() {
                    Some(reason) => shell.status("Would run", format_args!("{name}: {reason}")),
                    None => shell.status("Would run", name),
                }
            }
        }
    }
    let fresh = plan.steps.len() - dirty;
    shell.status("Finished", format_args!("dry run: {dirty} would run, {fresh} fresh"));
    Ok(())
}

/// What was asked for, for the last line.
fn targets(project: &Project, nodes: &[String]) -> String {
    if !nodes.is_empty() {
        return nodes.join(" ");
    }
    let papers: Vec<String> =
        project.recipe.papers.keys().map(|name| format!("paper.{name}")).collect();
    if papers.is_empty() { "everything".to_owned() } else { papers.join(" ") }
}
