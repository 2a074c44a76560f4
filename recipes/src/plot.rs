//! What a figure draws, as the recipe says it and as the renderer reads it.

use serde::{Deserialize, Serialize};

use crate::unit::Unit;

/// A plot. Serialised in kebab-case, it is what the renderer is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plot {
    /// What kind of drawing.
    pub kind: PlotKind,
    /// The horizontal quantity: a field of the series, or a param for bars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The vertical quantity: a field of the series, or a metric for bars.
    pub y: String,
    /// The JSON lines file that every run writes; none if metrics are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What the spread over seeds is drawn as.
    pub band: Band,
    /// The param that tells curves apart within an experiment; all axes if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
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
    /// A curve per experiment and point, over a series.
    Line,
    /// A bar per experiment and point, of a metric.
    Bar,
    /// A dot per record of a series.
    Scatter,
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
    /// From the least to the greatest.
    Minmax,
    /// One standard error of the mean to either side.
    Sem,
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
