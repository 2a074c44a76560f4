//! Facts: what the builder measured about machine, software and run, never what a program said.
//!
//! The schema is [`Facts`], and `recipes/exec/facts.schema.json` says the same to other programs.
//! What could not be learned is `null`; nothing is ever filled in. Names end with the unit: `_s`
//! seconds, `_bytes`, `_j` joules, `_w` watts, `_mhz`, `_percent`.

pub mod gpu;
pub mod machine;
pub mod packages;
pub mod python;
pub mod sample;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use gpu::Gpu;
pub use machine::{Cpu, Machine, Memory};
pub use sample::{GpuUse, Library, Summary};

pub use crate::toolchain::ToolchainFacts;

use crate::sandbox::{Exit, Finished, Holder, Limits};

/// The facts of one run or build, as they are stored: one JSON document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// The versions in the program's lock file, by package name, and of the packages that are
    /// installed where a run's Pythons were seen to look. Several versions of one package are joined
    /// by `, `.
    pub packages: BTreeMap<String, String>,
    /// The BLAKE3 digests of the programs that were built, by name.
    pub programs: BTreeMap<String, String>,
    /// The version of rescience.
    pub rescience: String,
    /// The run itself.
    pub run: RunFacts,
}

/// The software of a program, as it was when it was built or found when it ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Software {
    /// The tools.
    pub toolchain: ToolchainFacts,
    /// Versions by package.
    pub packages: BTreeMap<String, String>,
    /// Digests by program.
    pub programs: BTreeMap<String, String>,
}

/// What was measured of one run. What could not be read is null, or absent from a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunFacts {
    /// When it started, in UTC.
    #[cfg_attr(test, schemars(with = "String"))]
    pub started: Timestamp,
    /// When it was over, in UTC.
    #[cfg_attr(test, schemars(with = "String"))]
    pub finished: Timestamp,
    /// Wall time in seconds; null, like all that is measured, if the run's supervisor was lost.
    pub wall_s: Option<f64>,
    /// CPU seconds in user mode.
    pub user_s: Option<f64>,
    /// CPU seconds in the kernel.
    pub system_s: Option<f64>,
    /// Cores that it kept busy on average: CPU time by wall time.
    pub cores: Option<f64>,
    /// Cores that other processes kept busy meanwhile, on average.
    pub others_cores: Option<f64>,
    /// The mean clock of the processor's cores, in MHz.
    pub frequency_mhz: Option<Summary>,
    /// The peak of resident memory, in bytes: the larger of the largest sum over its processes that
    /// was seen, and the kernel's own peak of the largest of them.
    pub peak_memory_bytes: Option<u64>,
    /// The most memory that the kernel charged to the run's control group at once, in bytes, pages
    /// of files that it read and wrote included; null where no group counted it.
    pub charged_memory_bytes: Option<u64>,
    /// The most threads that were seen at once.
    pub peak_threads: Option<u64>,
    /// Bytes fetched from storage.
    pub read_bytes: Option<u64>,
    /// Bytes sent to storage.
    pub written_bytes: Option<u64>,
    /// Energy in joules, of the processor packages and the run's accelerators together, whoever used
    /// them meanwhile; null unless each of them was measured to the end.
    pub energy_j: Option<f64>,
    /// Why there is no such sum, for people; null if there is one.
    pub energy_absent: Option<String>,
    /// Energy of the processor packages alone, in joules, whoever used them.
    pub cpu_energy_j: Option<f64>,
    /// The accelerators that it had.
    pub gpus: Vec<GpuUse>,
    /// Why there is nothing about accelerators though it asked for some.
    pub gpu_absent: Option<String>,
    /// The files of code that it was seen mapping, by the path that it saw. Null where none was seen,
    /// as of a run that was over before the first look: every program maps itself.
    pub libraries: Option<BTreeMap<String, Library>>,
    /// The exit code; null if the program did not exit by itself.
    pub exit: Option<i32>,
    /// The level of the sandbox that held it, whichever was asked for.
    pub sandbox: Option<String>,
    /// What it was limited to.
    pub limits: LimitFacts,
    /// Paths that it tried to open or execute, that exist and that it was not shown. Null where
    /// nobody looked: without a sandbox, or where the kernel lets nobody look.
    pub undeclared: Option<BTreeSet<String>>,
}

/// What a run was limited to; null is unlimited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LimitFacts {
    /// Wall time in seconds.
    pub wall_s: f64,
    /// CPU time in seconds.
    pub cpu_s: Option<f64>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Written bytes.
    pub disk_bytes: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u32>,
    /// Files that one process may have open.
    pub files: Option<u32>,
    /// Who held the memory limit: `cgroup` or `sampling`.
    pub memory_held_by: Option<Holder>,
    /// Who held the limit of processes.
    pub processes_held_by: Option<Holder>,
}

impl RunFacts {
    /// The facts of a finished run with these limits, between two readings of the clock.
    pub fn of(
        finished: &Finished,
        limits: &Limits,
        started: Timestamp,
        ended: Timestamp,
    ) -> RunFacts {
        let (usage, measured) = (&finished.usage, finished.measured.clone());
        // Where nobody told, zeros are no measurements.
        let told = finished.told;
        let seconds = |time: Duration| told.then_some(time.as_secs_f64());
        let (wall_s, cpu_s) = (seconds(usage.wall), seconds(usage.user + usage.system));
        let (energy_j, energy_absent) = energy(finished);
        RunFacts {
            started,
            finished: ended,
            wall_s,
            user_s: seconds(usage.user),
            system_s: seconds(usage.system),
            cores: cpu_s.zip(wall_s.filter(|wall| *wall > 0.0)).map(|(cpu, wall)| cpu / wall),
            others_cores: measured.others_cores,
            frequency_mhz: measured.frequency_mhz,
            peak_memory_bytes: told.then_some(usage.peak_memory_bytes),
            charged_memory_bytes: usage.charged_memory_bytes.filter(|_| told),
            peak_threads: measured.peak_threads,
            read_bytes: measured.read_bytes,
            written_bytes: measured.written_bytes,
            energy_j,
            energy_absent,
            cpu_energy_j: measured.cpu_energy_j,
            gpus: measured.gpus,
            gpu_absent: measured.gpu_absent,
            libraries: Some(measured.libraries).filter(|seen| !seen.is_empty()),
            exit: match finished.exit {
                Exit::Code(code) => Some(code),
                _ => None,
            },
            sandbox: told.then(|| finished.level.to_string()),
            limits: LimitFacts {
                wall_s: limits.wall.as_secs_f64(),
                cpu_s: limits.cpu.map(|cpu| cpu.as_secs_f64()),
                memory_bytes: limits.memory,
                disk_bytes: limits.disk,
                processes: limits.processes,
                files: limits.files,
                memory_held_by: told.then_some(finished.held.memory),
                processes_held_by: told.then_some(finished.held.processes),
            },
            undeclared: finished.opened.as_ref().map(|opened| opened.undeclared.clone()),
        }
    }
}

/// The energy of all parts together, or why there is no such sum: one over some of them would be
/// less than it says.
fn energy(finished: &Finished) -> (Option<f64>, Option<String>) {
    let measured = &finished.measured;
    let of_gpus: Option<Vec<f64>> = measured.gpus.iter().map(|gpu| gpu.energy_j).collect();
    let why = match (measured.cpu_energy_j, of_gpus) {
        _ if matches!(finished.exit, Exit::NotStarted(_)) => "it was not started",
        _ if !finished.told => "nobody could tell how the run went",
        (None, _) => "no counter of the processor's energy can be read",
        _ if measured.gpu_absent.is_some() => "the accelerators could not be looked at",
        (_, None) => "an accelerator's energy is not known to the end",
        (Some(cpu), Some(gpus)) => return (Some(cpu + gpus.iter().sum::<f64>()), None),
    };
    (None, Some(why.to_owned()))
}

impl Facts {
    /// The version of the schema that this code writes.
    pub const SCHEMA: u32 = 4;

    /// Puts the facts of one run together. `rescience` is the version of rescience.
    pub fn new(machine: &Machine, software: Software, rescience: &str, run: RunFacts) -> Facts {
        let Machine { cpu, memory, kernel, os, gpu } = machine.clone();
        let Software { toolchain, packages, programs } = software;
        let (schema, rescience) = (Facts::SCHEMA, rescience.to_owned());
        Facts {
            schema,
            cpu,
            memory,
            kernel,
            os,
            gpu,
            toolchain,
            packages,
            programs,
            rescience,
            run,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SNAPSHOTS=overwrite cargo test -p rescience-exec` writes it anew; a change of meaning raises
    /// [`Facts::SCHEMA`].
    #[test]
    fn the_published_schema_is_that_of_the_code() {
        let mut schema = schemars::schema_for!(Facts);
        schema.insert("title".to_owned(), "The facts of a rescience run, version 4".into());
        assert_eq!(Facts::SCHEMA, 4);
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        snapbox::assert_data_eq!(text, snapbox::file!["../../facts.schema.json"].raw());
    }
}
