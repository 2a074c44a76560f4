//! The outside as planning sees it: files by content, keys by trace, toolchains by what they print.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{
    ActionName, BuildSystem, Hit, InputProblem, KeyInputs, Made, NodeKind, World,
};
use rescience_store::{Artifact, StatCache, Store, StoreError, Trace};

use crate::host::Host;
use crate::toolchain::Toolchain;

/// A project's files, the store and the toolchains, each looked at once.
pub(crate) struct Outside<'a> {
    host: &'a Host,
    directory: &'a Path,
    project: &'a str,
    stats: RefCell<StatCache>,
    inputs: RefCell<BTreeMap<String, Result<Artifact, InputProblem>>>,
    toolchain: RefCell<Option<BTreeMap<String, String>>>,
    last: RefCell<Option<BTreeMap<String, ActionKey>>>,
}

impl<'a> Outside<'a> {
    pub(crate) fn new(host: &'a Host, directory: &'a Path, project: &'a str) -> Outside<'a> {
        let name = Digest::of(directory.as_os_str().as_encoded_bytes()).hex();
        let stats = StatCache::open(&host.cache.join("stat").join(name));
        Outside {
            host,
            directory,
            project,
            stats: RefCell::new(stats),
            inputs: RefCell::default(),
            toolchain: RefCell::default(),
            last: RefCell::default(),
        }
    }

    /// The artifact of a project file or directory; it is in the store when this returns.
    pub(crate) fn import(&self, path: &str) -> Result<Artifact, InputProblem> {
        if let Some(known) = self.inputs.borrow().get(path) {
            return known.clone();
        }
        let found = self
            .host
            .store
            .import(&self.directory.join(path), &mut self.stats.borrow_mut())
            .map_err(|error| input_problem(&error));
        self.inputs.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }

    /// Keeps the digests of unchanged files for the next build. Losing them costs only time.
    pub(crate) fn save(&self) {
        self.stats.borrow_mut().save().ok();
    }

    /// The key that an action of this name had when it last ran.
    pub(crate) fn last_key(&self, action: &ActionName) -> Option<ActionKey> {
        let mut last = self.last.borrow_mut();
        last.get_or_insert_with(|| self.last_keys()).get(&action.to_string()).copied()
    }

    fn last_keys(&self) -> BTreeMap<String, ActionKey> {
        let mut keys = BTreeMap::new();
        for entry in self.host.store.journal(self.project).entries().unwrap_or_default() {
            let text = |field: &str| entry.get(field).and_then(|value| value.as_str());
            if let (Some(action), Some(Ok(key))) =
                (text("action"), text("key").map(|key| key.parse::<ActionKey>()))
            {
                keys.insert(action.to_owned(), key);
            }
        }
        keys
    }
}

fn input_problem(error: &StoreError) -> InputProblem {
    match error {
        StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            InputProblem::Missing
        }
        other => InputProblem::Unreadable(other.to_string()),
    }
}

impl World for Outside<'_> {
    fn input(&self, path: &str) -> Result<Digest, InputProblem> {
        self.import(path).map(|artifact| artifact.digest())
    }

    fn toolchain(&self, system: &BuildSystem) -> BTreeMap<String, String> {
        let BuildSystem::Cargo = system else { return BTreeMap::new() };
        let find = || {
            let cache = self.host.cache.join("toolchain");
            match Toolchain::find(&self.host.toolchain_env, self.directory, &cache) {
                Ok(toolchain) => toolchain.identity(),
                // The build will say so in full; what needs no build need not fail.
                Err(_) => BTreeMap::from([("cargo".to_owned(), "none".to_owned())]),
            }
        };
        self.toolchain.borrow_mut().get_or_insert_with(find).clone()
    }

    fn engine(&self, _: NodeKind) -> String {
        self.host.studio.engine().to_owned()
    }

    fn trace(&self, key: &ActionKey) -> Hit {
        lookup(&self.host.store, key)
    }

    fn last(&self, action: &ActionName) -> Option<KeyInputs> {
        let key = self.last_key(action)?;
        let trace = self.host.store.traces(&key).ok()?.pop()?;
        serde_json::from_value(trace.inputs).ok()
    }
}

/// What the store knows of a key: the newest success whose artifact is whole.
pub(crate) fn lookup(store: &Store, key: &ActionKey) -> Hit {
    let Ok(traces) = store.traces(key) else { return Hit::None };
    let mut lost = None;
    for trace in traces.iter().rev() {
        let Some(output) = &trace.output else { continue };
        // Facts are evidence: a run whose facts are lost has to be measured again.
        let facts = trace.facts.map_or(Ok(()), |facts| store.intact(&Artifact::Blob(facts)));
        match store.intact(output).and(facts) {
            Ok(()) => return Hit::Made(made(trace, output)),
            Err(StoreError::Missing { digest, .. }) => lost = lost.or(Some(Hit::Missing(digest))),
            Err(StoreError::Damaged { digest, .. }) => lost = lost.or(Some(Hit::Damaged(digest))),
            Err(_) => lost = lost.or(Some(Hit::Missing(output.digest()))),
        }
    }
    lost.unwrap_or(if traces.is_empty() { Hit::None } else { Hit::Failed })
}

fn made(trace: &Trace, output: &Artifact) -> Made {
    Made { output: output.digest(), facts: trace.facts }
}
