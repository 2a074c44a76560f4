//! The watch over a running cell: it looks at the processes from time to time, and waits for their
//! end or for a reason to end them.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use super::capture::Capture;
use super::cell::{Cell, Message};
use super::cgroup::Cgroup;
use super::disk::Disk;
use super::follow::Sight;
use super::keeper::Keeper;
use super::notify::Observer;
use super::processes::Used;
use super::{SAMPLE, memory, processes};
use crate::facts::sample::Sampler;
use crate::sandbox::{Exit, Holder, Limit, Spec};

/// The watch over a running cell.
pub(super) struct Watch<'a> {
    spec: &'a Spec,
    cell: &'a Cell,
    pub(super) group: Cgroup,
    logs: [&'a Capture; 2],
    pub(super) observer: Option<Observer>,
    pub(super) sampler: Sampler,
    processes: processes::Meter,
    memory: memory::Shared,
    /// The largest sum of memory seen, in bytes.
    pub(super) peak: u64,
    /// CPU time in user mode and in the kernel.
    pub(super) cpu: [Duration; 2],
    next_sample: Instant,
}

/// How a run came to its end.
pub(super) struct End {
    pub(super) exit: Exit,
    /// Processes that the program left behind in a namespace; none if the warden could not tell. It
    /// could tell for sure that there was none: all others there become its children.
    pub(super) left: Option<u32>,
    /// CPU time of all that the warden waited for, in user mode and in the kernel.
    pub(super) cpu: Option<[Duration; 2]>,
    /// The most bytes that one of these had resident.
    pub(super) peak: u64,
    /// Bytes that the program and all that was waited for read and wrote.
    pub(super) io: Option<[u64; 2]>,
}

impl From<Exit> for End {
    fn from(exit: Exit) -> End {
        End { exit, left: None, cpu: None, peak: 0, io: None }
    }
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        spec: &'a Spec,
        started: Instant,
        cell: &'a Cell,
        group: Cgroup,
        logs: [&'a Capture; 2],
        sampler: Sampler,
    ) -> Watch<'a> {
        Watch {
            spec,
            cell,
            group,
            logs,
            observer: None,
            sampler,
            processes: processes::Meter::default(),
            memory: memory::Shared::new(spec.limits.memory.unwrap_or(u64::MAX)),
            peak: 0,
            cpu: [Duration::ZERO; 2],
            next_sample: started + SAMPLE / 10,
        }
    }

    /// Waits until the program ends, or until it has to.
    pub(super) fn until_end(
        &mut self,
        signals: &SignalFd,
        keeper: &Keeper,
        disk: Option<&Disk>,
    ) -> End {
        loop {
            let now = Instant::now();
            if let Some(limit) = self.sample(now, disk) {
                return Exit::Limit(limit).into();
            }
            // Rounded up, so that the loop does not spin through the last millisecond.
            let pause = self.next_sample.saturating_duration_since(Instant::now());
            let pause = pause + Duration::from_millis(1);
            let mut ready = [
                PollFd::new(self.cell.as_fd(), PollFlags::POLLIN),
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(keeper.as_fd(), PollFlags::POLLIN),
            ];
            let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX);
            match poll(&mut ready, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return Exit::Stopped.into(),
            }
            let [cell, signal, _] = ready.map(|fd| fd.any().unwrap_or(true));
            // First: the keeper may have ended the cell.
            if let Some(verdict) = keeper.verdict() {
                return verdict.into();
            }
            if cell && let Some(end) = self.hear() {
                return end;
            }
            if signal && asked_to_stop(signals) {
                return Exit::Stopped.into();
            }
            processes::reap_adopted(self.cell.warden);
        }
    }

    /// Takes a message of the cell; the end, if it is one.
    fn hear(&mut self) -> Option<End> {
        match self.cell.receive() {
            Message::Refused(why) => Some(Exit::NotStarted(why).into()),
            Message::Ended(end) => Some(end),
            Message::Closed => {
                let why = "the process that waited for the program was killed";
                Some(Exit::Lost(why.to_owned()).into())
            }
            Message::Joined(passed) => {
                self.group.joined(&passed);
                None
            }
            Message::SharedMemory(files) => {
                self.memory.files = Some(files);
                None
            }
            Message::SystemV(lists) => {
                self.memory.lists = lists.into_iter().map(File::from).collect();
                None
            }
            Message::Listener(listener) => {
                let sight = Sight::of(self.spec);
                self.observer = Some(Observer::start(listener, self.spec.cwd.clone(), sight));
                None
            }
        }
    }

    /// Measures what is due; the limit that the run is over, if any.
    fn sample(&mut self, now: Instant, disk: Option<&Disk>) -> Option<Limit> {
        if now < self.next_sample {
            return None;
        }
        self.next_sample = now + SAMPLE;
        let limits = &self.spec.limits;
        let used = self.look();
        if let Some(limit) = self.group.hit() {
            return Some(limit);
        }
        if let Some(most) = limits.memory
            && self.group.held().memory == Holder::Sampling
        {
            let memory = self.memory.used(&used.pids);
            self.peak = self.peak.max(memory.measured);
            if memory.suspected > most {
                return Some(Limit::Memory);
            }
        }
        if limits.processes.is_some_and(|most| used.threads > u64::from(most)) {
            return Some(Limit::Processes);
        }
        let cpu = self.group.cpu().unwrap_or_default().iter().sum::<Duration>();
        let cpu = cpu.max(self.cpu.iter().sum());
        if limits.cpu.is_some_and(|most| cpu > most) {
            return Some(Limit::Cpu);
        }
        if self.logs.iter().any(|log| log.is_flooded()) {
            return Some(Limit::Log);
        }
        disk.filter(|disk| disk.is_over()).map(|_| Limit::Disk)
    }

    /// Looks at all processes once.
    pub(super) fn look(&mut self) -> Used {
        let used = self.processes.look(self.cell.warden);
        self.cpu = used.cpu;
        self.peak = self.peak.max(used.memory);
        self.sampler.sample(&used.pids, used.threads);
        used
    }
}

/// Whether one of the pending signals asks for the end; a dead child's does not.
fn asked_to_stop(signals: &SignalFd) -> bool {
    let mut asked = false;
    while let Ok(Some(signal)) = signals.read_signal() {
        asked |= signal.ssi_signo.cast_signed() != Signal::SIGCHLD as i32;
    }
    asked
}
