//! Whole papers: what they print, what they refuse, and where they say so.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rescience_typst_papers::{Mode, PaperInput, Problem, Results, Typeset, typeset};
use serde_json::{Value, json};
use support::{digest, facts, sample};

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

/// A paper that prints each list of values as a metric of its own.
fn metrics_paper(metrics: &[Vec<f64>]) -> PaperInput {
    let names: Vec<String> = (0..metrics.len()).map(|i| format!("m{i}")).collect();
    let seeds = metrics.iter().map(Vec::len).max().unwrap_or(0);
    let runs: Vec<Value> = (0..seeds)
        .map(|seed| {
            let values: BTreeMap<&String, Option<Value>> = names
                .iter()
                .zip(metrics)
                .map(|(name, values)| (name, values.get(seed).map(|v| json!({ "value": v }))))
                .collect();
            json!({ "name": format!("experiment.e#{seed}"), "output": digest('a'), "facts": digest('f'), "metrics": values })
        })
        .collect();
    let declared: BTreeMap<&String, Value> =
        names.iter().map(|name| (name, json!({ "unit": "" }))).collect();
    let artifact = json!({ "schema": 1, "experiment": "experiment.e", "metrics": declared, "points": [{ "runs": runs }] });
    let calls: String =
        names.iter().map(|name| format!("#value(\"experiment.e.{name}\")\n")).collect();
    let main = format!("#import \"@rescience/paper:0.1.0\": *\n#show: paper\n{calls}");
    let mut input = sample();
    input.bibliography = None;
    input.files = BTreeMap::from([("main.typ".to_owned(), main.into_bytes())]);
    input.experiments = vec![Results::parse(artifact.to_string().as_bytes()).unwrap()];
    input.facts = BTreeMap::from([(digest('f'), facts())]);
    input.figures.clear();
    input
}

fn printed_metrics(metrics: &[Vec<f64>]) -> Vec<String> {
    let claims = made(&metrics_paper(metrics)).claims;
    claims.as_array().unwrap().iter().map(|c| c["printed"].as_str().unwrap().to_owned()).collect()
}

/// Reads a mean as it was printed: its value and half a unit of its last place.
fn read_back(text: &str) -> (f64, f64) {
    let plain: String = text.chars().filter(|c| !matches!(c, '\u{202f}' | '\u{a0}')).collect();
    let plain = plain.replace('−', "-");
    // A power behind brackets scales mean and deviation, any other only what it stands beside.
    let (mean, sd, shared) = match plain.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((both, power)) => {
            (both.split_once('±').unwrap().0, both.split_once('±').unwrap().1, power)
        }
        None => plain.split_once('±').map_or((plain.as_str(), "", ""), |(mean, sd)| (mean, sd, "")),
    };
    let (mean, own) = split_power(mean);
    let scale = 10f64.powi(own + split_power(shared).1);
    let place = |number: &str| match number.split_once('.') {
        Some((_, part)) => -(part.len() as i32),
        None => (number.len() - number.trim_end_matches('0').len()) as i32,
    };
    // A mean that rounds to nought ends where its deviation does.
    let place = if mean.trim_start_matches('-') == "0" && !sd.is_empty() {
        place(sd)
    } else {
        place(&mean)
    };
    (mean.parse::<f64>().unwrap() * scale, 0.5 * 10f64.powi(place) * scale)
}

/// A mantissa, which is not written where it is one, and the exponent of its power of ten.
fn split_power(text: &str) -> (String, i32) {
    let power = text.rsplit_once("10").filter(|(_, raised)| {
        !raised.is_empty() && raised.chars().all(|c| "⁻⁰¹²³⁴⁵⁶⁷⁸⁹".contains(c))
    });
    let Some((mantissa, raised)) = power else { return (text.to_owned(), 0) };
    let digits: String = raised
        .chars()
        .map(|c| match c {
            '⁻' => '-',
            '¹' => '1',
            '²' => '2',
            '³' => '3',
            c => char::from_digit(c as u32 - '⁰' as u32, 10).unwrap(),
        })
        .collect();
    let mantissa = match mantissa.trim_end_matches('×') {
        "" => "1",
        "-" => "-1",
        mantissa => mantissa,
    };
    (mantissa.to_owned(), digits.parse().unwrap())
}

#[test]
fn numbers_are_printed_as_people_write_them() {
    let cases: [(&[f64], &str); 16] = [
        (&[1170.0, 1130.0, 1210.0], "1170 ± 40"),
        (&[2100.0], "2100"),
        (&[0.3, 0.3, 0.3], "0.3"),
        (&[0.991_234], "0.9912"),
        (&[12_345.0, 12_355.0], "12 350 ± 7"),
        (&[1_234_567.0], "1 234 567"),
        (&[0.0], "0"),
        (&[-0.5, -0.7], "−0.60 ± 0.14"),
        (&[-0.001, 0.0005], "−0.0003 ± 0.0011"),
        (&[0.000_012, 0.000_014], "(1.30 ± 0.14) × 10⁻⁵"),
        (&[3.2e9, 3.4e9], "(3.30 ± 0.14) × 10⁹"),
        (&[1e-7], "10⁻⁷"),
        (&[0.999_96, 1.000_04], "1.00000 ± 0.00006"),
        (&[100.0, 101.0, 99.0], "100.0 ± 1.0"),
        // A spread far below the mean: each has a power of its own.
        (&[987_654_321.5, 987_654_321.5, 987_654_322.1], "9.8765432 × 10⁸ ± 0.3"),
        (&[5.123_456_7, 5.123_456_704_2], "5.1234567 ± 3 × 10⁻⁹"),
    ];
    let metrics: Vec<Vec<f64>> = cases.iter().map(|(values, _)| values.to_vec()).collect();
    let found: Vec<String> =
        printed_metrics(&metrics).iter().map(|t| t.replace(['\u{202f}', '\u{a0}'], " ")).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, text)| *text).collect();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 60,
        failure_persistence: None,
        // A build is red or green, never lucky.
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn printing_keeps_sign_and_magnitude(
        metrics in proptest::collection::vec(
            (prop_oneof![Just(1), Just(2), Just(3)], -9.999..9.999f64, -9..10i32, 0.0..2.0f64, -6..2i32),
            40,
        )
    ) {
        let metrics: Vec<Vec<f64>> = metrics
            .into_iter()
            .map(|(n, m, e, spread, below)| {
                let mean = m * 10f64.powi(e);
                let half = spread * 10f64.powi(e + below);
                (0..n).map(|i| mean + half * (f64::from(i) - 1.0)).collect()
            })
            .collect();
        for (text, values) in printed_metrics(&metrics).iter().zip(&metrics) {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let (read, half) = read_back(text);
            prop_assert!((read - mean).abs() <= half * 1.000_001 + mean.abs() * 1e-9, "{mean} printed as {text}, read as {read}");
            let clear = mean.abs() > 1e-300 && values.iter().any(|v| *v != values[0]) || values.len() == 1;
            if clear && mean != 0.0 {
                // What rounds to nought has no sign.
                let negative = mean < 0.0 && read != 0.0;
                prop_assert_eq!(text.trim_start_matches('(').starts_with('−'), negative, "{} printed as {}", mean, text);
            }
        }
    }
}

/// The text of a page of HTML, with one blank between its parts.
fn words(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each fact of the closing page in turn, as it is where it could not be read.
#[test]
fn what_could_not_be_read_is_said_not_to_be_measured() {
    let paths: &[(&str, Value, &str)] = &[
        ("/cpu/model", Value::Null, "Processor not measured"),
        ("/memory/total_bytes", Value::Null, "Memory not measured"),
        ("/gpu/absent", Value::Null, "GPU not measured"),
        ("/os", Value::Null, "System not measured, Linux 6.1.0-18-amd64"),
        ("/kernel", Value::Null, "System Debian GNU/Linux 12 (bookworm), not measured"),
        ("/toolchain", Value::Null, "Toolchain not measured"),
        ("/rescience", Value::Null, "rescience not measured"),
        ("/run/sandbox", Value::Null, "Sandbox not measured"),
        ("/run/wall_s", Value::Null, "Wall time not measured"),
        ("/run/user_s", Value::Null, "CPU time not measured"),
        ("/run/system_s", Value::Null, "CPU time not measured"),
        ("/run/peak_memory_bytes", Value::Null, "Peak memory not measured"),
        ("/run/energy_j", Value::Null, "Energy not measured"),
    ];
    let input = line("Nothing is said.");
    let whole = words(&made(&input).html);
    for (path, nothing, printed) in paths {
        let mut input = input.clone();
        for facts in input.facts.values_mut() {
            if let Some(fact) = facts.pointer_mut(path) {
                *fact = nothing.clone();
            }
        }
        let text = words(&made(&input).html);
        assert!(text.contains(printed), "{path}: no `{printed}` in\n{text}");
        // Energy is not measured in the sample anyway.
        assert!(*path == "/run/energy_j" || !whole.contains(printed), "{path}: the test is none");
        // One run that could not be measured makes a sum or a maximum over all of them a guess.
        if path.starts_with("/run/") && *path != "/run/energy_j" && *path != "/run/sandbox" {
            let mut input = line("Nothing is said.");
            let one = input.facts.values_mut().next().expect("the sample has facts");
            *one.pointer_mut(path).expect("a fact of the sample") = nothing.clone();
            assert!(words(&made(&input).html).contains(printed), "{path} of one run");
        }
    }
}

/// A sum of energy stands only where it is one: each run was measured, and no two shared a counter.
#[test]
fn energy_is_added_up_or_said_why_not() {
    let input = line("Nothing is said.");
    let told = |change: &dyn Fn(i64, &mut Value)| {
        let mut input = input.clone();
        let points = input.experiments.iter_mut().flat_map(|results| &mut results.points);
        for (n, run) in points.flat_map(|point| &mut point.runs).enumerate() {
            let mut own = facts();
            change(n as i64, &mut own);
            run.facts = format!("b3:{n:064x}");
            input.facts.insert(run.facts.clone(), own);
        }
        words(&made(&input).html)
    };
    let measured = |gap: i64| {
        move |n: i64, facts: &mut Value| {
            let at = |seconds: i64| jiff::Timestamp::from_second(1_700_000_000 + seconds).unwrap();
            facts["schema"] = 3.into();
            let run = &mut facts["run"];
            run["energy_j"] = 3.6e6.into();
            run["started"] = at(n * gap).to_string().into();
            run["finished"] = at(n * gap + 60).to_string().into();
        }
    };
    let (after, beside) = (told(&measured(60)), told(&measured(59)));
    assert!(!after.contains("Energy not measured"), "{after}");
    assert!(beside.contains("Energy not measured: runs at the same time shared"), "{beside}");
    let older = told(&|n, facts| {
        measured(60)(n, facts);
        facts["schema"] = 2.into();
    });
    assert!(older.contains("Energy not measured"), "{older}");
    let absent = told(&|_, facts| facts["run"]["energy_absent"] = "no counter can be read".into());
    assert!(absent.contains("Energy not measured: no counter can be read"), "{absent}");
}
