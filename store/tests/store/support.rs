//! The small world that the stories share.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rescience_digest::{ActionKey, Digest};
use rescience_store::{Artifact, Outcome, Store, Trace};
use tempfile::TempDir;

/// A store in a directory of its own, and room beside it.
pub(crate) struct World {
    temp: TempDir,
    pub(crate) store: Store,
}

impl World {
    pub(crate) fn new() -> World {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(&temp.path().join("store")).unwrap();
        World { temp, store }
    }

    /// Opens the same store again, as another process would.
    pub(crate) fn reopen(&self) -> Store {
        Store::open(&self.root()).unwrap()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.temp.path().join("store")
    }

    /// A path beside the store.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Where the store keeps an object.
    pub(crate) fn object(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root().join("v1/objects").join(&hex[..2]).join(&hex[2..])
    }

    /// Adopts a directory with these files; a name that ends in `!` is executable without it.
    pub(crate) fn adopt(&self, files: &[(&str, &str)]) -> Digest {
        let scratch = self.store.scratch("test").unwrap();
        write_files(scratch.path(), files);
        self.store.adopt_dir(scratch.path()).unwrap()
    }
}

pub(crate) fn write_files(dir: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = dir.join(name.trim_end_matches('!'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        if name.ends_with('!') {
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// Overwrites a file in place, and leaves it read-only if it was: the time is all that tells.
pub(crate) fn overwrite(path: &Path, content: &[u8]) {
    let before = fs::metadata(path).unwrap().permissions();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, before).unwrap();
}

/// Changes bytes without a trace in the file's metadata, as a failing disk does.
pub(crate) fn rot(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let metadata = fs::metadata(path).unwrap();
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    overwrite(path, &bytes);
    let file = fs::File::open(path).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(metadata.modified().unwrap())).unwrap();
}

/// A trace of the action `name` that finished `second` seconds into 1970.
pub(crate) fn trace(name: &str, output: Artifact, second: i64) -> Trace {
    Trace {
        key: ActionKey::of("store tests", name),
        project: "project".to_owned(),
        action: name.to_owned(),
        inputs: serde_json::json!({ "params": { "lr": 0.001 } }),
        measured: false,
        outcome: Outcome::Success,
        output: Some(output),
        logs: BTreeMap::new(),
        facts: None,
        started: Timestamp::UNIX_EPOCH,
        finished: Timestamp::from_second(second).unwrap(),
    }
}

/// Everything below a directory: path, and the mode with the content, target or nothing.
pub(crate) fn contents(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            let mode = metadata.permissions().mode() & 0o777;
            let text = if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if metadata.is_dir() {
                waiting.push(path);
                format!("{mode:o} directory")
            } else {
                format!("{mode:o} {}", fs::read_to_string(&path).unwrap())
            };
            found.insert(name, text);
        }
    }
    found
}
