//! Small operations on files that the standard library leaves open.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rescience_digest::Digest;

use crate::error::{Context as _, Result};

/// The names in a directory with their paths, sorted; empty if there is no such directory.
pub(crate) fn list(dir: &Path) -> Result<Vec<(OsString, PathBuf)>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context("read", dir)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.context("read", dir)?;
        names.push((entry.file_name(), entry.path()));
    }
    names.sort();
    Ok(names)
}

/// What is known of a file without opening it, links not followed; `None` if it is not there.
pub(crate) fn stat(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        metadata => metadata.context("look at", path).map(Some),
    }
}

/// A file's bytes; `None` if it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => bytes.context("read", path).map(Some),
    }
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.context("remove", path),
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).context("sync", dir)
}

/// Sets exactly these permission bits, whatever the umask.
pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode)).context("set the mode of", path)
}

/// Whether the owner may execute the file.
pub(crate) fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o100 != 0
}

/// Whether two looks at a file saw the same content, as far as they can tell.
pub(crate) fn unchanged(before: &Metadata, after: &Metadata) -> bool {
    let times = |m: &Metadata| (m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec());
    before.len() == after.len() && times(before) == times(after)
}

/// A file name for any text: readable where it can be, never the same for two texts.
pub(crate) fn file_name(text: &str) -> String {
    const LONGEST: usize = 180;
    let mut name = String::new();
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'.' if index == 0 => name.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => {
                name.push(char::from(byte));
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    if name.is_empty() || name.len() > LONGEST {
        // `~` is never written above, so a shortened name cannot meet a whole one.
        name.truncate(LONGEST - 65);
        name = format!("{name}~{}", Digest::of(text.as_bytes()).hex());
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    #[test]
    fn file_names_are_readable_and_safe() {
        assert_eq!(file_name("layer-wise_2.0"), "layer-wise_2.0");
        assert_eq!(file_name("a/b c"), "a%2Fb%20c");
        assert_eq!(file_name(".."), "%2E.");
        assert!(file_name("").starts_with('~'));
        assert!(file_name(&"x".repeat(4000)).len() < 200);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(20_260_131),
            ..ProptestConfig::default()
        })]

        #[test]
        fn two_texts_never_share_a_file_name(a in "[./%~a2E\u{e9}]{0,4}", b in "[./%~a2E\u{e9}]{0,4}") {
            prop_assert_eq!(file_name(&a) == file_name(&b), a == b);
        }

        #[test]
        fn any_text_gives_one_path_component(text: String) {
            let name = file_name(&text);
            prop_assert!(!name.contains(['/', '\0']) && !name.starts_with('.') && !name.is_empty());
            prop_assert!(name.len() <= 180);
        }
    }
}
