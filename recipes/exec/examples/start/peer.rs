//! Bubblewrap, made to do what our sandbox does: what that is, one of our runs is asked.

use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::resource::{Resource, setrlimit};
use rescience_exec::sandbox::{Exit, Sandbox, Spec};
use rescience_exec::supervisor;

use super::bubblewrap;

/// What bubblewrap is asked for, beside namespaces.
pub(crate) struct Peer {
    args: Vec<String>,
    /// Read by each run from their start.
    files: Vec<File>,
    stdout: PathBuf,
    stderr: PathBuf,
    groups: Vec<Group>,
}

/// A control group that each of the peer's runs gets anew.
struct Group {
    dir: PathBuf,
    /// Its files of limits, and what is in them.
    limits: Vec<(PathBuf, Vec<u8>)>,
    /// The file that takes this thread there, and the one that takes it back.
    tasks: [PathBuf; 2],
}

impl Peer {
    /// The same mounts, files, filter, limits and control groups as a run of this spec gets.
    /// There is no Landlock in bubblewrap, nothing that watches, and no facts.
    pub(crate) async fn of(sandbox: &Sandbox, spec: &Spec) -> Peer {
        let script = "cat /proc/self/mountinfo; echo '{}'; sleep 0.5";
        let spec =
            Spec { argv: ["/bin/sh", "-c", script].map(Into::into).to_vec(), ..spec.clone() };
        let mut groups = Vec::new();
        let finished = sandbox.run(&spec, |_| groups = Group::beside_ours()).await;
        assert_eq!(finished.exit, Exit::Code(0));
        let mounts = fs::read_to_string(&spec.stdout).expect("the run's mounts");
        // Each process counts, the first of the namespace too, as with us.
        let processes = spec.limits.processes.map_or(u64::MAX, |count| u64::from(count) + 2);
        setrlimit(Resource::RLIMIT_CORE, 0, 0).expect("no dumps");
        setrlimit(Resource::RLIMIT_NPROC, processes, processes).expect("a limit of processes");
        let mut peer = Peer {
            args: Vec::new(),
            files: Vec::new(),
            stdout: spec.stdout.clone(),
            stderr: spec.stderr.clone(),
            groups,
        };
        peer.mounts(&mounts, &spec);
        peer.texts();
        peer.filter();
        peer
    }

    /// One run, from the start to the end.
    pub(crate) fn run(&self) {
        for group in &self.groups {
            fs::create_dir(&group.dir).expect("a group for the peer");
            for (file, limit) in &group.limits {
                fs::write(file, limit).expect("the same limit");
            }
            fs::write(&group.tasks[0], "0").expect("this thread joins the group");
        }
        self.files.iter().for_each(|mut file| file.rewind().expect("a file in memory"));
        let file = |path: &Path| Stdio::from(File::create(path).expect("a log"));
        let status = bubblewrap()
            .args(&self.args)
            .args(["--remount-ro", "/", "--chdir", "/out", "/bin/true"])
            .stdout(file(&self.stdout))
            .stderr(file(&self.stderr))
            .status()
            .expect("bwrap starts");
        assert!(status.success(), "{}", fs::read_to_string(&self.stderr).unwrap_or_default());
    }

    /// Takes this thread out of the groups again, and removes them.
    pub(crate) fn leave(&self) {
        for group in &self.groups {
            fs::write(&group.tasks[1], "0").expect("this thread leaves the group");
            while fs::remove_dir(&group.dir).is_err() {
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        }
    }

    fn arg(&mut self, words: &[&str]) {
        self.args.extend(words.iter().map(|word| (*word).to_owned()));
    }

    /// The mounts, in their order, of the text of `mountinfo`; see proc(5).
    fn mounts(&mut self, text: &str, spec: &Spec) {
        let empty = spec.control.join("empty").display().to_string();
        fs::create_dir_all(&empty).expect("an empty directory");
        for path in ["/bin", "/sbin", "/lib", "/lib64"] {
            if let Ok(to) = fs::read_link(path) {
                self.arg(&["--symlink", &to.display().to_string(), path]);
            }
        }
        for line in text.lines().filter(|line| *line != "{}") {
            let (left, right) = line.split_once(" - ").expect("a mount");
            let fields: Vec<&str> = left.split(' ').collect();
            let (root, at) = (fields[3], fields[4]);
            let kind = right.split(' ').next().unwrap_or_default();
            let shown = spec.shown.iter().find(|shown| shown.at == Path::new(at));
            match (at, kind) {
                ("/", _) => {}
                ("/proc", "proc") => self.arg(&["--proc", at]),
                ("/dev/shm", _) => {
                    let size = spec.limits.memory.expect("a limit").to_string();
                    self.arg(&["--perms", "1777", "--size", &size, "--tmpfs", at]);
                }
                (_, "tmpfs") if root == "/var/empty" => self.arg(&["--ro-bind", &empty, at]),
                _ if at.starts_with("/proc/") => self.arg(&["--dev-bind", "/dev/null", at]),
                _ if at.starts_with("/dev/") => self.arg(&["--dev-bind", at, at]),
                _ => match shown {
                    Some(shown) => self.arg(&["--bind", &shown.from.display().to_string(), at]),
                    None => self.arg(&["--ro-bind", at, at]),
                },
            }
        }
        self.arg(&["--remount-ro", "/proc"]);
        for (to, at) in [
            ("/proc/self/fd", "/dev/fd"),
            ("/proc/self/fd/0", "/dev/stdin"),
            ("/proc/self/fd/1", "/dev/stdout"),
            ("/proc/self/fd/2", "/dev/stderr"),
            ("../tmp", "/var/tmp"),
        ] {
            self.arg(&["--symlink", to, at]);
        }
    }

    fn texts(&mut self) {
        for at in ["/etc/passwd", "/etc/group", "/etc/hosts"] {
            let fd = self.file(b"a few words as long as the line that we write there\n");
            self.arg(&["--file", &fd, at]);
        }
    }

    fn filter(&mut self) {
        let filter = supervisor::filter().expect("our filter");
        let fd = self.file(&filter);
        self.arg(&["--seccomp", &fd]);
    }

    /// The number of a file with these bytes that processes started here inherit.
    fn file(&mut self, bytes: &[u8]) -> String {
        let memory = rustix::fs::memfd_create("text", rustix::fs::MemfdFlags::empty());
        let memory: OwnedFd = memory.expect("a file in memory");
        let mut file = File::from(memory);
        file.write_all(bytes).expect("a file in memory");
        let number = file.as_raw_fd().to_string();
        self.files.push(file);
        number
    }
}

impl Group {
    /// Groups with the same limits beside each that one of our runs has now.
    fn beside_ours() -> Vec<Group> {
        let mut ours = Vec::new();
        find(Path::new("/sys/fs/cgroup"), 5, &mut ours);
        ours.iter().filter_map(|dir| Group::beside(dir)).collect()
    }

    fn beside(ours: &Path) -> Option<Group> {
        let parent = ours.parent()?;
        let dir = parent.join(format!("peer-{}", std::process::id()));
        let limits = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.swap.max"];
        let limits = limits.iter().chain(&["memory.oom.group", "memory.max", "pids.max"]);
        let limit = |name: &&str| Some((dir.join(name), fs::read(ours.join(name)).ok()?));
        let first = if ours.join("tasks").exists() { "tasks" } else { "cgroup.procs" };
        let tasks = [dir.join(first), parent.join(first)];
        let limits = limits.filter_map(limit).filter(|(_, limit)| limit != b"max\n").collect();
        Some(Group { dir, limits, tasks })
    }
}

fn find(dir: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_string_lossy().starts_with("rescience-") {
            found.push(entry.path());
        } else if depth > 0 {
            find(&entry.path(), depth - 1, found);
        }
    }
}

/// Bubblewrap with the same view and the same namespaces, as its users ask for them: its own
/// devices, the most of `/proc` uncovered, no filter, no limits, no logs.
pub(crate) fn plain(dir: &Path) -> Command {
    let mut command = bubblewrap();
    command
        .args("--ro-bind /usr /usr --ro-bind /etc/alternatives /etc/alternatives".split(' '))
        .args("--ro-bind /etc/ld.so.cache /etc/ld.so.cache".split(' '))
        .args("--ro-bind /sys/devices/system /sys/devices/system".split(' '))
        .args("--proc /proc --dev /dev --tmpfs /dev/shm".split(' '));
    for path in ["/bin", "/sbin", "/lib", "/lib64"] {
        match fs::read_link(path) {
            Ok(to) => command.arg("--symlink").arg(to).arg(path),
            Err(_) => command.args(["--ro-bind", path, path]),
        };
    }
    for name in ["out", "tmp"] {
        command.arg("--bind").arg(dir.join(name)).arg(format!("/{name}"));
    }
    command
        .args("--remount-ro / --chdir /out /bin/true".split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
