//! What one run of a program is: its command, what it sees, and what it may use.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire;

/// Directories of software that systems have, and that every program sees.
pub const SOFTWARE: [&str; 10] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/gnu/store",
];

/// Everything about one run of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The program and its arguments. A program named without a slash is searched in the `PATH`
    /// of `env`; a relative path starts at `cwd`.
    pub argv: Vec<OsString>,
    /// The directory the program starts in, as it sees it.
    #[serde(with = "wire::path")]
    pub cwd: PathBuf,
    /// The whole environment: the program sees these variables and no others.
    #[serde(with = "wire::env")]
    pub env: BTreeMap<OsString, OsString>,
    /// What the run may use.
    pub limits: Limits,
    /// A private directory of the supervisor's, made if absent, beside (never inside) what the program
    /// sees. It may be removed after the run.
    #[serde(with = "wire::path")]
    pub control: PathBuf,
    /// The file that the program's standard output goes to.
    #[serde(with = "wire::path")]
    pub stdout: PathBuf,
    /// The file that the program's standard error goes to; not the same as `stdout`.
    #[serde(with = "wire::path")]
    pub stderr: PathBuf,
    /// The files and directories that the program sees beside the system's own software.
    pub shown: Vec<Shown>,
    /// Whether the program may use the network.
    pub network: bool,
    /// The accelerators that the program has. It sees the device files of these and of no others,
    /// and without any no driver either.
    pub gpus: Vec<Lent>,
    /// Whether attempts to open what exists outside and is not shown are reported. Each opening of
    /// a file then takes some microseconds longer.
    pub observed: bool,
    /// How well the run has to be shut in; it is not started otherwise.
    pub isolation: Isolation,
}

/// An accelerator that a program has for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// Its identity.
    pub uuid: String,
    /// The number in the name of its device file, if the driver tells it.
    pub minor: Option<u32>,
}

/// A file or directory that a program sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Where it is.
    #[serde(with = "wire::path")]
    pub from: PathBuf,
    /// Where the program sees it; the same as `from` unless [`Isolation::Full`].
    #[serde(with = "wire::path")]
    pub at: PathBuf,
    /// What the program may do with it.
    pub access: Access,
}

/// What a program may do with what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read, and execute.
    Read,
    /// Write too. Its size counts against the disk limit.
    Write,
}

/// How well a run is asked to be shut in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Not at all: limits, an exact environment and the end of every process remain, for programs
    /// that do not fight them. One that does has its user's rights, and so those of the builder.
    None,
    /// By what an unprivileged process can do to itself where namespaces are forbidden: Landlock
    /// for files and a filter for system calls.
    Partial,
    /// By namespaces, a filter for system calls, and Landlock where the kernel has it.
    #[default]
    Full,
}

impl Isolation {
    /// The word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Isolation::None => "none",
            Isolation::Partial => "partial",
            Isolation::Full => "full",
        }
    }
}

/// What a run may use; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall time.
    pub wall: Duration,
    /// CPU time of all the run's processes together, looked at several times a second. Counted by a
    /// cgroup where one can be made; elsewhere processes that live for less than a look, and whom
    /// nobody waits for, are missed.
    pub cpu: Option<Duration>,
    /// Memory of all the run's processes together, in bytes. Held by a cgroup where one can be
    /// made; elsewhere it is sampled, so that a short peak can slip through: memory that is resident
    /// or swapped, the tables of its pages, which count for each of several processes that share
    /// them, and files, segments, semaphores and messages, which need not be in any process. What is
    /// only in buffers of the kernel, as of pipes, is missed.
    ///
    /// What a file in memory takes cannot be asked if it waits in a socket or, by another than root,
    /// if it is only mapped. While a run has any, it is over the limit when the whole machine shares more
    /// than when that was first seen, by more than the limit; others' use counts against it then.
    pub memory: Option<u64>,
    /// Bytes in the directories that the program may write, measured by sampling and at the end, and
    /// of files that it removed there and still has open or mapped; every file and directory counts
    /// for at least [`Limits::ENTRY`]. No single file can grow beyond it. Directories that cannot be
    /// counted, as those nested deeper than files can be open, are over any limit; those that their
    /// owner may not read are made readable. While a run has removed files of which the size cannot be
    /// asked, as in [`Limits::memory`], it is over the limit when the file system lost more than that
    /// since this was first seen.
    pub disk: Option<u64>,
    /// Processes and threads alive at once. Held by a cgroup where one can be made, and by the
    /// kernel's count per user where that one is not root; sampled as well.
    pub processes: Option<u32>,
    /// Files that one process may have open.
    pub files: Option<u32>,
    /// Bytes kept of standard output, and again of standard error. What is over is dropped and
    /// counted in [`Log`](super::Log); the program goes on until it wrote [`Limits::FLOOD`] times
    /// as much.
    pub log: u64,
}

impl Limits {
    /// The usual cap on each of the two logs: 64 MiB.
    pub const LOG: u64 = 64 << 20;

    /// A program whose output is this many times over the cap is ended: it is a flood.
    pub const FLOOD: u64 = 16;

    /// What an empty file takes of the disk limit: about an inode and its name.
    pub const ENTRY: u64 = 1 << 10;

    /// A wall limit and nothing else.
    pub fn wall(wall: Duration) -> Limits {
        Limits {
            wall,
            cpu: None,
            memory: None,
            disk: None,
            processes: None,
            files: None,
            log: Limits::LOG,
        }
    }
}
