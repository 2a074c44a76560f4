//! Control groups: one per run, where this process may make one, so that the kernel holds limits.
//!
//! ```text
//! version 2, and below it version 1 with a hierarchy per controller:
//!   OUR-GROUP-OR-ONE-ABOVE/rescience-PID/   memory.max, pids.max
//!   memory/OUR-GROUP/rescience-PID/         memory.limit_in_bytes
//!   pids/OUR-GROUP/rescience-PID/           pids.max
//!   cpuacct/OUR-GROUP/rescience-PID/        counts CPU time, if that is limited
//! ```
//!
//! An ordinary user may make groups where a service manager delegated a part of the tree to them.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;

use crate::sandbox::{Held, Holder, Limit, Limits};

/// The start of the names of our groups; the supervisor's process id follows.
const PREFIX: &str = "rescience-";

/// The groups of one run; they are removed when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Cgroup {
    memory: Option<Group>,
    pids: Option<Group>,
    /// Counts CPU time, of processes too that nobody waited for.
    cpu: Option<Group>,
}

#[derive(Debug)]
struct Group {
    dir: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Cgroup {
    /// Makes what groups can be made for these limits. The processes of a run are the program's
    /// and the one that waits for it.
    pub(super) fn make(limits: &Limits) -> Cgroup {
        let Some(tree) = Tree::read() else { return Cgroup::default() };
        let memory = limits.memory.and_then(|bytes| {
            let group = tree.group("memory")?;
            let held = match group.version {
                Version::Two => {
                    // Kernels without swap have no file for it.
                    group.set("memory.swap.max", 0).ok();
                    group.set("memory.oom.group", 1).ok();
                    group.set("memory.max", bytes)
                }
                Version::One => group.set("memory.limit_in_bytes", bytes).map(|()| {
                    // Present only where swap is accounted.
                    group.set("memory.memsw.limit_in_bytes", bytes).ok();
                }),
            };
            held.is_ok().then_some(group)
        });
        let pids = limits.processes.and_then(|count| {
            let group = tree.group("pids")?;
            group.set("pids.max", u64::from(count) + 1).is_ok().then_some(group)
        });
        // In version 2 every group counts, whichever its controllers are. Version 1 needs one more
        // group, which costs some milliseconds at the start: only a limit is worth them.
        let of_its_own = limits.cpu.and_then(|_| tree.version_one("cpuacct"));
        let cpu = of_its_own.or_else(|| {
            let controllers = ["cpu", "memory", "pids"];
            controllers.iter().find_map(|controller| tree.version_two(controller))
        });
        Cgroup { memory, pids, cpu }
    }

    /// Puts a process into the groups of version 2; what it forks from now on is in them too. The
    /// kernel waits some milliseconds for this, so it is for a process that is busy meanwhile.
    pub(super) fn admit(&mut self, pid: Pid) {
        for group in self.all() {
            let number = u64::try_from(pid.as_raw()).unwrap_or_default();
            let second = |group: &Group| group.version == Version::Two;
            if group.as_ref().is_some_and(|g| second(g) && g.set("cgroup.procs", number).is_err()) {
                *group = None;
            }
        }
    }

    /// What opens the groups of version 1, which a thread that [joins](join) by itself enters without
    /// waiting.
    pub(super) fn doors(&mut self) -> Vec<OwnedFd> {
        let mut doors = Vec::new();
        for group in self.all() {
            if group.as_ref().is_none_or(|group| group.version == Version::Two) {
                continue;
            }
            let door = group
                .as_ref()
                .map(|group| fs::File::options().write(true).open(group.dir.join("tasks")));
            match door {
                Some(Ok(door)) => doors.push(door.into()),
                _ => *group = None,
            }
        }
        doors
    }

    /// Takes note of which of the [doors](Cgroup::doors) were passed.
    pub(super) fn joined(&mut self, passed: &[bool]) {
        let first = |group: &&mut Option<Group>| {
            group.as_ref().is_some_and(|group| group.version == Version::One)
        };
        for (group, passed) in self.all().into_iter().filter(first).zip(passed) {
            if !passed {
                *group = None;
            }
        }
    }

    fn all(&mut self) -> [&mut Option<Group>; 3] {
        [&mut self.memory, &mut self.pids, &mut self.cpu]
    }

    /// Who holds the limits.
    pub(super) fn held(&self) -> Held {
        let holder = |group: &Option<Group>| match group {
            Some(_) => Holder::Cgroup,
            None => Holder::Sampling,
        };
        Held { memory: holder(&self.memory), processes: holder(&self.pids) }
    }

    /// The CPU time so far in user mode and in the kernel, if the kernel counts it.
    pub(super) fn cpu(&self) -> Option<[Duration; 2]> {
        let group = self.cpu.as_ref()?;
        match group.version {
            Version::One => {
                let user = group.number("cpuacct.usage_user")?;
                Some([user, group.number("cpuacct.usage_sys")?].map(Duration::from_nanos))
            }
            Version::Two => {
                let text = fs::read_to_string(group.dir.join("cpu.stat")).ok()?;
                let user = pair(&text, "user_usec")?;
                Some([user, pair(&text, "system_usec")?].map(Duration::from_micros))
            }
        }
    }

    /// The most bytes that the kernel charged to the run at once, if it counts that. Not the same as
    /// what processes had resident: pages of files that they read and wrote are charged too.
    pub(super) fn charged(&self) -> Option<u64> {
        let group = self.memory.as_ref()?;
        group.number(match group.version {
            Version::One => "memory.max_usage_in_bytes",
            // Kernels before 5.19 do not tell.
            Version::Two => "memory.peak",
        })
    }

    /// The limit that the kernel had to enforce so far, if any.
    pub(super) fn hit(&self) -> Option<Limit> {
        let memory = self.memory.as_ref().is_some_and(|group| match group.version {
            Version::Two => group.count("memory.events", "oom_kill") > 0,
            Version::One => group.count("memory.oom_control", "oom_kill") > 0,
        });
        let pids = self.pids.as_ref().is_some_and(|group| group.count("pids.events", "max") > 0);
        memory.then_some(Limit::Memory).or(pids.then_some(Limit::Processes))
    }
}

/// Passes a [door](Cgroup::doors), by the only thread of a process.
pub(super) fn join(door: &OwnedFd) -> bool {
    nix::unistd::write(door, b"0").is_ok()
}

impl Group {
    fn set(&self, file: &str, value: u64) -> io::Result<()> {
        fs::write(self.dir.join(file), value.to_string())
    }

    fn number(&self, file: &str) -> Option<u64> {
        fs::read_to_string(self.dir.join(file)).ok()?.trim().parse().ok()
    }

    /// How often something happened, by a file of pairs.
    fn count(&self, file: &str, word: &str) -> u64 {
        let text = fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        pair(&text, word).unwrap_or(0)
    }
}

/// The number beside a word in lines of such pairs.
fn pair(text: &str, word: &str) -> Option<u64> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.find_map(|(name, count)| if name == word { count.trim().parse().ok() } else { None })
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel needs a moment to forget processes that were just reaped.
        for _ in 0..500 {
            match fs::remove_dir(&self.dir) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    thread::sleep(Duration::from_micros(200));
                }
                _ => return,
            }
        }
    }
}

/// Where this process stands in the hierarchies.
struct Tree {
    /// Lines of `/proc/self/cgroup`: controllers and path.
    here: Vec<(String, String)>,
    /// Mounts of cgroup file systems: mount point, root, and the options of the file system.
    mounts: Vec<Mount>,
}

struct Mount {
    point: PathBuf,
    root: String,
    version: Version,
    options: String,
}

impl Tree {
    fn read() -> Option<Tree> {
        let here = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        Some(Tree::parse(&here, &mounts))
    }

    fn parse(here: &str, mounts: &str) -> Tree {
        let here = here.lines().filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            Some((controllers.to_owned(), path.to_owned()))
        });
        let mounts = mounts.lines().filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let mut left = left.split(' ').skip(3);
            let (root, point) = (left.next()?, left.next()?);
            let mut right = right.split(' ');
            let version = match right.next()? {
                "cgroup" => Version::One,
                "cgroup2" => Version::Two,
                _ => return None,
            };
            let options = right.nth(1)?.to_owned();
            Some(Mount { point: point.into(), root: root.to_owned(), version, options })
        });
        Tree { here: here.collect(), mounts: mounts.collect() }
    }

    /// A new group under the controller's hierarchy, as near to our own as can be.
    fn group(&self, controller: &str) -> Option<Group> {
        self.version_one(controller).or_else(|| self.version_two(controller))
    }

    fn version_one(&self, controller: &str) -> Option<Group> {
        let among = |list: &str| list.split(',').any(|name| name == controller);
        let (_, path) = self.here.iter().find(|(controllers, _)| among(controllers))?;
        let mount = self
            .mounts
            .iter()
            .find(|mount| mount.version == Version::One && among(&mount.options))?;
        make(&directory(mount, path)?, Version::One)
    }

    /// In version 2 a group that has processes cannot hand controllers on, so a sibling is wanted:
    /// the nearest group above ours that hands this controller on to its children.
    fn version_two(&self, controller: &str) -> Option<Group> {
        let (_, path) = self.here.iter().find(|(controllers, _)| controllers.is_empty())?;
        let mount = self.mounts.iter().find(|mount| mount.version == Version::Two)?;
        let mut dir = directory(mount, path)?;
        while dir.starts_with(&mount.point) {
            let handed = fs::read_to_string(dir.join("cgroup.subtree_control")).unwrap_or_default();
            if handed.split_whitespace().any(|name| name == controller)
                && let Some(group) = make(&dir, Version::Two)
            {
                return Some(group);
            }
            dir = dir.parent()?.to_path_buf();
        }
        None
    }
}

/// Where a group lies that `/proc/self/cgroup` names, if this mount shows it.
fn directory(mount: &Mount, path: &str) -> Option<PathBuf> {
    let inside = match mount.root.as_str() {
        "/" => path,
        root => path.strip_prefix(root)?,
    };
    // A path that climbs is outside of what a cgroup namespace shows.
    (!inside.contains("..")).then(|| mount.point.join(inside.trim_start_matches('/')))
}

fn make(parent: &Path, version: Version) -> Option<Group> {
    sweep(parent);
    let dir = parent.join(format!("{PREFIX}{}", std::process::id()));
    match fs::create_dir(&dir) {
        Ok(()) => Some(Group { dir, version }),
        // All controllers of version 2 are files of one group.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && version == Version::Two => {
            Some(Group { dir, version })
        }
        Err(_) => None,
    }
}

/// Removes groups of supervisors that were killed.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // One that still has processes stays.
            fs::remove_dir(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_as_each_version_tells_it() {
        let dir = tempfile::tempdir().unwrap();
        let cpu = |version| {
            let group = Group { dir: dir.path().to_path_buf(), version };
            Cgroup { cpu: Some(group), ..Cgroup::default() }.cpu()
        };
        let write = |file: &str, text| fs::write(dir.path().join(file), text).unwrap();
        // A group is removed in the end if nothing is in it.
        write("cgroup.procs", "");
        assert_eq!(cpu(Version::One), None);
        assert_eq!(cpu(Version::Two), None);
        write("cpuacct.usage_user", "2000000000\n");
        write("cpuacct.usage_sys", "1000000000\n");
        write("cpu.stat", "usage_usec 3\nuser_usec 2000000\nsystem_usec 1000000\n");
        let expected = Some([2, 1].map(Duration::from_secs));
        assert_eq!(cpu(Version::One), expected);
        assert_eq!(cpu(Version::Two), expected);
    }

    #[test]
    fn charged_memory_is_read_as_each_version_tells_it() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text| fs::write(dir.path().join(file), text).unwrap();
        // A group is removed in the end if nothing is in it.
        write("cgroup.procs", "");
        let charged = |version| {
            let group = Group { dir: dir.path().to_path_buf(), version };
            Cgroup { memory: Some(group), ..Cgroup::default() }.charged()
        };
        assert_eq!([Version::One, Version::Two].map(charged), [None, None]);
        write("memory.max_usage_in_bytes", "4096\n");
        write("memory.peak", "8192\n");
        assert_eq!([Version::One, Version::Two].map(charged), [Some(4096), Some(8192)]);
        assert_eq!(Cgroup::default().charged(), None);
    }

    #[test]
    fn groups_are_found_where_the_machine_mounts_them() {
        let tree = Tree::parse(
            "8:pids:/\n4:memory:/service/one\n0::/user.slice/a.scope\n",
            "30 20 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
             31 20 0:27 /box /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
             32 20 0:28 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n\
             33 20 0:29 / / rw - ext4 /dev/vda rw\n",
        );
        assert_eq!(tree.mounts.len(), 3);
        let at = |mount: usize, path: &str| directory(&tree.mounts[mount], path);
        assert_eq!(at(0, "/service/one"), Some("/sys/fs/cgroup/memory/service/one".into()));
        assert_eq!(at(1, "/box/in"), Some("/sys/fs/cgroup/pids/in".into()));
        assert_eq!(at(1, "/"), None);
        assert_eq!(at(2, "/../above"), None);
        assert_eq!(tree.mounts[2].version, Version::Two);
        assert_eq!(tree.here[2], (String::new(), "/user.slice/a.scope".to_owned()));
    }
}
