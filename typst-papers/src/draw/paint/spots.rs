//! Scatter plots: a mark per run or record; bounds are open triangles.

use super::scales::Scales;
use crate::draw::chart::{Chart, Marks, Panel};
use crate::draw::frame::Frame;
use crate::draw::palette::{Beyond, Shape, colour};
use crate::draw::pen::{Ink, Pen};

pub(super) fn draw(pen: &mut Pen, chart: &Chart, panel: &Panel, frame: &Frame, scales: &Scales) {
    let count: usize = panel
        .traces
        .iter()
        .map(|trace| match &trace.marks {
            Marks::Cloud(spots) => spots.len(),
            _ => 0,
        })
        .sum();
    // Where marks are many they show through, so that a crowd looks like one.
    let cover = (60.0 / count.max(1) as f64).clamp(0.25, 0.85);
    for trace in &panel.traces {
        let Marks::Cloud(spots) = &trace.marks else { continue };
        let (tint, pattern) = chart.looks(trace);
        for spot in spots {
            let (shape, cover) = match spot.censored {
                (false, false) => (Shape::nth(pattern), cover),
                (true, _) => (Shape::Bound(Beyond::Right), 1.0),
                (false, true) => (Shape::Bound(Beyond::Above), 1.0),
            };
            let at = frame.at(scales.axes(), spot.x, spot.y);
            pen.mark(shape, at, Ink(colour(tint), cover));
        }
    }
}
