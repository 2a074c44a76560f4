//! What looks like a key or a token, so that nobody hands one on by accident.

use std::io::{self, Read};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// A place that holds what looks like a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    /// The line, from 1.
    pub line: usize,
    /// What it looks like, with its article.
    pub kind: &'static str,
}

/// Tokens that say whose they are: how they begin, how many characters follow at least.
const TOKENS: [(&str, usize, &str); 16] = [
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

/// How a private key in PEM begins; the kind of key follows.
const PEM: &str = "-----BEGIN ";

/// More than the longest beginning with what must follow it.
const REACH: usize = 80;

static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let all = TOKENS.iter().map(|(start, ..)| *start).chain([PEM]);
    AhoCorasick::new(all).expect("a few short words make an automaton")
});

/// The first place in a text that looks like a secret.
pub fn find(bytes: &[u8]) -> Option<Secret> {
    let (at, kind) = first(bytes, 0)?;
    Some(Secret { line: 1 + lines(&bytes[..at]), kind })
}

/// The first place at or after `from`, and what it looks like.
fn first(bytes: &[u8], from: usize) -> Option<(usize, &'static str)> {
    BEGINNINGS.find_overlapping_iter(bytes).find_map(|found| {
        let rest = &bytes[found.end()..];
        let kind = match TOKENS.get(found.pattern().as_usize()) {
            None => {
                let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let key = line.windows(11).take(REACH).any(|it| it == b"PRIVATE KEY");
                key.then_some("a private key")
            }
            // Only where a word begins: digests and encoded data hold every short text somewhere.
            Some(_) if found.start() > 0 && is_token(bytes[found.start() - 1]) => None,
            Some((_, least, kind)) => {
                let long = rest.iter().take(*least).filter(|byte| is_token(**byte)).count();
                (long == *least).then_some(*kind)
            }
        }?;
        (found.start() >= from).then_some((found.start(), kind))
    })
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A reader that looks at what passes, and fails where that looks like a secret.
pub struct Scanned<R> {
    inner: R,
    /// The last bytes that passed: what begins in them may end in the next.
    seam: Vec<u8>,
    /// Lines that have passed, but for those in the seam.
    lines: usize,
    found: Option<Secret>,
}

impl<R: Read> Scanned<R> {
    /// Looks at all that `inner` yields.
    pub fn new(inner: R) -> Scanned<R> {
        Scanned { inner, seam: Vec::new(), lines: 0, found: None }
    }

    /// What was found.
    pub fn found(&self) -> Option<Secret> {
        self.found
    }

    fn look(&mut self, new: &[u8]) {
        // A few bytes at the end wait for the next look, but for the last look.
        self.seam.extend_from_slice(new);
        if let Some((at, kind)) = first(&self.seam, 0) {
            self.found = Some(Secret { line: 1 + self.lines + lines(&self.seam[..at]), kind });
        }
        let passed = self.seam.len().saturating_sub(2 * REACH);
        self.lines += lines(&self.seam[..passed]);
        self.seam.drain(..passed);
    }
}

impl<R: Read> Read for Scanned<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.look(&buffer[..n]);
        match self.found {
            Some(secret) => Err(io::Error::other(format!("it holds {}", secret.kind))),
            None => Ok(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together here, so that this file is not itself refused.
    fn token() -> String {
        format!("{}_{}", "ghp", "a1".repeat(18))
    }

    #[test]
    fn tokens_and_keys_are_found_at_their_line() {
        let text = format!("fine\nauth = \"{}\"\n", token());
        let kind = "a GitHub token";
        assert_eq!(find(text.as_bytes()), Some(Secret { line: 2, kind }));
        let key = format!("a\n\n-----BEGIN OPENSSH {} KEY-----\n", "PRIVATE");
        assert_eq!(find(key.as_bytes()), Some(Secret { line: 3, kind: "a private key" }));
    }

    #[test]
    fn words_and_digests_are_no_secrets() {
        for text in ["sk-learn", "a task-based-approach-that-goes-on-and-on-and-on", "ghp_short"] {
            assert_eq!(find(text.as_bytes()), None, "{text}");
        }
        assert_eq!(find("b3:".repeat(100).as_bytes()), None);
        assert_eq!(find(b"-----BEGIN CERTIFICATE-----\nPRIVATE KEY"), None);
    }

    /// Wherever a stream is cut, what lies across is seen, at its line.
    #[test]
    fn a_secret_across_two_reads_is_found() {
        let text = format!("{}\n{}\nend\n", "x\n".repeat(300), token());
        for cut in 595..640 {
            let (one, two) = text.as_bytes().split_at(cut);
            let mut scanned = Scanned::new(one.chain(two));
            let error = io::copy(&mut scanned, &mut io::sink());
            assert!(error.is_err(), "cut at {cut}");
            assert_eq!(scanned.found().map(|it| it.line), Some(302), "cut at {cut}");
        }
    }
}
