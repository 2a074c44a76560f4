//! Cargo builds: the programs of a package, compiled in a directory that all builds share.
//!
//! Dependencies are compiled once and then found, whichever source asks for them. That is only
//! right because of three things that a [`Workshop`] sees to:
//!
//! - One build at a time, under a lock, at one place: the flags that hide where a source lies would
//!   otherwise differ from build to build, and cargo would compile every dependency again.
//! - Cargo tells two states of a local package apart by nothing but times of change. Two variants
//!   of one package look the same to it, and the wrong program could be handed out. So before each
//!   build, all that is left of the source's own packages is removed, and after it cargo has to say
//!   that it compiled them.
//! - Toolchains do not share.

mod bench;
mod compare;
mod messages;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

pub use compare::{Cause, Comparison, compare};

use self::bench::Bench;
use crate::facts::packages::{self, LockError};
use crate::sandbox::{Finished, Limits, Progress, Sandbox, Shown};
use crate::toolchain::Toolchain;

/// A place for cargo builds with one toolchain, held by one build at a time.
///
/// ```text
/// CACHE/rust-0123456789ab/
///   lock      held while a workshop is in use
///   source/   the source being built, always here
///   target/   cargo's target directory
/// ```
#[derive(Debug)]
pub struct Workshop {
    root: PathBuf,
    /// Locked until it is closed, also if the process dies.
    _lock: File,
}

/// How to build.
#[derive(Debug)]
pub struct Request<'a> {
    /// The tools.
    pub toolchain: &'a Toolchain,
    /// The variables that the tools and linker need. Those of the network are for fetching only.
    pub env: &'a BTreeMap<OsString, OsString>,
    /// Where programs are searched.
    pub path: &'a [PathBuf],
    /// The user's own software that is shown.
    pub tools: &'a [Shown],
    /// Cargo's home, with the registry's cache.
    pub cargo_home: &'a Path,
    /// Never to fetch anything.
    pub offline: bool,
    /// How many crates to compile at once.
    pub jobs: u32,
    /// The limits, for fetching and for compiling alike.
    pub limits: Limits,
    /// A private directory for the sandbox; see [`Spec::control`].
    pub control: &'a Path,
    /// A directory for temporary files.
    pub temporary: &'a Path,
    /// The file for what cargo says to people, the compiler's errors above all.
    pub log: &'a Path,
    /// The directory to put the programs into, made if absent.
    pub output: &'a Path,
}

/// What a build came to.
#[derive(Debug)]
pub struct Built {
    /// The names of the programs in [`Request::output`], sorted; none if the build failed.
    pub programs: Vec<String>,
    /// How many packages were compiled.
    pub compiled: u32,
    /// How many were found compiled.
    pub fresh: u32,
    /// What the build was busy with at its end, or when it failed.
    pub stage: Stage,
    /// How that stage ended.
    pub finished: Finished,
}

/// The steps of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Dependencies are fetched.
    Fetch,
    /// Everything is compiled.
    Compile,
}

/// Why a build cannot begin, or its outcome not be kept. A source that does not compile is no
/// error, see [`Built::finished`].
#[derive(Debug, thiserror::Error)]
pub enum CargoError {
    /// Not a cargo package.
    #[error("the source has no Cargo.toml at its top")]
    NoManifest,
    /// Without it, versions would depend on the day.
    #[error("the source has no Cargo.lock; run `cargo generate-lockfile` in it")]
    NoLock,
    /// The lock file is broken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What was fetched is not what the lock names.
    #[error("{} is not the crate that Cargo.lock names: its SHA-256 is {found}, expected {expected}; remove the file and build again", path.display())]
    Forged {
        /// The file in cargo's home.
        path: PathBuf,
        /// What the lock says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// Cargo took a package of the source for built already, which would be a guess.
    #[error("cargo did not compile `{package}` again, so its program may be another source's")]
    NotCompiled {
        /// Cargo's id of the package.
        package: String,
    },
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Its complaint.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CargoError {
    move |source| CargoError::Io { path: path.to_path_buf(), source }
}

impl Workshop {
    /// Waits for the workshop of `toolchain` under `cache` and takes it.
    pub fn enter(cache: &Path, toolchain: &Toolchain) -> Result<Workshop, CargoError> {
        let (root, lock) = Workshop::door(cache, toolchain)?;
        lock.lock().map_err(at(&root))?;
        Ok(Workshop { root, _lock: lock })
    }

    /// Takes the workshop if nobody is in it.
    pub fn try_enter(cache: &Path, toolchain: &Toolchain) -> Result<Option<Workshop>, CargoError> {
        let (root, lock) = Workshop::door(cache, toolchain)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Workshop { root, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(at(&root)(error)),
        }
    }

    fn door(cache: &Path, toolchain: &Toolchain) -> Result<(PathBuf, File), CargoError> {
        let root = cache.join(toolchain.directory_name());
        fs::create_dir_all(&root).map_err(at(&root))?;
        // Cargo compares and prints paths without links in them.
        let root = root.canonicalize().map_err(at(&root))?;
        let path = root.join("lock");
        let lock = File::create(&path).map_err(at(&path))?;
        Ok((root, lock))
    }

    /// Where the source has to be put, writable, in place of what is there, before [`build`].
    ///
    /// [`build`]: Workshop::build
    pub fn source(&self) -> PathBuf {
        self.root.join("source")
    }

    fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Builds the package at [`source`](Workshop::source). `on_progress` gets cargo's messages.
    pub async fn build(
        &self,
        sandbox: &Sandbox,
        request: &Request<'_>,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<Built, CargoError> {
        let source = self.source();
        if !source.join("Cargo.toml").is_file() {
            return Err(CargoError::NoManifest);
        }
        let lock = match fs::read_to_string(source.join("Cargo.lock")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CargoError::NoLock);
            }
            Err(error) => return Err(at(&source.join("Cargo.lock"))(error)),
        };
        for name in packages::local(&lock)? {
            self.forget(&name)?;
        }
        let target = self.target();
        fs::create_dir_all(&target).map_err(at(&target))?;
        let bench = Bench { workshop: self, sandbox, request };
        if let Some(finished) = bench.fetch().await? {
            let (programs, stage) = (Vec::new(), Stage::Fetch);
            return Ok(Built { programs, compiled: 0, fresh: 0, stage, finished });
        }
        packages::verify(&lock, request.cargo_home)?;
        let (mut finished, mut summary) = bench.compile(&mut on_progress).await;
        if !summary.reused.is_empty() {
            // A layout of cargo's that `forget` does not know.
            fs::remove_dir_all(&target).map_err(at(&target))?;
            fs::create_dir_all(&target).map_err(at(&target))?;
            (finished, summary) = bench.compile(&mut on_progress).await;
            if let Some(package) = summary.reused.pop_first() {
                return Err(CargoError::NotCompiled { package });
            }
        }
        let mut programs = Vec::new();
        if finished.exit.success() {
            fs::create_dir_all(request.output).map_err(at(request.output))?;
            for (name, path) in &summary.executables {
                let path = bench.outside(path);
                fs::copy(&path, request.output.join(name)).map_err(at(&path))?;
                programs.push(name.clone());
            }
        }
        let (compiled, fresh) = (summary.compiled, summary.fresh);
        Ok(Built { programs, compiled, fresh, stage: Stage::Compile, finished })
    }

    /// Removes what cargo remembers and keeps of a package: fingerprints, so that it is compiled
    /// again, and what its build script made, which a next run of the script would find.
    fn forget(&self, package: &str) -> Result<(), CargoError> {
        for part in [".fingerprint", "build"] {
            let dir = self.target().join("release").join(part);
            let entries = match fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(at(&dir)(error)),
            };
            for entry in entries {
                let entry = entry.map_err(at(&dir))?;
                if is_unit_of(&entry.file_name(), package) {
                    let path = entry.path();
                    fs::remove_dir_all(&path).map_err(at(&path))?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a directory of cargo's is named `PACKAGE-<16 hex digits>`.
fn is_unit_of(name: &OsStr, package: &str) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(package)?.strip_prefix('-'));
    rest.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
