//! A workshop in a directory of the test's own, and what a build in it left.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rescience_exec::cargo::{Built, CargoError, Request, Workshop};
use rescience_exec::sandbox::{Access, Isolation, Limits, Sandbox, Shown};
use rescience_exec::toolchain::Toolchain;
use tempfile::TempDir;

/// A place to build in.
pub(crate) struct Shop {
    dir: TempDir,
    toolchain: Toolchain,
}

/// What a build left.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) built: Built,
    pub(crate) output: PathBuf,
    pub(crate) log: String,
}

impl Shop {
    pub(crate) fn new() -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let toolchain =
            Toolchain::find(&env(), dir.path(), &dir.path().join("toolchain.json")).unwrap();
        Shop { dir, toolchain }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Cargo's home in all builds.
    pub(crate) fn cargo_home(&self) -> PathBuf {
        self.path("cargo-home")
    }

    /// Builds a source of these files, offline.
    pub(crate) fn build(&self, files: &[(&str, &str)]) -> Result<Left, CargoError> {
        self.build_with(files, &[])
    }

    /// The same, with directories that builds see where they are.
    pub(crate) fn build_with(
        &self,
        files: &[(&str, &str)],
        tools: &[PathBuf],
    ) -> Result<Left, CargoError> {
        let tool =
            |path: &PathBuf| Shown { from: path.clone(), at: path.clone(), access: Access::Read };
        let workshop = Workshop::enter(&self.path("cache"), &self.toolchain)?;
        let source = workshop.source();
        if source.exists() {
            fs::remove_dir_all(&source).unwrap();
        }
        for (path, text) in files {
            write(&source.join(path), text);
        }
        let output = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        fs::create_dir_all(self.path("tmp")).unwrap();
        let env = env();
        let path: Vec<PathBuf> = std::env::split_paths(&env[OsStr::new("PATH")])
            .filter(|path| path.starts_with("/usr"))
            .collect();
        let request = Request {
            toolchain: &self.toolchain,
            env: &env,
            path: &path,
            tools: &tools.iter().map(tool).collect::<Vec<_>>(),
            cargo_home: &self.cargo_home(),
            offline: true,
            jobs: 2,
            limits: Limits::wall(Duration::from_secs(300)),
            control: &self.path("control"),
            temporary: &self.path("tmp"),
            log: &self.path("log"),
            output: &output,
        };
        let sandbox = Sandbox::new(std::env::current_exe().unwrap(), Isolation::Full);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let built = runtime.block_on(workshop.build(&sandbox, &request, drop))?;
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        Ok(Left { built, output, log })
    }
}

/// Writes a file and the directories that it lies in.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// What a program prints.
pub(crate) fn says(program: &Path) -> String {
    #[expect(clippy::disallowed_methods, reason = "the program that was built")]
    let output = std::process::Command::new(program).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn env() -> BTreeMap<OsString, OsString> {
    let names = ["PATH", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    let value = |name: &str| {
        #[expect(clippy::disallowed_methods, reason = "the test's user chose the toolchain")]
        std::env::var_os(name)
    };
    names.into_iter().filter_map(|name| Some((name.into(), value(name)?))).collect()
}
