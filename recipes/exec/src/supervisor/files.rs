//! Files without a name: what was unlinked, or never had a name, and lives as long as it is open.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use super::sys;

/// A regular file that has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nameless {
    /// The device that it lies on.
    pub(super) device: u64,
    /// Its length, holes included.
    pub(super) length: u64,
    /// What it takes of the device.
    pub(super) taken: u64,
    /// Whether it lies in memory, made by `memfd_create`.
    pub(super) in_memory: bool,
}

/// Those that these processes have open, each once.
pub(super) fn nameless(pids: &[Pid]) -> Vec<Nameless> {
    let mut found = BTreeMap::new();
    for open in pids.iter().flat_map(|pid| tables(*pid)) {
        for entry in fs::read_dir(open).into_iter().flatten().flatten() {
            let path = entry.path();
            // What the descriptor stands for, which is not opened again.
            let Ok(meta) = fs::metadata(&path) else { continue };
            if meta.is_file() && meta.nlink() == 0 {
                let name = (meta.dev(), meta.ino());
                found.entry(name).or_insert_with(|| Nameless {
                    device: meta.dev(),
                    length: meta.len(),
                    taken: meta.blocks() * 512,
                    in_memory: is_in_memory(&path),
                });
            }
        }
    }
    found.into_values().collect()
}

fn is_in_memory(descriptor: &Path) -> bool {
    fs::read_link(descriptor).is_ok_and(|name| name.to_string_lossy().starts_with("/memfd:"))
}

/// The tables of open files of a process: one, and that of each thread which has its own.
fn tables(pid: Pid) -> Vec<PathBuf> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let own = threads.filter(|thread| {
        let id = thread.file_name().to_str().and_then(|name| name.parse().ok());
        let id = id.map(Pid::from_raw);
        id == Some(pid) || id.is_some_and(|id| !sys::share_files(pid, id))
    });
    own.map(|thread| thread.path().join("fd")).collect()
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
        let found = nameless(&[Pid::this(), Pid::this()]);
        let of_device: Vec<_> = found.iter().filter(|file| file.device == device).collect();
        assert!(matches!(of_device[..], [Nameless { length: 0x10_0000, in_memory: false, .. }]));
        let in_memory: Vec<_> = found.iter().filter(|file| file.in_memory).collect();
        assert!(matches!(in_memory[..], [Nameless { length: 5000, taken: 8192, .. }]), "{found:?}");
    }
}
