//! Running asynchronous work from the command line: its events are told as they come, until Ctrl-C.

use rescience_exec::build::Events;
use rescience_exec::event::Event;

use crate::error::Error;

/// Runs `work` to its end, and tells every event that it sends.
///
/// # Errors
/// Those of the work, and [`Error::Interrupted`].
pub(crate) fn drive<T>(
    mut tell: impl FnMut(&Event),
    work: impl AsyncFnOnce(Events) -> Result<T, Error>,
) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::other(format!("cannot start threads: {error}")))?;
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let done = runtime.block_on(async {
        let work = work(sender);
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(work, interrupted);
        loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => tell(&event),
                done = &mut work => break done,
                _ = &mut interrupted => break Err(Error::Interrupted),
            }
        }
    });
    // A thread that waits for another process's lock must not keep an interrupted one alive.
    runtime.shutdown_background();
    while let Ok(event) = events.try_recv() {
        tell(&event);
    }
    done
}
