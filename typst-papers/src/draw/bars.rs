//! Bar plots: the mean of a metric with a whisker, and each seed as a dot.
//!
//! Where a seed did not reach the metric, no mean exists: the bar is pale, ends at the mean of the
//! bounds (a lower bound of the mean) and has no whisker, and the seed is a triangle at its bound.

use plotters::style::Color as _;
use serde_json::Value;

use super::axis::{Axis, Frame};
use super::canvas::{Canvas, INK, LETTERS, Shape, colour, describe, text_width};
use super::legend::{self, Entry, Sample};
use super::lines::name;
use super::spec::{Band, Plot, Scale, words};
use super::{FigureData, FigureError};
use crate::results::{Measured, Point, Results};
use crate::stats;

/// One bar: the values of a metric at one point.
struct Bar {
    /// Which group along the axis it stands in.
    category: String,
    /// What its colour says.
    series: String,
    values: Vec<Measured>,
}

pub(crate) fn draw(plot: &Plot, data: &[FigureData]) -> Result<String, FigureError> {
    let bars = bars(plot, data)?;
    if bars.iter().all(|bar| bar.values.is_empty()) {
        return Err(FigureError::Empty { x: "a run".to_owned(), y: plot.y.join(", ") });
    }
    let categories = distinct(bars.iter().map(|bar| bar.category.as_str()));
    let series = distinct(bars.iter().map(|bar| bar.series.as_str()));
    let heights = bars.iter().flat_map(|bar| {
        let top = bar.spread(plot.band).map(|(_, high)| high);
        bar.values.iter().map(|m| m.value).chain(top)
    });
    let axis = Axis::new("y", plot.y_scale, heights, plot.y_scale == Scale::Linear)?;

    // Labels below the axis, unless they would run into one another: then colours tell.
    let slot = (super::canvas::WIDTH - 30.0) / categories.len() as f64;
    let fits = categories.iter().all(|label| text_width(label) < slot - 4.0);
    let by_category = !fits || series.len() == 1;
    let entries: Vec<Entry> = if series.len() > 1 { &series } else { &categories }
        .iter()
        .enumerate()
        .map(|(index, label)| Entry {
            label: (*label).to_owned(),
            colour: colour(index),
            sample: Sample::Bar,
        })
        .collect();
    let entries = if series.len() > 1 || !fits { entries } else { Vec::new() };
    let (places, legend_height) = legend::layout(&entries);
    let frame = Frame::new(&axis, legend_height);

    let x_title =
        plot.x_label.clone().or_else(|| plot.x.as_deref().or(plot.group.as_deref()).map(words));
    let height = frame.height_with(fits, x_title.is_some());
    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, height);
    frame.draw_y(&canvas, &axis, &plot.y_title(unit(data, &plot.y[0])))?;
    let slot = 1.0 / categories.len() as f64;
    for bar in &bars {
        let category = position(&categories, &bar.category);
        let number = position(&series, &bar.series);
        let width = 0.72 * slot / series.len() as f64;
        let centre = (category as f64 + 0.5) * slot
            + (number as f64 - (series.len() as f64 - 1.0) / 2.0) * width;
        let hue = if by_category && series.len() == 1 { category } else { number };
        bar.draw(&canvas, &frame, &axis, plot.band, (centre, width * 0.86, hue))?;
    }
    frame.baseline(&canvas)?;
    if fits {
        for (index, label) in categories.iter().enumerate() {
            frame.category(&canvas, frame.x((index as f64 + 0.5) * slot), label)?;
        }
    }
    if let Some(x) = x_title {
        frame.x_title(&canvas, &x)?;
    }
    legend::draw(&canvas, &entries, &places)?;
    canvas.finish()?;

    let named: Vec<String> = bars.iter().map(Bar::describe).collect();
    let alt = plot.alt.clone().unwrap_or_else(|| {
        format!("Bar plot of {}: {}.", plot.y_title(unit(data, &plot.y[0])), named.join("; "))
    });
    Ok(describe(&svg, &alt, height))
}

fn bars(plot: &Plot, data: &[FigureData]) -> Result<Vec<Bar>, FigureError> {
    let several = data.len() > 1;
    let along = plot.x.as_deref().or(plot.group.as_deref());
    let mut bars = Vec::new();
    for of in data {
        for y in &plot.y {
            known_metric(&of.results, y)?;
            for point in &of.results.points {
                let mut series =
                    if several { of.results.label().to_owned() } else { String::new() };
                let category = match along {
                    Some(param) => category(&of.results, point, param)?,
                    None => name(&of.results, point, several),
                };
                if along.is_none() {
                    series.clear();
                }
                if plot.y.len() > 1 {
                    let separator = if series.is_empty() { "" } else { ": " };
                    series = format!("{series}{separator}{}", words(y));
                }
                let values =
                    point.runs.iter().filter_map(|run| run.metrics.get(y).copied().flatten());
                bars.push(Bar { category, series, values: values.collect() });
            }
        }
    }
    Ok(bars)
}

impl Bar {
    fn complete(&self) -> bool {
        self.values.iter().all(|m| !m.censored)
    }

    fn numbers(&self) -> Vec<f64> {
        self.values.iter().map(|m| m.value).collect()
    }

    fn mean(&self) -> Option<f64> {
        stats::mean(&self.numbers())
    }

    /// The ends of the whisker.
    fn spread(&self, band: Band) -> Option<(f64, f64)> {
        if !self.complete() || self.values.len() < 2 {
            return None;
        }
        let (mean, numbers) = (self.mean()?, self.numbers());
        let half = match band {
            Band::None => return None,
            Band::Std => stats::sd(&numbers)?,
            Band::Sem => stats::sem(&numbers)?,
            Band::Minmax => {
                let low = numbers.iter().copied().min_by(f64::total_cmp)?;
                return Some((low, numbers.into_iter().max_by(f64::total_cmp)?));
            }
        };
        Some((mean - half, mean + half))
    }

    fn describe(&self) -> String {
        let place = [self.series.as_str(), self.category.as_str()];
        let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
        let mean = self.mean().map_or_else(|| "no value".to_owned(), |mean| format!("{mean:.4}"));
        let bound = if self.complete() { "" } else { "at least " };
        format!("{} {bound}{mean} over {} seeds", place.join(", "), self.values.len())
    }

    /// Draws the bar; `place` is its centre and width as parts of the frame, and its colour.
    fn draw(
        &self,
        canvas: &Canvas<'_>,
        frame: &Frame,
        axis: &Axis,
        band: Band,
        place: (f64, f64, usize),
    ) -> Result<(), FigureError> {
        let Some(mean) = self.mean() else { return Ok(()) };
        let (centre, width, hue) = (frame.x(place.0), place.1 * frame.width(), colour(place.2));
        let width = width.min(34.0);
        // Nought lies at the foot of a logarithmic axis.
        let base = frame.y(axis.place(0.0));
        let top = frame.y(axis.place(mean));
        let fill = hue.mix(if self.complete() { 0.55 } else { 0.22 });
        canvas.bar((centre - width / 2.0, top), (centre + width / 2.0, base), fill)?;

        let step = (width * 0.75) / self.values.len().max(2) as f64;
        for (index, value) in self.values.iter().enumerate() {
            let x = centre + (index as f64 - (self.values.len() as f64 - 1.0) / 2.0) * step;
            let shape = if value.censored { Shape::Triangle } else { Shape::Disc };
            canvas.mark(shape, (x, frame.y(axis.place(value.value))), INK.mix(0.75))?;
        }
        if let Some((low, high)) = self.spread(band) {
            let (low, high) = (frame.y(axis.place(low)), frame.y(axis.place(high)));
            let ink = (INK.to_rgba(), 0.7);
            let cap = LETTERS * 0.3;
            canvas.line(&[(centre, low), (centre, high)], ink, &[])?;
            canvas.line(&[(centre - cap, low), (centre + cap, low)], ink, &[])?;
            canvas.line(&[(centre - cap, high), (centre + cap, high)], ink, &[])?;
        }
        Ok(())
    }
}

/// The value of the param along the axis, as its category is called.
fn category(results: &Results, point: &Point, param: &str) -> Result<String, FigureError> {
    let value = point
        .point
        .get(param)
        .or_else(|| point.params.get(param))
        .or_else(|| results.params.get(param));
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value) => Ok(value.to_string()),
        None => Err(FigureError::Unknown {
            what: "param",
            name: param.to_owned(),
            place: results.experiment.clone(),
            known: point.point.keys().chain(point.params.keys()).cloned().collect(),
        }),
    }
}

/// Checks that an experiment has a metric.
pub(crate) fn known_metric(results: &Results, name: &str) -> Result<(), FigureError> {
    let written =
        || results.points.iter().flat_map(|p| &p.runs).any(|r| r.metrics.contains_key(name));
    if results.metrics.contains_key(name) || written() {
        return Ok(());
    }
    Err(FigureError::Unknown {
        what: "metric",
        name: name.to_owned(),
        place: results.experiment.clone(),
        known: results.metrics.keys().cloned().collect(),
    })
}

/// The declared unit of a metric; empty if there is none.
pub(crate) fn unit<'a>(data: &'a [FigureData], metric: &str) -> &'a str {
    data.iter().find_map(|of| Some(of.results.metrics.get(metric)?.unit.as_str())).unwrap_or("")
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    names.for_each(|name| {
        if !seen.contains(&name) {
            seen.push(name);
        }
    });
    seen
}

fn position(names: &[&str], name: &str) -> usize {
    names.iter().position(|other| *other == name).unwrap_or(0)
}
