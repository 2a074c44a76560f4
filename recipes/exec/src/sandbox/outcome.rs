//! How a run ended, and the evidence: what it used, what it tried, how well it was shut in.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::Isolation;
#[cfg(doc)]
use super::Limits;
use crate::facts::sample::Measured;

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
                Ok(signal @ Signal::SIGXFSZ) => write!(
                    f,
                    "killed by signal {number} ({signal}), as the kernel kills who makes a file larger \
                     than the disk limit",
                ),
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
    /// [`Limits::cpu`].
    Cpu,
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::disk`].
    Disk,
    /// [`Limits::processes`].
    Processes,
    /// [`Limits::log`], by far.
    Log,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Wall => "wall time",
            Limit::Cpu => "CPU time",
            Limit::Memory => "memory",
            Limit::Disk => "disk",
            Limit::Processes => "process",
            Limit::Log => "log",
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
    /// The most that the kernel charged to the run's control group at once, pages of files that it
    /// read and wrote included; none where there is no group, or none that counts.
    pub charged_memory_bytes: Option<u64>,
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
    /// Limits, an exact environment and the end of every process; no isolation: the program sees
    /// the file system, the network and the builder's processes as its user does.
    None,
}

impl Level {
    /// The isolation that this is at least.
    pub fn isolation(&self) -> Isolation {
        match self {
            Level::Full => Isolation::Full,
            Level::Partial { .. } => Isolation::Partial,
            Level::None => Isolation::None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level::Partial { missing } if !missing.is_empty() => {
                write!(f, "partial (without {})", missing.join(", "))
            }
            level => f.write_str(level.isolation().as_str()),
        }
    }
}

/// Who holds a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// The kernel, for all processes together, by a cgroup.
    Cgroup,
    /// The supervisor, by looking several times a second: a short peak can slip through.
    #[default]
    Sampling,
}

/// Who held the limits of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The memory limit.
    pub memory: Holder,
    /// The limit of processes and threads.
    pub processes: Holder,
}

/// What a program was seen to open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Paths that it tried to open or execute, that exist outside and that it was not shown; the
    /// first [`Opened::UNDECLARED`] of them.
    pub undeclared: BTreeSet<String>,
    /// Where its Pythons looked for packages, in the order in which they did; the first
    /// [`Opened::PACKAGES`] of them.
    pub packages: Vec<Looked>,
}

impl Opened {
    /// How many undeclared paths are kept.
    pub const UNDECLARED: usize = 64;
    /// How many folders of packages are kept.
    pub const PACKAGES: usize = 64;
}

/// A folder of packages that an interpreter opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The interpreter that the process was.
    pub program: PathBuf,
    /// The folder, without links.
    pub folder: PathBuf,
}

/// A run that is over; none of its processes is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// Whether a supervisor told what follows. Where it was lost, or no program began, that is empty
    /// and says nothing.
    pub told: bool,
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
    /// Who held its limits.
    pub held: Held,
    /// What it was seen to open; none if nobody looked.
    pub opened: Option<Opened>,
    /// What was measured while it went on.
    pub measured: Measured,
}

impl Finished {
    /// What is known of a run of which nobody could tell more than how it ended.
    pub fn without_evidence(exit: Exit) -> Finished {
        Finished {
            exit,
            told: false,
            usage: Usage::default(),
            level: Level::None,
            stdout: Log::default(),
            stderr: Log::default(),
            left_running: 0,
            held: Held::default(),
            opened: None,
            measured: Measured::default(),
        }
    }
}
