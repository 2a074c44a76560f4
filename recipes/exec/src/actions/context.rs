//! What every job of one build shares: the host, the project, the machine, the sandbox.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use rescience_digest::Digest;
use rescience_recipes::{Code, Project};
use rescience_store::{Artifact, Entry, Materialize, Scratch, StoreError};
use serde::Serialize;
use tokio::sync::OnceCell;

use super::{Failed, Job, chain};
use crate::build::Events;
use crate::event::Event;
use crate::facts::Machine;
use crate::host::Host;
use crate::printable::{self, printable_line};
use crate::sandbox::{Access, Isolation, Lack, Progress, SOFTWARE, Sandbox, Shown};
use crate::toolchain::Toolchain;

/// What every job of one build shares.
pub(crate) struct Context {
    pub(crate) host: Host,
    pub(crate) project: Project,
    pub(crate) profile: String,
    directory: PathBuf,
    events: Events,
    machine: OnceLock<Machine>,
    sandbox: OnceCell<Result<Sandbox, Vec<Lack>>>,
    /// Whether the remote has failed to answer; it is not asked again.
    pub(super) deaf: AtomicBool,
}

impl Context {
    pub(crate) fn new(host: &Host, built: crate::build::Project<'_>, events: &Events) -> Context {
        let recipe = built.recipe;
        Context {
            directory: built.directory.to_path_buf(),
            host: host.clone(),
            project: recipe.project.clone(),
            profile: recipe.profile.clone(),
            events: events.clone(),
            machine: OnceLock::new(),
            sandbox: OnceCell::new(),
            deaf: AtomicBool::new(false),
        }
    }

    pub(crate) fn send(&self, event: Event) {
        // Nobody listening is no reason to stop a build.
        self.events.send(event).ok();
    }

    /// A private directory for a job, on the store's file system.
    pub(crate) fn scratch(&self, job: &Job) -> Result<Scratch, Failed> {
        self.host.store.scratch(&job.key.short()).map_err(|error| job.store(&error))
    }

    /// Puts an input's files where work finds them.
    pub(crate) fn materialize(
        &self,
        job: &Job,
        artifact: &Artifact,
        to: &Path,
        how: Materialize,
    ) -> Result<(), Failed> {
        let placed = self.host.store.materialize(artifact, to, how);
        placed.map_err(|error| match self.left_out(&error) {
            Some(path) => {
                let message = format!("`{path}` was left out of the bundle");
                let failure = job.failure(Code::DamagedObject, message);
                failure.note("put it there; `left-out.json` has its digests and its size").into()
            }
            None => job.store(&error),
        })
    }

    /// The path of what the store misses, if that was never at hand.
    fn left_out(&self, error: &StoreError) -> Option<&str> {
        let StoreError::Missing { digest: missing, .. } = error else { return None };
        let is_it =
            |entry: &Entry| matches!(entry, Entry::File { digest, .. } if digest == missing);
        let mut absent = self.host.absent.iter();
        absent.find(|(_, entry)| is_it(entry)).map(|(path, _)| path.as_str())
    }

    /// Stores a document as JSON.
    pub(crate) fn put_json(&self, job: &Job, value: &impl Serialize) -> Result<Digest, Failed> {
        let bytes = serde_json::to_vec_pretty(value)
            .map_err(|error| job.failure(Code::Internal, error.to_string()))?;
        let blob = self.host.store.put_bytes(&bytes).map_err(|error| job.store(&error))?;
        Ok(blob.digest)
    }

    /// Passes on what a program says about how far it is.
    pub(crate) fn progress(&self, action: &str, mut line: Progress) {
        let mut number = |name: &str| line.remove(name).and_then(|value| value.as_u64());
        let (step, of) = (number("step"), number("of"));
        let said = |(name, value): (String, _)| (printable_line(&name), printable::value(value));
        let values = line.into_iter().map(said).collect();
        self.send(Event::Progress { action: action.to_owned(), step, of, values });
    }

    /// The tools that build programs, or why there are none.
    pub(crate) fn toolchain(&self) -> Result<Toolchain, String> {
        let cache = self.host.cache.join("toolchain");
        Toolchain::find(&self.host.toolchain_env, &self.directory, &cache)
            .map_err(|error| chain(&error))
    }

    /// The sandbox that was asked for, tried once per build and only if something runs.
    pub(crate) async fn sandbox(&self, job: &Job) -> Result<Sandbox, Failed> {
        let Host { supervisor, isolation, store, .. } = &self.host;
        let attempt = || async {
            let lacks = match isolation {
                Isolation::None => Vec::new(),
                asked => match store.scratch("sandbox") {
                    Ok(scratch) => {
                        let offer = Sandbox::offer(supervisor, scratch.path()).await;
                        if offer.level.isolation() >= *asked { Vec::new() } else { offer.lacks }
                    }
                    Err(error) => {
                        vec![Lack { level: *asked, why: chain(&error), mend: String::new() }]
                    }
                },
            };
            match lacks.is_empty() {
                true => Ok(Sandbox::new(supervisor.clone(), *isolation)),
                false => Err(lacks),
            }
        };
        self.sandbox.get_or_init(attempt).await.clone().map_err(|lacks| no_sandbox(job, &lacks))
    }

    /// The directories of `PATH` that a program sees.
    pub(crate) fn software(&self, isolation: Isolation) -> Vec<PathBuf> {
        let path = self.host.toolchain_env.get(OsStr::new("PATH")).cloned().unwrap_or_default();
        let seen = |folder: &PathBuf| {
            isolation == Isolation::None
                || SOFTWARE.iter().any(|root| folder.starts_with(root))
                || self.host.tools.iter().any(|tool| folder.starts_with(tool))
        };
        std::env::split_paths(&path).filter(seen).collect()
    }

    /// The user's own software, as programs see it: where it is.
    pub(crate) fn tools(&self) -> Vec<Shown> {
        let shown =
            |path: &PathBuf| Shown { from: path.clone(), at: path.clone(), access: Access::Read };
        self.host.tools.iter().map(shown).collect()
    }

    /// The machine, measured once per build and only if something runs.
    pub(crate) fn machine(&self) -> &Machine {
        self.machine.get_or_init(Machine::measure)
    }
}

/// Says what is missing for the isolation that was asked for.
fn no_sandbox(job: &Job, lacks: &[Lack]) -> Failed {
    let asked = lacks.first().map_or(Isolation::Full, |lack| lack.level);
    let message = format!("this machine offers no sandbox that is `{}`", asked.as_str());
    let failure = job.failure(Code::NoSandbox, message);
    let failure = lacks.iter().fold(failure, |failure, lack| {
        failure.note(format!("{}: {}", lack.level.as_str(), lack.why)).note(lack.mend.clone())
    });
    failure.note("`--sandbox=partial` or `--sandbox=none` runs programs less well shut in").into()
}
