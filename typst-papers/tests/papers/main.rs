//! Whole papers: what they print, what they refuse, and where they say so.

mod measured;
mod numbers;
#[path = "../support/mod.rs"]
mod support;

use rescience_typst_papers::{Mode, PaperInput, Problem, Typeset, typeset};
use serde_json::json;
use support::sample;

/// A paper of one line, with the sample's artifacts.
fn line(text: &str) -> PaperInput {
    let mut input = sample();
    let main = format!("#import \"@rescience/paper:0.1.0\": *\n#show: paper\n{text}\n");
    input.files.insert("main.typ".to_owned(), main.into_bytes());
    input.bibliography = None;
    input
}

fn made(input: &PaperInput) -> Typeset {
    match typeset(input) {
        Ok(paper) => paper,
        Err(problems) => panic!("{}", told(&problems)),
    }
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// What each call prints, in order.
fn printed(text: &str) -> Vec<String> {
    let claims = made(&line(text)).claims;
    let claims = claims.as_array().expect("the ledger is an array");
    claims.iter().map(|claim| claim["printed"].as_str().unwrap_or_default().to_owned()).collect()
}

fn refused(text: &str) -> String {
    refusal(&line(text))
}

/// What a paper is refused for that may use all of typst.
fn refused_free(text: &str) -> String {
    refusal(&PaperInput { mode: Mode::Free, ..line(text) })
}

fn refusal(input: &PaperInput) -> String {
    told(&typeset(input).expect_err("the paper is refused"))
}

/// `printed` with the narrow and the fixed spaces made plain.
fn plainly(text: &str) -> String {
    let all = printed(text).join(" | ");
    all.replace(['\u{202f}', '\u{a0}'], " ")
}

#[test]
fn the_sample_is_typeset_without_warnings() {
    let paper = made(&sample());
    assert_eq!(told(&paper.warnings), "");
    assert!(paper.pdf.starts_with(b"%PDF-"));
    assert!((3..=5).contains(&paper.pages), "{} pages", paper.pages);
    let first = &paper.claims[0];
    assert_eq!(first["path"], "experiment.layerwise.steps_to_99");
    assert_eq!(first["source"], "experiment.layerwise.steps_to_99 (operation: \"add\")");
    assert_eq!((&first["n"], &first["page"]), (&json!("3"), &json!(1)));
    assert_eq!(first["digest"].as_str().map(str::len), Some(12));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let first = made(&sample());
    let second = made(&sample());
    assert!(first.pdf == second.pdf);
    assert_eq!(first.claims, second.claims);
}

#[test]
fn values_follow_their_spread() {
    let add = r#"point: (operation: "add")"#;
    let call = |rest: &str| format!(r#"#value("experiment.baseline.{rest})"#);
    assert_eq!(plainly(&call(&format!("steps_to_99\", {add}"))), "2120 ± 70 steps");
    assert_eq!(plainly(&call(&format!("steps_to_99\", {add}, stat: \"sd\""))), "66 steps");
    assert_eq!(plainly(&call(&format!("steps_to_99\", {add}, stat: \"median\""))), "2110 steps");
    assert_eq!(plainly(&call(&format!("steps_to_99\", {add}, stat: \"n\""))), "3");
    assert_eq!(plainly(&call(&format!("steps_to_99\", {add}, digits: 1"))), "2120.0 ± 65.6 steps");
    assert_eq!(plainly(&call(&format!("steps_to_99\", {add}, unit: false"))), "2120 ± 70");
    assert_eq!(plainly(&call(&format!("steps_to_99\", {add}, seed-index: 1"))), "2060 steps");
    assert_eq!(plainly(&call(&format!("accuracy\", {add}"))), "99.90 ± 0.06%");
}

#[test]
fn values_that_were_not_reached_are_printed_as_bounds() {
    let div = r#"#value("experiment.baseline.steps_to_99", point: (operation: "div")"#;
    assert_eq!(plainly(&format!("{div})")), "> 3000 steps in 2 of 3 seeds (else 2840 steps)");
    assert_eq!(plainly(&format!("{div}, stat: \"min\")")), "2840 steps");
    assert_eq!(plainly(&format!("{div}, seed-index: 1)")), "> 3000 steps");
    assert_eq!(
        refused(&format!("{div}, stat: \"median\")")),
        "main.typ:3:2: error: `experiment.baseline.steps_to_99` at (operation: \"div\") has no median: \
         2 of 3 runs ended before the value was reached\n  hint: leave out stat: to print the bound\n"
    );
}

#[test]
fn parameters_are_printed_as_the_recipe_has_them() {
    assert_eq!(plainly(r#"#param("experiment.baseline.lr")"#), "0.001");
    assert_eq!(plainly(r#"#param("experiment.layerwise.lr")"#), "7 × 10⁻⁴, 0.0015, 0.003");
    assert_eq!(plainly(r#"#param("experiment.baseline.steps", unit: "step")"#), "3000 steps");
    assert_eq!(plainly(r#"#param("experiment.baseline.model.width")"#), "64");
    assert_eq!(plainly(r#"#param("experiment.baseline.operation", all: true)"#), "add and div");
}

#[test]
fn facts_counts_and_constants() {
    assert_eq!(plainly(r#"#fact("memory.total")"#), "25.3 GB");
    assert_eq!(plainly(r#"#fact("gpu")"#), "no NVIDIA GPU: libnvidia-ml.so.1 not found");
    assert_eq!(plainly(r#"#fact("run.wall", stat: "sum")"#), "6 min 23 s");
    assert_eq!(plainly(r#"#fact("sandbox")"#), "full");
    assert_eq!(
        plainly(r#"#count("runs") #count("experiment.fast.seeds", words: true)"#),
        "18 | three"
    );
    assert_eq!(plainly(r#"#constant(99, unit: "%", because: [a convention])"#), "99%");
}

#[test]
fn a_table_enters_each_cell() {
    let table = r#"#results-table("experiment.baseline", "experiment.fast", metrics: ("accuracy",), across: "operation")"#;
    assert_eq!(plainly(table), "99.90 ± 0.06 | 93 ± 5 | 99.88 ± 0.07 | 99.3 ± 0.2");
}

#[test]
fn errors_stand_at_the_authors_line_and_name_the_nearest() {
    let cases = [
        (
            r#"A #value("experiment.basline.steps_to_99")."#,
            "main.typ:3:4: error: no experiment `experiment.basline`\n  hint: did you mean `experiment.baseline`?\n",
        ),
        (
            r#"#value("experiment.baseline.step_to_99")"#,
            "main.typ:3:2: error: `experiment.baseline` has no metric `step_to_99`\n  hint: did you mean `steps_to_99`?\n",
        ),
        (
            r#"#value("baseline.accuracy")"#,
            "main.typ:3:2: error: `baseline.accuracy` does not begin with `experiment.`\n  hint: did you mean `experiment.baseline.accuracy`?\n",
        ),
        (
            r#"#value("experiment.baseline.accuracy")"#,
            "main.typ:3:2: error: `experiment.baseline` has 2 points\n  hint: name one of them, such as point: (operation: \"add\")\n",
        ),
        (
            r#"#value("experiment.baseline.accuracy", point: (operation: "mul"))"#,
            "main.typ:3:2: error: `experiment.baseline` has no point (operation: \"mul\")\n  hint: its points are (operation: \"add\") and (operation: \"div\")\n",
        ),
        (
            r#"#value("experiment.baseline.accuracy", point: (operation: "add"), stat: "avg")"#,
            "main.typ:3:2: error: no statistic \"avg\"\n  hint: there is `mean`, `sd`, `median`, `min`, `max`, `n`\n",
        ),
        (
            r#"#param("experiment.baseline.Lr")"#,
            "main.typ:3:2: error: `experiment.baseline` has no parameter `Lr`\n  hint: did you mean `lr`?\n",
        ),
        (
            r#"#param("experiment.baseline.operation")"#,
            "main.typ:3:2: error: `experiment.baseline.operation` differs between points: add and div\n  hint: name one, such as point: (operation: \"add\"), or print them with all: true\n",
        ),
        (
            r#"#fact("cpu.modell")"#,
            "main.typ:3:2: error: no fact `cpu.modell`\n  hint: did you mean `cpu.model`?\n",
        ),
        (
            r#"#fact("gpu.name")"#,
            "main.typ:3:2: error: the fact `gpu.name` was not measured: no NVIDIA GPU: libnvidia-ml.so.1 not found\n  hint: fact(\"gpu\") prints this reason\n",
        ),
        (
            r#"#fact("run.wall")"#,
            "main.typ:3:2: error: `run.wall` was measured for each of 18 runs\n  hint: say which: stat: \"sum\", \"mean\", \"min\" or \"max\"\n",
        ),
        (
            r#"#count("runz")"#,
            "main.typ:3:2: error: nothing to count by the name `runz`\n  hint: did you mean `runs`?\n",
        ),
        (
            r#"#constant(7)"#,
            "main.typ:3:2: error: a constant needs a reason\n  hint: write because: [where the number comes from]\n",
        ),
        (
            r#"#figure("curve", caption: [C])"#,
            "main.typ:3:2: error: no figure `figure.curve`\n  hint: did you mean `curves`?\n",
        ),
        (
            r#"#results-table(metric: ("accuracy",))"#,
            "main.typ:3:2: error: unexpected argument `metric`\n  hint: did you mean `metrics`?\n",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn an_error_inside_a_function_of_the_author_points_into_it() {
    let text = "#let mine(name) = value(\"experiment.\" + name)\n#mine(\"nothing.at-all\")";
    let first = refused_free(text);
    assert!(
        first.starts_with("main.typ:3:19: error: no experiment `experiment.nothing`\n"),
        "{first}"
    );
}

#[test]
fn papers_see_no_network_and_no_data_file() {
    assert_eq!(
        refused_free("#import \"@preview/cetz:0.4.0\""),
        "main.typ:3:9: error: failed to load package (papers see no network; @preview/cetz:0.4.0 is not \
         @rescience/paper:0.1.0)\n"
    );
    for text in ["#json(\"data.json\")", "#json(\"/data.json\")", "#read(\"../data.json\")"] {
        let told = refused_free(text);
        assert!(told.starts_with("main.typ:3:7: error: "), "{told}");
    }
    for text in [
        "#import \"@rescience/paper:0.1.0\": data",
        "#import \"@rescience/paper:0.1.0\" as p\n#p.data",
    ] {
        assert!(refused_free(text).contains("error: "), "{text}");
    }
    let told = refused_free("#import \"@rescience/paper:0.2.0\": *");
    assert!(told.contains("papers see no network"), "{told}");
}

#[test]
fn claims_cannot_be_forged() {
    assert_eq!(
        refused_free("#metadata((printed: \"7\")) <rescience-claim>"),
        "main.typ:3:2: error: labels that begin with `rescience-` belong to the package\n"
    );
}

#[test]
fn a_paper_without_its_closing_page_is_refused() {
    let mut input = sample();
    input.bibliography = None;
    for text in ["Nothing.", "#value(\"experiment.fast.accuracy\", point: (operation: \"add\"))"] {
        let main = format!("#import \"@rescience/paper:0.1.0\": *\n{text}");
        input.files.insert("main.typ".to_owned(), main.into_bytes());
        let told = refusal(&input);
        assert!(told.contains("write `#show: paper` below the import"), "{told}");
    }
}

#[test]
fn a_broken_bibliography_is_named_by_the_authors_path() {
    let mut input = sample();
    input.files.insert("refs.bib".to_owned(), b"@article{broken,\n  title = {No end\n".to_vec());
    let told = refusal(&input);
    assert!(told.starts_with("refs.bib:"), "{told}");
}

#[test]
fn a_missing_text_is_named() {
    let mut input = sample();
    input.main = "paper/main.typ".to_owned();
    assert_eq!(refusal(&input), "error: the paper has no file paper/main.typ\n");
}

#[test]
fn a_paper_of_a_project_without_runs_is_typeset() {
    let mut input = line("Nothing was run.");
    input.experiments.clear();
    input.facts.clear();
    input.figures.clear();
    assert_eq!(made(&input).claims, json!([]));
}

#[test]
fn the_only_point_of_an_experiment_is_not_named() {
    let mut input = line(r#"#results-table(metrics: ("accuracy",), n: false)"#);
    for experiment in &mut input.experiments {
        experiment.points.truncate(1);
    }
    let claims = made(&input).claims;
    let sources: Vec<&str> =
        claims.as_array().unwrap().iter().filter_map(|claim| claim["source"].as_str()).collect();
    assert!(
        !sources.is_empty() && sources.iter().all(|source| !source.contains('(')),
        "{sources:?}"
    );
}

#[test]
fn facts_of_runs_that_built_nothing_are_typeset() {
    let mut input = line("Nothing was built.");
    for facts in input.facts.values_mut() {
        facts["toolchain"] = json!({ "cargo": null, "rustc": null });
        facts["packages"] = json!({});
    }
    made(&input);
}

#[test]
fn every_style_is_typeset() {
    let mut input = sample();
    input.project.style = "report".to_owned();
    assert!(made(&input).pages >= 3);
    input.project.style = "poster".to_owned();
    assert_eq!(
        refusal(&input),
        "main.typ:2:2: error: no style \"poster\"\n  hint: there is `conference`, `report`\n"
    );
}
