//! `metrics` of an experiment: where runs write numbers, in which unit, and which is better.

use std::collections::BTreeMap;

use serde_spanned::Spanned;

use super::fields::{self, Fields, Problems};
use super::{check_name, value};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::metric::{Better, Metric, ParsePlaceError, Place, Tolerance};
use crate::unit::{ParseUnitError, Unit};
use crate::value::Value;

/// All metrics of an experiment, by name.
pub(super) fn metrics(
    fields: &mut Fields<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<String, Spanned<Metric>> {
    let mut metrics = BTreeMap::new();
    let Some((_, table)) = fields.table("metrics", problems) else { return metrics };
    for (name, found) in table {
        let good = check_name("a metric", name, problems);
        let Some((span, table)) = fields::expect_table("a metric", found, problems) else {
            continue;
        };
        let read = metric(Fields::new("a metric", span, table), name.get_ref(), problems);
        if let (true, Some(metric)) = (good, read) {
            metrics.insert(name.get_ref().to_string(), Spanned::new(found.span(), metric));
        }
    }
    metrics
}

fn metric(mut fields: Fields<'_, '_>, name: &str, problems: &mut Problems) -> Option<Metric> {
    let span = fields.span();
    let at = fields.string("at", problems);
    let place = at.as_ref().and_then(|at| place(at, problems));
    if !fields.written().contains(&"at") {
        problems.push(
            Diagnostic::new(Code::MissingKey, span, "`at` is missing in a metric")
                .label("where do the runs write it?")
                .help(format!("add `at = \"metrics.json#/{}\"`", fields::excerpt(name))),
        );
    }
    let directions =
        [("lower", Better::Lower), ("higher", Better::Higher), ("neither", Better::Neither)];
    let unit_text = fields.string("unit", problems);
    let unit = unit_text.as_ref().map(|text| unit(text, problems));
    let better = fields.choice("better", &directions, problems);
    let tolerance = tolerance(&mut fields, problems);
    fields.finish(problems);
    let Place { file, pointer } = place?;
    Some(Metric {
        file,
        pointer,
        unit: unit.unwrap_or(Some(Unit::ONE))?,
        better: better.map_or(Better::Neither, Spanned::into_inner),
        tolerance,
    })
}

fn place(at: &Spanned<String>, problems: &mut Problems) -> Option<Place> {
    let error = match at.get_ref().parse::<Place>() {
        Ok(place) => return Some(place),
        Err(error) => error,
    };
    let code = if error == ParsePlaceError::BadFile { Code::BadPath } else { Code::BadPointer };
    problems.push(
        Diagnostic::new(
            code,
            at.span(),
            format!("`{}` names no value in a JSON file", fields::excerpt(at.get_ref())),
        )
        .label(error.to_string())
        .help("write file and JSON pointer: `metrics.json#/steps_to_99`"),
    );
    None
}

pub(super) fn unit(text: &Spanned<String>, problems: &mut Problems) -> Option<Unit> {
    let error = match text.get_ref().parse() {
        Ok(unit) => return Some(unit),
        Err(error) => error,
    };
    let shown = fields::excerpt(text.get_ref());
    let problem = Diagnostic::new(Code::BadUnit, text.span(), format!("`{shown}` is not a unit"));
    let problem = problem.help(
        "units are words like `step`, `s`, `%`, `GiB`, or one over another like `token/s`; \
         `rescience explain RS0012` lists them all",
    );
    problems.push(match error {
        ParseUnitError::Unknown { nearest: Some(near), .. } => {
            problem.label(format!("did you mean `{near}`?"))
        }
        other => problem.label(other.to_string()),
    });
    None
}

fn tolerance(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Option<Tolerance> {
    let (span, table) = fields.table("tolerance", problems)?;
    let mut fields = Fields::new("a tolerance", span.clone(), table);
    let mut bound = |key: &'static str| {
        let found = fields.take(key)?;
        let number = match value::read(found, problems)? {
            Value::Int(number) => number as f64,
            Value::Float(number) => number,
            _ => {
                problems.wrong_type(&format!("`{key}`"), "a number", found);
                return None;
            }
        };
        if number < 0.0 {
            problems.push(
                Diagnostic::new(Code::BadNumber, found.span(), format!("`{key}` is negative"))
                    .label("a tolerance is a distance"),
            );
            return None;
        }
        Some(number)
    };
    let (rel, abs) = (bound("rel"), bound("abs"));
    let written = fields.written().len();
    fields.finish(problems);
    if written != 1 {
        problems.push(
            Diagnostic::new(
                if written == 0 { Code::MissingKey } else { Code::DuplicateKey },
                span,
                "a tolerance has exactly one bound",
            )
            .label("expected `rel` or `abs`")
            .help(
                "write `{ rel = 0.05 }` for five percent, or `{ abs = 2.0 }` in the metric's unit",
            ),
        );
        return None;
    }
    rel.map(Tolerance::Rel).or(abs.map(Tolerance::Abs))
}
