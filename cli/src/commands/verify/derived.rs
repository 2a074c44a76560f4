//! What follows from recorded things alone, done again: results from what runs wrote, sources from
//! patches.

use std::collections::BTreeMap;

use rescience_digest::Digest;
use rescience_exec::patch::apply;
use rescience_exec::request::metric_files;
use rescience_recipes::results::{RunRecord, collect};
use rescience_recipes::{ActionName, Collect, Graph, Plan, Step};
use rescience_store::{Artifact, Entry, Materialize, Store, Tree};

use super::pages::Recorded;
use crate::error::Error;

/// The digest of the results that the recorded runs give.
///
/// # Errors
/// In words, what cannot be collected.
pub(super) fn collected(
    graph: &Graph,
    plan: &Plan,
    step: &Step,
    spec: &Collect,
    recorded: &impl Recorded,
) -> Result<Digest, String> {
    let mut runs = Vec::new();
    let mut program = None;
    for (role, dep) in &graph.action(step.index()).deps {
        let at = plan.steps.binary_search_by_key(dep, Step::index).map_err(|_| "it has no plan")?;
        let Step::Fresh { made, key, .. } = &plan.steps[at] else { continue };
        let name = &graph.action(*dep).name;
        if role == "program" {
            program = Some(made.output);
        }
        let ActionName::Run { .. } = name else { continue };
        let files = metric_files(recorded, spec, &made.output);
        runs.push(RunRecord {
            name: name.clone(),
            key: *key,
            output: made.output,
            facts: made.facts,
            files: files.map_err(|error| format!("{name}: {}", error.words()))?,
        });
    }
    let results = collect(spec, program, &runs).map_err(|problem| problem.to_string())?;
    let bytes = serde_json::to_vec_pretty(&results).map_err(|error| error.to_string())?;
    Ok(Digest::of(&bytes))
}

/// The digest of the source that a patch of the project gives.
///
/// # Errors
/// In words, why it gives none.
pub(super) fn patched(
    base: &Digest,
    path: &str,
    recorded: &impl Recorded,
) -> Result<Digest, String> {
    again(base, path, recorded).map_err(|error| error.words())
}

fn again(base: &Digest, path: &str, recorded: &impl Recorded) -> Result<Digest, Error> {
    let patch = recorded.own(path).ok_or_else(|| Error::other(format!("`{path}` is not here")))?;
    let patch = recorded.read(&patch)?;
    let place = tempfile::tempdir().map_err(|error| Error::write(&std::env::temp_dir(), &error))?;
    let store = Store::open(&place.path().join("store"))?;
    let mut absent = BTreeMap::new();
    let held = copy(recorded, &store, base, "", &mut absent)?;
    let (from, to) = (place.path().join("base"), place.path().join("patched"));
    store.materialize(&Artifact::Tree(held), &from, Materialize::Own)?;
    apply(&from, &patch, &to).map_err(|error| Error::other(error.to_string()))?;
    let made = store.adopt_dir(&to)?;
    let absent = absent.iter().map(|(path, entry)| (path.as_str(), entry)).collect();
    Ok(store.graft(Some(&made), &absent)?)
}

/// Copies a tree to a store, but for files that a thin bundle left out.
fn copy(
    recorded: &impl Recorded,
    store: &Store,
    tree: &Digest,
    folder: &str,
    absent: &mut BTreeMap<String, Entry>,
) -> Result<Digest, Error> {
    let mut held = Tree::default();
    for (name, entry) in recorded.tree(tree)?.entries {
        let path = format!("{folder}{name}");
        let entry = match entry {
            Entry::File { digest, .. } if recorded.left_out(&digest) => {
                absent.insert(path, entry);
                continue;
            }
            Entry::File { digest, .. } => {
                store.put_bytes(&recorded.read(&digest)?)?;
                entry
            }
            Entry::Directory { digest } => {
                let inner = copy(recorded, store, &digest, &format!("{path}/"), absent)?;
                Entry::Directory { digest: inner }
            }
            Entry::Symlink { .. } => entry,
        };
        held.entries.insert(name, entry);
    }
    Ok(store.put_tree(&held)?)
}
