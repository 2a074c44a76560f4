//! Cargo builds: the programs of a package, with dependencies that all builds share.
//!
//! Dependencies are compiled once and then found, whichever source asks for them. That is only
//! right because of four things that a [`Workshop`] sees to:
//!
//! - What is shared was compiled before any code of a source's own ran, from a skeleton of the
//!   source without that code. The source itself is compiled in a copy, so that its build scripts
//!   change nothing that another source's program is linked from.
//! - One build at a time, under a lock, at one place: the flags that hide where a source lies would
//!   otherwise differ from build to build, and cargo would compile every dependency again.
//! - Cargo tells two states of a local package apart by nothing but times of change. Two variants
//!   of one package look the same to it, and the wrong program could be handed out. So before each
//!   build, all that is left of the source's own packages is removed, and after it cargo has to say
//!   that it compiled them.
//! - Toolchains do not share.

mod bench;
mod compare;
mod home;
mod messages;
mod programs;
mod seed;
mod settings;
mod skeleton;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

pub use compare::{Cause, Comparison, compare};

use self::bench::Bench;
use self::home::Home;
use self::messages::Summary;
use crate::facts::packages::{self, LockError};
use crate::sandbox::{Exit, Finished, Limits, Progress, Sandbox, Shown};
use crate::toolchain::Toolchain;

/// A place for cargo builds with one toolchain, held by one build at a time.
///
/// ```text
/// CACHE/rust-0123456789ab/
///   lock      held while a workshop is in use
///   source/   the source being built, always here
///   pool/     cargo's target directory with dependencies alone
///   target/   a copy of what the source needs of it; while they are compiled, the pool itself,
///             which `pooled` says
///   home/     what builds see of cargo's home
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
    /// A configuration of cargo's that cannot be read, or that a source may not have.
    #[error("{} {why}", path.display())]
    Settings {
        /// The file, in the source or in cargo's home.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Cargo took a package of the source for built already, which would be a guess.
    #[error("cargo did not compile `{package}` again, so its program may be another source's")]
    NotCompiled {
        /// Cargo's id of the package.
        package: String,
    },
    /// What the build calls a program is not one of its own.
    #[error(
        "the build names a program `{}` at `{}`, which is not taken: {why}",
        name.escape_debug(),
        path.display().to_string().escape_debug()
    )]
    Foreign {
        /// The name that it gave.
        name: String,
        /// The path that it gave.
        path: PathBuf,
        /// What is wrong with them.
        why: String,
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
        let local = packages::local(&lock)?;
        self.tidy()?;
        let target = self.target();
        fs::create_dir_all(&target).map_err(at(&target))?;
        settings::check(&source)?;
        let home = || {
            let (root, own) = (self.root.join("home"), request.cargo_home);
            Home::lay_out(root, own, &lock, sandbox.isolation())
        };
        let mut bench = Bench { workshop: self, sandbox, request, home: home()? };
        packages::verify(&lock, request.cargo_home)?;
        // Asking without the network first is quick, and needs no server to be up.
        if !bench.unpack().await.exit.success() {
            let mut finished = bench.fetch().await?;
            if finished.exit.success() {
                packages::verify(&lock, request.cargo_home)?;
                bench.home = home()?;
                finished = bench.unpack().await;
            }
            if !finished.exit.success() {
                let (programs, stage) = (Vec::new(), Stage::Fetch);
                return Ok(Built { programs, compiled: 0, fresh: 0, stage, finished });
            }
        }
        // Cargo takes a crate of one version for the same for ever.
        match bench.home.changed() {
            Some(packages) => forget(&self.pool(), &packages)?,
            None => remove(&self.pool())?,
        }
        bench.home.remember()?;
        let mut dependencies = Summary::default();
        let foreign = packages::foreign(&lock)?;
        if !foreign.is_empty()
            && let Some((finished, summary)) = self.share(&bench, &mut on_progress).await?
        {
            // A program that does not compile is told of by the build itself.
            if !matches!(finished.exit, Exit::Code(_)) {
                let stage = Stage::Compile;
                return Ok(Built { programs: Vec::new(), compiled: 0, fresh: 0, stage, finished });
            }
            self.seed(&bench, &summary, &foreign)?;
            forget(&target, &local)?;
            fs::create_dir_all(&target).map_err(at(&target))?;
            dependencies = summary;
        }
        let (mut finished, mut summary) = bench.compile(&mut on_progress).await;
        if !summary.reused.is_empty() {
            // A layout of cargo's that `forget` does not know.
            remove(&target)?;
            fs::create_dir_all(&target).map_err(at(&target))?;
            (finished, summary) = bench.compile(&mut on_progress).await;
            if let Some(package) = summary.reused.pop_first() {
                return Err(CargoError::NotCompiled { package });
            }
        }
        let mut made = Vec::new();
        if finished.exit.success() {
            fs::create_dir_all(request.output).map_err(at(request.output))?;
            for (name, path) in &summary.executables {
                programs::take(name, path, &bench.target(), request.output)?;
                made.push(name.clone());
            }
        }
        remove(&target)?;
        let compiled = summary.compiled + dependencies.foreign;
        let fresh = summary.fresh.saturating_sub(dependencies.foreign);
        Ok(Built { programs: made, compiled, fresh, stage: Stage::Compile, finished })
    }

    fn pool(&self) -> PathBuf {
        self.root.join("pool")
    }

    /// Puts in order what a build left that did not come to its end.
    fn tidy(&self) -> Result<(), CargoError> {
        let (target, pool, mark) = (self.target(), self.pool(), self.root.join("pooled"));
        if mark.exists() {
            if !pool.exists() && target.exists() {
                rename(&target, &pool)?;
            }
            fs::remove_file(&mark).map_err(at(&mark))?;
        }
        // What code of a source's own could write is used by that source alone.
        remove(&target)?;
        remove(&self.root.join("whole"))?;
        remove(&self.root.join("skeleton"))
    }

    /// Compiles in the pool what the source depends on, and nothing of its own. None if it has no
    /// skeleton.
    async fn share(
        &self,
        bench: &Bench<'_>,
        on_progress: &mut impl FnMut(Progress),
    ) -> Result<Option<(Finished, Summary)>, CargoError> {
        let (source, target, pool) = (self.source(), self.target(), self.pool());
        let [skeleton, whole, mark] =
            ["skeleton", "whole", "pooled"].map(|name| self.root.join(name));
        let metadata = bench.metadata().await.unwrap_or_default();
        if skeleton::write(&metadata, &source, &bench.source().at, &skeleton).is_none() {
            return Ok(None);
        }
        // Cargo remembers where things are: all builds see the same places.
        remove(&target)?;
        fs::write(&mark, "").map_err(at(&mark))?;
        fs::create_dir_all(&pool).map_err(at(&pool))?;
        rename(&pool, &target)?;
        rename(&source, &whole)?;
        rename(&skeleton, &source)?;
        let done = bench.compile(on_progress).await;
        rename(&source, &skeleton)?;
        rename(&whole, &source)?;
        rename(&target, &pool)?;
        fs::remove_file(&mark).map_err(at(&mark))?;
        remove(&skeleton)?;
        Ok(Some(done))
    }

    /// Copies out of the pool what was compiled of the packages that are not the source's own.
    fn seed(
        &self,
        bench: &Bench<'_>,
        summary: &Summary,
        foreign: &BTreeSet<String>,
    ) -> Result<(), CargoError> {
        let seen = bench.target().at;
        let wanted = |path: &Path| {
            let mut parts = path.iter().filter_map(OsStr::to_str);
            match (parts.next(), parts.next(), parts.next()) {
                (Some("release"), None, None) => true,
                (Some("release"), Some("deps" | "build" | ".fingerprint"), None) => true,
                (_, Some("deps"), Some(_)) => summary.files.contains(&seen.join(path)),
                (_, Some("build" | ".fingerprint"), Some(unit)) => {
                    let package = unit.len().checked_sub(17).and_then(|end| unit.get(..end));
                    package.is_some_and(|package| foreign.contains(package))
                }
                _ => false,
            }
        };
        let target = self.target();
        seed::copy(&self.pool(), &target, wanted).map_err(at(&target))
    }
}

/// Removes what cargo remembers and keeps of packages in a target directory: fingerprints, so that
/// they are compiled again, and what their build scripts made, which a next run of a script would
/// find. A target directory of which a build made something else is removed.
fn forget(target: &Path, packages: &BTreeSet<String>) -> Result<(), CargoError> {
    let release = target.join("release");
    if release.symlink_metadata().is_err() {
        return Ok(());
    }
    let parts = [".fingerprint", "build"].map(|part| release.join(part));
    let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|meta| !meta.is_dir());
    if is_link(&release) || parts.iter().any(|part| is_link(part)) {
        return remove(target);
    }
    for dir in &parts {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at(dir)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(at(dir))?;
            if packages.iter().any(|package| is_unit_of(&entry.file_name(), package)) {
                remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), CargoError> {
    fs::rename(from, to).map_err(at(from))
}

/// Removes what a build left.
fn remove(path: &Path) -> Result<(), CargoError> {
    rescience_store::remove_tree(path).map_err(|error| at(path)(io::Error::other(error)))
}

/// Whether a directory of cargo's is named `PACKAGE-<16 hex digits>`.
fn is_unit_of(name: &OsStr, package: &str) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(package)?.strip_prefix('-'));
    rest.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
