//! The supervisor: a small process between the builder and one program, that lets none of the
//! program's descendants outlive the run.
//!
//! The builder starts its own binary again as `BINARY __supervise SPEC` and holds the write end of
//! a pipe that is the supervisor's standard input. However the builder ends, by `kill -9` too, the
//! kernel closes that pipe, and the supervisor kills everything. It is a *subreaper*: a descendant
//! that forks twice or starts a session of its own becomes the supervisor's child, so "no child is
//! left" means that nothing is left. The program is started through one more stage, `__supervise
//! --enter`, which prepares the process it is in and then becomes the program.
//!
//! Standard output carries the program's lines of progress. How the run ended goes to a report.

mod capture;
mod enter;
mod processes;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeValLike as _;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, read};

use crate::sandbox::{Exit, Finished, Level, Limit, Log, Spec, Usage};

/// The hidden first argument with which the binary is a supervisor.
pub const ARGUMENT: &str = "__supervise";

/// The argument after it with which the binary becomes the program.
const ENTER: &str = "--enter";

/// How often memory and processes are measured.
const SAMPLE: Duration = Duration::from_millis(150);

/// The files in a run's control directory.
pub(crate) struct Files {
    /// The run's [`Spec`], by the builder.
    pub(crate) spec: PathBuf,
    /// The [`Finished`] run, by the supervisor.
    pub(crate) report: PathBuf,
    /// Why the program could not be started, by the stage that tried.
    pub(crate) refusal: PathBuf,
    /// What the supervisor itself said on standard error.
    pub(crate) complaints: PathBuf,
}

impl Files {
    pub(crate) fn of(control: &Path) -> Files {
        Files {
            spec: control.join("spec.json"),
            report: control.join("report.json"),
            refusal: control.join("refused"),
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
        [enter, spec, parent] if enter == ENTER => Err(enter::program(Path::new(spec), parent)),
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
    let finished = run(&spec, path, &files)?;
    let text = serde_json::to_vec(&finished).map_err(|error| error.to_string())?;
    let fresh = files.report.with_extension("new");
    fs::write(&fresh, text)
        .and_then(|()| fs::rename(&fresh, &files.report))
        .map_err(|error| format!("{}: {error}", files.report.display()))
}

fn run(spec: &Spec, path: &Path, files: &Files) -> Result<Finished, String> {
    let signals = block_signals().map_err(|errno| format!("signals: {errno}"))?;
    prctl::set_child_subreaper(true).map_err(|errno| format!("subreaper: {errno}"))?;

    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    // The path works even when the binary was replaced since the builder started.
    let mut command = std::process::Command::new("/proc/self/exe");
    command
        .arg0("rescience")
        .args([ARGUMENT, ENTER])
        .arg(path)
        .arg(std::process::id().to_string())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("/proc/self/exe: {error}"))?;
    let program = Pid::from_raw(child.id().cast_signed());

    let stdout = capture::start(child.stdout.take(), &spec.stdout, spec.limits.log, true);
    let stderr = capture::start(child.stderr.take(), &spec.stderr, spec.limits.log, false);

    let mut watch = Watch::new(spec, started, program);
    let exit = watch.until_end(&signals);
    let wall = started.elapsed();
    let left_running = processes::kill_all(program);
    let exit = match fs::read_to_string(&files.refusal) {
        Ok(why) => Exit::NotStarted(why),
        Err(_) => exit,
    };
    let (stdout, stderr) = (stdout.finish()?, stderr.finish()?);
    Ok(Finished {
        usage: usage(wall, watch.peak),
        exit,
        level: Level::ProcessGroup,
        stdout,
        stderr,
        left_running,
    })
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

/// The watch over a running program.
struct Watch<'a> {
    spec: &'a Spec,
    started: Instant,
    program: Pid,
    /// The largest sum of resident memory seen, in bytes.
    peak: u64,
    next_sample: Instant,
    next_disk: Instant,
}

impl Watch<'_> {
    fn new(spec: &Spec, started: Instant, program: Pid) -> Watch<'_> {
        let next_disk = started + Duration::from_secs(1);
        Watch { spec, started, program, peak: 0, next_sample: started + SAMPLE / 10, next_disk }
    }

    /// Waits until the program ends, or until it has to.
    fn until_end(&mut self, signals: &SignalFd) -> Exit {
        let stdin = io::stdin();
        loop {
            if let Some(exit) = self.reap() {
                return exit;
            }
            let now = Instant::now();
            if now.duration_since(self.started) >= self.spec.limits.wall {
                return Exit::Limit(Limit::Wall);
            }
            if let Some(limit) = self.sample(now) {
                return Exit::Limit(limit);
            }
            let deadline = self.started.checked_add(self.spec.limits.wall);
            let wake = deadline.map_or(self.next_sample, |at| at.min(self.next_sample));
            // Rounded up, so that the loop does not spin through the last millisecond.
            let pause = wake.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            let mut ready = [
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
            ];
            let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX);
            match poll(&mut ready, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return Exit::Stopped,
            }
            let [signal, leash] = ready.map(|fd| fd.any().unwrap_or(true));
            if leash && is_closed(stdin.as_fd()) || signal && asked_to_stop(signals) {
                return Exit::Stopped;
            }
        }
    }

    /// Collects dead children, adopted ones among them; how the program ended if it did.
    fn reap(&self) -> Option<Exit> {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == self.program => {
                    return Some(Exit::Code(code));
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.program => {
                    return Some(Exit::Signal(signal as i32));
                }
                Ok(WaitStatus::StillAlive) => return None,
                // Not possible while the program is neither alive nor reported.
                Err(errno) if errno != Errno::EINTR => {
                    return Some(Exit::Lost(format!("waiting for the program: {errno}")));
                }
                _ => {}
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
        let alive = processes::descendants();
        let memory = alive.iter().map(|pid| processes::resident(*pid)).sum::<u64>();
        self.peak = self.peak.max(memory);
        if limits.memory.is_some_and(|limit| memory > limit) {
            return Some(Limit::Memory);
        }
        if limits.processes.is_some_and(|limit| alive.len() > limit as usize) {
            return Some(Limit::Processes);
        }
        if let Some(limit) = limits.disk
            && now >= self.next_disk
        {
            let used = self.spec.writable.iter().map(|dir| capture::disk_use(dir)).sum::<u64>();
            // A tree of a million files is not walked all the time.
            let took = now.elapsed();
            self.next_disk = Instant::now() + Duration::from_secs(1).max(took * 20);
            if used > limit {
                return Some(Limit::Disk);
            }
        }
        None
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

/// Log of a stream that was never opened.
pub(crate) const NO_LOG: Log = Log { written: 0, kept: 0 };
