//! The supervisor: a small process between the builder and one program, that lets none of the
//! program's descendants outlive the run.
//!
//! The builder starts its own binary again as `BINARY __supervise SPEC` and holds the write end of
//! a pipe that is the supervisor's standard input. However the builder ends, by `kill -9` too, the
//! kernel closes that pipe, and the supervisor kills everything. The program runs in a [cell](Cell), with
//! a warden in between. Where there is no process namespace, the supervisor is a *subreaper*: a
//! descendant that forks twice or starts a session of its own becomes its child, so "no child is
//! left" means that nothing is left.
//!
//! Standard output carries the program's lines of progress. How the run ended goes to a report.

mod capture;
mod cell;
mod cgroup;
mod filter;
mod guard;
mod network;
mod notify;
mod privileges;
mod processes;
mod program;
mod sys;
mod view;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeValLike as _;
use nix::unistd::{pipe2, read};

use self::capture::Capture;
use self::cell::{Cell, Message, Streams};
use self::cgroup::Cgroup;
use self::notify::Observer;
use crate::facts::sample::Sampler;
use crate::sandbox::{Access, Exit, Finished, Holder, Isolation, Level, Limit, Spec, Usage};

/// The hidden first argument with which the binary is a supervisor.
pub const ARGUMENT: &str = "__supervise";

/// How often memory and processes are measured.
const SAMPLE: Duration = Duration::from_millis(150);

/// The files in a run's control directory.
pub(crate) struct Files {
    /// The run's [`Spec`], by the builder.
    pub(crate) spec: PathBuf,
    /// The [`Finished`] run, by the supervisor.
    pub(crate) report: PathBuf,
    /// What the supervisor itself said on standard error.
    pub(crate) complaints: PathBuf,
}

impl Files {
    pub(crate) fn of(control: &Path) -> Files {
        Files {
            spec: control.join("spec.json"),
            report: control.join("report.json"),
            complaints: control.join("supervisor.log"),
        }
    }
}

/// Is the supervisor of one run. `args` are those after [`ARGUMENT`].
///
/// To be called before anything else in `main`, while there is one thread.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let outcome = match args.as_slice() {
        [spec] => supervise(Path::new(spec)),
        _ => Err("usage: __supervise SPEC".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            #[expect(clippy::print_stderr, reason = "it goes to the run's control directory")]
            {
                eprintln!("{why}");
            }
            ExitCode::FAILURE
        }
    }
}

fn read_spec(path: &Path) -> Result<Spec, String> {
    let text = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn supervise(path: &Path) -> Result<(), String> {
    let spec = read_spec(path)?;
    let files = Files::of(&spec.control);
    let finished = run(&spec)?;
    let text = serde_json::to_vec(&finished).map_err(|error| error.to_string())?;
    let fresh = files.report.with_extension("new");
    fs::write(&fresh, text)
        .and_then(|()| fs::rename(&fresh, &files.report))
        .map_err(|error| format!("{}: {error}", files.report.display()))
}

fn run(spec: &Spec) -> Result<Finished, String> {
    let signals = block_signals().map_err(|errno| format!("signals: {errno}"))?;
    prctl::set_child_subreaper(true).map_err(|errno| format!("subreaper: {errno}"))?;
    let pipe = || pipe2(OFlag::O_CLOEXEC).map_err(|errno| format!("a pipe: {errno}"));
    let ((stdout, to_stdout), (stderr, to_stderr)) = (pipe()?, pipe()?);
    let stdin = File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?;
    let streams = Streams { stdin: stdin.into(), stdout: to_stdout, stderr: to_stderr };
    let started = Instant::now();
    let (cell, group) = match Cell::start(spec, streams) {
        Ok(started) => started,
        Err(why) => return Ok(Finished::without_evidence(Exit::NotStarted(why))),
    };
    // Threads only from here on: a process with several cannot be copied.
    let stdout = capture::start(File::from(stdout), &spec.stdout, spec.limits.log, true);
    let stderr = capture::start(File::from(stderr), &spec.stderr, spec.limits.log, false);

    let mut watch = Watch::new(spec, started, &cell, &group, [&stdout, &stderr]);
    let end = watch.until_end(&signals);
    let wall = started.elapsed();
    // The same processes may be seen twice: counted by the warden, and dying with it after that.
    let left_running = end.left.max(processes::kill_all(cell.warden));
    let exit = match (group.hit(), end.exit) {
        // Whatever the program made of it, it ran into the limit.
        (Some(limit), Exit::Code(_) | Exit::Signal(_)) => Exit::Limit(limit),
        (None, Exit::Signal(signal)) if signal == Signal::SIGXFSZ as i32 => {
            Exit::Limit(Limit::Disk)
        }
        (_, exit) => exit,
    };
    let Watch { peak, observer, sampler, .. } = watch;
    let usage = usage(wall, peak);
    let (stdout, stderr) = (stdout.finish()?, stderr.finish()?);
    Ok(Finished {
        usage,
        level: level(spec, &exit),
        exit,
        stdout,
        stderr,
        left_running,
        held: group.held(),
        undeclared: observer.map(Observer::finish).unwrap_or_default(),
        measured: sampler.finish(wall, usage.user + usage.system),
    })
}

/// What a cell that could be started is worth.
fn level(spec: &Spec, exit: &Exit) -> Level {
    match spec.isolation {
        _ if matches!(exit, Exit::NotStarted(_)) => Level::None,
        Isolation::None => Level::None,
        Isolation::Partial => {
            let mut missing = vec!["namespaces".to_owned()];
            missing.extend(guard::missing(sys::landlock_version()));
            Level::Partial { missing }
        }
        Isolation::Full => Level::Full,
    }
}

/// Turns the signals that concern a supervisor into a readable file.
fn block_signals() -> nix::Result<SignalFd> {
    let mut signals = SigSet::empty();
    for signal in
        [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT]
    {
        signals.add(signal);
    }
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

fn usage(wall: Duration, sampled: u64) -> Usage {
    let duration = |microseconds: i64| Duration::from_micros(microseconds.max(0).unsigned_abs());
    match getrusage(UsageWho::RUSAGE_CHILDREN) {
        Ok(used) => Usage {
            wall,
            user: duration(used.user_time().num_microseconds()),
            system: duration(used.system_time().num_microseconds()),
            // Linux counts in KiB.
            peak_memory_bytes: sampled.max(used.max_rss().max(0).unsigned_abs() * 1024),
        },
        Err(_) => Usage { wall, peak_memory_bytes: sampled, ..Usage::default() },
    }
}

/// The watch over a running cell.
struct Watch<'a> {
    spec: &'a Spec,
    started: Instant,
    cell: &'a Cell,
    group: &'a Cgroup,
    logs: [&'a Capture; 2],
    observer: Option<Observer>,
    sampler: Sampler,
    /// The largest sum of resident memory seen, in bytes.
    peak: u64,
    next_sample: Instant,
    next_disk: Instant,
    /// Free bytes of the file system when the disk was measured last.
    free: Option<u64>,
}

/// How a run came to its end.
struct End {
    exit: Exit,
    /// Processes that the program left behind in a namespace.
    left: u32,
}

impl From<Exit> for End {
    fn from(exit: Exit) -> End {
        End { exit, left: 0 }
    }
}

impl<'a> Watch<'a> {
    fn new(
        spec: &'a Spec,
        started: Instant,
        cell: &'a Cell,
        group: &'a Cgroup,
        logs: [&'a Capture; 2],
    ) -> Watch<'a> {
        let (next_sample, next_disk) = (started + SAMPLE / 10, started + Duration::from_secs(1));
        Watch {
            spec,
            started,
            cell,
            group,
            logs,
            observer: None,
            sampler: Sampler::start(&spec.gpus),
            peak: 0,
            next_sample,
            next_disk,
            free: None,
        }
    }

    /// Waits until the program ends, or until it has to.
    fn until_end(&mut self, signals: &SignalFd) -> End {
        let stdin = io::stdin();
        loop {
            let now = Instant::now();
            if now.duration_since(self.started) >= self.spec.limits.wall {
                return Exit::Limit(Limit::Wall).into();
            }
            if let Some(limit) = self.sample(now) {
                return Exit::Limit(limit).into();
            }
            let deadline = self.started.checked_add(self.spec.limits.wall);
            let wake = deadline.map_or(self.next_sample, |at| at.min(self.next_sample));
            // Rounded up, so that the loop does not spin through the last millisecond.
            let pause = wake.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            let mut ready = [
                PollFd::new(self.cell.as_fd(), PollFlags::POLLIN),
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
            ];
            let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX);
            match poll(&mut ready, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return Exit::Stopped.into(),
            }
            let [cell, signal, leash] = ready.map(|fd| fd.any().unwrap_or(true));
            if cell && let Some(end) = self.hear() {
                return end;
            }
            if leash && is_closed(stdin.as_fd()) || signal && asked_to_stop(signals) {
                return Exit::Stopped.into();
            }
            processes::reap_adopted(self.cell.warden);
        }
    }

    /// Takes a message of the cell; the end, if it is one.
    fn hear(&mut self) -> Option<End> {
        match self.cell.receive() {
            Message::Refused(why) => Some(Exit::NotStarted(why).into()),
            Message::Ended { exit, left } => Some(End { exit, left }),
            Message::Closed => {
                let why = "the process that waited for the program was killed";
                Some(Exit::Lost(why.to_owned()).into())
            }
            Message::Listener(listener) => {
                let visible = view::visible(self.spec);
                self.observer = Some(Observer::start(listener, self.spec.cwd.clone(), visible));
                None
            }
        }
    }

    /// Measures what is due; the limit that the run is over, if any.
    fn sample(&mut self, now: Instant) -> Option<Limit> {
        if now < self.next_sample {
            return None;
        }
        self.next_sample = now + SAMPLE;
        let limits = &self.spec.limits;
        let held = self.group.held();
        let used = processes::used(self.cell.warden);
        self.peak = self.peak.max(used.memory);
        self.sampler.sample(&used.pids, used.threads);
        if let Some(limit) = self.group.hit() {
            return Some(limit);
        }
        if held.memory == Holder::Sampling && limits.memory.is_some_and(|most| used.memory > most) {
            return Some(Limit::Memory);
        }
        if limits.processes.is_some_and(|most| used.threads > u64::from(most)) {
            return Some(Limit::Processes);
        }
        if limits.cpu.is_some_and(|most| used.cpu > most) {
            return Some(Limit::Cpu);
        }
        if self.logs.iter().any(|log| log.is_flooded()) {
            return Some(Limit::Log);
        }
        limits.disk.filter(|most| self.disk_is_over(*most, now)).map(|_| Limit::Disk)
    }

    /// Whether the run wrote more than it may. A walk over a million files takes its time, so there
    /// is one each second at most, unless the file system fills fast.
    fn disk_is_over(&mut self, most: u64, now: Instant) -> bool {
        let written = || {
            let shown = self.spec.shown.iter().filter(|shown| shown.access == Access::Write);
            shown.map(|shown| shown.from.as_path())
        };
        let free = written().next().and_then(capture::free_bytes);
        let filling =
            self.free.zip(free).is_some_and(|(then, now)| then.saturating_sub(now) > most / 8);
        if now < self.next_disk && !filling {
            return false;
        }
        let used = written().map(capture::disk_use).sum::<u64>();
        let took = now.elapsed();
        self.free = free;
        self.next_disk = Instant::now() + Duration::from_secs(1).max(took * 20);
        used > most
    }
}

/// Whether the builder closed its end of the pipe. Nothing is ever written to it.
fn is_closed(leash: BorrowedFd<'_>) -> bool {
    !matches!(read(leash, &mut [0; 64]), Ok(1..) | Err(Errno::EINTR | Errno::EAGAIN))
}

/// Whether one of the pending signals asks for the end; a dead child's does not.
fn asked_to_stop(signals: &SignalFd) -> bool {
    let mut asked = false;
    while let Ok(Some(signal)) = signals.read_signal() {
        asked |= signal.ssi_signo.cast_signed() != Signal::SIGCHLD as i32;
    }
    asked
}
