//! What looks like a key or a token, so that nobody hands one on by accident.

/// A place that holds what looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The line, from 1.
    pub line: usize,
    /// What it looks like, with its article.
    pub kind: &'static str,
}

/// Tokens that say whose they are: how they begin, how many characters follow at least.
const TOKENS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS access key"),
    ("ghp_", 36, "a GitHub token"),
    ("gho_", 36, "a GitHub token"),
    ("ghs_", 36, "a GitHub token"),
    ("github_pat_", 22, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("hf_", 30, "a Hugging Face token"),
    ("sk-ant-", 20, "an Anthropic key"),
    ("sk-proj-", 20, "an OpenAI key"),
    ("sk-", 40, "an API key"),
    ("AIza", 35, "a Google API key"),
    ("xoxb-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("npm_", 36, "an npm token"),
    ("pypi-AgE", 40, "a PyPI token"),
];

/// Everything in a file that looks like a secret, by line.
pub fn find(bytes: &[u8]) -> Vec<Secret> {
    let mut found = Vec::new();
    for (nth, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if let Some(kind) = kind(line) {
            found.push(Secret { line: nth + 1, kind });
        }
    }
    found
}

fn kind(line: &[u8]) -> Option<&'static str> {
    let begins = |at: usize, text: &str| line[at..].starts_with(text.as_bytes());
    for at in 0..line.len() {
        if begins(at, "-----BEGIN ") {
            let rest = String::from_utf8_lossy(&line[at..]);
            if rest.contains("PRIVATE KEY") {
                return Some("a private key");
            }
        }
        // Only where a word begins: digests and encoded data hold every short text somewhere.
        if at > 0 && is_token(line[at - 1]) {
            continue;
        }
        for (start, least, kind) in TOKENS {
            if begins(at, start) {
                let rest = &line[at + start.len()..];
                if rest.iter().take_while(|byte| is_token(**byte)).count() >= *least {
                    return Some(kind);
                }
            }
        }
    }
    None
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_keys_are_found_at_their_line() {
        // Put together here, so that this file is not itself refused.
        let token = format!("{}_{}", "ghp", "a1".repeat(18));
        let key = format!("-----BEGIN OPENSSH {} KEY-----", "PRIVATE");
        let text = format!("fine\nauth = \"{token}\"\n{key}\n");
        let found: Vec<_> = find(text.as_bytes()).iter().map(|it| (it.line, it.kind)).collect();
        assert_eq!(found, [(2, "a GitHub token"), (3, "a private key")]);
    }

    #[test]
    fn words_and_digests_are_no_secrets() {
        for text in ["sk-learn", "a task-based-approach-that-goes-on-and-on-and-on", "ghp_short"] {
            assert_eq!(find(text.as_bytes()), [], "{text}");
        }
        assert_eq!(find("b3:".repeat(100).as_bytes()), []);
    }
}
