//! What a figure shows, before any of it has a place on paper: the drawing, its words and its data
//! are three views of this one value.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::average::Mean;
use super::spec::{Band, Kind, Scale, Width};

/// All that a figure shows.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// The version of this form: 1.
    pub schema: u32,
    /// What kind of drawing.
    pub kind: Kind,
    /// What the intervals are; none where the kind has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// The horizontal axis.
    pub x: Quantity,
    /// The vertical axis.
    pub y: Quantity,
    /// The param that tells panels apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facet: Option<String>,
    /// The panels, in the order in which they are read.
    pub panels: Vec<Panel>,
    /// What is not shown.
    pub left_out: LeftOut,
    /// What colours tell apart, in their order.
    #[serde(skip)]
    pub(crate) tints: Vec<String>,
    /// What dashes or shapes tell apart, in their order.
    #[serde(skip)]
    pub(crate) patterns: Vec<String>,
    /// How wide the drawing is.
    #[serde(skip)]
    pub(crate) width: Width,
}

/// What an axis shows.
#[derive(Debug, Clone, Serialize)]
pub struct Quantity {
    /// The names of the fields, metrics or params; empty of an axis of experiments.
    pub names: Vec<String>,
    /// The heading without the unit.
    pub label: String,
    /// The unit; empty for a bare number.
    pub unit: String,
    /// How the axis is divided; none of an axis of categories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
}

impl Quantity {
    /// The same on an axis of numbers.
    pub(crate) fn scaled(self, scale: Scale) -> Quantity {
        Quantity { scale: Some(scale), ..self }
    }

    /// The heading of the axis.
    pub(crate) fn title(&self) -> String {
        // "step (step)" says nothing that "step" does not.
        let plain = ["", "1", self.label.as_str()].contains(&self.unit.as_str());
        if plain { self.label.clone() } else { format!("{} ({})", self.label, self.unit) }
    }
}

/// One set of axes.
#[derive(Debug, Clone, Serialize)]
pub struct Panel {
    /// The value of the facet, in words; empty where there is one panel.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What is drawn.
    pub traces: Vec<Trace>,
}

/// What one colour and pattern show: one experiment, point and quantity.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// What the figure calls it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The experiment.
    pub experiment: String,
    /// The values of the matrix that all of it shares.
    pub point: BTreeMap<String, Value>,
    /// The vertical quantity.
    pub quantity: String,
    /// The category it stands in, of kinds that have some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The values.
    #[serde(flatten)]
    pub marks: Marks,
    /// The places of its colour and of its pattern.
    #[serde(skip)]
    pub(crate) looks: (usize, usize),
}

/// The values of a trace.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marks {
    /// Means along x.
    Curve(Vec<Mean>),
    /// Runs, or records of their series, by two quantities.
    Cloud(Vec<Spot>),
    /// The runs of one category.
    Column(Column),
}

/// A run or record with two quantities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spot {
    /// The run.
    pub run: String,
    /// The horizontal quantity.
    pub x: f64,
    /// The vertical quantity.
    pub y: f64,
    /// Which of the two are lower bounds.
    pub censored: (bool, bool),
}

/// The values of the runs of one category.
#[derive(Debug, Clone, Serialize)]
pub struct Column {
    /// Each run with its value.
    pub runs: Vec<Seen>,
    /// The mean; of bounds, where a run is censored.
    pub mean: Option<f64>,
    /// The interval around the mean.
    pub interval: Option<(f64, f64)>,
    /// The median, if bounds leave it determined.
    pub median: Option<f64>,
    /// The quartiles, of enough runs none of which is censored.
    pub quartiles: Option<(f64, f64)>,
}

/// The value of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// The run.
    pub run: String,
    /// The value, or the bound.
    pub value: f64,
    /// Whether it is a lower bound.
    pub censored: bool,
}

/// What a figure does not show, or shows as a bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Values that are not finite numbers.
    pub not_finite: usize,
    /// Runs that did not write a quantity.
    pub missing: usize,
    /// Points of curves at nought or before it, where the horizontal axis is logarithmic.
    pub no_logarithm: usize,
    /// Runs that ended before a value was reached: shown as bounds.
    pub censored: usize,
}

impl Column {
    /// Whether every run reached its value.
    pub(crate) fn complete(&self) -> bool {
        self.runs.iter().all(|run| !run.censored)
    }
}

impl Chart {
    /// All traces of all panels.
    pub(crate) fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.panels.iter().flat_map(|panel| &panel.traces)
    }

    /// The categories in the order of their first use.
    pub(crate) fn categories(&self) -> Vec<&str> {
        let mut seen = Vec::new();
        for category in self.traces().filter_map(|trace| trace.category.as_deref()) {
            if !seen.contains(&category) {
                seen.push(category);
            }
        }
        seen
    }

    /// The colour and the pattern of a trace. With one way to tell traces apart, colours and
    /// patterns tell it together.
    pub(crate) fn looks(&self, trace: &Trace) -> (usize, usize) {
        let (tint, pattern) = trace.looks;
        if self.tints.len() < 2 || self.patterns.len() < 2 {
            (tint.max(pattern), tint.max(pattern))
        } else {
            (tint, pattern)
        }
    }
}
