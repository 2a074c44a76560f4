//! The records of a bundle: each key from its inputs, each input from another record or a file.

use std::collections::{BTreeMap, BTreeSet};

use rescience_bundle::Bundle;
use rescience_digest::{Digest, Hashed};
use rescience_recipes::KeyInputs;
use rescience_store::{Artifact, Entry, Trace, Tree};

use crate::error::Error;

/// Where a bundle keeps its records.
const FOLDER: &str = "traces/";

/// All records of a bundle, judged.
pub(super) struct Records {
    records: Vec<Record>,
    problems: Vec<Problem>,
}

/// Something that is wrong with a record.
pub(super) struct Problem {
    pub(super) file: String,
    pub(super) action: String,
    pub(super) message: String,
}

struct Record {
    action: String,
    /// What it yields, of itself and of everything in it.
    parts: BTreeSet<Digest>,
    /// What goes into it.
    inputs: BTreeSet<Digest>,
}

impl Records {
    /// Reads all records of a bundle in which every file was hashed.
    pub(super) fn read(
        bundle: &Bundle,
        files: &BTreeMap<String, Hashed>,
    ) -> Result<Records, Error> {
        let names: BTreeMap<Digest, &str> =
            files.iter().map(|(name, hashed)| (hashed.digest, name.as_str())).collect();
        let mut all = Records { records: Vec::new(), problems: Vec::new() };
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
                        if !names.contains_key(digest) {
                            let message = format!("its input {role} is not here: {digest}");
                            problem(&trace.action, message);
                        }
                    }
                    needed.extend(inputs.inputs.into_values());
                }
            }
            let mut parts = BTreeSet::new();
            let mut waiting: Vec<Artifact> = trace.artifacts().collect();
            while let Some(part) = waiting.pop() {
                if !parts.insert(part.digest()) {
                    continue;
                }
                let Some(name) = names.get(&part.digest()) else {
                    problem(&trace.action, format!("what it made is not here: {}", part.digest()));
                    continue;
                };
                let Artifact::Tree(_) = part else { continue };
                match Tree::parse(&bundle.read(name)?.unwrap_or_default()) {
                    Err(why) => problem(&trace.action, format!("its tree `{name}`: {why}")),
                    Ok(tree) => waiting.extend(tree.entries.values().filter_map(within)),
                }
            }
            all.records.push(Record { action: trace.action, parts, inputs: needed });
        }
        Ok(all)
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The actions whose records are right.
    pub(super) fn sound(&self) -> impl Iterator<Item = &str> {
        let bad: BTreeSet<&str> = self.problems.iter().map(|it| it.action.as_str()).collect();
        self.records.iter().map(|it| it.action.as_str()).filter(move |name| !bad.contains(name))
    }

    /// The actions that hang on the bytes of a digest: what made them, and all that follows.
    pub(super) fn hanging(&self, digest: Option<Digest>) -> Vec<String> {
        let Some(digest) = digest else { return Vec::new() };
        let direct = self.records.iter();
        let direct = direct.filter(|it| it.parts.contains(&digest) || it.inputs.contains(&digest));
        self.after(direct.map(|it| it.action.clone()).collect())
    }

    /// These actions, and all that use what they made.
    pub(super) fn after(&self, mut actions: BTreeSet<String>) -> Vec<String> {
        loop {
            let bad: BTreeSet<Digest> = self
                .records
                .iter()
                .filter(|it| actions.contains(&it.action))
                .flat_map(|it| it.parts.iter().copied())
                .collect();
            let before = actions.len();
            let users = self.records.iter().filter(|it| !it.inputs.is_disjoint(&bad));
            actions.extend(users.map(|it| it.action.clone()));
            if actions.len() == before {
                return actions.into_iter().filter(|name| !name.is_empty()).collect();
            }
        }
    }
}

fn within(entry: &Entry) -> Option<Artifact> {
    match entry {
        Entry::File { digest, .. } => Some(Artifact::Blob(*digest)),
        Entry::Directory { digest } => Some(Artifact::Tree(*digest)),
        Entry::Symlink { .. } => None,
    }
}
