//! What was done: tools, steps, actions, and how the parameters of the tools hang together.

use std::collections::{BTreeMap, BTreeSet};

use rescience_digest::Digest;
use serde_json::Value;

use super::data::{Data, Place, Roles};
use super::formal::{Formals, Way};
use crate::account::{Account, Action, Kind, Outcome, Slot};
use crate::uri;

/// A tool: a program, or a part of the engine.
pub(crate) struct Tool<'a> {
    pub(crate) id: String,
    pub(crate) program: Option<&'a str>,
    pub(crate) kind: Kind,
}

/// A step of the recipe: what one tool does for one node.
pub(crate) struct Step<'a> {
    pub(crate) node: &'a str,
    pub(crate) kind: Kind,
    pub(crate) tool: usize,
    /// Connections that end here, as their place in the list of all.
    pub(crate) connections: Vec<usize>,
}

/// An action with its place in the crate.
pub(crate) struct Done<'a> {
    pub(crate) action: &'a Action,
    pub(crate) uuid: String,
    pub(crate) tool: usize,
    pub(crate) step: usize,
    pub(crate) objects: Vec<String>,
    pub(crate) results: Vec<String>,
}

/// The run of the whole recipe.
#[derive(Default)]
pub(crate) struct Run<'a> {
    pub(crate) tools: Vec<Tool<'a>>,
    pub(crate) steps: Vec<Step<'a>>,
    pub(crate) done: Vec<Done<'a>>,
    pub(crate) formals: Formals,
    /// Parameters whose value one tool makes and another reads, as places in the list of all.
    pub(crate) connections: Vec<(usize, usize)>,
    /// Parameters of the whole recipe: what came from outside, and what it is for.
    pub(crate) inputs: BTreeSet<usize>,
    pub(crate) outputs: BTreeSet<usize>,
    /// The values of these.
    pub(crate) objects: Vec<String>,
    pub(crate) results: Vec<String>,
    /// What actions read or made and the bundle does not hold.
    pub(crate) elsewhere: BTreeSet<Digest>,
}

impl<'a> Run<'a> {
    pub(crate) fn of(account: &'a Account, data: &Data<'a>) -> Run<'a> {
        let mut run = Run::default();
        let mut made = BTreeMap::new();
        let mut times = BTreeMap::new();
        for action in &account.actions {
            let again = times.entry(&action.key).and_modify(|n| *n += 1).or_insert(0);
            let uuid = uri::uuid(&["action", &action.key.to_string(), &again.to_string()]);
            let tool = run.tool(account, action);
            let step = run.step(action, tool);
            let mut done =
                Done { action, uuid, tool, step, objects: Vec::new(), results: Vec::new() };
            run.read(&mut done, data, &made);
            run.told(&mut done);
            run.made(&mut done, data, &mut made);
            run.done.push(done);
        }
        run
    }

    fn tool(&mut self, account: &'a Account, action: &'a Action) -> usize {
        let id = match &action.program {
            None => format!("{}#{}", account.engine.url, action.kind.as_str()),
            Some(name) => {
                let program = account.program(action).and_then(|program| program.url.as_deref());
                let url = program.or(account.project.url.as_deref());
                let url = url.filter(|url| uri::is_web(url)).unwrap_or_default();
                format!("{url}#program/{}", uri::name(name))
            }
        };
        self.tools.iter().position(|tool| tool.id == id).unwrap_or_else(|| {
            let program = action.program.as_deref();
            self.tools.push(Tool { id, program, kind: action.kind });
            self.tools.len() - 1
        })
    }

    fn step(&mut self, action: &'a Action, tool: usize) -> usize {
        let (node, kind) = (action.node.as_str(), action.kind);
        let same = |step: &Step<'_>| step.node == node && step.kind == kind && step.tool == tool;
        self.steps.iter().position(same).unwrap_or_else(|| {
            self.steps.push(Step { node, kind, tool, connections: Vec::new() });
            self.steps.len() - 1
        })
    }

    /// The word for a tool in identifiers.
    fn word(&self, tool: usize) -> String {
        let tool = &self.tools[tool];
        tool.program.map_or_else(|| format!("-{}", tool.kind.as_str()), str::to_owned)
    }

    fn read(
        &mut self,
        done: &mut Done<'a>,
        data: &Data<'a>,
        made: &BTreeMap<String, Option<usize>>,
    ) {
        let word = self.word(done.tool);
        for slot in &done.action.inputs {
            let Some(place) = self.place(data, slot) else { continue };
            let id = place.id();
            let formal = self.formals.placed((done.tool, &word), Way::Read, &slot.name, &place);
            match made.get(&id) {
                None => {
                    self.inputs.extend(formal);
                    self.objects.push(id.clone());
                }
                Some(source) => {
                    if let (Some(source), Some(target)) = (*source, formal) {
                        self.connect(source, target, done.step);
                    }
                }
            }
            done.objects.push(id);
        }
    }

    fn place(&mut self, data: &Data<'a>, slot: &Slot) -> Option<Place<'a>> {
        let place = data.place(&slot.content);
        if let Some(Place::Elsewhere(digest)) = &place {
            self.elsewhere.insert(*digest);
        }
        place
    }

    fn connect(&mut self, source: usize, target: usize, step: usize) {
        let connection = (source, target);
        let known = self.connections.iter().position(|it| *it == connection);
        let at = known.unwrap_or_else(|| {
            self.connections.push(connection);
            self.connections.len() - 1
        });
        let ends = &mut self.steps[step].connections;
        if !ends.contains(&at) {
            ends.push(at);
        }
    }

    fn told(&mut self, done: &mut Done<'a>) {
        let word = self.word(done.tool);
        let seed = done.action.seed.map(Value::from);
        let seed = seed.filter(|_| !done.action.parameters.contains_key("seed"));
        let parameters = done.action.parameters.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in parameters.chain(seed.iter().map(|seed| ("seed", seed))) {
            let (formal, id) = self.formals.valued((done.tool, &word), name, value);
            self.inputs.insert(formal);
            self.objects.push(id.clone());
            done.objects.push(id);
        }
    }

    fn made(
        &mut self,
        done: &mut Done<'a>,
        data: &Data<'a>,
        made: &mut BTreeMap<String, Option<usize>>,
    ) {
        let word = self.word(done.tool);
        let failed = matches!(done.action.outcome, Outcome::Failed(_));
        for slot in &done.action.outputs {
            let Some(place) = self.place(data, slot) else { continue };
            let id = place.id();
            let formal = self.formals.placed((done.tool, &word), Way::Made, &slot.name, &place);
            if !failed && matches!(done.action.kind, Kind::Results | Kind::Figure | Kind::Paper) {
                self.outputs.extend(formal);
                self.results.push(id.clone());
            }
            made.entry(id.clone()).or_insert(formal);
            done.results.push(id);
        }
    }

    /// What files tell of: the facts and the logs of the actions, and all that is a value.
    pub(crate) fn roles(&self, data: &Data<'a>) -> Roles {
        let mut roles = Roles::default();
        self.formals.note_roles(&mut roles);
        for done in &self.done {
            for path in done.action.facts.iter().chain(&done.action.logs) {
                if let Some(Place::File(_)) = data.path(path)
                    && let Some(id) = data.id(path)
                {
                    roles.about.entry(id).or_default().push(format!("#{}", done.uuid));
                }
            }
        }
        roles
    }

    /// Why the whole failed; `None` where every paper was made, or where nothing failed.
    pub(crate) fn failure(&self) -> Option<String> {
        let made = |done: &&Done<'_>| done.action.outcome == Outcome::Ok;
        let papers = || self.done.iter().filter(|done| done.action.kind == Kind::Paper);
        if papers().next().is_some() && papers().all(|done| made(&done)) {
            return None;
        }
        self.done.iter().find_map(|done| match &done.action.outcome {
            Outcome::Failed(why) => Some(format!("{}: {why}", done.action.label)),
            Outcome::Ok => None,
        })
    }
}
