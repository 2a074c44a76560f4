//! Facts: what the builder measured about machine, software and run, never what a program said.
//!
//! The schema is [`Facts`]. What could not be learned is `null`; nothing is ever filled in.

pub mod gpu;
pub mod machine;
pub mod packages;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use gpu::Gpu;
pub use machine::{Cpu, Machine, Memory};

pub use crate::toolchain::ToolchainFacts;

use crate::sandbox::{Exit, Finished};

/// The facts of one run or build, as they are stored: one JSON document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The version of this schema.
    pub schema: u32,
    /// The processor.
    pub cpu: Cpu,
    /// The memory.
    pub memory: Memory,
    /// Name and release of the kernel: `Linux 6.1.0`.
    pub kernel: Option<String>,
    /// The operating system in its own words: `Debian GNU/Linux 12 (bookworm)`.
    pub os: Option<String>,
    /// The accelerators, or why there are none.
    pub gpu: Gpu,
    /// The tools that built the program.
    pub toolchain: ToolchainFacts,
    /// The versions in the program's lock file, by package name. Several versions of one package
    /// are joined by `, `.
    pub packages: BTreeMap<String, String>,
    /// The version of rescience.
    pub rescience: String,
    /// The run itself.
    pub run: RunFacts,
}

/// What was measured of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// When it started, in UTC.
    pub started: Timestamp,
    /// When it was over, in UTC.
    pub finished: Timestamp,
    /// Wall time in seconds.
    pub wall_s: f64,
    /// CPU seconds in user mode.
    pub user_s: f64,
    /// CPU seconds in the kernel.
    pub system_s: f64,
    /// The peak of resident memory, in bytes.
    pub peak_memory_bytes: u64,
    /// The exit code; null if the program did not exit by itself.
    pub exit: Option<i32>,
    /// The sandbox level.
    pub sandbox: String,
}

impl RunFacts {
    /// The facts of a finished run, between two readings of the clock.
    pub fn of(finished: &Finished, started: Timestamp, ended: Timestamp) -> RunFacts {
        let usage = &finished.usage;
        RunFacts {
            started,
            finished: ended,
            wall_s: usage.wall.as_secs_f64(),
            user_s: usage.user.as_secs_f64(),
            system_s: usage.system.as_secs_f64(),
            peak_memory_bytes: usage.peak_memory_bytes,
            exit: match finished.exit {
                Exit::Code(code) => Some(code),
                _ => None,
            },
            sandbox: finished.level.to_string(),
        }
    }
}

impl Facts {
    /// The version of the schema that this code writes.
    pub const SCHEMA: u32 = 1;

    /// Puts the facts of one run together. `rescience` is the version of rescience.
    pub fn new(
        machine: &Machine,
        toolchain: ToolchainFacts,
        packages: BTreeMap<String, String>,
        rescience: &str,
        run: RunFacts,
    ) -> Facts {
        let Machine { cpu, memory, kernel, os, gpu } = machine.clone();
        let rescience = rescience.to_owned();
        let schema = Facts::SCHEMA;
        Facts { schema, cpu, memory, kernel, os, gpu, toolchain, packages, rescience, run }
    }
}
