//! Texts that others wrote, inside Markdown, as the texts they are.

/// A text as one line that Markdown shows as it stands: breaks and controls become spaces.
pub(crate) fn line(text: &str) -> String {
    let clean = text.replace(char::is_control, " ");
    let words: Vec<&str> = clean.split_whitespace().collect();
    let text = words.join(" ");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut escaped = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        let anywhere = r"\`*_[]<>#|&~$!".contains(c);
        // What would begin a list, a rule or the line below a heading.
        let in_front = at == 0 && "+-=".contains(c);
        let after = text[at..].chars().nth(1);
        let of_number =
            at == digits && at > 0 && ".)".contains(c) && after.is_none_or(|c| c == ' ');
        if anywhere || in_front || of_number {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A path or a command, in a span of code.
pub(crate) fn code(text: &str) -> String {
    let clean = text.replace(char::is_control, " ");
    let longest = clean.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if clean.starts_with('`') || clean.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{clean}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_titles_stay_readable() {
        let title = "Do per-layer learning rates speed up grokking? (v1.0)";
        assert_eq!(line(title), title);
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(line("# <b>\n- *x*"), r"\# \<b\> - \*x\*");
        assert_eq!(line("- x"), r"\- x");
        assert_eq!(line("12. x"), r"12\. x");
        assert_eq!(line("0.1.0"), "0.1.0");
        assert_eq!(code("a`b"), "``a`b``");
    }
}
