//! What a build takes from the machine and the person: all of it handed in, nothing looked up.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rescience_digest::ActionKey;
use rescience_store::{Entry, Store};

use crate::clock::Clock;
use crate::remote::Remote;
use crate::sandbox::Isolation;
use crate::studio::Studio;

/// Where and how a build runs.
#[derive(Clone)]
pub struct Host {
    /// The store, shared by all projects of a user.
    pub store: Store,
    /// Caches that can be deleted at any time: shared cargo target directories, what was
    /// found of files and traces, that there was nothing to do.
    pub cache: PathBuf,
    /// The only source of dates.
    pub clock: Clock,
    /// The binary that answers to `__supervise`; see [`crate::supervisor`].
    pub supervisor: PathBuf,
    /// Draws and typesets.
    pub studio: Arc<dyn Studio>,
    /// The variables that toolchains need to find themselves: `PATH`, `HOME`, `CARGO_HOME`, ...
    pub toolchain_env: BTreeMap<OsString, OsString>,
    /// The tools of builds that were done elsewhere, by the key that each has without tools: an
    /// unpacked bundle's programs stand although this machine may have other tools.
    pub recorded: BTreeMap<ActionKey, BTreeMap<String, String>>,
    /// Files and links that belong to the project and are not at hand, by path: an unpacked bundle
    /// may have been thin. Keys know them; only what has to read one misses it.
    pub absent: BTreeMap<String, Entry>,
    /// Results that others share.
    pub remote: Option<Arc<dyn Remote>>,
    /// Whether what is found made is shared too, not only what is made now.
    pub push_fresh: bool,
    /// Whether everything has to be made already, here or there: nothing is run, drawn or typeset.
    pub require_cached: bool,
    /// Slots for concurrent work, at least 1; a run takes as many as the CPUs it asks for.
    pub jobs: usize,
    /// Whether to start further work after a failure.
    pub keep_going: bool,
    /// Whether the network may not be used.
    pub offline: bool,
    /// Whether the directory of a failed run is left in place.
    pub keep_failed: bool,
    /// How well programs have to be shut in.
    pub isolation: Isolation,
    /// Directories of software outside of the system's own that programs may read and execute.
    pub tools: Vec<PathBuf>,
}

/// The bytes that this user can still write to the file system at `path`.
pub fn free_space(path: &Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    Some(found.blocks_available() * found.fragment_size())
}
