//! The traces of a bundle: each key from its inputs, each input from another trace or a file.

use std::collections::{BTreeMap, BTreeSet};

use rescience_bundle::Bundle;
use rescience_digest::{ActionKey, Digest, Hashed};
use rescience_recipes::{KeyInputs, Made};
use rescience_store::{Artifact, Entry, Trace, Tree};
use serde_json::Value;

use crate::error::Error;
use crate::left_out::LeftOut;

/// Where a bundle keeps its traces.
const FOLDER: &str = "traces/";

/// All traces of a bundle, judged.
pub(super) struct Traces {
    traces: Vec<Checked>,
    problems: Vec<Problem>,
    /// Where the bundle has what.
    names: BTreeMap<Digest, String>,
}

/// Something that is wrong with a trace.
pub(super) struct Problem {
    pub(super) file: String,
    pub(super) action: String,
    pub(super) message: String,
}

struct Checked {
    trace: Trace,
    key_inputs: Option<KeyInputs>,
    /// What it yields, of itself and of everything in it.
    parts: BTreeSet<Digest>,
    /// What goes into it.
    inputs: BTreeSet<Digest>,
}

impl Traces {
    /// Reads all traces of a bundle, which holds what its lists say.
    pub(super) fn read(
        bundle: &Bundle,
        files: &BTreeMap<String, Hashed>,
        left_out: &LeftOut,
    ) -> Result<Traces, Error> {
        let names = files.iter().map(|(name, hashed)| (hashed.digest, name.clone())).collect();
        let mut all = Traces { traces: Vec::new(), problems: Vec::new(), names };
        for (file, hashed) in files.iter().filter(|(name, _)| name.starts_with(FOLDER)) {
            let bytes = bundle.read(file)?.unwrap_or_default();
            let mut problem = |action: &str, message: String| {
                let (file, action) = (file.clone(), action.to_owned());
                all.problems.push(Problem { file, action, message });
            };
            if *file != format!("{FOLDER}{}.json", hashed.digest.hex()) {
                problem("", format!("it is not named by its digest {}", hashed.digest));
                continue;
            }
            let trace = match Trace::parse(&bytes) {
                Ok(trace) => trace,
                Err(why) => {
                    problem("", why);
                    continue;
                }
            };
            let mut needed = BTreeSet::new();
            let mut key_inputs = None;
            match serde_json::from_value::<KeyInputs>(trace.inputs.clone()) {
                Err(error) => problem(&trace.action, format!("its inputs: {error}")),
                Ok(inputs) => {
                    let key = inputs.key();
                    if key != trace.key {
                        let message =
                            format!("its key is {}, and that of its inputs {key}", trace.key);
                        problem(&trace.action, message);
                    }
                    for (role, digest) in &inputs.inputs {
                        if !all.names.contains_key(digest) && !left_out.names_own(digest) {
                            let message = format!("its input {role} is not here: {digest}");
                            problem(&trace.action, message);
                        }
                    }
                    needed.extend(inputs.inputs.values().copied());
                    if key == trace.key {
                        key_inputs = Some(inputs);
                    }
                }
            }
            let mut parts = BTreeSet::new();
            // With whether it is a file in a tree: only those may be left out.
            let mut waiting: Vec<(Artifact, bool)> =
                trace.artifacts().map(|part| (part, false)).collect();
            while let Some((part, inner)) = waiting.pop() {
                if !parts.insert(part.digest()) {
                    continue;
                }
                let Some(name) = all.names.get(&part.digest()) else {
                    if inner && left_out.names(&part.digest()) {
                        continue;
                    }
                    let message = format!("what it made is not here: {}", part.digest());
                    problem(&trace.action, message);
                    continue;
                };
                let Artifact::Tree(_) = part else { continue };
                match Tree::parse(&bundle.read(name)?.unwrap_or_default()) {
                    Err(why) => problem(&trace.action, format!("its tree `{name}`: {why}")),
                    Ok(tree) => {
                        let inner = tree.entries.values().filter_map(within);
                        waiting.extend(inner.map(|part| (part, matches!(part, Artifact::Blob(_)))));
                    }
                }
            }
            if all.traces.iter().any(|it| it.trace.key == trace.key) {
                problem(&trace.action, "another trace has its key".to_owned());
            }
            all.traces.push(Checked { trace, key_inputs, parts, inputs: needed });
        }
        Ok(all)
    }

    /// The result that is recorded under a key, unless the trace contradicts itself.
    pub(super) fn made(&self, key: &ActionKey) -> Option<Made> {
        let trace = self.trace(key)?;
        Some(Made { output: trace.output?.digest(), facts: trace.facts })
    }

    /// The trace of a key, unless it contradicts itself.
    pub(super) fn trace(&self, key: &ActionKey) -> Option<&Trace> {
        self.of(key).map(|it| &it.trace)
    }

    /// Everything that the traces lead to.
    pub(super) fn reached(&self) -> impl Iterator<Item = Digest> {
        self.traces.iter().flat_map(|it| it.parts.iter().chain(&it.inputs).copied())
    }

    /// What is recorded beside it.
    pub(super) fn log(&self, key: &ActionKey, name: &str) -> Option<Digest> {
        self.trace(key)?.logs.get(name).map(Artifact::digest)
    }

    fn of(&self, key: &ActionKey) -> Option<&Checked> {
        self.traces.iter().find(|it| it.trace.key == *key && it.key_inputs.is_some())
    }

    /// What entered the key of an action's trace.
    pub(super) fn inputs_of(&self, action: &str) -> Option<&KeyInputs> {
        let of = self.traces.iter().find(|it| it.trace.action == action);
        of.and_then(|it| it.key_inputs.as_ref())
    }

    /// The tools that a build was done with, by the key that it has without them.
    pub(super) fn tools(&self, bare: &ActionKey) -> Option<&BTreeMap<String, String>> {
        let built = self.traces.iter().filter_map(|it| it.key_inputs.as_ref());
        let mut built = built.filter(|inputs| !inputs.toolchain.is_empty());
        let found = built.find(|inputs| {
            KeyInputs { toolchain: BTreeMap::new(), ..(*inputs).clone() }.key() == *bare
        });
        found.map(|inputs| &inputs.toolchain)
    }

    /// Every key, with the action of its trace.
    pub(super) fn keys(&self) -> impl Iterator<Item = (ActionKey, &str)> {
        self.traces.iter().map(|it| (it.trace.key, it.trace.action.as_str()))
    }

    pub(super) fn len(&self) -> usize {
        self.traces.len()
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The actions whose traces are right.
    pub(super) fn sound(&self) -> impl Iterator<Item = &str> {
        let bad: BTreeSet<&str> = self.problems.iter().map(|it| it.action.as_str()).collect();
        self.traces
            .iter()
            .map(|it| it.trace.action.as_str())
            .filter(move |name| !bad.contains(name))
    }

    /// What hangs on the bytes of a digest: the actions that made or use them, all that follows,
    /// and the claims of papers among these.
    pub(super) fn hanging(&self, bundle: &Bundle, digest: Option<Digest>) -> Vec<String> {
        let Some(digest) = digest else { return Vec::new() };
        let mut hanging = self.hanging_actions(&digest);
        hanging.extend(self.claims(bundle, &hanging));
        hanging
    }

    fn hanging_actions(&self, digest: &Digest) -> Vec<String> {
        let direct = self.traces.iter();
        let direct = direct.filter(|it| it.parts.contains(digest) || it.inputs.contains(digest));
        self.after(direct.map(|it| it.trace.action.clone()).collect())
    }

    /// The claims of these papers whose numbers come from these experiments.
    fn claims(&self, bundle: &Bundle, hanging: &[String]) -> Vec<String> {
        // The ledger names an artifact by the start of its digest.
        let made = self.traces.iter().filter(|it| hanging.contains(&it.trace.action));
        let made: Vec<String> = made.flat_map(|it| &it.parts).map(Digest::hex).collect();
        let mut claims = Vec::new();
        for paper in self.traces.iter().filter(|it| hanging.contains(&it.trace.action)) {
            let ledger = paper.trace.logs.get("claims");
            let ledger = ledger.and_then(|log| self.names.get(&log.digest()));
            let bytes = ledger.and_then(|name| bundle.read(name).ok().flatten());
            let rows: Vec<Value> =
                bytes.and_then(|it| serde_json::from_slice(&it).ok()).unwrap_or_default();
            for (row, claim) in rows.iter().enumerate() {
                let text = |field: &str| claim[field].as_str().unwrap_or_default();
                let from = text("digest");
                if !from.is_empty() && made.iter().any(|digest| digest.starts_with(from)) {
                    let (printed, path) = (text("printed"), text("path"));
                    claims.push(format!(
                        "claim {row} of {}: `{printed}` ({path})",
                        paper.trace.action
                    ));
                }
            }
        }
        claims
    }

    /// These actions, and all that use what they made.
    pub(super) fn after(&self, mut actions: BTreeSet<String>) -> Vec<String> {
        loop {
            let bad: BTreeSet<Digest> = self
                .traces
                .iter()
                .filter(|it| actions.contains(&it.trace.action))
                .flat_map(|it| it.parts.iter().copied())
                .collect();
            let before = actions.len();
            let users = self.traces.iter().filter(|it| !it.inputs.is_disjoint(&bad));
            actions.extend(users.map(|it| it.trace.action.clone()));
            if actions.len() == before {
                return actions.into_iter().filter(|name| !name.is_empty()).collect();
            }
        }
    }
}

pub(super) fn within(entry: &Entry) -> Option<Artifact> {
    match entry {
        Entry::File { digest, .. } => Some(Artifact::Blob(*digest)),
        Entry::Directory { digest } => Some(Artifact::Tree(*digest)),
        Entry::Symlink { .. } => None,
    }
}
