//! A small world for one run: a private directory, a spec with sane limits, and what came of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rescience_exec::sandbox::{
    Access, Finished, Isolation, Level, Limits, Progress, Sandbox, Spec,
};
use rescience_store::Store;
use tempfile::TempDir;

/// The hidden argument that makes this binary a builder with one run: `BUILDER DIR SCRIPT`.
pub(crate) const BUILDER: &str = "__builder";

/// A directory with room for one run.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) spec: Spec,
}

/// What a run left.
#[must_use]
pub(crate) struct Seen {
    pub(crate) finished: Finished,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) progress: Vec<Progress>,
}

impl World {
    /// A world for a shell script.
    pub(crate) fn script(script: &str) -> World {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec(dir.path(), script);
        World { dir, spec }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs another program than the world's own.
    pub(crate) fn run_spec(&self, spec: &Spec) -> Finished {
        block_on(sandbox().run(spec, drop))
    }

    pub(crate) fn run(&self) -> Seen {
        let mut progress = Vec::new();
        let finished = block_on(sandbox().run(&self.spec, |line| progress.push(line)));
        let read =
            |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        Seen {
            finished,
            stdout: read(&self.spec.stdout),
            stderr: read(&self.spec.stderr),
            progress,
        }
    }
}

fn spec(dir: &Path, script: &str) -> Spec {
    let shown = ["out", "tmp"].map(|name| {
        fs::create_dir_all(dir.join(name)).unwrap();
        sandbox().show(&dir.join(name), &format!("/{name}"), Access::Write)
    });
    Spec {
        argv: ["/bin/sh", "-c", script].map(OsString::from).to_vec(),
        cwd: "/out".into(),
        env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
        limits: Limits::wall(Duration::from_secs(60)),
        control: dir.join("control"),
        stdout: dir.join("stdout"),
        stderr: dir.join("stderr"),
        shown: shown.to_vec(),
        network: false,
        gpus: Vec::new(),
        observed: true,
        isolation: Isolation::Full,
    }
}

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(std::env::current_exe().unwrap(), Isolation::Full)
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Is a builder with one run, so that a test can kill it.
pub(crate) fn builder(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let (dir, script) = (args.next().unwrap(), args.next().unwrap());
    let spec = spec(Path::new(&dir), script.to_str().unwrap());
    let finished = block_on(sandbox().run(&spec, drop));
    if finished.exit.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The hidden argument that makes this binary a builder that tries out the sandbox again and again,
/// with a store: `PROBER STORE`.
pub(crate) const PROBER: &str = "__prober";

pub(crate) fn prober(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let store = Store::open(Path::new(&args.next().unwrap())).unwrap();
    let supervisor = std::env::current_exe().unwrap();
    loop {
        let scratch = store.scratch("probe").unwrap();
        assert_eq!(block_on(Sandbox::offer(&supervisor, scratch.path())).level, Level::Full);
    }
}

/// How many processes have `mark` in their command line.
pub(crate) fn marked(mark: &str) -> usize {
    pids(mark).len()
}

/// The processes that have `mark` in their command line.
pub(crate) fn pids(mark: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let line = |entry: &fs::DirEntry| fs::read(entry.path().join("cmdline")).unwrap_or_default();
    entries
        .filter(|entry| String::from_utf8_lossy(&line(entry)).contains(mark))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Waits up to ten seconds for something to come true.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Schedulers move runs between threads.
pub(crate) fn send<T: Send>(value: T) -> T {
    value
}
