//! What is measured while a run goes on, by looking at its processes and at the machine.
//!
//! A [`Sampler`] lives in the supervisor, outside of what the program can reach. It is cheap: most
//! looks cost a few small files of `/proc`, and the dearer ones are rare.

mod cpu;
mod gpu;
mod ledger;
mod libraries;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

pub use gpu::{EnergySource, GpuUse};
pub(crate) use ledger::{Counts, Ledger};
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
    /// The programs that its processes were seen to be, by their path as these saw it.
    pub programs: BTreeSet<PathBuf>,
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

    /// How many came.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// None if nothing came.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let mean = self.sum / f64::from(self.count);
        (self.count > 0).then_some(Summary { min: self.min, mean, max: self.max })
    }
}

/// Looks at a run from time to time: from before it starts until it is [stopped](Sampler::stop).
pub struct Sampler {
    measured: Measured,
    cpu: cpu::Meter,
    gpus: Option<gpu::Meter>,
    libraries: libraries::Finder,
    /// By process, what it and the children that it waited for read and wrote; none if nothing
    /// could be read so far.
    io: Option<Ledger<i32>>,
    next_slow: Instant,
    /// Whether it looks at all.
    looks: bool,
}

impl Sampler {
    /// One that does not look, so that a run can be compared with one that is looked at.
    pub fn blind() -> Sampler {
        Sampler { looks: false, ..Sampler::start(&[]) }
    }

    /// Begins before a run that gets the accelerators with these ids. Asking the driver for them
    /// can take a second, and is left out where there are none.
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
            io: None,
            next_slow: now(),
            looks: true,
        }
    }

    /// Looks once. `pids` are the run's living processes as this process sees them, and `threads`
    /// is how many threads they have.
    pub fn sample(&mut self, pids: &[Pid], threads: u64) {
        if !self.looks {
            return;
        }
        self.measured.samples += 1;
        let peak = &mut self.measured.peak_threads;
        *peak = (*peak).max(Some(threads));
        let io = |pid: &Pid| {
            let reaped = io(&fs::read_to_string(format!("/proc/{pid}/io")).ok()?)?;
            Some((pid.as_raw(), Counts { reaped, ..Counts::default() }))
        };
        let io: BTreeMap<i32, Counts> = pids.iter().filter_map(io).collect();
        if self.io.is_some() || !io.is_empty() {
            self.io.get_or_insert_default().enter(io);
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

    /// Takes the last readings of what the whole machine counts. To be called when the run is
    /// over: what comes after is not the run's.
    pub fn stop(&mut self) {
        self.cpu.stop();
        if let Some(gpus) = self.gpus.take() {
            self.measured.gpus = gpus.finish(now());
        }
    }

    /// Ends with a run that took this long and this much CPU time. `io` is what processes that
    /// are not among the sampled took over from their children, if that is known.
    pub fn finish(self, wall: Duration, cpu: Duration, io: Option<[u64; 2]>) -> Measured {
        // Either can lack what the other has, and neither counts anything twice.
        let sampled = self.io.map(|ledger| ledger.total());
        let total = |at: usize| sampled.map(|bytes| bytes[at]).max(io.map(|bytes| bytes[at]));
        let (read, written) = (total(0), total(1));
        let cpu::Spent { frequency_mhz, energy_j, others_cores } = self.cpu.finish(wall, cpu);
        let (libraries, programs) = self.libraries.finish();
        Measured {
            read_bytes: read,
            written_bytes: written,
            frequency_mhz,
            cpu_energy_j: energy_j,
            others_cores,
            libraries,
            programs,
            ..self.measured
        }
    }
}

/// Bytes read from and written to storage, in the text of `/proc/PID/io`; see proc(5).
pub(crate) fn io(text: &str) -> Option<[u64; 2]> {
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
        sampler.stop();
        let measured = sampler.finish(Duration::from_secs(1), Duration::ZERO, Some([u64::MAX, 0]));
        assert_eq!(measured.read_bytes, Some(u64::MAX));
        assert_eq!((measured.samples, measured.peak_threads), (1, Some(7)));
        assert!(
            measured.written_bytes.is_some() && measured.others_cores.is_some(),
            "{measured:?}"
        );
        assert!(measured.libraries.keys().any(|path| path.contains("libc.so")), "{measured:?}");
        assert_eq!(measured.programs, BTreeSet::from([std::env::current_exe().unwrap()]));
        assert_eq!((measured.gpus.len(), measured.gpu_absent), (0, None));
    }

    #[test]
    fn who_does_not_look_sees_nothing() {
        let mut sampler = Sampler::blind();
        sampler.sample(&[Pid::this()], 7);
        sampler.stop();
        let measured = sampler.finish(Duration::from_secs(1), Duration::ZERO, None);
        assert_eq!((measured.samples, measured.peak_threads, measured.read_bytes), (0, None, None));
        assert!(measured.libraries.is_empty());
    }

    #[test]
    fn without_anything_to_read_everything_is_null() {
        let measured = Sampler::start(&[]).finish(Duration::from_secs(1), Duration::ZERO, None);
        let known = Measured {
            frequency_mhz: measured.frequency_mhz,
            cpu_energy_j: measured.cpu_energy_j,
            others_cores: measured.others_cores,
            ..Measured::default()
        };
        assert_eq!(measured, known);
    }
}
