//! Scatter plots: one mark per run from its metrics and params, or, with `at`, per record of its
//! series. A run that lacks one of the two quantities, or did not reach one, has no mark.

use plotters::style::{Color as _, RGBColor};

use super::axis::{Axis, Frame};
use super::bars::{known_metric, unit};
use super::canvas::{Canvas, Shape, colour, describe};
use super::legend::{self, Entry, Sample};
use super::lines::{Names, differing};
use super::series::{pairs, read};
use super::spec::{Plot, words};
use super::{FigureData, FigureError};
use crate::results::{Point, Results, Run};

pub(crate) fn draw(plot: &Plot, data: &[FigureData]) -> Result<String, FigureError> {
    let x = plot.x.as_deref().ok_or(FigureError::Missing { kind: "scatter", key: "x" })?;
    let (clouds, entries) = clouds(plot, data, x)?;
    let marks = || clouds.iter().flat_map(|cloud| &cloud.marks);
    if marks().next().is_none() {
        return Err(FigureError::Empty { x: x.to_owned(), y: plot.y.join(", ") });
    }
    let axes = (
        Axis::new("x", plot.x_scale, marks().map(|mark| mark.0), false)?,
        Axis::new("y", plot.y_scale, marks().map(|mark| mark.1), false)?,
    );
    let axes = (&axes.0, &axes.1);
    let (places, legend_height) = legend::layout(&entries);
    let frame = Frame::new(axes.1, legend_height);
    let (x_title, y_title) = (plot.x_title(x, unit(data, x)), plot.y_title(unit(data, &plot.y[0])));

    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, frame.height());
    frame.draw_y(&canvas, axes.1, &y_title)?;
    frame.draw_x(&canvas, axes.0, &x_title)?;
    for cloud in &clouds {
        for (x, y) in &cloud.marks {
            canvas.mark(cloud.shape, frame.at(axes, *x, *y), cloud.colour.mix(0.85))?;
        }
    }
    legend::draw(&canvas, &entries, &places)?;
    canvas.finish()?;

    let names: Vec<&str> = clouds.iter().map(|cloud| cloud.label.as_str()).collect();
    let alt = plot.alt.clone().unwrap_or_else(|| {
        format!("Scatter plot of {y_title} against {x_title}: {}.", names.join("; "))
    });
    Ok(describe(&svg, &alt, frame.height()))
}

/// The marks of one experiment, point and vertical quantity.
struct Cloud {
    label: String,
    colour: RGBColor,
    shape: Shape,
    marks: Vec<(f64, f64)>,
}

/// The clouds and the legend that tells them apart.
fn clouds(
    plot: &Plot,
    data: &[FigureData],
    x: &str,
) -> Result<(Vec<Cloud>, Vec<Entry>), FigureError> {
    let several = data.len() > 1;
    let (mut colours, mut shapes) = (Names::default(), Names::default());
    let mut clouds = Vec::new();
    for of in data {
        for point in &of.results.points {
            for y in &plot.y {
                let mut place = differing(&of.results, point);
                if plot.y.len() > 1 {
                    place = format!("{place} {}", words(y)).trim().to_owned();
                }
                let experiment = if several { of.results.label() } else { "" };
                let looks = (colours.index(experiment), shapes.index(&place));
                let label = [experiment, &place].join(" ").trim().to_owned();
                clouds.push((label, looks, marks(plot, of, point, (x, y))?));
            }
        }
    }
    let entries = legend::factored(&colours.0, &shapes.0, |index| Sample::Mark(Shape::nth(index)));
    let single = colours.0.len() < 2 || shapes.0.len() < 2;
    let clouds = clouds.into_iter().map(|(label, (tint, shape), marks)| {
        let (tint, shape) = if single { (tint.max(shape), tint.max(shape)) } else { (tint, shape) };
        Cloud { label, colour: colour(tint), shape: Shape::nth(shape), marks }
    });
    Ok((clouds.collect(), entries))
}

fn marks(
    plot: &Plot,
    of: &FigureData,
    point: &Point,
    (x, y): (&str, &str),
) -> Result<Vec<(f64, f64)>, FigureError> {
    let mut marks = Vec::new();
    for run in &point.runs {
        if plot.at.is_some() {
            marks.extend(pairs(&run.name, &read(of, run)?, x, y)?);
        } else {
            let x = quantity(&of.results, point, run, x)?;
            marks.extend(x.zip(quantity(&of.results, point, run, y)?));
        }
    }
    Ok(marks)
}

/// A metric of a run, or a param of its point, as a number.
fn quantity(
    results: &Results,
    point: &Point,
    run: &Run,
    name: &str,
) -> Result<Option<f64>, FigureError> {
    let param = point.params.get(name).or_else(|| results.params.get(name));
    if let Some(param) = param.filter(|_| !results.metrics.contains_key(name)) {
        return Ok(param.as_f64());
    }
    known_metric(results, name)?;
    let measured = run.metrics.get(name).copied().flatten();
    Ok(measured.filter(|m| !m.censored).map(|m| m.value))
}
