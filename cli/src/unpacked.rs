//! A project that is an unpacked bundle: its traces stand, in a store of its own.
//!
//! What a stranger recorded must not pass for what was done here. So the traces of a bundle never
//! enter the user's store: each bundle has one beside it, under `cache/bundles/`, filled from
//! `objects/`, `made/` and `traces/` the first time. Figures and papers are left out, so that a
//! build makes them again, from the recorded results, and can be compared with what the bundle holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rescience_bundle::{Bundle, manifest};
use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{Code, KeyInputs, NodeKind, NodeName};
use rescience_store::{Entry, Store, Trace};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::left_out::LeftOut;
use crate::settings::Settings;

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The version of this form: 1.
    pub(crate) schema: u32,
    /// The project's name.
    pub(crate) project: String,
    /// Its version.
    pub(crate) version: String,
    /// The profile that the recipe was read with.
    pub(crate) profile: String,
    /// The papers that it holds.
    pub(crate) papers: Vec<String>,
    /// What typeset them.
    pub(crate) engine: String,
    /// What wrote the bundle.
    pub(crate) rescience: String,
}

impl About {
    /// Where it stands in the bundle.
    pub(crate) const FILE: &str = "bundle.json";

    /// Reads what the bundle says of itself.
    ///
    /// # Errors
    /// It says nothing, or not in this form.
    pub(crate) fn read(bundle: &Bundle) -> Result<About, Error> {
        let bytes = bundle.read(About::FILE)?.unwrap_or_default();
        let about: Result<About, _> = serde_json::from_slice(&bytes);
        match about {
            Ok(about) if about.schema == 1 => Ok(about),
            Ok(about) => Err(changed(&format!("its form is {}, not 1", about.schema))),
            Err(error) => Err(changed(&error.to_string())),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("plain fields serialise");
        text + "\n"
    }
}

fn changed(why: &str) -> Error {
    Error::Coded {
        code: Code::NotAsRecorded,
        message: format!("`{}`: {why}", About::FILE),
        help: "`rescience verify` says what else was changed".to_owned(),
    }
}

/// An unpacked bundle.
pub(crate) struct Unpacked {
    pub(crate) about: About,
    /// What the bundle holds, by path.
    files: BTreeMap<String, Digest>,
    /// What it does not.
    pub(crate) left_out: LeftOut,
    bundle: Bundle,
}

impl Unpacked {
    /// The bundle that was unpacked to a folder; none if it is another project.
    ///
    /// # Errors
    /// A bundle that cannot be one.
    pub(crate) fn open(directory: &Path) -> Result<Option<Unpacked>, Error> {
        if !Bundle::is_folder(directory) {
            return Ok(None);
        }
        let bundle = Bundle::open(directory)?;
        let about = About::read(&bundle)?;
        let list = bundle.read(manifest::BLAKE3)?.unwrap_or_default();
        let files = manifest::parse_blake3(&list).map_err(|why| changed(&why))?;
        let left_out = LeftOut::read(&bundle)?;
        Ok(Some(Unpacked { about, files, left_out, bundle }))
    }

    /// The files and links of the project that the bundle does not hold.
    pub(crate) fn absent(&self) -> BTreeMap<String, Entry> {
        self.left_out.entries().map(|(path, entry)| (path.clone(), entry)).collect()
    }

    /// Where this bundle's store and caches are.
    pub(crate) fn home(&self, settings: &Settings) -> PathBuf {
        let list: String =
            self.files.iter().map(|(name, digest)| format!("{digest} {name}\n")).collect();
        settings.home.join("cache/bundles").join(Digest::of(list.as_bytes()).hex())
    }

    /// The files under a folder, with what the bundle's list says of them.
    pub(crate) fn below<'a>(
        &'a self,
        folder: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Digest)> + 'a {
        let inside = move |(name, digest): (&'a String, &'a Digest)| {
            Some((name.strip_prefix(folder)?.strip_prefix('/')?, digest))
        };
        self.files.iter().filter_map(inside)
    }

    /// The bundle's own store, filled, and the tools that its programs were built with.
    ///
    /// # Errors
    /// A file that is not as the list says, or a trace whose key is not that of its inputs.
    pub(crate) fn store(&self, settings: &Settings) -> Result<(Store, Tools), Error> {
        let home = self.home(settings);
        let absent = self.left_out.files.values().map(|file| file.blake3).collect();
        let store = Store::open(&home.join("store"))?.without(absent);
        let done = home.join("tools.json");
        if let Ok(bytes) = std::fs::read(&done)
            && let Ok(tools) = serde_json::from_slice::<Vec<_>>(&bytes)
        {
            return Ok((store, tools.into_iter().collect()));
        }
        let tools = self.fill(&store)?;
        let listed = tools.iter().collect::<Vec<_>>();
        let bytes = serde_json::to_vec(&listed).expect("keys and texts serialise");
        std::fs::write(&done, bytes).map_err(|error| Error::write(&done, &error))?;
        Ok((store, tools))
    }

    fn fill(&self, store: &Store) -> Result<Tools, Error> {
        // What the list names and the folder does not have as a file is not opened.
        let here: BTreeSet<&str> = self.bundle.names().collect();
        for folder in ["objects", "made"] {
            for (name, expected) in self.below(folder) {
                if !here.contains(&*format!("{folder}/{name}")) {
                    return Err(damaged(&format!("{folder}/{name}"), "it is missing"));
                }
                let blob = store.put_file(&self.bundle.path().join(folder).join(name))?;
                if blob.digest != *expected {
                    let found = blob.digest;
                    return Err(damaged(
                        &format!("{folder}/{name}"),
                        &format!("expected {expected}, found {found}"),
                    ));
                }
            }
        }
        // Sources are in the project, under their own names.
        for (name, expected) in &self.files {
            if here.contains(name.as_str()) && !store.contains(expected)? {
                // One that somebody edits is the project's own from then on.
                store.put_file(&self.bundle.path().join(name)).ok();
            }
        }
        let mut tools = Tools::new();
        for (name, expected) in self.below("traces") {
            let file = format!("traces/{name}");
            let bytes = self.bundle.read(&file)?.unwrap_or_default();
            if Digest::of(&bytes) != *expected {
                return Err(damaged(&file, "it was changed"));
            }
            let trace = Trace::parse(&bytes).map_err(|why| damaged(&file, &why))?;
            let inputs: KeyInputs = serde_json::from_value(trace.inputs.clone())
                .map_err(|error| damaged(&file, &error.to_string()))?;
            if inputs.key() != trace.key {
                return Err(damaged(&file, "its key is not that of its inputs"));
            }
            if inputs.kind.is_view() {
                continue;
            }
            if !inputs.toolchain.is_empty() {
                let mut bare = inputs;
                let toolchain = std::mem::take(&mut bare.toolchain);
                tools.insert(bare.key(), toolchain);
            }
            store.record(&trace)?;
        }
        Ok(tools)
    }
}

/// The tools that builds were done with, by the key that each build has without them.
pub(crate) type Tools = BTreeMap<ActionKey, BTreeMap<String, String>>;

fn damaged(file: &str, why: &str) -> Error {
    Error::Coded {
        code: Code::NotAsRecorded,
        message: format!("`{file}` is not as the bundle's list says: {why}"),
        help: "`rescience verify .` names everything that was changed; unpack the bundle again"
            .to_owned(),
    }
}

/// Where a bundle and `out/` have what a node makes.
pub(crate) fn made_path(node: &NodeName) -> Option<String> {
    match node.kind {
        NodeKind::Paper => Some(format!("made/{}.pdf", node.name)),
        NodeKind::Figure => Some(format!("made/figure/{}.svg", node.name)),
        NodeKind::Experiment => Some(format!("made/experiment/{}/results.json", node.name)),
        _ => None,
    }
}

/// Everything that a bundle and `out/` show of a node, by its path in a bundle: what it makes, and for a
/// paper the forms that are recorded beside it.
pub(crate) fn views(
    node: &NodeName,
    output: &Digest,
    beside: impl Fn(&str) -> Option<Digest>,
) -> Vec<(String, Digest)> {
    let own = made_path(node).map(|path| (path, *output));
    let forms: &[&str] = if node.kind == NodeKind::Paper { &["html", "json"] } else { &[] };
    let forms =
        forms.iter().filter_map(|form| Some((format!("made/{}.{form}", node.name), beside(form)?)));
    own.into_iter().chain(forms).collect()
}
