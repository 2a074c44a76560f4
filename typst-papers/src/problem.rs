//! Errors and warnings at the author's line.
//!
//! An error that the package raises is shown where the author called it: typst keeps the calls an
//! error passed through, and the innermost one in an author's file is the place to mend.

use std::fmt;
use std::ops::Range;

use typst::diag::SourceDiagnostic;
use typst::syntax::{DiagSpan, FileId, LinkedNode, SyntaxKind};
use typst::{World as _, WorldExt as _};

use crate::world::{BIBLIOGRAPHY, PaperWorld};

/// One thing that is wrong with a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the paper was refused for it.
    pub severity: Severity,
    /// The code that `rescience explain` describes.
    pub code: Option<&'static str>,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// The author's file, as a path in the input; `None` where no file of the author's is at fault.
    pub file: Option<String>,
    /// The text of that file.
    pub text: Option<String>,
    /// The bytes of the text to underline.
    pub span: Option<Range<usize>>,
    /// What could be done about it.
    pub hints: Vec<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The paper was typeset nevertheless.
    Warning,
    /// The paper was not typeset.
    Error,
}

impl Problem {
    /// An error without a place.
    pub(crate) fn error(message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Error,
            code: None,
            message: message.into(),
            file: None,
            text: None,
            span: None,
            hints: Vec::new(),
        }
    }

    /// The line and column where the span begins, both from 1, the column in characters.
    pub fn position(&self) -> Option<(usize, usize)> {
        let before = self.text.as_deref()?.get(..self.span.as_ref()?.start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Some((line, column))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some((line, column)) = self.position() {
                write!(f, "{line}:{column}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(match self.severity {
            Severity::Warning => "warning: ",
            Severity::Error => "error: ",
        })?;
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Puts a diagnostic of typst's at the author's line.
pub(crate) fn translate(
    world: &PaperWorld,
    bibliography: Option<&str>,
    diagnostic: &SourceDiagnostic,
) -> Problem {
    let from_package = diagnostic.span.id().is_some_and(|id| !PaperWorld::is_author(id));
    let mut problem = Problem::error(diagnostic.message.as_str());
    if diagnostic.severity == typst::diag::Severity::Warning {
        problem.severity = Severity::Warning;
    }
    problem.hints = diagnostic.hints.iter().map(|hint| hint.v.to_string()).collect();

    if from_package && let Some(message) = problem.message.strip_prefix("assertion failed: ") {
        // The package reports with `assert`, one hint on each line after the first.
        let mut lines = message.lines().map(str::to_owned).collect::<Vec<_>>().into_iter();
        problem.message = lines.next().unwrap_or_default();
        problem.hints.extend(lines);
    }
    if let Some((code, message)) = coded(&problem.message) {
        problem.code = Some(code);
        problem.message = message.to_owned();
    }
    if problem.message.contains("rescience-row") && problem.message.contains("does not exist") {
        problem.message = NO_CLOSING_PAGE.to_owned();
        problem.hints = vec!["write `#show: paper` below the import".to_owned()];
    }

    let calls = diagnostic.trace.iter().map(|call| DiagSpan::from(call.span));
    let place = std::iter::once(diagnostic.span)
        .chain(calls)
        .find(|span| span.id().is_some_and(|id| author_path(id, bibliography).is_some()));
    if let Some(span) = place
        && let Some(id) = span.id()
    {
        problem.file = author_path(id, bibliography);
        problem.text = world.source(id).ok().map(|source| source.text().to_owned());
        problem.span = world.range(span);
    } else if from_package && let Ok(source) = world.source(world.main()) {
        // Typst does not trace what a show rule without a selector calls.
        problem.span = paper_rule(&LinkedNode::new(source.root()));
        problem.file = problem.span.as_ref().and(author_path(source.id(), bibliography));
        problem.text = problem.span.as_ref().map(|_| source.text().to_owned());
    }
    problem
}

/// The codes that the package's own messages begin with.
const CODES: [&str; 5] = ["RS0216", "RS0217", "RS0218", "RS0219", "RS0220"];

/// A message of the package, with its code.
fn coded(message: &str) -> Option<(&'static str, &str)> {
    CODES.iter().find_map(|code| Some((*code, message.strip_prefix(code)?.strip_prefix(' ')?)))
}

/// The problems once each. That the closing page is missing follows from any other error.
pub(crate) fn without_echoes(all: Vec<Problem>) -> Vec<Problem> {
    let follows = |problem: &Problem| problem.message == NO_CLOSING_PAGE;
    let alone = all.iter().all(follows);
    let mut told: Vec<Problem> = Vec::new();
    for problem in all {
        if (alone || !follows(&problem)) && !told.contains(&problem) {
            told.push(problem);
        }
    }
    told
}

/// What is said of numbers that cannot be linked to their rows.
const NO_CLOSING_PAGE: &str = "the paper has no closing page to link its numbers to";

/// The rule through which the author's text calls the package's `paper`.
fn paper_rule(node: &LinkedNode<'_>) -> Option<Range<usize>> {
    if node.kind() == SyntaxKind::ShowRule {
        let text = node.get().full_text();
        let call = text.trim_start_matches("show").trim_start_matches([':', ' ']);
        return call.starts_with("paper").then(|| node.range());
    }
    node.children().find_map(|child| paper_rule(&child))
}

/// The author's path of a file, if it is one of the author's. The bibliography is, although the
/// package reads it under a name of its own.
fn author_path(id: FileId, bibliography: Option<&str>) -> Option<String> {
    let path = id.vpath().get_without_slash();
    if PaperWorld::is_author(id) {
        Some(path.to_owned())
    } else if path == BIBLIOGRAPHY {
        bibliography.map(str::to_owned)
    } else {
        None
    }
}
