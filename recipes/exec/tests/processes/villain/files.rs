//! Files that were not given, by paths, links, mounts and devices.

use std::ffi::CString;
use std::fs;
use std::fs::File;
use std::io::Error;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use libc::{c_int, c_long};

use super::{Told, Trick, no_read, no_write, raw, refused, target};

/// The tricks of this kind.
pub(super) const TRICKS: &[Trick] = &[
    ("write-program", || no_write("/program/new")),
    ("write-input", || no_write("/input/data")),
    ("write-system", || no_write("/usr/lib/new").and_then(|_| no_write("/etc/passwd"))),
    ("write-root", || no_write("/new")),
    ("read-outside", || no_read(&target("secret"))),
    ("read-relative", read_relative),
    ("read-input-link", || no_read("/input/link")),
    ("execute-outside", execute_outside),
    ("write-outside", || no_write(&target("secret")).and_then(|_| no_write(&target("new")))),
    ("edit-recipe", || no_write(&target("rescience.toml"))),
    ("others-output", || no_write(&target("other/out/metrics.json"))),
    ("edit-limits", || no_write(&target("control/spec.json"))),
    ("climb", || no_read(&format!("/out/../../../../../..{}", target("secret")))),
    ("own-root", || no_read(&format!("/proc/self/root{}", target("secret")))),
    ("symlink", symlink),
    ("shared-link", || link_at("/dev/shm/link")),
    ("numbered-cwd", numbered_cwd),
    ("script", script),
    ("hard-link", hard_link),
    ("bind-mount", || refused(|| mount("/usr", "/out", libc::MS_BIND))),
    ("remount", || refused(|| mount("", "/program", libc::MS_REMOUNT | libc::MS_BIND))),
    ("mount-proc", || refused(|| mount("proc", "/out", 0))),
    ("unmount", || refused(|| raw(libc::SYS_umount2, [c"/proc".as_ptr() as _, 2, 0, 0, 0, 0]))),
    ("mounts", mounts),
    ("open-tree", || refused(|| raw(libc::SYS_open_tree, [-100, c"/".as_ptr() as _, 1, 0, 0, 0]))),
    ("chroot", || refused(|| raw(libc::SYS_chroot, [c"/out".as_ptr() as _, 0, 0, 0, 0, 0]))),
    ("pivot-root", || refused(|| raw(libc::SYS_pivot_root, [c"/out".as_ptr() as _; 6]))),
    ("handles", || refused(|| raw(libc::SYS_open_by_handle_at, [0, 0, 0, 0, 0, 0]))),
    ("device-node", device_node),
    ("devices", devices),
    ("open-devices", open_devices),
    ("mapped-pipe", || mapped(&|path| mkfifo(path).map(drop))),
    ("mapped-link", || mapped(&|path| std::os::unix::fs::symlink("/bin/sh", path))),
    ("set-user-id", set_user_id),
    ("kernel-settings", || no_write("/proc/sys/kernel/core_pattern")),
    ("magic-key", || no_write("/proc/sysrq-trigger")),
    ("kernel-memory", || no_read("/proc/kcore").and_then(|_| no_read("/proc/keys"))),
    ("control-groups", || no_write("/sys/fs/cgroup/cgroup.procs")),
    ("cpu-governor", || no_write("/sys/devices/system/cpu/cpu0/online")),
];

fn read_relative() -> Told {
    std::env::set_current_dir("/").map_err(|error| error.to_string())?;
    no_read(target("secret").trim_start_matches('/'))
}

fn execute_outside() -> Told {
    match Command::new(target("secret")).status() {
        Err(error) => Ok(error.to_string()),
        Ok(status) => Err(format!("it ran: {status}")),
    }
}

fn symlink() -> Told {
    link_at("/out/link")?;
    no_write("/out/link")
}

fn link_at(path: &str) -> Told {
    std::os::unix::fs::symlink(target("secret"), path).map_err(|error| error.to_string())?;
    no_read(path)
}

/// By a thread, whose number is not the process's.
fn numbered_cwd() -> Told {
    let path = format!("/proc/{}/cwd/..{}", std::process::id(), target("secret"));
    let thread = std::thread::spawn(move || no_read(&path));
    thread.join().unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// A script that somebody else's program would be executed for.
fn script() -> Told {
    fs::write("/out/script", format!("#!{}\n", target("secret"))).map_err(|e| e.to_string())?;
    fs::set_permissions("/out/script", fs::Permissions::from_mode(0o755))
        .map_err(|e| e.to_string())?;
    match Command::new("/out/script").status() {
        Err(error) => Ok(error.to_string()),
        Ok(status) => Err(format!("it ran: {status}")),
    }
}

fn hard_link() -> Told {
    match fs::hard_link("/input/data", "/out/data") {
        Err(error) => Ok(error.to_string()),
        Ok(()) => Err("it linked an input".to_owned()),
    }
}

fn mount(from: &str, to: &str, flags: u64) -> Result<c_long, Error> {
    let (from, to) = (CString::new(from).unwrap_or_default(), CString::new(to).unwrap_or_default());
    let kind = c"proc".as_ptr() as c_long;
    let flags = c_long::try_from(flags).unwrap_or_default();
    raw(libc::SYS_mount, [from.as_ptr() as _, to.as_ptr() as _, kind, flags, 0, 0])
}

/// What looks at mounts, or changes them, by newer calls.
fn mounts() -> Told {
    let root = c"/".as_ptr() as c_long;
    refused(|| raw(467, [-100, root, 0, 0, 0, 0]))?;
    refused(|| raw(457, [0, 0, 0, 0, 0, 0]))?;
    refused(|| raw(458, [0, 0, 0, 0, 0, 0]))?;
    refused(|| raw(libc::SYS_quotactl_fd, [-1, 0, 0, 0, 0, 0]))
}

fn device_node() -> Told {
    let disk = c"disk".as_ptr() as c_long;
    // The first disk, and the memory of the machine.
    for (mode, number) in [(libc::S_IFBLK, 8 << 8), (libc::S_IFCHR, 1 << 8 | 1)] {
        refused(|| raw(libc::SYS_mknodat, [-100, disk, i64::from(mode | 0o600), number, 0, 0]))?;
    }
    Ok("no nodes".to_owned())
}

fn devices() -> Told {
    let allowed =
        ["null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr", "shm"];
    let entries = fs::read_dir("/dev").map_err(|error| error.to_string())?.flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let more: Vec<_> = names.filter(|name| !allowed.contains(&name.as_str())).collect();
    if more.is_empty() { Ok("the usual".to_owned()) } else { Err(format!("it sees {more:?}")) }
}

/// Opening these does nothing, whoever may do it.
fn open_devices() -> Told {
    for name in ["kmsg", "mem", "port", "ptmx", "fuse", "kvm", "loop-control", "vda", "sda"] {
        no_open(&format!("/dev/{name}"))?;
    }
    Ok("none of them".to_owned())
}

fn no_open(path: &str) -> Told {
    match File::open(path) {
        Err(error) => Ok(format!("{path}: {error}")),
        Ok(_) => Err(format!("it opened {path}")),
    }
}

fn mkfifo(path: &str) -> Result<c_int, Error> {
    let path = CString::new(path).unwrap_or_default();
    // SAFETY: a pipe with a name.
    match unsafe { libc::mkfifo(path.as_ptr(), 0o600) } {
        0 => Ok(0),
        _ => Err(Error::last_os_error()),
    }
}

/// Maps code from a file whose name has a line feed, which lists of mappings print as `\012`, and
/// puts something else where the printed name leads.
fn mapped(lure: &dyn Fn(&str) -> Result<(), Error>) -> Told {
    let told = |error: Error| error.to_string();
    lure("x\\012y").map_err(told)?;
    fs::copy("/bin/sh", "x\ny").map_err(told)?;
    let file = File::open("x\ny").map_err(told)?;
    let protection = libc::PROT_READ | libc::PROT_EXEC;
    // SAFETY: a new mapping of a file that nobody changes.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), 4096, protection, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
    };
    if at == libc::MAP_FAILED {
        return Err(told(Error::last_os_error()));
    }
    // While somebody looks.
    std::thread::sleep(Duration::from_millis(800));
    Ok("nobody followed".to_owned())
}

fn set_user_id() -> Told {
    let program = "/out/root";
    fs::copy("/bin/sh", program).map_err(|error| error.to_string())?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o6755)).map_err(|e| e.to_string())?;
    let id = Command::new(program).args(["-c", "id -u"]).output().map_err(|e| e.to_string())?;
    // SAFETY: it asks who it is, and to be root.
    let root = unsafe { libc::setuid(0) } == 0;
    match String::from_utf8_lossy(&id.stdout).trim() {
        "1000" if !root => Ok("still 1000".to_owned()),
        other => Err(format!("it is {other}, {root}")),
    }
}
