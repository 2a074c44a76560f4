//! `out/`: views of what a build made, for people; the store keeps the artifacts themselves.
//!
//! ```text
//! out/
//!   main.pdf                       paper.main
//!   main.html, main.json           the same paper for browsers and for machines
//!   figure/curves.svg              figure.curves
//!   experiment/baseline/
//!     results.json                 experiment.baseline
//!     add-0/                       what experiment.baseline[operation=add]#0 wrote
//!   .rescience.json                which digests the views show; a cache, safe to delete
//!   .lock                          held while views are written
//! ```
//!
//! A view that is gone or was changed is written again from the store, without a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{ActionName, NodeKind, NodeName, Point};
use rescience_store::{Artifact, Materialize, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::build::{Events, Project, Report};
use crate::event::Event;

/// The folder of the views, inside the project.
pub const FOLDER: &str = "out";
const RECORD: &str = ".rescience.json";
const LOCK: &str = ".lock";

/// A view could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The store could not give the artifact.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused.
    #[error("cannot write `{}`: {source}", .path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// What was written, and how its files looked right after.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    views: BTreeMap<String, View>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct View {
    digest: Digest,
    /// By path inside the view (empty for a file): size and modification time.
    files: BTreeMap<String, (u64, i64, i64)>,
}

/// Writes every view that is not there as it was left, and removes those of nodes that are gone.
///
/// # Errors
/// The first view that cannot be written; the ones before it stay.
pub fn write(
    project: Project<'_>,
    report: &Report,
    store: &Store,
    events: &Events,
) -> Result<(), ViewError> {
    let folder = project.directory.join(FOLDER);
    let _lock = lock(&folder, events)?;
    let record_path = folder.join(RECORD);
    let before: Record = std::fs::read(&record_path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let mut after = Record::default();
    let mut changed = false;
    let mut shown = Vec::new();
    // Every view of what this build has in hand: those it does not show go.
    let mut decided = BTreeSet::new();
    for (index, artifact, key) in &report.made {
        let name = &project.graph.action(*index).name;
        let Some(path) = view_path(name) else { continue };
        shown.push((name, path, *artifact));
        if let (Some(also), Some(key)) = (companions(name), key) {
            let there = beside(store, key, artifact)?;
            let kept = also.iter().filter_map(|(log, path)| Some((path, there.get(*log)?)));
            shown.extend(kept.map(|(path, artifact)| (name, path.clone(), *artifact)));
            decided.extend(also.map(|(_, path)| path));
        }
    }
    for (name, path, artifact) in &shown {
        let to = folder.join(path);
        let kept = before.views.get(path).filter(|view| {
            view.digest == artifact.digest() && look(&to).is_some_and(|now| now == view.files)
        });
        let files = if let Some(view) = kept {
            view.files.clone()
        } else {
            match show(store, artifact, &to) {
                // The paper itself is whole; only its other forms are lost.
                Err(ViewError::Store(StoreError::Missing { .. } | StoreError::Damaged { .. }))
                    if decided.contains(path) =>
                {
                    let message = format!(
                        "{FOLDER}/{path} is lost from the store; it is made again when the paper \
                         is typeset again"
                    );
                    events.send(Event::Warning { action: name.to_string(), message }).ok();
                    continue;
                }
                // Nobody expects all of a run's files to be here.
                Err(ViewError::Store(StoreError::Missing { digest, .. }))
                    if store.stands_without(&digest) =>
                {
                    continue;
                }
                shown => shown?,
            }
            changed = true;
            let digest = artifact.digest();
            let shown = format!("{FOLDER}/{path}");
            events.send(Event::Written { action: name.to_string(), path: shown, digest }).ok();
            look(&to).unwrap_or_default()
        };
        after.views.insert(path.clone(), View { digest: artifact.digest(), files });
    }
    // Views of nodes that this build did not ask for stay; those the recipe lost go.
    let names = || project.graph.actions().iter().map(|action| &action.name);
    let mut known: BTreeSet<String> = names().filter_map(view_path).collect();
    known.extend(names().filter_map(companions).flatten().map(|(_, path)| path));
    for (path, view) in before.views {
        if after.views.contains_key(&path) {
            continue;
        }
        if known.contains(&path) && !decided.contains(&path) {
            after.views.insert(path, view);
        } else if Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))) {
            // Nothing outside `out/`, whatever a record that came with a clone says.
            changed = true;
            remove(&folder.join(&path));
        }
    }
    if changed {
        let bytes = serde_json::to_vec(&after).expect("views serialise");
        let failed = |source| ViewError::Io { path: record_path.clone(), source };
        std::fs::write(&record_path, bytes).map_err(failed)?;
    }
    Ok(())
}

/// Takes `out/` for this process: two builds of one project show the same things, one at a time.
pub(crate) fn lock(folder: &Path, events: &Events) -> Result<File, ViewError> {
    let path = folder.join(LOCK);
    let failed = |source| ViewError::Io { path: path.clone(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(&path).map_err(failed)?;
    if file.try_lock().is_err() {
        events.send(Event::Blocking { on: format!("another build that writes {FOLDER}/") }).ok();
        file.lock().map_err(failed)?;
    }
    Ok(file)
}

/// The paths of all views in a project's `out/`, whether or not they are there.
pub fn paths(directory: &Path) -> Vec<PathBuf> {
    let folder = directory.join(FOLDER);
    let record = std::fs::read(folder.join(RECORD)).unwrap_or_default();
    let record: Record = serde_json::from_slice(&record).unwrap_or_default();
    record.views.into_keys().map(|path| folder.join(path)).collect()
}

/// Everything in a project's `out/` that belongs to views, relative to it: the record, each view,
/// and what is in it.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let folder = directory.join(FOLDER);
    let mut found = vec![folder.join(RECORD)];
    let mut waiting = paths(directory);
    while let Some(path) = waiting.pop() {
        if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            let inside = std::fs::read_dir(&path).into_iter().flatten().flatten();
            waiting.extend(inside.map(|entry| entry.path()));
        }
        found.push(path);
    }
    let inside = |path: &PathBuf| Some(path.strip_prefix(&folder).ok()?.to_path_buf());
    found.iter().filter_map(inside).collect()
}

/// Where a node's artifact is shown, relative to `out/`.
pub(crate) fn view_path(name: &ActionName) -> Option<String> {
    match name {
        ActionName::Node(node) => match node.kind {
            NodeKind::Paper => Some(format!("{}.pdf", node.name)),
            NodeKind::Figure => Some(format!("figure/{}.svg", node.name)),
            NodeKind::Experiment => Some(format!("experiment/{}/results.json", node.name)),
            _ => None,
        },
        ActionName::Run { experiment, point, index } => {
            Some(format!("experiment/{}/{}{index}", experiment.name, folder_of(point)))
        }
        ActionName::Build(_) => None,
    }
}

/// The views that a paper has beside its artifact: what its trace calls them, and their paths.
fn companions(name: &ActionName) -> Option<[(&'static str, String); 2]> {
    let ActionName::Node(NodeName { kind: NodeKind::Paper, name }) = name else { return None };
    Some(["html", "json"].map(|form| (form, format!("{name}.{form}"))))
}

/// What was recorded beside the artifact of a key.
fn beside(
    store: &Store,
    key: &ActionKey,
    artifact: &Artifact,
) -> Result<BTreeMap<String, Artifact>, StoreError> {
    let traces = store.traces(key)?;
    let made = traces.into_iter().rev().find(|trace| trace.output == Some(*artifact));
    Ok(made.map(|trace| trace.logs).unwrap_or_default())
}

/// A point as part of a file's name: its values, and where a file name cannot hold one as it is, a
/// digest that tells it from others.
fn folder_of(point: &Point) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_');
    let mut folder = String::new();
    for (_, value) in point {
        let text = value.to_string();
        let kept: String = text.chars().filter(|c| plain(*c)).take(40).collect();
        folder.push_str(&kept);
        if kept != text || text.starts_with('.') {
            folder.push_str(&format!("~{}", &Digest::of(text.as_bytes()).short()[..6]));
        }
        folder.push('-');
    }
    folder
}

fn show(store: &Store, artifact: &Artifact, to: &Path) -> Result<(), ViewError> {
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)
            .map_err(|source| ViewError::Io { path: parent.to_owned(), source })?;
    }
    // A paper is opened, sent and annotated: it is the reader's own file. Outputs can be large.
    let how = match artifact {
        Artifact::Blob(_) => Materialize::Own,
        Artifact::Tree(_) => Materialize::Share,
    };
    Ok(store.materialize(artifact, to, how)?)
}

/// How a view's files look now; none if it is not there.
fn look(path: &Path) -> Option<BTreeMap<String, (u64, i64, i64)>> {
    let mut files = BTreeMap::new();
    let stamp = |meta: &Metadata| (meta.len(), meta.mtime(), meta.mtime_nsec());
    let meta = path.symlink_metadata().ok()?;
    if !meta.is_dir() {
        files.insert(String::new(), stamp(&meta));
        return Some(files);
    }
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.flatten() {
            let meta = entry.path().symlink_metadata().ok()?;
            if meta.is_dir() {
                folders.push(entry.path());
            } else {
                let inside = entry.path().strip_prefix(path).ok()?.display().to_string();
                files.insert(inside, stamp(&meta));
            }
        }
    }
    Some(files)
}

fn remove(path: &Path) {
    let removed =
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    // What is gone already is what was wanted.
    removed.ok();
}
