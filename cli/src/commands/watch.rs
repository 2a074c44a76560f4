//! `rescience watch`: a paper typeset again whenever its text changes.
//!
//! One process typesets all the while, so that typst remembers what did not change. Nothing is run
//! and nothing recorded: `out/` shows a proof, and the next build makes the paper itself.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecursiveMode, Watcher as _};
use rescience_digest::ActionKey;
use rescience_exec::event::Failure;
use rescience_exec::host::Host;
use rescience_exec::proof::{self, Proof, Ready};
use rescience_recipes::ActionIndex;

use super::check::lacks;
use crate::args::{Global, Watch};
use crate::error::Error;
use crate::project::{self, LOCK, Project, RECIPE};
use crate::settings::Settings;
use crate::shell::Shell;
use crate::{console, diagnostics, exit};

/// Editors write a file in several steps, and tools write several files: a burst ends when nothing
/// has happened for this long.
const QUIET: Duration = Duration::from_millis(30);
/// A folder that never comes to rest is looked at all the same.
const LONGEST_BURST: Duration = Duration::from_secs(1);

/// What wakes the watch.
enum Wake {
    Changed,
    Stop,
}

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Watch,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    let paper = one_paper(&project, args.paper.as_deref())?;
    let name = project.graph.action(paper).name.to_string();
    let host = project::host(global, settings, None, project.unpacked.as_ref())?;
    let directory = std::path::absolute(&project.directory)
        .map_err(|error| Error::read(&project.directory, &error))?;
    let (sender, wakes) = channel();
    let _interrupt = stop_on_interrupt(sender.clone())?;
    let mut watcher = watcher(sender, directory.clone())?;
    watch(&mut watcher, &directory, RecursiveMode::NonRecursive)?;
    let folder = directory.join(text_folder(&project, &name));
    watch(&mut watcher, &folder, RecursiveMode::Recursive)?;
    shell.status("Watching", format_args!("{name}, until Ctrl-C"));
    let mut last = None;
    update(shell, &project, paper, &host, &mut last);
    while settled(&wakes) {
        // The recipe may have changed too; it is read in a moment.
        match Project::open(global, settings) {
            Err(error) => {
                last = None;
                error.report(shell, false);
            }
            Ok(project) => {
                // A folder that was moved away and back is another one.
                let folder = directory.join(text_folder(&project, &name));
                if let Err(error) = watch(&mut watcher, &folder, RecursiveMode::Recursive) {
                    error.report(shell, false);
                }
                match project.papers(Some(&name)) {
                    Ok(papers) => papers
                        .into_iter()
                        .for_each(|paper| update(shell, &project, paper, &host, &mut last)),
                    Err(error) => drop(error.report(shell, false)),
                }
            }
        }
    }
    shell.status("Stopped", format_args!("watching; `rescience build` makes the paper itself"));
    Ok(())
}

fn one_paper(project: &Project, wanted: Option<&str>) -> Result<ActionIndex, Error> {
    match project.papers(wanted)?[..] {
        [paper] => Ok(paper),
        [] => Err(Error::other("the recipe has no paper to watch")),
        ref several => {
            let names = several.iter().map(|index| project.graph.action(*index).name.to_string());
            let names: Vec<String> = names.collect();
            Err(Error::usage(format!("name the paper to watch: {}", names.join(" or "))))
        }
    }
}

/// The folder of the paper's text, relative to the project.
fn text_folder(project: &Project, paper: &str) -> PathBuf {
    let name = paper.strip_prefix("paper.").unwrap_or(paper);
    let text = project.recipe.papers.get(name).map(|paper| paper.text.get_ref().as_str());
    Path::new(text.unwrap_or_default()).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn watcher(wakes: Sender<Wake>, directory: PathBuf) -> Result<notify::RecommendedWatcher, Error> {
    let wake = move |event: notify::Result<notify::Event>| {
        // What went wrong with one event may have hidden another: look rather than miss it.
        let matters = event.map_or(true, |event| matters(&event, &directory));
        if matters {
            wakes.send(Wake::Changed).ok();
        }
    };
    notify::recommended_watcher(wake).map_err(|error| failed(&error))
}

/// Whether an event can change the paper. Reading is none: typesetting reads.
fn matters(event: &notify::Event, directory: &Path) -> bool {
    let written = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    };
    written
        && event.paths.iter().any(|path| match path.strip_prefix(directory) {
            // Beside the recipe lies much that is none of the paper's, `out/` above all.
            Ok(inside) => {
                inside.components().count() > 1
                    || inside == Path::new(RECIPE)
                    || inside == Path::new(LOCK)
            }
            Err(_) => true,
        })
}

fn watch(
    watcher: &mut notify::RecommendedWatcher,
    path: &Path,
    mode: RecursiveMode,
) -> Result<(), Error> {
    watcher.watch(path, mode).map_err(|error| failed(&error))
}

fn failed(error: &notify::Error) -> Error {
    Error::Other {
        message: format!("cannot watch the paper: {error}"),
        help: Some("`rescience check` looks at it once".to_owned()),
    }
}

/// Ends the watch on Ctrl-C, and on a second one whatever it is doing.
fn stop_on_interrupt(wakes: Sender<Wake>) -> Result<tokio::runtime::Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Error::other(format!("cannot start threads: {error}")))?;
    runtime.spawn(async move {
        tokio::signal::ctrl_c().await.ok();
        wakes.send(Wake::Stop).ok();
        tokio::signal::ctrl_c().await.ok();
        std::process::exit(i32::from(exit::INTERRUPTED));
    });
    Ok(runtime)
}

/// Waits until something changed and came to rest; false when the watch is to end.
fn settled(wakes: &Receiver<Wake>) -> bool {
    if !matches!(wakes.recv(), Ok(Wake::Changed)) {
        return false;
    }
    let began = Instant::now();
    while began.elapsed() < LONGEST_BURST {
        match wakes.recv_timeout(QUIET) {
            Ok(Wake::Changed) => {}
            Err(RecvTimeoutError::Timeout) => break,
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

/// What the person was told last; the same is not told twice.
#[derive(PartialEq)]
enum Told {
    Paper(ActionKey),
    Words(String),
}

fn update(
    shell: &Shell,
    project: &Project,
    paper: ActionIndex,
    host: &Host,
    last: &mut Option<Told>,
) {
    let began = Instant::now();
    let ready = match proof::prepare(project.as_built(), paper, host) {
        Ok(Proof::Ready(ready)) => ready,
        Ok(Proof::Waiting(lacking)) => {
            let words = lacks(&lacking);
            let told = Some(Told::Words(words.clone()));
            if *last != told {
                shell.note_status("Stale", words);
                *last = told;
            }
            return;
        }
        Ok(Proof::Wrong(failure)) => {
            *last = None;
            return refuse(shell, &failure, began);
        }
        Err(found) => {
            *last = None;
            Error::from(found).report(shell, false);
            return;
        }
    };
    let told = Some(Told::Paper(ready.key));
    if *last == told {
        return;
    }
    *last = told;
    typeset(shell, project, paper, &ready, began);
}

fn typeset(shell: &Shell, project: &Project, paper: ActionIndex, ready: &Ready, began: Instant) {
    let typeset = match ready.typeset() {
        Ok(typeset) => typeset,
        Err(failure) => return refuse(shell, &failure, began),
    };
    if let Err(error) = proof::show(project.as_built(), paper, &typeset) {
        shell.error(error);
        return;
    }
    for problem in &typeset.warnings {
        shell.raw(diagnostics::render_problem(problem, rescience_recipes::Code::PaperError));
    }
    let took = console::seconds(began.elapsed().as_secs_f64());
    let name = project.graph.action(paper).name.to_string();
    let file = project.shown(&format!("out/{}.pdf", name.trim_start_matches("paper.")));
    let pages =
        if typeset.pages == 1 { "1 page".to_owned() } else { format!("{} pages", typeset.pages) };
    let digits = typeset.accounting.total();
    shell.status("Updated", format_args!("{file} in {took}: {pages}, {digits} digits accounted"));
}

fn refuse(shell: &Shell, failure: &Failure, began: Instant) {
    diagnostics::show_failure(shell, failure);
    let took = console::seconds(began.elapsed().as_secs_f64());
    shell.note_status("Refused", format_args!("{}: {} ({took})", failure.action, failure.message));
}
