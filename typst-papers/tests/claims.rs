//! What can be said of numbers that belong together: changes, comparisons, claims, and their refusals.

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
fn changes_end_where_their_error_begins() {
    let all = [fast(), base()];
    let call = |text: &str| printed(&all, text);
    assert_eq!(call(r#"#ratio("experiment.base.steps", "experiment.fast.steps")"#), "2.43");
    assert_eq!(
        call(r#"#ratio("experiment.base", "experiment.fast", "steps", digits: 4)"#),
        "2.4321"
    );
    assert_eq!(
        call(r#"#ratio("experiment.base.steps", "experiment.fast.steps", spread: "sem")"#),
        "2.43 ± 0.06"
    );
    assert_eq!(
        call(r#"#difference("experiment.base.steps", "experiment.fast.steps")"#),
        "1250 steps"
    );
    assert_eq!(
        call(r#"#difference("experiment.fast.steps", "experiment.base.steps")"#),
        "−1250 steps"
    );
    assert_eq!(
        call(r#"#difference("experiment.fast.steps", "experiment.base.steps", spread: "ci95")"#),
        "−1250 ± 140 steps"
    );
    assert_eq!(
        call(r#"#percent-change("experiment.base.steps", "experiment.fast.steps")"#),
        "58.9% lower"
    );
    assert_eq!(
        call(r#"#percent-change("experiment.fast.steps", "experiment.base.steps")"#),
        "143% higher"
    );
    let entered = &claims(&all, r#"#ratio("experiment.base.steps", "experiment.fast.steps")"#)[0];
    assert_eq!(entered["statistic"], "ratio of means");
    assert_eq!(entered["source"], "experiment.base.steps / experiment.fast.steps");
    assert_eq!(entered["n"], "3 and 3");
}

#[test]
fn a_regression_is_not_an_improvement() {
    let all = [fast(), base()];
    let improvement =
        r#"#percent-change("experiment.base.steps", "experiment.fast.steps", say: "improvement")"#;
    assert_eq!(printed(&all, improvement), "58.9%");
    let factor = r#"#ratio("experiment.fast.steps", "experiment.base.steps", say: "improvement")"#;
    assert_eq!(printed(&all, factor), "2.43");
    assert_eq!(
        refused(
            &all,
            r#"#percent-change("experiment.fast.steps", "experiment.base.steps", say: "improvement")"#
        ),
        "main.typ:3:2: error: `experiment.base.steps` is no improvement on `experiment.fast.steps`: lower is better\n  \
         hint: `experiment.base.steps`: 2120 ± 70 steps over 3 runs\n  \
         hint: `experiment.fast.steps`: 870 ± 20 steps over 3 runs\n"
    );
    for text in [
        r#"#ratio("experiment.base.steps", "experiment.fast.steps", say: "improvement")"#,
        r#"#difference("experiment.base.steps", "experiment.fast.steps", say: "improvement")"#,
    ] {
        assert!(refused(&all, text).contains("is no improvement"), "{text}");
    }
}

#[test]
fn a_change_that_rounds_to_nought_keeps_its_direction() {
    let all = [base(), made("cool", &[2110.0, 2061.0, 2190.0])];
    let text = r#"#percent-change("experiment.base.steps", "experiment.cool.steps")"#;
    assert_eq!(printed(&all, text), "0.02% higher");
    let same = [base(), made("cool", &[2110.0, 2060.0, 2190.0])];
    assert_eq!(printed(&same, text), "unchanged");
}

#[test]
fn changes_of_what_has_no_mean_or_another_unit_are_refused() {
    let all = [fast(), base().unreached(2, 3000.0)];
    let told = refused(&all, r#"#ratio("experiment.base.steps", "experiment.fast.steps")"#);
    assert!(told.contains("has no mean: 2 of 3 runs ended"), "{told}");

    let mut other = base();
    other.metric(
        "rate",
        json!({ "unit": "step/s", "better": "higher", "at": "m.json#/rate" }),
        &[1.0, 2.0, 3.0],
    );
    other.metric(
        "share",
        json!({ "unit": "%", "better": "higher", "at": "m.json#/share" }),
        &[1.0, 2.0, 3.0],
    );
    let mut another = fast();
    another.metric(
        "share",
        json!({ "unit": "%", "better": "higher", "at": "m.json#/share" }),
        &[5.0, 6.0, 7.0],
    );
    let all = [other, another];
    assert_eq!(
        refused(&all, r#"#ratio("experiment.base.rate", "experiment.fast.steps")"#),
        "main.typ:3:2: error: `experiment.base.rate` and `experiment.fast.steps` have different units: `step/s` and `step`\n  \
         hint: only metrics of one unit can be compared\n"
    );
    let told =
        refused(&all, r#"#percent-change("experiment.base.share", "experiment.fast.share")"#);
    assert!(told.contains("a percentage of percentages misleads"), "{told}");
    let points = printed(&all, r#"#difference("experiment.fast.share", "experiment.base.share")"#);
    assert_eq!(points, "4.0 percentage points");
}

#[test]
fn metrics_of_one_name_but_another_definition_are_not_compared() {
    for (key, value, expected) in [
        ("at", json!("m.json#/other"), "`steps` is not one metric"),
        ("unit", json!("epoch"), "have different units"),
        ("better", json!("higher"), "are better in different directions"),
    ] {
        let mut other = base();
        other.artifact["metrics"]["steps"][key] = value;
        let all = [fast(), other];
        for call in [
            r#"#compare("experiment.fast.steps", "experiment.base.steps")"#,
            r#"#ratio("experiment.fast.steps", "experiment.base.steps")"#,
            r#"#claim("experiment.fast.steps", "<", "experiment.base.steps")[It is faster.]"#,
        ] {
            let told = refused(&all, call);
            assert!(
                told.starts_with("main.typ:3:2: ") && told.contains(expected),
                "{call}: {told}"
            );
        }
    }
}

#[test]
fn values_convert_into_units_of_their_dimension_alone() {
    let mut timed = base();
    timed.metric("time", json!({ "unit": "s", "at": "m.json#/time" }), &[120.0, 120.0, 120.0]);
    let all = [timed];
    assert_eq!(printed(&all, r#"#value("experiment.base.time", unit: "min")"#), "2 min");
    assert_eq!(
        printed(&all, r#"#value("experiment.base.time", unit: "ms", stat: "max")"#),
        "120 000 ms"
    );
    assert_eq!(
        refused(&all, r#"#value("experiment.base.time", unit: "step")"#),
        "main.typ:3:2: error: `experiment.base.time` is measured in `s`, which does not convert into `step`\n  \
         hint: it converts into `us`, `ms`, `min` and `h`\n"
    );
    let told = refused(&all, r#"#value("experiment.base.steps", unit: "s")"#);
    assert!(told.contains("it converts into no other unit"), "{told}");
}

#[test]
fn spreads_are_named_in_the_ledger() {
    let all = [base(), alone()];
    let call = |spread: &str| format!(r#"#value("experiment.base.steps", spread: "{spread}")"#);
    for (spread, text, statistic) in [
        ("sd", "2120 ± 70 steps", "mean ± sd"),
        ("sem", "2120 ± 40 steps", "mean ± sem"),
        ("ci95", "2120 ± 160 steps", "mean ± 95% t interval"),
        ("bootstrap", "2120 [2060, 2190] steps", "mean, 95% bootstrap"),
    ] {
        assert_eq!(printed(&all, &call(spread)), text);
        assert_eq!(claims(&all, &call(spread))[0]["statistic"], statistic);
    }
    // One run has nothing to spread.
    assert_eq!(printed(&all, r#"#value("experiment.alone.steps", spread: "sem")"#), "900 steps");
    let told = refused(&all, &call("range"));
    assert!(told.contains("no spread \"range\""), "{told}");
}

#[test]
fn comparisons_are_worded_by_their_test() {
    let all = [fast(), base(), close()];
    let call = |text: &str| printed(&all, text);
    assert_eq!(
        call(r#"#compare("experiment.fast.steps", "experiment.base.steps")"#),
        "lower than the base (Welch's t-test, p = 0.00029, n = 3 and 3)"
    );
    assert_eq!(
        call(r#"#compare("experiment.base", "experiment.fast", "steps")"#),
        "higher than the fast (Welch's t-test, p = 0.00029, n = 3 and 3)"
    );
    assert_eq!(
        call(r#"#compare("experiment.close.steps", "experiment.base.steps")"#),
        "not distinguishable from the base (Welch's t-test, p = 0.92, n = 3 and 3)"
    );
    // Three values a side can never be told apart by their ranks.
    assert_eq!(
        call(r#"#compare("experiment.fast.steps", "experiment.base.steps", test: "mann-whitney")"#),
        "not distinguishable from the base (Mann–Whitney test, p = 0.10, n = 3 and 3)"
    );
}

#[test]
fn the_more_a_paper_compares_the_more_each_must_show() {
    let near = || made("ember", &[1990.0, 1950.0, 1910.0]);
    let one = r#"#compare("experiment.ember.steps", "experiment.base.steps")"#;
    assert!(
        printed(&[near(), base()], one)
            .starts_with("lower than the base (Welch's t-test, p = 0.02"),
        "{}",
        printed(&[near(), base()], one)
    );
    let more = format!(
        "{one}\n#compare(\"experiment.close.steps\", \"experiment.base.steps\")\n#compare(\"experiment.close.steps\", \"experiment.fast.steps\")"
    );
    let all = [near(), base(), close(), fast()];
    let told = printed(&all, &more);
    assert!(
        told.starts_with(
            "not distinguishable from the base (Welch's t-test, Holm-corrected p = 0.05"
        ),
        "{told}"
    );
    // The same comparison twice is one.
    assert!(!printed(&[near(), base()], &format!("{one} and {one}")).contains("Holm"));

    let claim = r#"#claim("experiment.ember.steps", "<", "experiment.base.steps")[It is faster.]"#;
    printed(&all, claim);
    let told = refused(&all, &format!("{more}\n\n{claim}"));
    assert!(told.starts_with("main.typ:7:2: error: the data do not show `experiment.ember.steps < experiment.base.steps`: the two are not distinguishable"), "{told}");
}

#[test]
fn single_runs_are_compared_only_when_the_author_says_so() {
    let all = [alone(), base()];
    assert_eq!(
        refused(&all, r#"#compare("experiment.alone.steps", "experiment.base.steps")"#),
        "main.typ:3:2: error: `experiment.alone.steps` has one run: without a second there is no test\n  \
         hint: run more seeds, or write test: \"none\" to compare single runs\n"
    );
    assert_eq!(
        printed(
            &all,
            r#"#compare("experiment.alone.steps", "experiment.base.steps", test: "none")"#
        ),
        "lower than the base (means without a test, n = 1 and 3)"
    );
    let claim = r#"#claim("experiment.alone.steps", "<", "experiment.base.steps", test: "none")[It is faster.]"#;
    assert_eq!(claims(&all, claim)[0]["statistic"], "no test");
}

#[test]
fn unreached_values_are_compared_by_rank() {
    let all = [
        made("fast", &[870.0, 850.0, 895.0, 840.0]),
        made("base", &[2110.0, 2060.0, 2190.0, 1.0]).unreached(2, 3000.0),
    ];
    let told = refused(&all, r#"#compare("experiment.fast.steps", "experiment.base.steps")"#);
    assert!(told.contains("compare ranks with test: \"mann-whitney\""), "{told}");
    assert_eq!(
        printed(
            &all,
            r#"#compare("experiment.fast.steps", "experiment.base.steps", test: "mann-whitney")"#
        ),
        "lower than the base (Mann–Whitney test, p = 0.029, n = 4 and 4)"
    );
    let cut = [fast(), base().unreached(1, 860.0)];
    let told = refused(
        &cut,
        r#"#compare("experiment.fast.steps", "experiment.base.steps", test: "mann-whitney")"#,
    );
    assert!(told.contains("which is larger is not known"), "{told}");
}

#[test]
fn an_experiment_is_not_an_improvement_on_itself() {
    let mut twin = close();
    twin.artifact["program"] = base().artifact["program"].clone();
    twin.artifact["points"][0]["params"] = base().artifact["points"][0]["params"].clone();
    let all = [base(), twin];
    let expected = "main.typ:3:2: error: `experiment.close` and `experiment.base` are the same program and parameters: their difference is noise\n  \
         hint: pooled, the noise floor is 2120 ± 70 steps over 6 runs\n  \
         hint: `source.close` and `source.base` differ in nothing that runs: they build the same program\n";
    assert_eq!(
        refused(&all, r#"#compare("experiment.close.steps", "experiment.base.steps")"#),
        expected
    );
    let claim = r#"#claim("experiment.close.steps", "!=", "experiment.base.steps")[They differ.]"#;
    assert_eq!(refused(&all, claim), expected);
    let improvement =
        r#"#difference("experiment.base.steps", "experiment.close.steps", say: "improvement")"#;
    assert!(refused(&all, improvement).contains("their difference is noise"));
    // Of noise one may speak.
    assert_eq!(
        printed(&all, r#"#difference("experiment.close.steps", "experiment.base.steps")"#),
        "7 steps"
    );
}

#[test]
fn a_diff_that_changes_nothing_is_entered_as_inert() {
    let mut other = fast();
    other.artifact["program"] = base().artifact["program"].clone();
    other.artifact["points"][0]["params"]["lr"] = json!(0.5);
    let all = [base(), other];
    let entered = &claims(&all, r#"#compare("experiment.fast.steps", "experiment.base.steps")"#)[0];
    assert_eq!(entered["details"]["programs"], "inert diff: different sources, same program");
}

#[test]
fn a_bigger_winner_says_how_much_bigger() {
    let mut big = fast();
    big.facts["run"]["user_s"] = json!(44.1);
    big.metric(
        "size",
        json!({ "unit": "parameter", "at": "m.json#/size" }),
        &[1400.0, 1400.0, 1400.0],
    );
    let mut small = base();
    small.metric(
        "size",
        json!({ "unit": "parameter", "at": "m.json#/size" }),
        &[1000.0, 1000.0, 1000.0],
    );
    let all = [big, small];
    let compare = r#"#compare("experiment.fast.steps", "experiment.base.steps")"#;
    let confound = "with 1.4 times the parameters and 2.1 times the CPU time";
    let text = printed(&all, compare);
    assert!(text.ends_with(&format!(", {confound}")), "{text}");
    let text = printed(&all, r#"#compare("experiment.base.steps", "experiment.fast.steps")"#);
    assert!(
        text.ends_with(", which had 1.4 times the parameters and 2.1 times the CPU time"),
        "{text}"
    );
    let claim = r#"#claim("experiment.fast.steps", "<", "experiment.base.steps")[It is faster.]"#;
    assert_eq!(printed(&all, claim), format!("({confound}) | It is faster."));
    // Ten percent are no news.
    let mut warm = fast();
    warm.facts["run"]["peak_memory_bytes"] = json!(135_000_000);
    assert_eq!(printed(&[warm, base()], claim), "It is faster.");
}

#[test]
fn a_control_is_as_big_and_does_worse() {
    let mut big = fast();
    big.facts["run"]["user_s"] = json!(44.1);
    let control = |name: &'static str, steps: &[f64], user: f64| {
        let mut control = made(name, steps);
        control.facts["run"]["user_s"] = json!(user);
        control
    };
    let claim = |control: &str| {
        format!(
            "#claim(\"experiment.fast.steps\", \"<\", \"experiment.base.steps\", control: \"experiment.{control}\")[It is faster.]"
        )
    };
    let all = [
        big,
        base(),
        control("decoy", &[880.0, 845.0, 893.0], 44.0),
        control("cheap", &[2210.0, 2160.0, 2130.0], 21.0),
        control("equal", &[2210.0, 2160.0, 2130.0], 45.0),
    ];
    assert_eq!(printed(&all, &claim("equal")), "It is faster.");
    // What is refuted needs no control.
    let turned = claim("cheap").replace("\"<\"", "\">\"").replace("faster", "slower");
    assert!(refused(&all, &turned).contains("the data refute"));
    let told = refused(&all, &claim("cheap"));
    assert!(told.contains("the control `experiment.cheap` is not matched: `experiment.fast` has 2.1 times the CPU time"), "{told}");
    let told = refused(&all, &claim("decoy"));
    assert!(
        told.starts_with("main.typ:3:2: error: `experiment.decoy` is as big and does as well"),
        "{told}"
    );
    let compare = r#"#compare("experiment.fast.steps", "experiment.base.steps", control: "experiment.decoy")"#;
    let text = printed(&all, compare);
    assert!(
        text.contains(
            "; against the matched control the decoy, the fast is not distinguishable (Welch"
        ),
        "{text}"
    );
}

#[test]
fn a_claim_stands_when_the_data_show_it() {
    let all = [fast(), base(), close()];
    let claim = r#"#claim("experiment.fast.steps", "<", "experiment.base.steps")[The fast one needs fewer steps than the base.]"#;
    let entered = &claims(&all, claim)[0];
    assert_eq!(entered["printed"], "The fast one needs fewer steps than the base.");
    assert_eq!(entered["kind"], "claim");
    assert_eq!(entered["source"], "experiment.fast.steps < experiment.base.steps");
    assert!(entered["statistic"].as_str().unwrap().starts_with("Welch, p"), "{entered}");
    assert_eq!(entered["n"], "3 and 3");
    for text in [
        r#"#claim("experiment.base.steps", ">", "experiment.fast.steps")[It is slower.]"#,
        r#"#claim("experiment.base.steps", "!=", "experiment.fast.steps")[They differ.]"#,
        r#"#claim("experiment.fast", "<", "experiment.base", metric: "steps", margin: 50%)[It is much faster.]"#,
        r#"#claim("experiment.close.steps", "=", "experiment.base.steps", margin: 300)[They are equally fast.]"#,
        r#"#claim("experiment.close.steps", "no difference", "experiment.base.steps")[We found no difference.]"#,
        r#"#claim("experiment.fast.steps", "best of", "experiment.*")[It is the best.]"#,
        r#"#claim("experiment.fast.steps", "best of", ("experiment.base", "experiment.close"))[It is the fastest, and better.]"#,
    ] {
        claims(&all, text);
    }
}

#[test]
fn a_claim_that_the_data_refute_stops_the_paper_and_shows_them() {
    let all = [fast(), base(), close()];
    assert_eq!(
        refused(
            &all,
            r#"#claim("experiment.base.steps", "<", "experiment.fast.steps")[It is faster.]"#
        ),
        "main.typ:3:2: error: the data refute `experiment.base.steps < experiment.fast.steps`\n  \
         hint: `experiment.base.steps`: 2120 ± 70 steps over 3 runs\n  \
         hint: `experiment.fast.steps`: 870 ± 20 steps over 3 runs\n  \
         hint: test: Welch's t-test, p = 0.00029, n = 3 and 3, the level is 0.05\n"
    );
    for (text, expected) in [
        (
            r#"#claim("experiment.close.steps", ">", "experiment.base.steps")[Slower.]"#,
            "the two are not distinguishable",
        ),
        (
            r#"#claim("experiment.close.steps", "!=", "experiment.base.steps")[They differ.]"#,
            "the two are not distinguishable",
        ),
        (
            r#"#claim("experiment.fast", "<", "experiment.base", metric: "steps", margin: 60%)[Much faster.]"#,
            "the data refute",
        ),
        (
            r#"#claim("experiment.close.steps", "=", "experiment.base.steps", margin: 5)[The same.]"#,
            "the data refute",
        ),
        (
            r#"#claim("experiment.close.steps", "=", "experiment.base.steps", margin: 60)[The same.]"#,
            "may lie further apart than the margin",
        ),
        (
            r#"#claim("experiment.fast.steps", "no difference", "experiment.base.steps")[They do not differ.]"#,
            "the data refute",
        ),
        (
            r#"#claim("experiment.base.steps", "best of", "experiment.*")[The best.]"#,
            "the data refute",
        ),
    ] {
        let told = refused(&all, text);
        assert!(
            told.starts_with("main.typ:3:2: error: ") && told.contains(expected),
            "{text}: {told}"
        );
    }
}

#[test]
fn the_words_of_a_claim_say_what_its_operator_says() {
    let all = [fast(), base()];
    assert_eq!(
        refused(
            &all,
            r#"#claim("experiment.fast.steps", "<", "experiment.base.steps")[It is slower.]"#
        ),
        "main.typ:3:2: error: the words contradict the claim: \"slower\" says higher, but the operator is \"<\"\n  \
         hint: change the words, or turn the claim around\n"
    );
    let told = refused(
        &all,
        r#"#claim("experiment.fast.steps", "<", "experiment.base.steps")[The base is faster than the fast.]"#,
    );
    assert!(told.contains("the second side is named first"), "{told}");
    let three = [fast(), base(), close()];
    let told = refused(
        &three,
        r#"#claim("experiment.fast.steps", "<", "experiment.base.steps")[The close needs fewer steps.]"#,
    );
    assert!(told.contains("the words say more than the claim: they name the close"), "{told}");
    let told = refused(
        &three,
        r#"#claim("experiment.fast.steps", "<", "experiment.base.steps")[It needs the fewest steps.]"#,
    );
    assert!(told.contains("\"fewest\" speaks of more than two sides"), "{told}");
    let told = refused(&all, r#"#claim("experiment.fast.steps", "<", "experiment.base.steps")"#);
    assert!(told.contains("a claim needs its words"), "{told}");
    let told = refused(
        &all,
        r#"#claim("experiment.fast.steps", "=<", "experiment.base.steps")[It is faster.]"#,
    );
    assert!(told.contains("no operator \"=<\""), "{told}");
}

#[test]
fn a_claim_on_every_point_is_tested_on_each() {
    let matrix =
        |made: Made, add: &[f64], div: &[f64]| made.operations(&[("add", add), ("div", div)]);
    let all = [
        matrix(fast(), &[870.0, 850.0, 895.0], &[2100.0, 2050.0, 2230.0]),
        matrix(base(), &[2110.0, 2060.0, 2190.0], &[2110.0, 2060.0, 2190.0]),
        matrix(close(), &[3110.0, 3060.0, 3190.0], &[3110.0, 3060.0, 3190.0]),
    ];
    let claim = |a: &str, b: &str, on: &str| {
        format!(
            "#claim(\"experiment.{a}.steps\", \"<\", \"experiment.{b}.steps\"{on})[It is faster.]"
        )
    };
    let told = refused(&all, &claim("fast", "base", ", on: \"every point\""));
    assert!(
        told.contains("(1 of 2 comparisons fail)") && told.contains("at (operation: \"div\")"),
        "{told}"
    );
    let entered = &claims(&all, &claim("base", "close", ", on: \"every point\""))[0];
    assert!(
        entered["statistic"].as_str().unwrap().starts_with("all 2: Welch, Holm p"),
        "{entered}"
    );
    let some = claim("fast", "base", ", on: \"some point\"")
        .replace("It is faster", "It is faster somewhere");
    let entered = &claims(&all, &some)[0];
    assert!(entered["statistic"].as_str().unwrap().starts_with("on 1 of 2: "), "{entered}");
    assert!(refused(&all, &claim("fast", "base", "")).contains("has 2 points"));
    claims(&all, &claim("fast", "base", ", point: (operation: \"add\")"));
    let told = refused(
        &all,
        r#"#claim("experiment.base.steps", "<", "experiment.close.steps", point: (operation: "add"))[It is faster on all operations.]"#,
    );
    assert!(told.contains("\"all\" speaks of more points than were compared"), "{told}");

    let fewer = [
        matrix(fast(), &[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]),
        base().operations(&[("add", &[4.0, 5.0, 6.0])]),
    ];
    let told = refused(&fewer, &claim("fast", "base", ", on: \"every point\""));
    assert!(told.contains("`experiment.base` has no point (operation: \"div\")"), "{told}");
}

#[test]
fn the_best_is_named_with_what_cannot_be_told_from_it() {
    let all = [base(), fast(), close()];
    assert_eq!(printed(&all, r#"#best-of("experiment.*", "steps")"#), "the fast");
    assert_eq!(
        printed(&all, r#"#best-of("experiment.*", "steps", print: "value")"#),
        "870 ± 20 steps"
    );
    assert_eq!(
        printed(&all, r#"#best-of(("experiment.base", "experiment.close"), "steps")"#),
        "the base (not distinguishable from the close)"
    );
    let same = [base(), made("equal", &[2110.0, 2060.0, 2190.0])];
    assert_eq!(printed(&same, r#"#best-of("experiment.*", "steps")"#), "the base and the equal");
    let cut = [base().unreached(1, 3000.0), fast()];
    let told = refused(&cut, r#"#best-of("experiment.*", "steps")"#);
    assert!(told.contains("which experiment is best is not known"), "{told}");
    let mut vague = base();
    vague.metric("size", json!({ "unit": "parameter", "at": "m.json#/size" }), &[1.0, 1.0, 1.0]);
    let told =
        refused(&[vague, fast()], r#"#best-of(("experiment.base", "experiment.fast"), "size")"#);
    assert!(told.contains("has no metric `size`"), "{told}");
    let told = refused(&all, r#"#best-of("experiment.*", "step")"#);
    assert!(told.contains("did you mean `steps`?"), "{told}");
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
