//! The files of a bundle, found by path, by folder and by content.

use std::collections::BTreeMap;

use rescience_digest::Digest;

use crate::account::{Account, Action, Content, File};

/// Files that are made from the account and are no part of it.
const MADE_LAST: [&str; 3] = [crate::ro_crate::PATH, "manifest-blake3.txt", "manifest-sha256.txt"];

/// The files of an account.
pub(crate) struct Index<'a> {
    files: BTreeMap<&'a str, &'a File>,
    holders: BTreeMap<Digest, &'a File>,
}

impl<'a> Index<'a> {
    pub(crate) fn of(account: &'a Account) -> Index<'a> {
        let described =
            account.files.iter().filter(|file| !MADE_LAST.contains(&file.path.as_str()));
        let files: BTreeMap<&str, &File> =
            described.map(|file| (file.path.as_str(), file)).collect();
        let mut holders = BTreeMap::new();
        for file in files.values() {
            holders.entry(file.digest).or_insert(*file);
        }
        Index { files, holders }
    }

    /// All files, by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = &'a File> {
        self.files.values().copied()
    }

    pub(crate) fn file(&self, path: &str) -> Option<&'a File> {
        self.files.get(path).copied()
    }

    /// The first file with a content.
    pub(crate) fn holder(&self, digest: &Digest) -> Option<&'a File> {
        self.holders.get(digest).copied()
    }

    /// The files below a folder.
    pub(crate) fn below(&self, folder: &str) -> Vec<&'a File> {
        let start = format!("{}/", folder.trim_end_matches('/'));
        let all = self.files.range(start.as_str()..);
        all.take_while(|(path, _)| path.starts_with(&start)).map(|(_, file)| *file).collect()
    }

    /// Whether a path is a file or a folder of the bundle.
    pub(crate) fn holds(&self, path: &str) -> bool {
        self.files.contains_key(path) || !self.below(path).is_empty()
    }

    /// The files that a content is: one, or all below a folder, or none if the bundle lacks it.
    pub(crate) fn files_of(&self, content: &Content) -> Vec<&'a File> {
        match content {
            Content::Digest(digest) => self.holder(digest).into_iter().collect(),
            Content::Path(path) => self.file(path).into_iter().chain(self.below(path)).collect(),
        }
    }

    /// The files that some actions made, each once, by path.
    pub(crate) fn made(&self, account: &'a Account, by: impl Fn(&Action) -> bool) -> Vec<&'a File> {
        let mut files = BTreeMap::new();
        for action in account.actions.iter().filter(|action| by(action)) {
            for slot in &action.outputs {
                let of_slot = self.files_of(&slot.content).into_iter();
                files.extend(of_slot.map(|file| (file.path.as_str(), file)));
            }
        }
        files.into_values().collect()
    }
}
