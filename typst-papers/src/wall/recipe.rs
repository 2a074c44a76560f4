//! The recipe's own words that a paper prints: its title and the labels of its experiments.

use serde_json::Value;

use super::objection;
use crate::input::PaperInput;
use crate::problem::Problem;
use crate::results::Results;

/// What the title and the labels state without an artifact behind it.
pub(super) fn check(input: &PaperInput) -> Vec<Problem> {
    let mut problems = Vec::new();
    let title = without_terms(input, &input.project.title);
    if let Some(objection) = objection(&title) {
        problems.push(refuse("the title", &input.project.title, &objection));
    }
    for results in &input.experiments {
        let label = without_terms(input, &without_params(results, results.label()));
        // A node's name is a name.
        if results.label() != results.name()
            && let Some(objection) = objection(&label)
        {
            let what = format!("the label of `{}`", results.experiment);
            problems.push(refuse(&what, results.label(), &objection));
        }
    }
    problems
}

fn refuse(what: &str, text: &str, objection: &str) -> Problem {
    let mut problem = Problem::error(format!("{what}, \"{text}\", {objection}"));
    problem.code = Some("RS0215");
    problem.hints.push("if it is a name, add it to `terms` of the paper in the recipe".to_owned());
    problem
}

fn without_terms(input: &PaperInput, text: &str) -> String {
    let names = input.terms.iter().filter(|term| term.starts_with(char::is_alphabetic));
    names.fold(text.to_owned(), |text, term| text.replace(term.as_str(), ""))
}

/// A label without the numbers that its parameters put there.
fn without_params(results: &Results, label: &str) -> String {
    let points = results.points.iter().flat_map(|point| point.params.values());
    let printed: Vec<String> = results.params.values().chain(points).map(printed).collect();
    let words = label
        .split_inclusive(|c: char| c.is_whitespace() || matches!(c, '/' | ',' | '(' | ')' | '='));
    words
        .filter(|word| {
            let word = word.trim_matches(|c: char| {
                c.is_whitespace() || matches!(c, '/' | ',' | '(' | ')' | '=')
            });
            !printed.iter().any(|value| value == word || same_number(value, word))
        })
        .collect()
}

fn printed(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn same_number(a: &str, b: &str) -> bool {
    matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
}
