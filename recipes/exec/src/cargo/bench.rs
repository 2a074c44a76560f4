//! Cargo at work in the sandbox: what it sees while it fetches, and what while it compiles.
//!
//! Fetching has the network and cargo's home; unpacking writes the home that builds see. Both run no
//! code but cargo's: they start outside of the source, whose own configuration could name programs
//! to run. Compiling runs everybody's code, has neither network nor secrets, and writes no home.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::home::Home;
use super::messages::{self, Summary};
use super::{CargoError, Request, Workshop, at};
use crate::sandbox::{Access, Finished, Progress, SOFTWARE, Sandbox, Shown, Spec};

/// Variables for tools that compile.
const COMPILING: [&str; 4] = ["LD_LIBRARY_PATH", "CC", "CXX", "AR"];

/// One build in a workshop.
pub(super) struct Bench<'a> {
    pub(super) workshop: &'a Workshop,
    pub(super) sandbox: &'a Sandbox,
    pub(super) request: &'a Request<'a>,
    pub(super) home: Home,
}

/// What cargo is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// With code that nobody trusts.
    Compile,
    /// Into the home that builds see.
    Unpack,
    /// With the network, unless it is forbidden.
    Fetch,
}

impl Bench<'_> {
    pub(super) async fn compile(
        &self,
        on_progress: &mut impl FnMut(Progress),
    ) -> (Finished, Summary) {
        let jobs = self.request.jobs.max(1).to_string();
        let target = self.target().at;
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
        let spec = self.spec(&args, Task::Compile);
        let finished = self.sandbox.run(&spec, on_progress).await;
        (finished, messages::read(&fs::read(&spec.stdout).unwrap_or_default()))
    }

    /// Unpacks what was fetched, which fails if something is missing.
    pub(super) async fn unpack(&self) -> Finished {
        self.dependencies(Task::Unpack, true).await
    }

    /// Fetches what is missing into the user's own home.
    pub(super) async fn fetch(&self) -> Result<Finished, CargoError> {
        let home = self.request.cargo_home;
        fs::create_dir_all(home).map_err(at(home))?;
        Ok(self.dependencies(Task::Fetch, self.request.offline).await)
    }

    /// Cargo's description of the source's packages, and of those that they depend on.
    pub(super) async fn metadata(&self) -> Option<Vec<u8>> {
        let host = self.request.toolchain.host()?;
        let manifest = self.source().at.join("Cargo.toml");
        let mut args: Vec<&OsStr> =
            ["metadata", "--format-version=1", "--frozen", "--filter-platform", host]
                .map(OsStr::new)
                .into();
        args.extend([OsStr::new("--manifest-path"), manifest.as_ref()]);
        let spec = self.spec(&args, Task::Unpack);
        let finished = self.sandbox.run(&spec, drop).await;
        finished.exit.success().then(|| fs::read(&spec.stdout).ok())?
    }

    async fn dependencies(&self, task: Task, offline: bool) -> Finished {
        let host = self.request.toolchain.host().unwrap_or_default();
        let manifest = self.source().at.join("Cargo.toml");
        let mut args: Vec<&OsStr> = ["fetch", "--locked", "--target", host].map(OsStr::new).into();
        args.extend([OsStr::new("--manifest-path"), manifest.as_ref()]);
        if offline {
            args.push("--offline".as_ref());
        }
        self.sandbox.run(&self.spec(&args, task), drop).await
    }

    /// The source, where it is and where cargo sees it.
    pub(super) fn source(&self) -> Shown {
        self.sandbox.show(&self.workshop.source(), "/source", Access::Read)
    }

    /// The target directory, where it is and where cargo sees it.
    pub(super) fn target(&self) -> Shown {
        self.sandbox.show(&self.workshop.target(), "/target", Access::Write)
    }

    fn temporary(&self) -> Shown {
        self.sandbox.show(self.request.temporary, "/tmp", Access::Write)
    }

    /// What a task sees of cargo's home.
    fn cargo_home(&self, task: Task) -> Vec<Shown> {
        match task {
            Task::Fetch => {
                vec![self.sandbox.show(self.request.cargo_home, "/cargo", Access::Write)]
            }
            Task::Unpack => self.home.shown(self.sandbox, Access::Write),
            Task::Compile => self.home.shown(self.sandbox, Access::Read),
        }
    }

    /// The directory of the compiler and all that belongs to it, unless it is the system's.
    fn sysroot(&self) -> Option<Shown> {
        let root = self.request.toolchain.rustc.parent()?.parent()?;
        let own = !SOFTWARE.iter().any(|system| root.starts_with(system));
        own.then(|| self.sandbox.show(root, "/rust", Access::Read))
    }

    /// A tool of the compiler's directory, as it is seen inside.
    fn tool(&self, path: &Path) -> PathBuf {
        let inside = self
            .sysroot()
            .and_then(|root| path.strip_prefix(&root.from).ok().map(|inside| root.at.join(inside)));
        inside.unwrap_or_else(|| path.to_path_buf())
    }

    fn spec(&self, args: &[&OsStr], task: Task) -> Spec {
        let Request { toolchain, control, log, limits, .. } = *self.request;
        let cargo = self.tool(&toolchain.cargo).into_os_string();
        let cwd = match task {
            Task::Compile => self.source().at,
            Task::Unpack | Task::Fetch => self.temporary().at,
        };
        Spec {
            argv: [cargo].into_iter().chain(args.iter().map(OsString::from)).collect(),
            cwd,
            env: self.env(task).into_iter().collect(),
            limits,
            control: control.to_path_buf(),
            stdout: control.join("messages.jsonl"),
            stderr: log.to_path_buf(),
            shown: self.shown(task),
            network: task == Task::Fetch && !self.request.offline,
            gpus: Vec::new(),
            observed: false,
            isolation: self.sandbox.isolation(),
        }
    }

    fn shown(&self, task: Task) -> Vec<Shown> {
        let own = [self.source(), self.target(), self.temporary()];
        let tools = self.request.tools.iter().cloned();
        tools.chain(self.sysroot()).chain(own).chain(self.cargo_home(task)).collect()
    }

    fn env(&self, task: Task) -> Vec<(OsString, OsString)> {
        let given = self.request.env.iter();
        let mut env: Vec<(OsString, OsString)> = given
            .filter(|(name, _)| {
                task == Task::Fetch || COMPILING.iter().any(|known| name.as_os_str() == *known)
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let home = match task {
            Task::Fetch => self.sandbox.show(self.request.cargo_home, "/cargo", Access::Write).at,
            Task::Unpack | Task::Compile => self.home.at(self.sandbox),
        };
        let mut set = |name: &str, value: &OsStr| env.push((name.into(), value.into()));
        let tools = self.sysroot().map(|root| root.at.join("bin"));
        let path = std::env::join_paths(tools.iter().chain(self.request.path));
        set("PATH", &path.unwrap_or_default());
        set("HOME", self.temporary().at.as_os_str());
        set("TMPDIR", self.temporary().at.as_os_str());
        set("CARGO_HOME", home.as_os_str());
        set("RUSTC", self.tool(&self.request.toolchain.rustc).as_os_str());
        set("CARGO_ENCODED_RUSTFLAGS", &self.flags());
        set("CARGO_TERM_COLOR", "never".as_ref());
        // What the user's own configuration must not decide.
        set("CARGO_BUILD_BUILD_DIR", self.target().at.as_os_str());
        set("RUSTC_WRAPPER", "".as_ref());
        set("RUSTC_WORKSPACE_WRAPPER", "".as_ref());
        // Units of compilation would depend on what was built before.
        set("CARGO_INCREMENTAL", "0".as_ref());
        env
    }

    /// The flags that keep this machine's directories out of programs, separated as cargo wants.
    /// They take the place of any `rustflags` in a configuration of the user's or the source's.
    fn flags(&self) -> OsString {
        let mut flags = OsString::new();
        let home = self.home.at(self.sandbox);
        for (at, to) in
            [(self.source().at, "/source"), (self.target().at, "/target"), (home, "/cargo")]
        {
            if !flags.is_empty() {
                flags.push("\x1f");
            }
            flags.push("--remap-path-prefix=");
            flags.push(at);
            flags.push("=");
            flags.push(to);
        }
        flags
    }
}
