//! Whoever does better may have cost more: comparisons say so, or name a control that cost as much.

use serde_json::json;

use crate::{Made, base, fast, made, printed, refused};

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

/// Whose counters others used meanwhile has no energy of its own to compare.
#[test]
fn energy_is_compared_only_where_each_had_its_counters_alone() {
    let took = |mut made: Made, energy: f64, from: u32| {
        made.facts["schema"] = json!(3);
        let run = &mut made.facts["run"];
        run["energy_j"] = json!(energy);
        run["started"] = json!(format!("2026-03-04T10:{from:02}:00Z"));
        run["finished"] = json!(format!("2026-03-04T10:{:02}:00Z", from + 10));
        made
    };
    let compare = r#"#compare("experiment.fast.steps", "experiment.base.steps")"#;
    let text = |from| printed(&[took(fast(), 300.0, from), took(base(), 100.0, 10)], compare);
    assert!(text(20).ends_with(", with 3 times the energy"), "{}", text(20));
    assert!(!text(19).contains("energy"), "{}", text(19));
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
