//! Claims: they stand when the data show them, and stop the paper otherwise.

use serde_json::json;

use crate::{Made, base, claims, close, fast, made, printed, refused};

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
