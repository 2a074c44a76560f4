//! What a paper is made from: its files, the project's metadata, results, facts and figures.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::Results;

/// Everything that one paper can see.
#[derive(Debug, Clone, Default)]
pub struct PaperInput {
    /// The path of the main text in [`files`](Self::files).
    pub main: String,
    /// The author's files by path, `/` between the parts, relative to the root of the paper.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The path of the bibliography in [`files`](Self::files); the package prints the references.
    pub bibliography: Option<String>,
    /// What the recipe says about the project.
    pub project: ProjectMeta,
    /// The results of each experiment that the paper may speak of.
    pub experiments: Vec<Results>,
    /// The measured facts (the JSON of each facts blob) by digest, as the runs name them. Facts
    /// that no run names are those of builds.
    pub facts: BTreeMap<String, serde_json::Value>,
    /// The figures by name, without `figure.`.
    pub figures: BTreeMap<String, FigureArtifact>,
    /// How much of typst the text may use.
    pub mode: Mode,
    /// Names with digits in them that the recipe declares, such as `GPT-2`.
    pub terms: BTreeSet<String>,
    /// Words that the recipe adds to the lexicon, by category.
    pub lexicon: BTreeMap<String, Vec<String>>,
    /// The entries of the bibliography that somebody confirmed: their digests by key, as
    /// [`citations::Entry::digest`](crate::citations::Entry::digest) has them.
    pub confirmed: BTreeMap<String, String>,
}

/// How much of typst a text may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Markup, mathematics and calls of the package; nothing that computes.
    #[default]
    Strict,
    /// All of typst; every digit of the pages is still accounted for.
    Free,
}

impl Mode {
    /// The mode's name, as recipes write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Strict => "strict",
            Mode::Free => "free",
        }
    }
}

/// What the recipe says about the project.
#[derive(Debug, Clone, Default)]
pub struct ProjectMeta {
    /// The project's name.
    pub name: String,
    /// The project's version.
    pub version: String,
    /// The paper's title; the name stands in for an empty one.
    pub title: String,
    /// The authors, in the order of the byline.
    pub authors: Vec<Author>,
    /// The text's licence, as an SPDX expression.
    pub license: Option<String>,
    /// The work's DOI, without a resolver.
    pub doi: Option<String>,
    /// The profile the paper was built with.
    pub profile: String,
    /// `conference` (two columns) or `report` (one column).
    pub style: String,
}

/// One name of the byline.
#[derive(Debug, Clone, Default)]
pub struct Author {
    /// The name, as it is printed.
    pub name: String,
    /// The institution.
    pub affiliation: Option<String>,
    /// The ORCID iD: four groups of four, without the address in front.
    pub orcid: Option<String>,
}

/// A drawn figure.
#[derive(Debug, Clone, Default)]
pub struct FigureArtifact {
    /// The drawing. The text of its `<title>` element, if any, becomes the alternative text.
    pub svg: Vec<u8>,
    /// The digest of the artifact.
    pub digest: String,
}
