//! Bars and distributions: columns of runs, side by side in categories.
//!
//! Where a seed did not reach the metric, no mean exists: the bar is pale, ends at the mean of the
//! bounds (a lower bound of the mean) and has no whisker, and the seed is an open triangle at its
//! bound. On a logarithmic axis a length from the foot means nothing, so the mean is a line there.

use super::scales::{Scales, baseline};
use crate::draw::chart::{Chart, Column, Marks, Panel};
use crate::draw::frame::Frame;
use crate::draw::palette::{Beyond, Colour, INK, Shape, colour};
use crate::draw::pen::{Anchor, Ink, LETTERS, MARK, Pen, text_width, wrap};
use crate::draw::spec::Kind;

/// The widest that a column is drawn, in points.
const WIDEST: f64 = 30.0;

/// Where a column stands and how it looks.
struct Place {
    centre: f64,
    width: f64,
    colour: Colour,
    shape: Shape,
}

pub(super) fn draw(pen: &mut Pen, chart: &Chart, panel: &Panel, frame: &Frame, scales: &Scales) {
    let categories = chart.categories();
    let slot = frame.width() / categories.len().max(1) as f64;
    // Columns of one category stand side by side, those of one colour always at the same place.
    let own = tells_categories(chart);
    let beside = if own { 1 } else { chart.tints.len().max(1) };
    let width = (0.76 * slot / beside as f64).min(WIDEST);
    for trace in &panel.traces {
        let Marks::Column(column) = &trace.marks else { continue };
        let category = categories.iter().position(|name| Some(*name) == trace.category.as_deref());
        let (tint, _) = chart.looks(trace);
        let offset = if own { 0.0 } else { tint as f64 - (beside as f64 - 1.0) / 2.0 };
        let place = Place {
            centre: frame.left + (category.unwrap_or(0) as f64 + 0.5) * slot + offset * width,
            width: width * 0.86,
            colour: colour(tint),
            shape: Shape::nth(if beside > 1 { tint } else { 0 }),
        };
        match chart.kind {
            Kind::Distribution => distribution(pen, column, &place, frame, scales),
            _ => bar(pen, column, &place, frame, scales),
        }
    }
}

/// Whether colours say no more than the categories below the axis.
fn tells_categories(chart: &Chart) -> bool {
    chart.tints == chart.categories()
}

fn bar(pen: &mut Pen, column: &Column, place: &Place, frame: &Frame, scales: &Scales) {
    let Some(mean) = column.mean else { return };
    let axis = scales.axes().1;
    let y = |value| frame.y(axis.place(value));
    let (left, right) = (place.centre - place.width / 2.0, place.centre + place.width / 2.0);
    if axis.has_zero() {
        let cover = if column.complete() { 0.6 } else { 0.2 };
        pen.bar((left, y(mean)), (right, y(0.0)), Ink(place.colour, cover));
    }
    pen.line(&[(left, y(mean)), (right, y(mean))], Ink(place.colour, 1.0), 1.1, &[]);
    let values: Vec<f64> = column.runs.iter().map(|run| y(run.value)).collect();
    let beside = swarm(&values, place.width / 2.0 - MARK);
    for ((run, y), offset) in column.runs.iter().zip(&values).zip(beside) {
        let shape = if run.censored { Shape::Bound(Beyond::Above) } else { place.shape };
        pen.mark(shape, (place.centre + offset, *y), Ink(INK, 0.7));
    }
    if let Some((low, high)) = column.interval {
        let cap = LETTERS * 0.3;
        for (from, to) in [
            ((place.centre, y(low)), (place.centre, y(high))),
            ((place.centre - cap, y(low)), (place.centre + cap, y(low))),
            ((place.centre - cap, y(high)), (place.centre + cap, y(high))),
        ] {
            pen.line(&[from, to], Ink(INK, 1.0), 0.7, &[]);
        }
    }
}

fn distribution(pen: &mut Pen, column: &Column, place: &Place, frame: &Frame, scales: &Scales) {
    let y = |value| frame.y(scales.axes().1.place(value));
    let (left, right) = (place.centre - place.width / 2.0, place.centre + place.width / 2.0);
    if let Some((low, high)) = column.quartiles {
        pen.bar((left, y(high)), (right, y(low)), Ink(place.colour, 0.16));
        pen.frame((left, y(high)), (right, y(low)), Ink(place.colour, 0.8), 0.5);
    }
    if let Some(median) = column.median {
        pen.line(&[(left, y(median)), (right, y(median))], Ink(place.colour, 1.0), 1.4, &[]);
    }
    let values: Vec<f64> = column.runs.iter().map(|run| y(run.value)).collect();
    let beside = swarm(&values, place.width / 2.0 - MARK);
    for ((run, y), offset) in column.runs.iter().zip(&values).zip(beside) {
        let (shape, cover) = match run.censored {
            true => (Shape::Bound(Beyond::Above), 1.0),
            false => (place.shape, 0.85),
        };
        pen.mark(shape, (place.centre + offset, *y), Ink(place.colour, cover));
    }
}

/// How far beside the middle each of some dots stands so that none hides another: as near to it as
/// there is room, and no farther than `most`, where a crowd overlaps after all.
fn swarm(heights: &[f64], most: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    let apart = MARK * 2.1;
    let mut placed: Vec<(f64, f64)> = Vec::with_capacity(heights.len());
    let mut offsets = vec![0.0; heights.len()];
    for index in order {
        let y = heights[index];
        let near: Vec<(f64, f64)> =
            placed.iter().rev().take_while(|other| y - other.1 < apart).copied().collect();
        let free =
            |x: f64| near.iter().all(|other| (other.0 - x).hypot(other.1 - y) >= apart * 0.999);
        let steps = (0..40).map(|step| {
            let aside = apart * 0.5 * f64::from((step + 1) / 2);
            if step % 2 == 1 { aside } else { -aside }
        });
        let found = steps.take_while(|x| x.abs() <= most.max(0.0)).find(|x| free(*x));
        // Without room, dots go round the width rather than all into one place.
        let around = || (placed.len() % 5) as f64 / 4.0 * 2.0 * most.max(0.0) - most.max(0.0);
        offsets[index] = found.unwrap_or_else(around);
        placed.push((offsets[index], y));
    }
    offsets
}

/// The names of the categories, as they are set below the axis.
pub(super) struct Categories {
    names: Vec<Vec<String>>,
    fit: bool,
}

impl Categories {
    /// Names within a frame of this width: on one line, on several, or not at all.
    pub(super) fn new(chart: &Chart, width: f64) -> Categories {
        let slot = width / chart.categories().len().max(1) as f64 - 3.0;
        let names: Vec<Vec<String>> =
            chart.categories().iter().map(|name| wrap(name, slot, LETTERS)).collect();
        let fit = names.iter().flatten().all(|line| text_width(line, LETTERS) <= slot + 1.0);
        let fit = fit && names.iter().all(|lines| lines.len() <= 3);
        // Where colours cannot tell, a crowded name is better than none.
        let fit = fit || !tells_categories(chart);
        Categories { names, fit }
    }

    /// Whether the names below the axis tell all there is to tell.
    pub(super) fn tell_all(&self, chart: &Chart) -> bool {
        self.fit && tells_categories(chart)
    }

    /// How many lines the names take.
    pub(super) fn lines(&self) -> usize {
        if self.fit { self.names.iter().map(Vec::len).max().unwrap_or(0) } else { 0 }
    }

    pub(super) fn draw(&self, pen: &mut Pen, frame: &Frame, labelled: bool) {
        let slot = frame.width() / self.names.len().max(1) as f64;
        for (index, lines) in self.names.iter().enumerate().filter(|_| self.fit && labelled) {
            let x = frame.left + (index as f64 + 0.5) * slot;
            for (row, line) in lines.iter().enumerate() {
                let y = frame.bottom + 3.4 + row as f64 * LETTERS * 1.1;
                pen.text(line, (x, y), Anchor::Top);
            }
        }
        baseline(pen, frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dot_hides_another_where_there_is_room() {
        let offsets = swarm(&[10.0, 10.0, 10.5, 30.0], 12.0);
        let dots: Vec<(f64, f64)> = offsets.into_iter().zip([10.0, 10.0, 10.5, 30.0]).collect();
        for (index, a) in dots.iter().enumerate() {
            for b in &dots[..index] {
                assert!((a.0 - b.0).hypot(a.1 - b.1) >= MARK * 2.0, "{dots:?}");
            }
        }
        assert_eq!(dots[3].0, 0.0);
    }

    #[test]
    fn a_crowd_stays_within_its_width() {
        assert!(swarm(&[10.0; 100], 12.0).iter().all(|x| x.abs() <= 12.0));
        assert!(swarm(&[10.0; 3], -1.0).iter().all(|x| *x == 0.0));
    }
}
