//! Problems in a person's files, drawn as rustc draws them: place, underlined text, help, code.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use rescience_exec::event::{Failure, Problem};
use rescience_recipes::{Code, Diagnostic, Diagnostics};
use serde_json::json;

use crate::shell::Shell;

/// Prints every diagnostic of a file, and how many there were.
pub(crate) fn show(shell: &Shell, diagnostics: &Diagnostics) {
    for diagnostic in &diagnostics.items {
        shell.raw(render(diagnostics, diagnostic));
        shell.raw("");
    }
    let count = diagnostics.items.len();
    let errors = if count == 1 { "an error".to_owned() } else { format!("{count} errors") };
    shell.error(format_args!("{} has {errors}; nothing was run", diagnostics.file));
    if let Some(first) = diagnostics.items.first() {
        shell.raw(format_args!("for an explanation, try `rescience explain {}`", first.code));
    }
}

fn render(file: &Diagnostics, diagnostic: &Diagnostic) -> String {
    let mut snippet = Snippet::source(file.text.as_str()).path(file.file.as_str()).fold(true);
    let primary = AnnotationKind::Primary.span(within(&file.text, &diagnostic.span));
    snippet = snippet.annotation(primary.label(diagnostic.label.as_str()));
    for (span, label) in &diagnostic.secondary {
        let context = AnnotationKind::Context.span(within(&file.text, span));
        snippet = snippet.annotation(context.label(label.as_str()));
    }
    let mut group = Level::ERROR
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.to_string())
        .element(snippet);
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    draw(group)
}

/// Prints a failed action: its code, its problems at their places, the end of its log.
pub(crate) fn show_failure(shell: &Shell, failure: &Failure) {
    let title = format!("{}: {}", failure.action, failure.message);
    let mut group =
        Group::with_title(Level::ERROR.primary_title(title).id(failure.code.to_string()));
    for note in &failure.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if !failure.problems.is_empty() {
        for problem in &failure.problems {
            shell.raw(render_problem(problem, failure.code));
            shell.raw("");
        }
    }
    shell.raw(draw(group));
    if let Some(log) = failure.log.as_deref().map(str::trim_end).filter(|log| !log.is_empty()) {
        let style = crate::shell::DIM;
        shell.raw(format_args!("{style}  the end of its log:{style:#}"));
        for line in log.lines() {
            shell.raw(format_args!("{style}  |{style:#} {line}"));
        }
    }
    shell.raw("");
}

/// Draws a problem in a person's file; `code` is that of the failure it belongs to.
pub(crate) fn render_problem(problem: &Problem, code: Code) -> String {
    let level = if problem.warning { Level::WARNING } else { Level::ERROR };
    let title = level.primary_title(problem.message.as_str());
    let title = match code_of(problem, code) {
        Some(code) => title.id(code),
        None => title,
    };
    let mut group = match (&problem.file, &problem.text, &problem.span) {
        (Some(file), Some(text), Some(span)) => title.element(
            Snippet::source(text.as_str())
                .path(file.as_str())
                .fold(true)
                .annotation(AnnotationKind::Primary.span(within(text, span))),
        ),
        _ => Group::with_title(title),
    };
    for hint in &problem.hints {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    draw(group)
}

fn draw(group: Group<'_>) -> String {
    Renderer::styled().render(&[group])
}

/// Keeps a span inside its text and on character boundaries, so that drawing cannot fail.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// One diagnostic as a JSON message.
pub(crate) fn json(file: &Diagnostics, diagnostic: &Diagnostic) -> serde_json::Value {
    let (line, column) = position(&file.text, diagnostic.span.start);
    let (end_line, end_column) = position(&file.text, diagnostic.span.end);
    json!({
        "reason": "diagnostic",
        "level": "error",
        "code": diagnostic.code.to_string(),
        "message": diagnostic.message,
        "label": diagnostic.label,
        "notes": diagnostic.notes,
        "help": diagnostic.help,
        "hints": diagnostic.help.iter().collect::<Vec<_>>(),
        "file": file.file,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "start": diagnostic.span.start,
        "end": diagnostic.span.end,
    })
}

/// The problem's own code, or for an error without one that of its failure.
fn code_of(problem: &Problem, code: Code) -> Option<String> {
    problem.code.clone().or_else(|| (!problem.warning).then(|| code.to_string()))
}

/// A problem in a person's file as a JSON message, in the form that [`json`] has.
pub(crate) fn problem_json(problem: &Problem, action: &str, code: Code) -> serde_json::Value {
    let place = problem.text.as_deref().zip(problem.span.as_ref()).map(|(text, span)| {
        let span = within(text, span);
        let (from, to) = (position(text, span.start), position(text, span.end));
        (span, from, to)
    });
    json!({
        "reason": "diagnostic",
        "action": action,
        "level": if problem.warning { "warning" } else { "error" },
        "code": code_of(problem, code),
        "message": problem.message,
        "label": "",
        "notes": [],
        "help": problem.hints.first(),
        "hints": problem.hints,
        "file": problem.file,
        "line": place.as_ref().map(|(_, from, _)| from.0),
        "column": place.as_ref().map(|(_, from, _)| from.1),
        "end_line": place.as_ref().map(|(_, _, to)| to.0),
        "end_column": place.as_ref().map(|(_, _, to)| to.1),
        "start": place.as_ref().map(|(span, ..)| span.start),
        "end": place.as_ref().map(|(span, ..)| span.end),
    })
}

/// An error without a place as a JSON message.
pub(crate) fn bare(code: Code, message: &str, help: &str) -> serde_json::Value {
    json!({
        "reason": "diagnostic", "level": "error", "code": code.to_string(), "message": message,
        "help": help, "hints": [help],
    })
}

/// Line and column of a byte, both from 1, the column in characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..within(text, &(at..at)).start];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(position("a\nüb", 0), (1, 1));
        assert_eq!(position("a\nüb", 4), (2, 2));
        assert_eq!(position("a\n", 99), (2, 1));
    }

    #[test]
    fn a_span_that_cuts_a_character_is_widened_to_the_left() {
        assert_eq!(within("üb", &(1..9)), 0..3);
    }
}
