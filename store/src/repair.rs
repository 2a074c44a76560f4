//! Drops what is damaged, and every trace that leads to what is gone, so that it can be made again.

use std::path::PathBuf;

use rescience_digest::Digest;
use serde::Serialize;

use crate::artifact::Artifact;
use crate::check::{CheckReport, Problem};
use crate::error::Result;
use crate::files;
use crate::lock::ExclusiveLock;
use crate::store::Store;

/// What [`Store::repair`] dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Damaged objects.
    pub objects: Vec<Digest>,
    /// The files of traces that led to something missing or damaged.
    pub traces: Vec<PathBuf>,
}

impl Store {
    /// Mends what `report` found: afterwards every readable trace leads to intact objects. What was
    /// dropped is made again by the next build that needs it. A trace goes with its output or
    /// facts; one that lost only a log is recorded again without it, and roots let go of what is
    /// not there.
    ///
    /// # Errors
    /// The file system refuses, or a root cannot be read.
    pub fn repair(&self, report: &CheckReport, _lock: &ExclusiveLock) -> Result<Repaired> {
        let mut repaired = Repaired::default();
        for problem in &report.problems {
            if let Problem::Damaged { digest, .. } = problem
                && self.remove(digest)?
            {
                repaired.objects.push(*digest);
            }
        }
        for (path, trace) in self.all_traces()? {
            // One that cannot be read may be a newer version's: `check` goes on naming it.
            let Ok(mut trace) = trace else { continue };
            let whole = |artifact: &Artifact| self.intact(artifact).is_ok();
            let lost_logs = trace.logs.len();
            trace.logs.retain(|_, log| whole(log));
            let facts = trace.facts.map(Artifact::Blob);
            let result = trace.output.iter().copied().chain(facts).all(|it| whole(&it));
            if result && trace.logs.len() == lost_logs {
                continue;
            }
            // A result without its log is a result still.
            if result {
                self.record(&trace)?;
            }
            files::remove(&path)?;
            repaired.traces.push(path);
        }
        // What a project wants kept and no longer is there cannot be kept.
        for (name, mut root) in self.roots()? {
            let wanted = root.artifacts.len();
            root.artifacts.retain(|artifact| self.intact(artifact).is_ok());
            if root.artifacts.len() != wanted {
                self.set_root(&name, &root)?;
            }
        }
        Ok(repaired)
    }
}
