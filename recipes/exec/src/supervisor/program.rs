//! The last stage before a program: limits what this process may ever do, then becomes the program.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt as _;
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, getppid, setsid};
use seccompiler::BpfProgram;

use super::cell::{Line, Streams};
use super::{filter, guard, privileges};
use crate::sandbox::{Isolation, Spec};

/// Becomes the program; returns only if it cannot, with the reason. `warden` is the process that
/// waits for it.
pub(super) fn become_it(
    spec: &Spec,
    filter: &BpfProgram,
    streams: &Streams,
    line: &Line,
    warden: Pid,
) -> String {
    let done = prepare(spec, streams, warden).and_then(|()| shut(spec, filter, line));
    match done {
        Ok(()) => exec(spec),
        Err(why) => why,
    }
}

fn prepare(spec: &Spec, streams: &Streams, warden: Pid) -> Result<(), String> {
    let told = |what: &'static str| move |errno: nix::Error| format!("{what}: {errno}");
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(told("death signal"))?;
    if getppid() != warden {
        return Err("the supervisor is gone".to_owned());
    }
    // No terminal, and signals to a group reach the program's alone.
    setsid().map_err(told("a new session"))?;
    dup2_stdin(&streams.stdin).map_err(told("standard input"))?;
    dup2_stdout(&streams.stdout).map_err(told("standard output"))?;
    dup2_stderr(&streams.stderr).map_err(told("standard error"))?;
    // Modes of outputs must not depend on who builds.
    umask(Mode::from_bits_truncate(0o022));
    limit(spec)?;
    close_on_exec()
}

/// What the kernel holds for each process by itself.
fn limit(spec: &Spec) -> Result<(), String> {
    let mut limits = vec![
        // A dump of a crashed program would land among its outputs.
        (Resource::RLIMIT_CORE, 0),
    ];
    let isolated = spec.isolation == Isolation::Full;
    limits.extend(spec.limits.disk.map(|bytes| (Resource::RLIMIT_FSIZE, bytes)));
    limits.extend(spec.limits.files.map(|count| (Resource::RLIMIT_NOFILE, count.into())));
    // Elsewhere it would count everything that the user runs on this machine. The warden counts
    // too, and one more lets the supervisor see that the limit was passed.
    let processes = spec.limits.processes.filter(|_| isolated);
    limits.extend(processes.map(|count| (Resource::RLIMIT_NPROC, u64::from(count) + 2)));
    limits.into_iter().try_for_each(|(resource, value)| {
        let told = |errno| format!("{resource:?}: {errno}");
        let (_, most) = getrlimit(resource).map_err(told)?;
        let value = value.min(most);
        setrlimit(resource, value, value).map_err(told)
    })
}

/// Closes the files that whoever started the builder left open, and our own, when the program
/// starts.
fn close_on_exec() -> Result<(), String> {
    let listing = "/proc/self/fd";
    let entries = fs::read_dir(listing).map_err(|error| format!("{listing}: {error}"))?;
    let open: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        mark(fd);
    }
    Ok(())
}

#[expect(unsafe_code, reason = "descriptors that were inherited have no owner in this process")]
fn mark(fd: RawFd) {
    // SAFETY: the descriptor is only marked; one that is closed meanwhile, as the listing's own is,
    // is an error that does not matter.
    let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok();
}

/// Gives up, for this process and all that come of it, what no experiment needs.
fn shut(spec: &Spec, calls: &BpfProgram, line: &Line) -> Result<(), String> {
    if spec.isolation == Isolation::None {
        return Ok(());
    }
    prctl::set_no_new_privs().map_err(|errno| format!("giving up privileges: {errno}"))?;
    privileges::drop_all()?;
    let known = guard::restrict(spec)?;
    if !known && spec.isolation == Isolation::Partial {
        return Err("this kernel has no Landlock".to_owned());
    }
    if spec.observed {
        // A kernel or a container that forbids listening costs an explanation, not the run.
        if let Ok(listener) = filter::observe(calls) {
            return line.hand_over(&listener).map_err(|errno| format!("the listener: {errno}"));
        }
    }
    filter::apply(calls)
}

fn exec(spec: &Spec) -> String {
    let Some((program, args)) = spec.argv.split_first() else {
        return "the command is empty".to_owned();
    };
    if let Err(error) = std::env::set_current_dir(&spec.cwd) {
        let what = if spec.cwd.is_dir() {
            error.to_string()
        } else {
            "not a directory to start in".to_owned()
        };
        return format!("{}: {what}", spec.cwd.display());
    }
    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    let mut command = std::process::Command::new(program);
    command.args(args).env_clear().envs(&spec.env);
    let mut error = command.exec();
    // The builder wrote the program a moment ago, and another process that it was just starting
    // then may still hold the file open for writing.
    let mut patience = 100;
    while error.kind() == io::ErrorKind::ExecutableFileBusy && patience > 0 {
        thread::sleep(Duration::from_millis(10));
        patience -= 1;
        error = command.exec();
    }
    let mut why = format!("{}: {error}", program.display());
    if !program.to_string_lossy().contains('/') {
        let searched = spec.env.get(OsStr::new("PATH"));
        why += &match searched {
            Some(path) => format!(" (searched in {})", path.display()),
            None => " (no PATH to search in)".to_owned(),
        };
    }
    why
}
