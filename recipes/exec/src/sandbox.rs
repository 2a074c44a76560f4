//! The sandbox: one program, run with exactly what its [`Spec`] names, and how it [`Finished`].
//!
//! A run never fails with an error: whatever happens to the program is a result with evidence.
//! The work is done by a [supervisor](crate::supervisor), a process between the builder and the
//! program that outlives neither.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::supervisor;

/// How long past its limit the builder waits for the supervisor to act before it acts itself.
const GRACE: Duration = Duration::from_secs(5);

/// Everything about one run of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The program and its arguments. A program named without a slash is searched in the `PATH`
    /// of `env`; a relative path starts at `cwd`.
    pub argv: Vec<OsString>,
    /// The directory the program starts in.
    #[serde(with = "wire::path")]
    pub cwd: PathBuf,
    /// The whole environment: the program sees these variables and no others.
    #[serde(with = "wire::env")]
    pub env: BTreeMap<OsString, OsString>,
    /// What the run may use.
    pub limits: Limits,
    /// A private directory for the traffic between builder and supervisor, made if absent, beside
    /// (never inside) what the program may write. It may be removed after the run.
    #[serde(with = "wire::path")]
    pub control: PathBuf,
    /// The file that the program's standard output goes to.
    #[serde(with = "wire::path")]
    pub stdout: PathBuf,
    /// The file that the program's standard error goes to; not the same as `stdout`.
    #[serde(with = "wire::path")]
    pub stderr: PathBuf,
    /// The directories that the program may write. Their size counts against the disk limit.
    #[serde(with = "wire::paths")]
    pub writable: Vec<PathBuf>,
    /// The files and directories that the program may read.
    #[serde(with = "wire::paths")]
    pub read_only: Vec<PathBuf>,
    /// Whether the program may use the network.
    pub network: bool,
}

/// What a run may use; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall time.
    pub wall: Duration,
    /// Resident memory of all the run's processes together, in bytes. Measured by sampling, so a
    /// short peak can slip through; memory shared by several processes counts for each.
    pub memory: Option<u64>,
    /// Bytes in the writable directories, measured by sampling.
    pub disk: Option<u64>,
    /// Processes alive at once, measured by sampling.
    pub processes: Option<u32>,
    /// Bytes kept of standard output, and again of standard error. What is over is dropped and
    /// counted in [`Log`]; the program goes on.
    pub log: u64,
}

impl Limits {
    /// The usual cap on each of the two logs: 64 MiB.
    pub const LOG: u64 = 64 << 20;

    /// A wall limit and nothing else.
    pub fn wall(wall: Duration) -> Limits {
        Limits { wall, memory: None, disk: None, processes: None, log: Limits::LOG }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// The program exited with this code; 0 is success.
    Code(i32),
    /// A signal that was not ours killed the program.
    Signal(i32),
    /// The run went over a limit and was killed.
    Limit(Limit),
    /// The builder asked for the end of the run, or went away.
    Stopped,
    /// The program could not be started; the reason.
    NotStarted(String),
    /// The supervisor died before it could say how the run ended; what is known.
    Lost(String),
}

impl Exit {
    /// Whether the program ran to its end and exited with code 0.
    pub fn success(&self) -> bool {
        *self == Exit::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "killed by signal {number} ({signal})"),
                Err(_) => write!(f, "killed by signal {number}"),
            },
            Exit::Limit(limit) => write!(f, "killed at its {limit} limit"),
            Exit::Stopped => write!(f, "stopped by the builder"),
            Exit::NotStarted(why) => write!(f, "not started: {why}"),
            Exit::Lost(why) => write!(f, "lost: {why}"),
        }
    }
}

/// Which limit a run went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// [`Limits::wall`].
    Wall,
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::disk`].
    Disk,
    /// [`Limits::processes`].
    Processes,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Wall => "wall time",
            Limit::Memory => "memory",
            Limit::Disk => "disk",
            Limit::Processes => "process",
        })
    }
}

/// What a run used, measured from outside the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// From the start to the end of the program itself.
    pub wall: Duration,
    /// CPU time in user mode, of the program and all its descendants.
    pub user: Duration,
    /// CPU time in the kernel, of the program and all its descendants.
    pub system: Duration,
    /// The larger of the kernel's peak of the largest single process, and the largest sampled sum
    /// over all processes. The few MiB of the image that started the program are its floor.
    pub peak_memory_bytes: u64,
}

/// How much of a log was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Bytes that the program wrote.
    pub written: u64,
    /// Bytes that are in the file: fewer if the program wrote more than [`Limits::log`].
    pub kept: u64,
}

impl Log {
    /// Whether something is missing in the file.
    pub fn truncated(&self) -> bool {
        self.kept < self.written
    }
}

/// How well a run was shut in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Namespaces, system call filter and limits, all of them.
    Full,
    /// Isolated but for what is named.
    Partial {
        /// The missing parts.
        missing: Vec<String>,
    },
    /// Limits, an exact environment and the certain end of every process; no isolation: the
    /// program sees the file system and the network as its user does.
    ProcessGroup,
    /// Nothing, as asked for.
    None,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level::Full => f.write_str("full"),
            Level::Partial { missing } => write!(f, "partial (without {})", missing.join(", ")),
            Level::ProcessGroup => f.write_str("process-group"),
            Level::None => f.write_str("none"),
        }
    }
}

/// A run that is over; none of its processes is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// What it used; all zero if the program was not started.
    pub usage: Usage,
    /// How well it was shut in.
    pub level: Level,
    /// What it wrote to standard output.
    pub stdout: Log,
    /// What it wrote to standard error.
    pub stderr: Log,
    /// Processes that the program left behind when it ended, and that were killed.
    pub left_running: u32,
}

impl Finished {
    fn without_evidence(exit: Exit) -> Finished {
        Finished {
            exit,
            usage: Usage::default(),
            level: Level::ProcessGroup,
            stdout: Log::default(),
            stderr: Log::default(),
            left_running: 0,
        }
    }
}

/// A line of standard output that is a JSON object: how far the program is, in its own words.
pub type Progress = serde_json::Map<String, serde_json::Value>;

/// Runs programs.
#[derive(Clone, Debug)]
pub struct Sandbox {
    supervisor: PathBuf,
}

impl Sandbox {
    /// Uses `supervisor`, the path of a binary whose `main` hands over to [`supervisor::main`]
    /// when its first argument is [`supervisor::ARGUMENT`].
    pub fn new(supervisor: PathBuf) -> Sandbox {
        Sandbox { supervisor }
    }

    /// The isolation that runs get here.
    pub fn level(&self) -> Level {
        Level::ProcessGroup
    }

    /// Runs a program to its end and calls `on_progress` for each line of its standard output that
    /// is a JSON object of at most 64 KiB, while it runs.
    ///
    /// When the future is dropped before it is ready, the run is stopped: all its processes are
    /// killed, soon after but not before the drop returns.
    pub async fn run(&self, spec: &Spec, mut on_progress: impl FnMut(Progress)) -> Finished {
        match self.start(spec) {
            Ok(child) => watch(child, spec, &mut on_progress).await,
            Err(why) => Finished::without_evidence(Exit::NotStarted(why)),
        }
    }

    fn start(&self, spec: &Spec) -> Result<Child, String> {
        let told = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
        std::fs::create_dir_all(&spec.control).map_err(|e| told(&spec.control, e))?;
        let files = supervisor::Files::of(&spec.control);
        for stale in [&files.report, &files.refusal] {
            match std::fs::remove_file(stale) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(told(stale, error));
                }
                _ => {}
            }
        }
        let text = serde_json::to_vec(spec).map_err(|e| format!("the run's description: {e}"))?;
        std::fs::write(&files.spec, text).map_err(|e| told(&files.spec, e))?;
        let complaints = File::create(&files.complaints).map_err(|e| told(&files.complaints, e))?;
        #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
        let mut command = Command::new(&self.supervisor);
        command
            .arg(supervisor::ARGUMENT)
            .arg(&files.spec)
            // The program's user can read the environment of its parent.
            .env_clear()
            // Held open by the builder, and closed by the kernel however the builder ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(complaints))
            // An interrupt typed at the terminal is the builder's to handle.
            .process_group(0)
            .spawn()
            .map_err(|e| told(&self.supervisor, e))
    }
}

/// Reads progress until the supervisor ends, and sees to it that it does.
async fn watch(mut child: Child, spec: &Spec, on_progress: &mut impl FnMut(Progress)) -> Finished {
    let mut leash = child.stdin.take();
    let Some(stdout) = child.stdout.take() else {
        return Finished::without_evidence(Exit::Lost("no pipe to the supervisor".to_owned()));
    };
    let mut lines = BufReader::new(stdout).split(b'\n');
    // The supervisor holds the limit; this one is for a supervisor that hangs.
    let deadline = tokio::time::sleep(spec.limits.wall.saturating_add(GRACE));
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            line = lines.next_segment() => match line {
                Ok(Some(line)) => if let Ok(progress) = serde_json::from_slice(&line) {
                    on_progress(progress);
                },
                Ok(None) | Err(_) => break,
            },
            () = &mut deadline => {
                if leash.take().is_none() {
                    break;
                }
                deadline.as_mut().reset(Instant::now() + GRACE);
            }
        }
    }
    // The pipe closes when the supervisor is about to exit; a hanging one is killed.
    let status = match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => child.kill().await.and(child.wait().await),
    };
    drop(leash);
    let files = supervisor::Files::of(&spec.control);
    let report = std::fs::read(&files.report).map_err(|error| error.to_string());
    let report = report.and_then(|text| serde_json::from_slice(&text).map_err(|e| e.to_string()));
    report.unwrap_or_else(|why| {
        let ended = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let said = std::fs::read_to_string(&files.complaints).unwrap_or_default();
        Finished::without_evidence(Exit::Lost(
            format!("the supervisor left no report ({why}; {ended}) {}", said.trim())
                .trim_end()
                .to_owned(),
        ))
    })
}

/// Byte-exact JSON for paths and environments, which need not be UTF-8.
mod wire {
    pub(super) mod path {
        use std::ffi::OsString;
        use std::path::{Path, PathBuf};

        use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

        pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
            path.as_os_str().serialize(to)
        }

        pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<PathBuf, D::Error> {
            OsString::deserialize(from).map(PathBuf::from)
        }
    }

    pub(super) mod paths {
        use std::ffi::OsString;
        use std::path::{Path, PathBuf};

        use serde::{Deserialize as _, Deserializer, Serializer};

        pub(crate) fn serialize<S: Serializer>(
            paths: &[PathBuf],
            to: S,
        ) -> Result<S::Ok, S::Error> {
            to.collect_seq(paths.iter().map(Path::new).map(Path::as_os_str))
        }

        pub(crate) fn deserialize<'a, D: Deserializer<'a>>(
            from: D,
        ) -> Result<Vec<PathBuf>, D::Error> {
            let paths = Vec::<OsString>::deserialize(from)?;
            Ok(paths.into_iter().map(PathBuf::from).collect())
        }
    }

    pub(super) mod env {
        use std::collections::BTreeMap;
        use std::ffi::OsString;

        use serde::{Deserialize as _, Deserializer, Serializer};

        pub(crate) fn serialize<S: Serializer>(
            env: &BTreeMap<OsString, OsString>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            to.collect_seq(env)
        }

        pub(crate) fn deserialize<'a, D: Deserializer<'a>>(
            from: D,
        ) -> Result<BTreeMap<OsString, OsString>, D::Error> {
            let pairs = Vec::<(OsString, OsString)>::deserialize(from)?;
            Ok(pairs.into_iter().collect())
        }
    }
}
