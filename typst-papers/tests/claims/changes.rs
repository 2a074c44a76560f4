//! Changes between two sides, and units: what may be computed from numbers that belong together.

use serde_json::json;

use crate::{alone, base, claims, fast, made, printed, refused};

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
