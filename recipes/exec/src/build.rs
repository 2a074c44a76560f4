//! The dispatcher: walks the graph, owns all state, hands work to tasks and records what they say.
//!
//! Tasks share nothing. Each gets a [`Job`] by value and returns an [`Outcome`]; only this module
//! knows what is made, what waits and what failed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{
    Action, ActionIndex, Code, Graph, Hit, InputProblem, KeyInputs, Made, Plan, Recipe, Selection,
    Step, Work, World as _, key_inputs,
};
use rescience_store::Artifact;
use tokio::task::JoinSet;

use crate::actions::{self, Context, Dep, Job, Outcome};
use crate::event::{Event, Failure, Summary, WorkKind};
use crate::host::Host;
use crate::lending;
use crate::still::Answers;
use crate::world::Outside;

/// Where events go. Sending never blocks; a receiver that has gone away is no error.
pub type Events = tokio::sync::mpsc::UnboundedSender<Event>;

/// A project as the dispatcher needs it.
#[derive(Clone, Copy)]
pub struct Project<'a> {
    /// The project's directory.
    pub directory: &'a Path,
    /// The recipe, read with a profile.
    pub recipe: &'a Recipe,
    /// Its graph.
    pub graph: &'a Graph,
}

/// What a build left behind.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub summary: Summary,
    /// What every made action yields, in the graph's order.
    pub made: Vec<(ActionIndex, Artifact, Option<ActionKey>)>,
    /// What the world answered when the build was planned.
    pub answers: Answers,
}

/// Decides what has to run, and why, without running anything.
///
/// # Errors
/// Reports every input of the selection that is missing or unreadable.
pub fn plan(
    project: Project<'_>,
    selection: &Selection,
    host: &Host,
) -> Result<Plan, rescience_recipes::Diagnostics> {
    let outside = Outside::new(host, project.directory, &project.recipe.project.name);
    let plan = rescience_recipes::plan(project.graph, selection, &outside)?;
    outside.save();
    Ok(plan)
}

/// The artifacts of files and folders of the project, by path.
///
/// # Errors
/// The first of them that is missing or unreadable.
pub fn inputs<'p>(
    project: Project<'_>,
    paths: impl IntoIterator<Item = &'p String>,
    host: &Host,
) -> Result<BTreeMap<String, Artifact>, (String, InputProblem)> {
    let outside = Outside::new(host, project.directory, &project.recipe.project.name);
    let import = |path: &String| match outside.import(path) {
        Ok(artifact) => Ok((path.clone(), artifact)),
        Err(problem) => Err((path.clone(), problem)),
    };
    paths.into_iter().map(import).collect()
}

/// Makes everything in the selection that has no trace yet.
///
/// # Errors
/// Reports every input of the selection that is missing or unreadable; once work has started,
/// failures are events and a count in the [`Report`].
pub async fn build(
    project: Project<'_>,
    selection: &Selection,
    host: &Host,
    events: &Events,
) -> Result<Report, rescience_recipes::Diagnostics> {
    let began = Instant::now();
    let outside = Outside::new(host, project.directory, &project.recipe.project.name);
    let plan = rescience_recipes::plan(project.graph, selection, &outside)?;
    outside.save();
    let answers = outside.answers();
    let mut dispatcher = Dispatcher::new(project, host, &outside, events, &plan);
    dispatcher.run().await;
    let mut summary = dispatcher.summary;
    summary.success = summary.failed == 0 && summary.skipped == 0;
    summary.wall_s = began.elapsed().as_secs_f64();
    let made = dispatcher
        .states
        .into_iter()
        .enumerate()
        .filter_map(|(index, state)| match state {
            State::Made(done) => Some((ActionIndex::new(index), done.artifact, done.key)),
            _ => None,
        })
        .collect();
    Ok(Report { summary, made, answers })
}

/// Where an action stands.
enum State {
    /// Not part of the selection.
    Unselected,
    /// Waits for this many of its inputs.
    Waiting(usize),
    Running,
    Made(Done),
    Failed,
    Skipped,
}

struct Done {
    made: Made,
    artifact: Artifact,
    key: Option<ActionKey>,
}

struct Dispatcher<'a> {
    project: Project<'a>,
    host: &'a Host,
    outside: &'a Outside<'a>,
    events: &'a Events,
    context: Arc<Context>,
    states: Vec<State>,
    ready: BTreeSet<ActionIndex>,
    tasks: JoinSet<(ActionIndex, ActionKey, Outcome)>,
    free: usize,
    /// The ids of the accelerators that no run has; asked for once something needs one.
    gpus: Option<Vec<String>>,
    /// By action, the accelerators that it has now.
    lent: BTreeMap<ActionIndex, Vec<String>>,
    /// Why an action cannot be done here; others may have done it.
    refusals: BTreeMap<ActionIndex, Failure>,
    /// What is on its way to the remote.
    pushes: JoinSet<()>,
    summary: Summary,
}

impl<'a> Dispatcher<'a> {
    fn new(
        project: Project<'a>,
        host: &'a Host,
        outside: &'a Outside<'a>,
        events: &'a Events,
        plan: &Plan,
    ) -> Dispatcher<'a> {
        let mut dispatcher = Dispatcher {
            project,
            host,
            outside,
            events,
            context: Arc::new(Context::new(host, project, events)),
            states: project.graph.actions().iter().map(|_| State::Unselected).collect(),
            ready: BTreeSet::new(),
            tasks: JoinSet::new(),
            free: host.jobs,
            gpus: None,
            lent: BTreeMap::new(),
            refusals: BTreeMap::new(),
            pushes: JoinSet::new(),
            summary: Summary::default(),
        };
        dispatcher.adopt(plan);
        dispatcher
    }

    /// Takes over what the plan found: fresh actions are made, the others wait for their inputs.
    fn adopt(&mut self, plan: &Plan) {
        self.send(Event::BuildStarted {
            project: self.project.recipe.project.name.clone(),
            profile: self.project.recipe.profile.clone(),
            actions: plan.steps.len(),
            dirty: plan.dirty().count(),
        });
        for step in &plan.steps {
            let action = self.action(step.index());
            self.send(Event::of(&action.name, step));
            match step {
                Step::Fresh { index, key, made } => {
                    let artifact = self.artifact(action, made);
                    self.states[index.get()] =
                        State::Made(Done { made: made.clone(), artifact, key: *key });
                    self.summary.fresh += 1;
                    self.push_fresh(action, *key);
                }
                Step::Run { index, .. } => self.states[index.get()] = State::Waiting(0),
            }
        }
        for step in &plan.steps {
            let Step::Run { index, .. } = step else { continue };
            let waits = self.unmade(*index);
            self.states[index.get()] = State::Waiting(waits);
            if waits == 0 {
                self.ready.insert(*index);
            }
        }
    }

    /// How many actions this one still waits for; one may be several of its inputs.
    fn unmade(&self, index: ActionIndex) -> usize {
        let deps = self.action(index).deps.iter().map(|(_, dep)| *dep);
        let unmade = deps.filter(|dep| !matches!(self.states[dep.get()], State::Made(_)));
        unmade.collect::<BTreeSet<_>>().len()
    }

    async fn run(&mut self) {
        if self.host.require_cached {
            self.refuse_everything();
        } else {
            self.refuse_what_is_impossible();
        }
        loop {
            self.start_ready();
            let Some(joined) = self.tasks.join_next().await else { break };
            let (index, key, outcome) = joined.expect("a task returns its failures as outcomes");
            self.free += self.slots(self.action(index));
            let returned = self.lent.remove(&index).unwrap_or_default();
            self.gpus.get_or_insert_default().extend(returned);
            self.finish(index, key, outcome);
        }
        self.skip_the_rest();
        std::mem::take(&mut self.pushes).join_all().await;
    }

    /// Starts what is ready, in the graph's order, while there are slots.
    fn start_ready(&mut self) {
        while let Some(index) = self.ready.first().copied() {
            if self.summary.failed > 0 && !self.host.keep_going {
                return;
            }
            let action = self.action(index);
            let slots = self.slots(action);
            let gpus = self.gpus.as_ref().map_or(0, Vec::len);
            if slots > self.free
                || !self.refusals.contains_key(&index) && needed_gpus(action) > gpus
            {
                return;
            }
            self.ready.remove(&index);
            match self.inputs(index) {
                Ok(inputs) => self.start(index, action, inputs, slots),
                Err(message) => {
                    let name = action.name.to_string();
                    self.fail(index, Failure::new(&name, Code::MissingFile, message));
                }
            }
        }
    }

    fn inputs(&self, index: ActionIndex) -> Result<KeyInputs, String> {
        let made = |dep: ActionIndex| match &self.states[dep.get()] {
            State::Made(done) => Some(done.made.clone()),
            _ => None,
        };
        match key_inputs(self.project.graph, index, &made, self.outside) {
            Ok(Some(inputs)) => Ok(inputs),
            Ok(None) => Err("an input is not made yet".to_owned()),
            Err(problem) => Err(problem.to_string()),
        }
    }

    fn start(&mut self, index: ActionIndex, action: &'a Action, inputs: KeyInputs, slots: usize) {
        let key = inputs.key();
        // What was re-made came out as before: the wave stops here.
        if let Hit::Made(made) = self.outside.trace(&key) {
            let artifact = self.artifact(action, &made);
            self.send(Event::Fresh {
                action: action.name.to_string(),
                key: Some(key),
                output: made.output,
            });
            self.summary.fresh += 1;
            self.push_fresh(action, Some(key));
            self.made(index, Done { made, artifact, key: Some(key) });
            return;
        }
        let job = Job {
            name: action.name.to_string(),
            key,
            last: match action.work {
                Work::Build { .. } => self.outside.last_key(&action.name),
                _ => None,
            },
            inputs,
            work: action.work.clone(),
            deps: self.deps(action),
            gpus: self.lend(index, needed_gpus(action)),
            refusal: self.refusals.remove(&index),
        };
        self.states[index.get()] = State::Running;
        self.free -= slots;
        let context = Arc::clone(&self.context);
        self.tasks.spawn(async move { (index, key, actions::execute(&context, job).await) });
    }

    /// Nothing may be done, only found.
    fn refuse_everything(&mut self) {
        for (index, state) in self.states.iter().enumerate() {
            if matches!(state, State::Waiting(_)) {
                let index = ActionIndex::new(index);
                let name = self.action(index).name.to_string();
                let message = "it is not made, and `--require-cached` forbids to make it";
                self.refusals.insert(index, Failure::new(&name, Code::NotCached, message));
            }
        }
    }

    /// Fails every run that needs more accelerators than there are, before anything starts; where there
    /// is a remote, once that has no result either.
    fn refuse_what_is_impossible(&mut self) {
        let waiting = |(index, state): (usize, &State)| {
            let index = ActionIndex::new(index);
            let needed = needed_gpus(self.action(index));
            (matches!(state, State::Waiting(_)) && needed > 0).then_some((index, needed))
        };
        let asking: Vec<_> = self.states.iter().enumerate().filter_map(waiting).collect();
        if asking.is_empty() {
            return;
        }
        let gpu = self.context.machine().gpu.clone();
        let ids: Vec<String> = gpu.devices.iter().filter_map(|gpu| gpu.uuid.clone()).collect();
        let has = match (&gpu.absent, ids.len()) {
            (Some(why), _) => why.clone(),
            (None, 1) => "this machine has 1".to_owned(),
            (None, count) => format!("this machine has {count}"),
        };
        for (index, needed) in asking.into_iter().filter(|(_, needed)| *needed > ids.len()) {
            let name = self.action(index).name.to_string();
            let many = if needed == 1 { "GPU" } else { "GPUs" };
            let message = format!("it needs {needed} {many}; {has}");
            let failure = Failure::new(&name, Code::MissingHardware, message);
            if self.host.remote.is_some() {
                self.refusals.insert(index, failure);
            } else {
                self.ready.remove(&index);
                self.fail(index, failure);
            }
        }
        self.gpus = Some(ids);
    }

    fn lend(&mut self, index: ActionIndex, count: usize) -> Vec<String> {
        let free = self.gpus.get_or_insert_default();
        if (1..free.len()).contains(&count) {
            // Rather one for which nobody has to wait.
            free.sort_by_cached_key(|uuid| lending::is_lent(uuid));
        }
        let lent: Vec<String> = free.drain(..count.min(free.len())).collect();
        if !lent.is_empty() {
            self.lent.insert(index, lent.clone());
        }
        lent
    }

    fn deps(&self, action: &Action) -> Vec<Dep> {
        let dep = |(role, index): &(String, ActionIndex)| match &self.states[index.get()] {
            State::Made(done) => Some(Dep {
                role: role.clone(),
                name: self.action(*index).name.clone(),
                key: done.key,
                artifact: done.artifact,
                facts: done.made.facts,
            }),
            _ => None,
        };
        action.deps.iter().filter_map(dep).collect()
    }

    fn finish(&mut self, index: ActionIndex, key: ActionKey, outcome: Outcome) {
        let action = self.action(index);
        match outcome {
            Outcome::Made { artifact, facts, note, wall, ran } => {
                let output = artifact.digest();
                self.send(Event::Finished {
                    action: action.name.to_string(),
                    work: kind(&action.work),
                    key,
                    output,
                    wall_s: wall.as_secs_f64(),
                    note,
                });
                if ran {
                    self.summary.ran += 1;
                    self.push(action, key);
                } else {
                    self.summary.fresh += 1;
                }
                self.made(index, Done { made: Made { output, facts }, artifact, key: Some(key) });
            }
            Outcome::Failed(failure) => self.fail(index, failure),
        }
    }

    /// Shares what was made here, while other work goes on.
    fn push(&mut self, action: &Action, key: ActionKey) {
        if self.host.remote.as_ref().is_some_and(|remote| remote.takes()) {
            let (context, name) = (Arc::clone(&self.context), action.name.to_string());
            self.pushes.spawn_blocking(move || actions::push(&context, &name, &key));
        }
    }

    /// Shares what was made before, if that is asked for.
    fn push_fresh(&mut self, action: &Action, key: Option<ActionKey>) {
        if let Some(key) = key.filter(|_| self.host.push_fresh) {
            self.push(action, key);
        }
    }

    fn made(&mut self, index: ActionIndex, done: Done) {
        self.states[index.get()] = State::Made(done);
        for user in self.project.graph.users(index) {
            if let State::Waiting(waits) = &mut self.states[user.get()] {
                *waits -= 1;
                if *waits == 0 {
                    self.ready.insert(*user);
                }
            }
        }
    }

    fn fail(&mut self, index: ActionIndex, failure: Failure) {
        self.states[index.get()] = State::Failed;
        self.summary.failed += 1;
        self.send(Event::Failed(failure));
    }

    /// Names what could not run: what needs something failed, directly or through others.
    fn skip_the_rest(&mut self) {
        for index in 0..self.states.len() {
            if !matches!(self.states[index], State::Waiting(_)) {
                continue;
            }
            self.states[index] = State::Skipped;
            self.summary.skipped += 1;
            let action = self.action(ActionIndex::new(index));
            let because = action
                .deps
                .iter()
                .find(|(_, dep)| matches!(self.states[dep.get()], State::Failed | State::Skipped));
            // Without a failed input it was merely not started any more.
            if let Some((_, dep)) = because {
                self.send(Event::Skipped {
                    action: action.name.to_string(),
                    because: self.action(*dep).name.to_string(),
                });
            }
        }
    }

    /// How many slots an action takes: a build all of them, a run the CPUs it asks for.
    fn slots(&self, action: &Action) -> usize {
        let wanted = match &action.work {
            Work::Build { .. } => self.host.jobs,
            Work::Run(run) => run.limits.cpus as usize,
            _ => 1,
        };
        wanted.clamp(1, self.host.jobs)
    }

    fn artifact(&self, action: &Action, made: &Made) -> Artifact {
        match &action.work {
            // Only the project's own files may be either.
            Work::Source { path } => {
                self.outside.import(path).unwrap_or(Artifact::Tree(made.output))
            }
            work => yielded(work, made.output),
        }
    }

    fn action(&self, index: ActionIndex) -> &'a Action {
        self.project.graph.action(index)
    }

    fn send(&self, event: Event) {
        // Nobody listening is no reason to stop a build.
        self.events.send(event).ok();
    }
}

/// How many accelerators an action has to have.
fn needed_gpus(action: &Action) -> usize {
    match &action.work {
        Work::Run(run) => run.limits.gpus as usize,
        _ => 0,
    }
}

/// What this kind of work yields, a directory or bytes, by its digest.
pub(crate) fn yielded(work: &Work, output: Digest) -> Artifact {
    match work {
        Work::Source { .. } | Work::Patch { .. } | Work::Build { .. } | Work::Run(_) => {
            Artifact::Tree(output)
        }
        Work::Collect(_) | Work::Figure { .. } | Work::Paper(_) => Artifact::Blob(output),
    }
}

/// The kind of work that an action is.
pub(crate) fn kind(work: &Work) -> WorkKind {
    match work {
        Work::Source { .. } | Work::Patch { .. } => WorkKind::Patch,
        Work::Build { .. } => WorkKind::Build,
        Work::Run(_) => WorkKind::Run,
        Work::Collect(_) => WorkKind::Collect,
        Work::Figure { .. } => WorkKind::Figure,
        Work::Paper(_) => WorkKind::Paper,
    }
}
