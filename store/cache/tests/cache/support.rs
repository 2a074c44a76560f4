//! Machines with a store and a key each, and what they compute.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rescience_cache::{Access, Cache, CacheError, Found, Place, Pushed, Trust};
use rescience_digest::{ActionKey, Digest};
use rescience_exchange::Options;
use rescience_sign::{AllowedSigners, Signer};
use rescience_store::{Artifact, Entry, Outcome, Standing, Store, Trace, Tree};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use tempfile::TempDir;

/// A machine: its store, and the key that it signs with.
pub(crate) struct Machine {
    pub(crate) store: Store,
    pub(crate) signer: Signer,
    root: TempDir,
}

impl Machine {
    /// Machines with equal seeds have equal keys.
    pub(crate) fn new(seed: u8) -> Machine {
        let root = TempDir::new().unwrap();
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
        let path = root.path().join("key");
        fs::write(&path, key.to_openssh(LineEnding::LF).unwrap()).unwrap();
        let signer = Signer::open(&path, None).unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        Machine { store, signer, root }
    }

    /// The line of the allowed signers for its key.
    pub(crate) fn line(&self, who: &str, options: &str) -> String {
        format!("{who} {options} {}\n", self.signer.public())
    }

    /// Everything that is in the store: objects and traces.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let v1 = self.root.path().join("store/v1");
        [files(&v1.join("objects")), files(&v1.join("traces"))].concat()
    }

    /// Computes something, and records it unless told otherwise.
    pub(crate) fn compute(&self, key: ActionKey, words: &str) -> Trace {
        let trace = self.unrecorded(key, words);
        self.store.record(&trace).unwrap();
        trace
    }

    pub(crate) fn unrecorded(&self, key: ActionKey, words: &str) -> Trace {
        let put = |bytes: &[u8]| self.store.put_bytes(bytes).unwrap();
        let file = |bytes: &[u8], executable| Entry::file(put(bytes), executable);
        let tree = |entries: Vec<(&str, Entry)>| {
            let entries = entries.into_iter().map(|(name, entry)| (name.to_owned(), entry));
            self.store.put_tree(&Tree { entries: entries.collect() }).unwrap()
        };
        let inner =
            tree(vec![("twice.txt", file(b"the same", false)), ("empty", file(b"", false))]);
        let output = tree(vec![
            ("metrics.json", file(words.as_bytes(), false)),
            ("run.sh", file(b"#!/bin/sh\n", true)),
            ("same.txt", file(b"the same", false)),
            ("inner", Entry::Directory { digest: inner }),
            ("latest", Entry::Symlink { target: "inner/twice.txt".to_owned() }),
        ]);
        Trace {
            key,
            project: "p".to_owned(),
            action: "experiment.baseline".to_owned(),
            inputs: serde_json::json!({ "lr": 0.001, "words": words }),
            measured: true,
            outcome: Outcome::Success,
            output: Some(Artifact::Tree(output)),
            logs: BTreeMap::from([("stdout".to_owned(), Artifact::Blob(put(b"hello\n").digest))]),
            facts: Some(put(format!("{{\"cpu\":\"{words}\"}}").as_bytes()).digest),
            started: "2026-01-01T00:00:00Z".parse().unwrap(),
            finished: "2026-01-01T00:01:00Z".parse().unwrap(),
        }
    }

    pub(crate) fn push(&self, cache: &Cache, trace: &Trace) -> Result<Pushed, CacheError> {
        cache.push(&self.store, trace, &self.signer)
    }

    /// Fetches as somebody who trusts the key of seed 1, and who makes sure that what was refused
    /// left no trace.
    pub(crate) fn fetch(&self, cache: &Cache, key: ActionKey) -> Result<Found, CacheError> {
        static ADA: LazyLock<Trust> = LazyLock::new(|| trust(&Machine::new(1).line("ada", "")));
        let found = cache.fetch(&self.store, &key, &ADA);
        let recorded = self.store.traces(&key).unwrap().len();
        assert_eq!(recorded, found.as_ref().map_or(0, |found| found.accepted.len()));
        found
    }

    /// Whether it could use a result for this key.
    pub(crate) fn has(&self, key: ActionKey) -> bool {
        matches!(self.store.standing(&key).unwrap(), Standing::Whole { .. })
    }
}

/// Everybody on these lines, in the middle of 2026.
pub(crate) fn trust(lines: &str) -> Trust {
    let allowed = AllowedSigners::parse(lines.as_bytes()).unwrap();
    Trust { allowed, now: "2026-07-01T00:00:00Z".parse().unwrap() }
}

pub(crate) fn key(byte: u8) -> ActionKey {
    ActionKey::from_bytes([byte; 32])
}

/// The one reason why the one trace was refused.
pub(crate) fn reason(found: &Found) -> &str {
    assert!(found.accepted.is_empty(), "{found:?}");
    let [refused] = &*found.refused else { panic!("{found:?}") };
    &refused.reason
}

/// A cache in a folder of its own.
pub(crate) struct Shared {
    pub(crate) cache: Cache,
    pub(crate) dir: TempDir,
}

impl Shared {
    pub(crate) fn new() -> Shared {
        let dir = TempDir::new().unwrap();
        let cache = open("dir:.", dir.path(), Access::default());
        Shared { cache, dir }
    }

    pub(crate) fn object(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.dir.path().join("objects").join(&hex[..2]).join(&hex[2..])
    }

    /// The files of a trace and of its signature.
    pub(crate) fn trace(&self, trace: &Trace) -> [PathBuf; 2] {
        let dir = self.dir.path().join("traces").join(trace.key.hex());
        let name = Digest::of(&trace.to_bytes()).hex();
        [dir.join(format!("{name}.json")), dir.join(format!("{name}.json.sig"))]
    }
}

pub(crate) fn open(place: &str, base_dir: &Path, access: Access) -> Cache {
    Cache::open(place.parse::<Place>().unwrap(), base_dir, access).unwrap()
}

/// Connections that lose patience soon.
pub(crate) fn hasty() -> Options {
    Options {
        stall: Duration::from_secs(2),
        tries: 4,
        wait: Duration::from_millis(10),
        longest_wait: Duration::from_millis(100),
        ..Options::default()
    }
}

/// Every file below a folder, sorted.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Bytes that look random, and are the same every time.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..len).map(|_| next() as u8).collect()
}
