//! A project: its papers, against its recipe and its store.

use std::collections::BTreeSet;
use std::path::Path;

use rescience_digest::{ActionKey, Digest};
use rescience_exec::build::plan;
use rescience_exec::request::Artifacts;
use rescience_exec::studio::Studio as _;
use rescience_exec::views::FOLDER;
use rescience_recipes::{ActionName, InputProblem, Step};
use rescience_store::{Artifact, StatCache, Store, Trace, Tree};
use serde_json::json;

use super::Report;
use super::pages::{self, Recorded};
use crate::args::Global;
use crate::error::Error;
use crate::project::{self, Project, RECIPE, Texts};
use crate::settings::Settings;
use crate::studio::TypstStudio;
use crate::unpacked::views;

pub(super) fn check(
    report: &mut Report<'_>,
    global: &Global,
    settings: &Settings,
    path: &Path,
) -> Result<(), Error> {
    let project = Texts::of(&path.join(RECIPE), settings)?.project(global)?;
    let host = project::host(global, settings, None, None)?;
    let _shared = host.store.share()?;
    let plan = plan(project.as_built(), &project.select(&[])?, &host)?;
    let held = Held { project: &project, store: &host.store, settings };
    let (mut objects, mut traces) = (BTreeSet::new(), 0);
    for step in &plan.steps {
        let name = &project.graph.action(step.index()).name;
        match step {
            Step::Run { reasons, .. } => {
                let why = reasons.first().map_or_else(String::new, |it| format!(": {it}"));
                let message = format!("{name} is not made as the recipe asks{why}");
                report.problem(&message, &[], json!({ "problem": "recipe", "action": name }));
            }
            Step::Fresh { key: None, made, .. } => {
                held.read_all(report, name, &[Artifact::Tree(made.output)], &mut objects);
            }
            Step::Fresh { key: Some(key), made, .. } => {
                let trace = held.trace(key, &made.output);
                let all = trace.map(|it| it.artifacts().collect::<Vec<_>>()).unwrap_or_default();
                held.read_all(report, name, &all, &mut objects);
                held.views(report, name, key, &made.output)?;
                traces += 1;
            }
        }
    }
    report.count("traces", traces);
    report.count("objects", objects.len());
    let pages = pages::again(&project.graph, &plan, &held);
    for (action, message) in &pages.problems {
        let value = json!({ "problem": "page", "action": action, "message": message });
        report.problem(format_args!("{action}: {message}"), &[], value);
    }
    pages.tell(report);
    Ok(())
}

/// A project's artifacts, where its store has them.
struct Held<'a> {
    project: &'a Project,
    store: &'a Store,
    settings: &'a Settings,
}

impl Held<'_> {
    fn trace(&self, key: &ActionKey, output: &Digest) -> Option<Trace> {
        let made = |it: &Trace| it.output.is_some_and(|made| made.digest() == *output);
        self.store.traces(key).ok()?.into_iter().rev().find(made)
    }

    /// Reads every object that these artifacts lead to.
    fn read_all(
        &self,
        report: &mut Report<'_>,
        name: &ActionName,
        artifacts: &[Artifact],
        seen: &mut BTreeSet<Digest>,
    ) {
        let mut waiting = artifacts.to_vec();
        while let Some(artifact) = waiting.pop() {
            let digest = artifact.digest();
            if !seen.insert(digest) {
                continue;
            }
            let done = match artifact {
                Artifact::Blob(_) => self.store.verify(&digest).map(|_| Vec::new()),
                Artifact::Tree(_) => self
                    .store
                    .tree(&digest)
                    .map(|tree| tree.entries.values().filter_map(super::traces::within).collect()),
            };
            match done {
                Ok(inner) => waiting.extend(inner),
                // A source may also be one file.
                Err(rescience_store::StoreError::NotATree { .. }) => {}
                Err(error) => {
                    let value = json!({ "problem": "object", "digest": digest });
                    report.problem(&error, &[name.to_string()], value);
                }
            }
        }
    }

    /// Whether the views in `out/` are what was made.
    fn views(
        &self,
        report: &mut Report<'_>,
        name: &ActionName,
        key: &ActionKey,
        output: &Digest,
    ) -> Result<(), Error> {
        let ActionName::Node(node) = name else { return Ok(()) };
        for (path, expected) in views(node, output, |form| self.beside(key, output, form)) {
            let inner = path.trim_start_matches("made/");
            let path = self.project.directory.join(FOLDER).join(inner);
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::read(&path, &error)),
            };
            match Digest::of(&bytes) {
                found if found == expected => report.sound(format_args!("out/{inner} {found}")),
                found => {
                    let file = format!("out/{inner}");
                    let message =
                        format!("`{file}` was changed: expected {expected}, found {found}");
                    let value = json!({
                        "problem": "changed", "file": file, "expected": expected, "found": found,
                    });
                    report.problem(message, &[name.to_string()], value);
                }
            }
        }
        Ok(())
    }
}

impl Artifacts for Held<'_> {
    type Error = Error;

    fn read(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        Ok(self.store.read(digest)?)
    }

    fn tree(&self, digest: &Digest) -> Result<Tree, Error> {
        Ok(self.store.tree(digest)?)
    }
}

impl Recorded for Held<'_> {
    fn own(&self, path: &str) -> Option<Digest> {
        let mut stats = StatCache::open(&self.settings.home.join("cache/stat/verify"));
        let imported = self.store.import(&self.project.directory.join(path), &mut stats);
        imported.map_err(|_| InputProblem::Missing).ok().map(|artifact| artifact.digest())
    }

    fn beside(&self, key: &ActionKey, output: &Digest, log: &str) -> Option<Digest> {
        self.trace(key, output)?.logs.get(log).map(Artifact::digest)
    }

    fn left_out(&self, digest: &Digest) -> bool {
        self.store.stands_without(digest)
    }

    fn engine(&self) -> &str {
        TypstStudio.engine()
    }
}
