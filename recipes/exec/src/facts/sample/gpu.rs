//! Accelerators during a run: how busy they were, what they drew, and whose processes computed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use nix::unistd::Pid;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::{Device, Nvml};
use serde::{Deserialize, Serialize};

use super::{Series, Summary};
use crate::facts::gpu::driver;

/// What one accelerator did while a run had it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GpuUse {
    /// The identity of the device.
    pub uuid: String,
    /// How often it could be looked at.
    pub samples: u32,
    /// How much of the time something ran on it, in percent.
    pub utilisation_percent: Option<Summary>,
    /// Its memory in use, in bytes.
    pub memory_bytes: Option<Summary>,
    /// What it drew, in watts.
    pub power_w: Option<Summary>,
    /// The clock of its processors, in MHz.
    pub sm_clock_mhz: Option<Summary>,
    /// Why it ran slower than it could, each reason that was seen; idleness is none.
    pub throttled: Option<BTreeSet<String>>,
    /// Energy in joules, whoever used it.
    pub energy_j: Option<f64>,
    /// Where the energy is from.
    pub energy_source: Option<EnergySource>,
    /// Processes of the run that the driver saw computing on it. Null where it named none, or named
    /// them by numbers that mean others here, as within a container.
    pub own_processes: Option<u32>,
    /// Processes of others that it saw computing.
    pub other_processes: Option<u32>,
    /// Whether the run was seen computing on it, at one of the looks. Null where the driver named
    /// processes that cannot be told from here, as within a container, or could not name any.
    pub touched: Option<bool>,
    /// Why it could not be looked at to the end.
    pub lost: Option<String>,
}

/// Where a device's energy is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EnergySource {
    /// The driver's own counter.
    Counter,
    /// Samples of the power, added up.
    Integrated,
}

/// Linux gives this number to the namespace of processes that a machine starts with.
const FIRST_NAMESPACE: &str = "pid:[4026531836]";

/// Looks at the accelerators of a run.
pub(super) struct Meter {
    nvml: Nvml,
    devices: Vec<Watched>,
}

#[derive(Default)]
struct Watched {
    uuid: String,
    samples: u32,
    utilisation: Series,
    memory: Series,
    power: Series,
    clock: Series,
    throttled: Option<BTreeSet<String>>,
    /// The driver's counter at the start, in millijoules.
    counter: Option<u64>,
    /// The last power in watts, and when it was read.
    last: Option<(f64, Instant)>,
    joules: f64,
    own: BTreeSet<u32>,
    others: BTreeSet<u32>,
    /// Whether the driver named the processes that computed, if any did.
    named: bool,
    /// Whether the driver numbers processes otherwise than they are numbered here.
    renumbered: bool,
    /// Whether some process could not be told, so that none of the run's is no evidence.
    unknown: bool,
    lost: Option<String>,
}

/// Whether the driver and this process number processes alike.
fn same_numbers(namespace: &Path) -> bool {
    fs::read_link(namespace).is_ok_and(|name| name.as_os_str() == FIRST_NAMESPACE)
}

impl Meter {
    /// Loads the driver's library. `Err` is why there is none.
    pub(super) fn start(uuids: &[String]) -> Result<Meter, String> {
        let nvml = driver()?;
        // Within a container the driver may number processes otherwise, or name none.
        let renumbered = !same_numbers(Path::new("/proc/self/ns/pid"));
        let devices = uuids.iter().map(|uuid| {
            let counter = nvml.device_by_uuid(uuid.as_str());
            let counter = counter.ok().and_then(|device| device.total_energy_consumption().ok());
            Watched { uuid: uuid.clone(), counter, renumbered, ..Watched::default() }
        });
        let devices = devices.collect();
        Ok(Meter { nvml, devices })
    }

    pub(super) fn look(&mut self, pids: &[Pid], now: Instant) {
        for watched in &mut self.devices {
            match self.nvml.device_by_uuid(watched.uuid.as_str()) {
                Ok(device) => watched.look(&device, pids, now),
                Err(error) => watched.miss(error.to_string()),
            }
        }
    }

    pub(super) fn finish(self, now: Instant) -> Vec<GpuUse> {
        let Meter { nvml, devices } = self;
        let counter = |uuid: &str| {
            nvml.device_by_uuid(uuid).ok().and_then(|device| device.total_energy_consumption().ok())
        };
        devices
            .into_iter()
            .map(|watched| {
                let end = counter(&watched.uuid);
                watched.finish(end, now)
            })
            .collect()
    }
}

impl Watched {
    fn look(&mut self, device: &Device<'_>, pids: &[Pid], now: Instant) {
        let named = std::mem::take(&mut self.named);
        let before = self.told();
        if let Ok(rates) = device.utilization_rates() {
            self.utilisation.push(f64::from(rates.gpu));
        }
        if let Ok(memory) = device.memory_info() {
            self.memory.push(memory.used as f64);
        }
        if let Ok(clock) = device.clock_info(Clock::SM) {
            self.clock.push(f64::from(clock));
        }
        if let Ok(reasons) = device.current_throttle_reasons() {
            self.throttled.get_or_insert_default().extend(words(reasons));
        }
        match device.power_usage() {
            Ok(milliwatts) => {
                let watts = f64::from(milliwatts) / 1000.0;
                self.power.push(watts);
                self.add_up(now);
                self.last = Some((watts, now));
            }
            Err(error) => self.lost = self.lost.take().or_else(|| lost(&error)),
        }
        match device.running_compute_processes() {
            Ok(running) => {
                self.named = true;
                running.iter().for_each(|process| self.saw(process.pid, pids));
            }
            Err(error) => {
                self.unknown = true;
                self.lost = self.lost.take().or_else(|| lost(&error));
            }
        }
        // A look that nothing came of is none.
        self.samples += u32::from(self.named || self.told() > before);
        self.named |= named;
    }

    /// How many values were told so far.
    fn told(&self) -> u32 {
        [self.utilisation, self.memory, self.clock, self.power].iter().map(Series::count).sum()
    }

    /// A look that the device did not answer: what computed on it then is not known.
    fn miss(&mut self, why: String) {
        self.unknown = true;
        self.lost.get_or_insert(why);
    }

    /// The energy since the last sample, as if the power had stayed.
    fn add_up(&mut self, now: Instant) {
        if let Some((watts, then)) = self.last {
            self.joules += watts * now.duration_since(then).as_secs_f64();
        }
    }

    fn saw(&mut self, pid: u32, pids: &[Pid]) {
        if self.renumbered {
            // Somebody else may have this number here, one of the run's own processes even.
        } else if self.own.contains(&pid)
            || pids.iter().any(|own| own.as_raw().cast_unsigned() == pid)
        {
            // One that began between the list and this look was taken for another's.
            self.others.remove(&pid);
            self.own.insert(pid);
        } else if Path::new(&format!("/proc/{pid}")).exists() {
            self.others.insert(pid);
        } else {
            // It has ended since.
            self.unknown = true;
        }
    }

    fn finish(mut self, counter: Option<u64>, now: Instant) -> GpuUse {
        self.add_up(now);
        // One that comes back may have begun to count anew.
        let counted = counter.zip(self.counter).filter(|_| self.lost.is_none());
        let counted = counted.and_then(|(end, start)| end.checked_sub(start));
        let (energy_j, energy_source) = match counted {
            Some(millijoules) => (Some(millijoules as f64 / 1000.0), Some(EnergySource::Counter)),
            // What a lost device took after its last answer, nobody knows.
            None if self.last.is_some() && self.lost.is_none() => {
                (Some(self.joules), Some(EnergySource::Integrated))
            }
            None => (None, None),
        };
        let told = self.named && !self.renumbered;
        let count =
            |pids: &BTreeSet<u32>| told.then(|| u32::try_from(pids.len()).unwrap_or(u32::MAX));
        let touched = match (self.own.is_empty(), self.unknown || !told) {
            (false, _) => Some(true),
            (true, true) => None,
            (true, false) => Some(false),
        };
        GpuUse {
            samples: self.samples,
            utilisation_percent: self.utilisation.summary(),
            memory_bytes: self.memory.summary(),
            power_w: self.power.summary(),
            sm_clock_mhz: self.clock.summary(),
            energy_j,
            energy_source,
            own_processes: count(&self.own),
            other_processes: count(&self.others),
            touched,
            throttled: self.throttled,
            lost: self.lost,
            uuid: self.uuid,
        }
    }
}

/// A device that is gone, or a driver that is; what a device does not offer is no loss.
fn lost(error: &nvml_wrapper::error::NvmlError) -> Option<String> {
    use nvml_wrapper::error::NvmlError::{GpuLost, NoPermission, Uninitialized, Unknown};
    matches!(error, GpuLost | NoPermission | Uninitialized | Unknown).then(|| error.to_string())
}

/// The reasons in words.
fn words(reasons: ThrottleReasons) -> impl Iterator<Item = String> {
    let idle = ThrottleReasons::GPU_IDLE | ThrottleReasons::NONE;
    reasons.difference(idle).iter_names().map(|(name, _)| name.to_lowercase().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(watched: Watched) -> Option<bool> {
        watched.finish(None, Instant::now()).touched
    }

    fn looked_at() -> Watched {
        Watched { samples: 1, named: true, ..Watched::default() }
    }

    #[test]
    fn what_was_seen_to_the_end_is_told() {
        let mut watched = looked_at();
        assert_eq!(touched(looked_at()), Some(false));
        watched.saw(std::process::id(), &[Pid::this()]);
        assert_eq!(touched(watched), Some(true));
    }

    #[test]
    fn a_process_that_began_between_two_looks_is_counted_once() {
        let mut watched = looked_at();
        watched.saw(std::process::id(), &[]);
        watched.saw(std::process::id(), &[Pid::this()]);
        watched.saw(std::process::id(), &[]);
        let seen = watched.finish(None, Instant::now());
        assert_eq!((seen.own_processes, seen.other_processes), (Some(1), Some(0)));
    }

    #[test]
    fn what_a_device_did_not_answer_is_null() {
        let closed = Watched { samples: 3, ..Watched::default() }.finish(None, Instant::now());
        assert_eq!((closed.throttled, closed.touched), (None, None));
        assert_eq!((closed.own_processes, closed.other_processes), (None, None));
        let idle = looked_at().finish(None, Instant::now());
        assert_eq!((idle.own_processes, idle.other_processes), (Some(0), Some(0)));
    }

    #[test]
    fn a_device_that_went_away_is_no_evidence_of_idleness() {
        let mut watched = looked_at();
        watched.miss("lost".to_owned());
        watched.miss("later".to_owned());
        assert_eq!(watched.lost.as_deref(), Some("lost"));
        assert_eq!(touched(watched), None);
    }

    #[test]
    fn nobody_knows_the_energy_of_a_lost_device() {
        let now = Instant::now();
        let sampled = || Watched { last: Some((400.0, now)), counter: Some(1000), ..looked_at() };
        let later = now + std::time::Duration::from_secs(2);
        let kept = sampled().finish(None, later);
        assert_eq!(
            (kept.energy_j, kept.energy_source),
            (Some(800.0), Some(EnergySource::Integrated))
        );
        let lost = || Watched { lost: Some("lost".to_owned()), ..sampled() };
        for counter in [None, Some(4000)] {
            let seen = lost().finish(counter, later);
            assert_eq!((seen.energy_j, seen.energy_source), (None, None));
        }
        let counted = sampled().finish(Some(4000), later);
        assert_eq!(
            (counted.energy_j, counted.energy_source),
            (Some(3.0), Some(EnergySource::Counter))
        );
    }

    #[test]
    fn numbers_of_another_namespace_are_no_evidence() {
        let dir = tempfile::tempdir().unwrap();
        let link = |name: &str, target: &str| {
            let path = dir.path().join(name);
            std::os::unix::fs::symlink(target, &path).unwrap();
            path
        };
        assert!(same_numbers(&link("first", FIRST_NAMESPACE)));
        assert!(!same_numbers(&link("container", "pid:[4026532201]")));
        assert!(!same_numbers(&dir.path().join("unreadable")));
        // A stranger's number that someone here has too, and the run itself.
        let mut watched = Watched { renumbered: true, ..looked_at() };
        watched.saw(1, &[Pid::this()]);
        watched.saw(std::process::id(), &[Pid::this()]);
        let seen = watched.finish(None, Instant::now());
        assert_eq!((seen.own_processes, seen.other_processes, seen.touched), (None, None, None));
    }
}
