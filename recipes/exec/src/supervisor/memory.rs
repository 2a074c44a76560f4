//! The memory limit where no control group holds it: looked at several times a second.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::time::Instant;

use nix::unistd::Pid;
use rustix::fs::{fstat, fstatvfs};

use super::{SAMPLE, files, processes};

/// The most bytes of a list of System V that are read.
const LISTING: usize = 4 << 20;

/// The columns of the lists of System V that tell of memory, and the bytes that each of it takes;
/// see sysvipc(7). Semaphores have a line of the processor's cache each, messages a head.
const COLUMNS: [(&str, u64); 5] =
    [("rss", 1), ("swap", 1), ("nsems", 64), ("cbytes", 1), ("qnum", 48)];

/// Where a cell keeps memory that belongs to no process.
#[derive(Debug)]
pub(super) struct Shared {
    /// Its file system for memory that processes share: `/dev/shm`.
    pub(super) files: Option<OwnedFd>,
    /// The lists of its segments, semaphores and messages of System V.
    pub(super) lists: Vec<File>,
    /// More than this is over the limit.
    most: u64,
    /// What was found without a name.
    nameless: Nameless,
    /// From when on it is time to look for these again.
    next: Instant,
    /// What the whole machine shared when there was first something that cannot be looked at.
    since: Option<u64>,
}

/// What is in memory and in files without a name.
#[derive(Clone, Copy, Debug, Default)]
struct Nameless {
    bytes: u64,
    /// Whether there may be more.
    more: bool,
    /// What the whole machine shared then.
    machine: u64,
}

/// What a run uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    /// What was measured, in bytes.
    pub(super) measured: u64,
    /// The same with what it may hide at most.
    pub(super) suspected: u64,
}

impl Shared {
    /// Begins before the run does.
    pub(super) fn new(most: u64) -> Shared {
        let (files, lists, nameless) = (None, Vec::new(), Nameless::default());
        Shared { files, lists, most, nameless, next: Instant::now(), since: None }
    }

    /// The bytes that these processes use.
    ///
    /// What is both mapped and a file counts once, and so may as much again that is mapped without
    /// being a file: at worst, twice the limit is used before it is noticed.
    pub(super) fn used(&mut self, pids: &[Pid]) -> Used {
        let mut sum = Process::default();
        for used in pids.iter().filter_map(|pid| Process::of(*pid)) {
            sum.own += used.own;
            sum.shared += used.shared;
        }
        let kept = self.kept(pids, self.most.saturating_sub(sum.own));
        let with = |kept: u64| sum.own + sum.shared.max(kept);
        Used { measured: with(kept.measured), suspected: with(kept.suspected) }
    }

    /// What is kept whether or not it is mapped. If that is more than there is room for, it was not
    /// counted some time ago.
    fn kept(&mut self, pids: &[Pid], room: u64) -> Used {
        let used = self.files.as_ref().and_then(|files| fstatvfs(files).ok()).map_or(0, |found| {
            found.f_blocks.saturating_sub(found.f_bfree).saturating_mul(found.f_frsize)
        });
        let machine = shared_by_all().unwrap_or(self.nameless.machine);
        let listed = self.lists.iter().map(listed).sum::<u64>();
        let grows = machine.saturating_sub(self.nameless.machine) > self.most / 8;
        let began = Instant::now();
        let is_over = used + self.nameless.bytes + listed > room;
        if grows || is_over || began >= self.next {
            self.nameless = self.nameless(pids, machine);
            // Not at the cost of what is being measured.
            self.next = Instant::now() + began.elapsed() * 20;
        }
        let measured = used + self.nameless.bytes + listed;
        // What cannot be looked at is taken for all that the machine shares since then: others' too, for
        // which reason it is not for long.
        self.since = self.nameless.more.then(|| self.since.unwrap_or(machine));
        let hidden = self.since.map_or(0, |since| machine.saturating_sub(since));
        Used { measured, suspected: measured.max(hidden) }
    }

    fn nameless(&self, pids: &[Pid], machine: u64) -> Nameless {
        let files = self.files.as_ref();
        let here = files.and_then(|files| fstat(files).ok()).map(|stat| stat.st_dev);
        // A look must not take longer than there is between two.
        let held = files::nameless(pids, |_| true, Some(Instant::now() + SAMPLE / 2));
        let in_memory = held.files.iter().filter(|file| file.in_memory);
        let bytes = in_memory.filter(|file| Some(file.device) != here).map(|file| file.taken).sum();
        Nameless { bytes, more: held.more_in_memory, machine }
    }
}

/// The bytes of memory of a process, swapped out or not.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    /// Its own, and the tables of its pages.
    own: u64,
    /// What it can share with others.
    shared: u64,
}

impl Process {
    fn of(pid: Pid) -> Option<Process> {
        let read = |pid: Pid| fs::read_to_string(format!("/proc/{pid}/status")).ok();
        let has_memory = |text: &String| text.contains("\nVmRSS:");
        let text = read(pid).filter(has_memory);
        let text = text.or_else(|| read(processes::with_memory(pid)?))?;
        let bytes = |name| number(&text, name).unwrap_or(0);
        let shared = bytes("RssShmem:");
        let resident = bytes("VmRSS:").saturating_sub(shared);
        Some(Process { own: resident + bytes("VmSwap:") + bytes("VmPTE:"), shared })
    }
}

/// The bytes behind a name, in the form of `/proc`.
fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()? * 1024)
}

/// The memory that processes of the whole machine share, by files or without.
fn shared_by_all() -> Option<u64> {
    number(&fs::read_to_string("/proc/meminfo").ok()?, "Shmem:")
}

/// The bytes of all that a list of System V has.
fn listed(list: &File) -> u64 {
    let mut text = vec![0; LISTING];
    let mut length = 0;
    while let Ok(read @ 1..) = list.read_at(&mut text[length..], length as u64) {
        length += read;
    }
    let text = String::from_utf8_lossy(&text[..length]);
    let mut lines = text.lines();
    let Some(head) = lines.next() else { return 0 };
    let weight = |name| COLUMNS.iter().find(|(column, _)| *column == name).map(|(_, each)| *each);
    let columns: Vec<(usize, u64)> = head
        .split_whitespace()
        .enumerate()
        .filter_map(|(at, name)| Some((at, weight(name)?)))
        .collect();
    let bytes = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let numbers = columns
            .iter()
            .filter_map(|(at, each)| Some(words.get(*at)?.parse::<u64>().ok()? * each));
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
        assert_eq!(listed(&list), 16384);
        assert_eq!(listed(&tempfile::tempfile().unwrap()), 0);
    }

    #[test]
    fn what_is_mapped_and_a_file_counts_once() {
        let name = rustix::fs::MemfdFlags::CLOEXEC;
        let memory = File::from(rustix::fs::memfd_create("memory", name).unwrap());
        let used = || Shared::new(1 << 40).used(&[Pid::this()]).measured;
        let before = used();
        (&memory).write_all(&vec![7; 64 << 20]).unwrap();
        let after = used();
        assert!(after >= before + (48 << 20), "{before} {after}");
    }
}
