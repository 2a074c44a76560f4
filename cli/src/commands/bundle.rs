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
//! left-out.json                        what is not here: links, and large files of a thin one
//! ```
//!
//! What stands under a name of its own is not in `objects/` again: everything is found by its digest in
//! the manifest.

use std::path::PathBuf;

use rescience_bundle::Writer;
use rescience_bundle::secret::{Scanner, Secret};
use rescience_exec::build;
use rescience_provenance::slsa;
use rescience_recipes::{Code, Step};

use crate::account::{Subject, account};
use crate::args::{Bundle, Global};
use crate::error::Error;
use crate::project::{self, LOCK, Project, RECIPE};
use crate::settings::Settings;
use crate::shell::Shell;
use crate::signing;
use crate::unpacked::About;

mod gathered;

use gathered::{Gathered, Thin};

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
    let plan = build::plan(project.as_built(), &selection, &host)?;
    let thin = args.thin.map(|size| Thin::new(&project.recipe, size));
    let scanner = Scanner::new(settings.secrets());
    let mut gathered = Gathered::new(&host, &scanner, thin);
    let files = plan.steps.iter().flat_map(|step| &project.graph.action(step.index()).files);
    let files = build::inputs(project.as_built(), files.map(|(_, path)| path.get_ref()), &host)
        .map_err(|(path, problem)| Error::other(format!("`{path}`: {problem}")))?;
    for step in &plan.steps {
        let action = project.graph.action(step.index());
        for (_, path) in &action.files {
            let path = path.get_ref();
            gathered.files(action, path, &files[path])?;
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
                gathered.made(&project.graph, step.index(), key, &made.output)?;
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
            refuse_secrets(&scanner, name, &bytes)?;
            writer.add(name, &bytes)?;
        }
    }
    let files = gathered.len();
    let left_out = gathered.write(&mut writer)?.files.values();
    let left_out =
        left_out.map(|file| file.size).fold((0, 0), |(n, all), size| (n + 1, all + size));
    let subject = Subject {
        recipe: &project.recipe,
        graph: &project.graph,
        read: &|digest| Ok(host.store.read(digest)?),
    };
    let account = account(subject, &gathered.done, &writer.manifest().files)?;
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
    shell.status("Bundled", format_args!("{shown}: {files} artifacts and traces ({size})"));
    if let (count @ 1.., bytes) = left_out {
        let (files, bytes) = (if count == 1 { "file" } else { "files" }, super::gc::bytes(bytes));
        shell.note(format_args!("{count} large {files} ({bytes}) left out, and named by digest"));
    }
    shell.data(format_args!("{digest}  {shown}"));
    Ok(())
}

/// Where a project's bundle is unless somebody says otherwise.
pub(super) fn default_name(project: &Project) -> PathBuf {
    let recipe = &project.recipe.project;
    PathBuf::from(format!("out/{}-{}.zip", recipe.name, recipe.version))
}

fn refuse_secrets(scanner: &Scanner, name: &str, bytes: &[u8]) -> Result<(), Error> {
    match scanner.find(bytes) {
        Some(found) => Err(secret_at(name, &found)),
        None => Ok(()),
    }
}

fn secret_at(name: &str, found: &Secret) -> Error {
    let Secret { line, kind } = found;
    Error::Coded {
        code: Code::SecretFound,
        message: format!("{name}:{line} holds what looks like {kind}"),
        help: "take it out, make it invalid where it came from, and build again; a file that the \
               paper does not need is left out if a `.gitignore` beside it names it"
            .to_owned(),
    }
}

fn secret_file(name: &str, kind: &str) -> Error {
    let help = "name it in a `.gitignore` beside it, which leaves it out, or rename it if it holds no \
                secret, and build again";
    Error::Coded {
        code: Code::SecretFound,
        message: format!("`{name}` has the name of {kind}"),
        help: help.to_owned(),
    }
}
