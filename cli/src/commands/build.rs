//! `rescience build`: make what is asked for.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use rescience_digest::Digest;
use rescience_exec::build::{Report, build, plan};
use rescience_exec::event::Event;
use rescience_exec::host::Host;
use rescience_exec::still::{self, Question};
use rescience_exec::views;
use rescience_recipes::{Selection, Step};
use rescience_store::{Root, SharedLock};

use crate::args::{Build, Global, MessageFormat};
use crate::console::{self, Console};
use crate::drive::drive;
use crate::error::Error;
use crate::project::{self, Project, Texts};
use crate::remote;
use crate::settings::Settings;
use crate::shell::{Shell, Verbosity};
use crate::unpacked::Unpacked;

pub(crate) fn run(
    shell: &mut Shell,
    global: &Global,
    settings: &Settings,
    args: &Build,
) -> Result<(), Error> {
    let texts = Texts::read(global, settings)?;
    let mut host = project::host(global, settings, args.jobs, texts.unpacked.as_ref())?;
    let json = args.message_format == MessageFormat::Json;
    // Whoever may make nothing wants to know of everything that is missing.
    host.keep_going = args.keep_going || args.require_cached;
    host.require_cached = args.require_cached;
    host.push_fresh = args.push;
    host.keep_failed = args.keep_failed;
    host.isolation = args.sandbox.into();
    // A bundle has the papers that it was made of, whatever else its recipe names.
    let nodes = match &texts.unpacked {
        Some(unpacked) if args.nodes.is_empty() => &unpacked.about.papers,
        _ => &args.nodes,
    };
    let nodes = nodes.clone();
    if args.dry_run {
        let project = texts.project(global)?;
        let selection = project.select(&nodes)?;
        return dry_run(shell, &project, &selection, &host, json);
    }
    let began = Instant::now();
    let shared = share(shell, &host)?;
    let (recipe, lock) = (texts.recipe.as_slice(), texts.lock.as_deref());
    let profile = texts.profile(global);
    let question = Question::new(&host, &texts.directory, (recipe, lock), profile, &nodes);
    // Who wants to hear of every action has to wait for the plan.
    let brief = !json && shell.verbosity() != Verbosity::Verbose && !args.push;
    if let Some(question) = question.as_ref().filter(|_| brief)
        && let Some(said) = still::recall(&host, question, &root_name(&texts.directory))
    {
        let took = console::seconds(began.elapsed().as_secs_f64());
        shell.status("Finished", format_args!("{said} in {took}"));
        return Ok(());
    }
    let project = texts.project(global)?;
    host.remote = remote::open(shell, global, settings, &project)?;
    if args.push && !host.remote.as_ref().is_some_and(|remote| remote.takes()) {
        let message = "`--push` shares results: `RESCIENCE_REMOTE` says where, and \
                       `RESCIENCE_REMOTE_KEY` names the SSH key that signs them";
        return Err(Error::usage(message.to_owned()));
    }
    let selection = project.select(&nodes)?;
    let Followed { report, root, before, idle } =
        follow(shell, &project, &selection, &host, settings.progress, json)?;
    let (summary, profile) = (&report.summary, &project.recipe.profile);
    let what = targets(&project, &nodes);
    if let Some(question) = question.filter(|_| idle) {
        let said = console::said(summary, profile, &what);
        still::note(&host, &question, &report, &before, root, said);
    }
    drop(shared);
    if let Some(unpacked) = &project.unpacked {
        compare(shell, unpacked, &project.directory, json)?;
    }
    console::finish(shell, summary, profile, &what);
    if summary.success { Ok(()) } else { Err(Error::Build) }
}

/// Shares the store with other builds. A collection takes it for itself.
fn share(shell: &Shell, host: &Host) -> Result<SharedLock, Error> {
    if let Some(lock) = host.store.try_share()? {
        return Ok(lock);
    }
    shell.note_status("Blocking", "waiting for the store: it is being collected");
    Ok(host.store.share()?)
}

/// What came of a build, its views included.
struct Followed {
    report: Report,
    /// The digest of the project's root.
    root: Digest,
    /// How the views looked before they were checked.
    before: still::Before,
    /// Whether nothing happened but that everything was found fresh.
    idle: bool,
}

/// Builds, with the events told as they come.
fn follow(
    shell: &mut Shell,
    project: &Project,
    selection: &Selection,
    host: &Host,
    progress: bool,
    json: bool,
) -> Result<Followed, Error> {
    let mut console = Console::new(shell, json, progress, host.jobs);
    let mut idle = true;
    let tell = |event: &Event| {
        idle &= matches!(event, Event::BuildStarted { .. } | Event::Fresh { .. });
        console.handle(event);
    };
    let (report, root, before) = drive(tell, async |events| {
        let report = build(project.as_built(), selection, host, &events).await?;
        let root = keep(project, &report, host)?;
        let before = still::before(host, &project.directory, &report);
        views::write(project.as_built(), &report, &host.store, &events)
            .map_err(|error| Error::other(error.to_string()))?;
        Ok((report, root, before))
    })?;
    console.handle(&Event::BuildFinished(report.summary.clone()));
    Ok(Followed { report, root, before, idle })
}

/// Tells the store what this project wants kept: what was made, and, unless all of it was, what
/// was wanted before, which `out/` still shows.
fn keep(project: &Project, report: &Report, host: &Host) -> Result<Digest, Error> {
    let mut keys: BTreeSet<_> = report.made.iter().filter_map(|(_, _, key)| *key).collect();
    let mut artifacts: BTreeSet<_> = report.made.iter().map(|(_, artifact, _)| *artifact).collect();
    let name = root_name(&project.directory);
    if report.made.len() != project.graph.actions().len()
        && let Some(before) = host.store.root(&name)?
    {
        keys.extend(before.keys);
        artifacts.extend(before.artifacts);
    }
    let root = Root {
        project_dir: project.directory.display().to_string(),
        keys: keys.into_iter().collect(),
        artifacts: artifacts.into_iter().collect(),
    };
    Ok(host.store.set_root(&name, &root)?)
}

/// What the store calls the root of the project in a directory.
fn root_name(directory: &Path) -> String {
    Digest::of(directory.display().to_string().as_bytes()).hex()
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

/// Says whether what was made again is what the bundle holds, bit for bit.
fn compare(shell: &Shell, unpacked: &Unpacked, directory: &Path, json: bool) -> Result<(), Error> {
    let (mut same, mut other) = (0, Vec::new());
    for (name, expected) in unpacked.below("made") {
        let path = directory.join(views::FOLDER).join(name);
        let found = match std::fs::read(&path) {
            Ok(bytes) => Digest::of(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::read(&path, &error)),
        };
        let identical = found == *expected;
        if json {
            let line = serde_json::json!({
                "reason": "regenerated", "file": name, "identical": identical,
                "expected": expected, "found": found,
            });
            shell.data(line);
        }
        match identical {
            true => same += 1,
            false => other.push(name),
        }
    }
    if !other.is_empty() {
        shell.warning(format_args!("not as in the bundle: {}", other.join(", ")));
    }
    shell.status("Regenerated", format_args!("{same} files, bit for bit as in the bundle"));
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
