//! The lists of digests: `DIGEST  PATH`, one line a file, as `b3sum -c` and `sha256sum -c` read them.

use std::collections::BTreeMap;

use rescience_digest::{Digest, Hashed, Sha256};

use crate::name;

/// The list of BLAKE3 digests: of every file but itself and signatures, the other list among them.
pub const BLAKE3: &str = "manifest-blake3.txt";

/// The list of SHA-256 digests: of every file but the lists and signatures.
pub const SHA256: &str = "manifest-sha256.txt";

/// Where signatures of the list of BLAKE3 digests are: what signs a list cannot be on it.
pub const SIGNATURES: &str = "signatures/";

/// Whether a list has to name a file.
pub fn lists(list: &str, file: &str) -> bool {
    // The first list is also of the second, so that it stands for all there is.
    !(file.starts_with(SIGNATURES) || file == BLAKE3 || file == SHA256 && list == SHA256)
}

/// The files of a bundle and what they hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// By path.
    pub files: BTreeMap<String, Hashed>,
}

impl Manifest {
    pub(crate) fn insert(&mut self, name: &str, hashed: Hashed) {
        self.files.insert(name.to_owned(), hashed);
    }

    /// The list for `b3sum -c`.
    pub fn blake3(&self) -> String {
        let lines = self.files.iter();
        lines.map(|(name, hashed)| format!("{}  {name}\n", hashed.digest.hex())).collect()
    }

    /// The list for `sha256sum -c`.
    pub fn sha256(&self) -> String {
        let lines = self.files.iter();
        lines.map(|(name, hashed)| format!("{}  {name}\n", hashed.sha256)).collect()
    }
}

/// Reads a list of BLAKE3 digests as strictly as it is written.
///
/// # Errors
/// As a lower-case fragment, what is wrong with it.
pub fn parse_blake3(text: &[u8]) -> Result<BTreeMap<String, Digest>, String> {
    parse(text, Digest::from_hex)
}

/// Reads a list of SHA-256 digests as strictly as it is written.
///
/// # Errors
/// As a lower-case fragment, what is wrong with it.
pub fn parse_sha256(text: &[u8]) -> Result<BTreeMap<String, Sha256>, String> {
    parse(text, |hex| hex.parse().ok())
}

fn parse<T>(
    text: &[u8],
    digest: impl Fn(&str) -> Option<T>,
) -> Result<BTreeMap<String, T>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the list is not UTF-8".to_owned())?;
    let mut files = BTreeMap::new();
    for (nth, line) in text.split_inclusive('\n').enumerate() {
        let wrong = |what: String| format!("line {}: {what}", nth + 1);
        let parts = line.strip_suffix('\n').and_then(|line| line.split_once("  "));
        let entry = parts.and_then(|(hex, name)| Some((name.to_owned(), digest(hex)?)));
        let Some((name, digest)) = entry else {
            let line = line.escape_debug();
            return Err(wrong(format!("`{line}` is no line of a list of digests")));
        };
        // Whoever reads a list goes on to open what it names.
        if let Some(problem) = name::problem(&name) {
            return Err(wrong(format!("`{}`: {problem}", name.escape_debug())));
        }
        if files.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return Err(wrong(format!("`{name}` is out of order")));
        }
        files.insert(name, digest);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_only_what_a_bundle_may_hold() {
        let line = |name: &str| format!("{}  {name}\n", Digest::of(b"").hex());
        assert!(parse_blake3((line("a") + &line("objects/00")).as_bytes()).is_ok());
        for name in ["/dev/zero", "/home/u/.ssh/id", "objects/../../x", "b/./c", "", "b\\c"] {
            let why = parse_blake3((line("a") + &line(name)).as_bytes()).unwrap_err();
            assert!(why.starts_with("line 2: `") && why.contains("the path"), "{name}: {why}");
        }
    }
}
