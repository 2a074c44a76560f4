//! What a figure draws, as the recipe says it and as the renderer reads it.
//!
//! ```toml
//! [figure.curves]
//! data = ["experiment.baseline", "experiment.layerwise"]
//! plot = { kind = "line", x = "step", y = "loss", at = "series.jsonl", band = "ci95" }
//! ```
//!
//! | key | line | bar, distribution | scatter |
//! |---|---|---|---|
//! | `y` | with `at` a field, else a metric; or a list | a metric, or a list | with `at` a field, else a metric or param; or a list |
//! | `x` | with `at` a field, else a param with numbers | the param along the axis; the experiments if not given | with `at` a field, else a metric or param |
//! | `at` | the JSON lines file of every run | - | the same |
//! | `band` | `none`, `std`, `sem`, `ci95`, `range` | the same of bars, as whiskers | - |
//! | `group` | the param that colours tell apart | the same; without `x`, the param along the axis | as of lines |
//! | `facet` | the param of which each value has a panel | the same | the same |
//! | `x-scale`, `y-scale` | `linear`, `log` | `y-scale` alone | the same |
//! | `x-label`, `y-label` | an axis in words; its names if not given | the same | the same |
//! | `x-unit`, `y-unit` | the unit of what is no metric; metrics have their own | the same | the same |
//! | `max-points` | with `at`, the points that a curve keeps | - | - |
//! | `width` | `column`, `page` | the same | the same |
//!
//! `std` is one sample standard deviation to either side of the mean, `sem` one standard error,
//! `ci95` Student's interval of the mean, `range` from the least to the greatest. A distribution
//! shows each run as a dot, their median, and from five runs on a box around their middle half.

use serde::{Deserialize, Serialize};

use crate::unit::Unit;

/// A plot. Serialised in kebab-case, it is what the renderer is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plot {
    /// What kind of drawing.
    pub kind: PlotKind,
    /// The horizontal quantity: a field of the series, a param, or a metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The vertical quantities: fields of the series, or metrics.
    pub y: Vec<String>,
    /// The JSON lines file that every run writes; none if metrics are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What the spread over seeds is drawn as.
    pub band: Band,
    /// The param that tells curves apart within an experiment; all axes if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The param of which every value has a panel of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facet: Option<String>,
    /// How wide the drawing is.
    #[serde(default)]
    pub width: Width,
    /// The horizontal axis.
    pub x_scale: Scale,
    /// The vertical axis.
    pub y_scale: Scale,
    /// The horizontal axis in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_label: Option<String>,
    /// The vertical axis in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_label: Option<String>,
    /// What `x` is measured in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_unit: Option<Unit>,
    /// What `y` is measured in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_unit: Option<Unit>,
    /// Points that a curve keeps at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_points: Option<u32>,
    /// What stands under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// What it shows, for those who cannot see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
}

/// Kinds of drawings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlotKind {
    /// A curve per experiment and point, over a series or a param.
    Line,
    /// A bar per experiment and point, of a metric.
    Bar,
    /// A dot per run, or per record of a series.
    Scatter,
    /// A dot per run beside the others of its experiment and point, with their median.
    Distribution,
}

impl PlotKind {
    /// The word for it in recipes.
    pub fn as_str(self) -> &'static str {
        match self {
            PlotKind::Line => "line",
            PlotKind::Bar => "bar",
            PlotKind::Scatter => "scatter",
            PlotKind::Distribution => "distribution",
        }
    }
}

/// How the spread over seeds is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// Not at all.
    None,
    /// One standard deviation to either side.
    #[default]
    Std,
    /// One standard error of the mean to either side.
    Sem,
    /// The interval of the mean at 95%.
    Ci95,
    /// From the least to the greatest.
    Range,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By powers.
    Log,
}

/// How wide a drawing is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Width {
    /// One column.
    #[default]
    Column,
    /// All columns of the page.
    Page,
}
