//! Accelerators are lent to one run at a time, by all builds of a machine together.
//!
//! ```text
//! /run/lock/rescience-gpu-UUID     locked while a run has the accelerator; /tmp where that is not
//! ```                              everybody's to write
//!
//! The files belong to whoever was first and are never removed, so that all lock the same ones. The
//! locks keep builds out of each other's way, not programs: those see no device that they were not
//! lent. Containers that share devices but no files do not see each other's locks.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where everybody can make files, and nobody can take away those of others.
const SHARED: [&str; 2] = ["/run/lock", "/tmp"];

/// How often somebody else's loan is looked at.
const AGAIN: Duration = Duration::from_millis(200);

/// Accelerators that no other build lends; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Loan {
    /// The locks.
    _files: Vec<File>,
}

impl Loan {
    /// Waits until nobody else has any of these, and calls `on_wait` if that is not at once.
    ///
    /// # Errors
    /// In words, if nobody could tell.
    pub(crate) async fn of(uuids: &[String], on_wait: impl FnOnce()) -> Result<Loan, String> {
        if uuids.is_empty() {
            return Ok(Loan { _files: Vec::new() });
        }
        let shared = SHARED.iter().map(Path::new).find(|dir| is_everybodys(dir));
        let dir = shared.ok_or_else(|| format!("neither of {} is shared", SHARED.join(", ")))?;
        Loan::by(dir, uuids, on_wait).await
    }

    async fn by(dir: &Path, uuids: &[String], on_wait: impl FnOnce()) -> Result<Loan, String> {
        let mut on_wait = Some(on_wait);
        let mut files = Vec::new();
        // In one order for all builds, or two could wait for each other.
        let mut paths: Vec<PathBuf> = uuids.iter().map(|uuid| dir.join(name(uuid))).collect();
        paths.sort();
        paths.dedup();
        for path in paths {
            let told = |error: io::Error| format!("{}: {error}", path.display());
            let file = open(&path).map_err(told)?;
            loop {
                match file.try_lock() {
                    Ok(()) => break,
                    Err(TryLockError::Error(error)) => return Err(told(error)),
                    Err(TryLockError::WouldBlock) => {}
                }
                if let Some(on_wait) = on_wait.take() {
                    on_wait();
                }
                tokio::time::sleep(AGAIN).await;
            }
            files.push(file);
        }
        Ok(Loan { _files: files })
    }
}

/// Whether another build has an accelerator now; it may give it back the next moment.
pub(crate) fn is_lent(uuid: &str) -> bool {
    let shared = SHARED.iter().map(Path::new).find(|dir| is_everybodys(dir));
    shared.is_some_and(|dir| is_lent_by(dir, uuid))
}

fn is_lent_by(dir: &Path, uuid: &str) -> bool {
    let file = open(&dir.join(name(uuid)));
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Whether everybody may make files there and only their owners may remove them.
fn is_everybodys(dir: &Path) -> bool {
    dir.metadata().is_ok_and(|meta| meta.is_dir() && meta.mode() & 0o1777 == 0o1777)
}

/// A name for the lock of an id, which is the driver's word and goes into a path.
fn name(uuid: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    format!("rescience-gpu-{}", uuid.replace(|letter| !plain(letter), "_"))
}

/// Opens a file that may be another user's, or makes it. Reading is enough for a lock, and nobody
/// can write.
fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    for _ in 0..3 {
        // Not in one step: kernels refuse to open another's file in such a directory with the wish
        // to make it.
        let made = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => rustix::fs::open(
                path,
                rustix::fs::OFlags::RDONLY
                    | rustix::fs::OFlags::CREATE
                    | rustix::fs::OFlags::EXCL
                    | rustix::fs::OFlags::CLOEXEC,
                rustix::fs::Mode::from_raw_mode(0o444),
            )
            .map(File::from)
            .map_err(io::Error::from),
            opened => opened,
        };
        match made {
            // Somebody was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Ok(file) if !file.metadata()?.is_file() => {
                return Err(io::Error::new(ErrorKind::InvalidInput, "not a file"));
            }
            Ok(file) => {
                // The mask of whoever makes it must not keep others out.
                let meta = file.metadata()?;
                if meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o444 != 0o444
                {
                    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o444))?;
                }
                return Ok(file);
            }
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(future)
    }

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn one_device_has_one_run_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        block_on(async {
            let mut waited = 0;
            let lend = async |names: &[&str], waited: &mut i32| {
                let ids = ids(names);
                let loan = Loan::by(dir.path(), &ids, || *waited += 1);
                tokio::time::timeout(Duration::from_millis(100), loan).await
            };
            let first = lend(&["GPU-b", "GPU-a"], &mut waited).await.unwrap().unwrap();
            let _other = lend(&["GPU-c"], &mut waited).await.unwrap().unwrap();
            assert_eq!(waited, 0);
            let lent = ["a", "b", "c", "d"].map(|id| is_lent_by(dir.path(), &format!("GPU-{id}")));
            assert_eq!(lent, [true, true, true, false]);
            lend(&["GPU-a"], &mut waited).await.unwrap_err();
            lend(&["GPU-d", "GPU-b"], &mut waited).await.unwrap_err();
            assert_eq!(waited, 2);
            drop(first);
            lend(&["GPU-a", "GPU-b"], &mut waited).await.unwrap().unwrap();
            assert_eq!(waited, 2);
        });
    }

    #[test]
    fn whose_the_lock_is_does_not_matter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name("GPU-a"));
        open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o444);
        open(&path).unwrap();
    }

    #[test]
    fn nothing_is_locked_but_a_plain_file_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let lend = |id: &str| block_on(Loan::by(dir.path(), &ids(&[id]), || ()));
        std::os::unix::fs::symlink("elsewhere", dir.path().join(name("GPU-a"))).unwrap();
        std::fs::create_dir(dir.path().join(name("GPU-b"))).unwrap();
        lend("GPU-a").unwrap_err();
        assert!(lend("GPU-b").unwrap_err().ends_with("not a file"));
        assert!(!dir.path().join("elsewhere").exists());
        lend("../../GPU-c").unwrap();
        assert!(dir.path().join("rescience-gpu-______GPU-c").exists());
    }

    #[test]
    fn there_is_a_place_for_locks() {
        assert!(SHARED.iter().any(|dir| is_everybodys(Path::new(dir))));
        assert!(!is_everybodys(tempfile::tempdir().unwrap().path()));
    }
}
