//! The supervisor: a small process between the builder and one program, that lets none of the
//! program's descendants outlive the run.
//!
//! The builder starts its own binary again as `BINARY __supervise CONTROL`, writes the run's [`Spec`]
//! to a socket that is the supervisor's standard input, and holds its end of it. However the builder
//! ends, by `kill -9` too, the kernel closes that socket, and the [keeper](Keeper) sees to it that
//! everything is killed. The program runs in a [cell](Cell), with a warden in between. Where there is
//! no process namespace, the supervisor is a *subreaper*: a descendant that forks twice or starts a
//! session of its own becomes its child, so "no child is left" means that nothing is left. The
//! builder is one too: what a supervisor leaves that was killed is the builder's to end.
//!
//! A program without a sandbox has its user's rights. It cannot open the supervisor's files, but it
//! can kill the supervisor and the builder, and a root's program can do with both what it likes.
//!
//! Standard output carries the program's lines of progress, and in the end a line of how the run
//! ended. No file is made for any of this, which would cost as much as a namespace.

mod capture;
mod cell;
mod cgroup;
mod devices;
mod disk;
mod files;
mod filter;
mod follow;
mod guard;
mod keeper;
mod memory;
mod network;
mod notify;
mod privileges;
mod processes;
mod program;
mod sys;
mod view;
mod watch;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::unistd::{Pid, pipe2, read};

use self::cell::{Cell, Streams};
use self::cgroup::Cgroup;
use self::disk::Disk;
use self::keeper::{Keeper, Patience};
use self::notify::Observer;
use self::watch::Watch;
use crate::facts::sample::Sampler;
use crate::sandbox::{Access, Exit, Finished, Holder, Isolation, Level, Limit, Spec, Usage};

/// The hidden first argument with which the binary is a supervisor.
pub const ARGUMENT: &str = "__supervise";

/// How often memory and processes are measured.
const SAMPLE: Duration = Duration::from_millis(150);

/// The first byte of the line with the [`Finished`] run. No line of progress starts with it, whatever
/// the program prints.
pub(crate) const REPORT: u8 = b'=';

/// The argument after the control directory with which a run has no facts but of its start and end;
/// all limits hold.
pub(crate) const WITHOUT_SAMPLES: &str = "without-samples";

/// Is the supervisor of one run, whose [`Spec`] is the first line of standard input. `args` are those
/// after [`ARGUMENT`]: the run's control directory, for people who look at processes, and perhaps one
/// for those who measure this supervisor.
///
/// To be called before anything else in `main`, while there is one thread.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let outcome = match args.as_slice() {
        [_] => supervise(true),
        [_, only] if only == WITHOUT_SAMPLES => supervise(false),
        _ => Err("usage: __supervise CONTROL < SPEC".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            #[expect(clippy::print_stderr, reason = "the builder reads it if there is no report")]
            {
                eprintln!("{why}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The filter of system calls that a program is under, as the kernel takes it: for those who put
/// another's programs under the same.
///
/// # Errors
/// In words, on machines that there is no filter for.
pub fn filter() -> Result<Vec<u8>, String> {
    let bytes = |step: &seccompiler::sock_filter| {
        let [low, high] = step.code.to_ne_bytes();
        let value = step.k.to_ne_bytes();
        [low, high, step.jt, step.jf, value[0], value[1], value[2], value[3]]
    };
    Ok(filter::compile(filter::Sockets::All)?.iter().flat_map(bytes).collect())
}

/// The spec. Nothing comes after its line: standard input is the leash from then on.
fn read_spec() -> Result<Spec, String> {
    let mut text = Vec::new();
    let mut part = vec![0; 64 << 10];
    while !text.ends_with(b"\n") {
        match read(io::stdin(), &mut part) {
            Ok(0) => return Err("the builder went away".to_owned()),
            Ok(length) => text.extend_from_slice(&part[..length]),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(format!("the run's description: {errno}")),
        }
    }
    serde_json::from_slice(&text).map_err(|error| format!("the run's description: {error}"))
}

fn supervise(sampled: bool) -> Result<(), String> {
    // Programs of the same user may not look into it, nor hold it by its files.
    prctl::set_dumpable(false).map_err(|errno| format!("protecting the supervisor: {errno}"))?;
    let spec = read_spec()?;
    let (finished, remains) = run(&spec, sampled)?;
    let reported = report(&finished);
    remains.clear();
    reported
}

fn report(finished: &Finished) -> Result<(), String> {
    let mut text = vec![REPORT];
    serde_json::to_writer(&mut text, finished).map_err(|error| error.to_string())?;
    text.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&text).and_then(|()| stdout.flush()).map_err(|error| error.to_string())
}

/// What is taken down after the report, since the kernel takes its time for it: our own warden with
/// its namespaces, in which nothing is left, and the control groups.
#[derive(Default)]
struct Remains {
    warden: Option<Pid>,
    /// Removed when it is dropped.
    _group: Cgroup,
}

impl Remains {
    fn clear(self) {
        if let Some(warden) = self.warden {
            processes::kill_all(warden);
        }
    }
}

fn run(spec: &Spec, sampled: bool) -> Result<(Finished, Remains), String> {
    let signals = block_signals().map_err(|errno| format!("signals: {errno}"))?;
    prctl::set_child_subreaper(true).map_err(|errno| format!("subreaper: {errno}"))?;
    let pipe = || pipe2(OFlag::O_CLOEXEC).map_err(|errno| format!("a pipe: {errno}"));
    let ((stdout, to_stdout), (stderr, to_stderr)) = (pipe()?, pipe()?);
    let stdin = File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?;
    let streams = Streams { stdin: stdin.into(), stdout: to_stdout, stderr: to_stderr };
    let (cell, group) = match Cell::make(spec, streams) {
        Ok(made) => made,
        Err(why) => {
            let finished = Finished::without_evidence(Exit::NotStarted(why));
            return Ok((finished, Remains::default()));
        }
    };
    // Threads only from here on: a process with several cannot be copied.
    let leash = io::stdin().as_fd().try_clone_to_owned();
    let warden = cell.warden;
    let keeper = leash.and_then(|leash| Keeper::start(warden, leash, Patience::USUAL, leave));
    let mut keeper = keeper.map_err(|error| format!("the keeper: {error}"))?;
    // The program gets what it has without this.
    disk::raise_open_files().ok();
    let stream = |from, to: &PathBuf, progress| capture::Stream {
        from,
        to: to.clone(),
        cap: spec.limits.log,
        progress,
    };
    let [stdout, stderr] =
        capture::start([stream(stdout, &spec.stdout, true), stream(stderr, &spec.stderr, false)]);
    let gpus: Vec<String> = spec.gpus.iter().map(|gpu| gpu.uuid.clone()).collect();
    // A driver takes its time to tell of accelerators, and that is not the program's.
    let sampler = if sampled { Sampler::start(&gpus) } else { Sampler::blind() };
    let disk = spec.limits.disk.map(|most| Disk::start(written(spec), most));

    let started = Instant::now();
    if let Some(deadline) = started.checked_add(spec.limits.wall) {
        keeper.until(deadline);
    }
    cell.go();
    let mut watch = Watch::new(spec, started, &cell, group, [&stdout, &stderr], sampler);
    let end = watch.until_end(&signals, &keeper, disk.as_ref());
    let wall = started.elapsed();
    // The warden waited for all of it and counted it.
    let is_over = end.left == Some(0);
    if !is_over {
        watch.look();
    }
    watch.sampler.stop();
    keeper.ending();
    // The same processes may be seen twice: counted by the warden, and dying with it after that.
    let left_running =
        if is_over { 0 } else { end.left.unwrap_or(0).max(processes::kill_all(warden)) };
    // Anybody can send this signal: the files say whether it was the kernel.
    let was_stopped = end.exit == Exit::Signal(Signal::SIGXFSZ as i32);
    let over = disk.is_some_and(|disk| disk.finish(was_stopped)).then_some(Limit::Disk);
    let Watch { group, peak, cpu, observer, sampler, .. } = watch;
    let usage = usage(wall, peak.max(end.peak), [Some(cpu), end.cpu, group.cpu()], group.charged());
    // What no look has caught, the count at the end may.
    let sampled = group.held().memory == Holder::Sampling;
    let most = spec.limits.memory.filter(|_| sampled);
    let ballooned = most.is_some_and(|most| usage.peak_memory_bytes > most);
    let over = over.or(ballooned.then_some(Limit::Memory));
    let exit = verdict(group.hit().or(over), end.exit);
    let (stdout, stderr) = (stdout.finish()?, stderr.finish()?);
    let finished = Finished {
        told: !matches!(exit, Exit::NotStarted(_)),
        usage,
        level: level(spec, &exit),
        exit,
        stdout,
        stderr,
        left_running,
        held: group.held(),
        opened: observer.and_then(Observer::finish),
        measured: sampler.finish(wall, usage.user + usage.system, end.io),
    };
    Ok((finished, Remains { warden: is_over.then_some(warden), _group: group }))
}

/// Makes this process, a builder, the heir of what a supervisor leaves that was killed.
pub(crate) fn inherit_orphans() -> io::Result<()> {
    processes::know_own();
    Ok(prctl::set_child_subreaper(true)?)
}

/// Kills what this supervisor left, which is dead and was waited for; whether nothing is left.
pub(crate) fn end_orphans(supervisor: u32) -> bool {
    processes::end_orphans(Pid::from_raw(supervisor.cast_signed()))
}

/// Ends the supervisor without a report, since none comes.
#[expect(unsafe_code, reason = "whatever holds up the watch would hold up an orderly exit too")]
fn leave() {
    for _ in 0..20 {
        processes::kill_once(&processes::descendants());
        thread::sleep(Duration::from_millis(10));
    }
    #[expect(clippy::print_stderr, reason = "the builder reads it if there is no report")]
    {
        eprintln!("the end of the run was held up");
    }
    // SAFETY: it ends the process and touches nothing.
    unsafe { libc::_exit(1) }
}

/// How a run ended that ran into this limit, if into any.
fn verdict(over: Option<Limit>, exit: Exit) -> Exit {
    match (over, exit) {
        // Whatever the program made of it. The kernel may have killed the warden as well.
        (Some(limit), Exit::Code(_) | Exit::Signal(_) | Exit::Lost(_)) => Exit::Limit(limit),
        (_, exit) => exit,
    }
}

/// The directories that a run may write.
fn written(spec: &Spec) -> Vec<PathBuf> {
    let shown = spec.shown.iter().filter(|shown| shown.access == Access::Write);
    shown.map(|shown| shown.from.clone()).collect()
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

/// CPU time in user mode and in the kernel of the children that this process waited for, and of
/// those that they did; and the most bytes that one of them had resident.
fn used_by_children() -> Option<([Duration; 2], u64)> {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let duration =
        |time: TimeVal| Duration::from_micros(time.num_microseconds().max(0).unsigned_abs());
    // Linux counts in KiB.
    let peak = used.max_rss().max(0).unsigned_abs() * 1024;
    Some(([used.user_time(), used.system_time()].map(duration), peak))
}

/// `counted` is what was counted of CPU time in user mode and in the kernel, each lacking something
/// that another may have: by the supervisor's looks what came after the last and what was too short
/// to be seen, by the kernel for a waiting parent what nobody waited for.
fn usage(
    wall: Duration,
    sampled: u64,
    counted: [Option<[Duration; 2]>; 3],
    charged_memory_bytes: Option<u64>,
) -> Usage {
    let children = used_by_children();
    let waited = children.map(|(time, _)| time);
    let all = counted.into_iter().chain([waited]).flatten();
    let [user, system] = all.max_by_key(|[user, system]| *user + *system).unwrap_or_default();
    let largest = children.map_or(0, |(_, peak)| peak);
    let peak_memory_bytes = sampled.max(largest);
    Usage { wall, user, system, peak_memory_bytes, charged_memory_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_the_reason_whatever_else_happened() {
        let lost = || Exit::Lost("the process that waited for the program was killed".to_owned());
        for exit in [Exit::Code(0), Exit::Code(1), Exit::Signal(9), lost()] {
            assert_eq!(verdict(Some(Limit::Memory), exit), Exit::Limit(Limit::Memory));
        }
        assert_eq!(verdict(None, lost()), lost());
        assert_eq!(verdict(None, Exit::Signal(25)), Exit::Signal(25));
        assert_eq!(verdict(Some(Limit::Memory), Exit::Stopped), Exit::Stopped);
        let wall = Exit::Limit(Limit::Wall);
        assert_eq!(verdict(Some(Limit::Memory), wall.clone()), wall);
    }

    #[test]
    fn cpu_time_is_the_most_that_anybody_counted() {
        let [less, more] = [[1, 1], [1, 2]].map(|pair| Some(pair.map(Duration::from_secs)));
        for counted in [[less, more, None], [more, less, None], [more, None, None]] {
            let used = usage(Duration::ZERO, 7, counted, None);
            assert_eq!((used.user, used.system), (Duration::from_secs(1), Duration::from_secs(2)));
        }
    }
}
