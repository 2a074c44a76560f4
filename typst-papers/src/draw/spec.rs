//! What a recipe asks for: the plot's keys.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FigureError;

/// A plot, as the recipe describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plot {
    /// What kind of drawing.
    pub kind: Kind,
    /// The horizontal quantity. With `at` a field of the series; else of lines a param, of scatter
    /// plots a metric or param, of bars and distributions the param that stands along the axis.
    #[serde(default)]
    pub x: Option<String>,
    /// The vertical quantities: with `at` fields of the series, else metrics.
    #[serde(deserialize_with = "one_or_many")]
    pub y: Vec<String>,
    /// The file the series are in; the caller reads it, here it says that there is one.
    #[serde(default)]
    pub at: Option<String>,
    /// How the spread over seeds is shown.
    #[serde(default)]
    pub band: Band,
    /// The param that colours tell apart; experiments then differ in dashes or shapes. Of bars and
    /// distributions without `x`, the param along the axis.
    #[serde(default)]
    pub group: Option<String>,
    /// The param of which every value has a panel of its own.
    #[serde(default)]
    pub facet: Option<String>,
    /// How wide the drawing is.
    #[serde(default)]
    pub width: Width,
    /// How the horizontal axis is divided.
    #[serde(default)]
    pub x_scale: Scale,
    /// How the vertical axis is divided.
    #[serde(default)]
    pub y_scale: Scale,
    /// The horizontal axis in words.
    #[serde(default)]
    pub x_label: Option<String>,
    /// The vertical axis in words.
    #[serde(default)]
    pub y_label: Option<String>,
    /// The unit of the horizontal axis, where no metric says it.
    #[serde(default)]
    pub x_unit: Option<String>,
    /// The unit of the vertical axis, where no metric says it.
    #[serde(default)]
    pub y_unit: Option<String>,
    /// The most points that a curve keeps: every k-th step, and the last one.
    #[serde(default)]
    pub max_points: Option<usize>,
    /// The caption, which the paper prints; unused here.
    #[serde(default)]
    pub caption: Option<String>,
    /// What the figure shows, for those who cannot see it; made from the data if not given.
    #[serde(default)]
    pub alt: Option<String>,
}

/// Kinds of plots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The mean over seeds against a field of the series or a param, with a band.
    Line,
    /// The mean of a metric by experiment, with a whisker, and each seed as a dot.
    Bar,
    /// One dot per run, or per record of its series.
    Scatter,
    /// Each run's value of a metric as a dot, with the median and the quartiles.
    Distribution,
}

/// How the spread over seeds is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// Not at all.
    None,
    /// One sample standard deviation to either side of the mean.
    #[default]
    Std,
    /// One standard error to either side of the mean.
    Sem,
    /// Student's interval of the mean at 95%.
    Ci95,
    /// From the smallest to the largest value.
    Range,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By powers of ten.
    Log,
}

/// How wide a drawing is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Width {
    /// One column.
    #[default]
    Column,
    /// Both columns.
    Page,
}

impl Width {
    /// The width in points.
    pub(crate) fn points(self) -> f64 {
        match self {
            Width::Column => 241.0,
            Width::Page => 496.0,
        }
    }
}

impl Kind {
    /// The word for it in recipes.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Line => "line",
            Kind::Bar => "bar",
            Kind::Scatter => "scatter",
            Kind::Distribution => "distribution",
        }
    }
}

impl Plot {
    /// Reads a plot from its JSON form.
    pub(crate) fn parse(plot: &Value) -> Result<Plot, FigureError> {
        Plot::deserialize(plot).map_err(|error| FigureError::Plot(error.to_string()))
    }

    /// The horizontal quantity of a kind that cannot do without.
    pub(crate) fn need_x(&self) -> Result<&str, FigureError> {
        self.x.as_deref().ok_or(FigureError::Missing { kind: self.kind.word(), key: "x" })
    }

    /// The param that stands along an axis of categories.
    pub(crate) fn along(&self) -> Option<&str> {
        self.x.as_deref().or(self.group.as_deref())
    }
}

/// A name in words.
pub(crate) fn words(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    use serde::de::Error as _;
    let expected = || D::Error::custom("`y` is a name or a list of names");
    match Value::deserialize(deserializer)? {
        Value::String(name) => Ok(vec![name]),
        Value::Array(names) if !names.is_empty() => names
            .into_iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or_else(expected))
            .collect(),
        _ => Err(expected()),
    }
}
