//! `rescience bundle`: papers, and all they were made from, as one zip.
//!
//! ```text
//! README.md, CITATION.cff              for people, and for those who cite
//! ro-crate-metadata.json, ...          for other tools: see `rescience_provenance`
//! signatures/                          of manifest-blake3.txt, if somebody signed
//! manifest-blake3.txt, -sha256.txt     every file, for `b3sum -c` and `sha256sum -c`
//! rescience.toml, rescience.lock       the recipe
//! experiment/, diffs/, paper/ ...      what the recipe names, where it names it
//! bundle.json                          which papers, of which profile, typeset by what
//! made/                                papers, figures and results, where `out/` has them
//! objects/HEX                          the rest of what was made, and listings, by digest
//! traces/HEX.json                      what made it: every input of every key, by digest
//! ```
//!
//! What stands under a name of its own is not in `objects/` again: everything is found by its digest in
//! the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rescience_bundle::secret::Scanned;
use rescience_bundle::{BundleError, Writer, secret};
use rescience_digest::{ActionKey, Digest};
use rescience_provenance::slsa;
use rescience_recipes::{ActionIndex, ActionName, Code, NodeKind, Step};
use rescience_store::{Artifact, Entry, StatCache, Store, Trace};

use crate::args::{Bundle, Global};
use crate::error::Error;
use crate::project::{self, LOCK, Project, RECIPE};
use crate::settings::Settings;
use crate::shell::Shell;
use crate::signing;
use crate::unpacked::{About, made_path};

mod account;

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Bundle,
) -> Result<(), Error> {
    let signer = args.sign.as_deref().map(|key| signing::signer(settings, key)).transpose()?;
    let project = Project::open(global, settings)?;
    let host = project::host(global, settings, None, project.unpacked.as_ref())?;
    let _shared = host.store.share()?;
    let papers = project.papers(args.paper.as_deref())?;
    let names = papers.iter().map(|index| project.graph.action(*index).name.to_string());
    let names: Vec<String> = names.collect();
    let selection = project.select(&names)?;
    let plan = rescience_exec::build::plan(project.as_built(), &selection, &host)?;
    let mut gathered = Gathered::default();
    let mut stats = StatCache::open(&settings.home.join("cache/stat/bundle"));
    for step in &plan.steps {
        let action = project.graph.action(step.index());
        for (_, path) in &action.files {
            let path = path.get_ref();
            let artifact = host.store.import(&project.directory.join(path), &mut stats)?;
            gathered.files(&host.store, path, &artifact)?;
        }
        match step {
            Step::Run { .. } => {
                return Err(Error::Other {
                    message: format!("{} is not made, or not as the recipe asks now", action.name),
                    help: Some("run `rescience build` first".to_owned()),
                });
            }
            Step::Fresh { key: None, .. } => {}
            Step::Fresh { key: Some(key), made, .. } => {
                gathered.made(&host.store, step.index(), &action.name, key, &made.output)?;
            }
        }
    }
    let to = match &args.output {
        Some(path) => settings.directory.join(path),
        None => project.directory.join(default_name(&project)),
    };
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(|error| Error::write(parent, &error))?;
    }
    let mut writer = Writer::create(&to)?;
    let about = About {
        schema: 1,
        project: project.recipe.project.name.clone(),
        version: project.recipe.project.version.clone(),
        profile: project.recipe.profile.clone(),
        papers: names,
        engine: host.studio.engine().to_owned(),
        rescience: env!("CARGO_PKG_VERSION").to_owned(),
    };
    writer.add(About::FILE, about.to_json().as_bytes())?;
    for name in [RECIPE, LOCK] {
        let path = project.directory.join(name);
        if path.exists() {
            let bytes = std::fs::read(&path).map_err(|error| Error::read(&path, &error))?;
            refuse_secrets(name, &bytes)?;
            writer.add(name, &bytes)?;
        }
    }
    let files = gathered.named.len() + gathered.objects.len() + gathered.traces.len();
    gathered.write(&host.store, &mut writer)?;
    let account = account::account(&project, &host.store, &gathered.records, &writer)?;
    for document in rescience_provenance::documents(&account) {
        writer.add(&document.path, &document.bytes)?;
        if document.path == slsa::PATH
            && let Some(signer) = &signer
        {
            let envelope = signing::envelope(signer, document.bytes)?;
            writer.add(signing::PROVENANCE, &envelope)?;
        }
    }
    let digest = writer.finish_signed(|list| match &signer {
        Some(signer) => Ok(vec![signing::sign_list(signer, list)?]),
        None => Ok::<_, Error>(Vec::new()),
    })?;
    let size = std::fs::metadata(&to).map_err(|error| Error::read(&to, &error))?.len();
    let shown = to.strip_prefix(&settings.directory).unwrap_or(&to).display();
    let size = super::gc::bytes(size);
    shell.status("Bundled", format_args!("{shown}: {files} artifacts and records ({size})"));
    shell.data(format_args!("{digest}  {shown}"));
    Ok(())
}

/// Where a project's bundle is unless somebody says otherwise.
pub(super) fn default_name(project: &Project) -> PathBuf {
    let recipe = &project.recipe.project;
    PathBuf::from(format!("out/{}-{}.zip", recipe.name, recipe.version))
}

/// What goes into the bundle.
#[derive(Default)]
struct Gathered {
    /// Files under names of their own, and whether they can be executed.
    named: BTreeMap<String, (Digest, bool)>,
    /// Everything that the records lead to.
    objects: BTreeSet<Digest>,
    traces: BTreeMap<Digest, Vec<u8>>,
    records: Vec<account::Record>,
}

impl Gathered {
    /// Takes a file or a folder of the project, under the path that the recipe gives it.
    fn files(&mut self, store: &Store, path: &str, artifact: &Artifact) -> Result<(), Error> {
        self.objects.extend(store.closure([*artifact])?.iter().map(Artifact::digest));
        let Artifact::Tree(tree) = artifact else {
            self.named.insert(path.to_owned(), (artifact.digest(), false));
            return Ok(());
        };
        for (name, entry) in store.tree(tree)?.entries {
            let path = format!("{path}/{name}");
            match entry {
                Entry::File { digest, executable, .. } => {
                    self.named.insert(path, (digest, executable));
                }
                Entry::Directory { digest } => self.files(store, &path, &Artifact::Tree(digest))?,
                Entry::Symlink { .. } => {
                    let reason = "it is a symbolic link".to_owned();
                    return Err(BundleError::Unfit { name: path, reason }.into());
                }
            }
        }
        Ok(())
    }

    /// Takes what an action made, and the record of it.
    fn made(
        &mut self,
        store: &Store,
        index: ActionIndex,
        action: &ActionName,
        key: &ActionKey,
        output: &Digest,
    ) -> Result<(), Error> {
        let traces = store.traces(key)?;
        let made = |it: &Trace| it.output.is_some_and(|made| made.digest() == *output);
        let Some(trace) = traces.into_iter().rev().find(made) else {
            return Err(Error::other(format!("the store has lost the record of {action}")));
        };
        self.objects.extend(store.closure(trace.artifacts())?.iter().map(Artifact::digest));
        if let ActionName::Node(node) = action {
            if node.kind == NodeKind::Paper {
                for log in ["html", "json"] {
                    if let Some(Artifact::Blob(digest)) = trace.logs.get(log) {
                        let path = format!("made/{}.{log}", node.name);
                        self.named.insert(path, (*digest, false));
                    }
                }
            }
            if let Some(path) = made_path(node) {
                self.named.insert(path, (*output, false));
            }
        }
        let bytes = trace.to_bytes();
        self.traces.insert(Digest::of(&bytes), bytes);
        self.records.push((index, trace));
        Ok(())
    }

    fn write(&self, store: &Store, writer: &mut Writer) -> Result<(), Error> {
        let mut put = |name: &str, digest: &Digest, executable: bool| -> Result<(), Error> {
            let file = store.object_file(digest)?;
            let size = file.metadata().map_err(|error| Error::other(error.to_string()))?.len();
            let mut from = Scanned::new(file);
            let added = writer.add_file(name, &mut from, size, executable);
            if let Some(secret) = from.found() {
                return Err(secret_at(name, secret.line, secret.kind));
            }
            if added?.digest != *digest {
                // Read again for the store's own words.
                store.read(digest)?;
            }
            Ok(())
        };
        let here: BTreeSet<Digest> = self.named.values().map(|(digest, _)| *digest).collect();
        for (name, (digest, executable)) in &self.named {
            put(name, digest, *executable)?;
        }
        for digest in self.objects.difference(&here) {
            put(&format!("objects/{}", digest.hex()), digest, false)?;
        }
        for (digest, bytes) in &self.traces {
            let name = format!("traces/{}.json", digest.hex());
            refuse_secrets(&name, bytes)?;
            writer.add(&name, bytes)?;
        }
        Ok(())
    }
}

fn refuse_secrets(name: &str, bytes: &[u8]) -> Result<(), Error> {
    match secret::find(bytes) {
        Some(found) => Err(secret_at(name, found.line, found.kind)),
        None => Ok(()),
    }
}

fn secret_at(name: &str, line: usize, kind: &str) -> Error {
    Error::Coded {
        code: Code::SecretFound,
        message: format!("{name}:{line} holds what looks like {kind}"),
        help: "take it out, make it invalid where it came from, and build again".to_owned(),
    }
}
