//! What a trace names and the store lacks, on its way: looked at whole before any of it is kept.

use std::collections::BTreeSet;

use rescience_digest::Digest;
use rescience_store::{Artifact, Blob, Entry, Received, Store, StoreError, Trace, Tree};

use crate::error::{CacheError, Result};
use crate::layout::Item;
use crate::place::Place;
use crate::shelf::Shelf;

/// The most bytes of listings in one fetch; they are kept in memory.
const LARGEST_LISTINGS: u64 = 256 << 20;

/// The most entries of all listings in one fetch.
const MOST_ENTRIES: usize = 1 << 20;

/// The most directories inside one another.
const DEEPEST: usize = 256;

/// The largest object whose size no tree tells.
const LARGEST_OBJECT: u64 = 1 << 34;

/// Objects that came and are none yet.
#[derive(Default)]
pub(crate) struct Parcel {
    blobs: Vec<Received>,
    /// Each behind what it names.
    trees: Vec<Received>,
    /// What was looked at. The same bytes may be a file in one place and a listing in another.
    all: BTreeSet<Artifact>,
}

/// Why a trace's objects are not all there.
pub(crate) enum Flaw {
    /// The trace does not count, as a lower-case fragment.
    Refused(String),
    /// Nothing from this place counts.
    Broken(CacheError),
}

impl<E: Into<CacheError>> From<E> for Flaw {
    fn from(error: E) -> Flaw {
        Flaw::Broken(error.into())
    }
}

/// What a file at the place holds.
pub(crate) enum Small {
    Bytes(Vec<u8>),
    Missing,
    TooLong,
}

/// Whoever gets things from a place, and counts.
pub(crate) struct Getter<'a> {
    pub(crate) shelf: &'a mut dyn Shelf,
    pub(crate) place: &'a Place,
    pub(crate) store: &'a Store,
    /// Bytes that came.
    pub(crate) bytes: u64,
    /// What is left of the bounds.
    listings: u64,
    entries: usize,
}

impl Parcel {
    /// Makes everything an object.
    pub(crate) fn keep(self) -> Result<()> {
        for received in self.blobs.into_iter().chain(self.trees) {
            received.keep()?;
        }
        Ok(())
    }

    /// Adds what came for another trace.
    pub(crate) fn append(&mut self, mut other: Parcel) {
        self.blobs.append(&mut other.blobs);
        self.trees.append(&mut other.trees);
        self.all.append(&mut other.all);
    }
}

impl<'a> Getter<'a> {
    pub(crate) fn new(shelf: &'a mut dyn Shelf, place: &'a Place, store: &'a Store) -> Getter<'a> {
        let (listings, entries) = (LARGEST_LISTINGS, MOST_ENTRIES);
        Getter { shelf, place, store, bytes: 0, listings, entries }
    }

    /// A small file.
    pub(crate) fn small(&mut self, item: Item, most: u64) -> Result<Small> {
        let (mut bytes, total) = (Vec::new(), &mut self.bytes);
        let there = self.shelf.read(item, &mut |chunk| {
            *total += chunk.len() as u64;
            bytes.extend_from_slice(chunk);
            Ok(bytes.len() as u64 <= most)
        })?;
        Ok(match there {
            false => Small::Missing,
            true if bytes.len() as u64 > most => Small::TooLong,
            true => Small::Bytes(bytes),
        })
    }

    /// Gets whatever a trace names, unless the store or `before` has it. What came before a flaw
    /// was found is whole.
    pub(crate) fn gather(&mut self, trace: &Trace, before: &Parcel) -> (Parcel, Result<(), Flaw>) {
        let mut parcel = Parcel::default();
        let gathered = trace.artifacts().try_for_each(|artifact| match artifact {
            Artifact::Blob(digest) => self.blob(digest, None, before, &mut parcel),
            Artifact::Tree(digest) => self.tree(digest, 0, before, &mut parcel),
        });
        (parcel, gathered)
    }

    fn tree(
        &mut self,
        digest: Digest,
        depth: usize,
        before: &Parcel,
        parcel: &mut Parcel,
    ) -> Result<(), Flaw> {
        let tree = Artifact::Tree(digest);
        if before.all.contains(&tree) || !parcel.all.insert(tree) {
            return Ok(());
        }
        if depth > DEEPEST {
            let problem = format!("its directories are nested more than {DEEPEST} deep");
            return Err(Flaw::Refused(problem));
        }
        let (tree, received) = match self.store.tree(&digest) {
            Ok(tree) => (tree, None),
            Err(StoreError::Missing { .. } | StoreError::Damaged { .. }) => {
                let (bytes, received) = self.listing(digest)?;
                let tree = Tree::parse(&bytes).map_err(|problem| {
                    Flaw::Refused(format!("it names {digest} as a tree: {problem}"))
                })?;
                (tree, Some(received))
            }
            Err(StoreError::NotATree { problem, .. }) => {
                return Err(Flaw::Refused(format!("it names {digest} as a tree: {problem}")));
            }
            Err(error) => return Err(error.into()),
        };
        let left = self.entries.checked_sub(tree.entries.len());
        self.entries = left.ok_or_else(|| too_much(MOST_ENTRIES, "files and directories"))?;
        for entry in tree.entries.values() {
            match *entry {
                Entry::File { digest, sha256, size, .. } => {
                    self.blob(digest, Some(Blob { digest, sha256, size }), before, parcel)?;
                }
                Entry::Directory { digest } => self.tree(digest, depth + 1, before, parcel)?,
                Entry::Symlink { .. } => {}
            }
        }
        parcel.trees.extend(received);
        Ok(())
    }

    /// A directory's listing, which counts against the bounds.
    fn listing(&mut self, digest: Digest) -> Result<(Vec<u8>, Received), Flaw> {
        let (item, most) = (Item::Object(digest), self.listings);
        let bytes = match self.small(item, most)? {
            Small::Bytes(bytes) => bytes,
            Small::Missing => return Err(self.missing(digest)),
            Small::TooLong => return Err(too_much(LARGEST_LISTINGS as usize, "bytes of listings")),
        };
        self.listings -= bytes.len() as u64;
        let mut incoming = self.store.receive()?;
        incoming.write(&bytes)?;
        let received = incoming.finish();
        self.compare(digest, &received)?;
        Ok((bytes, received))
    }

    /// A file; `told` is what a tree says of it.
    fn blob(
        &mut self,
        digest: Digest,
        told: Option<Blob>,
        before: &Parcel,
        parcel: &mut Parcel,
    ) -> Result<(), Flaw> {
        let blob = Artifact::Blob(digest);
        if before.all.contains(&blob) || parcel.all.contains(&blob) {
            return Ok(());
        }
        match self.store.intact(&blob) {
            Ok(()) => return Ok(()),
            Err(StoreError::Missing { .. } | StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let most = told.map_or(LARGEST_OBJECT, |told| told.size);
        let mut incoming = self.store.receive()?;
        let (mut size, total) = (0, &mut self.bytes);
        let there = self.shelf.read(Item::Object(digest), &mut |chunk| {
            size += chunk.len() as u64;
            *total += chunk.len() as u64;
            if size <= most {
                incoming.write(chunk)?;
            }
            Ok(size <= most)
        })?;
        if !there {
            return Err(self.missing(digest));
        }
        if size > most {
            return Err(self.wrong(digest, format!("more than {most} bytes")).into());
        }
        let received = incoming.finish();
        self.compare(digest, &received)?;
        if told.is_some_and(|told| told != received.blob()) {
            let problem = format!("a tree that it names tells another size or SHA-256 of {digest}");
            return Err(Flaw::Refused(problem));
        }
        parcel.all.insert(blob);
        parcel.blobs.push(received);
        Ok(())
    }

    fn compare(&self, digest: Digest, received: &Received) -> Result<()> {
        let found = received.blob().digest;
        if found == digest { Ok(()) } else { Err(self.wrong(digest, found.to_string())) }
    }

    fn wrong(&self, digest: Digest, found: String) -> CacheError {
        let (place, item) = (self.place.to_string(), Item::Object(digest).to_string());
        CacheError::Wrong { place, digest, item, found }
    }

    fn missing(&self, digest: Digest) -> Flaw {
        Flaw::Refused(format!("it names {digest}, which is missing there"))
    }
}

fn too_much(most: usize, what: &str) -> Flaw {
    Flaw::Refused(format!("it leads to more than {most} {what}"))
}
