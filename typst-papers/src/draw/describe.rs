//! A chart in words: for those who cannot see it, and for what a drawing has to own up to.

use super::chart::{Chart, Marks, Trace};
use super::spec::{Band, Kind, Scale};
use super::ticks::brief;

/// How many traces are told one by one.
const TOLD: usize = 12;

/// What a chart is, in a line: "Line plot of loss (nat) against step".
pub(crate) fn title(chart: &Chart) -> String {
    let (x, y) = (chart.x.title(), chart.y.title());
    let kind = match chart.kind {
        Kind::Line => "Line plot",
        Kind::Bar => "Bar plot",
        Kind::Scatter => "Scatter plot",
        Kind::Distribution => "Distribution",
    };
    let mut title = match chart.kind {
        Kind::Line | Kind::Scatter => format!("{kind} of {y} against {x}"),
        _ if x.is_empty() => format!("{kind} of {y}"),
        _ => format!("{kind} of {y} by {x}"),
    };
    if let Some(facet) = &chart.facet {
        title = format!("{title}, one panel for each {}", super::spec::words(facet));
    }
    title
}

/// What a chart shows: how it is to be read, and each trace with the numbers it goes through.
pub(crate) fn description(chart: &Chart) -> String {
    let mut sentences = Vec::new();
    for (name, scale) in [("horizontal", chart.x.scale), ("vertical", chart.y.scale)] {
        if scale == Some(Scale::Log) {
            sentences.push(format!("The {name} axis is logarithmic."));
        }
    }
    sentences.extend(reading(chart).map(str::to_owned));
    let traces: Vec<(&str, &Trace)> = chart
        .panels
        .iter()
        .flat_map(|panel| panel.traces.iter().map(|trace| (panel.title.as_str(), trace)))
        .collect();
    for (panel, trace) in traces.iter().take(TOLD) {
        let name: Vec<&str> =
            [*panel, trace.label.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        let told = told(chart, trace);
        let name = if name.is_empty() { trace.experiment.clone() } else { name.join(", ") };
        sentences.push(format!("{name}: {told}."));
    }
    if let Some(more) = traces.len().checked_sub(TOLD).filter(|more| *more > 0) {
        sentences.push(format!("And {more} more."));
    }
    sentences.extend(notes(chart));
    sentences.join(" ")
}

/// What a drawing does not show, or shows as something else than a value.
pub(crate) fn notes(chart: &Chart) -> Vec<String> {
    let left_out = chart.left_out;
    let mut notes = Vec::new();
    if left_out.censored > 0 {
        notes.push(match left_out.censored {
            1 => "1 value is a lower bound (open triangle): its run ended first.".to_owned(),
            n => format!("{n} values are lower bounds (open triangles): their runs ended first."),
        });
    }
    if left_out.not_finite > 0 {
        let values = counted(left_out.not_finite, "value is", "values are");
        notes.push(format!("{values} not finite: left out."));
    }
    if left_out.no_logarithm > 0 {
        let points = counted(left_out.no_logarithm, "point has", "points have");
        notes.push(format!("{points} no logarithm along {}: left out.", chart.x.label));
    }
    if left_out.missing > 0 {
        let values = counted(left_out.missing, "value was", "values were");
        notes.push(format!("{values} not written: left out."));
    }
    notes
}

/// How a kind is to be read.
fn reading(chart: &Chart) -> Option<&'static str> {
    Some(match (chart.kind, chart.band) {
        (Kind::Scatter, _) => return None,
        (Kind::Distribution, _) => {
            "Dots are runs, the thick line is their median, the box their middle half."
        }
        (Kind::Bar, Some(band)) => match band {
            Band::None => "Bars are means, dots runs.",
            Band::Std => {
                "Bars are means, whiskers one standard deviation to either side, dots runs."
            }
            Band::Sem => "Bars are means, whiskers one standard error to either side, dots runs.",
            Band::Ci95 => "Bars are means, whiskers 95% intervals of the mean, dots runs.",
            Band::Range => {
                "Bars are means, whiskers reach from the least to the greatest, dots are runs."
            }
        },
        (_, Some(band)) => match band {
            Band::None => "Lines are means.",
            Band::Std => "Lines are means, bands one standard deviation to either side.",
            Band::Sem => "Lines are means, bands one standard error to either side.",
            Band::Ci95 => "Lines are means, bands 95% intervals of the mean.",
            Band::Range => "Lines are means, bands reach from the least to the greatest.",
        },
        (_, None) => return None,
    })
}

/// A trace in numbers.
fn told(chart: &Chart, trace: &Trace) -> String {
    match &trace.marks {
        Marks::Curve(means) => {
            let (Some(first), Some(last)) = (means.first(), means.last()) else {
                return "no values".to_owned();
            };
            let at = |x: f64| format!("{} {}", chart.x.label, brief(x));
            let seeds = means.iter().map(|mean| mean.n).max().unwrap_or(0);
            format!(
                "from {} at {} to {} at {}, {}",
                brief(first.mean),
                at(first.x),
                brief(last.mean),
                at(last.x),
                counted(seeds, "run", "runs")
            )
        }
        Marks::Cloud(spots) => {
            let ends = |values: Vec<f64>| {
                super::average::range(&values)
                    .map(|(low, high)| format!("{} to {}", brief(low), brief(high)))
            };
            let x = ends(spots.iter().map(|spot| spot.x).collect());
            let y = ends(spots.iter().map(|spot| spot.y).collect());
            match (x, y) {
                (Some(x), Some(y)) => format!(
                    "{}, {} from {x}, {} from {y}",
                    counted(spots.len(), "point", "points"),
                    chart.x.label,
                    chart.y.label
                ),
                _ => "no values".to_owned(),
            }
        }
        Marks::Column(column) => {
            let values: Vec<f64> = column.runs.iter().map(|run| run.value).collect();
            let Some((low, high)) = super::average::range(&values) else {
                return "no values".to_owned();
            };
            let middle = match chart.kind {
                Kind::Distribution => {
                    column.median.map(|median| format!("median {}", brief(median)))
                }
                _ => column.mean.map(|mean| {
                    let bound = if column.complete() { "" } else { "at least " };
                    format!("{bound}{}", brief(mean))
                }),
            };
            let runs = counted(column.runs.len(), "run", "runs");
            format!(
                "{}, {runs} from {} to {}",
                middle.unwrap_or_else(|| "median unknown".to_owned()),
                brief(low),
                brief(high)
            )
        }
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
