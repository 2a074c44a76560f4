//! A directory as a listing: canonical text, so that equal directories have equal digests.

use std::collections::BTreeMap;

use rescience_digest::{Digest, Sha256};
use serde::{Deserialize, Serialize};

use crate::artifact::Blob;

const HEADER: &str = "rescience-tree 1\n";

/// One directory. Subdirectories are trees of their own, named by digest.
///
/// Its bytes are text: a header, then one line per entry, sorted by the bytes of the name, fields
/// separated by a tab:
///
/// ```text
/// rescience-tree 1
/// tree  figures       b3:…
/// file  metrics.json  b3:…  <sha-256>  1234
/// exec  run.sh        b3:…  <sha-256>  77
/// link  latest        run.sh
/// ```
///
/// In names and targets, a backslash, a tab and a newline are written `\\`, `\t` and `\n`.
/// Reading is as strict as writing: bytes that [`Tree::parse`] takes are those that
/// [`Tree::to_bytes`] gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// The entries by name; a name is not empty, holds no `/` and no NUL, and is neither `.` nor `..`.
    pub entries: BTreeMap<String, Entry>,
}

/// One entry of a [`Tree`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// A file.
    File {
        /// Its bytes.
        digest: Digest,
        /// Its bytes, for other tools.
        sha256: Sha256,
        /// Its size in bytes.
        size: u64,
        /// Whether its owner may execute it: the one bit of its mode that is kept.
        executable: bool,
    },
    /// A directory.
    Directory {
        /// The digest of its listing.
        digest: Digest,
    },
    /// A symbolic link.
    Symlink {
        /// What it points to: relative, and inside the outermost tree.
        target: String,
    },
}

impl Entry {
    /// The entry of a file that holds `blob`.
    pub fn file(blob: Blob, executable: bool) -> Entry {
        Entry::File { digest: blob.digest, sha256: blob.sha256, size: blob.size, executable }
    }
}

impl Tree {
    /// The canonical listing.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::with_capacity(HEADER.len() + self.entries.len() * 180);
        text.push_str(HEADER);
        for (name, entry) in &self.entries {
            let name = escape(name);
            text.push_str(&match entry {
                Entry::File { digest, sha256, size, executable } => {
                    let kind = if *executable { "exec" } else { "file" };
                    format!("{kind}\t{name}\t{digest}\t{sha256}\t{size}\n")
                }
                Entry::Directory { digest } => format!("tree\t{name}\t{digest}\n"),
                Entry::Symlink { target } => format!("link\t{name}\t{}\n", escape(target)),
            });
        }
        text.into_bytes()
    }

    /// Reads a canonical listing; the error says what is wrong with it, as a lower-case fragment.
    pub fn parse(bytes: &[u8]) -> Result<Tree, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the listing is not UTF-8".to_owned())?;
        let lines =
            text.strip_prefix(HEADER).ok_or("the listing does not start with its header")?;
        let mut entries = BTreeMap::new();
        for line in lines.split_inclusive('\n') {
            let (name, entry) = line
                .strip_suffix('\n')
                .and_then(parse_line)
                .ok_or_else(|| format!("`{}` is not an entry", line.escape_debug()))?;
            if entries.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return Err(format!("`{name}` is out of order"));
            }
            entries.insert(name, entry);
        }
        Ok(Tree { entries })
    }

    /// Whether `bytes` begin as a listing does.
    pub(crate) fn looks_like_one(bytes: &[u8]) -> bool {
        bytes.starts_with(HEADER.as_bytes())
    }

    /// How many bytes [`looks_like_one`](Self::looks_like_one) wants to see.
    pub(crate) const HEADER_LEN: usize = HEADER.len();
}

fn parse_line(line: &str) -> Option<(String, Entry)> {
    let mut fields = line.split('\t');
    let kind = fields.next()?;
    let name = unescape(fields.next()?)?;
    let entry = match kind {
        "file" | "exec" => Entry::File {
            digest: fields.next()?.parse().ok()?,
            sha256: fields.next()?.parse().ok()?,
            size: parse_size(fields.next()?)?,
            executable: kind == "exec",
        },
        "tree" => Entry::Directory { digest: fields.next()?.parse().ok()? },
        "link" => Entry::Symlink { target: unescape(fields.next()?)? },
        _ => return None,
    };
    (is_name(&name) && fields.next().is_none()).then_some((name, entry))
}

/// Whether a directory can have an entry of this name.
pub(crate) fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

/// Decimal digits with one spelling per number: no sign, no leading zero.
fn parse_size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n")
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next()? {
                '\\' => '\\',
                't' => '\t',
                'n' => '\n',
                _ => return None,
            },
            char => char,
        });
    }
    Some(plain)
}

/// What is wrong with a link to `target` that lies `depth` directories below the outermost one.
///
/// `..` is allowed only in front: behind a name it could climb out through another link.
pub(crate) fn link_problem(target: &str, depth: usize) -> Option<&'static str> {
    if target.is_empty() || target.contains('\0') {
        return Some("that is no path");
    }
    if target.starts_with('/') {
        return Some("an absolute target means something else on another machine");
    }
    let parts = || target.split('/').filter(|part| !matches!(*part, "" | "."));
    let ups = parts().take_while(|part| *part == "..").count();
    if ups > depth {
        Some("the target is outside the stored directory")
    } else if parts().skip(ups).any(|part| part == "..") {
        Some("`..` behind a name can lead outside the stored directory")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn name() -> impl Strategy<Value = String> {
        prop_oneof!["[a-c\\\\\t\n\r é.-]{1,4}", "\\PC{1,8}"]
            .prop_filter("a name", |name| is_name(name))
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let digest = any::<[u8; 32]>().prop_map(Digest::from_bytes);
        let file = (digest.clone(), any::<[u8; 32]>(), any::<u64>(), any::<bool>());
        prop_oneof![
            file.prop_map(|(digest, sha256, size, executable)| Entry::File {
                digest,
                sha256: Sha256::from_bytes(sha256),
                size,
                executable,
            }),
            digest.prop_map(|digest| Entry::Directory { digest }),
            "[a-c/\\\\\t\n.]{1,6}".prop_map(|target| Entry::Symlink { target }),
        ]
    }

    fn tree() -> impl Strategy<Value = Tree> {
        prop::collection::btree_map(name(), entry(), 0..6).prop_map(|entries| Tree { entries })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(20_260_131),
            ..ProptestConfig::default()
        })]

        #[test]
        fn every_tree_survives_its_listing(tree in tree()) {
            prop_assert_eq!(Tree::parse(&tree.to_bytes()), Ok(tree));
        }

        #[test]
        fn a_listing_has_one_spelling(tree in tree(), at: prop::sample::Index, byte: u8) {
            let mut bytes = tree.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(read) = Tree::parse(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, tree in tree()) {
            Tree::parse(&bytes).ok();
            Tree::parse(&[tree.to_bytes(), bytes].concat()).ok();
        }
    }

    #[test]
    fn a_listing_is_text_that_a_person_can_read() {
        let blob = Blob::from(rescience_digest::Hashed::of(b"abc"));
        let entries = [
            ("run.sh".to_owned(), Entry::file(blob, true)),
            ("a\tb".to_owned(), Entry::file(blob, false)),
            ("sub".to_owned(), Entry::Directory { digest: Digest::of(b"rescience-tree 1\n") }),
            ("latest".to_owned(), Entry::Symlink { target: "sub/x".to_owned() }),
        ];
        let tree = Tree { entries: entries.into() };
        let abc = "b3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85\t\
                   ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\t3";
        let empty = Digest::of(HEADER.as_bytes());
        let text = format!(
            "rescience-tree 1\nfile\ta\\tb\t{abc}\nlink\tlatest\tsub/x\nexec\trun.sh\t{abc}\ntree\tsub\t{empty}\n"
        );
        assert_eq!(String::from_utf8(tree.to_bytes()).unwrap(), text);
        // Pinned: were this to change, every tree would have another digest.
        assert_eq!(
            Digest::of(&tree.to_bytes()).to_string(),
            "b3:8b86bdfc805a70e5136a4c2ea71c789337e52b43b16b6e8feaa837f7b7fe59f6"
        );
    }

    #[test]
    fn listings_that_are_almost_right_are_refused() {
        let d = Digest::of(b"");
        let refused = [
            String::new(),
            "rescience-tree 2\n".to_owned(),
            "rescience-tree 1".to_owned(),
            format!("rescience-tree 1\ntree\tb\t{d}\ntree\ta\t{d}\n"),
            format!("rescience-tree 1\ntree\ta\t{d}\ntree\ta\t{d}\n"),
            format!("rescience-tree 1\ntree\ta\t{d}"),
            format!("rescience-tree 1\ntree\ta\t{d}\t\n"),
            format!("rescience-tree 1\ntree\ta\t{d}\n\n"),
            format!("rescience-tree 1\ntree\ta\t{}\n", d.to_string().to_uppercase()),
            format!("rescience-tree 1\ntree\t\t{d}\n"),
            format!("rescience-tree 1\ntree\t.\t{d}\n"),
            format!("rescience-tree 1\ntree\t..\t{d}\n"),
            format!("rescience-tree 1\ntree\ta/b\t{d}\n"),
            format!("rescience-tree 1\ntree\ta\0\t{d}\n"),
            format!("rescience-tree 1\ntree\ta\\x\t{d}\n"),
            format!("rescience-tree 1\nfile\ta\t{d}\t{}\t07\n", d.hex()),
            format!("rescience-tree 1\nfile\ta\t{d}\t{}\t+7\n", d.hex()),
            format!("rescience-tree 1\ndirectory\ta\t{d}\n"),
        ];
        for listing in refused {
            assert!(Tree::parse(listing.as_bytes()).is_err(), "{listing:?}");
        }
        assert!(
            Tree::parse(format!("rescience-tree 1\nfile\ta\t{d}\t{}\t7\n", d.hex()).as_bytes())
                .is_ok()
        );
    }

    #[test]
    fn links_stay_inside() {
        for (target, depth) in [("a", 0), ("./a//b", 0), ("../a", 1), ("../../a/b", 2), ("..", 1)] {
            assert_eq!(link_problem(target, depth), None, "{target} at {depth}");
        }
        for (target, depth) in [
            ("", 0),
            ("/etc", 5),
            ("..", 0),
            ("../../a", 1),
            ("a/../b", 3),
            ("./../a", 0),
            ("a\0", 0),
        ] {
            assert!(link_problem(target, depth).is_some(), "{target} at {depth}");
        }
    }
}
