//! What is wrong in a recipe, as data: the command line draws it, this crate never prints.

use std::fmt;
use std::ops::Range;

use crate::code::Code;

/// One thing wrong in a recipe, tied to the bytes that are wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of mistake it is; `rescience explain CODE` describes it.
    pub code: Code,
    /// One line without a full stop, starting in lower case.
    pub message: String,
    /// The bytes to underline, within [`Diagnostics::text`].
    pub span: Range<usize>,
    /// What stands under the underlined bytes; may be empty.
    pub label: String,
    /// Facts that help to understand, one line each.
    pub notes: Vec<String>,
    /// What to do, if that is known.
    pub help: Option<String>,
    /// Other places that matter, each with its own label.
    pub secondary: Vec<(Range<usize>, String)>,
}

impl Diagnostic {
    /// Makes a diagnostic with nothing but a place and a message.
    pub fn new(code: Code, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            message: message.into(),
            span,
            label: String::new(),
            notes: Vec::new(),
            help: None,
            secondary: Vec::new(),
        }
    }

    /// Says what the underlined bytes are.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Diagnostic {
        self.secondary.push((span, label.into()));
        self
    }
}

/// Everything wrong in one recipe, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    /// The file's name as the user would type it.
    pub file: String,
    /// The file's text; spans are byte ranges of it.
    pub text: String,
    /// At least one.
    pub items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorts by place and drops what was found twice, as an inherited value may be.
    pub fn new(file: &str, text: &str, mut items: Vec<Diagnostic>) -> Diagnostics {
        for item in &mut items {
            item.span = clamp(text, &item.span);
            for (span, _) in &mut item.secondary {
                *span = clamp(text, span);
            }
        }
        items.sort_by(|a, b| {
            (a.span.start, a.span.end, a.code, &a.message).cmp(&(
                b.span.start,
                b.span.end,
                b.code,
                &b.message,
            ))
        });
        items.dedup_by(|a, b| a.code == b.code && a.span == b.span && a.message == b.message);
        Diagnostics { file: file.to_owned(), text: text.to_owned(), items }
    }

    /// Makes the diagnostics of a single mistake.
    pub fn one(file: &str, text: &str, item: Diagnostic) -> Diagnostics {
        Diagnostics::new(file, text, vec![item])
    }

    /// The line and column of a byte, both from 1; columns count characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        line_column(&self.text, offset)
    }
}

/// One line per diagnostic: `rescience.toml:3:1: error[RS0003]: unknown key ...`.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, item) in self.items.iter().enumerate() {
            if nth > 0 {
                writeln!(f)?;
            }
            let (line, column) = self.line_column(item.span.start);
            write!(f, "{}:{line}:{column}: error[{}]: {}", self.file, item.code, item.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor(text, span.start);
    let end = floor(text, span.end).max(start);
    start..end
}

/// The nearest character boundary at or before `offset`: the renderer slices the text by spans.
fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
