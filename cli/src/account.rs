//! What a bundle tells other tools: its files, actions and programs, from the traces.

use std::collections::{BTreeMap, BTreeSet};

use rescience_digest::{Digest, Hashed};
use rescience_provenance::account::{
    Action, Author, Content, DataSet, Engine, File, Kind, Name, Organization, Outcome, Program,
    Slot, Usage,
};
use rescience_provenance::{Account, account};
use rescience_recipes::key::Kind as Work;
use rescience_recipes::{ActionIndex, ActionName, Graph, KeyInputs, NodeKind, Recipe};
use rescience_store::{Artifact, Trace};
use serde_json::Value;

use crate::error::Error;
use crate::left_out::LeftOut;
use crate::project::{LOCK, RECIPE};
use crate::unpacked::{About, made_path};

/// What was done, with the trace of it.
pub(crate) type Done = (ActionIndex, Trace);

/// Where an account's words come from.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) graph: &'a Graph,
    /// Reads an artifact.
    pub(crate) read: &'a dyn Fn(&Digest) -> Result<Vec<u8>, Error>,
}

/// The account of a bundle with these traces and files, its documents left out.
///
/// # Errors
/// Facts that cannot be read.
pub(crate) fn account(
    subject: Subject<'_>,
    traces: &[Done],
    files: &BTreeMap<String, Hashed>,
) -> Result<Account, Error> {
    let files: Vec<File> = files
        .iter()
        .map(|(path, hashed)| File {
            path: path.clone(),
            size: hashed.size,
            sha256: hashed.sha256,
            digest: hashed.digest,
            media_type: media_type(path).to_owned(),
            about: about(path).to_owned(),
        })
        .collect();
    let paths: BTreeMap<Digest, &str> =
        files.iter().map(|file| (file.digest, file.path.as_str())).collect();
    let at = |digest: &Digest| paths.get(digest).map(|path| (*path).to_owned());
    let mut actions = Vec::new();
    let mut programs = Vec::new();
    for (index, trace) in traces {
        let inputs: KeyInputs = serde_json::from_value(trace.inputs.clone())
            .map_err(|error| Error::other(format!("the trace of {}: {error}", trace.action)))?;
        if inputs.kind == Work::Build {
            programs.push(program(subject.graph, *index, &inputs, &files));
        }
        actions.push(action(subject, *index, trace, inputs, &at)?);
    }
    let ran = |id: &str| actions.iter().any(|it: &Action| it.program.as_deref() == Some(id));
    for source in subject.graph.actions().iter().filter(|it| ran(&it.name.to_string())) {
        let id = source.name.to_string();
        if !programs.iter().any(|program: &Program| program.id == id) {
            let path = source.files.first().map(|(_, path)| path.get_ref().clone());
            programs.push(script(&id, path, &files));
        }
    }
    let recipe = &subject.recipe.project;
    let last = traces.iter().map(|(_, trace)| trace.finished).max();
    let authors = recipe.authors.iter().map(|author| Author {
        name: Name::Whole(author.name.clone()),
        orcid: author.orcid.clone(),
        affiliation: author.affiliation.clone().map(|name| Organization { name, url: None }),
        email: author.email.clone(),
    });
    Ok(Account {
        project: account::Project {
            name: recipe.name.clone(),
            version: recipe.version.clone(),
            title: recipe.title.clone(),
            description: None,
            license: recipe.license.clone(),
            authors: authors.collect(),
            publisher: None,
            published: last.unwrap_or_default(),
            keywords: Vec::new(),
            doi: recipe.doi.clone(),
            url: None,
        },
        engine: Engine {
            name: "rescience".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: "https://rescience.dev".to_owned(),
            builder: None,
        },
        recipe: RECIPE.to_owned(),
        lock: files.iter().any(|file| file.path == LOCK).then(|| LOCK.to_owned()),
        profile: Some(subject.recipe.profile.clone()),
        files,
        programs,
        actions,
        data_sets: data_sets(subject, traces),
        answers: Vec::new(),
    })
}

/// The sources that runs were given as inputs, rather than run.
fn data_sets(subject: Subject<'_>, traces: &[Done]) -> Vec<DataSet> {
    let deps = traces.iter().flat_map(|(index, _)| &subject.graph.action(*index).deps);
    let inputs = deps.filter(|(role, _)| role.starts_with("input.")).map(|(_, dep)| *dep);
    let inputs: BTreeSet<ActionIndex> = inputs.collect();
    let set = |index: ActionIndex| {
        let node = &subject.graph.action(index).node;
        let source = subject.recipe.sources.get(&node.name);
        let source = source.filter(|_| node.kind == NodeKind::Source)?;
        Some(DataSet {
            path: source.path.get_ref().clone(),
            name: node.name.clone(),
            description: source.about.description.clone(),
            license: source.about.license.clone(),
            url: source.about.origin.clone(),
            creators: Vec::new(),
            version: None,
            fields: Vec::new(),
        })
    };
    inputs.into_iter().filter_map(set).collect()
}

fn action(
    subject: Subject<'_>,
    index: ActionIndex,
    trace: &Trace,
    inputs: KeyInputs,
    at: &dyn Fn(&Digest) -> Option<String>,
) -> Result<Action, Error> {
    let planned = subject.graph.action(index);
    let facts: Option<Value> = match &trace.facts {
        Some(digest) => serde_json::from_slice(&(subject.read)(digest)?).ok(),
        None => None,
    };
    let run = facts.as_ref().map(|facts| &facts["run"]);
    let number = |field: &str| run.and_then(|run| run[field].as_f64());
    let slot = |(name, digest): (&String, &Digest)| Slot {
        name: name.clone(),
        content: Content::Digest(*digest),
    };
    let made = match &planned.name {
        ActionName::Node(node) => made_path(node).map(Content::Path),
        ActionName::Run { .. } | ActionName::Build(_) => None,
    };
    let output = trace.output.map(|output| made.unwrap_or(Content::Digest(output.digest())));
    let mut read: Vec<Slot> = inputs.inputs.iter().map(slot).collect();
    // A folder is in the bundle under the recipe's own path.
    for (role, path) in &planned.files {
        if let Some(slot) = read.iter_mut().find(|slot| slot.name == *role) {
            slot.content = Content::Path(path.get_ref().clone());
        }
    }
    let program = planned.deps.iter().find(|(role, _)| role == "program");
    let plain = |(name, value): (&String, &_)| {
        (name.clone(), serde_json::to_value(value).unwrap_or_default())
    };
    Ok(Action {
        key: trace.key,
        label: trace.action.clone(),
        node: planned.node.to_string(),
        kind: kind(inputs.kind),
        program: match inputs.kind {
            Work::Run => program.map(|(_, dep)| subject.graph.action(*dep).name.to_string()),
            _ => None,
        },
        argv: inputs.argv.clone(),
        parameters: inputs.params.iter().map(plain).collect(),
        seed: inputs.seed.filter(|_| inputs.kind == Work::Run),
        environment: inputs.env,
        started: trace.started,
        finished: trace.finished,
        outcome: Outcome::Ok,
        inputs: read,
        outputs: output
            .map(|content| Slot { name: "output".to_owned(), content })
            .into_iter()
            .collect(),
        usage: Usage {
            wall_seconds: number("wall_s"),
            cpu_seconds: number("user_s").zip(number("system_s")).map(|(user, own)| user + own),
            peak_bytes: number("peak_memory_bytes").map(|bytes| bytes as u64),
            energy_joules: run.and_then(|run| accelerators(&run["gpus"])),
            gpu_peak_bytes: None,
        },
        facts: trace.facts.and_then(|digest| at(&digest)),
        logs: trace
            .logs
            .values()
            .filter_map(|log| match log {
                Artifact::Blob(digest) => at(digest),
                Artifact::Tree(_) => None,
            })
            .collect(),
        sandbox: run.and_then(|run| match &run["sandbox"] {
            Value::String(level) => Some(level.clone()),
            other => other["level"].as_str().map(str::to_owned),
        }),
    })
}

/// The energy that all of a run's accelerators took, if it had any and each was measured.
fn accelerators(gpus: &Value) -> Option<f64> {
    let gpus = gpus.as_array().filter(|gpus| !gpus.is_empty())?;
    gpus.iter().map(|gpu| gpu["energy_j"].as_f64()).sum()
}

fn kind(work: Work) -> Kind {
    match work {
        Work::Source | Work::Patch => Kind::Source,
        Work::Build => Kind::Build,
        Work::Run => Kind::Run,
        Work::Collect => Kind::Results,
        Work::Figure => Kind::Figure,
        Work::Paper => Kind::Paper,
    }
}

/// A program that was built.
fn program(graph: &Graph, index: ActionIndex, inputs: &KeyInputs, files: &[File]) -> Program {
    let build = graph.action(index);
    let source = build.deps.iter().find(|(role, _)| role == "source");
    let own = source.map(|(_, source)| graph.action(*source));
    let folder = own.and_then(|it| it.files.first()).map(|(_, path)| path.get_ref().clone());
    let has = |path: &str| files.iter().any(|file| file.path == path);
    let lock = folder.as_ref().map(|folder| format!("{folder}/Cargo.lock"));
    let within = |folder: &String| {
        let prefix = format!("{folder}/");
        files.iter().any(|file| file.path.starts_with(&prefix))
    };
    Program {
        id: build.name.to_string(),
        name: build.node.name.clone(),
        version: None,
        url: None,
        sources: folder.filter(within),
        lock: lock.filter(|lock| has(lock)),
        toolchain: inputs.toolchain.clone(),
    }
}

/// A source that runs as it is.
fn script(id: &str, path: Option<String>, files: &[File]) -> Program {
    let held = |path: &String| {
        let prefix = format!("{path}/");
        files.iter().any(|file| file.path == *path || file.path.starts_with(&prefix))
    };
    Program {
        id: id.to_owned(),
        name: id.rsplit('.').next().unwrap_or(id).to_owned(),
        version: None,
        url: None,
        sources: path.filter(held),
        lock: None,
        toolchain: BTreeMap::new(),
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => "application/json",
        Some("jsonl") => "application/jsonl",
        Some("toml" | "lock") => "application/toml",
        Some("pdf") => "application/pdf",
        Some("svg") => "image/svg+xml",
        Some("html") => "text/html",
        Some("typ") => "text/vnd.typst",
        Some("rs") => "text/rust",
        Some("py") => "text/x-python",
        Some("sh") => "application/x-sh",
        Some("md") => "text/markdown",
        Some("bib") => "application/x-bibtex",
        Some("patch" | "diff") => "text/x-diff",
        Some("txt" | "log") => "text/plain",
        Some("csv") => "text/csv",
        _ => "application/octet-stream",
    }
}

fn about(path: &str) -> &'static str {
    match path.split_once('/').map(|(folder, _)| folder) {
        Some("made") if path.ends_with(".svg") => "A figure",
        Some("made") if path.ends_with("results.json") => "The results of an experiment",
        Some("made") => "A paper",
        Some("objects") => "What an action made, read or printed, by its BLAKE3 digest",
        Some("traces") => "The trace of an action: its key, what entered it, what came of it",
        None if path == RECIPE => "The recipe",
        None if path == LOCK => "What was pinned",
        None if path == About::FILE => "Which papers this holds, and what made them",
        None if path == LeftOut::FILE => "What belongs to the bundle and is not in it, by digest",
        _ => "A file of the project",
    }
}
