//! The keeper: a thread that holds the wall limit and the leash, and does nothing else.
//!
//! The watch over a run looks at files that programs have their hands on. Should it ever be held up
//! there, the keeper ends the program without it, and the supervisor too if even then no report
//! comes.

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, read};

use crate::sandbox::{Exit, Limit};

/// How long the keeper waits for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the watch, to take a last look and end the run itself.
    pub(super) watch: Duration,
    /// For the report after that.
    pub(super) report: Duration,
}

impl Patience {
    /// Less than the builder has with its supervisor.
    pub(super) const USUAL: Patience =
        Patience { watch: Duration::from_millis(300), report: Duration::from_secs(8) };
}

/// The keeper, as the watch has it.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    /// Readable as soon as there is a verdict.
    told: PipeReader,
    wake: PipeWriter,
}

#[derive(Default)]
struct Shared {
    deadline: OnceLock<Instant>,
    verdict: OnceLock<Exit>,
    /// Whether the watch is ending the run. The warden is reaped only after that, so that its
    /// number cannot be another's when the keeper kills it.
    ending: Mutex<bool>,
}

impl Keeper {
    /// Starts to keep the process `warden` and the leash, whose other end the builder holds. `leave`
    /// ends the supervisor.
    pub(super) fn start(
        warden: Pid,
        leash: OwnedFd,
        patience: Patience,
        leave: impl FnOnce() + Send + 'static,
    ) -> io::Result<Keeper> {
        let shared = Arc::new(Shared::default());
        let ((told, tell), (woken, wake)) = (io::pipe()?, io::pipe()?);
        let keeper = Keeper { shared: Arc::clone(&shared), told, wake };
        thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            keep(&shared, leash.as_fd(), woken, tell, warden, patience);
            leave();
        })?;
        Ok(keeper)
    }

    /// From when on the run is over its wall limit; to be called once.
    pub(super) fn until(&mut self, deadline: Instant) {
        self.shared.deadline.set(deadline).ok();
        // A keeper that does not listen any more has come to a verdict.
        self.wake.write_all(b".").ok();
    }

    /// Why the run has to end, if it has to.
    pub(super) fn verdict(&self) -> Option<Exit> {
        self.shared.verdict.get().cloned()
    }

    /// To be called before the run is ended.
    pub(super) fn ending(&self) {
        *self.shared.ending() = true;
    }
}

impl AsFd for Keeper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}

impl Shared {
    fn ending(&self) -> MutexGuard<'_, bool> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of the run's time or of the builder, then for the report.
fn keep(
    shared: &Shared,
    leash: BorrowedFd<'_>,
    woken: PipeReader,
    mut tell: PipeWriter,
    warden: Pid,
    patience: Patience,
) {
    let verdict = wait(shared, leash, &OwnedFd::from(woken));
    shared.verdict.set(verdict).ok();
    // A watch that is gone has ended the run.
    tell.write_all(b".").ok();
    thread::sleep(patience.watch);
    let ending = shared.ending();
    if !*ending {
        kill(warden, Signal::SIGKILL).ok();
    }
    drop(ending);
    thread::sleep(patience.report);
}

fn wait(shared: &Shared, leash: BorrowedFd<'_>, woken: &OwnedFd) -> Exit {
    loop {
        let left = shared.deadline.get().map(|at| at.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Exit::Limit(Limit::Wall);
        }
        let mut ready =
            [PollFd::new(leash, PollFlags::POLLIN), PollFd::new(woken.as_fd(), PollFlags::POLLIN)];
        // Rounded up, so that the loop does not spin through the last millisecond.
        let pause = left.map(|left| left + Duration::from_millis(1));
        let timeout = pause.map_or(PollTimeout::NONE, |pause| {
            PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut ready, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Exit::Stopped,
        }
        let [leashed, woke] = ready.map(|fd| fd.any().unwrap_or(true));
        if leashed && is_closed(leash) {
            return Exit::Stopped;
        }
        if woke && is_closed(woken.as_fd()) {
            // The watch is over, and the supervisor about to end.
            return Exit::Stopped;
        }
    }
}

/// Whether the other end of a pipe was closed; what is written to it means nothing.
fn is_closed(pipe: BorrowedFd<'_>) -> bool {
    !matches!(read(pipe, &mut [0; 64]), Ok(1..) | Err(Errno::EINTR | Errno::EAGAIN))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command};
    use std::sync::mpsc::{self, Receiver};

    use super::*;

    const SHORT: Patience =
        Patience { watch: Duration::from_millis(50), report: Duration::from_millis(100) };

    /// A keeper of a sleeping process, with the builder's end of the leash, and word of its leaving.
    fn kept() -> (Child, Keeper, PipeWriter, Receiver<()>) {
        #[expect(clippy::disallowed_methods, reason = "a process to be killed")]
        let warden = Command::new("sleep").arg("600").spawn().unwrap();
        let (leash, builder) = io::pipe().unwrap();
        let (left, leaves) = mpsc::channel();
        let pid = Pid::from_raw(warden.id().cast_signed());
        let keeper = Keeper::start(pid, leash.into(), SHORT, move || left.send(()).unwrap());
        (warden, keeper.unwrap(), builder, leaves)
    }

    #[test]
    fn the_limit_and_the_leash_hold_without_a_watch() {
        for builder_dies in [true, false] {
            let (mut warden, mut keeper, builder, leaves) = kept();
            match builder_dies {
                true => drop(builder),
                false => keeper.until(Instant::now() + Duration::from_millis(20)),
            }
            // Nobody says that the run is being ended.
            assert_eq!(warden.wait().unwrap().signal(), Some(9));
            leaves.recv_timeout(Duration::from_secs(20)).unwrap();
            let why = if builder_dies { Exit::Stopped } else { Exit::Limit(Limit::Wall) };
            assert_eq!(keeper.verdict(), Some(why));
        }
    }

    #[test]
    fn a_watch_that_ends_the_run_is_let() {
        let (mut warden, mut keeper, _builder, leaves) = kept();
        keeper.ending();
        keeper.until(Instant::now());
        leaves.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(warden.try_wait().unwrap().is_none());
        warden.kill().unwrap();
        warden.wait().unwrap();
    }
}
