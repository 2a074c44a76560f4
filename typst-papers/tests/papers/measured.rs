//! What was measured of runs: printed if it is known of all of them, and otherwise said not to be.

use jiff::Timestamp;
use rescience_typst_papers::PaperInput;
use serde_json::Value;

use crate::support::facts;
use crate::{line, made, refusal};

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

/// The sample, with facts of its own for each run.
fn each(text: &str, change: impl Fn(i64, &mut Value)) -> PaperInput {
    let mut input = line(text);
    let points = input.experiments.iter_mut().flat_map(|results| &mut results.points);
    for (n, run) in points.flat_map(|point| &mut point.runs).enumerate() {
        let mut own = facts();
        change(n as i64, &mut own);
        run.facts = format!("b3:{n:064x}");
        input.facts.insert(run.facts.clone(), own);
    }
    input
}

/// Runs of a minute, one beginning so many seconds after the other, that took a kilowatt-hour.
fn measured(gap: i64) -> impl Fn(i64, &mut Value) {
    move |n, facts| {
        let at = |seconds: i64| Timestamp::from_second(1_700_000_000 + seconds).unwrap();
        facts["schema"] = 3.into();
        let run = &mut facts["run"];
        run["energy_j"] = 3.6e6.into();
        run["cpu_energy_j"] = 3e6.into();
        run["started"] = at(n * gap).to_string().into();
        run["finished"] = at(n * gap + 60).to_string().into();
    }
}

/// A sum of energy stands only where it is one: each run was measured, and no two shared a counter.
#[test]
fn energy_is_added_up_or_said_why_not() {
    let told =
        |change: &dyn Fn(i64, &mut Value)| words(&made(&each("Nothing is said.", change)).html);
    let (after, beside) = (told(&measured(60)), told(&measured(59)));
    assert!(after.contains("Energy 18 kWh"), "{after}");
    assert!(beside.contains("Energy not measured: what ran at the same time shared"), "{beside}");
    let older = told(&|n, facts| {
        measured(60)(n, facts);
        facts["schema"] = 2.into();
    });
    assert!(older.contains("Energy not measured"), "{older}");
    // What is not known of one anyway is not laid to those that were there at once.
    let one = told(&|n, facts| {
        measured(59)(n, facts);
        if n == 3 {
            facts["run"]["energy_j"] = Value::Null;
            facts["run"]["energy_absent"] = "no counter can be read".into();
        }
    });
    assert!(one.contains("Energy not measured: no counter can be read"), "{one}");
    assert!(!one.contains("shared"), "{one}");
    let absent = told(&|_, facts| facts["run"]["energy_absent"] = "no counter can be read".into());
    assert!(absent.contains("Energy not measured: no counter can be read"), "{absent}");
}

/// What a paper says of all runs was measured for all of them.
#[test]
fn statistics_of_facts_leave_no_run_out() {
    let fact = |name: &str| format!("#fact(\"run.{name}\", stat: \"sum\")");
    for name in ["energy_j", "cpu_energy_j"] {
        made(&each(&fact(name), measured(60)));
        let told = refusal(&each(&fact(name), measured(59)));
        let why = "for 18 of 18 runs: what ran at the same time shared one counter";
        assert!(told.contains(&format!("the fact `run.{name}` was not measured {why}")), "{told}");
    }
    let told = refusal(&each(&fact("energy_j"), |n, facts| {
        measured(60)(n, facts);
        facts["schema"] = if n < 4 { 2 } else { 3 }.into();
    }));
    assert!(told.contains("for 4 of 18 runs: it was added up over some parts alone"), "{told}");
    let one = |path: &'static str| {
        move |n: i64, facts: &mut Value| {
            facts["run"]["frequency_mhz"] = serde_json::json!({ "mean": 3000.0 });
            if n == 5 {
                *facts.pointer_mut(path).unwrap() = Value::Null;
            }
        }
    };
    for (path, name) in [("/run/wall_s", "wall_s"), ("/run/frequency_mhz", "frequency_mhz.mean")] {
        let told = refusal(&each(&fact(name), one(path)));
        assert!(
            told.contains(&format!("`run.{name}` was not measured for 1 of 18 runs\n")),
            "{told}"
        );
        let of = |experiment: &str| {
            fact(name).replace(')', &format!(", of: \"experiment.{experiment}\")"))
        };
        assert!(refusal(&each(&of("baseline"), one(path))).contains("1 of 6 runs of"));
        made(&each(&of("fast"), one(path)));
    }
}

/// A compile beside a run takes from the same counter.
#[test]
fn energy_that_a_build_shared_is_no_runs() {
    let text = r#"#fact("run.energy_j", of: "experiment.baseline", stat: "sum")"#;
    let mut input = each(text, measured(60));
    made(&input);
    let mut build = facts();
    measured(60)(0, &mut build);
    input.facts.insert("b3:build".to_owned(), build);
    let told = refusal(&input);
    assert!(told.contains("for 1 of 6 runs of `experiment.baseline`: what ran at"), "{told}");
    // Of those of another experiment it says nothing.
    let other = text.replace("baseline", "fast");
    let main = String::from_utf8(input.files["main.typ"].clone()).unwrap().replace(text, &other);
    input.files.insert("main.typ".to_owned(), main.into_bytes());
    made(&input);
}

/// Neither a document of an older schema nor one that is missing counts for nothing.
#[test]
fn runs_that_say_nothing_of_a_fact_lack_it() {
    let text = r#"#fact("run.charged_memory_bytes", stat: "max")"#;
    let charged = |n: i64, facts: &mut Value| {
        if n != 4 {
            facts["run"]["charged_memory_bytes"] = 5000.into();
        }
    };
    let told = refusal(&each(text, charged));
    assert!(told.contains("was not measured for 1 of 18 runs"), "{told}");
    let mut input = each(&text.replace("charged", "peak"), charged);
    made(&input);
    input.facts.pop_first();
    let told = refusal(&input);
    assert!(told.contains("`run.peak_memory_bytes` was not measured for 1 of 18 runs"), "{told}");
}

/// Runs that asked for no accelerator have none to tell of; of those that asked, each has to.
#[test]
fn accelerators_are_counted_by_the_runs_that_had_them() {
    let gpu = |watts: u32| serde_json::json!({ "power_w": { "mean": watts } });
    let power = |n: i64, facts: &mut Value| {
        let gpus = if n < 2 { vec![gpu(400), gpu(200)] } else { Vec::new() };
        facts["run"]["gpus"] = gpus.into();
    };
    let text = |stat: &str| format!(r#"#fact("run.gpus.power_w.mean", stat: "{stat}")"#);
    let printed = words(&made(&each(&text("max"), power)).html);
    assert!(printed.contains("400"), "{printed}");
    let lost = |n: i64, facts: &mut Value| {
        power(n, facts);
        match n {
            0 => facts["run"]["gpus"][1]["power_w"] = Value::Null,
            7 => facts["run"]["gpu_absent"] = "no permission".into(),
            _ => {}
        }
    };
    let told = refusal(&each(&text("max"), lost));
    assert!(told.contains("was not measured for 2 of 18 runs"), "{told}");
}
