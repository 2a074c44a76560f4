//! The axes of a chart: what they have to show, and how they are drawn.

use crate::draw::FigureError;
use crate::draw::axis::Axis;
use crate::draw::chart::{Chart, Marks, Quantity};
use crate::draw::frame::Frame;
use crate::draw::palette::{GRID, INK};
use crate::draw::pen::{Anchor, Ink, LETTERS, Pen, text_width, wrap};
use crate::draw::spec::{Kind, Scale};
use crate::draw::ticks::ten_to;

/// The two axes that all panels share, and their headings.
pub(super) struct Scales {
    x: Axis,
    y: Axis,
    x_title: String,
    y_title: Vec<String>,
    /// How far a label below a panel may reach beyond it.
    over: f64,
}

impl Scales {
    /// Axes that show all of a chart; the more panels stand side by side, the fewer divisions.
    pub(super) fn new(chart: &Chart, side_by_side: usize) -> Result<Scales, FigureError> {
        let bars = chart.kind == Kind::Bar;
        let y_scale = chart.y.scale.unwrap_or_default();
        let (want_x, want_y) = match side_by_side {
            1 => (5.0, 5.0),
            2 => (4.0, 4.0),
            _ => (2.5, 4.0),
        };
        let from_zero = bars && y_scale == Scale::Linear;
        let y = Axis::new("y", y_scale, heights(chart).into_iter(), from_zero, want_y)?;
        let along = chart.traces().flat_map(|trace| match &trace.marks {
            Marks::Curve(means) => means.iter().map(|mean| mean.x).collect(),
            Marks::Cloud(spots) => spots.iter().map(|spot| spot.x).collect(),
            Marks::Column(_) => Vec::new(),
        });
        let x = Axis::new("x", chart.x.scale.unwrap_or_default(), along, false, want_x)?;
        let y_title = wrap(&heading(&chart.y, &y), 150.0, LETTERS);
        let over = if side_by_side > 1 { 2.0 } else { 9.0 };
        Ok(Scales { x_title: heading(&chart.x, &x), y_title, x, y, over })
    }

    pub(super) fn axes(&self) -> (&Axis, &Axis) {
        (&self.x, &self.y)
    }

    /// The heading of the horizontal axis.
    pub(super) fn x_title(&self) -> String {
        self.x_title.clone()
    }

    /// The room to the left of the panels.
    pub(super) fn left(&self) -> f64 {
        let labels = self.y.labels();
        let widest = labels.iter().map(|(_, text)| text_width(text, LETTERS)).fold(0.0, f64::max);
        LETTERS * self.y_title.len() as f64 + 5.5 + widest
    }

    /// The grid of a panel, and the labels of its vertical axis.
    pub(super) fn draw_y(&self, pen: &mut Pen, frame: &Frame, labelled: bool) {
        for (tick, label) in self.y.labels() {
            let y = frame.y(self.y.place(tick));
            pen.line(&[(frame.left, y), (frame.right, y)], Ink(GRID, 1.0), 0.4, &[]);
            if labelled {
                pen.text(&label, (frame.left - 3.0, y), Anchor::Right);
            }
        }
        // Ticks hang in the air without a line that they stand on.
        if !self.y.minor().is_empty() {
            let spine = [(frame.left, frame.top), (frame.left, frame.bottom)];
            pen.line(&spine, Ink(INK, 0.6), 0.3, &[]);
        }
        for tick in self.y.minor() {
            let y = frame.y(self.y.place(*tick));
            pen.line(&[(frame.left - 1.4, y), (frame.left, y)], Ink(INK, 0.6), 0.3, &[]);
        }
    }

    /// The heading of the vertical axis, beside all panels.
    pub(super) fn draw_y_title(&self, pen: &mut Pen, whole: &Frame) {
        for (index, line) in self.y_title.iter().enumerate() {
            let x = LETTERS * (index as f64 + 0.42);
            pen.text(line, (x, whole.middle().1), Anchor::Upwards);
        }
    }

    /// The line, the ticks and the labels of the horizontal axis.
    pub(super) fn draw_x(&self, pen: &mut Pen, frame: &Frame, labelled: bool, width: f64) {
        for tick in self.x.minor() {
            let x = frame.x(self.x.place(*tick));
            pen.line(&[(x, frame.bottom), (x, frame.bottom + 1.4)], Ink(INK, 0.6), 0.3, &[]);
        }
        let mut taken = f64::NEG_INFINITY;
        for (tick, label) in self.x.labels() {
            let x = frame.x(self.x.place(tick));
            pen.line(&[(x, frame.bottom), (x, frame.bottom + 2.2)], Ink(INK, 1.0), 0.5, &[]);
            // A label that would run into its neighbour is left out; its tick stays. The outer ones
            // keep near their panel and inside the drawing.
            let half = text_width(&label, LETTERS) / 2.0;
            let (least, most) = (frame.left - self.over + half, frame.right + self.over - half);
            let x = x.min(most).min(width - half).max(least);
            if labelled && x - half > taken + 3.0 {
                pen.text(&label, (x, frame.bottom + 3.4), Anchor::Top);
                taken = x + half;
            }
        }
        baseline(pen, frame);
    }
}

/// The line at the foot of a panel.
pub(super) fn baseline(pen: &mut Pen, frame: &Frame) {
    let ends = [(frame.left, frame.bottom), (frame.right, frame.bottom)];
    pen.line(&ends, Ink(INK, 1.0), 0.6, &[]);
}

/// The heading of an axis with its unit, and the power of ten that its labels leave out.
fn heading(quantity: &Quantity, axis: &Axis) -> String {
    let unit = if quantity.unit == "1" { "" } else { &quantity.unit };
    match axis.power() {
        0 => quantity.title(),
        power if unit.is_empty() => format!("{} ({})", quantity.label, ten_to(power)),
        power => format!("{} ({} {unit})", quantity.label, ten_to(power)),
    }
}

/// What the vertical axis has to show. Intervals are shown as far as values reach: one made from a
/// deviation can go beyond the smallest and the largest value, below zero of a quantity that is
/// never negative or above the whole of a share; it is cut at the axis there.
fn heights(chart: &Chart) -> Vec<f64> {
    let mut heights = Vec::new();
    let mut ends = Vec::new();
    let mut intervals = Vec::new();
    for trace in chart.traces() {
        match &trace.marks {
            Marks::Curve(means) => {
                heights.extend(means.iter().map(|mean| mean.mean));
                ends.extend(means.iter().flat_map(|mean| [mean.range.0, mean.range.1]));
                intervals.extend(means.iter().filter_map(|mean| mean.interval));
            }
            Marks::Cloud(spots) => heights.extend(spots.iter().map(|spot| spot.y)),
            Marks::Column(column) => {
                heights.extend(column.runs.iter().map(|run| run.value));
                if chart.kind == Kind::Bar {
                    heights.extend(column.mean);
                    // A whisker is a few lines, not an area: it is shown to its end above.
                    ends.extend(column.interval.map(|(_, high)| high));
                    intervals.extend(column.interval);
                }
            }
        }
    }
    let least = heights.iter().chain(&ends).copied().fold(f64::INFINITY, f64::min);
    let most = heights.iter().chain(&ends).copied().fold(f64::NEG_INFINITY, f64::max);
    heights.extend(intervals.iter().flat_map(|(low, high)| [low.max(least), high.min(most)]));
    heights
}
