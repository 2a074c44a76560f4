//! The processor during a run: its clock, its energy, and who else kept it busy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Series, Summary};

/// Reads what the kernel counts of the machine whose files are under a root.
pub(super) struct Meter {
    root: PathBuf,
    /// Clock ticks that all cores were busy, at the start.
    busy: Option<u64>,
    /// The same at the end.
    busy_then: Option<u64>,
    frequency: Series,
    /// None if there are none, or one of them cannot be read: a part of the energy is not it.
    packages: Option<Vec<Package>>,
}

/// What was spent from start to end.
pub(super) struct Spent {
    pub(super) frequency_mhz: Option<Summary>,
    pub(super) energy_j: Option<f64>,
    pub(super) others_cores: Option<f64>,
}

/// A counter of energy (RAPL), which starts again at zero when it is full.
struct Package {
    path: PathBuf,
    last: u64,
    range: u64,
    /// Microjoules so far.
    spent: u64,
}

impl Meter {
    pub(super) fn start(root: &Path) -> Meter {
        Meter {
            root: root.to_path_buf(),
            busy: busy(root),
            busy_then: None,
            frequency: Series::default(),
            packages: packages(root),
        }
    }

    pub(super) fn look(&mut self) {
        if let Some(frequency) = frequency(&self.root) {
            self.frequency.push(frequency);
        }
        self.look_at_packages();
    }

    fn look_at_packages(&mut self) {
        self.packages
            .take_if(|packages| packages.iter_mut().any(|package| package.look().is_none()));
    }

    /// The last look. Clocks are not looked at again: after the run they are no longer the run's.
    pub(super) fn stop(&mut self) {
        self.look_at_packages();
        self.busy_then = busy(&self.root);
    }

    /// `cpu` is what the run itself used of the processor.
    pub(super) fn finish(self, wall: Duration, cpu: Duration) -> Spent {
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        let others = self.busy_then.zip(self.busy).map(|(end, start)| {
            let all = end.saturating_sub(start) as f64 / ticks as f64;
            let cores = (all - cpu.as_secs_f64()) / wall.as_secs_f64().max(1e-3);
            // Both count in ticks, so the difference of two small numbers can fall below zero.
            cores.max(0.0)
        });
        let spent =
            |packages: &Vec<Package>| packages.iter().map(|package| package.spent).sum::<u64>();
        Spent {
            frequency_mhz: self.frequency.summary(),
            energy_j: self.packages.as_ref().map(|packages| spent(packages) as f64 / 1e6),
            others_cores: others,
        }
    }
}

impl Package {
    /// Adds up what was spent since the last look; none if the counter cannot be read any more.
    fn look(&mut self) -> Option<()> {
        let now = number(&self.path.join("energy_uj"))?;
        self.spent += match now.checked_sub(self.last) {
            Some(more) => more,
            None => self.range.saturating_sub(self.last) + now,
        };
        self.last = now;
        Some(())
    }
}

/// The packages, whose counters in most systems only root may read. Other zones are parts of a
/// package, the whole machine with its packages, or the same packages by another way.
fn packages(root: &Path) -> Option<Vec<Package>> {
    let entries = fs::read_dir(root.join("sys/class/powercap")).ok()?.flatten();
    let zones = entries.map(|entry| entry.path()).filter(|path| {
        let zone = path.file_name().and_then(|name| name.to_str()?.strip_prefix("intel-rapl:"));
        let name = fs::read_to_string(path.join("name")).unwrap_or_default();
        zone.is_some_and(|zone| !zone.contains(':')) && name.starts_with("package-")
    });
    let package = |path: PathBuf| {
        let last = number(&path.join("energy_uj"))?;
        // Without it nobody knows what was spent when the counter started again.
        let range = number(&path.join("max_energy_range_uj"))?;
        Some(Package { path, last, range, spent: 0 })
    };
    let packages = zones.map(package).collect::<Option<Vec<Package>>>()?;
    (!packages.is_empty()).then_some(packages)
}

/// The mean clock over all cores, in MHz: what the kernel scales them to, or what it measured.
fn frequency(root: &Path) -> Option<f64> {
    let mean = |values: Vec<f64>| {
        let count = values.len();
        (count > 0).then(|| values.iter().sum::<f64>() / count as f64)
    };
    let cores = fs::read_dir(root.join("sys/devices/system/cpu")).into_iter().flatten().flatten();
    let scaled = cores
        .filter_map(|core| number(&core.path().join("cpufreq/scaling_cur_freq")))
        .map(|kilohertz| kilohertz as f64 / 1e3)
        .collect();
    mean(scaled).or_else(|| {
        let text = fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
        let lines = text.lines().filter(|line| line.starts_with("cpu MHz"));
        mean(lines.filter_map(|line| line.split_once(':')?.1.trim().parse().ok()).collect())
    })
}

/// Ticks that the cores were not idle, and did not wait for storage; see proc(5) of `/proc/stat`.
fn busy(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/stat")).ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; time of guests is in user already.
    let idle = |at: &usize| *at == 3 || *at == 4;
    let counted = ticks.iter().enumerate().take(8).filter(|(at, _)| !idle(at));
    (ticks.len() >= 5).then(|| counted.map(|(_, ticks)| ticks).sum())
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        files.iter().for_each(|(path, text)| write(&root, path, text));
        root
    }

    fn write(root: &tempfile::TempDir, path: &str, text: &str) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The files of a zone that counts energy up to a thousand microjoules.
    fn zone(at: &str, name: &str, energy: &str) -> [(String, String); 3] {
        [("name", name), ("energy_uj", energy), ("max_energy_range_uj", "1000")]
            .map(|(file, text)| (format!("sys/class/powercap/{at}/{file}"), format!("{text}\n")))
    }

    fn zones(zones: &[[(String, String); 3]]) -> tempfile::TempDir {
        let files = zones.iter().flatten();
        machine(&files.map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
    }

    fn energy(mut meter: Meter) -> Option<f64> {
        meter.stop();
        meter.finish(Duration::from_secs(1), Duration::ZERO).energy_j
    }

    #[test]
    fn energy_goes_on_where_a_counter_starts_again() {
        let root = zones(&[zone("intel-rapl:0", "package-0", "900")]);
        write(&root, "sys/class/powercap/intel-rapl/enabled", "1\n");
        let mut meter = Meter::start(root.path());
        write(&root, "sys/class/powercap/intel-rapl:0/energy_uj", "950\n");
        meter.look();
        write(&root, "sys/class/powercap/intel-rapl:0/energy_uj", "250\n");
        assert_eq!(energy(meter), Some(350.0 / 1e6));
    }

    #[test]
    fn only_packages_count() {
        let all = [
            ("intel-rapl:0", "package-0"),
            ("intel-rapl:0:0", "core"),
            ("intel-rapl:1", "package-1-die-0"),
            ("intel-rapl:2", "psys"),
            ("intel-rapl-mmio:0", "package-0"),
        ];
        let root = zones(&all.map(|(at, name)| zone(at, name, "100")));
        let meter = Meter::start(root.path());
        for (at, _) in all {
            write(&root, &format!("sys/class/powercap/{at}/energy_uj"), "300\n");
        }
        assert_eq!(energy(meter), Some(400.0 / 1e6));
    }

    #[test]
    fn energy_that_is_not_all_there_is_null() {
        let two = [("intel-rapl:0", "package-0"), ("intel-rapl:1", "package-1")];
        let [energy_file, range_file] =
            ["energy_uj", "max_energy_range_uj"].map(|file| format!("intel-rapl:1/{file}"));
        for missing in [&energy_file, &range_file] {
            let root = zones(&two.map(|(at, name)| zone(at, name, "100")));
            fs::remove_file(root.path().join("sys/class/powercap").join(missing)).unwrap();
            assert_eq!(energy(Meter::start(root.path())), None, "{missing}");
        }
        let root = zones(&two.map(|(at, name)| zone(at, name, "100")));
        let meter = Meter::start(root.path());
        fs::remove_file(root.path().join("sys/class/powercap").join(energy_file)).unwrap();
        assert_eq!(energy(meter), None);
    }

    #[test]
    fn what_others_used_is_what_the_run_did_not() {
        let stat = |user: u64| format!("cpu  {user} 0 0 1000 50 0 0 0 9 9\ncpu0 1 2 3 4\n");
        let root = machine(&[("proc/stat", &stat(100))]);
        let mut meter = Meter::start(root.path());
        // Six more seconds of work within three, of which the run did two.
        write(&root, "proc/stat", &stat(100 + 6 * rustix::param::clock_ticks_per_second()));
        meter.stop();
        let spent = meter.finish(Duration::from_secs(3), Duration::from_secs(2));
        assert!((spent.others_cores.unwrap() - 4.0 / 3.0).abs() < 1e-9, "{:?}", spent.others_cores);
    }

    #[test]
    fn clocks_are_the_scaled_ones_or_the_measured_ones() {
        let info = "processor: 0\ncpu MHz\t\t: 2000.5\nprocessor: 1\ncpu MHz : 3000.5\n";
        let root = machine(&[("proc/cpuinfo", info)]);
        assert_eq!(frequency(root.path()), Some(2500.5));
        write(&root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1200000\n");
        assert_eq!(frequency(root.path()), Some(1200.0));
    }

    #[test]
    fn what_cannot_be_read_is_null() {
        let root = machine(&[]);
        let mut meter = Meter::start(root.path());
        meter.stop();
        let spent = meter.finish(Duration::from_secs(1), Duration::ZERO);
        assert_eq!((spent.frequency_mhz, spent.energy_j, spent.others_cores), (None, None, None));
    }
}
