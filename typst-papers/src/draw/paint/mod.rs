//! From what a figure shows to where it lies: [`Chart`] to the text of an SVG.
//!
//! `scales` finds the axes and draws them; the others draw the marks of one kind.

mod columns;
mod curves;
mod scales;
mod spots;

use super::FigureError;
use super::chart::{Chart, Marks, Panel};
use super::ends::{self, Named};
use super::frame::{Frame, Grid, NAME, Room, columns as grid_columns};
use super::legend::Legend;
use super::palette::{FAINT, colour};
use super::pen::{Anchor, LETTERS, Pen, SMALL, wrap};
use super::spec::Kind;
use columns::Categories;
use scales::Scales;

/// What a drawing says of itself.
pub(crate) struct Words<'a> {
    /// What it is, in a line.
    pub(crate) title: &'a str,
    /// What it shows.
    pub(crate) desc: &'a str,
    /// What has to be said below it.
    pub(crate) notes: &'a [String],
    /// The data, as JSON.
    pub(crate) data: &'a str,
}

/// Draws a chart.
///
/// # Errors
/// A value without a logarithm on a logarithmic axis.
pub(crate) fn svg(chart: &Chart, words: &Words<'_>) -> Result<String, FigureError> {
    let width = chart.width.points();
    let side_by_side = grid_columns(chart.panels.len(), width - 30.0);
    let scales = Scales::new(chart, side_by_side)?;
    let sheet = Sheet::new(chart, &scales, width);
    let mut pen = Pen::default();
    for (index, (panel, frame)) in chart.panels.iter().zip(&sheet.grid.frames).enumerate() {
        scales.draw_y(&mut pen, frame, sheet.grid.begins_row(index));
        if !panel.title.is_empty() {
            let at = (frame.left, frame.top - NAME * 0.5);
            pen.text(&panel.title, at, Anchor::Left);
        }
        pen.open("marks", frame);
        match chart.kind {
            Kind::Line => curves::draw(&mut pen, chart, panel, frame, &scales),
            Kind::Scatter => spots::draw(&mut pen, chart, panel, frame, &scales),
            Kind::Bar | Kind::Distribution => {
                columns::draw(&mut pen, chart, panel, frame, &scales);
            }
        }
        pen.close();
        let labelled = sheet.grid.ends_column(index);
        match &sheet.categories {
            Some(categories) => categories.draw(&mut pen, frame, labelled),
            None => scales.draw_x(&mut pen, frame, labelled, width),
        }
    }
    let whole = sheet.grid.whole();
    scales.draw_y_title(&mut pen, &whole);
    ends::draw(&mut pen, &sheet.ends);
    sheet.legend.draw(&mut pen);

    let mut bottom = whole.bottom + sheet.labels();
    let title = if sheet.categories.is_some() { chart.x.title() } else { scales.x_title() };
    if !title.is_empty() {
        for line in wrap(&title, whole.width(), LETTERS) {
            pen.text(&line, (whole.middle().0, bottom), Anchor::Top);
            bottom += LETTERS * 1.15;
        }
    }
    bottom += LETTERS * 0.35;
    for line in words.notes.iter().flat_map(|note| wrap(note, width, SMALL)) {
        pen.letters(&line, (0.0, bottom + 1.0), Anchor::TopLeft, (SMALL, FAINT));
        bottom += SMALL * 1.2;
    }
    Ok(pen.finish((width, bottom + 1.0), words.title, words.desc, words.data))
}

/// Where everything is.
struct Sheet {
    grid: Grid,
    legend: Legend,
    ends: Vec<ends::End>,
    categories: Option<Categories>,
}

impl Sheet {
    fn new(chart: &Chart, scales: &Scales, width: f64) -> Sheet {
        let panels = chart.panels.len();
        let room = Room { width, left: scales.left(), right: 5.0, top: 4.0 };
        if let Some((grid, ends)) = named_ends(chart, scales, room) {
            return Sheet { grid, legend: Legend::default(), ends, categories: None };
        }
        let mut legend = Legend::new(chart, width);
        let mut categories = None;
        if matches!(chart.kind, Kind::Bar | Kind::Distribution) {
            let frame = Grid::new(panels, room).frames.first().copied();
            let slot = frame.map_or(width, |frame| frame.width());
            let found = Categories::new(chart, slot);
            // Names below the axis need no colours to tell them.
            if found.tell_all(chart) {
                legend = Legend::default();
            }
            categories = Some(found);
        }
        let top = if legend.height > 0.0 { legend.height + 5.0 } else { 4.0 };
        let grid = Grid::new(panels, Room { top, ..room });
        Sheet { grid, legend, ends: Vec::new(), categories }
    }

    /// The height of the labels below the axis.
    fn labels(&self) -> f64 {
        let lines = self.categories.as_ref().map_or(1, Categories::lines) as f64;
        3.4 + lines * LETTERS * 1.1
    }
}

/// The grid with names at the ends of its curves, if they fit.
fn named_ends(chart: &Chart, scales: &Scales, room: Room) -> Option<(Grid, Vec<ends::End>)> {
    let [Panel { traces, .. }] = chart.panels.as_slice() else { return None };
    if chart.kind != Kind::Line {
        return None;
    }
    let right = ends::room(traces.iter().map(|trace| trace.label.as_str()), room.width)?;
    let grid = Grid::new(1, Room { right, ..room });
    let frame: Frame = *grid.frames.first()?;
    let curves = traces.iter().map(|trace| {
        let Marks::Curve(means) = &trace.marks else { return None };
        let points = means.iter().map(|mean| frame.at(scales.axes(), mean.x, mean.mean));
        let colour = colour(chart.looks(trace).0);
        Some(Named { label: &trace.label, colour, points: points.collect() })
    });
    let ends = ends::place(&curves.collect::<Option<Vec<_>>>()?, &frame, room.width)?;
    Some((grid, ends))
}
