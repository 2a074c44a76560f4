//! What a program sees: a root of its own with the system's software, its inputs, and nothing else.
//!
//! ```text
//! /usr /bin /lib /opt ...  the system's software, read-only
//! /etc                     what the C library and the dynamic linker read; two users, one host
//! /proc                    the program's own processes, and what tells programs of the processor
//!                          and memory; read-only, the rest covered
//! /sys/devices/system      the topology of processors and memory
//! /dev                     null zero full random urandom, memory to share in /dev/shm, and
//!                          accelerators that the run has
//! ...                      what the spec shows
//! ```

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root, sethostname};

use super::{devices, sys};
use crate::sandbox::{Access, SOFTWARE, Shown, Spec};

/// What of `/etc` programs cannot do without: where libraries and alternatives of programs are, and
/// what libraries read of themselves.
const SETTINGS: [&str; 6] = [
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/fonts",
    "/etc/ssl/openssl.cnf",
];

/// What of `/etc` and `/run` a program with the network needs as well.
const NETWORK: [&str; 8] = [
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/etc/gai.conf",
    "/run/systemd/resolve",
];

/// Files that are written here instead of shown.
const WRITTEN: [(&str, &str); 3] = [
    (
        "/etc/passwd",
        "user:x:1000:1000:user:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    ("/etc/group", "user:x:1000:\nnogroup:x:65534:\n"),
    ("/etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"),
];

/// What stays visible of `/proc` beside processes.
const PROC: [&str; 16] = [
    "cpuinfo",
    "meminfo",
    "stat",
    "uptime",
    "loadavg",
    "version",
    "filesystems",
    "mounts",
    "net",
    "self",
    "thread-self",
    "sys",
    "devices",
    "vmstat",
    "zoneinfo",
    "driver",
];

/// What belongs to the driver of accelerators.
const DRIVERS: [&str; 4] =
    ["/etc/OpenCL", "/etc/vulkan", "/run/opengl-driver", "/run/opengl-driver-32"];

/// A folder with nothing in it, on a file system that nobody can write in the end.
const EMPTY: &str = "/var/empty";

const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID;
const PLAIN: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

/// Changes the root of this process, which is the first in its namespaces, to the spec's view.
pub(super) fn enter(spec: &Spec) -> Result<(), String> {
    let root = root(spec);
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(|errno| format!("making mounts private: {errno}"))?;
    let told = |what: &str| {
        let what = what.to_owned();
        move |errno: nix::Error| format!("{what}: {errno}")
    };
    memory(&root, "mode=0755,size=4m")?;
    // Where the root is can be a long way, which the kernel would go for each of many mounts.
    chdir(&root).map_err(told("entering the root"))?;
    let view = View;
    view.software()?;
    view.settings(spec)?;
    view.proc(spec)?;
    view.sys(spec)?;
    view.dev(spec)?;
    view.folder("/tmp")?;
    view.link("../tmp", "/var/tmp")?;
    // A folder before what lies in it, which it would hide: software can be in `/tmp`.
    let mut all: Vec<&Shown> = spec.shown.iter().collect();
    all.sort_by_key(|shown| &shown.at);
    for shown in all {
        let attributes = match shown.access {
            Access::Read => READ_ONLY | libc::MOUNT_ATTR_NODEV,
            Access::Write => PLAIN,
        };
        view.show(&shown.from, &shown.at, attributes)?;
    }
    pivot_root(".", ".").map_err(told("changing the root"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(told("leaving the old root"))?;
    chdir("/").map_err(told("entering the root"))?;
    sys::restrict_mount(c"/", false, libc::MOUNT_ATTR_RDONLY | PLAIN)
        .map_err(told("protecting the root"))?;
    sethostname("sandbox").map_err(told("naming the host"))
}

/// The directory that the root is built in; to exist before [`enter`].
pub(super) fn root(spec: &Spec) -> PathBuf {
    spec.control.join("root")
}

/// A file system in memory.
fn memory(at: &Path, options: &str) -> Result<(), String> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options))
        .map_err(|errno| format!("a file system in memory at {}: {errno}", at.display()))
}

/// A root in the making: the directory that this process is in.
struct View;

impl View {
    /// Where a path of the new root is for now.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        path.strip_prefix("/").unwrap_or(path).to_path_buf()
    }

    fn folder(&self, path: impl AsRef<Path>) -> Result<PathBuf, String> {
        let at = self.at(path);
        fs::create_dir_all(&at).map_err(|error| told(&at, &error))?;
        Ok(at)
    }

    fn file(&self, path: impl AsRef<Path>, text: &str) -> Result<PathBuf, String> {
        let at = self.at(path);
        if let Some(folder) = at.parent() {
            fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
        }
        fs::write(&at, text).map_err(|error| told(&at, &error))?;
        Ok(at)
    }

    fn link(&self, to: &str, path: &str) -> Result<(), String> {
        let at = self.at(path);
        symlink(to, &at).map_err(|error| told(&at, &error))
    }

    /// Shows `from` at `path`, with all that is mounted below it.
    fn show(&self, from: &Path, path: &Path, attributes: u64) -> Result<(), String> {
        let is_dir = fs::metadata(from).map_err(|error| told(from, &error))?.is_dir();
        // Below something shown before, the place is there already or cannot be made.
        let at = self.at(path);
        let at = match (at.exists(), is_dir) {
            (true, _) => at,
            (false, true) => self.folder(path)?,
            (false, false) => self.file(path, "")?,
        };
        mount(Some(from), &at, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
            .map_err(|errno| format!("showing {}: {errno}", from.display()))?;
        let name = CString::new(at.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
        sys::restrict_mount(&name, true, attributes)
            .map_err(|errno| format!("protecting {}: {errno}", from.display()))
    }

    /// The same, if there is something to show.
    fn show_if_there(&self, path: &str, attributes: u64) -> Result<(), String> {
        let from = Path::new(path);
        if from.exists() { self.show(from, from, attributes) } else { Ok(()) }
    }

    fn software(&self) -> Result<(), String> {
        for path in SOFTWARE {
            match fs::symlink_metadata(path) {
                // `/bin` is a link to `usr/bin` in most systems, and has to stay one.
                Ok(meta) if meta.is_symlink() => {
                    let to = fs::read_link(path).map_err(|error| told(Path::new(path), &error))?;
                    let at = self.at(path);
                    symlink(to, &at).map_err(|error| told(&at, &error))?;
                }
                Ok(_) => {
                    self.show(
                        Path::new(path),
                        Path::new(path),
                        READ_ONLY | libc::MOUNT_ATTR_NODEV,
                    )?;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn settings(&self, spec: &Spec) -> Result<(), String> {
        let drivers = DRIVERS.iter().filter(|_| !spec.gpus.is_empty());
        let network = NETWORK.iter().filter(|_| spec.network);
        for (path, text) in WRITTEN {
            if !(spec.network && NETWORK.contains(&path)) {
                self.file(path, text)?;
            }
        }
        for path in SETTINGS.iter().chain(drivers).chain(network) {
            self.show_if_there(path, READ_ONLY | libc::MOUNT_ATTR_NODEV)?;
        }
        Ok(())
    }

    /// A `/proc` of the new namespace. A user namespace has its limits there: what belongs to root
    /// may be written by root's processes in any namespace, so all of it is read-only.
    fn proc(&self, spec: &Spec) -> Result<(), String> {
        self.folder(EMPTY)?;
        let at = self.folder("/proc")?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), &at, Some("proc"), flags, None::<&str>)
            .map_err(|errno| format!("a private /proc: {errno}"))?;
        let entries = fs::read_dir(&at).map_err(|error| told(&at, &error))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let process = name.bytes().all(|byte| byte.is_ascii_digit());
            let shown = PROC.contains(&&*name) && (name != "driver" || !spec.gpus.is_empty());
            if process || shown {
                continue;
            }
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            self.cover(&entry.path(), is_dir)?;
        }
        let name = CString::new(at.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
        sys::restrict_mount(&name, false, libc::MOUNT_ATTR_RDONLY)
            .map_err(|errno| format!("protecting /proc: {errno}"))
    }

    /// Covers what cannot be removed: a file by a device that is empty, a folder by an empty one.
    fn cover(&self, at: &Path, is_dir: bool) -> Result<(), String> {
        let none = None::<&str>;
        let empty = if is_dir { self.at(EMPTY) } else { PathBuf::from("/dev/null") };
        mount(Some(&empty), at, none, MsFlags::MS_BIND, none)
            .map_err(|errno| format!("covering {}: {errno}", at.display()))
    }

    fn sys(&self, spec: &Spec) -> Result<(), String> {
        self.folder("/sys")?;
        let path = if spec.gpus.is_empty() { "/sys/devices/system" } else { "/sys" };
        self.show_if_there(path, READ_ONLY | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC)
    }

    fn dev(&self, spec: &Spec) -> Result<(), String> {
        self.folder("/dev")?;
        let device = |name: &str| {
            self.show_if_there(
                &format!("/dev/{name}"),
                libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC,
            )
        };
        let names = devices::of_all().chain(devices::of(&spec.gpus, Path::new("/")));
        names.into_iter().try_for_each(|name| device(&name))?;
        for (to, name) in [
            ("/proc/self/fd", "/dev/fd"),
            ("/proc/self/fd/0", "/dev/stdin"),
            ("/proc/self/fd/1", "/dev/stdout"),
            ("/proc/self/fd/2", "/dev/stderr"),
        ] {
            self.link(to, name)?;
        }
        let size = spec.limits.memory.map_or_else(|| "50%".to_owned(), |bytes| bytes.to_string());
        // Empty files take the kernel's memory, which nobody counts.
        memory(
            &self.folder("/dev/shm")?,
            &format!("mode=1777,nr_inodes={SHARED_FILES},size={size}"),
        )
    }
}

/// The most files of `/dev/shm`.
const SHARED_FILES: u32 = 1 << 16;

fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
