//! Which words and digits the wall lets through, sentence by sentence.

use crate::input::{Mode, PaperInput};
use crate::support;
use crate::typeset::typeset;

fn paper(mode: Mode, text: &str) -> PaperInput {
    let mut input = support::sample();
    input.mode = mode;
    let cites = "@power2022grokking @loshchilov2019decoupled";
    let main = format!("#import \"@rescience/paper:0.1.0\": *\n#show: paper\n{text}\n\n{cites}\n");
    input.files.insert("main.typ".to_owned(), main.into_bytes());
    input
}

/// What is underlined, with its code.
fn refused(mode: Mode, text: &str) -> Vec<(String, String)> {
    let problems = typeset(&paper(mode, text)).err().unwrap_or_default();
    let told = problems.iter().map(|problem| {
        let code = problem.code.unwrap_or("none").to_owned();
        let text = problem.text.as_deref().zip(problem.span.clone());
        (code, text.map_or(problem.to_string(), |(text, span)| text[span].to_owned()))
    });
    told.collect()
}

#[track_caller]
fn refuses(mode: Mode, text: &str, code: &str, underlined: &str) {
    assert_eq!(refused(mode, text), [(code.to_owned(), underlined.to_owned())], "{text}");
}

#[test]
fn the_sample_is_accounted_for() {
    let made = typeset(&support::sample()).map_err(|problems| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    });
    let accounting = made.unwrap_or_else(|problems| panic!("{problems}")).accounting;
    assert!(accounting.artifacts > 100, "{accounting:?}");
    assert!(accounting.citations > 10, "{accounting:?}");
}

#[test]
fn numbers_that_stand_in_the_text_are_refused() {
    refuses(Mode::Strict, "We reach 97.5 of them.", "RS0201", "97.5");
    refuses(Mode::Strict, "Some #emph[12] runs.", "RS0201", "12");
    refuses(Mode::Strict, "Escaped \\u{39}.", "RS0201", "\\u{39}");
    refuses(Mode::Strict, "Raw `x = 7`.", "RS0201", "7");
    refuses(Mode::Strict, "Three seeds.", "RS0202", "Three");
    refuses(Mode::Strict, "It is twice as wide.", "RS0202", "twice");
    refuses(Mode::Strict, "A formula $p < 0.05$.", "RS0201", "0.05");
}

#[test]
fn numbers_that_code_makes_are_refused() {
    refuses(Mode::Free, "#(3 + 4)", "RS0204", "(3 + 4)");
    refuses(Mode::Free, "#let x = 5\n#x", "RS0204", "x");
    refuses(Mode::Free, "Some words #strong(\"51\")", "RS0204", "words");
}
