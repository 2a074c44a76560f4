//! Line plots: the mean over seeds against a field of the series, with a band.
//!
//! Curves are means over the seeds that wrote a value at a step. Where a seed has ended, the rest
//! are still averaged, but the line is faint there: it is no longer the mean of all.
//!
//! The axis shows the means, and the bands as far as values reach. A band that is made from a
//! deviation can go beyond the smallest and the largest value that any seed wrote, below zero of a
//! quantity that is never negative or above the whole of a share; it is cut at the axis there.

use plotters::style::{Color as _, RGBColor};

use super::axis::{Axis, Frame};
use super::canvas::{Canvas, colour, dash, describe};
use super::legend::{self, Entry, Sample};
use super::series::{Mean, average, pairs, read, thin};
use super::spec::{Plot, words};
use super::{FigureData, FigureError};
use crate::results::{Point, Results};

/// A curve and how it looks.
struct Curve {
    label: String,
    colour: RGBColor,
    dashes: &'static [f64],
    means: Vec<Mean>,
}

pub(crate) fn draw(plot: &Plot, data: &[FigureData]) -> Result<String, FigureError> {
    let x = plot.x.as_deref().ok_or(FigureError::Missing { kind: "line", key: "x" })?;
    let (curves, entries) = curves(plot, data, x)?;
    let means = || curves.iter().flat_map(|curve| &curve.means);
    if means().next().is_none() {
        return Err(FigureError::Empty { x: x.to_owned(), y: plot.y.join(", ") });
    }
    let least = means().map(|mean| mean.ends.0).fold(f64::INFINITY, f64::min);
    let most = means().map(|mean| mean.ends.1).fold(f64::NEG_INFINITY, f64::max);
    let heights = means().flat_map(|mean| {
        let (low, high) = mean.band.unwrap_or((mean.y, mean.y));
        [mean.y, low.max(least), high.min(most)]
    });
    let axes = (
        Axis::new("x", plot.x_scale, means().map(|mean| mean.x), false)?,
        Axis::new("y", plot.y_scale, heights, false)?,
    );
    let axes = (&axes.0, &axes.1);

    let (places, legend_height) = legend::layout(&entries);
    let frame = Frame::new(axes.1, legend_height);
    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, frame.height());
    frame.draw_y(&canvas, axes.1, &plot.y_title(""))?;
    for curve in &curves {
        draw_band(&canvas, &frame, axes, curve)?;
    }
    for curve in &curves {
        draw_line(&canvas, &frame, axes, curve)?;
    }
    frame.draw_x(&canvas, axes.0, &plot.x_title(x, ""))?;
    legend::draw(&canvas, &entries, &places)?;
    canvas.finish()?;

    let names: Vec<&str> = curves.iter().map(|curve| curve.label.as_str()).collect();
    let alt = plot.alt.clone().unwrap_or_else(|| {
        format!("Line plot of {} against {}: {}.", plot.y_title(""), words(x), names.join("; "))
    });
    Ok(describe(&svg, &alt, frame.height()))
}

/// The curves and the legend that tells them apart.
fn curves(
    plot: &Plot,
    data: &[FigureData],
    x: &str,
) -> Result<(Vec<Curve>, Vec<Entry>), FigureError> {
    let several = data.len() > 1;
    let (mut colours, mut patterns) = (Names::default(), Names::default());
    let mut curves = Vec::new();
    for of in data {
        for point in &of.results.points {
            for y in &plot.y {
                let seeds = point
                    .runs
                    .iter()
                    .map(|run| pairs(&run.name, &read(of, run)?, x, y))
                    .collect::<Result<Vec<_>, _>>()?;
                let experiment = if several { of.results.label() } else { "" };
                let place = differing(&of.results, point);
                let whole = name(&of.results, point, several);
                let (tint, pattern) = if plot.y.len() > 1 {
                    (whole.as_str(), words(y))
                } else if plot.group.is_some() {
                    (place.as_str(), experiment.to_owned())
                } else {
                    (experiment, place.clone())
                };
                let (tint, pattern) = (colours.index(tint), patterns.index(&pattern));
                let quantity = if plot.y.len() > 1 { words(y) } else { String::new() };
                curves.push((
                    [whole, quantity]
                        .into_iter()
                        .filter(|part| !part.is_empty())
                        .collect::<Vec<_>>(),
                    (tint, pattern),
                    thin(average(&seeds, plot.band), plot.max_points),
                ));
            }
        }
    }
    let entries = legend::factored(&colours.0, &patterns.0, |index| Sample::Line(dash(index)));
    let single = colours.0.len() < 2 || patterns.0.len() < 2;
    let curves = curves.into_iter().map(|(label, (tint, pattern), means)| {
        // With one way to tell curves apart, colour and dash tell it together.
        let (tint, pattern) =
            if single { (tint.max(pattern), tint.max(pattern)) } else { (tint, pattern) };
        Curve { label: label.join(": "), colour: colour(tint), dashes: dash(pattern), means }
    });
    Ok((curves.collect(), entries))
}

/// Names in the order of their first use.
#[derive(Default)]
pub(crate) struct Names(pub(crate) Vec<String>);

impl Names {
    /// The index of a name, which is added if it is new.
    pub(crate) fn index(&mut self, name: &str) -> usize {
        self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        })
    }
}

/// The name of a point among the curves: the experiment where there are several, and the
/// parameters that tell its points apart.
pub(crate) fn name(results: &Results, point: &Point, several: bool) -> String {
    let experiment = several.then(|| results.label().to_owned());
    let point = Some(differing(results, point)).filter(|point| !point.is_empty());
    experiment.into_iter().chain(point).collect::<Vec<_>>().join(", ")
}

/// The parameters that tell a point from the others of its experiment.
pub(crate) fn differing(results: &Results, point: &Point) -> String {
    let differing = point.point.iter().filter(|(key, value)| {
        results.points.iter().any(|other| other.point.get(*key) != Some(value))
    });
    let parts = differing.map(|(key, value)| match value.as_str() {
        Some(text) => text.to_owned(),
        None => format!("{} = {value}", words(key)),
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn draw_band(
    canvas: &Canvas<'_>,
    frame: &Frame,
    axes: (&Axis, &Axis),
    curve: &Curve,
) -> Result<(), FigureError> {
    // A band is drawn over each stretch that has a spread.
    for stretch in curve.means.split(|mean| mean.band.is_none()) {
        let edge = |mean: &Mean, high: bool| {
            let (low, top) = mean.band.unwrap_or((mean.y, mean.y));
            frame.at(axes, mean.x, if high { top } else { low })
        };
        let upper = stretch.iter().map(|mean| edge(mean, true));
        let lower = stretch.iter().rev().map(|mean| edge(mean, false));
        let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
        if outline.len() >= 4 {
            canvas.area(&outline, curve.colour.mix(0.1))?;
        }
    }
    Ok(())
}

fn draw_line(
    canvas: &Canvas<'_>,
    frame: &Frame,
    axes: (&Axis, &Axis),
    curve: &Curve,
) -> Result<(), FigureError> {
    let all = curve.means.iter().map(|mean| mean.n).max().unwrap_or(0);
    let mut start = 0;
    while start < curve.means.len() {
        let full = curve.means[start].n == all;
        let length = curve.means[start..].iter().take_while(|m| (m.n == all) == full).count();
        // A faint stretch begins at the last point of the one before, so that no gap is left.
        let from = if start > 0 { start - 1 } else { start };
        let points: Vec<(f64, f64)> = curve.means[from..start + length]
            .iter()
            .map(|mean| frame.at(axes, mean.x, mean.y))
            .collect();
        let ink = curve.colour.mix(if full { 1.0 } else { 0.4 });
        canvas.line(&points, (ink, if full { 0.9 } else { 0.7 }), curve.dashes)?;
        start += length;
    }
    Ok(())
}
