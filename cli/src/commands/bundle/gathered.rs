//! What goes into a bundle, and what a thin one only names.

use std::collections::{BTreeMap, BTreeSet};

use rescience_bundle::secret::{self, Scanner};
use rescience_bundle::{BundleError, Writer};
use rescience_digest::{ActionKey, Digest, Hashed};
use rescience_exec::host::Host;
use rescience_recipes::{Action, ActionIndex, ActionName, Graph, Recipe, Work};
use rescience_store::{Artifact, Entry, Store, Trace};

use super::{refuse_secrets, secret_at, secret_file};
use crate::account;
use crate::error::Error;
use crate::left_out::{File, LeftOut};
use crate::unpacked::views;

/// What is in a bundle, gathered action by action.
pub(super) struct Gathered<'a> {
    store: &'a Store,
    /// What looks for secrets.
    scanner: &'a Scanner,
    /// What an unpacked bundle left out, by path.
    absent: &'a BTreeMap<String, Entry>,
    /// Files under names of their own, and whether they can be executed.
    named: BTreeMap<String, (Digest, bool)>,
    /// Everything that the traces lead to.
    objects: BTreeSet<Digest>,
    traces: BTreeMap<Digest, Vec<u8>>,
    pub(super) done: Vec<account::Done>,
    left_out: LeftOut,
    /// How a thin bundle is thinned; none for a full one.
    thin: Option<Thin<'a>>,
}

/// Which files a thin bundle leaves out: large ones that no page is made from.
pub(super) struct Thin<'a> {
    /// From how many bytes on a file is large.
    size: u64,
    /// Files of runs that results and figures are made from.
    read: BTreeSet<&'a str>,
}

impl<'a> Thin<'a> {
    pub(super) fn new(recipe: &'a Recipe, size: u64) -> Thin<'a> {
        let metrics = recipe.experiments.values().flat_map(|it| it.metrics.values());
        let figures = recipe.figures.values().filter_map(|it| it.plot.at.as_deref());
        Thin { size, read: metrics.map(|metric| metric.file.as_str()).chain(figures).collect() }
    }
}

impl<'a> Gathered<'a> {
    /// Nothing yet. What a bundle that was unpacked here left out is left out again.
    pub(super) fn new(
        host: &'a Host,
        scanner: &'a Scanner,
        thin: Option<Thin<'a>>,
    ) -> Gathered<'a> {
        Gathered {
            store: &host.store,
            scanner,
            absent: &host.absent,
            named: BTreeMap::new(),
            objects: BTreeSet::new(),
            traces: BTreeMap::new(),
            done: Vec::new(),
            left_out: LeftOut::default(),
            thin,
        }
    }

    /// How many artifacts and traces there are.
    pub(super) fn len(&self) -> usize {
        self.named.len() + self.objects.len() + self.traces.len()
    }

    /// Takes a file or a folder of the project, under the path that the recipe gives it.
    pub(super) fn files(
        &mut self,
        action: &Action,
        path: &str,
        artifact: &Artifact,
    ) -> Result<(), Error> {
        self.objects.extend(self.store.closure([*artifact])?.iter().map(Artifact::digest));
        let source = matches!(action.work, Work::Source { .. });
        self.below(source, path, artifact)
    }

    fn below(&mut self, source: bool, path: &str, artifact: &Artifact) -> Result<(), Error> {
        let entries = match artifact {
            Artifact::Blob(digest) => return self.file(source, path, &self.entry(path, digest)?),
            Artifact::Tree(tree) => self.store.tree(tree)?.entries,
        };
        for (name, entry) in entries {
            let path = format!("{path}/{name}");
            match entry {
                Entry::File { .. } => self.file(source, &path, &entry)?,
                Entry::Directory { digest } => {
                    self.below(source, &path, &Artifact::Tree(digest))?;
                }
                Entry::Symlink { target } => {
                    self.left_out.links.insert(path, target);
                }
            }
        }
        Ok(())
    }

    /// The entry of a file that stands in no listing.
    fn entry(&self, path: &str, digest: &Digest) -> Result<Entry, Error> {
        if let Some(entry) = self.absent.get(path) {
            return Ok(entry.clone());
        }
        let mut file = self.store.object_file(digest)?;
        let hashed = Hashed::read(&mut file).map_err(|error| Error::other(error.to_string()))?;
        Ok(Entry::file(hashed.into(), false))
    }

    fn file(&mut self, source: bool, path: &str, entry: &Entry) -> Result<(), Error> {
        let Entry::File { digest, executable, .. } = entry else { return Ok(()) };
        if !(source && self.leave_out(path, entry, true)?) {
            self.named.insert(path.to_owned(), (*digest, *executable));
        }
        Ok(())
    }

    /// Leaves a file out that is not here, or one that `may` be left out and is large.
    fn leave_out(&mut self, path: &str, entry: &Entry, may: bool) -> Result<bool, Error> {
        let &Entry::File { digest: blake3, sha256, size, executable } = entry else {
            return Ok(false);
        };
        let large = may && self.thin.as_ref().is_some_and(|thin| size >= thin.size);
        let left_out = large || !self.store.contains(&blake3)?;
        if left_out {
            let file = File { blake3, sha256, size, executable };
            self.left_out.files.insert(path.to_owned(), file);
        }
        Ok(left_out)
    }

    /// Takes what an action made, and the trace of it.
    pub(super) fn made(
        &mut self,
        graph: &Graph,
        index: ActionIndex,
        key: &ActionKey,
        output: &Digest,
    ) -> Result<(), Error> {
        let action = &graph.action(index).name;
        let traces = self.store.traces(key)?;
        let made = |it: &Trace| it.output.is_some_and(|made| made.digest() == *output);
        let Some(trace) = traces.into_iter().rev().find(made) else {
            return Err(Error::other(format!("the store has lost the trace of {action}")));
        };
        self.objects.extend(self.store.closure(trace.artifacts())?.iter().map(Artifact::digest));
        if let Some(Artifact::Tree(tree)) = trace.output {
            self.thin_out(&tree, "")?;
        }
        if let ActionName::Node(node) = action {
            let beside = |log: &str| trace.logs.get(log).map(Artifact::digest);
            let views = views(node, output, beside);
            self.named.extend(views.into_iter().map(|(path, digest)| (path, (digest, false))));
        }
        let bytes = trace.to_bytes();
        self.traces.insert(Digest::of(&bytes), bytes);
        self.done.push((index, trace));
        Ok(())
    }

    /// Leaves large files of a run or a build out.
    fn thin_out(&mut self, tree: &Digest, folder: &str) -> Result<(), Error> {
        for (name, entry) in self.store.tree(tree)?.entries {
            let path = format!("{folder}{name}");
            match &entry {
                Entry::File { digest, .. } => {
                    let read = self.thin.as_ref().is_some_and(|it| it.read.contains(path.as_str()));
                    self.leave_out(&object_path(digest), &entry, !read)?;
                }
                Entry::Directory { digest } => self.thin_out(digest, &format!("{path}/"))?,
                Entry::Symlink { .. } => {}
            }
        }
        Ok(())
    }

    /// Writes all of it. Returns what was left out.
    pub(super) fn write(&mut self, writer: &mut Writer) -> Result<&LeftOut, Error> {
        let here: BTreeSet<Digest> = self.named.values().map(|(digest, _)| *digest).collect();
        // What one action leaves out a page may be made from.
        self.left_out.files.retain(|_, file| !here.contains(&file.blake3));
        let left_out: BTreeSet<Digest> =
            self.left_out.files.values().map(|file| file.blake3).collect();
        if let Some((name, why)) = self.left_out.misnamed() {
            let (name, reason) = (name.to_owned(), format!("{why}; rename it"));
            return Err(BundleError::Unfit { name, reason }.into());
        }
        for (name, (digest, executable)) in &self.named {
            self.put(writer, name, digest, *executable)?;
        }
        for digest in self.objects.iter().filter(|it| !here.contains(it) && !left_out.contains(it))
        {
            self.put(writer, &object_path(digest), digest, false)?;
        }
        for (digest, bytes) in &self.traces {
            let name = format!("traces/{}.json", digest.hex());
            refuse_secrets(self.scanner, &name, bytes)?;
            writer.add(&name, bytes)?;
        }
        if !self.left_out.is_empty() {
            writer.add(LeftOut::FILE, self.left_out.to_json().as_bytes())?;
        }
        Ok(&self.left_out)
    }

    fn put(
        &self,
        writer: &mut Writer,
        name: &str,
        digest: &Digest,
        executable: bool,
    ) -> Result<(), Error> {
        let file = self.store.object_file(digest)?;
        let size = file.metadata().map_err(|error| Error::other(error.to_string()))?.len();
        if size > 0
            && let Some(kind) = secret::name(name)
        {
            return Err(secret_file(name, kind));
        }
        let mut from = self.scanner.watch(file);
        let added = writer.add_file(name, &mut from, size, executable);
        if let Some(secret) = from.found() {
            return Err(secret_at(name, &secret));
        }
        if added?.digest != *digest {
            // Read again for the store's own words.
            self.store.read(digest)?;
        }
        Ok(())
    }
}

/// The folder of what has no name of its own.
const OBJECTS: &str = "objects/";

fn object_path(digest: &Digest) -> String {
    format!("{OBJECTS}{}", digest.hex())
}
