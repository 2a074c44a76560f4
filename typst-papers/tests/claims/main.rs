//! What can be said of numbers that belong together: changes, comparisons, claims, and their refusals.

mod changes;
mod compared;
mod costs;
mod stated;
#[path = "../support/mod.rs"]
mod support;

use rescience_typst_papers::{PaperInput, Problem, Results, Typeset, typeset};
use serde_json::{Value, json};
use support::{digest, facts, sample};

/// An experiment of one point, each part of which a story may change.
struct Made {
    name: &'static str,
    artifact: Value,
    facts: Value,
}

/// An experiment with the runs' values of `steps`.
fn made(name: &'static str, steps: &[f64]) -> Made {
    let mut made = Made {
        name,
        artifact: json!({
            "schema": 1, "experiment": format!("experiment.{name}"), "label": format!("the {name}"),
            "program": digest(name.chars().find(char::is_ascii_hexdigit).unwrap()), "source": format!("source.{name}"),
            "metrics": {}, "points": [{ "params": { "lr": name.len() }, "runs": [] }],
        }),
        facts: facts(),
    };
    made.metric(
        "steps",
        json!({ "unit": "step", "better": "lower", "at": "m.json#/steps" }),
        steps,
    );
    made
}

impl Made {
    /// Adds a metric; as many runs as it has values.
    fn metric(&mut self, name: &str, declared: Value, values: &[f64]) -> &mut Made {
        self.artifact["metrics"][name] = declared;
        let runs = self.artifact["points"][0]["runs"].as_array_mut().unwrap();
        for (index, value) in values.iter().enumerate() {
            if runs.len() == index {
                runs.push(json!({ "name": format!("experiment.{}#{index}", self.name), "output": digest('a'), "metrics": {} }));
            }
            runs[index]["metrics"][name] = json!({ "value": value });
        }
        self
    }

    /// Says that the last runs of `steps` ended at `limit` without reaching it.
    fn unreached(mut self, many: usize, limit: f64) -> Made {
        let runs = self.artifact["points"][0]["runs"].as_array_mut().unwrap();
        for run in runs.iter_mut().rev().take(many) {
            run["metrics"]["steps"] = json!({ "value": limit, "censored": true });
        }
        self
    }

    /// Copies the only point over a matrix of operations, with other values of `steps`.
    fn operations(mut self, points: &[(&str, &[f64])]) -> Made {
        let first = self.artifact["points"][0].clone();
        let points = points.iter().map(|(operation, steps)| {
            let mut point = first.clone();
            point["point"] = json!({ "operation": operation });
            point["params"]["operation"] = json!(operation);
            for (run, value) in point["runs"].as_array_mut().unwrap().iter_mut().zip(*steps) {
                run["metrics"]["steps"] = json!({ "value": value });
            }
            point
        });
        self.artifact["points"] = points.collect();
        self
    }
}

/// A paper about these experiments.
fn paper(experiments: &[Made], text: &str) -> PaperInput {
    let mut input = sample();
    let main = format!("#import \"@rescience/paper:0.1.0\": *\n#show: paper\n{text}\n");
    input.files.insert("main.typ".to_owned(), main.into_bytes());
    input.bibliography = None;
    input.figures.clear();
    input.facts.clear();
    input.experiments = experiments
        .iter()
        .enumerate()
        .map(|(index, made)| {
            let mut artifact = made.artifact.clone();
            let facts = digest(char::from_digit(index as u32, 10).unwrap());
            for point in artifact["points"].as_array_mut().unwrap() {
                for run in point["runs"].as_array_mut().unwrap() {
                    run["facts"] = json!(facts);
                }
            }
            input.facts.insert(facts, made.facts.clone());
            Results::parse(artifact.to_string().as_bytes()).unwrap()
        })
        .collect();
    input
}

fn told(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect::<String>()
        .replace(['\u{202f}', '\u{a0}'], " ")
}

fn typeset_of(experiments: &[Made], text: &str) -> Typeset {
    let paper = typeset(&paper(experiments, text));
    let paper = paper.unwrap_or_else(|problems| panic!("{text}: {}", told(&problems)));
    assert_eq!(told(&paper.warnings), "", "{text}");
    paper
}

fn claims(experiments: &[Made], text: &str) -> Vec<Value> {
    typeset_of(experiments, text).claims.as_array().unwrap().clone()
}

/// What each call prints, with plain spaces.
fn printed(experiments: &[Made], text: &str) -> String {
    let all: Vec<String> = claims(experiments, text)
        .iter()
        .map(|c| c["printed"].as_str().unwrap().to_owned())
        .collect();
    all.join(" | ").replace(['\u{202f}', '\u{a0}'], " ")
}

fn refused(experiments: &[Made], text: &str) -> String {
    match typeset(&paper(experiments, text)) {
        Err(problems) => told(&problems),
        Ok(paper) => panic!("{text} is typeset: {}", paper.claims),
    }
}

/// Twelve runs' worth of stories: far apart, close by, alone.
fn fast() -> Made {
    made("fast", &[870.0, 850.0, 895.0])
}

fn base() -> Made {
    made("base", &[2110.0, 2060.0, 2190.0])
}

fn close() -> Made {
    made("close", &[2100.0, 2050.0, 2230.0])
}

fn alone() -> Made {
    made("alone", &[900.0])
}

#[test]
fn exact_values_are_told_apart_without_chance() {
    let all =
        [made("fast", &[10.0, 10.0]), made("base", &[12.0, 12.0]), made("close", &[12.0, 12.0])];
    assert_eq!(
        printed(&all, r#"#compare("experiment.fast.steps", "experiment.base.steps")"#),
        "lower than the base (no run differs from the others of its side, n = 2 and 2)"
    );
    assert_eq!(
        printed(&all, r#"#compare("experiment.close.steps", "experiment.base.steps")"#),
        "the same as the base (no run differs from the others of its side, n = 2 and 2)"
    );
}

#[test]
fn strings_that_the_package_prints_change_no_number() {
    let all = [fast(), base()];
    for (text, expected) in [
        (r#"#param("experiment.base.lr", unit: "%")"#, "would change the number"),
        (r#"#count("runs", noun: "k runs")"#, "would change the number"),
        (r#"#constant("97 of them", because: [a guess])"#, "is no number"),
    ] {
        let told = refused(&all, text);
        assert!(
            told.starts_with("main.typ:3:2: error: ") && told.contains(expected),
            "{text}: {told}"
        );
    }
    claims(&all, r#"#constant("3:1", because: [a convention])"#);
}

#[test]
fn one_column_of_a_table_is_one_metric() {
    let mut other = base();
    other.artifact["metrics"]["steps"]["at"] = json!("m.json#/other");
    let told = refused(&[fast(), other], "#results-table()");
    assert!(told.contains("`steps` is not one metric"), "{told}");
}

#[test]
fn strings_that_the_package_prints_state_no_number() {
    let all = [fast(), base()];
    for text in [
        r#"#param("experiment.base.lr", unit: "7 steps")"#,
        r#"#count("runs", noun: "of 12 runs")"#,
        r#"#constant(1, unit: "of 3", because: [a convention])"#,
        r#"#results-table(head: "The best 3")"#,
        r#"#results-table(caption: "All 9 of them.")"#,
        r#"#results-table(metrics: (steps: "Steps to 99"))"#,
        r#"#compare("experiment.fast.steps", "experiment.base.steps", other: "the best of 8")"#,
    ] {
        let told = refused(&all, text);
        assert!(told.starts_with("main.typ:3:2: error: the "), "{text}: {told}");
    }
}
