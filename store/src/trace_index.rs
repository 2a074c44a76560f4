//! Which result each key has, remembered, so that a build with nothing to do opens no trace.
//!
//! # The promise
//!
//! The index says nothing that the store would not say at that moment. An entry is believed only
//! while a look at each of these, without opening any, finds what was found when it was made:
//!
//! - the directory of the key's traces: the same inode and the same times, so that no trace was
//!   added, replaced or removed;
//! - the trace: sealed, and of the same size;
//! - every object that the output and the facts lead to, listings included: sealed, and of the
//!   same size.
//!
//! For any other key the traces are read, as without an index. Only the newest success of a key is
//! remembered, and not if its directory was modified in the two seconds before the index was
//! opened, or later: it could be modified once more without its times telling. That is judged by
//! the clock of the store's own file system.
//!
//! So the index can be lost, be old, or come from another machine: that costs time, nothing else.
//!
//! # On disk
//!
//! One file per project, `traces-v1/<project>` in the cache, replaced in one step. All numbers are
//! 64 bits, little endian; a file that is not exactly this counts as empty:
//!
//! ```text
//! per key, in order     the key                                          32 bytes
//!                       its directory: inode, size, modified, changed    6 numbers
//!                       its trace: name and size                         32 bytes, 1 number
//!                       the output: 0 for a blob or 1 for a tree, name   1 number, 32 bytes
//!                       the facts: 0, or 1 and their name                1 number, 0 or 32 bytes
//!                       the objects: their count, then name and size     1 number, then 40 bytes each
//! at the end            the digest of all the above                      32 bytes
//! ```

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use rescience_digest::{ActionKey, Digest};

use crate::artifact::Artifact;
use crate::cache_file::{self, Time, has_rested};
use crate::codec::{self, Reader};
use crate::error::{Context as _, Result};
use crate::files;
use crate::stamps::{self, Stamp};
use crate::standing::Standing;
use crate::store::Store;
use crate::trace::Trace;
use crate::write;

/// The index of one project: [`Store::standing`] without opening what is known already.
#[derive(Debug)]
pub struct TraceIndex {
    store: Store,
    path: PathBuf,
    /// What was remembered and stood when the index was opened, or was found since.
    entries: BTreeMap<ActionKey, Entry>,
    /// The present of the store's file system when the index was opened.
    opened: Option<Time>,
    /// What its file holds, while that is what is known.
    saved: Option<Digest>,
    /// Whether something was asked for that cannot be remembered.
    partial: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    directory: Stamp,
    trace: Sealed,
    output: Artifact,
    facts: Option<Digest>,
    /// Everything that output and facts lead to.
    objects: Vec<Sealed>,
    /// Whether it was asked for since the index was opened.
    used: bool,
}

/// A sealed file: its name and its bytes.
type Sealed = (Digest, u64);

/// How many entries that nobody asks for are kept, if no more than are asked for.
const SPARE: usize = 1 << 14;

impl TraceIndex {
    /// Loads the index of `project` from the directory of caches, and looks at what it stands on.
    ///
    /// Hold [`Store::share`] as long as it is used, so that nobody deletes what it found.
    pub fn open(store: &Store, cache: &Path, project: &str) -> TraceIndex {
        let path = cache.join("traces-v1").join(files::file_name(project));
        let bytes = fs::read(&path).unwrap_or_default();
        let opened = store.present();
        let (all, digest) = parse(&bytes).unzip();
        let all = all.unwrap_or_default();
        let stand = stamps::each(&all, |(key, entry)| stands(store, key, entry).unwrap_or(false));
        let saved = digest.filter(|_| stand.iter().all(|stands| *stands));
        let both = all.into_iter().zip(stand);
        let entries = both.filter_map(|(entry, stands)| stands.then_some(entry)).collect();
        TraceIndex { store: store.clone(), path, entries, opened, saved, partial: false }
    }

    /// What the store has for `key`.
    pub fn standing(&mut self, key: &ActionKey) -> Result<Standing> {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.used = true;
            return Ok(Standing::Whole { output: entry.output, facts: entry.facts });
        }
        // Before the traces are read: one that is added meanwhile makes the entry worthless.
        let before = files::stat(&self.store.trace_dir(key))?;
        let (standing, newest) = self.store.judge(key)?;
        if let (Some(before), Some((path, trace))) = (before, newest)
            && has_rested(&before, self.opened)
            && let Some(entry) = self.entry(&before, &path, &trace)?
        {
            self.entries.insert(*key, entry);
            self.saved = None;
        } else {
            self.partial = true;
        }
        Ok(standing)
    }

    /// Writes it back, if it changed.
    pub fn save(&mut self) -> Result<()> {
        let used = self.entries.values().filter(|entry| entry.used).count();
        if self.entries.len() - used > used.max(SPARE) {
            self.entries.retain(|_, entry| entry.used);
            self.saved = None;
        }
        if self.saved.is_some() {
            return Ok(());
        }
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir).context("create", dir)?;
        }
        let bytes = render(&self.entries);
        cache_file::replace(&self.path, &bytes)?;
        self.saved = Reader::whole(&bytes).map(|(_, digest)| digest);
        Ok(())
    }

    /// What stands for every answer that was given: a later index with this digest gives the same.
    /// None while the index has to be saved, or if something could not be remembered.
    pub fn digest(&self) -> Option<Digest> {
        self.saved.filter(|_| !self.partial)
    }

    /// What to remember of a trace that was found whole; nothing, if it cannot be believed later.
    fn entry(&self, dir: &Metadata, path: &Path, trace: &Trace) -> Result<Option<Entry>> {
        let name = path.file_stem().and_then(|name| name.to_str()).and_then(Digest::from_hex);
        let (Some(name), Some(size), Some(output)) = (name, sealed(path)?, trace.output) else {
            return Ok(None);
        };
        let mut objects = Vec::new();
        let mut whole = true;
        for artifact in [output].into_iter().chain(trace.facts.map(Artifact::Blob)) {
            self.store.walk(artifact, |part, _| {
                let digest = part.digest();
                match sealed(&self.store.object_path(&digest))? {
                    Some(size) => objects.push((digest, size)),
                    None => whole = false,
                }
                Ok(true)
            })?;
        }
        let (directory, facts) = (Stamp::of(dir), trace.facts);
        let entry = Entry { directory, trace: (name, size), output, facts, objects, used: true };
        Ok(whole.then_some(entry))
    }
}

/// The size of a sealed file; `None` if it is not there or its seal is broken.
fn sealed(path: &Path) -> Result<Option<u64>> {
    let metadata = files::stat(path)?.filter(write::is_sealed);
    Ok(metadata.map(|metadata| metadata.len()))
}

fn stands(store: &Store, key: &ActionKey, entry: &Entry) -> Result<bool> {
    let mut path = store.trace_dir(key);
    if files::stat(&path)?.is_none_or(|now| Stamp::of(&now) != entry.directory) {
        return Ok(false);
    }
    let (trace, size) = entry.trace;
    path.push(trace.hex() + ".json");
    Ok(sealed(&path)? == Some(size)
        && entry.objects.iter().all(|(digest, size)| {
            sealed(&store.object_path(digest)).is_ok_and(|found| found == Some(*size))
        }))
}

fn render(entries: &BTreeMap<ActionKey, Entry>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, entry) in entries {
        bytes.extend(key.as_bytes());
        entry.encode(&mut bytes);
    }
    codec::close(&mut bytes);
    bytes
}

fn parse(bytes: &[u8]) -> Option<(Vec<(ActionKey, Entry)>, Digest)> {
    let (mut reader, digest) = Reader::whole(bytes)?;
    let mut entries = Vec::new();
    while !reader.is_empty() {
        entries.push((ActionKey::from_bytes(reader.bytes()?), Entry::decode(&mut reader)?));
    }
    Some((entries, digest))
}

impl Entry {
    fn encode(&self, into: &mut Vec<u8>) {
        self.directory.encode(into);
        let object = |(digest, size): &Sealed, into: &mut Vec<u8>| {
            into.extend(digest.as_bytes());
            codec::number(*size, into);
        };
        object(&self.trace, into);
        codec::number(u64::from(matches!(self.output, Artifact::Tree(_))), into);
        into.extend(self.output.digest().as_bytes());
        codec::number(u64::from(self.facts.is_some()), into);
        into.extend(self.facts.iter().flat_map(Digest::as_bytes));
        codec::number(self.objects.len() as u64, into);
        self.objects.iter().for_each(|it| object(it, into));
    }

    fn decode(from: &mut Reader<'_>) -> Option<Entry> {
        let object = |from: &mut Reader<'_>| Some((from.digest()?, from.number()?));
        Some(Entry {
            directory: Stamp::decode(from)?,
            trace: object(from)?,
            output: match from.number()? {
                0 => Artifact::Blob(from.digest()?),
                _ => Artifact::Tree(from.digest()?),
            },
            facts: match from.number()? {
                0 => None,
                _ => Some(from.digest()?),
            },
            objects: (0..from.number()?).map(|_| object(from)).collect::<Option<_>>()?,
            used: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, SystemTime};

    use jiff::Timestamp;
    use tempfile::TempDir;

    use super::*;
    use crate::gc::GcOptions;
    use crate::trace::Outcome;

    /// A store with one key, whose output is a directory of one file, and its index.
    struct World {
        temp: TempDir,
        store: Store,
        trace: Trace,
    }

    impl World {
        fn new() -> World {
            let temp = tempfile::tempdir().unwrap();
            let store = Store::open(&temp.path().join("store")).unwrap();
            let scratch = store.scratch("test").unwrap();
            fs::write(scratch.path().join("file"), "content").unwrap();
            let output = Artifact::Tree(store.adopt_dir(scratch.path()).unwrap());
            let trace = Trace {
                key: ActionKey::of("index tests", "a"),
                project: "project".to_owned(),
                action: "action".to_owned(),
                inputs: serde_json::Value::Null,
                measured: false,
                outcome: Outcome::Success,
                output: Some(output),
                logs: BTreeMap::new(),
                facts: Some(store.put_bytes(b"facts").unwrap().digest),
                started: Timestamp::UNIX_EPOCH,
                finished: Timestamp::UNIX_EPOCH,
            };
            store.record(&trace).unwrap();
            World { temp, store, trace }
        }

        fn open(&self) -> TraceIndex {
            TraceIndex::open(&self.store, self.temp.path(), "project")
        }

        /// Has an index remember the key, as one that is opened a minute from now would.
        fn remember(&self) {
            let mut index = self.open();
            index.opened = index.opened.map(|(seconds, nanos)| (seconds + 60, nanos));
            index.standing(&self.trace.key).unwrap();
            index.save().unwrap();
            assert_eq!(self.open().entries.len(), 1);
            assert_eq!(self.open().digest(), index.digest());
        }

        fn object(&self, content: &str) -> PathBuf {
            self.store.object_path(&Digest::of(content.as_bytes()))
        }

        fn trace_file(&self) -> PathBuf {
            files::list(&self.store.trace_dir(&self.trace.key)).unwrap().remove(0).1
        }
    }

    fn overwrite(path: &Path) {
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
        fs::write(path, "content").unwrap();
        fs::write(path, "CONTENT").unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o444)).unwrap();
    }

    /// Each is done to a store with an index that remembers it; after each the index must say what
    /// the store says, and must have noticed.
    #[test]
    fn the_index_never_says_what_the_store_does_not() {
        let listing = |world: &World| {
            let output = world.trace.output.map(|output| output.digest());
            world.store.object_path(&output.unwrap())
        };
        let newer = |world: &World, seconds| {
            let finished = Timestamp::from_second(seconds).unwrap();
            let output = Some(Artifact::Blob(world.store.put_bytes(b"newer").unwrap().digest));
            world.store.record(&Trace { output, finished, ..world.trace.clone() }).unwrap();
        };
        type Change<'a> = (&'a str, &'a dyn Fn(&World));
        let changes: [Change<'_>; 12] = [
            ("file deleted", &|world| fs::remove_file(world.object("content")).unwrap()),
            ("file overwritten", &|world| overwrite(&world.object("content"))),
            ("file emptied", &|world| {
                fs::set_permissions(world.object("content"), Permissions::from_mode(0o600))
                    .unwrap();
                File::create(world.object("content")).unwrap();
            }),
            ("listing deleted", &|world| fs::remove_file(listing(world)).unwrap()),
            ("listing overwritten", &|world| overwrite(&listing(world))),
            ("facts deleted", &|world| fs::remove_file(world.object("facts")).unwrap()),
            ("trace deleted", &|world| fs::remove_file(world.trace_file()).unwrap()),
            ("trace overwritten", &|world| overwrite(&world.trace_file())),
            ("another process recorded a newer trace", &|world| newer(world, 1)),
            ("another process recorded an older trace", &|world| newer(world, -1)),
            ("collected", &|world| {
                let lock = world.store.exclusive().unwrap();
                let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
                let options = GcOptions { delete: Some(&lock), grace: Duration::ZERO, now };
                assert_eq!(world.store.gc(options).unwrap().traces.len(), 1);
            }),
            ("damaged and repaired", &|world| {
                overwrite(&world.object("facts"));
                let lock = world.store.exclusive().unwrap();
                let report = world.store.check(true).unwrap();
                assert_eq!(world.store.repair(&report, &lock).unwrap().traces.len(), 1);
            }),
        ];
        for (what, change) in changes {
            let world = World::new();
            world.remember();
            change(&world);
            let mut index = world.open();
            assert_eq!(index.entries.len(), 0, "{what}");
            assert_eq!(index.digest(), None, "{what}");
            let said = index.standing(&world.trace.key).unwrap();
            assert_eq!(said, world.store.standing(&world.trace.key).unwrap(), "{what}");
        }
    }

    #[test]
    fn what_was_recorded_just_now_is_not_remembered() {
        let world = World::new();
        let mut index = world.open();
        assert!(matches!(index.standing(&world.trace.key).unwrap(), Standing::Whole { .. }));
        index.save().unwrap();
        assert_eq!(index.digest(), None, "it does not answer for every key");
        assert_eq!(world.open().entries.len(), 0);
    }

    #[test]
    fn an_older_success_is_not_remembered_in_place_of_a_lost_one() {
        let world = World::new();
        let output = Some(Artifact::Blob(world.store.put_bytes(b"lost").unwrap().digest));
        let finished = Timestamp::from_second(1).unwrap();
        world.store.record(&Trace { output, finished, ..world.trace.clone() }).unwrap();
        fs::remove_file(world.object("lost")).unwrap();
        let mut index = world.open();
        index.opened = index.opened.map(|(seconds, nanos)| (seconds + 60, nanos));
        let output = world.trace.output.unwrap();
        let old = Standing::Whole { output, facts: world.trace.facts };
        assert_eq!(index.standing(&world.trace.key).unwrap(), old);
        index.save().unwrap();
        world.store.put_bytes(b"lost").unwrap();
        let new = world.open().standing(&world.trace.key).unwrap();
        assert_ne!(new, old, "what was lost is back, and is newer");
    }

    #[test]
    fn an_index_that_is_torn_or_changed_at_any_byte_is_empty() {
        let world = World::new();
        world.remember();
        let path = world.temp.path().join("traces-v1/project");
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            assert!(world.open().entries.is_empty(), "{at} bytes");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert!(world.open().entries.is_empty(), "byte {at}");
        }
    }
}
