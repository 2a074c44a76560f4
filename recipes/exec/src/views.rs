//! `out/`: views of what a build made, for people; the store keeps the artifacts themselves.
//!
//! ```text
//! out/
//!   main.pdf                       paper.main
//!   figure/curves.svg              figure.curves
//!   experiment/baseline/
//!     results.json                 experiment.baseline
//!     add-0/                       what experiment.baseline[operation=add]#0 wrote
//!   .rescience.json                which digests the views show; a cache, safe to delete
//!   .lock                          held while views are written
//! ```
//!
//! A view that is gone or was changed is written again from the store, without a run.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rescience_digest::Digest;
use rescience_recipes::{ActionName, NodeKind, Point};
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
    for (index, artifact, _) in &report.made {
        let name = &project.graph.action(*index).name;
        let Some(path) = view_path(name) else { continue };
        let to = folder.join(&path);
        let kept = before.views.get(&path).filter(|view| {
            view.digest == artifact.digest() && look(&to).is_some_and(|now| now == view.files)
        });
        let files = if let Some(view) = kept {
            view.files.clone()
        } else {
            show(store, artifact, &to)?;
            changed = true;
            let digest = artifact.digest();
            let shown = format!("{FOLDER}/{path}");
            events.send(Event::Written { action: name.to_string(), path: shown, digest }).ok();
            look(&to).unwrap_or_default()
        };
        after.views.insert(path, View { digest: artifact.digest(), files });
    }
    // Views of nodes that this build did not ask for stay; those the recipe lost go.
    let known: std::collections::BTreeSet<String> =
        project.graph.actions().iter().filter_map(|action| view_path(&action.name)).collect();
    for (path, view) in before.views {
        if known.contains(&path) {
            after.views.entry(path).or_insert(view);
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
fn lock(folder: &Path, events: &Events) -> Result<File, ViewError> {
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

/// Where a node's artifact is shown, relative to `out/`.
fn view_path(name: &ActionName) -> Option<String> {
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
