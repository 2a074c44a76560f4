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

mod compare;
mod messages;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

pub use compare::{Cause, Comparison, compare};

use messages::Summary;

use crate::facts::packages::{self, LockError};
use crate::sandbox::{Finished, Limits, Progress, Sandbox, Spec};
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
    /// The variables that the tools and linker need: `PATH`, `HOME`. Nothing else enters.
    pub env: &'a BTreeMap<OsString, OsString>,
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
        let fetched = self.fetch(sandbox, request).await;
        if let Some(finished) = fetched {
            let (programs, stage) = (Vec::new(), Stage::Fetch);
            return Ok(Built { programs, compiled: 0, fresh: 0, stage, finished });
        }
        let (mut finished, mut summary) = self.compile(sandbox, request, &mut on_progress).await;
        if !summary.reused.is_empty() {
            // A layout of cargo's that `forget` does not know.
            let target = self.target();
            fs::remove_dir_all(&target).map_err(at(&target))?;
            (finished, summary) = self.compile(sandbox, request, &mut on_progress).await;
            if let Some(package) = summary.reused.pop_first() {
                return Err(CargoError::NotCompiled { package });
            }
        }
        let mut programs = Vec::new();
        if finished.exit.success() {
            fs::create_dir_all(request.output).map_err(at(request.output))?;
            for (name, path) in &summary.executables {
                fs::copy(path, request.output.join(name)).map_err(at(path))?;
                programs.push(name.clone());
            }
        }
        let (compiled, fresh) = (summary.compiled, summary.fresh);
        Ok(Built { programs, compiled, fresh, stage: Stage::Compile, finished })
    }

    async fn compile(
        &self,
        sandbox: &Sandbox,
        request: &Request<'_>,
        on_progress: &mut impl FnMut(Progress),
    ) -> (Finished, Summary) {
        let target = self.target();
        let jobs = request.jobs.max(1).to_string();
        let args: [&OsStr; 8] = [
            "build".as_ref(),
            "--release".as_ref(),
            "--frozen".as_ref(),
            "--message-format=json-render-diagnostics".as_ref(),
            "--jobs".as_ref(),
            jobs.as_ref(),
            "--target-dir".as_ref(),
            target.as_ref(),
        ];
        let spec = self.spec(request, &args, false);
        let finished = sandbox.run(&spec, on_progress).await;
        (finished, messages::read(&fs::read(&spec.stdout).unwrap_or_default()))
    }

    /// Fetches what is missing. `Some` is how that failed.
    async fn fetch(&self, sandbox: &Sandbox, request: &Request<'_>) -> Option<Finished> {
        let host = request.toolchain.host().unwrap_or_default();
        let base = ["fetch", "--locked", "--target", host];
        // Asking without the network first is quick, and needs no server to be up.
        for network in [false, true] {
            let mut args: Vec<&OsStr> = base.iter().map(OsStr::new).collect();
            if !network {
                args.push("--offline".as_ref());
            }
            let finished = sandbox.run(&self.spec(request, &args, network), drop).await;
            if finished.exit.success() {
                return None;
            }
            if network || request.offline {
                return Some(finished);
            }
        }
        None
    }

    fn spec(&self, request: &Request<'_>, args: &[&OsStr], network: bool) -> Spec {
        let argv = [request.toolchain.cargo.as_os_str()].into_iter().chain(args.iter().copied());
        let mut env = request.env.clone();
        let mut set = |name: &str, value: &OsStr| env.insert(name.into(), value.into());
        set("CARGO_HOME", request.cargo_home.as_os_str());
        set("RUSTC", request.toolchain.rustc.as_os_str());
        set("CARGO_ENCODED_RUSTFLAGS", &self.flags(request));
        set("CARGO_TERM_COLOR", "never".as_ref());
        // What the user's own configuration must not decide.
        set("CARGO_BUILD_BUILD_DIR", self.target().as_os_str());
        set("RUSTC_WRAPPER", "".as_ref());
        set("RUSTC_WORKSPACE_WRAPPER", "".as_ref());
        // Units of compilation would depend on what was built before.
        set("CARGO_INCREMENTAL", "0".as_ref());
        Spec {
            argv: argv.map(OsStr::to_os_string).collect(),
            cwd: self.source(),
            env,
            limits: request.limits,
            control: request.control.to_path_buf(),
            stdout: request.control.join("messages.jsonl"),
            stderr: request.log.to_path_buf(),
            writable: vec![self.target(), request.cargo_home.to_path_buf()],
            read_only: vec![self.source()],
            network,
        }
    }

    /// The flags that keep this machine's directories out of programs, separated as cargo wants.
    /// They take the place of any `rustflags` in a configuration of the user's or the source's.
    fn flags(&self, request: &Request<'_>) -> OsString {
        let mut flags = OsString::new();
        for (from, to) in [
            (self.source().as_path(), "/source"),
            (self.target().as_path(), "/target"),
            (request.cargo_home, "/cargo"),
        ] {
            if !flags.is_empty() {
                flags.push("\x1f");
            }
            flags.push("--remap-path-prefix=");
            flags.push(from);
            flags.push("=");
            flags.push(to);
        }
        flags
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
