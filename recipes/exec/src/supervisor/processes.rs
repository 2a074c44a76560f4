//! The processes below the supervisor: finding, measuring, and ending all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgid};

/// All living or unreaped descendants of this process.
pub(super) fn descendants() -> Vec<Pid> {
    let me = std::process::id().cast_signed();
    let found = if Path::new("/proc/thread-self/children").exists() {
        below(me, children)
    } else {
        let parents = parents();
        below(me, |of| {
            parents.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid).collect()
        })
    };
    found.into_iter().map(Pid::from_raw).collect()
}

fn below(root: i32, children: impl Fn(i32) -> Vec<i32>) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for child in children(parent) {
            if found.insert(child) {
                open.push(child);
            }
        }
    }
    found
}

/// The children of all threads of a process, as the kernel lists them.
fn children(of: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{of}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().flat_map(str::parse).collect::<Vec<_>>())
        .collect()
}

/// Every process of the machine with its parent, for kernels that list no children.
fn parents() -> Vec<(i32, i32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name before it is in parentheses and may hold anything, parentheses too.
            let (_, rest) = stat.rsplit_once(')')?;
            Some((pid, rest.split_whitespace().nth(1)?.parse().ok()?))
        })
        .collect()
}

/// Resident memory of a process in bytes; 0 if it is gone.
pub(super) fn resident(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Kills the program's group and every other descendant, until none is left. Returns how many
/// processes there were beside the program itself.
///
/// The supervisor is a subreaper: as long as anything lives below it, it has a child to wait for.
pub(super) fn kill_all(program: Pid) -> u32 {
    let mut seen = BTreeSet::new();
    let mut pause = Duration::from_micros(200);
    loop {
        let alive = descendants();
        // One call for the whole group, which no fork can slip through; not when the group is
        // empty, since its number may be somebody else's by then.
        if alive.iter().any(|pid| getpgid(Some(*pid)) == Ok(program)) {
            killpg(program, Signal::SIGKILL).ok();
        }
        for pid in alive {
            // A process may end between being seen and being killed.
            kill(pid, Signal::SIGKILL).ok();
            if pid != program {
                seen.insert(pid);
            }
        }
        if nothing_left() {
            return u32::try_from(seen.len()).unwrap_or(u32::MAX);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Reaps what is dead; whether no child, dead or alive, remains.
fn nothing_left() -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return true,
            Ok(WaitStatus::StillAlive) => return false,
            _ => {}
        }
    }
}
