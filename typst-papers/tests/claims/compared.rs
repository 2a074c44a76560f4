//! Comparisons: told apart by a test, worded by its outcome.

use serde_json::json;

use crate::{alone, base, claims, close, fast, made, printed, refused};

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
