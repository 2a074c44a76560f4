//! Lines with bands.
//!
//! Where a seed has ended, or did not reach a value, the rest are still averaged, but the line is
//! faint there: it is no longer the mean of all.

use super::scales::Scales;
use crate::draw::average::Mean;
use crate::draw::chart::{Chart, Marks, Panel};
use crate::draw::frame::Frame;
use crate::draw::palette::{Beyond, Shape, colour, dash};
use crate::draw::pen::{Ink, Pen};

/// Up to how many points of a curve have marks of their own.
const SPARSE: usize = 16;

/// How a curve looks.
struct Looks {
    tint: usize,
    pattern: usize,
}

pub(super) fn draw(pen: &mut Pen, chart: &Chart, panel: &Panel, frame: &Frame, scales: &Scales) {
    let curves = || {
        panel.traces.iter().filter_map(|trace| match &trace.marks {
            Marks::Curve(means) => {
                let (tint, pattern) = chart.looks(trace);
                Some((means.as_slice(), Looks { tint, pattern }))
            }
            _ => None,
        })
    };
    // All bands lie below all lines.
    for (means, looks) in curves() {
        band(pen, means, &looks, frame, scales);
    }
    for (means, looks) in curves() {
        line(pen, means, &looks, frame, scales);
    }
}

/// A band over each stretch that has a spread.
fn band(pen: &mut Pen, means: &[Mean], looks: &Looks, frame: &Frame, scales: &Scales) {
    let at = |x, y| frame.at(scales.axes(), x, y);
    for stretch in means.split(|mean| mean.interval.is_none()) {
        let edges = || stretch.iter().filter_map(|mean| Some((mean.x, mean.interval?)));
        let upper = edges().map(|(x, (_, high))| at(x, high));
        let lower = edges().rev().map(|(x, (low, _))| at(x, low));
        let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
        if outline.len() >= 4 {
            pen.area(&outline, Ink(colour(looks.tint), 0.13));
        } else if let [high, low] = outline[..] {
            pen.line(&[high, low], Ink(colour(looks.tint), 0.5), 0.6, &[]);
        }
    }
}

fn line(pen: &mut Pen, means: &[Mean], looks: &Looks, frame: &Frame, scales: &Scales) {
    let at = |mean: &Mean| frame.at(scales.axes(), mean.x, mean.mean);
    let all = means.iter().map(|mean| mean.n).max().unwrap_or(0);
    let full = |mean: &Mean| mean.n == all && !mean.censored;
    let colour = colour(looks.tint);
    let mut start = 0;
    while let Some(first) = means.get(start) {
        let length = means[start..].iter().take_while(|mean| full(mean) == full(first)).count();
        // A stretch begins at the last point of the one before, so that no gap is left.
        let from = start.saturating_sub(1);
        let points: Vec<(f64, f64)> = means[from..start + length].iter().map(at).collect();
        let (cover, width) = if full(first) { (1.0, 1.0) } else { (0.45, 0.7) };
        pen.line(&points, Ink(colour, cover), width, dash(looks.pattern));
        start += length;
    }
    if means.len() <= SPARSE {
        for mean in means {
            let shape =
                if mean.censored { Shape::Bound(Beyond::Above) } else { Shape::nth(looks.pattern) };
            pen.mark(shape, at(mean), Ink(colour, if full(mean) { 1.0 } else { 0.7 }));
        }
    }
}
