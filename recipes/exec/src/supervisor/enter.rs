//! The last stage before a program: prepares the process it is in, then becomes the program.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{close, getppid};

use super::{Files, read_spec};
use crate::sandbox::Spec;

/// Becomes the program of the spec at `path`; returns only if it cannot, with the reason.
/// `parent` is the supervisor's process id.
pub(super) fn program(path: &Path, parent: &OsStr) -> String {
    let spec = match read_spec(path) {
        Ok(spec) => spec,
        Err(why) => return why,
    };
    let why = match prepare(parent) {
        Ok(()) => exec(&spec),
        Err(why) => why,
    };
    let refusal = Files::of(&spec.control).refusal;
    match fs::write(&refusal, &why) {
        Ok(()) => why,
        Err(error) => format!("{why}; {}: {error}", refusal.display()),
    }
}

fn prepare(parent: &OsStr) -> Result<(), String> {
    // If somebody kills the supervisor itself, the program goes with it.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| format!("death signal: {errno}"))?;
    if *parent != *getppid().to_string() {
        return Err("the supervisor is gone".to_owned());
    }
    // The supervisor's blocked signals were inherited.
    SigSet::empty().thread_set_mask().map_err(|errno| format!("signal mask: {errno}"))?;
    // A dump of a crashed program would land among its outputs.
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|errno| format!("core limit: {errno}"))?;
    // Modes of outputs must not depend on who builds.
    umask(Mode::from_bits_truncate(0o022));
    close_inherited()
}

/// Closes the files that whoever started the builder left open.
fn close_inherited() -> Result<(), String> {
    let listing = "/proc/self/fd";
    let entries = fs::read_dir(listing).map_err(|error| format!("{listing}: {error}"))?;
    let open: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // The listing's own is closed by now.
        close(fd).ok();
    }
    Ok(())
}

fn exec(spec: &Spec) -> String {
    let Some((program, args)) = spec.argv.split_first() else {
        return "the command is empty".to_owned();
    };
    if !spec.cwd.is_dir() {
        return format!("{}: not a directory to start in", spec.cwd.display());
    }
    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    let mut command = std::process::Command::new(program);
    command.args(args).env_clear().envs(&spec.env).current_dir(&spec.cwd);
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
