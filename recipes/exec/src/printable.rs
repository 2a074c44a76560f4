//! Text from programs, made fit for a terminal.
//!
//! A program chooses its log, its progress, its arguments' and files' names; a terminal obeys the
//! control characters among them: it would overwrite lines, rename windows, fill the clipboard.

use serde_json::Value;

use crate::event::Failure;

/// A text without characters that a terminal obeys or that reorder what it shows: they stand there
/// as `\u{1b}`. Line breaks and tabs stay.
pub fn printable(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        if obeyed(c) {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
    }
    plain
}

fn obeyed(c: char) -> bool {
    let invisible = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    invisible || (c.is_control() && c != '\n' && c != '\t')
}

/// The same for a text that is to stay in its line.
pub fn printable_line(text: &str) -> String {
    let break_ = |c: char| c == '\n' || c == '\t';
    printable(text).split(break_).collect::<Vec<_>>().join(" ")
}

/// The same for all text in a JSON value.
pub(crate) fn value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(printable(&text)),
        Value::Array(values) => values.into_iter().map(self::value).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, field)| (printable_line(&name), self::value(field)))
            .collect(),
        other => other,
    }
}

/// The same for all that a failure tells, except excerpts of the author's files.
pub(crate) fn failure(mut failure: Failure) -> Failure {
    let line = |text: &mut String| *text = printable(text);
    line(&mut failure.message);
    failure.notes.iter_mut().for_each(line);
    failure.log.iter_mut().for_each(line);
    for problem in &mut failure.problems {
        line(&mut problem.message);
        problem.hints.iter_mut().for_each(line);
    }
    failure
}

#[cfg(test)]
mod tests {
    use rescience_recipes::Code;
    use serde_json::json;

    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\tb\r\nc\n"), "a\tb\nc\n");
        assert_eq!(printable("\x1b]0;title\x07\x1b[2J"), r"\u{1b}]0;title\u{7}\u{1b}[2J");
        assert_eq!(printable("100%\r  1%\u{9b}31m\x7f"), r"100%\u{d}  1%\u{9b}31m\u{7f}");
        assert_eq!(printable("a\u{202e}b\u{2028}"), r"a\u{202e}b\u{2028}");
        assert_eq!(printable("größe 模型 👍"), "größe 模型 👍");
        assert_eq!(printable_line("a\nb\x1b"), r"a b\u{1b}");
    }

    #[test]
    fn every_part_of_what_a_program_says_is_covered() {
        let told = failure(Failure {
            notes: vec!["\x1b[1m".to_owned()],
            log: Some("one\n\x1b[2J".to_owned()),
            ..Failure::new("run", Code::RunFailed, "\x1bc")
        });
        assert!(!serde_json::to_string(&told).unwrap().contains(r"\u001b"), "{told:?}");
        let said = value(json!({ "\x1b": ["\x1b", { "a": "\x1b" }], "n": 1 }));
        assert_eq!(said, json!({ r"\u{1b}": [r"\u{1b}", { "a": r"\u{1b}" }], "n": 1 }));
    }
}
