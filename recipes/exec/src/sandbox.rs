//! The sandbox: one program, run with exactly what its [`Spec`] names, and how it [`Finished`].
//!
//! A run never fails with an error: whatever happens to the program is a result with evidence.
//! The work is done by a [supervisor](crate::supervisor), a process between the builder and the
//! program that outlives neither.

mod offer;
mod outcome;
mod spec;
mod wire;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::Instant;

pub use offer::{Lack, Offer};
pub use outcome::{Exit, Finished, Held, Holder, Level, Limit, Log, Looked, Opened, Usage};
pub use spec::{Access, Isolation, Lent, Limits, SOFTWARE, Shown, Spec};

use crate::supervisor;

/// How long past its limit the builder waits for the supervisor to act before it acts itself. The
/// limit counts from the start of the program, before which a driver may have to be asked.
const GRACE: Duration = Duration::from_secs(10);

/// A line of standard output that is a JSON object: how far the program is, in its own words.
pub type Progress = serde_json::Map<String, serde_json::Value>;

/// Runs programs.
#[derive(Clone, Debug)]
pub struct Sandbox {
    supervisor: PathBuf,
    isolation: Isolation,
    sampled: bool,
}

impl Sandbox {
    /// Uses `supervisor`, the path of a binary whose `main` hands over to [`supervisor::main`]
    /// when its first argument is [`supervisor::ARGUMENT`], for runs that are shut in as well as
    /// `isolation` says.
    pub fn new(supervisor: PathBuf, isolation: Isolation) -> Sandbox {
        Sandbox { supervisor, isolation, sampled: true }
    }

    /// The same without looks at what runs use, but for those that limits need: to compare with.
    #[must_use]
    pub fn without_samples(self) -> Sandbox {
        Sandbox { sampled: false, ..self }
    }

    /// How well runs are shut in.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Shows `from` to a program at `at`; where there is no root of its own, it stays where it is.
    pub fn show(&self, from: &Path, at: &str, access: Access) -> Shown {
        let at = match self.isolation {
            Isolation::Full => PathBuf::from(at),
            Isolation::Partial | Isolation::None => from.to_path_buf(),
        };
        Shown { from: from.to_path_buf(), at, access }
    }

    /// Tries out what isolation this machine offers, by programs that do nothing and have their files
    /// in `dir`, which is for that alone.
    pub async fn offer(supervisor: &Path, dir: &Path) -> Offer {
        let mut lacks = Vec::new();
        for isolation in [Isolation::Full, Isolation::Partial] {
            let sandbox = Sandbox::new(supervisor.to_path_buf(), isolation);
            let finished = sandbox.run(&offer::nothing(dir, isolation), drop).await;
            let why = match finished.exit {
                Exit::Code(0) => return Offer { level: finished.level, lacks },
                Exit::NotStarted(why) => why,
                other => format!("a program that does nothing ended with {other}"),
            };
            lacks.push(Lack::explain(isolation, why, Path::new("/")));
        }
        Offer { level: Level::None, lacks }
    }

    /// Runs a program to its end and calls `on_progress` for each line of its standard output that
    /// is a JSON object of at most 64 KiB, while it runs.
    ///
    /// When the future is dropped before it is ready, the run is stopped: all its processes are
    /// killed, soon after but not before the drop returns.
    pub async fn run(&self, spec: &Spec, mut on_progress: impl FnMut(Progress)) -> Finished {
        match self.start(spec) {
            Ok(started) => watch(started, spec, &mut on_progress).await,
            Err(why) => Finished::without_evidence(Exit::NotStarted(why)),
        }
    }

    fn start(&self, spec: &Spec) -> Result<Started, String> {
        let told = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
        std::fs::create_dir_all(&spec.control).map_err(|e| told(&spec.control, e))?;
        let mut text =
            serde_json::to_vec(spec).map_err(|e| format!("the run's description: {e}"))?;
        text.push(b'\n');
        let complaints = memfd_create("complaints", MemfdFlags::CLOEXEC).map(File::from);
        let complaints = complaints.map_err(|errno| format!("a file in memory: {errno}"))?;
        let stderr = complaints.try_clone().map_err(|e| format!("a file in memory: {e}"))?;
        // Sockets, which nobody can open by the name that `/proc` gives them, as pipes can be.
        let pair = || UnixStream::pair().map_err(|e| format!("a pair of sockets: {e}"));
        let ((leash, stdin), (report, stdout)) = (pair()?, pair()?);
        supervisor::inherit_orphans().map_err(|e| format!("a subreaper: {e}"))?;
        #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
        let mut command = Command::new(&self.supervisor);
        let child = command
            .arg(supervisor::ARGUMENT)
            .arg(&spec.control)
            .args((!self.sampled).then_some(supervisor::WITHOUT_SAMPLES))
            // The program's user can read the environment of its parent.
            .env_clear()
            .envs(driver_path(spec))
            // Held open by the builder, and closed by the kernel however the builder ends.
            .stdin(OwnedFd::from(stdin))
            .stdout(OwnedFd::from(stdout))
            .stderr(Stdio::from(stderr))
            // An interrupt typed at the terminal is the builder's to handle.
            .process_group(0)
            .spawn()
            .map_err(|e| told(&self.supervisor, e))?;
        let told = |e: io::Error| format!("a socket to the supervisor: {e}");
        Ok(Started {
            child,
            leash: ChildStdin::from_std(OwnedFd::from(leash).into()).map_err(told)?,
            report: ChildStdout::from_std(OwnedFd::from(report).into()).map_err(told)?,
            spec: text,
            complaints,
        })
    }
}

/// What a report says, if the supervisor of this spec can have written it.
fn believed(report: &[u8], spec: &Spec) -> Result<Finished, String> {
    let finished: Finished = serde_json::from_slice(report).map_err(|error| error.to_string())?;
    match finished.level.isolation() > spec.isolation {
        true => Err("its report claims more isolation than was asked for".to_owned()),
        false => Ok(finished),
    }
}

/// A supervisor that waits for its spec.
struct Started {
    child: Child,
    /// Its standard input and output.
    leash: ChildStdin,
    report: ChildStdout,
    /// The line that it waits for.
    spec: Vec<u8>,
    /// What it says on standard error.
    complaints: File,
}

/// The variable by which the supervisor finds the library of the accelerators' driver.
fn driver_path(spec: &Spec) -> Option<(&OsStr, &OsString)> {
    let found = spec.env.get_key_value(OsStr::new("LD_LIBRARY_PATH"))?;
    (!spec.gpus.is_empty()).then_some((found.0.as_os_str(), found.1))
}

/// Reads progress until the supervisor reports, and sees to it that it does.
async fn watch(started: Started, spec: &Spec, on_progress: &mut impl FnMut(Progress)) -> Finished {
    let Started { mut child, leash, report, spec: text, mut complaints } = started;
    let pid = child.id();
    let mut leash = Some(leash);
    // Without it, the supervisor ends by itself, or with the leash.
    if let Some(pipe) = &mut leash
        && !matches!(tokio::time::timeout(GRACE, pipe.write_all(&text)).await, Ok(Ok(())))
    {
        leash = None;
    }
    let mut lines = BufReader::new(report).split(b'\n');
    // The supervisor holds the limit; this one is for a supervisor that hangs.
    let deadline = tokio::time::sleep(spec.limits.wall.saturating_add(GRACE));
    tokio::pin!(deadline);
    let mut why = "nothing was said".to_owned();
    loop {
        tokio::select! {
            line = lines.next_segment() => match line {
                Ok(Some(line)) => match line.split_first() {
                    // It has nothing left to do but to clean up, which nobody has to wait for.
                    Some((&supervisor::REPORT, report)) => match believed(report, spec) {
                        Ok(finished) => return finished,
                        Err(doubt) => why = doubt,
                    },
                    _ => if let Ok(progress) = serde_json::from_slice(&line) {
                        on_progress(progress);
                    },
                },
                Ok(None) | Err(_) => break,
            },
            () = &mut deadline => {
                if leash.take().is_none() {
                    break;
                }
                deadline.as_mut().reset(Instant::now() + GRACE);
            }
        }
    }
    // The pipe closes when the supervisor is about to exit; a hanging one is killed.
    let status = match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => child.kill().await.and(child.wait().await),
    };
    drop(leash);
    // What it had to end is this process's to end now, before anybody is told that the run is over.
    let orphans = async {
        while !pid.is_none_or(supervisor::end_orphans) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    if tokio::time::timeout(GRACE, orphans).await.is_err() {
        why += "; some of its processes do not end";
    }
    let ended = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    let mut said = Vec::new();
    // What cannot be read says nothing.
    complaints.rewind().and_then(|()| complaints.read_to_end(&mut said)).ok();
    let said = String::from_utf8_lossy(&said);
    Finished::without_evidence(Exit::Lost(
        format!("the supervisor left no report ({why}; {ended}) {}", said.trim())
            .trim_end()
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_claims_more_than_was_asked_for_is_not_believed() {
        let levels = [Level::None, Level::Partial { missing: Vec::new() }, Level::Full];
        for asked in [Isolation::None, Isolation::Partial, Isolation::Full] {
            let spec = offer::nothing(Path::new("/"), asked);
            for level in &levels {
                let exit = Exit::Code(0);
                let said = Finished { level: level.clone(), ..Finished::without_evidence(exit) };
                let report = serde_json::to_vec(&said).unwrap();
                let more = level.isolation() > asked;
                assert_eq!(believed(&report, &spec).is_err(), more, "{asked:?} {level}");
            }
        }
    }
}
