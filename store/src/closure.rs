//! Everything that an artifact leads to.

use std::collections::BTreeSet;

use crate::artifact::Artifact;
use crate::error::Result;
use crate::store::Store;
use crate::tree::Entry;

impl Store {
    /// Everything that `artifacts` lead to, themselves included.
    ///
    /// # Errors
    /// A tree that is missing or damaged; files are not looked at.
    pub fn closure(
        &self,
        artifacts: impl IntoIterator<Item = Artifact>,
    ) -> Result<BTreeSet<Artifact>> {
        let mut found = BTreeSet::new();
        for artifact in artifacts {
            self.walk(artifact, |part, _| Ok(found.insert(part)))?;
        }
        Ok(found)
    }

    /// Visits the artifact and all its parts, each tree before what it names, with the size of a
    /// file where a tree tells it. `visit` says whether to go on into a tree.
    ///
    /// Trees may be nested deeper than a stack is, so there is no recursion.
    pub(crate) fn walk(
        &self,
        artifact: Artifact,
        mut visit: impl FnMut(Artifact, Option<u64>) -> Result<bool>,
    ) -> Result<()> {
        let mut waiting = vec![(artifact, None)];
        while let Some((part, size)) = waiting.pop() {
            let enter = visit(part, size)?;
            if let (Artifact::Tree(digest), true) = (part, enter) {
                let tree = self.tree(&digest)?;
                waiting.extend(tree.entries.values().filter_map(part_of));
            }
        }
        Ok(())
    }
}

/// The artifact behind an entry, and its size if the entry tells it.
pub(crate) fn part_of(entry: &Entry) -> Option<(Artifact, Option<u64>)> {
    match entry {
        Entry::File { digest, size, .. } => Some((Artifact::Blob(*digest), Some(*size))),
        Entry::Directory { digest } => Some((Artifact::Tree(*digest), None)),
        Entry::Symlink { .. } => None,
    }
}
