//! The NeurIPS paper checklist, answered as far as facts answer it.
//!
//! What an account does not tell is left for the authors and says so. An answer that the account
//! brings along stands before one that is derived.

mod derive;
mod question;

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::account::Account;
use crate::markdown::line;
pub use question::Question;

/// Where the form for people is.
pub const MARKDOWN: &str = "checklist.md";

/// Where the form for machines is.
pub const JSON: &str = "checklist.json";

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: Question,
    /// What is answered; `None` where facts are known and the answer is the authors'.
    pub verdict: Option<Verdict>,
    /// Why, or which facts.
    pub because: String,
}

/// What the form allows as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The question does not apply.
    NotApplicable,
}

impl Verdict {
    /// The word of the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Yes => "Yes",
            Verdict::No => "No",
            Verdict::NotApplicable => "NA",
        }
    }
}

/// Every question with its answer, or `None` where nothing is known.
pub fn answers(account: &Account) -> Vec<(Question, Option<Answer>)> {
    let given = |question| account.answers.iter().find(|it| it.question == question).cloned();
    let answer = |question| given(question).or_else(|| derive::answer(account, question));
    Question::ALL.into_iter().map(|question| (question, answer(question))).collect()
}

/// The form for people.
pub fn markdown(account: &Account) -> String {
    let mut out = format!(
        "# NeurIPS paper checklist\n\n{}\n\n\
         Answers follow from what was recorded. Where nothing was, the authors have to answer.\n",
        line(&account.project.title)
    );
    for (number, (question, answer)) in (1..).zip(answers(account)) {
        _ = write!(out, "\n## {number}. {}\n\n{}\n\n", question.title(), question.text());
        let verdict = answer.as_ref().and_then(|answer| answer.verdict);
        let verdict = verdict.map_or("to be answered by the authors", Verdict::as_str);
        _ = writeln!(out, "- Answer: {verdict}");
        match &answer {
            Some(Answer { verdict: Some(_), because, .. }) => {
                _ = writeln!(out, "- Justification: {}", line(because));
            }
            Some(Answer { because, .. }) => _ = writeln!(out, "- Recorded: {}", line(because)),
            None => {}
        }
    }
    out
}

/// The form for machines.
pub fn json(account: &Account) -> Value {
    let questions = (1..).zip(answers(account)).map(|(number, (question, answer)): (u32, _)| {
        json!({
            "number": number,
            "question": question.title(),
            "answer": answer.as_ref().and_then(|it| it.verdict).map(Verdict::as_str),
            "because": answer.as_ref().map(|it| it.because.as_str()),
        })
    });
    json!({ "checklist": "NeurIPS paper checklist", "questions": questions.collect::<Vec<_>>() })
}
