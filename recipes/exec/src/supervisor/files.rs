//! Files without a name: what was unlinked, or never had a name, and lives as long as somebody has
//! it open, or mapped, or waiting in a socket.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::unistd::Pid;
use rustix::fs::makedev;

use super::{processes, sys};

/// A regular file that has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nameless {
    /// The device that it lies on.
    pub(super) device: u64,
    /// Its length, holes included.
    pub(super) length: u64,
    /// What it takes of the device.
    pub(super) taken: u64,
    /// Whether it lies in memory, as what `memfd_create` makes.
    pub(super) in_memory: bool,
}

/// What processes hold that has no name.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What could be looked at, each once.
    pub(super) files: Vec<Nameless>,
    /// Whether there is, or may be, more on a disk.
    pub(super) more_on_disk: bool,
    /// Whether there is, or may be, more in memory.
    pub(super) more_in_memory: bool,
}

/// Those that these processes have open or mapped. At the deadline it stops looking.
///
/// What is mapped can be looked at by root alone, and what waits in a socket by nobody. A map that
/// cannot be looked at is that of a file which is also open if both are one by number; `devices` are
/// those by whose names files are known, and maps of layered file systems and of subvolumes have
/// others.
pub(super) fn nameless(
    pids: &[Pid],
    devices: impl Fn(u64) -> bool,
    deadline: Option<Instant>,
) -> Held {
    let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    let (mut held, mut found, mut unseen) = (Held::default(), BTreeMap::new(), Vec::new());
    'looking: for pid in pids {
        let pid = processes::with_memory(*pid).unwrap_or(*pid);
        for table in tables(pid) {
            for entry in fs::read_dir(table.join("fd")).into_iter().flatten().flatten() {
                if is_late() {
                    break 'looking;
                }
                // What the descriptor stands for, which is not opened again.
                let path = entry.path();
                let Ok(meta) = fs::metadata(&path) else { continue };
                if meta.is_file() && meta.nlink() == 0 {
                    found.entry((meta.dev(), meta.ino())).or_insert_with(|| of(&meta, &path));
                }
                if meta.file_type().is_socket() && has_files(&table, &entry.file_name()) {
                    (held.more_on_disk, held.more_in_memory) = (true, true);
                }
            }
        }
        for map in deleted_maps(pid) {
            if is_late() {
                break 'looking;
            }
            match fs::metadata(&map.path) {
                Ok(meta) if meta.is_file() && meta.nlink() == 0 => {
                    found.entry((meta.dev(), meta.ino())).or_insert_with(|| of(&meta, &map.path));
                }
                Ok(_) => {}
                Err(_) => unseen.push(map),
            }
        }
    }
    let is_known =
        |map: &Map| found.keys().any(|(device, inode)| map.is(*device, *inode, &devices));
    for map in unseen.iter().filter(|map| !is_known(map)) {
        *(if map.in_memory { &mut held.more_in_memory } else { &mut held.more_on_disk }) = true;
    }
    if is_late() {
        (held.more_on_disk, held.more_in_memory) = (true, true);
    }
    Held { files: found.into_values().collect(), ..held }
}

fn of(meta: &Metadata, link: &Path) -> Nameless {
    let in_memory = fs::read_link(link).is_ok_and(|name| is_in_memory(&name.to_string_lossy()));
    Nameless { device: meta.dev(), length: meta.len(), taken: meta.blocks() * 512, in_memory }
}

/// Whether a file of this name lies in the kernel's own file system for memory: one that a process
/// made by name, or what it shares with its children.
fn is_in_memory(name: &str) -> bool {
    name.starts_with("/memfd:") || name.starts_with("/dev/zero")
}

/// Whether files wait in a socket to be received. Kernels before 5.10 do not tell.
fn has_files(table: &Path, descriptor: &OsStr) -> bool {
    let told = fs::read_to_string(table.join("fdinfo").join(descriptor)).unwrap_or_default();
    let count = told.lines().find_map(|line| line.strip_prefix("scm_fds:"));
    count.is_some_and(|count| count.trim() != "0")
}

/// A file in a process's memory that is said to have no name.
struct Map {
    /// A link to it.
    path: PathBuf,
    device: u64,
    inode: u64,
    in_memory: bool,
}

impl Map {
    /// Whether this is the file of these numbers: only where such files are known has a map another
    /// device than its file.
    fn is(&self, device: u64, inode: u64, devices: impl Fn(u64) -> bool) -> bool {
        let elsewhere = !self.in_memory && !devices(self.device) && devices(device);
        inode == self.inode && (device == self.device || elsewhere)
    }
}

fn deleted_maps(pid: Pid) -> Vec<Map> {
    let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    let of_line = |line: &[u8]| {
        let line = String::from_utf8_lossy(line.strip_suffix(b" (deleted)")?).into_owned();
        let mut words = line.split_ascii_whitespace();
        let (range, device) = (words.next()?, words.nth(2)?);
        let (major, minor) = device.split_once(':')?;
        let number = |text| u32::from_str_radix(text, 16).ok();
        let device = makedev(number(major)?, number(minor)?);
        let (inode, name) = (words.next()?.parse().ok()?, words.next()?);
        // These are counted as what they are: segments, a file system's, memory that is shared with
        // children. The last are a driver's and the kernel's own.
        let counted =
            ["/SYSV", "/dev/shm/", "/dev/zero", "/anon_hugepage", "/[aio]", "/drm", "/i915"];
        let counted = counted.iter().any(|known| name.starts_with(known));
        let path = PathBuf::from(format!("/proc/{pid}/map_files/{range}"));
        (!counted).then(|| Map { path, device, inode, in_memory: is_in_memory(name) })
    };
    maps.split(|byte| *byte == b'\n').filter_map(of_line).collect()
}

/// Where the tables of open files of a process are: one, and that of each thread which has its own.
fn tables(pid: Pid) -> Vec<PathBuf> {
    let own = processes::threads(pid).filter(|id| *id == pid || !sys::share_files(pid, *id));
    own.map(|thread| PathBuf::from(format!("/proc/{thread}"))).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn each_file_counts_once_and_only_without_a_name() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 5000]).unwrap();
        file.set_len(1 << 20).unwrap();
        let _again = file.try_clone().unwrap();
        let _named = tempfile::NamedTempFile::new().unwrap();
        let memory = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        fs::File::from(memory.try_clone().unwrap()).write_all(&[7; 5000]).unwrap();
        let device = file.metadata().unwrap().dev();
        let found = nameless(&[Pid::this(), Pid::this()], |_| true, None).files;
        let of_device: Vec<_> = found.iter().filter(|file| file.device == device).collect();
        assert!(matches!(of_device[..], [Nameless { length: 0x10_0000, in_memory: false, .. }]));
        let in_memory: Vec<_> = found.iter().filter(|file| file.in_memory).collect();
        assert!(matches!(in_memory[..], [Nameless { length: 5000, taken: 8192, .. }]), "{found:?}");
    }

    /// A program can make files in memory until one has the number that it wants.
    #[test]
    fn a_map_is_a_file_of_its_own_file_system() {
        const DISK: u64 = 1;
        const MEMORY: u64 = 2;
        const SUBVOLUME: u64 = 3;
        let map = |device, in_memory| Map { path: PathBuf::new(), device, inode: 7, in_memory };
        let is = |map: Map, device, inode| map.is(device, inode, |device| device == DISK);
        assert!(is(map(DISK, false), DISK, 7));
        assert!(!is(map(DISK, false), DISK, 8));
        assert!(!is(map(DISK, false), MEMORY, 7));
        assert!(is(map(SUBVOLUME, false), DISK, 7));
        assert!(!is(map(SUBVOLUME, false), MEMORY, 7));
        assert!(is(map(MEMORY, true), MEMORY, 7));
        assert!(!is(map(SUBVOLUME, true), DISK, 7));
    }

    #[test]
    fn who_is_late_knows_that_there_may_be_more() {
        let held = nameless(&[Pid::this()], |_| true, Some(Instant::now()));
        assert!(held.files.is_empty() && held.more_on_disk && held.more_in_memory);
    }
}
