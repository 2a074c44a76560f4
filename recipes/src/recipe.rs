//! The recipe: what a project wants made, read with one profile and free of references that dangle.
//!
//! Every node still carries where it stands in the text, so that what is found out later (a file
//! that is missing) points at the line that asked for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

use crate::diagnostic::Diagnostics;
use crate::layers::Layers;
use crate::metric::Metric;
use crate::name::NodeName;
use crate::plot::Plot;
use crate::value::Value;

/// A recipe under one profile. Names in the maps lack their kind.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The file's name, for diagnostics.
    pub file: Arc<str>,
    /// The file's text, which all spans are ranges of.
    pub text: Arc<str>,
    /// The profile that was laid over it: `default` if none.
    pub profile: String,
    /// What the project is.
    pub project: Project,
    /// `[remote] url`: where results are that its people share.
    pub remote: Option<Spanned<String>>,
    /// `[source.*]`
    pub sources: BTreeMap<String, Source>,
    /// `[diff.*]`
    pub diffs: BTreeMap<String, Diff>,
    /// `[experiment.*]`
    pub experiments: BTreeMap<String, Experiment>,
    /// `[figure.*]`
    pub figures: BTreeMap<String, Figure>,
    /// `[paper.*]`
    pub papers: BTreeMap<String, Paper>,
    pub(crate) layers: Arc<Layers>,
}

impl Recipe {
    /// The same recipe under another profile; without a name, under the one the project defaults to.
    ///
    /// # Errors
    /// The recipe defines no such profile.
    pub fn with_profile(&self, profile: Option<&str>) -> Result<Recipe, Diagnostics> {
        crate::resolve::select(&self.file, &self.text, &self.layers, profile)
    }

    /// Every profile that the recipe defines, and `default`.
    pub fn profiles(&self) -> Vec<&str> {
        self.layers.profiles()
    }
}

/// What the project is: title page and seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Project {
    /// A name as cargo's packages have.
    pub name: String,
    /// The version of the work; `0.1.0` if not given.
    pub version: String,
    /// The title; the name if not given.
    pub title: String,
    /// In the order of the title page; may be empty.
    pub authors: Vec<Author>,
    /// An SPDX expression, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The work's DOI, without a resolver: `10.5281/zenodo.1234`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doi: Option<String>,
    /// What all seeds derive from; 0 if not given.
    pub seed: u64,
    /// The profile that is taken where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_profile: Option<String>,
}

/// One author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// As it is to be printed.
    pub name: String,
    /// Where the author works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliation: Option<String>,
    /// Four groups of four digits, the last of which may be `X`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcid: Option<String>,
    /// Where to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A file or directory of the project.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where the node stands.
    pub span: Range<usize>,
    /// Relative to the project, with `/`, without `.` and `..`.
    pub path: Spanned<String>,
    /// What is said of it.
    pub about: About,
}

/// What a recipe says of a source for those who get the bundle. It enters no key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// What it is.
    pub description: Option<String>,
    /// Its licence, as an SPDX expression.
    pub license: Option<String>,
    /// Where it is from: an address.
    pub origin: Option<String>,
}

/// A source with a patch applied.
#[derive(Debug, Clone)]
pub struct Diff {
    /// Where the node stands.
    pub span: Range<usize>,
    /// A source or another diff.
    pub base: Spanned<NodeName>,
    /// The patch file, relative to the project.
    pub patch: Spanned<String>,
}

/// A program, what it is given, and what it is expected to measure.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// Where the node stands.
    pub span: Range<usize>,
    /// What people call it; its name if not given. Params are filled in.
    pub label: String,
    /// A source or a diff.
    pub source: Spanned<NodeName>,
    /// How the program is built; with `"none"` the source is the program.
    pub build: Spanned<Option<BuildSystem>>,
    /// The command, with placeholders.
    pub run: Vec<String>,
    /// What all runs are given.
    pub params: BTreeMap<String, Value>,
    /// The axes, each with at least one value; one point per combination.
    pub matrix: BTreeMap<String, Vec<Value>>,
    /// Runs per point, at least 1.
    pub seeds: u32,
    /// What ends a run early.
    pub limits: Limits,
    /// What each run writes.
    pub metrics: BTreeMap<String, Metric>,
    /// What the environment holds beside the contract's own variables.
    pub env: BTreeMap<String, String>,
    /// Other nodes' artifacts that the runs read.
    pub inputs: BTreeMap<String, Spanned<NodeName>>,
}

/// How a program comes from its source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildSystem {
    /// `cargo build`, offline.
    Cargo,
    /// A command of the recipe's own; `{out}` is the directory it fills.
    Command(Vec<String>),
}

impl fmt::Display for BuildSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildSystem::Cargo => f.pad("cargo"),
            BuildSystem::Command(argv) => f.pad(&argv.join(" ")),
        }
    }
}

/// What the parent holds a run to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall time.
    pub wall: Duration,
    /// CPU time of all processes together; none is unlimited.
    pub cpu: Option<Duration>,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes written, outputs and temporary files together.
    pub disk: u64,
    /// Processes and threads.
    pub processes: u32,
    /// Files that one process may have open.
    pub files: u32,
    /// Bytes that are kept of each of the two logs.
    pub log: u64,
    /// Cores: how many slots the run takes, and `RESCIENCE_THREADS`.
    pub cpus: u32,
    /// Whole accelerators, which no other run has meanwhile.
    pub gpus: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            wall: Duration::from_secs(3600),
            cpu: None,
            memory: 8 << 30,
            disk: 4 << 30,
            processes: 256,
            files: 4096,
            log: 64 << 20,
            cpus: 1,
            gpus: 0,
        }
    }
}

/// A drawing of experiments.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Where the node stands.
    pub span: Range<usize>,
    /// Experiments, in the order of the legend; at least one.
    pub data: Vec<Spanned<NodeName>>,
    /// What is drawn.
    pub plot: Plot,
}

/// A typeset text.
#[derive(Debug, Clone)]
pub struct Paper {
    /// Where the node stands.
    pub span: Range<usize>,
    /// The main file, relative to the project; it lies in a directory of its own.
    pub text: Spanned<String>,
    /// The bibliography, relative to the project.
    pub bibliography: Option<Spanned<String>>,
    /// How it looks.
    pub style: Style,
    /// How much of typst its text may use.
    pub mode: Mode,
    /// Names with digits in them that the text may print, such as `GPT-2`.
    pub terms: BTreeSet<String>,
    /// Words beside the built-in ones that only artifacts may print, by category.
    pub lexicon: BTreeMap<String, BTreeSet<String>>,
    /// The experiments it may speak of; all of the recipe's if not given.
    pub data: Vec<NodeName>,
    /// The figures it may show; all of the recipe's if not given.
    pub figures: Vec<NodeName>,
}

/// How a paper looks.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Two columns.
    #[default]
    Conference,
    /// One column.
    Report,
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Style::Conference => "conference",
            Style::Report => "report",
        })
    }
}

/// How much of typst the text of a paper may use.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Markup, mathematics and the functions of the package; nothing that computes.
    #[default]
    Strict,
    /// All of typst.
    Free,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mode::Strict => "strict",
            Mode::Free => "free",
        })
    }
}
