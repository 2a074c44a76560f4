//! Placeholders in commands and labels: `{out}`, `{lr}`; `{{` and `}}` stand for braces.

use std::ops::Range;

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    /// What stands between the braces, and where the whole placeholder stands in the template.
    Name(&'a str, Range<usize>),
    /// A brace without its partner.
    Stray(Range<usize>),
}

/// Fills a template; a placeholder for which `value` has nothing stays as it is written.
///
/// What is filled in is never looked at again, so a param's text cannot smuggle in a placeholder.
pub fn fill(template: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len());
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Stray(span) => filled.push_str(&template[span]),
            Piece::Name(name, span) => match value(name) {
                Some(value) => filled.push_str(&value),
                None => filled.push_str(&template[span]),
            },
        }
    }
    filled
}

pub(crate) fn pieces(template: &str) -> Vec<Piece<'_>> {
    let bytes = template.as_bytes();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let Some(offset) = template[at..].find(['{', '}']) else {
            pieces.push(Piece::Text(&template[at..]));
            break;
        };
        let brace = at + offset;
        if offset > 0 {
            pieces.push(Piece::Text(&template[at..brace]));
        }
        if bytes.get(brace + 1) == Some(&bytes[brace]) {
            pieces.push(Piece::Text(&template[brace..=brace]));
            at = brace + 2;
            continue;
        }
        let close = template[brace + 1..].find(['{', '}']).map(|offset| brace + 1 + offset);
        match close {
            Some(close) if bytes[brace] == b'{' && bytes[close] == b'}' => {
                pieces.push(Piece::Name(&template[brace + 1..close], brace..close + 1));
                at = close + 1;
            }
            _ => {
                pieces.push(Piece::Stray(brace..brace + 1));
                at = brace + 1;
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_once_and_keeps_what_it_does_not_know() {
        let value = |name: &str| match name {
            "lr" => Some("{out}".to_owned()),
            "out" => Some("/tmp/o".to_owned()),
            _ => None,
        };
        assert_eq!(fill("--lr={lr} {out} {who} {{lr}}", value), "--lr={out} /tmp/o {who} {lr}");
    }

    #[test]
    fn stray_braces_are_found() {
        assert_eq!(pieces("a}"), [Piece::Text("a"), Piece::Stray(1..2)]);
        assert_eq!(pieces("{a"), [Piece::Stray(0..1), Piece::Text("a")]);
        assert_eq!(pieces("{"), [Piece::Stray(0..1)]);
    }
}
