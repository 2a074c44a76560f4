//! The little of YAML that CITATION.cff needs: maps and lists of texts in double quotes.
//!
//! Own code in place of a crate. No scalar is ever left bare, so that no reader of YAML 1.1 or 1.2
//! can take `no`, `1.0` or `- x` for anything but a text; serialisers leave bare what they think is
//! safe. The bytes do not change with the version of a crate, and the one that serde had for YAML
//! is no longer kept.

use std::fmt::Write as _;

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Yaml {
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(&'static str, Yaml)>),
}

impl Yaml {
    pub(crate) fn text(text: impl Into<String>) -> Yaml {
        Yaml::Text(text.into())
    }
}

/// The text of a map, which ends with a line's end.
pub(crate) fn document(map: &[(&'static str, Yaml)]) -> String {
    let mut out = String::new();
    write_map(&mut out, map, 0);
    out
}

/// Writes a map whose first key stands at the end of what was written.
fn write_map(out: &mut String, map: &[(&'static str, Yaml)], indent: usize) {
    for (at, (key, value)) in map.iter().enumerate() {
        if at > 0 {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        out.push_str(key);
        out.push(':');
        match value {
            Yaml::Text(text) => {
                out.push(' ');
                quote(out, text);
                out.push('\n');
            }
            Yaml::List(items) => write_list(out, items, indent + 2),
            Yaml::Map(map) => {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent + 2));
                write_map(out, map, indent + 2);
            }
        }
    }
}

fn write_list(out: &mut String, items: &[Yaml], indent: usize) {
    out.push('\n');
    for item in items {
        out.extend(std::iter::repeat_n(' ', indent));
        out.push_str("- ");
        match item {
            Yaml::Text(text) => {
                quote(out, text);
                out.push('\n');
            }
            Yaml::Map(map) => write_map(out, map, indent + 2),
            Yaml::List(items) => write_list(out, items, indent + 2),
        }
    }
}

/// Quotes a text so that it stays on its line: whatever a reader could refuse, fold or take for a
/// break is escaped.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            '\u{a1}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' => {
                out.push(c);
            }
            '\u{ff00}'..='\u{fffd}' => out.push(c),
            c if u32::from(c) > 0xffff => out.push(c),
            c => _ = write!(out, "\\u{:04X}", u32::from(c)),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_quoted_and_on_its_line() {
        let map = [
            ("a", Yaml::text("no")),
            ("b", Yaml::List(vec![Yaml::text("- x"), Yaml::Map(vec![("c", Yaml::text("1"))])])),
            (
                "d",
                Yaml::Map(vec![("e", Yaml::text("\"\\\n\u{85}\u{2028}\u{feff}\u{7f}\u{1f600}"))]),
            ),
        ];
        assert_eq!(
            document(&map),
            "a: \"no\"\nb:\n  - \"- x\"\n  - c: \"1\"\nd:\n  e: \"\\\"\\\\\\n\\u0085\\u2028\\uFEFF\\u007F\u{1f600}\"\n"
        );
    }
}
