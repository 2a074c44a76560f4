//! One file per kind of work; here is what they share: the job, the lock, the trace.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{ActionName, Code, Hit, KeyInputs, Made, PaperSpec, Plot, Work};
use rescience_store::{Artifact, Outcome as Recorded, StoreError, Trace};

use crate::build::{kind, yielded};
use crate::event::{Event, Failure};
use crate::printable::{self, printable_line};
use crate::request::Input;
use crate::studio::Typeset;
use crate::world::lookup;

mod build;
mod collect;
mod context;
mod figure;
mod paper;
mod patch;
mod run;

pub(crate) use context::Context;

/// An action whose inputs are all made.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) key: ActionKey,
    pub(crate) inputs: KeyInputs,
    /// The key that the action of this name had when it was made last.
    pub(crate) last: Option<ActionKey>,
    pub(crate) work: Work,
    pub(crate) deps: Vec<Dep>,
    /// The ids of the accelerators that it has for itself.
    pub(crate) gpus: Vec<String>,
    /// Why it cannot be done here, only fetched.
    pub(crate) refusal: Option<Failure>,
}

impl Job {
    /// The input with this role.
    pub(crate) fn dep(&self, role: &str) -> Result<&Dep, Failed> {
        let found = self.deps.iter().find(|dep| dep.role == role);
        found
            .ok_or_else(|| Failed::from(self.failure(Code::Internal, format!("no input `{role}`"))))
    }

    /// All made inputs, in their order.
    pub(crate) fn made(&self) -> Vec<Input<'_>> {
        self.deps.iter().map(|dep| (&dep.name, dep.artifact.digest())).collect()
    }

    /// The artifact of the project file or directory that enters the key as `name`.
    pub(crate) fn file(&self, name: &str) -> Result<Digest, Failed> {
        self.inputs.inputs.get(name).copied().ok_or_else(|| {
            Failed::from(self.failure(Code::Internal, format!("no input file `{name}`")))
        })
    }

    /// A store that says no, as this job's failure.
    pub(crate) fn store(&self, error: &StoreError) -> Failed {
        let code = match error {
            StoreError::Damaged { .. } | StoreError::Missing { .. } => Code::DamagedObject,
            _ => Code::StoreFailed,
        };
        self.failure(code, chain(error)).into()
    }

    /// A file system that says no, as this job's failure.
    pub(crate) fn io(&self, path: &Path, error: &std::io::Error) -> Failed {
        self.failure(Code::StoreFailed, format!("cannot write `{}`: {error}", path.display()))
            .into()
    }

    pub(crate) fn failure(&self, code: Code, message: impl Into<String>) -> Failure {
        Failure { key: Some(self.key), ..Failure::new(&self.name, code, message) }
    }
}

/// One made input of a job.
pub(crate) struct Dep {
    /// What the input is to the job; see the table in [`rescience_recipes::key`].
    pub(crate) role: String,
    pub(crate) name: ActionName,
    pub(crate) key: Option<ActionKey>,
    pub(crate) artifact: Artifact,
    pub(crate) facts: Option<Digest>,
}

/// What became of a job.
pub(crate) enum Outcome {
    Made {
        artifact: Artifact,
        facts: Option<Digest>,
        note: Option<String>,
        wall: Duration,
        /// Whether this process did the work, rather than another one meanwhile.
        ran: bool,
    },
    Failed(Failure),
}

/// What work yields when it succeeds.
pub(crate) struct Yield {
    artifact: Artifact,
    evidence: Evidence,
    note: Option<String>,
    /// Why the build must stop here although the artifact is good: what the recipe says of it is
    /// wrong, and mending the recipe must not cost the work again.
    complaint: Option<Box<Failure>>,
}

impl Yield {
    fn bare(artifact: Artifact) -> Yield {
        Yield::with(artifact, Evidence::default())
    }

    fn with(artifact: Artifact, evidence: Evidence) -> Yield {
        Yield { artifact, evidence, note: None, complaint: None }
    }
}

/// What is kept beside an artifact, or instead of one.
#[derive(Default)]
pub(crate) struct Evidence {
    logs: std::collections::BTreeMap<String, Artifact>,
    facts: Option<Digest>,
}

/// Work that did not come to its end, with what is left to look at.
pub(crate) struct Failed {
    failure: Box<Failure>,
    evidence: Evidence,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Failed {
        Failed { failure: Box::new(failure), evidence: Evidence::default() }
    }
}

/// Draws a figure into the store, and records nothing.
pub(crate) fn draw(context: &Context, job: &Job, plot: &Plot) -> Result<Artifact, Box<Failure>> {
    let drawn = figure::request(context, job, plot)
        .and_then(|request| figure::perform(context, job, request));
    shown(drawn).map(|made| made.artifact).map_err(|failed| failed.failure)
}

/// Typesets a paper, and records nothing.
pub(crate) fn typeset(
    context: &Context,
    job: &Job,
    paper: &PaperSpec,
) -> Result<Typeset, Box<Failure>> {
    let made = paper::request(context, job, paper)
        .and_then(|request| paper::typeset(context, job, &request));
    made.map_err(|failed| Box::new(printable::failure(*failed.failure)))
}

/// Does the work of a job under the lock of its key, and records what came of it.
pub(crate) async fn execute(context: &Arc<Context>, job: Job) -> Outcome {
    let job = Arc::new(job);
    match locked(context, &job).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(*job.store(&error).failure),
    }
}

async fn locked(context: &Arc<Context>, job: &Arc<Job>) -> Result<Outcome, StoreError> {
    let store = &context.host.store;
    let lock = match store.try_lock(&job.key)? {
        Some(lock) => lock,
        None => {
            context.send(Event::Blocking { on: format!("another build of {}", job.name) });
            let (store, key) = (store.clone(), job.key);
            let waited = tokio::task::spawn_blocking(move || store.lock(&key)).await;
            waited.expect("waiting for a lock does not panic")?
        }
    };
    // Whoever held the lock may have made it.
    if let Hit::Made(Made { output, facts }) = lookup(store, &job.key) {
        return Ok(Outcome::Made {
            artifact: yielded(&job.work, output),
            facts,
            note: Some("made by another build".to_owned()),
            wall: Duration::ZERO,
            ran: false,
        });
    }
    if let Some(outcome) = fetched(context, job).await {
        return Ok(outcome);
    }
    if let Some(refusal) = &job.refusal {
        return Ok(Outcome::Failed(refusal.clone()));
    }
    context.send(Event::Started { action: job.name.clone(), work: kind(&job.work) });
    let outcome = perform_and_record(context, job).await;
    drop(lock);
    outcome
}

/// What others have made under the job's key, now in the store.
async fn fetched(context: &Arc<Context>, job: &Arc<Job>) -> Option<Outcome> {
    let remote = context.host.remote.as_ref().filter(|_| !context.deaf.load(Ordering::Relaxed))?;
    let warn = |message| context.send(Event::Warning { action: job.name.clone(), message });
    let (from, asked) = (printable_line(remote.place()), Arc::clone(remote));
    let (store, key) = (context.host.store.clone(), job.key);
    let answer = tokio::task::spawn_blocking(move || asked.fetch(&store, &key)).await;
    let found = match answer.expect("asking does not panic") {
        Ok(found) => found,
        Err(why) => {
            if !context.deaf.swap(true, Ordering::Relaxed) {
                warn(format!("going on without {from}: {}", printable_line(&why)));
            }
            return None;
        }
    };
    for why in &found.refused {
        warn(format!("a trace in {from} does not count: {}", printable_line(why)));
    }
    let Hit::Made(Made { output, facts }) = lookup(&context.host.store, &job.key) else {
        return None;
    };
    let signer = found.signers.last().map(|signer| printable_line(signer)).unwrap_or_default();
    let (action, bytes) = (job.name.clone(), found.bytes);
    context.send(Event::Fetched { action, from, signer, bytes });
    let artifact = yielded(&job.work, output);
    Some(Outcome::Made { artifact, facts, note: None, wall: Duration::ZERO, ran: false })
}

/// Hands on what is recorded under a key.
pub(crate) fn push(context: &Context, action: &str, key: &ActionKey) {
    let Some(remote) = &context.host.remote else { return };
    let store = &context.host.store;
    let newest = store
        .traces(key)
        .ok()
        .and_then(|traces| traces.into_iter().rev().find(|trace| trace.output.is_some()));
    let Some(trace) = newest else { return };
    let (action, to) = (action.to_owned(), printable_line(remote.place()));
    context.send(match remote.push(store, &trace) {
        Ok(bytes) => Event::Pushed { action, to, bytes },
        Err(why) => {
            let message = format!("not shared with {to}: {}", printable_line(&why));
            Event::Warning { action, message }
        }
    });
}

async fn perform_and_record(context: &Arc<Context>, job: &Arc<Job>) -> Result<Outcome, StoreError> {
    let host = &context.host;
    let started = host.clock.now();
    let began = Instant::now();
    let result = shown(perform(context, job).await);
    let mut trace = Trace {
        key: job.key,
        project: context.project.name.clone(),
        action: job.name.clone(),
        inputs: serde_json::to_value(&job.inputs).unwrap_or_default(),
        measured: matches!(job.work, Work::Run(_)),
        outcome: Recorded::Success,
        output: None,
        logs: Default::default(),
        facts: None,
        started,
        finished: host.clock.now(),
    };
    let wall = began.elapsed();
    let outcome = match result {
        Ok(Yield { artifact, evidence, note, complaint }) => {
            trace.output = Some(artifact);
            trace.logs = evidence.logs;
            trace.facts = evidence.facts;
            match complaint {
                Some(failure) => Outcome::Failed(*failure),
                None => Outcome::Made { artifact, facts: evidence.facts, note, wall, ran: true },
            }
        }
        Err(Failed { failure, evidence }) => {
            trace.outcome =
                Recorded::Failure { reason: serde_json::to_value(&failure).unwrap_or_default() };
            trace.logs = evidence.logs;
            trace.facts = evidence.facts;
            Outcome::Failed(*failure)
        }
    };
    host.store.record(&trace)?;
    // Only a name for the newest key of an action: losing it costs an explanation, not a result.
    let entry = serde_json::json!({
        "action": trace.action,
        "key": trace.key,
        "success": matches!(trace.outcome, Recorded::Success),
        "finished": trace.finished,
        "wall_s": wall.as_secs_f64(),
    });
    if let Err(error) = host.store.journal(&trace.project).append(&entry) {
        let message = format!("the log could not be written: {}", chain(&error));
        context.send(Event::Warning { action: job.name.clone(), message });
    }
    Ok(outcome)
}

/// The same result, with nothing in its words that a terminal would obey: here is where the text of
/// programs enters events and records.
fn shown(result: Result<Yield, Failed>) -> Result<Yield, Failed> {
    let plain = |failure: Box<Failure>| Box::new(printable::failure(*failure));
    match result {
        Ok(made) => Ok(Yield {
            note: made.note.map(|note| printable_line(&note)),
            complaint: made.complaint.map(plain),
            ..made
        }),
        Err(failed) => Err(Failed { failure: plain(failed.failure), ..failed }),
    }
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// Runs work that waits for nobody on a thread where it may take its time.
async fn blocking<R: Send + 'static>(
    context: &Arc<Context>,
    job: &Arc<Job>,
    request: R,
    work: fn(&Context, &Job, R) -> Result<Yield, Failed>,
) -> Result<Yield, Failed> {
    let (shared, moved) = (Arc::clone(context), Arc::clone(job));
    let joined = tokio::task::spawn_blocking(move || work(&shared, &moved, request)).await;
    joined.unwrap_or_else(|panic| {
        Err(job.failure(Code::Internal, format!("the typesetter broke: {panic}")).into())
    })
}

async fn perform(context: &Arc<Context>, job: &Arc<Job>) -> Result<Yield, Failed> {
    match &job.work {
        Work::Source { .. } => {
            Err(job.failure(Code::Internal, "a source is its own artifact and is never run").into())
        }
        Work::Patch { .. } => patch::perform(context, job),
        Work::Build { system } => build::perform(context, job, system).await,
        Work::Run(run) => run::perform(context, job, run).await,
        Work::Collect(collect) => collect::perform(context, job, collect),
        Work::Figure { plot } => {
            blocking(context, job, figure::request(context, job, plot)?, figure::perform).await
        }
        Work::Paper(paper) => {
            blocking(context, job, paper::request(context, job, paper)?, paper::perform).await
        }
    }
}
