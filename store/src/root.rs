//! Roots: what a project wants kept.

use std::collections::BTreeMap;

use rescience_digest::{ActionKey, Digest};
use serde::{Deserialize, Serialize};

use crate::artifact::Artifact;
use crate::error::{Parsed, Result, StoreError};
use crate::files;
use crate::store::Store;

/// What [`Store::gc`] keeps on behalf of one project, with everything it leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Where the project is, for people.
    pub project_dir: String,
    /// Keys whose traces are kept.
    pub keys: Vec<ActionKey>,
    /// Artifacts that are kept.
    pub artifacts: Vec<Artifact>,
}

/// What a root's file holds; the name is inside, because a file name cannot spell every one.
#[derive(Serialize, Deserialize)]
struct RootFile {
    schema: u32,
    name: String,
    root: Root,
}

const SCHEMA: u32 = 1;

impl Store {
    /// Sets the root of this name, replacing an earlier one atomically, after everything that was
    /// put is durable; does nothing if that is the root already. Returns the digest of its file.
    pub fn set_root(&self, name: &str, root: &Root) -> Result<Digest> {
        let file = RootFile { schema: SCHEMA, name: name.to_owned(), root: root.clone() };
        let bytes = serde_json::to_vec_pretty(&file).expect("a root has only string keys");
        let digest = Digest::of(&bytes);
        if self.root_digest(name)? != Some(digest) {
            self.replace_file(&self.root_path(name), &bytes)?;
        }
        Ok(digest)
    }

    /// The digest of the file of the root of this name; `None` if there is no such root.
    pub fn root_digest(&self, name: &str) -> Result<Option<Digest>> {
        Ok(files::read(&self.root_path(name))?.map(|bytes| Digest::of(&bytes)))
    }

    /// The root of this name, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadRoot`] if it cannot be read.
    pub fn root(&self, name: &str) -> Result<Option<Root>> {
        let path = self.root_path(name);
        let Some(bytes) = files::read(&path)? else { return Ok(None) };
        match parse(&bytes) {
            Ok((_, root)) => Ok(Some(root)),
            Err(problem) => Err(StoreError::BadRoot { path, problem }),
        }
    }

    /// Forgets the root of this name, if there is one.
    pub fn remove_root(&self, name: &str) -> Result<()> {
        let path = self.root_path(name);
        files::remove(&path)?;
        self.changed(&path);
        self.sync()
    }

    /// All roots by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadRoot`] if one cannot be read: what it keeps is then unknown.
    pub fn roots(&self) -> Result<BTreeMap<String, Root>> {
        self.all_roots()?
            .into_iter()
            .map(|(path, root)| root.map_err(|problem| StoreError::BadRoot { path, problem }))
            .collect()
    }

    /// Every root's file, and what it holds or why it cannot be read.
    pub(crate) fn all_roots(&self) -> Result<Vec<Parsed<(String, Root)>>> {
        let mut roots = Vec::new();
        for (_, path) in files::list(&self.dir("roots"))? {
            if let Some(bytes) = files::read(&path)? {
                roots.push((path, parse(&bytes)));
            }
        }
        Ok(roots)
    }
}

fn parse(bytes: &[u8]) -> Result<(String, Root), String> {
    let file: RootFile = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if file.schema != SCHEMA {
        return Err(format!("its schema is {}, not {SCHEMA}", file.schema));
    }
    Ok((file.name, file.root))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn roots_are_set_replaced_and_forgotten() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let old = Root { project_dir: "/a".to_owned(), ..Root::default() };
        let new = Root { keys: vec![ActionKey::of("root tests", "k")], ..old.clone() };
        store.set_root("/home/a project", &old).unwrap();
        store.set_root("/home/a project", &new).unwrap();
        store.set_root("b", &old).unwrap();
        let expected = [("/home/a project".to_owned(), new), ("b".to_owned(), old)];
        assert_eq!(store.roots().unwrap(), expected.into());
        store.remove_root("b").unwrap();
        store.remove_root("never").unwrap();
        assert_eq!(store.roots().unwrap().len(), 1);
    }

    #[test]
    fn a_root_that_cannot_be_read_is_an_error_not_an_absence() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        store.set_root("a", &Root::default()).unwrap();
        fs::write(temp.path().join("v1/roots/a.json"), "{").unwrap();
        assert!(matches!(store.roots(), Err(StoreError::BadRoot { .. })));
    }
}
