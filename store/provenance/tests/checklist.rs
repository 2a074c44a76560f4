//! The checklist holds answers that follow from records, and no others.

mod support;

use rescience_provenance::account::Account;
use rescience_provenance::checklist::{self, Answer, Question, Verdict};
use serde_json::json;

#[test]
fn an_answer_that_is_given_stands_before_one_that_is_derived() {
    let mut account = support::sample().account;
    let answer = Answer {
        question: Question::Compute,
        verdict: Some(Verdict::No),
        because: "the cluster's meters were off".to_owned(),
    };
    account.answers.push(answer.clone());
    let answers = checklist::answers(&account);
    assert_eq!(answers.len(), 16);
    assert!(answers.contains(&(Question::Compute, Some(answer))));
}

#[test]
fn nothing_is_answered_where_nothing_is_known() {
    let account =
        Account { actions: Vec::new(), data_sets: Vec::new(), ..support::sample().account };
    assert!(checklist::answers(&account).iter().all(|(_, answer)| answer.is_none()));
    let form = checklist::json(&account);
    assert_eq!(form["questions"][0]["answer"], json!(null));
    assert!(checklist::markdown(&account).contains("- Answer: to be answered by the authors\n"));
}

#[test]
fn compute_is_not_summed_over_runs_that_nobody_measured() {
    let mut account = support::sample().account;
    account.actions[1].usage.cpu_seconds = None;
    let markdown = checklist::markdown(&account);
    assert!(markdown.contains("42.0 s of wall time") && !markdown.contains("CPU time"));
}
