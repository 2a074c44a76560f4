//! The files of code that a run's processes really mapped, and which build of each it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use nix::unistd::Pid;
use object::Object as _;
use object::read::ReadCache;
use serde::{Deserialize, Serialize};

/// How many looks are taken at first, and then at each of how many; a library that is loaded late
/// is seen late, and reading all mappings of a large program takes a millisecond.
const AT_FIRST: u32 = 4;
const LATER: u32 = 40;

/// The most files that are kept.
const MOST: usize = 1000;

/// A file of code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Library {
    /// The id that the linker gave to this very build, in hex.
    pub build_id: Option<String>,
    /// The version at the end of the file's name: `12.4.127` of `libcudart.so.12.4.127`.
    pub version: Option<String>,
}

/// Finds them.
#[derive(Default)]
pub(super) struct Finder {
    looks: u32,
    found: BTreeMap<String, Library>,
}

impl Finder {
    pub(super) fn look(&mut self, pids: &[Pid]) {
        self.looks += 1;
        if self.looks > AT_FIRST && !self.looks.is_multiple_of(LATER) {
            return;
        }
        for pid in pids {
            let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
            for path in code(&maps) {
                if self.found.len() < MOST && !self.found.contains_key(path) {
                    // As the process sees it, which is not as this one does.
                    let file = format!("/proc/{pid}/root{path}");
                    let library =
                        Library { build_id: build_id(Path::new(&file)), version: version(path) };
                    self.found.insert(path.to_owned(), library);
                }
            }
        }
    }

    pub(super) fn finish(self) -> BTreeMap<String, Library> {
        self.found
    }
}

/// The paths of files that are mapped so that they can be executed.
fn code(maps: &str) -> BTreeSet<&str> {
    let path = |line: &'_ str| -> Option<usize> {
        // address, permissions, offset, device, inode, and a path that may have spaces.
        let executable = line.split_whitespace().nth(1)?.as_bytes().get(2) == Some(&b'x');
        executable.then(|| line.find('/')).flatten()
    };
    maps.lines()
        .filter_map(|line| path(line).map(|at| &line[at..]))
        .filter(|path| !path.ends_with(" (deleted)"))
        .collect()
}

fn build_id(file: &Path) -> Option<String> {
    let cache = ReadCache::new(File::open(file).ok()?);
    let object = object::File::parse(&cache).ok()?;
    let id = object.build_id().ok()??;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn version(path: &str) -> Option<String> {
    let (_, version) = path.rsplit_once(".so.")?;
    let digits = version
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    digits.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_code_count() {
        let maps = "5581-5582 r--p 00000000 fe:00 42 /usr/bin/python3.11\n\
                    5582-5583 r-xp 00001000 fe:00 42 /usr/bin/python3.11\n\
                    7f00-7f01 r-xp 00000000 fe:00 43 /opt/my libs/libcudnn.so.9.1.0\n\
                    7f02-7f03 rw-p 00000000 00:00 0 [heap]\n\
                    7f04-7f05 r-xp 00000000 00:00 0 [vdso]\n\
                    7f06-7f07 r-xp 00000000 fe:00 44 /tmp/gone (deleted)\n";
        let found: Vec<&str> = code(maps).into_iter().collect();
        assert_eq!(found, ["/opt/my libs/libcudnn.so.9.1.0", "/usr/bin/python3.11"]);
    }

    #[test]
    fn versions_stand_at_the_end_of_names() {
        assert_eq!(version("/lib/libcudart.so.12.4.127").as_deref(), Some("12.4.127"));
        assert_eq!(version("/lib/libc.so.6").as_deref(), Some("6"));
        assert_eq!(version("/lib/libgomp-a34b3233.so.1.0.0a"), None);
        assert_eq!(version("/usr/bin/python3.11"), None);
    }

    #[test]
    fn what_is_no_program_has_no_build() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(build_id(file.path()), None);
        assert_eq!(build_id(Path::new("/no/such/file")), None);
    }
}
