//! The processes below the supervisor: finding, measuring, and ending all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgid, getsid};

use crate::facts::sample::{Counts, Ledger};

/// All living or unreaped descendants of this process.
pub(super) fn descendants() -> Vec<Pid> {
    below(vec![me()], usize::MAX)
}

fn me() -> i32 {
    std::process::id().cast_signed()
}

/// All descendants of these processes, up to so many generations.
fn below(roots: Vec<i32>, generations: usize) -> Vec<Pid> {
    let parents = (!Path::new("/proc/thread-self/children").exists()).then(parents);
    let children = |of: i32| match &parents {
        None => children(of),
        Some(all) => all.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid).collect(),
    };
    let mut found = BTreeSet::new();
    let mut open = roots;
    for _ in 0..generations {
        open = open.into_iter().flat_map(children).filter(|child| found.insert(*child)).collect();
        if open.is_empty() {
            break;
        }
    }
    found.into_iter().map(Pid::from_raw).collect()
}

/// A link of a process's to a file with a name, as the process sees it: `exe`, `cwd`, `fd/3`.
pub(super) fn link(process: Pid, name: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/{name}")).ok().filter(|path| path.is_absolute())
}

/// The children that a builder was started with, as a shell hands them on; no run's.
static OWN: OnceLock<Vec<Pid>> = OnceLock::new();

/// Takes the children that there are for no run's, if it is asked for the first time.
pub(super) fn know_own() {
    OWN.get_or_init(|| below(vec![me()], 1));
}

/// Kills what a supervisor left to this process, its builder; whether nothing is left.
///
/// A warden is in its supervisor's group, and programs are in sessions of their own, which none of
/// them can leave for another's. A builder's other children are in its session.
pub(super) fn end_orphans(supervisor: Pid) -> bool {
    let here = getsid(None);
    let own = |pid: &Pid| OWN.get().is_some_and(|own| own.contains(pid));
    let left = |pid: &Pid| {
        !own(pid) && (getpgid(Some(*pid)) == Ok(supervisor) || getsid(Some(*pid)) != here)
    };
    let orphans: Vec<Pid> = below(vec![me()], 1).into_iter().filter(left).collect();
    let all = below(orphans.iter().map(|pid| pid.as_raw()).collect(), usize::MAX);
    kill_once(&[orphans.clone(), all].concat());
    for orphan in &orphans {
        waitpid(*orphan, Some(WaitPidFlag::WNOHANG)).ok();
    }
    orphans.is_empty()
}

/// The children of all threads of a process, as the kernel lists them.
fn children(of: i32) -> Vec<i32> {
    threads(Pid::from_raw(of))
        .filter_map(|thread| fs::read_to_string(format!("/proc/{of}/task/{thread}/children")).ok())
        .flat_map(|list| list.split_whitespace().flat_map(str::parse).collect::<Vec<_>>())
        .collect()
}

/// The threads of a process.
pub(super) fn threads(of: Pid) -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
}

/// The thread by which the memory of a process can be looked at: its first, unless that ended
/// before others. `/proc` has a place for each thread, though it lists only the first.
pub(super) fn with_memory(process: Pid) -> Option<Pid> {
    let has_some = |thread: &Pid| {
        let pages = fs::read_to_string(format!("/proc/{thread}/statm"));
        pages.is_ok_and(|pages| !pages.starts_with("0 "))
    };
    Some(process).filter(has_some).or_else(|| threads(process).find(has_some))
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

/// What the processes below a warden use at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    /// The processes.
    pub(super) pids: Vec<Pid>,
    /// Resident memory in bytes; what several share counts for each.
    pub(super) memory: u64,
    /// Threads, of which a process has one at least.
    pub(super) threads: u64,
    /// CPU time in user mode and in the kernel, of all that were ever seen, and of their children
    /// that were waited for.
    pub(super) cpu: [Duration; 2],
}

/// Measures all descendants again and again.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// CPU ticks by process id and start.
    ticks: Ledger<(i32, u64)>,
}

impl Meter {
    /// Measures once. The warden itself counts for nothing but what it reaped.
    pub(super) fn look(&mut self, warden: Pid) -> Used {
        let mut used = Used::default();
        let mut ticks = BTreeMap::new();
        for pid in descendants() {
            let Some(mut found) = Stat::of(pid) else { continue };
            if pid == warden {
                found.ticks.own = [0; 2];
            } else {
                // The first thread of several may have ended.
                let other = |thread| Some(Stat::of(thread)?.resident);
                used.memory += match found.resident {
                    0 if found.threads > 1 => with_memory(pid).and_then(other).unwrap_or(0),
                    resident => resident,
                };
                used.threads += found.threads;
                used.pids.push(pid);
            }
            ticks.insert((pid.as_raw(), found.start), found.ticks);
        }
        self.ticks.enter(ticks);
        let duration = |ticks: u64| Duration::from_millis(ticks * 1000 / ticks_per_second());
        used.cpu = self.ticks.total().map(duration);
        used
    }
}

/// The numbers of `/proc/PID/stat` that matter here; see proc(5).
struct Stat {
    /// In user and kernel mode.
    ticks: Counts,
    threads: u64,
    /// When it started, by which it differs from others that had its number.
    start: u64,
    /// Bytes.
    resident: u64,
}

impl Stat {
    fn of(pid: Pid) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before it is in parentheses and may hold anything, parentheses too.
        let (_, rest) = text.rsplit_once(')')?;
        // The first number after the name's state is the fourth of the file.
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at - 3)?.parse::<u64>().ok();
        Some(Stat {
            ticks: Counts { own: [number(14)?, number(15)?], reaped: [number(16)?, number(17)?] },
            threads: number(20)?,
            start: number(22)?,
            resident: number(24)? * page_size(),
        })
    }
}

fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// Collects dead children that were adopted, and leaves the warden for the end.
pub(super) fn reap_adopted(warden: Pid) {
    for pid in children(me()).into_iter().map(Pid::from_raw).filter(|pid| *pid != warden) {
        waitpid(pid, Some(WaitPidFlag::WNOHANG)).ok();
    }
}

/// Kills every descendant, groups at once, until none is left. Returns how many processes there
/// were beside the warden and the program that it waits for.
///
/// The supervisor is a subreaper: as long as anything lives below it, it has a child to wait for.
pub(super) fn kill_all(warden: Pid) -> u32 {
    let mut expected = BTreeSet::from([warden]);
    expected.extend(children(warden.as_raw()).first().map(|pid| Pid::from_raw(*pid)));
    let mut seen = BTreeSet::new();
    let mut pause = Duration::from_micros(200);
    loop {
        let alive = descendants();
        if alive == [warden] {
            // Usual by far, and worth no polling: it dies at once, and with it a whole namespace.
            kill(warden, Signal::SIGKILL).ok();
            waitpid(warden, None).ok();
        }
        kill_once(&alive);
        seen.extend(alive);
        if nothing_left() {
            return u32::try_from(seen.difference(&expected).count()).unwrap_or(u32::MAX);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Kills these, which live.
pub(super) fn kill_once(alive: &[Pid]) {
    // One call for a whole group, which no fork can slip through. A number that a living process
    // has is nobody else's.
    let groups: BTreeSet<_> = alive.iter().filter_map(|pid| getpgid(Some(*pid)).ok()).collect();
    for group in groups.intersection(&alive.iter().copied().collect()) {
        killpg(*group, Signal::SIGKILL).ok();
    }
    for pid in alive {
        // A process may end between being seen and being killed.
        kill(*pid, Signal::SIGKILL).ok();
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
