//! A hostile program: each trick is one way out that must be shut. It says `held: WHY` where it
//! was, and `BREACH: WHAT` where it was not; some only end when they are killed.

#![expect(unsafe_code, reason = "what is hostile asks the kernel itself")]
#![expect(clippy::print_stdout, reason = "it is a program")]
#![expect(clippy::disallowed_methods, reason = "it is a program, and not a polite one")]

mod files;
mod kernel;
mod limits;
mod network;
mod processes;
mod space;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Error, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use libc::{c_int, c_long};

/// The hidden argument that makes this binary a hostile program: `VILLAIN TRICK`.
pub(crate) const VILLAIN: &str = "__villain";

/// Why a trick did not work, or what it got.
type Told = Result<String, String>;

/// A trick by its name.
pub(crate) type Trick = (&'static str, fn() -> Told);

/// The tricks of all kinds.
pub(crate) fn tricks() -> impl Iterator<Item = &'static Trick> {
    let kinds = [
        processes::TRICKS,
        files::TRICKS,
        network::TRICKS,
        kernel::TRICKS,
        space::TRICKS,
        limits::TRICKS,
    ];
    kinds.into_iter().flatten()
}

/// Is the hostile program.
pub(crate) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let wanted = args.next().unwrap_or_default();
    let Some((_, trick)) = tricks().find(|(name, _)| *name == wanted) else {
        println!("no such trick");
        return ExitCode::from(64);
    };
    match trick() {
        Ok(why) => println!("held: {why}"),
        Err(what) => {
            println!("BREACH: {what}");
            return ExitCode::from(66);
        }
    }
    ExitCode::SUCCESS
}

/// A path outside, below the world of the test.
fn target(name: &str) -> String {
    let world = std::env::var("WORLD").unwrap_or_default();
    format!("{world}/{name}")
}

fn raw(call: c_long, args: [c_long; 6]) -> Result<c_long, Error> {
    let [a, b, c, d, e, f] = args;
    // SAFETY: none is needed: the kernel checks what it is given, and this process may break.
    let done = unsafe { libc::syscall(call, a, b, c, d, e, f) };
    if done < 0 { Err(Error::last_os_error()) } else { Ok(done) }
}

/// Holds if the kernel says that it is not permitted, or that there is no such thing; that the
/// arguments are wrong would mean that it looked at them.
fn refused(call: impl FnOnce() -> Result<c_long, Error>) -> Told {
    match call() {
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOSYS)) =>
        {
            Ok(error.to_string())
        }
        Err(error) => Err(format!("the kernel was asked: {error}")),
        Ok(_) => Err("it worked".to_owned()),
    }
}

fn no_read(path: &str) -> Told {
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(100).read_to_string(&mut text)) {
        Err(error) => Ok(format!("{path}: {error}")),
        Ok(0) => Ok(format!("{path} is empty")),
        Ok(_) => Err(format!("{path} says {text:?}")),
    }
}

fn no_write(path: &str) -> Told {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    match opened.and_then(|mut file| file.write_all(b"villain")) {
        Err(error) => Ok(format!("{path}: {error}")),
        Ok(()) => Err(format!("wrote to {path}")),
    }
}

fn sleep_long() -> Told {
    std::thread::sleep(Duration::from_secs(120));
    Err("it was let sleep".to_owned())
}

fn fork() -> c_int {
    // SAFETY: this program has one thread where it forks.
    unsafe { libc::fork() }
}

fn kill(pid: c_int, signal: c_int) -> c_int {
    // SAFETY: a signal.
    unsafe { libc::kill(pid, signal) }
}
