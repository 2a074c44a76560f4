//! From bytes to a table of values that know where they stand.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::DeTable;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The largest recipe that is read: 16 MiB.
pub const MAX_SIZE: usize = 16 << 20;

/// Syntax errors beyond this many are counted and not shown: they follow from the first.
const MAX_ERRORS: usize = 20;

/// The smallest recipe, for those who have none.
const MINIMAL: &str = "a recipe begins with `[project]` and `name = \"my-paper\"`; \
                       `rescience new` writes a whole one";

/// Checks that bytes are a text that a recipe can be.
///
/// # Errors
/// The bytes are too many, or not UTF-8. The diagnostics then hold no more of the text than the
/// line that is wrong.
pub(crate) fn text<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, Diagnostics> {
    if bytes.len() > MAX_SIZE {
        return Err(Diagnostics::one(file, "", too_large(bytes.len())));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        // Every byte that is not text becomes one `?`, which keeps all offsets.
        let mut shown = String::with_capacity(bytes.len());
        let mut rest = bytes;
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    shown.push_str(valid);
                    break;
                }
                Err(error) => {
                    let (valid, wrong) = rest.split_at(error.valid_up_to());
                    shown.push_str(&String::from_utf8_lossy(valid));
                    let length = error.error_len().unwrap_or(wrong.len());
                    shown.extend(std::iter::repeat_n('?', length));
                    rest = &wrong[length..];
                }
            }
        }
        let length = error.error_len().unwrap_or(bytes.len() - at);
        let item = Diagnostic::new(Code::NotUtf8, at..at + length, "the recipe is not UTF-8 text")
            .label(format!("byte 0x{:02X} is no part of a character here", bytes[at]))
            .help("save the file as UTF-8");
        Diagnostics::one(file, &shown, item)
    })
}

/// Parses the text of a recipe as far as it can be.
pub(crate) fn parse(text: &str) -> (Spanned<DeTable<'_>>, Vec<Diagnostic>) {
    if text.len() > MAX_SIZE {
        return (Spanned::new(0..0, DeTable::new()), vec![too_large(text.len())]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<Diagnostic> = Vec::new();
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let problem = syntax(text, error.message(), span);
        if problems.last().is_some_and(|last| same_line(text, last, &problem)) {
            continue;
        }
        if problems.len() == MAX_ERRORS {
            problems.push(problem.note("there may be more errors after this one"));
            break;
        }
        problems.push(problem);
    }
    if problems.is_empty() && table.get_ref().is_empty() {
        problems
            .push(Diagnostic::new(Code::EmptyRecipe, 0..0, "the recipe is empty").help(MINIMAL));
    }
    (table, problems)
}

fn too_large(size: usize) -> Diagnostic {
    Diagnostic::new(
        Code::TooLarge,
        0..0,
        format!("the recipe is {:.1} MiB, more than 16 MiB", size as f64 / f64::from(1 << 20)),
    )
    .help("a recipe names files and holds no data; is this the right file?")
}

fn syntax(text: &str, message: &str, span: Range<usize>) -> Diagnostic {
    if message.starts_with("duplicate key") {
        let key = text.get(span.clone()).unwrap_or_default();
        return Diagnostic::new(Code::DuplicateKey, span, format!("`{key}` is defined twice"))
            .label("the second definition")
            .help("remove one of the two; TOML does not merge them");
    }
    if message.contains("recursion") {
        return Diagnostic::new(Code::TooDeep, span, "values are nested too deeply")
            .label("beyond 80 levels")
            .help("a recipe needs no more than five levels; a bracket may be missing");
    }
    Diagnostic::new(Code::Syntax, span, format!("not valid TOML: {}", message.replace('\n', " ")))
}

/// Whether two errors follow from one mistake.
fn same_line(text: &str, a: &Diagnostic, b: &Diagnostic) -> bool {
    let (from, to) = (a.span.start.min(b.span.start), a.span.start.max(b.span.start));
    a.code == b.code && text.get(from..to).is_some_and(|between| !between.contains('\n'))
}
