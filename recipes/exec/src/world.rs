//! The outside as planning sees it: files by content, keys by trace, toolchains by what they print.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{
    ActionName, BuildSystem, Hit, InputProblem, KeyInputs, Made, NodeKind, World,
};
use rescience_store::{Artifact, Entry, Standing, StatCache, Store, StoreError, TraceIndex};

use crate::host::Host;
use crate::still::Answers;
use crate::toolchain::Toolchain;

/// A project's files, the store and the toolchains, each looked at once.
pub(crate) struct Outside<'a> {
    host: &'a Host,
    directory: &'a Path,
    project: &'a str,
    stats: RefCell<StatCache>,
    traces: RefCell<Option<TraceIndex>>,
    inputs: RefCell<BTreeMap<String, Result<Artifact, InputProblem>>>,
    toolchain: RefCell<Option<BTreeMap<String, String>>>,
    last: RefCell<Option<BTreeMap<String, ActionKey>>>,
}

impl<'a> Outside<'a> {
    pub(crate) fn new(host: &'a Host, directory: &'a Path, project: &'a str) -> Outside<'a> {
        let stats = StatCache::open(&host.cache.join("stat").join(project_name(directory)));
        Outside {
            host,
            directory,
            project,
            stats: RefCell::new(stats),
            traces: RefCell::default(),
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
        let Host { store, absent, .. } = self.host;
        let found = store.import(&self.directory.join(path), &mut self.stats.borrow_mut());
        let found = found.map_err(|error| input_problem(&error));
        let found = complete(store, absent, path, found);
        self.inputs.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }

    /// Keeps for the next build which file has which digest, and which key which result. Losing
    /// that costs only time.
    pub(crate) fn save(&self) {
        self.stats.borrow_mut().save().ok();
        self.traces.borrow_mut().as_mut().and_then(|traces| traces.save().ok());
    }

    /// All that was answered so far, in what was saved.
    pub(crate) fn answers(&self) -> Answers {
        let inputs = self.inputs.borrow();
        let found = inputs.iter().filter_map(|(path, found)| Some((path, found.as_ref().ok()?)));
        Answers {
            inputs: found.map(|(path, artifact)| (path.clone(), artifact.digest())).collect(),
            toolchain: self.toolchain.borrow().clone(),
            traces: self.index(|traces| traces.digest()),
        }
    }

    /// Whether everything that was asked for these answers gets them now.
    pub(crate) fn gives(&self, answers: &Answers) -> bool {
        let Answers { inputs, toolchain, traces } = answers;
        inputs.iter().all(|(path, digest)| self.input(path).is_ok_and(|now| now == *digest))
            && toolchain.as_ref().is_none_or(|then| self.found_toolchain() == *then)
            && traces.is_some()
            && self.index(|traces| traces.digest()) == *traces
    }

    fn index<T>(&self, ask: impl FnOnce(&mut TraceIndex) -> T) -> T {
        let Host { store, cache, .. } = self.host;
        let open = || TraceIndex::open(store, cache, &project_name(self.directory));
        ask(self.traces.borrow_mut().get_or_insert_with(open))
    }

    /// What the tools of this machine say they are.
    fn found_toolchain(&self) -> BTreeMap<String, String> {
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

/// What caches call a project.
pub(crate) fn project_name(directory: &Path) -> String {
    Digest::of(directory.as_os_str().as_encoded_bytes()).hex()
}

/// What was found at a path of the project, with what belongs there and is not at hand.
fn complete(
    store: &Store,
    absent: &BTreeMap<String, Entry>,
    path: &str,
    found: Result<Artifact, InputProblem>,
) -> Result<Artifact, InputProblem> {
    let tree = match (&found, absent.get(path)) {
        (Err(InputProblem::Missing), Some(Entry::File { digest, .. })) => {
            return Ok(Artifact::Blob(*digest));
        }
        (Ok(Artifact::Tree(digest)), _) => Some(digest),
        (Err(InputProblem::Missing), _) => None,
        _ => return found,
    };
    let below = |(name, entry)| {
        let name: &String = name;
        Some((name.strip_prefix(path)?.strip_prefix('/')?, entry))
    };
    let below: BTreeMap<&str, &Entry> = absent.iter().filter_map(below).collect();
    if below.is_empty() {
        return found;
    }
    store.graft(tree, &below).map(Artifact::Tree).map_err(|error| input_problem(&error))
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

    fn toolchain(&self, system: &BuildSystem, inputs: &KeyInputs) -> BTreeMap<String, String> {
        let BuildSystem::Cargo = system else { return BTreeMap::new() };
        let recorded = self.host.recorded.get(&inputs.key());
        recorded.cloned().unwrap_or_else(|| self.found_toolchain())
    }

    fn engine(&self, _: NodeKind) -> String {
        self.host.studio.engine().to_owned()
    }

    fn trace(&self, key: &ActionKey) -> Hit {
        hit(self.index(|traces| traces.standing(key)))
    }

    fn last(&self, action: &ActionName) -> Option<KeyInputs> {
        let key = self.last_key(action)?;
        let trace = self.host.store.traces(&key).ok()?.pop()?;
        serde_json::from_value(trace.inputs).ok()
    }
}

/// What the store knows of a key, looked up without an index.
pub(crate) fn lookup(store: &Store, key: &ActionKey) -> Hit {
    hit(store.standing(key))
}

fn hit(standing: Result<Standing, StoreError>) -> Hit {
    match standing {
        Ok(Standing::Whole { output, facts }) => Hit::Made(Made { output: output.digest(), facts }),
        Ok(Standing::Missing(digest)) => Hit::Missing(digest),
        Ok(Standing::Damaged(digest)) => Hit::Damaged(digest),
        Ok(Standing::Failed) => Hit::Failed,
        Ok(Standing::Unknown) | Err(_) => Hit::None,
    }
}
