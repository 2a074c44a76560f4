//! `rescience.lock`: what was decided once, and changes only when somebody asks.
//!
//! ```toml
//! version = 1
//!
//! [[citation]]
//! key = "power2022grokking"
//! entry = "b3:..."           # what the entry said when it was confirmed
//! id = "arXiv:2201.02177"    # under which anybody can look the work up
//! by = "hand"                # who confirmed it
//! ```
//!
//! Entries are sorted by key and hold no dates, so that two people's additions merge line by line.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use rescience_digest::Digest;
use serde_spanned::Spanned;
use toml::de::DeTable;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::read::document::MAX_SIZE;
use crate::read::fields::{self, Fields, Problems, excerpt};

/// The only version of the file's form.
const VERSION: u64 = 1;

/// What stands above the entries of a written lock.
const HEADER: &str = "# What was decided once: written by rescience, committed with the recipe.\n";

/// The pins of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The confirmed entries of bibliographies, by the key that texts cite.
    pub citations: BTreeMap<String, Citation>,
}

/// An entry of a bibliography that somebody has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The digest of what the entry said then.
    pub entry: Digest,
    /// The work's name elsewhere: `doi:...` or `arXiv:...`.
    pub id: String,
    /// Who confirmed it.
    pub by: Confirmer,
}

/// Who confirmed an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmer {
    /// A person, with `rescience cite confirm`.
    Hand,
}

impl fmt::Display for Confirmer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Confirmer::Hand => f.pad("hand"),
        }
    }
}

impl Lock {
    /// Reads a lock from the bytes of its file, which `file` names.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Lock, Diagnostics> {
        let bad = |text: &str, span, message: &str, help: &str| {
            let item = Diagnostic::new(Code::BadLock, span, message).help(help);
            Err(Diagnostics::one(file, text, item))
        };
        let again = "delete it, and confirm again what `rescience cite list` shows";
        if bytes.len() > MAX_SIZE {
            return bad("", 0..0, "the lock is larger than 16 MiB", again);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return bad("", 0..0, "the lock is not UTF-8 text", again);
        };
        if let Some(span) = conflict(text) {
            return bad(
                text,
                span,
                "the lock holds a merge conflict",
                "keep the `[[citation]]` tables of both sides, and remove the markers",
            );
        }
        let mut problems = Problems::default();
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let message = format!("not valid TOML: {}", error.message().replace('\n', " "));
            let span = error.span().unwrap_or(0..0);
            problems.push(Diagnostic::new(Code::BadLock, span, message));
        }
        let mut lock = Lock::default();
        if errors.is_empty() {
            lock = read(table.get_ref(), &mut problems);
        }
        if problems.0.is_empty() { Ok(lock) } else { Err(Diagnostics::new(file, text, problems.0)) }
    }

    /// What each confirmed entry said, by key.
    pub fn confirmed(&self) -> BTreeMap<String, Digest> {
        self.citations.iter().map(|(key, citation)| (key.clone(), citation.entry)).collect()
    }
}

/// The text of the file.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}version = {VERSION}")?;
        for (key, Citation { entry, id, by }) in &self.citations {
            let (key, id) = (toml::Value::from(key.as_str()), toml::Value::from(id.as_str()));
            write!(
                f,
                "\n[[citation]]\nkey = {key}\nentry = \"{entry}\"\nid = {id}\nby = \"{by}\"\n"
            )?;
        }
        Ok(())
    }
}

/// The first line that git leaves where two sides disagree.
fn conflict(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let marker = ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].into_iter().any(|marker| {
            bare.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        if marker {
            return Some(start..start + bare.len());
        }
        start += line.len();
    }
    None
}

fn read(table: &DeTable<'_>, problems: &mut Problems) -> Lock {
    let mut lock = Lock::default();
    let mut fields = Fields::new("a lock", 0..0, table);
    match fields.take("version") {
        None => problems.push(
            Diagnostic::new(Code::BadLock, 0..0, "the lock does not say its version")
                .help("write `version = 1` at its top"),
        ),
        Some(value) => {
            let count = fields::expect_count("`version`", value, 0, u64::MAX, problems);
            if count.is_some_and(|version| version != VERSION) {
                problems.push(
                    Diagnostic::new(
                        Code::BadLock,
                        value.span(),
                        "the lock was written by another version of rescience",
                    )
                    .label("this one reads version 1"),
                );
                // What else another version may hold is not this one's to judge.
                return lock;
            }
        }
    }
    let mut places: BTreeMap<String, Range<usize>> = BTreeMap::new();
    if let Some(value) = fields.take("citation") {
        let what = "`citation`, written `[[citation]]`,";
        for value in crate::read::expect_array(what, value, problems).unwrap_or_default() {
            let Some((span, table)) = fields::expect_table("a citation", value, problems) else {
                continue;
            };
            let fields = Fields::new("a citation", span.clone(), table);
            let Some((key, citation)) = citation(fields, problems) else { continue };
            let (key, place) = (key.get_ref().clone(), key.span());
            if let Some(first) = places.insert(key.clone(), place.clone()) {
                problems.push(
                    Diagnostic::new(
                        Code::BadLock,
                        place,
                        format!("`{}` is locked twice", excerpt(&key)),
                    )
                    .label("the second time")
                    .also(first, "the first time")
                    .help("keep the one that the bibliography agrees with"),
                );
            }
            lock.citations.insert(key, citation);
        }
    }
    fields.finish(problems);
    lock
}

fn citation(
    mut fields: Fields<'_, '_>,
    problems: &mut Problems,
) -> Option<(Spanned<String>, Citation)> {
    let span = fields.span();
    let key = fields.words("key", problems);
    let entry = fields.string("entry", problems);
    let id = fields.words("id", problems);
    let by = fields.choice("by", &[("hand", Confirmer::Hand)], problems);
    for needed in ["key", "entry", "id", "by"] {
        if !fields.written().contains(&needed) {
            let message = format!("`{needed}` is missing in a citation");
            problems.push(Diagnostic::new(Code::BadLock, span.clone(), message));
        }
    }
    let entry = entry.and_then(|text| match text.get_ref().parse::<Digest>() {
        Ok(digest) => Some(digest),
        Err(error) => {
            problems.push(
                Diagnostic::new(Code::BadLock, text.span(), "`entry` is no digest")
                    .label(error.to_string())
                    .help("`rescience cite confirm` writes it"),
            );
            None
        }
    });
    fields.finish(problems);
    Some((key?, Citation { entry: entry?, id: id?.into_inner(), by: by?.into_inner() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let citation = |text: &str, id: &str| Citation {
            entry: Digest::of(text.as_bytes()),
            id: id.to_owned(),
            by: Confirmer::Hand,
        };
        let citations = [
            ("zeta \"quoted\"", citation("z", "doi:10.1/x\\y")),
            ("power2022grokking", citation("p", "arXiv:2201.02177")),
        ];
        Lock { citations: citations.map(|(key, it)| (key.to_owned(), it)).into() }
    }

    fn wrong(text: &str) -> String {
        Lock::parse("rescience.lock", text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_sorted_and_reads_back() {
        let text = lock().to_string();
        assert!(text.find("power").unwrap() < text.find("zeta").unwrap(), "{text}");
        assert_eq!(Lock::parse("rescience.lock", text.as_bytes()), Ok(lock()));
        assert_eq!(Lock::parse("rescience.lock", text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn two_people_s_additions_stand_in_tables_of_their_own() {
        let text = lock().to_string();
        let (head, rest) = text.split_once("\n[[citation]]\n").unwrap();
        let swapped = rest.split_once("\n[[citation]]\n").unwrap();
        let swapped = format!("{head}\n[[citation]]\n{}\n[[citation]]\n{}", swapped.1, swapped.0);
        assert_eq!(Lock::parse("rescience.lock", swapped.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let text = lock().to_string().replacen("id = ", "idd = ", 1);
        let found = Lock::parse("rescience.lock", text.as_bytes()).unwrap_err();
        let codes: Vec<Code> = found.items.iter().map(|item| item.code).collect();
        assert_eq!(codes, [Code::BadLock, Code::UnknownKey], "{found}");
        assert_eq!(found.items[1].label, "did you mean `id`?");
        assert_eq!(&found.text[found.items[1].span.clone()], "idd");
    }

    #[test]
    fn a_merge_conflict_is_named_as_one() {
        let text = lock().to_string();
        let text = format!("{text}<<<<<<< HEAD\n[[citation]]\n=======\n>>>>>>> theirs\n");
        let line = text.lines().position(|line| line.starts_with("<<<<<<<")).unwrap() + 1;
        let said =
            format!("rescience.lock:{line}:1: error[RS0116]: the lock holds a merge conflict");
        assert_eq!(wrong(&text), said);
    }

    #[test]
    fn other_versions_doubles_and_bad_digests_are_refused() {
        assert!(wrong("version = 2\nnew = 1\n").contains("another version"));
        assert!(!wrong("version = 2\nnew = 1\n").contains("new"));
        assert!(wrong("").contains("its version"));
        assert!(wrong("version = \"1\"").contains("whole number"));
        let twice = lock().to_string().replace("zeta \\\"quoted\\\"", "power2022grokking");
        let twice = twice.replace("'zeta \"quoted\"'", "\"power2022grokking\"");
        assert!(wrong(&twice).contains("`power2022grokking` is locked twice"), "{twice}");
        let digest = lock().to_string().replacen("b3:", "b3:x", 1);
        assert!(wrong(&digest).contains("`entry` is no digest"));
        let by = lock().to_string().replacen("\"hand\"", "\"hnad\"", 1);
        assert!(wrong(&by).contains("RS0028"));
    }
}
