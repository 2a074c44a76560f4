//! Figures: plots of results and series as vectors, made for the columns of a paper.
//!
//! The same plot of the same data gives the same text. Colours stay apart in any colour vision and
//! in grey, dashes and shapes say the same once more, and all lettering is in the paper's own font.
//! A figure carries what it shows: in words for those who cannot see it, and as data.
//!
//! Reading order: [`spec`] is what a recipe asks for, `gather` reads and averages what runs wrote
//! into a [`chart`], of which `paint` makes the drawing, `describe` the words and serde the data.
//! For the drawing, `axis` and `ticks` divide the axes, `frame` and `legend` and `ends` find the
//! places, `palette` has the looks, and `pen` writes.

mod authored;
mod average;
mod axis;
pub mod chart;
mod describe;
mod ends;
mod error;
mod frame;
mod gather;
mod legend;
mod paint;
mod palette;
mod pen;
mod series;
pub mod spec;
mod ticks;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::results::Results;
pub use authored::authored_strings;
pub use average::Mean;
use chart::Chart;
pub use error::FigureError;
use spec::Plot;

/// The results of one experiment and the series that its runs wrote.
#[derive(Debug, Clone, Default)]
pub struct FigureData {
    /// The results.
    pub results: Results,
    /// The bytes of the series file (JSON lines) of each run, by the run's name.
    pub series: BTreeMap<String, Vec<u8>>,
}

/// Draws a plot as SVG. Its `<title>` and `<desc>` say what it shows, its `<metadata>` holds the
/// data: [`alternative`] and [`plotted`] read them back.
///
/// # Errors
/// A plot that is malformed or lacks a key; a field, metric or param that no run wrote, with the
/// nearest names; a series file that cannot be read; a value without a logarithm.
pub fn draw(plot: &Value, data: &[FigureData]) -> Result<String, FigureError> {
    let words = authored_strings(plot);
    let plot = Plot::parse(plot)?;
    let chart = gather::chart(&plot, data)?;
    let (title, desc) = match &plot.alt {
        Some(alt) => (alt.clone(), String::new()),
        None => (describe::title(&chart), describe::description(&chart)),
    };
    let notes = describe::notes(&chart);
    let data = json(&chart, &words)?.to_string();
    paint::svg(&chart, &paint::Words { title: &title, desc: &desc, notes: &notes, data: &data })
}

/// The data that [`draw`] plots, as JSON: axes with their units, and in each panel every trace with
/// its experiment, point and values.
///
/// # Errors
/// Those of [`draw`] that lie in the plot or the data.
pub fn data(plot: &Value, data: &[FigureData]) -> Result<Value, FigureError> {
    json(&gather::chart(&Plot::parse(plot)?, data)?, &authored_strings(plot))
}

/// The data, and under `words` what the recipe says in its own: no artifact backs that.
fn json(chart: &Chart, words: &[(&str, String)]) -> Result<Value, FigureError> {
    let mut json =
        serde_json::to_value(chart).map_err(|error| FigureError::Plot(error.to_string()))?;
    if !words.is_empty() {
        json["words"] =
            words.iter().map(|(key, text)| ((*key).to_owned(), text.as_str())).collect();
    }
    Ok(json)
}

/// What a drawing says in the words of the recipe, by the key of the plot that has them.
pub(crate) fn said(svg: &str) -> BTreeMap<String, String> {
    // Most drawings say nothing, and their data are long.
    let words = svg.contains("words").then(|| plotted(svg)).flatten();
    words.and_then(|data| serde_json::from_value(data["words"].clone()).ok()).unwrap_or_default()
}

/// The data that travel with a drawing, as [`data`] has them; none with a drawing of another make.
pub fn plotted(svg: &str) -> Option<Value> {
    serde_json::from_str(&element(svg, "metadata")?).ok()
}

/// What a drawing shows, for those who cannot see it: its title and its description.
pub fn alternative(svg: &str) -> Option<String> {
    let title = element(svg, "title")?;
    match element(svg, "desc").filter(|desc| !desc.is_empty()) {
        Some(desc) => Some(format!("{title}. {desc}")),
        None => Some(title),
    }
}

/// The text of the first element of a name.
fn element(svg: &str, name: &str) -> Option<String> {
    let (_, rest) = svg.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(pen::unescape(text))
}
