//! The one file through which artifacts reach the package, and the rest that only it can read.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use typst::foundations::Datetime;

use crate::draw;
use crate::energy::Energy;
use crate::input::{FigureArtifact, PaperInput};
use crate::problem::Problem;
use crate::results::{Measured, Point, Results};
use crate::stats::{Summary, summarize};
use crate::world::BIBLIOGRAPHY;
use crate::{closing, facts, typeset};

/// How many hex digits of a digest are printed.
const SHORT: usize = 12;

/// The files that only the package can read: the data, the figures, the bibliography.
///
/// # Errors
/// A bibliography that is not among the paper's files.
pub(crate) fn files(input: &PaperInput) -> Result<Vec<(String, Vec<u8>)>, Vec<Problem>> {
    let mut files = vec![("data.json".to_owned(), data(input).to_string().into_bytes())];
    for (name, figure) in &input.figures {
        files.push((figure_path(name), figure.svg.clone()));
    }
    if let Some(path) = &input.bibliography {
        let bytes = input.files.get(path).ok_or_else(|| {
            vec![Problem::error(format!("the paper has no file {path} for its bibliography"))]
        })?;
        files.push((BIBLIOGRAPHY.to_owned(), bytes.clone()));
    }
    Ok(files)
}

/// The day of the newest run; `None` where nothing ran.
pub(crate) fn date(input: &PaperInput) -> Option<Datetime> {
    let ended = |facts: &Value| -> Option<jiff::Timestamp> {
        let run = &facts["run"];
        run["finished"].as_str().or_else(|| run["started"].as_str())?.parse().ok()
    };
    typeset::day(input.facts.values().filter_map(ended).max()?)
}

/// The first digits of a digest, without its scheme.
pub(crate) fn short(digest: &str) -> &str {
    let hex = digest.rsplit_once(':').map_or(digest, |(_, hex)| hex);
    hex.get(..SHORT).unwrap_or(hex)
}

/// The digest that stands for an experiment's results: the artifact's, else that of its only or
/// first run.
pub(crate) fn results_digest(results: &Results) -> Option<&str> {
    let runs = || results.points.iter().flat_map(|point| &point.runs);
    results.digest.as_deref().or_else(|| runs().next().map(|run| run.output.as_str())).map(short)
}

fn data(input: &PaperInput) -> Value {
    let project = &input.project;
    let authors: Vec<Value> = project
        .authors
        .iter()
        .map(|author| {
            json!({ "name": author.name, "affiliation": author.affiliation, "orcid": author.orcid })
        })
        .collect();
    let energy = Energy::of(input);
    let date = date(input).map(|date| json!([date.year(), date.month(), date.day()]));
    json!({
        "project": {
            "name": project.name, "version": project.version, "authors": authors, "date": date,
            "title": if project.title.is_empty() { &project.name } else { &project.title },
            "license": project.license, "doi": project.doi, "profile": project.profile, "style": project.style,
        },
        "experiments": input.experiments.iter()
            .map(|results| (results.name().to_owned(), experiment(input, &energy, results)))
            .collect::<Map<_, _>>(),
        "figures": input.figures.iter()
            .map(|(name, artifact)| (name.clone(), figure(name, artifact)))
            .collect::<Map<_, _>>(),
        "facts": facts::by_path(input),
        "closing": closing::gather(input),
        "bibliography": input.bibliography.is_some(),
    })
}

fn figure_path(name: &str) -> String {
    format!("figures/{name}.svg")
}

fn figure(name: &str, artifact: &FigureArtifact) -> Value {
    let text = String::from_utf8_lossy(&artifact.svg);
    let alt = draw::alternative(&text).unwrap_or_else(|| format!("figure {name}"));
    json!({ "file": figure_path(name), "digest": short(&artifact.digest), "alt": alt })
}

fn experiment(input: &PaperInput, energy: &Energy<'_>, results: &Results) -> Value {
    let points: Vec<Value> =
        results.points.iter().map(|p| point(input, energy, results, p)).collect();
    let metrics: BTreeMap<&str, Value> = metric_names(results)
        .map(|name| {
            let declared = results.metrics.get(name).cloned().unwrap_or_default();
            (name, json!({ "unit": declared.unit, "better": declared.better, "at": declared.at }))
        })
        .collect();
    json!({
        "name": results.experiment, "label": results.label(), "metrics": metrics,
        "points": points, "digest": results_digest(results),
        "program": results.program, "run": results.run, "source": results.source,
    })
}

fn metric_names(results: &Results) -> impl Iterator<Item = &str> {
    results.metrics.keys().map(String::as_str)
}

fn point(input: &PaperInput, energy: &Energy<'_>, results: &Results, point: &Point) -> Value {
    // Points carry all parameters; what they leave out is shared.
    let mut params = results.params.clone();
    params.extend(point.params.clone());
    params.extend(point.point.clone());
    let metrics: BTreeMap<&str, Value> = metric_names(results)
        .map(|name| {
            let values: Vec<Option<Measured>> =
                point.runs.iter().map(|run| run.metrics.get(name).copied().flatten()).collect();
            (name, metric(&values))
        })
        .collect();
    json!({
        "point": point.point, "params": params, "runs": point.runs.len(), "metrics": metrics,
        "costs": facts::costs(input, energy, &point.runs),
        "outputs": point.runs.iter().map(|run| short(&run.output)).collect::<Vec<_>>(),
    })
}

fn metric(values: &[Option<Measured>]) -> Value {
    let observed: Vec<Option<Measured>> =
        values.iter().copied().filter(|value| value.is_some_and(|m| !m.censored)).collect();
    let mut all = statistics(&summarize(values));
    all["observed"] = statistics(&summarize(&observed));
    all["values"] = values
        .iter()
        .map(|value| value.map(|m| json!({ "value": m.value, "censored": m.censored })))
        .map(|value| value.unwrap_or(Value::Null))
        .collect();
    all
}

fn statistics(summary: &Summary) -> Value {
    json!({
        "n": summary.n, "missing": summary.missing, "censored": summary.censored,
        "limit": summary.limit, "mean": summary.mean, "sd": summary.sd,
        "median": summary.median, "min": summary.min, "max": summary.max, "exact": summary.exact,
    })
}
