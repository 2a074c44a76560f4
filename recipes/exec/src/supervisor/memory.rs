//! The memory limit where no control group holds it: looked at several times a second.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use nix::unistd::Pid;
use rustix::fs::{fstat, fstatvfs};

use super::files;

/// The most bytes of a list of segments that are read.
const LISTING: usize = 1 << 20;

/// Where a cell keeps memory that belongs to no process.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Its file system for memory that processes share: `/dev/shm`.
    pub(super) files: Option<OwnedFd>,
    /// The list of its segments of System V.
    pub(super) segments: Option<File>,
}

impl Shared {
    /// The bytes that these processes use, of which `resident` are resident in them.
    ///
    /// What is both mapped and a file counts once, and so may as much again that is mapped without
    /// being a file: at worst, twice the limit is used before it is noticed.
    pub(super) fn used(&self, pids: &[Pid], resident: u64) -> u64 {
        let mapped = pids.iter().filter_map(|pid| mapped(*pid)).sum::<u64>().min(resident);
        resident - mapped + mapped.max(self.kept(pids))
    }

    /// What is kept whether or not it is mapped.
    fn kept(&self, pids: &[Pid]) -> u64 {
        let files = self.files.as_ref();
        let here = files.and_then(|files| fstat(files).ok()).map(|stat| stat.st_dev);
        let used = files.and_then(|files| fstatvfs(files).ok()).map_or(0, |found| {
            found.f_blocks.saturating_sub(found.f_bfree).saturating_mul(found.f_frsize)
        });
        let nameless = files::nameless(pids).into_iter();
        let nameless = nameless.filter(|file| file.in_memory && Some(file.device) != here);
        used + nameless.map(|file| file.taken).sum::<u64>()
            + self.segments.as_ref().map_or(0, segments)
    }
}

/// The resident bytes of a process that it can share with others.
fn mapped(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssShmem:"))?;
    Some(line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()? * 1024)
}

/// The bytes of all segments of System V that are in memory or swapped; see sysvipc(7).
fn segments(list: &File) -> u64 {
    let mut text = vec![0; LISTING];
    let mut length = 0;
    while let Ok(read @ 1..) = list.read_at(&mut text[length..], length as u64) {
        length += read;
    }
    let text = String::from_utf8_lossy(&text[..length]);
    let mut lines = text.lines();
    let Some(head) = lines.next() else { return 0 };
    let columns: Vec<usize> = head
        .split_whitespace()
        .enumerate()
        .filter(|(_, name)| ["rss", "swap"].contains(name))
        .map(|(at, _)| at)
        .collect();
    let bytes = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let numbers = columns.iter().filter_map(|at| words.get(*at)?.parse::<u64>().ok());
        numbers.sum::<u64>()
    };
    lines.map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn segments_are_added_up() {
        let mut list = tempfile::tempfile().unwrap();
        list.write_all(
            b"       key      shmid perms       size  cpid  rss                  swap\n\
              0          0  1600 1048576 12 4096 8192\n\
              7          1  1600 1048576 12 4096 0\n",
        )
        .unwrap();
        assert_eq!(segments(&list), 16384);
        assert_eq!(segments(&tempfile::tempfile().unwrap()), 0);
    }

    #[test]
    fn what_is_mapped_and_a_file_counts_once() {
        let name = rustix::fs::MemfdFlags::CLOEXEC;
        let memory = File::from(rustix::fs::memfd_create("memory", name).unwrap());
        let before = Shared::default().used(&[Pid::this()], 1 << 40);
        (&memory).write_all(&vec![7; 64 << 20]).unwrap();
        let after = Shared::default().used(&[Pid::this()], 1 << 40);
        assert!(after >= before + (48 << 20), "{before} {after}");
    }
}
