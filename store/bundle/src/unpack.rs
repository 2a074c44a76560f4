//! Unpacking: a bundle's files into a new folder, whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rescience_digest::Hasher;

use crate::draft::Draft;
use crate::error::{BundleError, Context as _, Result};
use crate::manifest;
use crate::read::Bundle;

impl Bundle {
    /// Writes every file to a folder that does not exist yet, checked against the list of BLAKE3
    /// digests on the way. Its name is the last thing that it gets.
    ///
    /// # Errors
    /// A file that is not as the list says, or a file system that refuses; then there is no folder.
    pub fn unpack(&self, to: &Path) -> Result<()> {
        let draft = Draft::folder(to)?;
        self.unpack_into(draft.path())?;
        draft.place(to)
    }

    fn unpack_into(&self, folder: &Path) -> Result<()> {
        let refused =
            |reason: String| BundleError::Refused { path: self.path().to_owned(), reason };
        let list = self.read(manifest::BLAKE3)?.unwrap_or_default();
        let list = manifest::parse_blake3(&list).map_err(refused)?;
        for name in self.names() {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).context("create", parent)?;
            }
            let mut file = BufWriter::new(File::create_new(&path).context("create", &path)?);
            let mut hasher = Hasher::new();
            let mut failed = Ok(());
            self.stream(name, |chunk| {
                hasher.update(chunk);
                if failed.is_ok() {
                    failed = file.write_all(chunk);
                }
            })?;
            failed.and_then(|()| file.flush()).context("write", &path)?;
            let mode = if self.executable(name) { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).context("write", &path)?;
            let found = hasher.finish().digest;
            match list.get(name) {
                Some(expected) if *expected == found => {}
                None if !manifest::lists(manifest::BLAKE3, name) => {}
                Some(expected) => {
                    return Err(refused(format!(
                        "`{name}` was changed: expected {expected}, found {found}"
                    )));
                }
                None => return Err(refused(format!("`{name}` is in no list of digests"))),
            }
        }
        match list.keys().find(|name| !self.contains(name)) {
            Some(name) => Err(refused(format!("`{name}` is missing"))),
            None => Ok(()),
        }
    }
}
