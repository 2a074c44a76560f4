//! Why a figure cannot be drawn, in words that name what was expected and what is there.

/// Why a figure cannot be drawn.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FigureError {
    /// The plot is not one that can be drawn.
    #[error("the plot is malformed: {0}")]
    Plot(String),
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
    /// A param along an axis of numbers is none.
    #[error(
        "`{name}` is {value} in {place}, and a line needs numbers along x: use `kind = \"bar\"`"
    )]
    NotANumber {
        /// The param.
        name: String,
        /// Its value.
        value: String,
        /// The experiment.
        place: String,
    },
    /// Quantities of two units on one axis.
    #[error(
        "`{first}` is measured in `{first_unit}` and `{second}` in `{second_unit}`: one axis shows \
         one unit, draw them in two figures"
    )]
    Units {
        /// A quantity.
        first: String,
        /// Its unit.
        first_unit: String,
        /// Another quantity.
        second: String,
        /// Its unit.
        second_unit: String,
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
    #[error(
        "the {axis} axis is logarithmic, but a value is {value}: use `{axis}-scale = \"linear\"`"
    )]
    NoLogarithm {
        /// `x` or `y`.
        axis: &'static str,
        /// The value.
        value: f64,
    },
    /// More panels than fit.
    #[error("`facet = \"{facet}\"` gives {count} panels, and a figure has room for {most}")]
    TooManyPanels {
        /// The param that tells panels apart.
        facet: String,
        /// How many values it has.
        count: usize,
        /// How many fit.
        most: usize,
    },
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
