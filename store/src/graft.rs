//! Entries put into a listing that lacks them.

use std::collections::BTreeMap;

use rescience_digest::Digest;

use crate::error::Result;
use crate::store::Store;
use crate::tree::{Entry, Tree};

impl Store {
    /// The tree with these entries, by path, where it has none of that name. What is grafted need
    /// not be in the store: it is missed by who needs its bytes.
    pub fn graft(&self, tree: Option<&Digest>, entries: &BTreeMap<&str, &Entry>) -> Result<Digest> {
        let mut grown = match tree {
            Some(digest) => self.tree(digest)?,
            None => Tree::default(),
        };
        let mut folders: BTreeMap<&str, BTreeMap<&str, &Entry>> = BTreeMap::new();
        for (path, entry) in entries {
            match path.split_once('/') {
                Some((folder, rest)) => {
                    folders.entry(folder).or_default().insert(rest, entry);
                }
                None => {
                    grown.entries.entry((*path).to_owned()).or_insert_with(|| (*entry).clone());
                }
            }
        }
        for (folder, entries) in folders {
            let inner = match grown.entries.get(folder) {
                Some(Entry::Directory { digest }) => Some(*digest),
                Some(_) => continue,
                None => None,
            };
            let digest = self.graft(inner.as_ref(), &entries)?;
            grown.entries.insert(folder.to_owned(), Entry::Directory { digest });
        }
        Ok(self.put_bytes(&grown.to_bytes())?.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(target: &str) -> Entry {
        Entry::Symlink { target: target.to_owned() }
    }

    #[test]
    fn what_is_grafted_gives_the_tree_that_it_was_taken_from() {
        let world = tempfile::TempDir::new().unwrap();
        let store = Store::open(&world.path().join("store")).unwrap();
        let dir = world.path().join("dir");
        std::fs::create_dir_all(dir.join("a/b")).unwrap();
        std::fs::write(dir.join("a/x"), "x").unwrap();
        let bare = store.adopt_dir(&dir).unwrap();
        std::fs::create_dir_all(dir.join("a/c")).unwrap();
        std::os::unix::fs::symlink("../x", dir.join("a/c/latest")).unwrap();
        std::os::unix::fs::symlink("a/x", dir.join("x")).unwrap();
        let whole = store.adopt_dir(&dir).unwrap();
        let (inner, outer) = (link("../x"), link("a/x"));
        let entries = BTreeMap::from([("a/c/latest", &inner), ("x", &outer)]);
        assert_eq!(store.graft(Some(&bare), &entries).unwrap(), whole);
        // What is there stays.
        assert_eq!(store.graft(Some(&whole), &entries).unwrap(), whole);
    }

    #[test]
    fn a_file_is_in_the_way_of_a_folder() {
        let world = tempfile::TempDir::new().unwrap();
        let store = Store::open(&world.path().join("store")).unwrap();
        let outer = link("a");
        let tree = store.graft(None, &BTreeMap::from([("x", &outer)])).unwrap();
        assert_eq!(store.graft(Some(&tree), &BTreeMap::from([("x/y", &outer)])).unwrap(), tree);
    }
}
