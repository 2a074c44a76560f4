//! The legend: a few samples with their names, above the data and never on it.

use super::chart::Chart;
use super::palette::{Colour, INK, Shape, colour, dash};
use super::pen::{Anchor, Ink, LETTERS, Pen, text_width};
use super::spec::Kind;

/// The entries of a legend, and where each stands.
#[derive(Debug, Default)]
pub(crate) struct Legend {
    entries: Vec<Entry>,
    places: Vec<(f64, f64)>,
    pub(crate) height: f64,
}

/// How one curve, bar or dot looks.
#[derive(Debug)]
struct Entry {
    label: String,
    colour: Colour,
    sample: Sample,
}

/// What stands beside the name.
#[derive(Debug, Clone, Copy)]
enum Sample {
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

impl Legend {
    /// The legend of a chart within a width: a name with a sample for each colour, then, where
    /// patterns tell something else, for each pattern in plain ink.
    pub(crate) fn new(chart: &Chart, width: f64) -> Legend {
        let sample = |index: usize| match chart.kind {
            Kind::Line => Sample::Line(dash(index)),
            Kind::Scatter => Sample::Mark(Shape::nth(index)),
            Kind::Bar | Kind::Distribution => Sample::Bar,
        };
        let (tints, patterns) = (&chart.tints, &chart.patterns);
        let both = tints.len() > 1 && patterns.len() > 1;
        let (mut entries, mut marks) = (Vec::new(), Vec::new());
        for (index, label) in tints.iter().enumerate().filter(|_| tints.len() > 1) {
            let sample = sample(if both { 0 } else { index });
            entries.push(Entry { label: label.clone(), colour: colour(index), sample });
        }
        for (index, label) in patterns.iter().enumerate().filter(|_| patterns.len() > 1) {
            let colour = if both { INK } else { colour(index) };
            marks.push(Entry { label: label.clone(), colour, sample: sample(index) });
        }
        // What tells nothing apart from the rest has no name: it is the rest.
        for entry in entries.iter_mut().chain(&mut marks) {
            if entry.label.is_empty() {
                "other".clone_into(&mut entry.label);
            }
        }
        // Colours and patterns say different things: each begins a row of its own.
        let (mut places, height) = arrange(&entries, width);
        let (below, more) = arrange(&marks, width);
        places.extend(below.into_iter().map(|(x, y)| (x, y + height)));
        entries.append(&mut marks);
        Legend { entries, places, height: height + more }
    }

    pub(crate) fn draw(&self, pen: &mut Pen) {
        for (entry, (x, y)) in self.entries.iter().zip(&self.places) {
            let ink = Ink(entry.colour, 1.0);
            match entry.sample {
                Sample::Line(dashes) => pen.line(&[(*x, *y), (x + SAMPLE, *y)], ink, 1.0, dashes),
                Sample::Bar => pen.bar((x + 5.0, y - 2.6), (x + SAMPLE, y + 2.6), ink),
                Sample::Mark(shape) => pen.mark(shape, (x + SAMPLE - 4.0, *y), ink),
            }
            pen.text(&entry.label, (x + SAMPLE + GAP, *y), Anchor::Left);
        }
    }
}

/// Sets entries in rows and columns: the left edge and middle of each, and the height of them all.
fn arrange(entries: &[Entry], width: f64) -> (Vec<(f64, f64)>, f64) {
    let widths: Vec<f64> =
        entries.iter().map(|entry| SAMPLE + GAP + text_width(&entry.label, LETTERS)).collect();
    // As many columns as fit when each is as wide as its widest entry.
    let columns = (1..=entries.len()).rev().find_map(|columns| {
        let column = |c: usize| widths.iter().skip(c).step_by(columns).copied().fold(0.0, f64::max);
        let edges: Vec<f64> = (0..columns).map(column).collect();
        let total = edges.iter().sum::<f64>() + BETWEEN * (columns - 1) as f64;
        (total <= width || columns == 1).then_some(edges)
    });
    let Some(columns) = columns else { return (Vec::new(), 0.0) };
    let places = (0..entries.len()).map(|index| {
        let (row, column) = (index / columns.len(), index % columns.len());
        let x = columns[..column].iter().map(|width| width + BETWEEN).sum();
        (x, (row as f64 + 0.5) * ROW)
    });
    (places.collect(), entries.len().div_ceil(columns.len()) as f64 * ROW)
}
