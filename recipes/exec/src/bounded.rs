//! A part of our own work that strangers decide the cost of, done by this binary as a process of its
//! own: it ends when it needs more than it may, and what it was part of goes on.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};

/// How such a process ends when its time is over, which timeout(1) uses for the same.
const OVERTIME: i32 = 124;

/// How such a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With an exit code, having said why if it is not 0.
    Code(i32),
    /// Its time was over.
    Overtime,
    /// By a signal: it aborts where there is no memory to be had.
    Signal(i32),
}

/// Runs a binary that answers for its bounds itself, and waits for it. It has this process's standard
/// streams.
///
/// # Errors
/// It cannot be started.
#[expect(clippy::disallowed_methods, reason = "it is this crate that starts processes")]
pub fn run(binary: &Path, directory: &Path, args: &[OsString]) -> io::Result<Ended> {
    let status = Command::new(binary).current_dir(directory).args(args).status()?;
    Ok(match status.code() {
        Some(OVERTIME) => Ended::Overtime,
        Some(code) => Ended::Code(code),
        None => Ended::Signal(status.signal().unwrap_or_default()),
    })
}

/// Lets this process have no more than so many bytes of memory of its own; files that it maps do not
/// count.
///
/// # Errors
/// A limit that the system does not take.
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_DATA, bytes, bytes)?)
}

/// Ends this process unless it is dropped in time.
#[must_use = "it holds as long as it is there"]
pub struct Deadline(
    #[expect(dead_code, reason = "dropping it tells the thread that waits")] Sender<()>,
);

impl Deadline {
    /// So much time from now.
    pub fn after(limit: Duration) -> Deadline {
        let (held, waiting) = channel();
        std::thread::spawn(move || {
            if waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                std::process::exit(OVERTIME);
            }
        });
        Deadline(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Ended {
        let args = ["-c", script].map(OsString::from);
        run(Path::new("/bin/sh"), Path::new("/"), &args).unwrap()
    }

    #[test]
    fn each_end_is_told_from_the_others() {
        assert_eq!(sh("exit 0"), Ended::Code(0));
        assert_eq!(sh("exit 101"), Ended::Code(101));
        assert_eq!(sh("exit 124"), Ended::Overtime);
        assert_eq!(sh("kill -ABRT $$"), Ended::Signal(6));
    }

    #[test]
    fn a_deadline_that_is_kept_ends_nothing() {
        let deadline = Deadline::after(Duration::from_millis(20));
        drop(deadline);
        std::thread::sleep(Duration::from_millis(60));
    }
}
