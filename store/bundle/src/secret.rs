//! What looks like a key or a token, or is one that the caller knows, so that nobody hands one on by
//! accident.

use std::io::{self, Read};

use aho_corasick::AhoCorasick;

/// A place that holds what looks like a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    /// The line, from 1.
    pub line: usize,
    /// What it looks like, with its article.
    pub kind: &'static str,
}

/// How a token goes on after its beginning.
#[derive(Clone, Copy)]
enum Rest {
    /// With so many letters, digits, `_` and `-`, or more.
    Least(usize),
    /// With so many, and then something else.
    All(usize),
    /// With so many capitals and digits, and then something else.
    Capitals(usize),
}

use Rest::{All, Capitals, Least};

/// Tokens that say whose they are: how they begin and go on.
///
/// Large data holds every short text somewhere, and must not be refused by chance. Tokens that begin
/// like base64 therefore have their exact length: a gigabyte of it in lines of 76, where such a token
/// would have to begin a line, looks like an AWS key once in 200,000 times and like Google's once in
/// 100. The others hold `_` or `-`, which base64 does not; in random bytes all are rarer by far.
const TOKENS: [(&str, Rest, &str); 24] = [
    ("AKIA", Capitals(16), "an AWS access key"),
    ("ASIA", Capitals(16), "an AWS access key"),
    ("ghp_", Least(36), "a GitHub token"),
    ("gho_", Least(36), "a GitHub token"),
    ("ghu_", Least(36), "a GitHub token"),
    ("ghs_", Least(36), "a GitHub token"),
    ("ghr_", Least(36), "a GitHub token"),
    ("github_pat_", Least(22), "a GitHub token"),
    ("glpat-", Least(20), "a GitLab token"),
    ("hf_", Least(30), "a Hugging Face token"),
    ("sk-ant-", Least(20), "an Anthropic key"),
    ("sk-proj-", Least(20), "an OpenAI key"),
    ("sk-", Least(40), "an API key"),
    ("AIza", All(35), "a Google API key"),
    ("xoxa-", Least(20), "a Slack token"),
    ("xoxb-", Least(20), "a Slack token"),
    ("xoxp-", Least(20), "a Slack token"),
    ("xapp-", Least(20), "a Slack token"),
    ("sk_live_", Least(24), "a Stripe key"),
    ("rk_live_", Least(24), "a Stripe key"),
    ("npm_", Least(36), "an npm token"),
    ("pypi-AgE", Least(40), "a PyPI token"),
    ("AGE-SECRET-KEY-1", Capitals(58), "a private key"),
    // A number and a colon follow.
    ("PuTTY-User-Key-File", Least(2), "a private key"),
];

/// How a private key in PEM begins; the kind of key follows.
const PEM: &str = "-----BEGIN ";

/// More than the longest beginning with what must follow it.
const REACH: usize = 80;

/// A shorter secret would be found in every other text.
const SHORTEST: usize = 8;

/// What a file's name says of it, with its article, if it is one that programs keep secrets in. An
/// empty one keeps none.
pub fn name(path: &str) -> Option<&'static str> {
    let own = path.rsplit('/').next().unwrap_or(path);
    match own {
        "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" | "id_ecdsa_sk" | "id_ed25519_sk" => {
            Some("a private key")
        }
        ".netrc" | "_netrc" | ".npmrc" | ".pypirc" | ".pgpass" | ".git-credentials"
        | "credentials" | "credentials.toml" => Some("a file of passwords"),
        ".env.example" | ".env.sample" | ".env.template" => None,
        _ if own == ".env" || own.starts_with(".env.") => Some("a file of secret variables"),
        _ => None,
    }
}

/// Looks for secrets.
pub struct Scanner {
    /// How tokens begin, how a key in PEM does, and what the caller knows.
    beginnings: AhoCorasick,
    /// How many bytes at the end of some may be the beginning of a secret.
    reach: usize,
}

impl Scanner {
    /// Looks for what secrets look like, and for those that the caller knows, as they are.
    pub fn new<'a>(known: impl IntoIterator<Item = &'a str>) -> Scanner {
        let known = known.into_iter().map(str::trim).filter(|text| text.len() >= SHORTEST);
        let known: Vec<&str> = known.collect();
        let longest = known.iter().map(|text| text.len()).max().unwrap_or(0);
        let all = TOKENS.iter().map(|(start, ..)| *start).chain([PEM]).chain(known);
        let beginnings = AhoCorasick::new(all).expect("a few short texts make an automaton");
        Scanner { beginnings, reach: longest.max(2 * REACH) }
    }

    /// The first place in a text that holds a secret.
    pub fn find(&self, bytes: &[u8]) -> Option<Secret> {
        let (at, kind) = self.first(bytes, 0, true)?;
        Some(Secret { line: 1 + lines(&bytes[..at]), kind })
    }

    /// A reader that looks at what passes.
    pub fn watch<R: Read>(&self, inner: R) -> Scanned<'_, R> {
        Scanned { scanner: self, inner, seam: Vec::new(), cut: false, lines: 0, found: None }
    }

    /// The first place at or after `from`, and what it holds. Unless the bytes are the last ones, what
    /// may go on after them is left for the next look.
    fn first(&self, bytes: &[u8], from: usize, last: bool) -> Option<(usize, &'static str)> {
        self.beginnings.find_overlapping_iter(bytes).find_map(|found| {
            let (before, rest) = (&bytes[..found.start()], &bytes[found.end()..]);
            let pattern = found.pattern().as_usize();
            let kind = match TOKENS.get(pattern) {
                None if pattern == TOKENS.len() => is_pem(rest).then_some("a private key"),
                None => Some("a password or a token that is set here"),
                Some((_, tail, kind)) => is_token(before, rest, *tail, last).then_some(*kind),
            }?;
            (found.start() >= from).then_some((found.start(), kind))
        })
    }
}

fn is_pem(rest: &[u8]) -> bool {
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.windows(11).take(REACH).any(|it| it == b"PRIVATE KEY")
}

/// Whether what stands around a beginning makes it a token.
fn is_token(before: &[u8], rest: &[u8], tail: Rest, last: bool) -> bool {
    let before = before.last();
    // Only where a word begins: digests and encoded data hold every short text somewhere.
    if before.is_some_and(|byte| is_word(*byte)) {
        return false;
    }
    let (size, all): (usize, fn(u8) -> bool) = match tail {
        Least(size) => return rest.len() >= size && rest[..size].iter().all(|it| is_word(*it)),
        All(size) => (size, is_word),
        Capitals(size) => (size, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
    };
    let Some((token, after)) = rest.split_at_checked(size) else { return false };
    let ends = after.first().map_or(last, |byte| !is_word(*byte));
    ends && token.iter().all(|byte| all(*byte)) && !matches!(before, Some(b'+' | b'/'))
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A reader that looks at what passes, and fails where that holds a secret.
pub struct Scanned<'a, R> {
    scanner: &'a Scanner,
    inner: R,
    /// The last bytes that passed: what begins in them may end in the next.
    seam: Vec<u8>,
    /// Whether others passed before those.
    cut: bool,
    /// How many lines they were.
    lines: usize,
    found: Option<Secret>,
}

impl<R: Read> Scanned<'_, R> {
    /// What was found.
    pub fn found(&self) -> Option<Secret> {
        self.found
    }

    /// Looks at the next bytes; at none when they end.
    fn look(&mut self, new: &[u8]) {
        self.seam.extend_from_slice(new);
        // What stands before the first of the seam is forgotten: whether a word begins there was
        // decided before.
        let from = usize::from(self.cut);
        if let Some((at, kind)) = self.scanner.first(&self.seam, from, new.is_empty()) {
            self.found = Some(Secret { line: 1 + self.lines + lines(&self.seam[..at]), kind });
        }
        let passed = self.seam.len().saturating_sub(self.scanner.reach);
        self.lines += lines(&self.seam[..passed]);
        self.seam.drain(..passed);
        self.cut |= passed > 0;
    }
}

impl<R: Read> Read for Scanned<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if !buffer.is_empty() {
            self.look(&buffer[..n]);
        }
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

    fn find(bytes: &[u8]) -> Option<Secret> {
        Scanner::new([]).find(bytes)
    }

    #[test]
    fn tokens_and_keys_are_found_at_their_line() {
        let text = format!("fine\nauth = \"{}\"\n", token());
        let kind = "a GitHub token";
        assert_eq!(find(text.as_bytes()), Some(Secret { line: 2, kind }));
        let key = format!("a\n\n-----BEGIN OPENSSH {} KEY-----\n", "PRIVATE");
        assert_eq!(find(key.as_bytes()), Some(Secret { line: 3, kind: "a private key" }));
        for (start, rest, kind) in [
            ("AKIA", "Q7".repeat(8), "an AWS access key"),
            ("AIza", "aB3-_".repeat(7), "a Google API key"),
            ("rk_live_", "aB3".repeat(8), "a Stripe key"),
            ("xapp-", "1-A0".repeat(5), "a Slack token"),
            ("AGE-SECRET-KEY-1", "Q7".repeat(29), "a private key"),
            ("PuTTY-User-Key-File", "-3: ssh-ed25519".to_owned(), "a private key"),
        ] {
            for (before, after) in [("", ""), ("x = ", "\n"), ("?key=", "/2015"), ("\"", "\",")] {
                let text = format!("{before}{start}{rest}{after}");
                assert_eq!(find(text.as_bytes()).map(|it| it.kind), Some(kind), "{text}");
            }
        }
    }

    #[test]
    fn words_and_digests_are_no_secrets() {
        for text in ["sk-learn", "a task-based-approach-that-goes-on-and-on-and-on", "ghp_short"] {
            assert_eq!(find(text.as_bytes()), None, "{text}");
        }
        assert_eq!(find("b3:".repeat(100).as_bytes()), None);
        assert_eq!(find(b"-----BEGIN CERTIFICATE-----\nPRIVATE KEY"), None);
        let key = format!("AKIA{}", "Q7".repeat(8));
        for (before, after) in [("", "Q"), ("", "q"), ("", "_"), ("+", ""), ("/", ""), ("x", "")] {
            let text = format!("{before}{key}{after}");
            assert_eq!(find(text.as_bytes()), None, "{text}");
        }
        assert_eq!(find(key.to_lowercase().replace("akia", "AKIA").as_bytes()), None);
    }

    /// Lines of base64 that begin like keys, as one in 2^24 does by chance.
    #[test]
    fn encoded_data_is_not_refused_by_chance() {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (scanner, mut state) = (Scanner::new([]), 7_u64);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            LETTERS[(state % 64) as usize]
        };
        let mut found = |start: &[u8]| {
            let mut line = || scanner.find(&[start, &[(); 72].map(|()| next())].concat());
            (0..10_000).filter_map(|_| line()).count()
        };
        assert_eq!((found(b"AKIA"), found(b"ASIA")), (0, 0));
        let google = found(b"AIza");
        assert!(google < 200, "{google}");
    }

    #[test]
    fn what_the_caller_knows_is_found_as_it_is() {
        let long = "of the user, ".repeat(40);
        let scanner = Scanner::new([" correct horse\n", "full", long.as_str()]);
        let text = format!("a full sentence\nmy correct horse\n{long}");
        let found = scanner.find(text.as_bytes()).unwrap();
        assert_eq!((found.line, found.kind), (2, "a password or a token that is set here"));
        assert_eq!(scanner.find(b"a full sentence"), None, "words are no secrets");
        let text = text.replace("correct", "right");
        for cut in (0..text.len()).step_by(7) {
            let (one, two) = text.as_bytes().split_at(cut);
            let mut scanned = scanner.watch(one.chain(two));
            assert!(io::copy(&mut scanned, &mut io::sink()).is_err(), "cut at {cut}");
            assert_eq!(scanned.found().map(|it| it.line), Some(3), "cut at {cut}");
        }
    }

    #[test]
    fn files_that_programs_keep_secrets_in_are_known_by_name() {
        for path in [".env", "a/.env.local", "a/id_rsa", "a/b/.netrc", ".npmrc", "x/credentials"] {
            assert!(name(path).is_some(), "{path}");
        }
        for path in ["env", "id_rsa.pub", "credentials.md", ".env/x", ".env.example", ".environ"] {
            assert_eq!(name(path), None, "{path}");
        }
    }

    /// Wherever a stream is cut, what lies across is seen, at its line.
    #[test]
    fn a_secret_across_two_reads_is_found() {
        let (scanner, text) =
            (Scanner::new([]), format!("{}\n{}\nend\n", "x\n".repeat(300), token()));
        for cut in 595..640 {
            let (one, two) = text.as_bytes().split_at(cut);
            let mut scanned = scanner.watch(one.chain(two));
            let error = io::copy(&mut scanned, &mut io::sink());
            assert!(error.is_err(), "cut at {cut}");
            assert_eq!(scanned.found().map(|it| it.line), Some(302), "cut at {cut}");
        }
    }

    /// Nor does a cut make one of what is none: what stands around it counts.
    #[test]
    fn a_cut_makes_no_secret() {
        let key = format!("AKIA{}", "Q7".repeat(8));
        let text = format!("{}x{}{key}Q{}", "-".repeat(200), token(), "-".repeat(400));
        let scanner = Scanner::new([]);
        for cut in 0..text.len() {
            let (one, two) = text.as_bytes().split_at(cut);
            let mut scanned = scanner.watch(one.chain(two));
            assert!(io::copy(&mut scanned, &mut io::sink()).is_ok(), "cut at {cut}");
        }
    }
}
