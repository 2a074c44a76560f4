//! Action keys: what decides whether a recorded result still stands.
//!
//! A key is BLAKE3, in its key-derivation mode, over the canonical encoding of [`KeyInputs`]. Two
//! actions with equal keys are the same work; whatever can change a result must therefore be in
//! it, and whatever cannot must stay out, or good results are thrown away.
//!
//! # What enters
//!
//! | input | source, diff | build | run | experiment | figure | paper |
//! |---|---|---|---|---|---|---|
//! | `kind`, `schema` | yes | yes | yes | yes | yes | yes |
//! | `inputs`: digests of project files | `content`; `patch` | - | - | - | - | `text`, the folder of the text |
//! | `inputs`: digests of dependencies | `base` | `source` | `program`, `input.NAME` | `program`, `run.POINT#N` and its `.facts` | `data.NAME`, `run.NAME.POINT#N` | `experiment.NAME`, `figure.NAME` |
//! | `argv`, as the recipe writes it | - | of a command | yes | - | - | - |
//! | `params`, the point's values among them | - | - | yes | yes, the common ones | - | - |
//! | `seed` | - | - | the run's | the project's | - | - |
//! | `env` | - | - | yes | - | - | - |
//! | `limits` | - | - | `wall`, `cpu`, `memory`, `processes`, `files`, `cpus`, `gpus` | - | - | - |
//! | `toolchain` | - | of cargo | - | - | - | - |
//! | `settings` | - | `system` | - | label, profile, source, command, metrics, the runs' keys | the plot, order of data | main, bibliography, order, style, mode, terms, lexicon, project, profile; the lock's confirmed citations |
//! | `settings.engine` | - | - | - | - | renderer | typesetter |
//!
//! The `memory`, `processes` and `files` limits enter because a program can see them and adapt: it
//! may use fewer workers, or a smaller cache. `wall` and `cpu` enter because a program can read a
//! clock and stop when its time is nearly over: one that was given more time is another experiment,
//! and its recipe has to show it. `cpus` is what programs take as their number of threads, and
//! sums over threads depend on it; so with `gpus`. An experiment's results name the runs' keys, so these enter its
//! own key; its runs' facts enter because papers print them. All confirmed citations enter the key
//! of every paper with a bibliography, since which of them it has is written in its folder.
//!
//! # What is kept out
//!
//! | kept out | why |
//! |---|---|
//! | the node's name | it is not work; but a run's seed derives from it, so renaming an experiment re-runs it |
//! | file names outside the project, host name, user | the same work elsewhere is the same work |
//! | modification times, order of keys, comments and layout of the recipe | they are not content |
//! | wall clock, time zone, locale | the sandbox fixes what a program could see of them |
//! | `disk` and `log` limits | they can fail a run and never change what it writes; failures are never reused |
//! | a run's metrics, label and figures | the run does not see them: a changed unit collects anew and runs nothing |
//! | a program's source, where it was built | only the program counts: a comment that changes no program stops there |
//! | `CC`, `CXX`, `AR`, the linker, settings in cargo's home | they are the machine's; a program they change has another digest, and that enters |
//! | tools that a script finds on `PATH` | nothing names them yet; declare what matters in `env` |
//! | hardware | it is measured and printed; a result from another machine is another trace of the same key |
//! | `-j`, verbosity, profile of a run | they decide when and how loudly, not what |
//!
//! Floats enter by their bits: `1` and `1.0` are different, and so are `0.0` and `-0.0`, since a
//! program can tell them apart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rescience_digest::{ActionKey, Canonical, Digest, KeyHasher};
use serde::{Deserialize, Serialize};

use crate::graph::{Action, ActionIndex, Collect, Graph, Work};
use crate::metric::Tolerance;
use crate::plan::{InputProblem, Made, World};
use crate::recipe::BuildSystem;
use crate::value::Value;

/// Names the purpose and the version of the encoding; a change of either changes every key.
const CONTEXT: &str = "rescience 2026-11-25 action key v2";

/// Everything that enters a key, kept beside each trace so that a later plan can say what changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyInputs {
    /// What kind of work it is.
    pub kind: Kind,
    /// The version of what that work yields; raised when it would come out differently.
    pub schema: u32,
    /// The command, with placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// Params by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// A run's seed, or the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Environment variables by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Limits that can change a result: bytes, counts, or milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    /// Digests of what is read, by role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Digest>,
    /// What the tools say they are, by tool.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub toolchain: BTreeMap<String, String>,
    /// Everything else that decides what comes out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
}

/// Kinds of work, as keys tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file or directory of the project.
    Source,
    /// A patched source.
    Patch,
    /// A program.
    Build,
    /// A run.
    Run,
    /// An experiment's results.
    Collect,
    /// A figure.
    Figure,
    /// A paper.
    Paper,
}

impl Kind {
    fn of(work: &Work) -> Kind {
        match work {
            Work::Source { .. } => Kind::Source,
            Work::Patch { .. } => Kind::Patch,
            Work::Build { .. } => Kind::Build,
            Work::Run(_) => Kind::Run,
            Work::Collect(_) => Kind::Collect,
            Work::Figure { .. } => Kind::Figure,
            Work::Paper(_) => Kind::Paper,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Kind::Source => "source",
            Kind::Patch => "patch",
            Kind::Build => "build",
            Kind::Run => "run",
            Kind::Collect => "collect",
            Kind::Figure => "figure",
            Kind::Paper => "paper",
        }
    }

    /// Whether it only shows what was measured: anybody can make it again, from the results.
    pub fn is_view(self) -> bool {
        matches!(self, Kind::Figure | Kind::Paper)
    }

    /// The version of what this kind of work yields. Raise it with every change to it.
    fn schema(self) -> u32 {
        match self {
            Kind::Source
            | Kind::Patch
            | Kind::Build
            | Kind::Run
            | Kind::Collect
            | Kind::Figure
            | Kind::Paper => 1,
        }
    }
}

impl KeyInputs {
    /// The key.
    pub fn key(&self) -> ActionKey {
        ActionKey::of(CONTEXT, self)
    }
}

impl Canonical for KeyInputs {
    fn encode(&self, into: &mut KeyHasher) {
        // Taken apart by name, so that a new field cannot be forgotten here.
        let KeyInputs {
            kind,
            schema,
            argv,
            params,
            seed,
            env,
            limits,
            inputs,
            toolchain,
            settings,
        } = self;
        into.str(kind.as_str()).u64(u64::from(*schema));
        argv.encode(into);
        params.encode(into);
        seed.encode(into);
        env.encode(into);
        limits.encode(into);
        inputs.encode(into);
        toolchain.encode(into);
        settings.encode(into);
    }
}

/// A project file that an action needs and that is not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: `{path}`")]
pub struct InputError {
    /// Relative to the project.
    pub path: String,
    /// What is wrong with it.
    pub problem: InputProblem,
    /// Where the recipe names it.
    pub span: std::ops::Range<usize>,
}

/// What enters an action's key; none while something that it needs is not made.
///
/// # Errors
/// A project file that it reads is missing or unreadable.
pub fn key_inputs(
    graph: &Graph,
    index: ActionIndex,
    made: &impl Fn(ActionIndex) -> Option<Made>,
    world: &impl World,
) -> Result<Option<KeyInputs>, Box<InputError>> {
    let known = gather(graph, graph.action(index), made, world, &|dep| {
        // A run has only made inputs here, and no runs among them: this goes one level deep.
        let inputs = key_inputs(graph, dep, made, world).ok().flatten();
        inputs.map(|inputs| inputs.key())
    })?;
    Ok(known.waiting.is_none().then_some(known.inputs))
}

/// What is known of a key so far.
pub(crate) struct Known {
    pub(crate) inputs: KeyInputs,
    /// The first dependency that is not made.
    pub(crate) waiting: Option<ActionIndex>,
}

/// Gathers what enters a key, leaving out what is not made yet.
pub(crate) fn gather(
    graph: &Graph,
    action: &Action,
    made: &dyn Fn(ActionIndex) -> Option<Made>,
    world: &impl World,
    key_of: &dyn Fn(ActionIndex) -> Option<ActionKey>,
) -> Result<Known, Box<InputError>> {
    let kind = Kind::of(&action.work);
    let mut inputs = KeyInputs {
        kind,
        schema: kind.schema(),
        argv: Vec::new(),
        params: BTreeMap::new(),
        seed: None,
        env: BTreeMap::new(),
        limits: BTreeMap::new(),
        inputs: BTreeMap::new(),
        toolchain: BTreeMap::new(),
        settings: BTreeMap::new(),
    };
    for (role, path) in &action.files {
        let digest = world.input(path.get_ref()).map_err(|problem| {
            Box::new(InputError { path: path.get_ref().clone(), problem, span: path.span() })
        })?;
        // A paper's text and bibliography lie in its folder, which enters as a whole.
        if kind != Kind::Paper || *role == "text" {
            inputs.inputs.insert((*role).to_owned(), digest);
        }
    }
    let mut waiting = None;
    for (role, dep) in &action.deps {
        let Some(Made { output, facts }) = made(*dep) else {
            waiting = waiting.or(Some(*dep));
            continue;
        };
        if let (Kind::Collect, true, Some(facts)) = (kind, role.starts_with("run."), facts) {
            inputs.inputs.insert(format!("{role}.facts"), facts);
        }
        inputs.inputs.insert(role.clone(), output);
    }
    describe(graph, action, world, key_of, &mut inputs);
    Ok(Known { inputs, waiting })
}

/// Fills in what does not come from files and dependencies.
fn describe(
    graph: &Graph,
    action: &Action,
    world: &impl World,
    key_of: &dyn Fn(ActionIndex) -> Option<ActionKey>,
    inputs: &mut KeyInputs,
) {
    match &action.work {
        Work::Source { .. } | Work::Patch { .. } => {}
        Work::Build { system } => {
            let name = match system {
                BuildSystem::Cargo => "cargo",
                BuildSystem::Command(argv) => {
                    inputs.argv.clone_from(argv);
                    "command"
                }
            };
            set(inputs, "system", name);
            inputs.toolchain = world.toolchain(system, inputs);
        }
        Work::Run(run) => {
            inputs.argv.clone_from(&run.argv);
            inputs.params.clone_from(&run.params);
            inputs.seed = Some(run.seed);
            inputs.env.clone_from(&run.env);
            let limits = &run.limits;
            let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            inputs.limits.extend(
                [
                    ("wall_ms", Some(milliseconds(limits.wall))),
                    ("cpu_ms", limits.cpu.map(milliseconds)),
                    ("memory", Some(limits.memory)),
                    ("processes", Some(limits.processes.into())),
                    ("files", Some(limits.files.into())),
                    ("cpus", Some(limits.cpus.into())),
                    ("gpus", Some(limits.gpus.into())),
                ]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
            );
        }
        Work::Collect(collect) => results(action, collect, key_of, inputs),
        Work::Figure { plot } => {
            set(inputs, "engine", world.engine(action.node.kind));
            flatten(inputs, "plot", plot);
            set_order(inputs, action);
        }
        Work::Paper(paper) => {
            set(inputs, "engine", world.engine(action.node.kind));
            set(inputs, "style", paper.style.to_string());
            set(inputs, "main", paper.main());
            if let Some(bibliography) = paper.bibliography_in_folder() {
                set(inputs, "bibliography", bibliography);
            }
            set(inputs, "mode", paper.mode.to_string());
            set_words(inputs, "terms", &paper.terms);
            for (category, words) in &paper.lexicon {
                set_words(inputs, &format!("lexicon.{category}"), words);
            }
            for (key, entry) in &paper.confirmed {
                set(inputs, &format!("confirmed.{key}"), entry.to_string());
            }
            set_order(inputs, action);
            set(inputs, "profile", graph.profile());
            flatten(inputs, "project", graph.project());
        }
    }
}

fn set_words(inputs: &mut KeyInputs, name: &str, words: &BTreeSet<String>) {
    let words = words.iter().map(|word| Value::from(word.clone())).collect();
    inputs.settings.insert(name.to_owned(), Value::Array(words));
}

/// The order of what is shown: legends and tables follow it, and `inputs` has none.
fn set_order(inputs: &mut KeyInputs, action: &Action) {
    let shown = action.deps.iter().filter(|(role, _)| !role.starts_with("run."));
    let roles = shown.map(|(role, _)| Value::from(role.clone())).collect();
    inputs.settings.insert("order".to_owned(), Value::Array(roles));
}

fn results(
    action: &Action,
    collect: &Collect,
    key_of: &dyn Fn(ActionIndex) -> Option<ActionKey>,
    inputs: &mut KeyInputs,
) {
    inputs.params.clone_from(&collect.params);
    inputs.seed = Some(collect.project_seed);
    set(inputs, "experiment", collect.experiment.to_string());
    set(inputs, "label", collect.label.as_str());
    set(inputs, "profile", collect.profile.as_str());
    set(inputs, "source", collect.source.to_string());
    let run = collect.run.iter().map(|word| Value::from(word.clone())).collect();
    inputs.settings.insert("run".to_owned(), Value::Array(run));
    for (name, metric) in &collect.metrics {
        let mut field = |field: &str, value: Value| {
            inputs.settings.insert(format!("metric.{name}.{field}"), value);
        };
        field("at", metric.at().into());
        field("unit", metric.unit.to_string().into());
        field("better", metric.better.as_str().into());
        match metric.tolerance {
            None => {}
            Some(Tolerance::Rel(bound)) => field("tolerance.rel", bound.into()),
            Some(Tolerance::Abs(bound)) => field("tolerance.abs", bound.into()),
        }
    }
    let runs = action.deps.iter().filter(|(role, _)| role.starts_with("run."));
    let keys =
        runs.filter_map(|(role, run)| Some((role.clone(), key_of(*run)?.to_string().into())));
    inputs.settings.insert("runs".to_owned(), Value::Table(keys.collect()));
}

fn set(inputs: &mut KeyInputs, name: &str, value: impl Into<Value>) {
    inputs.settings.insert(name.to_owned(), value.into());
}

/// Enters every field of a record as a setting of its own, so that each can be named when it changes.
fn flatten(inputs: &mut KeyInputs, prefix: &str, record: &impl Serialize) {
    let record = serde_json::to_value(record).expect("a record of plain values serialises");
    let record: Value = serde_json::from_value(without_nulls(record))
        .expect("JSON without nulls is a value of a recipe");
    match record {
        Value::Table(fields) => {
            for (name, value) in fields {
                inputs.settings.insert(format!("{prefix}.{name}"), value);
            }
        }
        other => drop(inputs.settings.insert(prefix.to_owned(), other)),
    }
}

fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        other => other,
    }
}
