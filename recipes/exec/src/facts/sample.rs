//! What is measured while a run goes on, by looking at its processes and at the machine.
//!
//! A [`Sampler`] lives in the supervisor, outside of what the program can reach. It is cheap: most
//! looks cost a few small files of `/proc`, and the dearer ones are rare.

mod cpu;
mod gpu;
mod libraries;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

pub use gpu::{EnergySource, GpuUse};
pub use libraries::Library;

/// How often clocks, power and accelerators are looked at.
const SLOW: Duration = Duration::from_secs(1);

/// What was measured while a run went on. What could not be read is null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How often the run was looked at.
    pub samples: u32,
    /// The most threads that were seen at once.
    pub peak_threads: Option<u64>,
    /// Bytes that its processes fetched from storage; page cache does not count.
    pub read_bytes: Option<u64>,
    /// Bytes that its processes sent to storage.
    pub written_bytes: Option<u64>,
    /// The mean clock of the processor's cores, in MHz.
    pub frequency_mhz: Option<Summary>,
    /// Energy of the processor packages during the run, in joules, whoever used them.
    pub cpu_energy_j: Option<f64>,
    /// Cores that other processes kept busy meanwhile, on average.
    pub others_cores: Option<f64>,
    /// The files of code that were mapped into its processes, by their path as these saw it.
    pub libraries: BTreeMap<String, Library>,
    /// The accelerators that the run had, in the order in which it got them.
    pub gpus: Vec<GpuUse>,
    /// Why there is nothing about accelerators though the run asked for some.
    pub gpu_absent: Option<String>,
}

/// Some numbers, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// The smallest.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
}

/// Numbers that come one by one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Series {
    count: u32,
    sum: f64,
    min: f64,
    max: f64,
}

impl Series {
    pub(crate) fn push(&mut self, value: f64) {
        let first = self.count == 0;
        self.min = if first { value } else { self.min.min(value) };
        self.max = if first { value } else { self.max.max(value) };
        self.sum += value;
        self.count += 1;
    }

    /// None if nothing came.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let mean = self.sum / f64::from(self.count);
        (self.count > 0).then_some(Summary { min: self.min, mean, max: self.max })
    }
}

/// Looks at a run from time to time.
pub struct Sampler {
    measured: Measured,
    cpu: cpu::Meter,
    gpus: Option<gpu::Meter>,
    libraries: libraries::Finder,
    /// By process, what it read and wrote so far.
    io: BTreeMap<i32, [u64; 2]>,
    next_slow: Instant,
}

impl Sampler {
    /// Begins with a run that got the accelerators with these ids. Asking the driver for them can
    /// take a second, and is left out where there are none.
    pub fn start(gpus: &[String]) -> Sampler {
        let mut measured = Measured::default();
        let meter = match gpus {
            [] => None,
            uuids => match gpu::Meter::start(uuids) {
                Ok(meter) => Some(meter),
                Err(why) => {
                    measured.gpu_absent = Some(why);
                    None
                }
            },
        };
        Sampler {
            measured,
            cpu: cpu::Meter::start(Path::new("/")),
            gpus: meter,
            libraries: libraries::Finder::default(),
            io: BTreeMap::new(),
            next_slow: now(),
        }
    }

    /// Looks once. `pids` are the run's living processes as this process sees them, and `threads`
    /// is how many threads they have.
    pub fn sample(&mut self, pids: &[Pid], threads: u64) {
        self.measured.samples += 1;
        let peak = &mut self.measured.peak_threads;
        *peak = (*peak).max(Some(threads));
        for pid in pids {
            if let Some(bytes) = io(*pid) {
                self.io.insert(pid.as_raw(), bytes);
            }
        }
        self.libraries.look(pids);
        let now = now();
        if now >= self.next_slow {
            self.next_slow = now + SLOW;
            self.cpu.look();
            if let Some(gpus) = &mut self.gpus {
                gpus.look(pids, now);
            }
        }
    }

    /// Ends with a run that took this long and this much CPU time.
    pub fn finish(mut self, wall: Duration, cpu: Duration) -> Measured {
        let total = |at: usize| {
            let bytes = self.io.values().map(|bytes| bytes[at]).sum();
            (!self.io.is_empty()).then_some(bytes)
        };
        let (read, written) = (total(0), total(1));
        let cpu::Spent { frequency_mhz, energy_j, others_cores } = self.cpu.finish(wall, cpu);
        Measured {
            read_bytes: read,
            written_bytes: written,
            frequency_mhz,
            cpu_energy_j: energy_j,
            others_cores,
            libraries: self.libraries.finish(),
            gpus: self.gpus.take().map(|gpus| gpus.finish(now())).unwrap_or_default(),
            ..self.measured
        }
    }
}

/// Bytes read from and written to storage, of `/proc/PID/io`; see proc(5).
fn io(pid: Pid) -> Option<[u64; 2]> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    Some([value("read_bytes:")?, value("write_bytes:")?])
}

fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_without_numbers_has_no_summary() {
        let mut series = Series::default();
        assert_eq!(series.summary(), None);
        [3.0, -1.0, 4.0].into_iter().for_each(|value| series.push(value));
        assert_eq!(series.summary(), Some(Summary { min: -1.0, mean: 2.0, max: 4.0 }));
    }

    #[test]
    fn this_process_is_measured() {
        let mut sampler = Sampler::start(&[]);
        sampler.sample(&[Pid::this()], 7);
        let measured = sampler.finish(Duration::from_secs(1), Duration::ZERO);
        assert_eq!((measured.samples, measured.peak_threads), (1, Some(7)));
        assert!(measured.read_bytes.is_some() && measured.others_cores.is_some(), "{measured:?}");
        assert!(measured.libraries.keys().any(|path| path.contains("libc.so")), "{measured:?}");
        assert_eq!((measured.gpus.len(), measured.gpu_absent), (0, None));
    }

    #[test]
    fn without_anything_to_read_everything_is_null() {
        let measured = Sampler::start(&[]).finish(Duration::from_secs(1), Duration::ZERO);
        let known = Measured {
            frequency_mhz: measured.frequency_mhz,
            cpu_energy_j: measured.cpu_energy_j,
            others_cores: measured.others_cores,
            ..Measured::default()
        };
        assert_eq!(measured, known);
    }
}
