//! Whether a key has a result that can be used as it is.

use std::path::PathBuf;

use rescience_digest::{ActionKey, Digest};

use crate::artifact::Artifact;
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::trace::Trace;

/// What the store has for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What the newest success gave that is whole.
    Whole {
        /// What it yielded.
        output: Artifact,
        /// What was measured. They are evidence: without them a success is not whole.
        facts: Option<Digest>,
    },
    /// Only successes that need this object, which is gone.
    Missing(Digest),
    /// Only successes that need this object, which has other bytes.
    Damaged(Digest),
    /// Only failures.
    Failed,
    /// Nothing.
    Unknown,
}

impl Store {
    /// What the store has for `key`, looked at as by [`Store::intact`].
    pub fn standing(&self, key: &ActionKey) -> Result<Standing> {
        Ok(self.judge(key)?.0)
    }

    /// The same, with the trace that decided it and its file, if that is the newest success.
    pub(crate) fn judge(&self, key: &ActionKey) -> Result<(Standing, Option<(PathBuf, Trace)>)> {
        let mut traces = self.trace_files(key)?;
        let mut standing = if traces.is_empty() { Standing::Unknown } else { Standing::Failed };
        while let Some((path, trace)) = traces.pop() {
            let Some(output) = trace.output else { continue };
            let facts = trace.facts.map_or(Ok(()), |facts| self.intact(&Artifact::Blob(facts)));
            let lost = match self.intact(&output).and(facts) {
                Ok(()) => {
                    let newest = standing == Standing::Failed;
                    let whole = Standing::Whole { output, facts: trace.facts };
                    return Ok((whole, newest.then_some((path, trace))));
                }
                Err(StoreError::Missing { digest, .. }) => Standing::Missing(digest),
                Err(StoreError::Damaged { digest, .. }) => Standing::Damaged(digest),
                Err(_) => Standing::Missing(output.digest()),
            };
            if standing == Standing::Failed {
                standing = lost;
            }
        }
        Ok((standing, None))
    }
}
