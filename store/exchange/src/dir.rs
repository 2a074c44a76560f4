//! A bundle in a folder: there whole under its name, or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rescience_bundle::Bundle;
use rescience_bundle::draft::{self, Draft};
use rescience_digest::Hashed;

use crate::error::{Context as _, ExchangeError, Result};
use crate::watch::{Event, Watch};

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// What is done where another file has the name of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// The other file stays, and the bundle is not copied.
    Refuse,
    /// The bundle takes its place.
    Replace,
}

/// Copies a zip into a folder, which is made where it is missing. Returns where it is.
///
/// # Errors
/// [`ExchangeError::Exists`] if other bytes have its name, unless they are to be replaced.
pub fn publish(zip: &Path, folder: &Path, clash: Clash, watch: &mut Watch<'_>) -> Result<PathBuf> {
    let Some(name) = zip.file_name() else {
        let source = io::Error::from(io::ErrorKind::InvalidFilename);
        return Err(ExchangeError::Io { action: "copy", path: zip.to_owned(), source });
    };
    fs::create_dir_all(folder).context("create", folder)?;
    let to = folder.join(name);
    let what = name.to_string_lossy();
    if to.symlink_metadata().is_ok() {
        if same(zip, &to)? {
            watch(Event::Present { what: &what });
            return Ok(to);
        }
        if clash == Clash::Refuse {
            return Err(ExchangeError::Exists { place: format!("`{}`", to.display()) });
        }
    }
    let draft = Draft::file(&to)?;
    copy(zip, &draft, &what, watch)?;
    place(draft.path(), &to, clash)?;
    Ok(to)
}

/// The bundle at a path: a zip, the folder that one was unpacked to, or the only zip of a folder.
///
/// # Errors
/// [`ExchangeError::Refused`] for a folder with no zip in it, or with several.
pub fn find(path: &Path) -> Result<PathBuf> {
    if !fs::metadata(path).context("open", path)?.is_dir() || Bundle::is_folder(path) {
        return Ok(path.to_owned());
    }
    let mut zips = Vec::new();
    for entry in fs::read_dir(path).context("read", path)? {
        let inner = entry.context("read", path)?.path();
        if inner.extension().is_some_and(|extension| extension == "zip") && inner.is_file() {
            zips.push(inner);
        }
    }
    if zips.len() == 1 {
        return Ok(zips.remove(0));
    }
    zips.sort();
    let names: Vec<_> = zips.iter().map(|zip| format!("`{}`", zip.display())).collect();
    let reason = match names.as_slice() {
        [] => "no zip is in it".to_owned(),
        _ => format!("several zips are in it: name one of {}", names.join(", ")),
    };
    Err(ExchangeError::Refused { from: format!("`{}`", path.display()), reason })
}

fn copy(from: &Path, draft: &Draft, what: &str, watch: &mut Watch<'_>) -> Result<()> {
    let mut source = File::open(from).context("open", from)?;
    let total = Some(source.metadata().context("look at", from)?.len());
    let (mut file, to) = (draft.open(), draft.path());
    let (mut buffer, mut done) = (vec![0; CHUNK], 0);
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                file.write_all(&buffer[..n]).context("write", to)?;
                done += n as u64;
                watch(Event::Moved { what, done, total });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("read", from),
        }
    }
    file.sync_all().context("sync", to)
}

/// Gives a whole and synced file its name, and syncs the folder that holds it.
pub(crate) fn place(draft: &Path, to: &Path, clash: Clash) -> Result<()> {
    match clash {
        Clash::Replace => fs::rename(draft, to).context("write", to)?,
        // A link is never made over a file that came in the meantime.
        Clash::Refuse => match fs::hard_link(draft, to) {
            Ok(()) => fs::remove_file(draft).context("remove", draft)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(ExchangeError::Exists { place: format!("`{}`", to.display()) });
            }
            // Not every file system has links.
            Err(_) => fs::rename(draft, to).context("write", to)?,
        },
    }
    Ok(draft::sync_folder(to)?)
}

fn same(one: &Path, other: &Path) -> Result<bool> {
    let sizes = [one, other].map(|path| fs::metadata(path).map(|metadata| metadata.len()).ok());
    if sizes[0] != sizes[1] || !other.is_file() {
        return Ok(false);
    }
    Ok(hash(one)? == hash(other)?)
}

/// Both digests and the size of a file.
pub(crate) fn hash(path: &Path) -> Result<Hashed> {
    File::open(path).and_then(|mut file| Hashed::read(&mut file)).context("read", path)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::watch::unwatched;

    #[test]
    fn a_bundle_is_copied_once_and_replaces_nothing_unasked() {
        let world = TempDir::new().unwrap();
        let (zip, folder) = (world.path().join("paper.zip"), world.path().join("a/b"));
        fs::write(&zip, "first").unwrap();
        let to = publish(&zip, &folder, Clash::Refuse, &mut unwatched).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"first");

        let mut present = false;
        let mut watch = |event: Event<'_>| present |= matches!(event, Event::Present { .. });
        publish(&zip, &folder, Clash::Refuse, &mut watch).unwrap();
        assert!(present);

        fs::write(&zip, "other").unwrap();
        let error = publish(&zip, &folder, Clash::Refuse, &mut unwatched).unwrap_err();
        assert!(matches!(error, ExchangeError::Exists { .. }), "{error}");
        assert_eq!(fs::read(&to).unwrap(), b"first");
        publish(&zip, &folder, Clash::Replace, &mut unwatched).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"other");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_copy_that_fails_leaves_nothing() {
        let world = TempDir::new().unwrap();
        let (zip, folder) = (world.path().join("paper.zip"), world.path().join("out"));
        fs::create_dir(&zip).unwrap();
        let error = publish(&zip, &folder, Clash::Refuse, &mut unwatched).unwrap_err();
        assert!(error.to_string().contains("paper.zip"), "{error}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn the_bundle_of_a_folder_is_its_only_zip() {
        let world = TempDir::new().unwrap();
        let said = find(world.path()).unwrap_err().to_string();
        assert!(said.ends_with("no zip is in it"), "{said}");
        let [one, other] = ["one.zip", "other.zip"].map(|name| world.path().join(name));
        fs::write(&one, "").unwrap();
        assert_eq!(find(world.path()).unwrap(), one);
        assert_eq!(find(&one).unwrap(), one);
        fs::write(&other, "").unwrap();
        let said = find(world.path()).unwrap_err().to_string();
        assert!(said.contains("one.zip`, `") && said.ends_with("other.zip`"), "{said}");
        assert!(find(&world.path().join("missing")).is_err());
    }
}
