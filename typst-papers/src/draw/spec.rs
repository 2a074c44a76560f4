//! What a recipe asks for: the plot's keys.

use serde::Deserialize;
use serde_json::Value;

/// A plot, as the recipe describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plot {
    /// What kind of drawing.
    pub kind: Kind,
    /// The horizontal quantity: a field of the series; of a scatter plot without `at` a metric or
    /// param; of bars the param that stands along the axis.
    #[serde(default)]
    pub x: Option<String>,
    /// The vertical quantities: fields of the series, or metrics.
    #[serde(deserialize_with = "one_or_many")]
    pub y: Vec<String>,
    /// The file the series are in; the caller reads it, here it says that there is one.
    #[serde(default)]
    pub at: Option<String>,
    /// How the spread over seeds is shown.
    #[serde(default)]
    pub band: Band,
    /// The param that tells curves apart by colour; experiments then differ in their dashes. Of
    /// bars, the same as `x`.
    #[serde(default)]
    pub group: Option<String>,
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
    /// The unit of the horizontal axis.
    #[serde(default)]
    pub x_unit: Option<String>,
    /// The unit of the vertical axis.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The mean over seeds against a field of the series, with a band.
    Line,
    /// The mean of a metric by experiment, with a whisker, and each seed as a dot.
    Bar,
    /// One dot per run, or per record of its series.
    Scatter,
}

/// How the spread over seeds is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// Not at all.
    None,
    /// One sample standard deviation to either side of the mean.
    #[default]
    Std,
    /// One standard error to either side of the mean.
    Sem,
    /// From the smallest to the largest value.
    Minmax,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By powers of ten.
    Log,
}

impl Plot {
    /// Reads a plot from its JSON form.
    pub(crate) fn parse(plot: &Value) -> Result<Plot, serde_json::Error> {
        Plot::deserialize(plot)
    }

    /// The heading of the horizontal axis.
    pub(crate) fn x_title(&self, name: &str, unit: &str) -> String {
        title(self.x_label.as_deref(), &[name], self.x_unit.as_deref().unwrap_or(unit))
    }

    /// The heading of the vertical axis.
    pub(crate) fn y_title(&self, unit: &str) -> String {
        let names: Vec<&str> = self.y.iter().map(String::as_str).collect();
        title(self.y_label.as_deref(), &names, self.y_unit.as_deref().unwrap_or(unit))
    }
}

/// A name in words.
pub(crate) fn words(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

fn title(label: Option<&str>, names: &[&str], unit: &str) -> String {
    let name = label.map_or_else(
        || names.iter().map(|name| words(name)).collect::<Vec<_>>().join(", "),
        str::to_owned,
    );
    // "step (step)" says nothing that "step" does not.
    if unit.is_empty() || unit == "1" || words(&name) == unit {
        name
    } else {
        format!("{name} ({unit})")
    }
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
