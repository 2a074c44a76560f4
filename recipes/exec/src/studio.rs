//! The door to figures and papers: what execution asks of whoever draws and typesets.
//!
//! Execution knows no typst. The command line hands it a [`Studio`]; tests bring their own.

use std::collections::{BTreeMap, BTreeSet};

use rescience_digest::Digest;
use rescience_recipes::{Mode, Project};

use crate::event::{Accounting, Problem};

/// Draws figures and typesets papers from artifacts alone.
pub trait Studio: Send + Sync {
    /// The identity of everything that decides how a page looks: engine, package and fonts.
    /// It enters the keys of figures and papers.
    fn engine(&self) -> &str;

    /// Draws a figure as SVG.
    fn draw(&self, request: &FigureRequest) -> Result<Vec<u8>, Box<Problem>>;

    /// Typesets a paper.
    fn typeset(&self, request: &PaperRequest) -> Result<Typeset, Vec<Problem>>;
}

/// What a figure is drawn from.
#[derive(Debug)]
pub struct FigureRequest {
    /// The figure's name without its kind.
    pub name: String,
    /// The plot as the recipe describes it, as JSON.
    pub plot: serde_json::Value,
    /// One entry for each experiment, in the recipe's order.
    pub data: Vec<FigureData>,
}

/// One experiment's share of a figure.
#[derive(Debug)]
pub struct FigureData {
    /// The bytes of the experiment's `results.json`.
    pub results: Vec<u8>,
    /// The series file of each run, by the run's name; empty if the plot reads no file.
    pub series: BTreeMap<String, Vec<u8>>,
}

/// What a paper is typeset from.
#[derive(Debug)]
pub struct PaperRequest {
    /// The project's title, authors and so on.
    pub project: Project,
    /// The profile the recipe was read with.
    pub profile: String,
    /// `conference` or `report`.
    pub style: String,
    /// How much of typst the text may use.
    pub mode: Mode,
    /// Names with digits in them that the text may print.
    pub terms: BTreeSet<String>,
    /// Words that only artifacts may print, by category.
    pub lexicon: BTreeMap<String, BTreeSet<String>>,
    /// What the confirmed entries of bibliographies said, by key.
    pub confirmed: BTreeMap<String, Digest>,
    /// The folder of the text, relative to the project.
    pub folder: String,
    /// The path of the main text within `files`.
    pub main: String,
    /// The bibliography's path within `files`.
    pub bibliography: Option<String>,
    /// The folder of the text, by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The bytes of each experiment's `results.json`.
    pub results: Vec<Vec<u8>>,
    /// The facts that the results name, by digest.
    pub facts: BTreeMap<Digest, Vec<u8>>,
    /// Each figure's SVG, by its name without its kind.
    pub figures: BTreeMap<String, (Digest, Vec<u8>)>,
}

/// A typeset paper.
#[derive(Debug)]
pub struct Typeset {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// The same paper for browsers; empty if there is none.
    pub html: String,
    /// The same paper for machines; empty if there is none.
    pub json: Vec<u8>,
    /// Where the digits of its pages come from.
    pub accounting: Accounting,
    /// How many pages it has.
    pub pages: usize,
    /// The ledger of what the text claims, as JSON.
    pub claims: serde_json::Value,
    /// What the typesetter warned about.
    pub warnings: Vec<Problem>,
}
