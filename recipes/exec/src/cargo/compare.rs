//! Two program files: whether they are the same, and if not, where they differ.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use object::{Object as _, ObjectSection as _};

/// How two files relate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Not one bit differs.
    Identical,
    /// They differ.
    Differs {
        /// How many bytes differ; the tail of the longer one counts.
        bytes: u64,
        /// The length of the longer file, in bytes.
        of: u64,
        /// What kind of bytes they are, if that is plain to see.
        cause: Option<Cause>,
    },
}

/// What a difference between programs most likely comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Only data that holds addresses beside numbers differs: most likely the line numbers that
    /// panics report, which move with every line of source, a comment's too.
    Lines,
    /// Instructions are the same and data differs, as when a text or a constant was changed.
    Data,
    /// Only what debuggers read differs, or an id derived from it.
    Debug,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Comparison::Differs { bytes, of, cause } = self else {
            return f.write_str("identical");
        };
        write!(f, "differs in {bytes} of {of} bytes")?;
        match cause {
            Some(Cause::Lines) => f.write_str(", most likely line numbers that panics report"),
            Some(Cause::Data) => f.write_str(", in data alone"),
            Some(Cause::Debug) => f.write_str(", only in what debuggers read"),
            None => Ok(()),
        }
    }
}

/// Compares two program files byte by byte. A cause is looked for in ELF files of equal length.
pub fn compare(left: &Path, right: &Path) -> io::Result<Comparison> {
    let (left, right) = (fs::read(left)?, fs::read(right)?);
    if left == right {
        return Ok(Comparison::Identical);
    }
    let differing = left.iter().zip(&right).filter(|(a, b)| a != b).count();
    Ok(Comparison::Differs {
        bytes: (differing + left.len().abs_diff(right.len())) as u64,
        of: left.len().max(right.len()) as u64,
        cause: cause(&left, &right),
    })
}

fn cause(left: &[u8], right: &[u8]) -> Option<Cause> {
    let (left, right) = (sections(left)?, sections(right)?);
    if left.keys().ne(right.keys()) {
        return None;
    }
    let differing: Vec<&str> = left
        .iter()
        .filter(|(name, content)| right.get(*name) != Some(content))
        .map(|(name, _)| name.as_str())
        .collect();
    let debug = |name: &str| name.starts_with(".debug") || name == ".note.gnu.build-id";
    // Where the compiler puts the locations of panics, for the sake of the file name's address.
    let lines = |name: &str| name.starts_with(".data.rel.ro");
    let data = |name: &str| name.starts_with(".rodata") || name.starts_with(".data");
    match differing.as_slice() {
        [] => None,
        names if names.iter().all(|name| debug(name)) => Some(Cause::Debug),
        names if names.iter().all(|name| debug(name) || lines(name)) => Some(Cause::Lines),
        names if names.iter().all(|name| debug(name) || data(name)) => Some(Cause::Data),
        _ => None,
    }
}

/// The sections of an ELF file by name.
fn sections(file: &[u8]) -> Option<BTreeMap<String, Vec<&[u8]>>> {
    let file = object::File::parse(file).ok()?;
    let mut sections: BTreeMap<String, Vec<&[u8]>> = BTreeMap::new();
    for section in file.sections() {
        sections.entry(section.name().ok()?.to_owned()).or_default().push(section.data().ok()?);
    }
    Some(sections)
}
