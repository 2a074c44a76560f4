//! The author's runs and ours: results and facts, as the stores have them.

use std::collections::BTreeMap;
use std::path::Path;

use rescience_bundle::Bundle;
use rescience_digest::{ActionKey, Digest, Hashed};
use rescience_exec::build::{Report, plan};
use rescience_exec::host::Host;
use rescience_exec::request::metric_files;
use rescience_recipes::results::{RunRecord, collect};
use rescience_recipes::{Action, ActionIndex, ActionName, Collect, NodeName, Step, Work};
use rescience_sign::statement::ResourceDescriptor;
use rescience_sign::{Envelope, PublicKey, Signer, namespace};
use rescience_store::Store;
use rescience_typst_papers::Results;
use serde_json::Value;

use super::subject::Subject;
use crate::args::{Global, Reproduce};
use crate::error::Error;
use crate::project::{self, Project};
use crate::settings::Settings;
use crate::signing;

/// What the author's runs gave.
pub(super) struct Recorded {
    pub(super) experiments: BTreeMap<NodeName, Results>,
    pub(super) facts: Vec<Value>,
    /// The results, by their digests.
    pub(super) subjects: Vec<ResourceDescriptor>,
    /// The keys that have signed the bundle.
    pub(super) authors: Vec<PublicKey>,
    pub(super) runs: usize,
    /// The most seeds that an experiment has.
    pub(super) seeds: u32,
    /// Whether these are all experiments of the papers.
    pub(super) complete: bool,
}

impl Recorded {
    pub(super) fn read(
        subject: &Subject,
        global: &Global,
        settings: &Settings,
        args: &Reproduce,
    ) -> Result<Recorded, Error> {
        let project = subject.texts(settings)?.project(global)?;
        let host = project::host(global, settings, None, project.unpacked.as_ref())?;
        let papers = project.unpacked.as_ref().map(|it| it.about.papers.clone());
        let all = project.select(&papers.unwrap_or_default())?;
        let wanted = match args.only.is_empty() {
            true => None,
            false => Some(project.select(&args.only)?),
        };
        let plan = plan(project.as_built(), &all, &host)?;
        let mut recorded = Recorded {
            experiments: BTreeMap::new(),
            facts: Vec::new(),
            subjects: Vec::new(),
            authors: authors(&subject.directory)?,
            runs: 0,
            seeds: 0,
            complete: true,
        };
        for step in &plan.steps {
            let action = project.graph.action(step.index());
            let (Work::Collect(_), ActionName::Node(name)) = (&action.work, &action.name) else {
                continue;
            };
            if wanted.as_ref().is_some_and(|wanted| !wanted.contains(step.index())) {
                recorded.complete = false;
                continue;
            }
            let Step::Fresh { made, .. } = step else {
                return Err(Error::Other {
                    message: format!("{name} has no recorded results to compare with"),
                    help: Some(match project.unpacked {
                        Some(_) => "the bundle was changed: `rescience verify` says where".into(),
                        None => "`rescience build` makes them".into(),
                    }),
                });
            };
            let results = read(&host.store, &made.output)?;
            recorded.runs += results.points.iter().map(|point| point.runs.len()).sum::<usize>();
            let seeds = project.recipe.experiments.get(&name.name).map_or(0, |it| it.seeds);
            recorded.seeds = recorded.seeds.max(seeds);
            recorded.facts.extend(facts(&host.store, &results)?);
            let hashed = Hashed::of(&host.store.read(&made.output)?);
            recorded.subjects.push(ResourceDescriptor::file(&name.to_string(), &hashed));
            recorded.experiments.insert(name.clone(), results);
        }
        if recorded.experiments.is_empty() {
            return Err(Error::Other {
                message: "there is no experiment to reproduce".to_owned(),
                help: Some("`--only` takes experiments; `rescience tree` shows them".to_owned()),
            });
        }
        Ok(recorded)
    }
}

impl Recorded {
    /// Who signs the verdict: only somebody else than signed the bundle can have reproduced it.
    pub(super) fn relation(&self, signer: &Signer) -> Relation {
        match self.authors.is_empty() {
            true => Relation::AuthorsUnknown,
            false if self.authors.contains(signer.public()) => Relation::Author,
            false => Relation::Other,
        }
    }
}

/// What whoever signs a verdict is to those who signed the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Somebody else.
    Other,
    /// One of them.
    Author,
    /// Nobody has signed the bundle.
    AuthorsUnknown,
}

impl Relation {
    /// As machines read it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Relation::Other => "by-another",
            Relation::Author => "by-author",
            Relation::AuthorsUnknown => "authors-unknown",
        }
    }

    /// As people read it, after the key.
    pub(super) fn words(self) -> &'static str {
        match self {
            Relation::Other => "who did not sign the bundle",
            Relation::Author => "who signed the bundle too: checked, not reproduced by another",
            Relation::AuthorsUnknown => "nobody has signed the bundle: perhaps its author",
        }
    }
}

/// The keys that have signed a bundle, or its provenance: signatures are on no list, so one may have
/// been taken away.
fn authors(directory: &Path) -> Result<Vec<PublicKey>, Error> {
    if !Bundle::is_folder(directory) {
        return Ok(Vec::new());
    }
    let bundle = Bundle::open(directory)?;
    let signed = signing::signatures(&bundle)?.into_iter().filter_map(|(_, key)| key.ok());
    let mut keys: Vec<PublicKey> = signed.collect();
    if let Some(bytes) = bundle.read(signing::PROVENANCE)?
        && let Ok(envelope) = Envelope::parse(&bytes)
    {
        keys.extend(envelope.keys(namespace::PROVENANCE).into_iter().flatten());
    }
    Ok(keys)
}

/// What the runs gave here.
pub(super) struct Found {
    pub(super) experiments: BTreeMap<NodeName, Results>,
    pub(super) facts: Vec<Value>,
    pub(super) runs: usize,
}

impl Found {
    /// What came of a build. Where runs of an experiment failed, the others count.
    pub(super) fn gather(project: &Project, report: &Report, host: &Host) -> Result<Found, Error> {
        let made: BTreeMap<ActionIndex, (Digest, Option<ActionKey>)> = report
            .made
            .iter()
            .map(|(index, artifact, key)| (*index, (artifact.digest(), *key)))
            .collect();
        let mut found = Found { experiments: BTreeMap::new(), facts: Vec::new(), runs: 0 };
        for (index, action) in project.graph.actions().iter().enumerate() {
            let index = ActionIndex::new(index);
            match (&action.work, &action.name) {
                (Work::Run(_), _) => found.runs += usize::from(made.contains_key(&index)),
                (Work::Collect(spec), ActionName::Node(name)) => {
                    let results = match made.get(&index) {
                        Some((digest, _)) => Some(read(&host.store, digest)?),
                        None => partial(project, action, spec, &made, &host.store)?,
                    };
                    let Some(results) = results else { continue };
                    found.facts.extend(facts(&host.store, &results)?);
                    found.experiments.insert(name.clone(), results);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// The results of the runs that did not fail; none if all did.
fn partial(
    project: &Project,
    action: &Action,
    spec: &Collect,
    made: &BTreeMap<ActionIndex, (Digest, Option<ActionKey>)>,
    store: &Store,
) -> Result<Option<Results>, Error> {
    let mut runs = Vec::new();
    let mut program = None;
    for (role, dep) in &action.deps {
        let Some((output, key)) = made.get(dep) else { continue };
        let name = &project.graph.action(*dep).name;
        if role == "program" {
            program = Some(*output);
        }
        let (ActionName::Run { .. }, Some(key)) = (name, key) else { continue };
        let trace = store.traces(key)?.pop();
        runs.push(RunRecord {
            name: name.clone(),
            key: Some(*key),
            output: *output,
            facts: trace.and_then(|trace| trace.facts),
            files: metric_files(store, spec, output)?,
        });
    }
    if runs.is_empty() {
        return Ok(None);
    }
    let Ok(results) = collect(spec, program, &runs) else { return Ok(None) };
    let bytes = serde_json::to_vec(&results).expect("results serialise");
    let results = Results::parse(&bytes);
    results.map(Some).map_err(|error| Error::other(format!("results of {}: {error}", action.name)))
}

fn read(store: &Store, digest: &Digest) -> Result<Results, Error> {
    let bytes = store.read(digest)?;
    Results::parse(&bytes).map_err(|error| Error::other(format!("results {digest}: {error}")))
}

/// The facts of every run of an experiment.
fn facts(store: &Store, results: &Results) -> Result<Vec<Value>, Error> {
    let runs = results.points.iter().flat_map(|point| &point.runs);
    let digests = runs.filter_map(|run| run.facts.parse::<Digest>().ok());
    digests
        .map(|digest| {
            let bytes = store.read(&digest)?;
            let value = serde_json::from_slice(&bytes);
            value.map_err(|error| Error::other(format!("facts {digest}: {error}")))
        })
        .collect()
}
