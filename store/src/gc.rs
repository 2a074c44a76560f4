//! Finds, and deletes, what nobody wants any more.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rescience_digest::{ActionKey, Digest};
use serde::Serialize;

use crate::artifact::Artifact;
use crate::error::{Context as _, Result, StoreError};
use crate::files;
use crate::lock::ExclusiveLock;
use crate::scratch;
use crate::store::Store;
use crate::tree::Tree;

/// How to collect.
#[derive(Clone, Copy, Debug)]
pub struct GcOptions<'a> {
    /// Deletes if given; the lock proves that nobody is building. `None` only lists.
    pub delete: Option<&'a ExclusiveLock>,
    /// What was put or touched more recently than this is kept.
    pub grace: Duration,
    /// The present.
    pub now: SystemTime,
}

/// What [`Store::gc`] found, and deleted if it was told to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Objects that nobody wants, sorted.
    pub objects: Vec<Digest>,
    /// Their bytes.
    pub bytes: u64,
    /// Keys of the traces that nobody wants, sorted; a key with several stands there as often.
    pub traces: Vec<ActionKey>,
    /// How many objects are kept.
    pub kept_objects: u64,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Whether the above was deleted.
    pub deleted: bool,
    /// What kept directories of dead processes from being removed, in words; one a directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unswept: Vec<String>,
}

impl Store {
    /// Collects what neither a root, nor a measured trace, nor the grace period keeps.
    ///
    /// Kept are the traces of the keys that roots name, the traces that were measured, the traces
    /// and objects that were put within the grace period, the artifacts that roots name, and
    /// everything that these lead to. An object's age starts anew when the same bytes are put
    /// again, and when it is linked to or from elsewhere.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadRoot`] or [`StoreError::BadTrace`] if one cannot be read: what it keeps is
    /// then unknown, and nothing is deleted.
    pub fn gc(&self, options: GcOptions<'_>) -> Result<GcReport> {
        let since = options.now.checked_sub(options.grace).unwrap_or(SystemTime::UNIX_EPOCH);
        let Marked { mut kept, unwanted: unwanted_traces } = self.mark_references(since)?;
        let objects = self.mark_young(since, &mut kept)?;
        let mut report = GcReport { deleted: options.delete.is_some(), ..GcReport::default() };
        report.traces = unwanted_traces.iter().map(|(_, key)| *key).collect();
        report.traces.sort();
        let mut unwanted = Vec::new();
        for object in objects {
            let names = [Artifact::Blob(object.digest), Artifact::Tree(object.digest)];
            if names.iter().any(|name| kept.contains(name)) {
                report.kept_objects += 1;
                report.kept_bytes += object.size;
            } else {
                report.objects.push(object.digest);
                report.bytes += object.size;
                unwanted.push(object.path);
            }
        }
        if options.delete.is_some() {
            self.delete(&unwanted_traces, &unwanted)?;
            let refused = scratch::sweep(&self.dir("tmp"))?;
            report.unswept = refused.iter().map(ToString::to_string).collect();
        }
        Ok(report)
    }

    fn mark_references(&self, since: SystemTime) -> Result<Marked> {
        let mut kept = BTreeSet::new();
        let mut rooted = BTreeSet::new();
        for root in self.roots()?.into_values() {
            rooted.extend(root.keys);
            for artifact in root.artifacts {
                self.mark(artifact, &mut kept)?;
            }
        }
        let mut unwanted = Vec::new();
        for (path, trace) in self.all_traces()? {
            let trace = match trace {
                Ok(trace) => trace,
                Err(problem) => return Err(StoreError::BadTrace { path, problem }),
            };
            let young = files::stat(&path)?.is_some_and(|metadata| changed(&metadata) >= since);
            if young || trace.measured || rooted.contains(&trace.key) {
                for artifact in trace.artifacts() {
                    self.mark(artifact, &mut kept)?;
                }
            } else {
                unwanted.push((path, trace.key));
            }
        }
        Ok(Marked { kept, unwanted })
    }

    /// All objects; marks those within the grace period, and what they lead to if they are trees:
    /// a build that was interrupted finds its work again.
    fn mark_young(&self, since: SystemTime, kept: &mut BTreeSet<Artifact>) -> Result<Vec<Object>> {
        let mut objects = Vec::new();
        for (path, digest) in self.all_objects()? {
            let (Some(digest), Some(metadata)) = (digest, files::stat(&path)?) else {
                continue; // Not ours to delete; `check` names it.
            };
            if changed(&metadata) >= since {
                let artifact = if begins_as_tree(&path)? {
                    Artifact::Tree(digest)
                } else {
                    Artifact::Blob(digest)
                };
                self.mark(artifact, kept)?;
            }
            objects.push(Object { digest, path, size: metadata.len() });
        }
        Ok(objects)
    }

    /// Adds everything that the artifact leads to. What is missing or damaged leads nowhere.
    fn mark(&self, artifact: Artifact, kept: &mut BTreeSet<Artifact>) -> Result<()> {
        self.walk(artifact, |part, _| {
            let digest = part.digest();
            let new = kept.insert(part);
            match part {
                Artifact::Tree(_) if new => match self.tree(&digest) {
                    Ok(_) => Ok(true),
                    Err(
                        StoreError::Missing { .. }
                        | StoreError::Damaged { .. }
                        | StoreError::NotATree { .. },
                    ) => Ok(false),
                    Err(error) => Err(error),
                },
                _ => Ok(false),
            }
        })
    }

    /// Deletes in the opposite order of writing, so that nothing ever refers to what is gone.
    fn delete(&self, traces: &[(PathBuf, ActionKey)], objects: &[PathBuf]) -> Result<()> {
        for (path, key) in traces {
            files::remove(path)?;
            self.changed(path);
            // Empty only if that was the key's last trace.
            if fs::remove_dir(self.trace_dir(key)).is_ok() {
                self.changed(&self.trace_dir(key));
            }
        }
        self.sync()?;
        for path in objects {
            files::remove(path)?;
            self.changed(path);
        }
        self.sync()
    }
}

/// What roots and traces say.
struct Marked {
    /// All that the wanted ones lead to.
    kept: BTreeSet<Artifact>,
    /// The traces that are not wanted, by path and key.
    unwanted: Vec<(PathBuf, ActionKey)>,
}

struct Object {
    digest: Digest,
    path: PathBuf,
    size: u64,
}

/// When a file was last put, touched or linked; the time of modification is sealed.
fn changed(metadata: &Metadata) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(metadata.ctime()).unwrap_or(0));
    let nanos = Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).unwrap_or(0));
    SystemTime::UNIX_EPOCH + seconds + nanos
}

fn begins_as_tree(path: &Path) -> Result<bool> {
    let mut start = Vec::with_capacity(Tree::HEADER_LEN);
    let file = File::open(path).context("open", path)?;
    file.take(Tree::HEADER_LEN as u64).read_to_end(&mut start).context("read", path)?;
    Ok(Tree::looks_like_one(&start))
}
