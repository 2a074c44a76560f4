//! Lists of names with wildcards, as OpenSSH matches them: `*@example.org,!eve@*`.

use std::fmt;

/// A list of patterns: a name matches if some pattern takes it and none that begins with `!` does.
#[derive(Clone, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, PartialEq, Eq)]
struct Pattern {
    negated: bool,
    text: String,
}

impl Patterns {
    /// Reads patterns with commas between them.
    ///
    /// # Errors
    /// As a lower-case fragment, why it is no such list.
    pub fn parse(text: &str) -> Result<Patterns, String> {
        let mut patterns = Vec::new();
        for part in text.split(',') {
            let (negated, name) = match part.strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, part),
            };
            if name.is_empty() {
                return Err(format!("`{}` has an empty pattern", text.escape_debug()));
            }
            if name.contains(|c: char| c.is_whitespace() || c.is_control() || "!\"'\\".contains(c))
            {
                return Err(format!("`{}` is no pattern", part.escape_debug()));
            }
            patterns.push(Pattern { negated, text: name.to_owned() });
        }
        if patterns.iter().all(|pattern| pattern.negated) {
            return Err(format!("`{text}` takes nothing: expected a pattern without `!`"));
        }
        Ok(Patterns(patterns))
    }

    /// Whether the list takes a name.
    pub fn matches(&self, name: &str) -> bool {
        let taken = |negated| {
            let mut of_kind = self.0.iter().filter(move |pattern| pattern.negated == negated);
            of_kind.any(|pattern| matches(pattern.text.as_bytes(), name.as_bytes()))
        };
        !name.is_empty() && taken(false) && !taken(true)
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let not = if pattern.negated { "!" } else { "" };
            write!(f, "{comma}{not}{}", pattern.text)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether `*` and `?` in a pattern can stand for the rest of a name, byte by byte. Only the last
/// `*` is ever tried again, so that no pattern takes longer than the product of both lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match &mut star {
                None => return false,
                Some((place, taken)) => {
                    *taken += 1;
                    at = *place + 1;
                    seen = *taken;
                }
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_what_openssh_lets_them() {
        for (list, name, taken) in [
            ("ada@example.org", "ada@example.org", true),
            ("ada@example.org", "Ada@example.org", false),
            ("*", "anybody", true),
            ("*", "", false),
            ("*@example.org", "ada@example.org", true),
            ("*@example.org", "ada@example.org.evil.com", false),
            ("a?a", "ada", true),
            ("a?a", "aa", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "abab", true),
            ("*a*b", "aba", false),
            ("*@example.org,!eve@*", "ada@example.org", true),
            ("*@example.org,!eve@*", "eve@example.org", false),
            ("!eve@*,*", "eve@example.org", false),
            ("git,*@rescience.dev", "bundle@rescience.dev", true),
        ] {
            assert_eq!(Patterns::parse(list).unwrap().matches(name), taken, "{list} {name}");
            assert_eq!(Patterns::parse(list).unwrap().to_string(), list);
        }
    }

    #[test]
    fn lists_that_cannot_be_meant_are_refused() {
        for (bad, why) in [
            ("", "empty pattern"),
            ("a,,b", "empty pattern"),
            ("a,!", "empty pattern"),
            ("!a", "takes nothing"),
            ("!!a", "no pattern"),
            ("a b", "no pattern"),
            ("\"a\"", "no pattern"),
            ("a\u{7}", "no pattern"),
        ] {
            let found = Patterns::parse(bad).unwrap_err();
            assert!(found.contains(why), "{bad:?}: {found}");
        }
    }

    #[test]
    fn many_stars_do_not_take_forever() {
        let list = Patterns::parse(&"*a".repeat(500)).unwrap();
        assert!(!list.matches(&format!("{}b", "a".repeat(20_000))));
    }
}
