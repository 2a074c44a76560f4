//! Figures: plots of results and series as vectors, made for one column of a paper.
//!
//! The same plot of the same data gives the same text. Colours are those of Okabe and Ito, which
//! people with any colour vision tell apart; curves differ in their dashes and dots in their
//! shapes too, so that a figure reads in grey. All lettering is in the paper's own font.
//!
//! Reading order: [`spec`] is what a recipe asks for, [`series`] reads and averages what runs
//! wrote, `axis` divides the axes, `canvas` holds the pen, and `lines`, `bars` and `scatter` draw.

mod axis;
mod bars;
mod canvas;
mod legend;
mod lines;
mod scatter;
pub mod series;
pub mod spec;

use std::collections::BTreeMap;

use crate::results::Results;
use spec::{Kind, Plot};

/// The results of one experiment and the series that its runs wrote.
#[derive(Debug, Clone, Default)]
pub struct FigureData {
    /// The results.
    pub results: Results,
    /// The bytes of the series file (JSON lines) of each run, by the run's name.
    pub series: BTreeMap<String, Vec<u8>>,
}

/// Why a figure cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// The plot is not one that can be drawn.
    #[error("the plot is malformed: {0}")]
    Plot(#[from] serde_json::Error),
    /// A plot lacks a key that its kind needs.
    #[error("a {kind} plot needs `{key}`")]
    Missing {
        /// The kind of plot.
        kind: &'static str,
        /// The key that it needs.
        key: &'static str,
    },
    /// A run has no series file.
    #[error("{run} wrote no series")]
    NoSeries {
        /// The run's name.
        run: String,
    },
    /// A line of a series file is not a JSON object.
    #[error("line {line} of the series of {run} is not a JSON object: {reason}")]
    Series {
        /// The run's name.
        run: String,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// No data by that name.
    #[error("no {what} `{name}` in {place}{}", near(.known, .name))]
    Unknown {
        /// What was looked for: a field, metric or param.
        what: &'static str,
        /// The name.
        name: String,
        /// Where it was looked for.
        place: String,
        /// The names that exist there.
        known: Vec<String>,
    },
    /// There is nothing to draw.
    #[error("no run has both {x} and {y}")]
    Empty {
        /// The horizontal quantity.
        x: String,
        /// The vertical quantity.
        y: String,
    },
    /// A logarithmic axis was given a value that has no logarithm.
    #[error("the {axis} axis is logarithmic, but a value is {value}")]
    NoLogarithm {
        /// `x` or `y`.
        axis: &'static str,
        /// The value.
        value: f64,
    },
    /// The drawing could not be written.
    #[error("the drawing could not be written: {0}")]
    Backend(String),
}

/// Draws a plot as SVG.
///
/// # Errors
/// A plot that is malformed or lacks a key; a field, metric or param that no run wrote, with the
/// nearest names; a series file that cannot be read; a value without a logarithm.
pub fn draw(plot: &serde_json::Value, data: &[FigureData]) -> Result<String, FigureError> {
    let plot = Plot::parse(plot)?;
    let svg = match plot.kind {
        Kind::Line => lines::draw(&plot, data),
        Kind::Bar => bars::draw(&plot, data),
        Kind::Scatter => scatter::draw(&plot, data),
    }?;
    Ok(svg)
}

/// Says which names are near to one that does not exist.
fn near(known: &[String], name: &str) -> String {
    let mut ranked: Vec<(usize, &String)> =
        known.iter().map(|other| (strsim::damerau_levenshtein(name, other), other)).collect();
    ranked.sort();
    match ranked.first() {
        None => "; there is none".to_owned(),
        Some((edits, nearest)) if *edits <= (name.len() / 3).max(2) => {
            format!("; did you mean `{nearest}`?")
        }
        _ => {
            let names: Vec<String> =
                ranked.iter().take(6).map(|(_, name)| format!("`{name}`")).collect();
            format!("; there is {}", names.join(", "))
        }
    }
}
