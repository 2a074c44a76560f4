//! The legend: a few samples with their names, above the data and never on it.

use plotters::style::{Color as _, RGBColor};

use super::FigureError;
use super::canvas::{Anchor, Canvas, INK, LETTERS, Shape, WIDTH, colour, text_width};

/// How one curve, bar or dot looks.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) colour: RGBColor,
    pub(crate) sample: Sample,
}

/// What stands beside the name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sample {
    Line(&'static [f64]),
    Bar,
    Mark(Shape),
}

/// The width of a sample and of the gaps around it, in points.
const SAMPLE: f64 = 15.0;
const GAP: f64 = 3.0;
const BETWEEN: f64 = 9.0;
/// The height of a row in points.
const ROW: f64 = LETTERS * 1.3;

/// The entries of two ways to tell things apart, such as experiments by colour and points by dash:
/// a name with a sample for each colour, then for each pattern in plain ink.
pub(crate) fn factored(
    colours: &[String],
    patterns: &[String],
    sample: impl Fn(usize) -> Sample,
) -> Vec<Entry> {
    let both = colours.len() > 1 && patterns.len() > 1;
    let tints = colours.iter().enumerate().filter(|_| colours.len() > 1).map(|(index, label)| {
        let sample = sample(if both { 0 } else { index });
        Entry { label: label.clone(), colour: colour(index), sample }
    });
    let marks = patterns.iter().enumerate().filter(|_| patterns.len() > 1).map(|(index, label)| {
        let colour = if both { INK } else { colour(index) };
        Entry { label: label.clone(), colour, sample: sample(index) }
    });
    tints.chain(marks).collect()
}

/// Sets entries in rows and columns: the left edge and middle of each, and the height of them all.
pub(crate) fn layout(entries: &[Entry]) -> (Vec<(f64, f64)>, f64) {
    let widths: Vec<f64> =
        entries.iter().map(|entry| SAMPLE + GAP + text_width(&entry.label)).collect();
    // As many columns as fit when each is as wide as its widest entry.
    let columns = (1..=entries.len()).rev().find_map(|columns| {
        let column = |c: usize| widths.iter().skip(c).step_by(columns).copied().fold(0.0, f64::max);
        let edges: Vec<f64> = (0..columns).map(column).collect();
        let total = edges.iter().sum::<f64>() + BETWEEN * (columns - 1) as f64;
        (total <= WIDTH || columns == 1).then_some(edges)
    });
    let Some(columns) = columns else { return (Vec::new(), 0.0) };
    let places = (0..entries.len()).map(|index| {
        let (row, column) = (index / columns.len(), index % columns.len());
        let x = columns[..column].iter().map(|width| width + BETWEEN).sum();
        (x, (row as f64 + 0.5) * ROW)
    });
    (places.collect(), entries.len().div_ceil(columns.len()) as f64 * ROW)
}

/// Draws entries at their places.
pub(crate) fn draw(
    canvas: &Canvas<'_>,
    entries: &[Entry],
    places: &[(f64, f64)],
) -> Result<(), FigureError> {
    for (entry, (x, y)) in entries.iter().zip(places) {
        let ink = entry.colour.to_rgba();
        match entry.sample {
            Sample::Line(dashes) => {
                canvas.line(&[(*x, *y), (x + SAMPLE, *y)], (ink, 0.9), dashes)?;
            }
            Sample::Bar => canvas.bar((x + 5.0, y - 2.6), (x + SAMPLE, y + 2.6), ink)?,
            Sample::Mark(shape) => canvas.mark(shape, (x + SAMPLE - 4.0, *y), ink)?,
        }
        canvas.text(&entry.label, (x + SAMPLE + GAP, *y), Anchor::Left)?;
    }
    Ok(())
}
