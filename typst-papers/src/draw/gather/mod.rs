//! From results and series to what a figure shows: [`Chart`].
//!
//! `names` finds params, metrics and units, and what things are called; the others gather one kind
//! each.

mod columns;
mod curves;
mod names;
mod spots;

use std::collections::BTreeMap;

use serde_json::Value;

use super::chart::{Chart, LeftOut, Marks, Panel, Quantity, Trace};
use super::spec::{Kind, Plot};
use super::{FigureData, FigureError};
use crate::results::{Point, Run};
use names::{Named, Names};

/// The most panels of a figure.
const PANELS: usize = 12;

/// Gathers what a plot shows of data.
pub(crate) fn chart(plot: &Plot, data: &[FigureData]) -> Result<Chart, FigureError> {
    match plot.kind {
        Kind::Line => curves::gather(plot, data),
        Kind::Scatter => spots::gather(plot, data),
        Kind::Bar | Kind::Distribution => columns::gather(plot, data),
    }
}

/// A chart under way.
struct Gathering<'a> {
    plot: &'a Plot,
    several: bool,
    tints: Names,
    patterns: Names,
    panels: Vec<Panel>,
    left_out: LeftOut,
}

impl<'a> Gathering<'a> {
    fn new(plot: &'a Plot, data: &[FigureData]) -> Gathering<'a> {
        Gathering {
            plot,
            several: data.len() > 1,
            tints: Names::default(),
            patterns: Names::default(),
            panels: Vec::new(),
            left_out: LeftOut::default(),
        }
    }

    /// Adds a trace to the panel of its point.
    fn add(
        &mut self,
        (of, point, quantity): (&FigureData, &Point, &str),
        named: Named,
        category: Option<String>,
        marks: Marks,
    ) -> Result<(), FigureError> {
        let title = match &self.plot.facet {
            Some(facet) => names::told(facet, names::param(&of.results, point, facet)?),
            None => String::new(),
        };
        let looks = (self.tints.index(&named.tint), self.patterns.index(&named.pattern));
        let trace = Trace {
            label: named.label,
            experiment: of.results.experiment.clone(),
            point: shared(point, self.plot.x.as_deref()),
            quantity: quantity.to_owned(),
            category,
            marks,
            looks,
        };
        match self.panels.iter_mut().find(|panel| panel.title == title) {
            Some(panel) => panel.traces.push(trace),
            None => self.panels.push(Panel { title, traces: vec![trace] }),
        }
        Ok(())
    }

    /// The value of a metric of a run, and whether it is a bound; counts what is none.
    fn measured(&mut self, run: &Run, metric: &str) -> Option<(f64, bool)> {
        let Some(measured) = run.metrics.get(metric).copied().flatten() else {
            self.left_out.missing += 1;
            return None;
        };
        if !measured.value.is_finite() {
            self.left_out.not_finite += 1;
            return None;
        }
        self.left_out.censored += usize::from(measured.censored);
        Some((measured.value, measured.censored))
    }

    fn finish(self, x: Quantity, y: Quantity) -> Result<Chart, FigureError> {
        if self.panels.len() > PANELS {
            let facet = self.plot.facet.clone().unwrap_or_default();
            let count = self.panels.len();
            return Err(FigureError::TooManyPanels { facet, count, most: PANELS });
        }
        let filled =
            self.panels.iter().flat_map(|panel| &panel.traces).any(|trace| match &trace.marks {
                Marks::Curve(means) => !means.is_empty(),
                Marks::Cloud(spots) => !spots.is_empty(),
                Marks::Column(column) => !column.runs.is_empty(),
            });
        if !filled {
            let x = if x.names.is_empty() { "a seed".to_owned() } else { x.names.join(", ") };
            return Err(FigureError::Empty { x, y: y.names.join(", ") });
        }
        let banded = matches!(self.plot.kind, Kind::Line | Kind::Bar);
        Ok(Chart {
            schema: 1,
            kind: self.plot.kind,
            band: banded.then_some(self.plot.band),
            x,
            y,
            facet: self.plot.facet.clone(),
            panels: self.panels,
            left_out: self.left_out,
            tints: self.tints.0,
            patterns: self.patterns.0,
            width: self.plot.width,
        })
    }
}

/// The values of the matrix at a point, without the param along x.
fn shared(point: &Point, along: Option<&str>) -> BTreeMap<String, Value> {
    let point = point.point.iter().filter(|(name, _)| Some(name.as_str()) != along);
    point.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The vertical axis: its names in words unless the recipe has some, and the one unit of them all.
fn vertical(plot: &Plot, data: &[FigureData]) -> Result<Quantity, FigureError> {
    let own = plot.y.iter().map(String::as_str);
    quantity(own, data, (plot.y_label.as_deref(), plot.y_unit.as_deref()))
}

/// The horizontal axis, of a kind that has numbers there.
fn horizontal(plot: &Plot, data: &[FigureData], x: &str) -> Result<Quantity, FigureError> {
    let words = (plot.x_label.as_deref(), plot.x_unit.as_deref());
    Ok(quantity([x].into_iter(), data, words)?.scaled(plot.x_scale))
}

fn quantity<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    data: &'a [FigureData],
    (label, unit): (Option<&str>, Option<&str>),
) -> Result<Quantity, FigureError> {
    let declared = names::unit(data, names.clone())?;
    let words = || names.clone().map(super::spec::words).collect::<Vec<_>>().join(", ");
    Ok(Quantity {
        names: names.clone().map(str::to_owned).collect(),
        label: label.map_or_else(words, str::to_owned),
        unit: declared.or(unit).unwrap_or("").to_owned(),
        scale: None,
    })
}
