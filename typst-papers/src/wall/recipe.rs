//! The recipe's own words that a paper prints: its title and byline, the names and labels of its
//! experiments, and what its figures say beside their data.

use serde_json::Value;

use super::{comparison, is_digit, objection};
use crate::draw;
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
    problems.extend(byline(input));
    for results in &input.experiments {
        let label = without_terms(input, &without_params(results, results.label()));
        // A node's name is a name, with the numbers that names have; what compares is none.
        let named = results.label() == results.name();
        let wrong = if named { comparison(&undigited(&label)) } else { objection(&label) };
        if let Some(objection) = wrong {
            let what = if named { "the name of" } else { "the label of" };
            let what = format!("{what} `{}`", results.experiment);
            problems.push(refuse(&what, results.label(), &objection));
        }
    }
    for (name, figure) in &input.figures {
        for (key, text) in draw::said(&String::from_utf8_lossy(&figure.svg)) {
            if let Some(objection) = objection(&without_terms(input, &text)) {
                problems.push(refuse(&format!("{key} of `figure.{name}`"), &text, &objection));
            }
        }
    }
    problems
}

/// Names of people and institutions may have digits and be those of makers of machines; what they
/// may not do is state shares and compare.
fn byline(input: &PaperInput) -> Vec<Problem> {
    let project = &input.project;
    let affiliations = project.authors.iter().filter_map(|author| author.affiliation.as_ref());
    let names = project.authors.iter().map(|author| &author.name);
    let mut problems = Vec::new();
    for (what, text) in names
        .map(|name| ("an author's name", name))
        .chain(affiliations.map(|name| ("an affiliation", name)))
        .chain(project.license.iter().map(|text| ("the licence", text)))
    {
        let share = text.contains(['%', '‰']) || text.split(' ').any(is_decimal);
        // Versions of licences are decimals.
        if share && (what != "the licence" || text.contains('%')) {
            problems.push(refuse(what, text, "states a number"));
        } else if let Some(objection) = comparison(&undigited(text)) {
            problems.push(refuse(what, text, &objection));
        }
    }
    problems
}

fn is_decimal(word: &str) -> bool {
    word.contains('.') && word.trim_matches(|c: char| !c.is_ascii_digit()).parse::<f64>().is_ok()
}

/// A name's words without its digits and the signs that join them.
fn undigited(text: &str) -> String {
    let joins = |c: char| matches!(c, '-' | '_' | '/');
    text.chars().filter(|c| !is_digit(*c)).map(|c| if joins(c) { ' ' } else { c }).collect()
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
