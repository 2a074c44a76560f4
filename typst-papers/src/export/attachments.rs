//! The evidence that travels inside the PDF: claims, facts, provenance, results.

use serde_json::{Map, Value, json};
use typst::foundations::{Bytes, Content, Derived, NativeElement as _, PathOrStr};
use typst::pdf::{AttachElem, AttachedFileRelationship};

use crate::ENGINE;
use crate::input::PaperInput;
use crate::results::{Metric, Point, Results, Run};
use crate::wall::Accounting;

/// A file inside the PDF.
pub(crate) struct Attachment {
    path: String,
    description: &'static str,
    relationship: AttachedFileRelationship,
    data: Value,
}

impl Attachment {
    /// The element that typst's exporter looks for.
    pub(super) fn element(self) -> Content {
        let path = PathOrStr::Str(self.path.as_str().into());
        let text = format!("{:#}\n", self.data);
        AttachElem::new(Derived::new(path, self.path.into()), Bytes::from_string(text))
            .with_relationship(Some(self.relationship))
            .with_mime_type(Some("application/json".into()))
            .with_description(Some(self.description.into()))
            .pack()
    }
}

/// What is attached to a paper, in order of names.
pub(crate) fn attachments(
    input: &PaperInput,
    claims: &Value,
    accounting: &Accounting,
) -> Vec<Attachment> {
    let attachment = |path: &str, description, relationship, data| Attachment {
        path: path.to_owned(),
        description,
        relationship,
        data,
    };
    let mut all = vec![
        attachment(
            "claims.json",
            "The ledger: every number that the package printed, with its source and digest",
            AttachedFileRelationship::Supplement,
            json!({ "schema": 1, "claims": claims, "digits": accounting }),
        ),
        attachment(
            "facts.json",
            "What was measured about machines, software and runs, by digest",
            AttachedFileRelationship::Data,
            json!({ "schema": 1, "facts": input.facts }),
        ),
        attachment(
            "provenance.json",
            "The experiments, runs and figures behind this paper, with keys and digests",
            AttachedFileRelationship::Source,
            provenance(input),
        ),
    ];
    all.extend(input.experiments.iter().map(|results| Attachment {
        path: format!("results-{}.json", results.name()),
        description: "The results of an experiment: its points, runs and metrics",
        relationship: AttachedFileRelationship::Data,
        data: measured(results),
    }));
    all
}

fn provenance(input: &PaperInput) -> Value {
    let project = &input.project;
    json!({
        "schema": 1,
        "engine": ENGINE,
        "project": {
            "name": project.name, "version": project.version, "license": project.license,
            "doi": project.doi,
            "profile": project.profile,
        },
        "mode": input.mode.as_str(),
        "experiments": experiments(input),
        "figures": figures(input),
        "citations": input.confirmed,
    })
}

/// The digests of the figures by name.
fn figures(input: &PaperInput) -> Map<String, Value> {
    input.figures.iter().map(|(name, figure)| (name.clone(), json!(figure.digest))).collect()
}

/// The experiments with the keys and digests of their runs, without their values.
pub(crate) fn experiments(input: &PaperInput) -> Vec<Value> {
    let run = |run: &Run| {
        json!({
            "name": run.name, "seed": run.seed.to_string(), "key": run.key, "output": run.output,
            "facts": run.facts,
        })
    };
    input
        .experiments
        .iter()
        .map(|results| {
            let runs: Vec<_> =
                results.points.iter().flat_map(|point| &point.runs).map(run).collect();
            json!({
                "name": results.experiment, "label": results.label(), "source": results.source,
                "program": results.program, "digest": results.digest, "runs": runs,
            })
        })
        .collect()
}

/// The results in the shape of their artifact, whose digest the provenance has.
fn measured(results: &Results) -> Value {
    let metric = |(name, metric): (&String, &Metric)| {
        let Metric { unit, better, at, .. } = metric;
        (name.clone(), json!({ "unit": unit, "better": better, "at": at }))
    };
    let run = |run: &Run| {
        let values: Map<String, Value> = run
            .metrics
            .iter()
            .map(|(name, value)| {
                let value =
                    value.map(|found| json!({ "value": found.value, "censored": found.censored }));
                (name.clone(), value.unwrap_or(Value::Null))
            })
            .collect();
        // Seeds have more digits than the numbers of most readers of JSON.
        json!({ "name": run.name, "seed": run.seed.to_string(), "metrics": values })
    };
    let point = |point: &Point| {
        json!({
            "point": point.point, "params": point.params,
            "runs": point.runs.iter().map(run).collect::<Vec<_>>(),
        })
    };
    json!({
        "schema": 1, "experiment": results.experiment, "label": results.label,
        "profile": results.profile, "params": results.params, "source": results.source,
        "program": results.program, "digest": results.digest,
        "metrics": results.metrics.iter().map(metric).collect::<Map<_, _>>(),
        "points": results.points.iter().map(point).collect::<Vec<_>>(),
    })
}
