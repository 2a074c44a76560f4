//! The account of a bundle: what is in it and how it came to be, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rescience_digest::{ActionKey, Digest, Hashed, Sha256};
use serde_json::Value;

use crate::checklist::Answer;
use crate::index::Index;
use crate::orcid;

/// Everything that the documents of a bundle are made from.
///
/// What was not measured or not said is `None` or empty, and no document says anything of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// What the recipe says of the work.
    pub project: Project,
    /// What built it.
    pub engine: Engine,
    /// The recipe's path.
    pub recipe: String,
    /// The lock's path.
    pub lock: Option<String>,
    /// The profile that it was built with.
    pub profile: Option<String>,
    /// The files of the bundle, except `ro-crate-metadata.json` and the lists of digests.
    pub files: Vec<File>,
    /// The programs that actions ran.
    pub programs: Vec<Program>,
    /// What was done, in order, failures too.
    pub actions: Vec<Action>,
    /// What others may use as data.
    pub data_sets: Vec<DataSet>,
    /// Answers to the checklist that the rest of the account does not tell.
    pub answers: Vec<Answer>,
}

/// What the recipe says of the work.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Its short name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its title, which is its paper's.
    pub title: String,
    /// Its abstract.
    pub description: Option<String>,
    /// Its licence, as an SPDX expression.
    pub license: Option<String>,
    /// Its authors, in their order.
    pub authors: Vec<Author>,
    /// Who publishes it.
    pub publisher: Option<Organization>,
    /// When it was published; for what was not, when the last of its actions ended.
    pub published: Timestamp,
    /// What it is about.
    pub keywords: Vec<String>,
    /// Its DOI, without a resolver.
    pub doi: Option<String>,
    /// Where it lives in the web.
    pub url: Option<String>,
}

/// Somebody who wrote the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name, in parts where the parts are known.
    pub name: Name,
    /// The ORCID, with or without its resolver.
    pub orcid: Option<String>,
    /// Where the author works.
    pub affiliation: Option<Organization>,
    /// An address.
    pub email: Option<String>,
}

/// A name of an author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Of a person, taken apart by somebody who knows how.
    Parts {
        /// The given names.
        given: String,
        /// The family names.
        family: String,
    },
    /// Of a person or a group; nothing here guesses where it can be split.
    Whole(String),
}

/// An institution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// Its identifier, such as that of the Research Organization Registry, or its home page.
    pub url: Option<String>,
}

/// The software that carried out the recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is from; the terms that the documents need are named below it.
    pub url: String,
    /// Who has to be trusted for what it says, as a URI; a laptop where none is given.
    pub builder: Option<String>,
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its BLAKE3.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// What it is, in a few words.
    pub about: String,
}

/// A program that actions ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What actions call it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Where it is from.
    pub url: Option<String>,
    /// The path of its sources.
    pub sources: Option<String>,
    /// The path of the list of its locked dependencies.
    pub lock: Option<String>,
    /// The tools that built it and what they say of their version.
    pub toolchain: BTreeMap<String, String>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// The digest of everything that could change what it yields.
    pub key: ActionKey,
    /// Its name for people, such as `experiment.baseline/seed=1`.
    pub label: String,
    /// The node that it belongs to, such as `experiment.baseline`.
    pub node: String,
    /// What sort of thing was done.
    pub kind: Kind,
    /// The [id](Program::id) of the program that did it; the engine itself where none is named.
    pub program: Option<String>,
    /// The command line.
    pub argv: Vec<String>,
    /// What it was told, by name.
    pub parameters: BTreeMap<String, Value>,
    /// The seed it was given.
    pub seed: Option<u64>,
    /// The variables of its environment that the recipe sets.
    pub environment: BTreeMap<String, String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// What it read.
    pub inputs: Vec<Slot>,
    /// What it made.
    pub outputs: Vec<Slot>,
    /// What it used up.
    pub usage: Usage,
    /// The path of what the runner measured.
    pub facts: Option<String>,
    /// The paths of what it printed.
    pub logs: Vec<String>,
    /// How it was shut in, such as `full`, `partial` or `none`.
    pub sandbox: Option<String>,
}

/// What sort of thing an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Takes sources in, or patches them.
    Source,
    /// Compiles a program.
    Build,
    /// Runs an experiment once.
    Run,
    /// Collects the metrics of an experiment's runs.
    Results,
    /// Draws a figure.
    Figure,
    /// Typesets a paper.
    Paper,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Source => "source",
            Kind::Build => "build",
            Kind::Run => "run",
            Kind::Results => "results",
            Kind::Figure => "figure",
            Kind::Paper => "paper",
        }
    }
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Ok,
    /// Not as it should, and why.
    Failed(String),
}

/// Something that an action read or made, under its name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The action's name for it.
    pub name: String,
    /// What it was.
    pub content: Content,
}

/// The content of a slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// A file or a folder of the bundle.
    Path(String),
    /// Bytes; a file of the bundle if one holds them.
    Digest(Digest),
}

/// What an action used up, as far as somebody measured it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// Seconds from start to end.
    pub wall_seconds: Option<f64>,
    /// Seconds that processors worked for it.
    pub cpu_seconds: Option<f64>,
    /// The most memory that it held, in bytes.
    pub peak_bytes: Option<u64>,
    /// Energy of its accelerators in joules.
    pub energy_joules: Option<f64>,
    /// The most memory of accelerators that it held, in bytes.
    pub gpu_peak_bytes: Option<u64>,
}

/// A file or a folder that others may use as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// The path of the file or the folder.
    pub path: String,
    /// Its name: ASCII letters, digits, `-` and `_`, since its document is named by it.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Its licence, as an SPDX expression.
    pub license: Option<String>,
    /// Where it is from, or where it can be had.
    pub url: Option<String>,
    /// Who made it; the project's authors where nobody is named.
    pub creators: Vec<Author>,
    /// Its version.
    pub version: Option<String>,
    /// Its columns.
    pub fields: Vec<Field>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The path of the file that holds it.
    pub file: String,
    /// Its name in the file.
    pub name: String,
    /// What it means.
    pub description: Option<String>,
    /// What stands in it.
    pub data_type: DataType,
}

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataType {
    /// `true` or `false`.
    Boolean,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// Texts.
    Text,
}

impl File {
    /// A file of the bundle whose bytes are at hand.
    pub fn of(path: &str, bytes: &[u8], media_type: &str, about: &str) -> File {
        let Hashed { digest, sha256, size } = Hashed::of(bytes);
        File {
            path: path.to_owned(),
            size,
            sha256,
            digest,
            media_type: media_type.to_owned(),
            about: about.to_owned(),
        }
    }
}

impl Name {
    /// The name as it is read out.
    pub fn full(&self) -> String {
        match self {
            Name::Parts { given, family } => format!("{given} {family}").trim().to_owned(),
            Name::Whole(name) => name.clone(),
        }
    }
}

impl Account {
    /// What the account names and does not hold, as sentences. The documents leave it out.
    pub fn problems(&self) -> Vec<String> {
        let index = Index::of(self);
        let mut problems = Vec::new();
        let mut path = |who: &str, path: &str| {
            if !index.holds(path) {
                problems.push(format!("{who} names `{path}`, which is not in the bundle"));
            }
        };
        path("the account", &self.recipe);
        self.lock.iter().for_each(|it| path("the account", it));
        for program in &self.programs {
            program.sources.iter().chain(&program.lock).for_each(|it| path(&program.id, it));
        }
        for action in &self.actions {
            action.facts.iter().chain(&action.logs).for_each(|it| path(&action.label, it));
            for slot in action.inputs.iter().chain(&action.outputs) {
                if let Content::Path(it) = &slot.content {
                    path(&action.label, it);
                }
            }
        }
        for set in &self.data_sets {
            path(&set.name, &set.path);
            set.fields.iter().for_each(|field| path(&set.name, &field.file));
        }
        let programs: BTreeSet<&str> = self.programs.iter().map(|it| it.id.as_str()).collect();
        for action in &self.actions {
            if let Some(id) = action.program.as_deref().filter(|id| !programs.contains(id)) {
                problems.push(format!("{} ran `{id}`, which is no program", action.label));
            }
        }
        for author in &self.project.authors {
            if let Some(id) = author.orcid.as_deref().filter(|id| orcid::url(id).is_none()) {
                problems.push(format!("`{id}` of {} is no ORCID", author.name.full()));
            }
        }
        if self.actions.is_empty() {
            problems.push("nothing was done, which no run crate can describe".to_owned());
        }
        problems
    }

    /// The program that did it, if the engine did not.
    pub(crate) fn program(&self, action: &Action) -> Option<&Program> {
        let id = action.program.as_deref()?;
        self.programs.iter().find(|program| program.id == id)
    }
}
