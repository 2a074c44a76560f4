//! Every damaged or missing object, and the traces that hang on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use rescience_digest::{ActionKey, Digest};
use serde::Serialize;

use crate::artifact::Artifact;
use crate::closure;
use crate::error::{Result, StoreError};
use crate::files;
use crate::read;
use crate::root::Root;
use crate::store::Store;
use crate::trace::Trace;
use crate::write;

/// What [`Store::check`] found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckReport {
    /// Objects looked at.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Traces read.
    pub traces: u64,
    /// What is wrong, sorted; empty in a sound store.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// An object's bytes are not those it is named by.
    Damaged {
        /// The object's name.
        digest: Digest,
        /// Where it is.
        path: PathBuf,
        /// What its bytes hash to.
        found: Digest,
        /// The traces that hang on it.
        traces: Vec<TraceName>,
        /// The roots that name it, or a tree that holds it.
        roots: Vec<String>,
    },
    /// A trace or a root leads to an object that is not there.
    Missing {
        /// The object's name.
        digest: Digest,
        /// The traces that hang on it.
        traces: Vec<TraceName>,
        /// The roots that name it, or a tree that holds it.
        roots: Vec<String>,
    },
    /// A file that should hold a trace, a root or an object, and does not.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        message: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Damaged { digest, path, found, .. } => {
                write!(f, "object {digest} is damaged: `{}` holds {found}", path.display())
            }
            Problem::Missing { digest, .. } => write!(f, "object {digest} is missing"),
            Problem::Unreadable { path, message } => {
                write!(f, "`{}` cannot be read: {message}", path.display())
            }
        }
    }
}

impl Problem {
    /// The traces that hang on what is damaged or missing.
    pub fn traces(&self) -> &[TraceName] {
        match self {
            Problem::Damaged { traces, .. } | Problem::Missing { traces, .. } => traces,
            Problem::Unreadable { .. } => &[],
        }
    }
}

/// Which trace it is, for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TraceName {
    /// The project that wanted it.
    pub project: String,
    /// The action's display name.
    pub action: String,
    /// Its key.
    pub key: ActionKey,
}

impl Store {
    /// Looks at every object, trace and root, and at everything that these lead to.
    ///
    /// Without `read_data`, an object that carries its seal is believed; with it, every byte is
    /// read and hashed. Nothing is changed, except that an intact object without its seal is sealed
    /// again. Others may put meanwhile; hold [`Store::share`] so that nobody deletes.
    pub fn check(&self, read_data: bool) -> Result<CheckReport> {
        // What refers comes first: what is put after this look is not missed.
        let roots = self.all_roots()?;
        let traces = self.all_traces()?;
        let mut checker = Checker::new(self);
        checker.look_at_objects(read_data)?;
        for (path, trace) in traces {
            match trace {
                Err(message) => checker.unreadable(path, message),
                Ok(trace) => checker.follow_trace(&trace)?,
            }
        }
        for (path, root) in roots {
            match root {
                Err(message) => checker.unreadable(path, message),
                Ok((name, root)) => checker.follow_root(&name, &root)?,
            }
        }
        Ok(checker.finish())
    }

    /// Every file below `objects/`, and the digest that it is named by, if it is.
    pub(crate) fn all_objects(&self) -> Result<Vec<(PathBuf, Option<Digest>)>> {
        let mut objects = Vec::new();
        for (shard, dir) in files::list(&self.dir("objects"))? {
            for (rest, path) in files::list(&dir)? {
                let digest = Digest::from_hex(&format!("{}{}", shard.display(), rest.display()));
                objects.push((path, digest));
            }
        }
        Ok(objects)
    }
}

/// Who hangs on an object.
#[derive(Default)]
struct Hanging {
    traces: BTreeSet<TraceName>,
    roots: BTreeSet<String>,
}

struct Checker<'a> {
    store: &'a Store,
    report: CheckReport,
    /// Intact objects and their sizes.
    intact: BTreeMap<Digest, u64>,
    /// Damaged objects, and what they hold.
    damaged: BTreeMap<Digest, Digest>,
    /// The parts of every tree that was read.
    trees: BTreeMap<Digest, Vec<(Artifact, Option<u64>)>>,
    hanging: BTreeMap<Digest, Hanging>,
}

impl Checker<'_> {
    fn new(store: &Store) -> Checker<'_> {
        Checker {
            store,
            report: CheckReport::default(),
            intact: BTreeMap::new(),
            damaged: BTreeMap::new(),
            trees: BTreeMap::new(),
            hanging: BTreeMap::new(),
        }
    }

    fn unreadable(&mut self, path: PathBuf, message: String) {
        self.report.problems.push(Problem::Unreadable { path, message });
    }

    fn look_at_objects(&mut self, read_data: bool) -> Result<()> {
        for (path, digest) in self.store.all_objects()? {
            match digest {
                Some(digest) => self.look_at_object(digest, &path, read_data)?,
                None => self.unreadable(path, "it is not named by a digest".to_owned()),
            }
        }
        Ok(())
    }

    fn look_at_object(&mut self, digest: Digest, path: &Path, read_data: bool) -> Result<()> {
        let Some(metadata) = files::stat(path)? else {
            return Ok(());
        };
        if !metadata.is_file() {
            self.unreadable(path.to_owned(), "it is not a file".to_owned());
            return Ok(());
        }
        let found = if write::is_sealed(&metadata) && !read_data {
            digest
        } else if let Some(hashed) = read::hash_file(path)? {
            hashed.digest
        } else {
            return Ok(());
        };
        self.report.objects += 1;
        self.report.bytes += metadata.len();
        if found != digest {
            self.damaged.insert(digest, found);
            return Ok(());
        }
        if !write::is_sealed(&metadata) {
            write::reseal(path);
        }
        self.intact.insert(digest, metadata.len());
        Ok(())
    }

    fn follow_trace(&mut self, trace: &Trace) -> Result<()> {
        self.report.traces += 1;
        let name = TraceName {
            project: trace.project.clone(),
            action: trace.action.clone(),
            key: trace.key,
        };
        for bad in self.bad_parts(trace.artifacts())? {
            self.hanging.entry(bad).or_default().traces.insert(name.clone());
        }
        Ok(())
    }

    fn follow_root(&mut self, name: &str, root: &Root) -> Result<()> {
        for bad in self.bad_parts(root.artifacts.iter().copied())? {
            self.hanging.entry(bad).or_default().roots.insert(name.to_owned());
        }
        Ok(())
    }

    /// The objects that `artifacts` lead to and that are damaged or missing.
    fn bad_parts(&mut self, artifacts: impl Iterator<Item = Artifact>) -> Result<BTreeSet<Digest>> {
        let mut bad = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<_> = artifacts.map(|artifact| (artifact, None)).collect();
        while let Some((part, size)) = waiting.pop() {
            let digest = part.digest();
            if !seen.insert(part) {
                continue;
            }
            match self.intact.get(&digest) {
                None => {
                    bad.insert(digest);
                }
                Some(found) if size.is_some_and(|size| size != *found) => {
                    let message = format!("a tree says that it has other than {found} bytes");
                    self.unreadable(self.store.object_path(&digest), message);
                }
                Some(_) if matches!(part, Artifact::Tree(_)) => {
                    waiting.extend_from_slice(self.parts(digest)?);
                    if self.damaged.contains_key(&digest) {
                        bad.insert(digest);
                    }
                }
                Some(_) => {}
            }
        }
        Ok(bad)
    }

    fn parts(&mut self, digest: Digest) -> Result<&[(Artifact, Option<u64>)]> {
        if !self.trees.contains_key(&digest) {
            let parts = match self.store.tree(&digest) {
                Ok(tree) => tree.entries.values().filter_map(closure::part_of).collect(),
                Err(StoreError::NotATree { problem, .. }) => {
                    self.unreadable(self.store.object_path(&digest), problem);
                    Vec::new()
                }
                // Sealed, and so believed until now.
                Err(StoreError::Damaged { found, .. }) => {
                    self.intact.remove(&digest);
                    self.damaged.insert(digest, found);
                    Vec::new()
                }
                Err(error) => return Err(error),
            };
            self.trees.insert(digest, parts);
        }
        Ok(&self.trees[&digest])
    }

    fn finish(mut self) -> CheckReport {
        for (digest, found) in &self.damaged {
            let hanging = self.hanging.remove(digest).unwrap_or_default();
            self.report.problems.push(Problem::Damaged {
                digest: *digest,
                path: self.store.object_path(digest),
                found: *found,
                traces: hanging.traces.into_iter().collect(),
                roots: hanging.roots.into_iter().collect(),
            });
        }
        for (digest, hanging) in self.hanging {
            self.report.problems.push(Problem::Missing {
                digest,
                traces: hanging.traces.into_iter().collect(),
                roots: hanging.roots.into_iter().collect(),
            });
        }
        self.report.problems.sort();
        self.report.problems.dedup();
        self.report
    }
}
