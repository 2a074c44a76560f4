//! Programs leave the target directory: what a build says of them is checked, never believed.
//!
//! Code that is compiled can write to cargo's standard output, so that every message may be forged,
//! and it has the target directory to itself. A name could lead out of the output directory, a path
//! to any file of the machine, and a link inside the target to what the build never saw.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use super::{CargoError, at};
use crate::sandbox::Shown;

/// Copies the program that a build calls `name`, and says is at `path`, out of `target` into the
/// directory `output`, which has no file of that name.
pub(super) fn take(
    name: &str,
    path: &Path,
    target: &Shown,
    output: &Path,
) -> Result<(), CargoError> {
    let refused = |why: &str| CargoError::Foreign {
        name: name.to_owned(),
        path: path.to_path_buf(),
        why: why.to_owned(),
    };
    if !is_plain(Path::new(name)) || name.contains('/') {
        return Err(refused("its name is not a file name"));
    }
    let inside = path.strip_prefix(&target.at).ok().filter(|inside| is_below(inside));
    let inside = inside.ok_or_else(|| refused("it is not in the target directory"))?;
    let mut program = open(&target.from, inside).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP | libc::EXDEV) => refused("a link leads to it"),
        _ => refused(&error.to_string()),
    })?;
    let meta = program.metadata().map_err(at(path))?;
    if !meta.is_file() {
        return Err(refused("it is not a regular file"));
    }
    let to = output.join(name);
    let mut options = File::options();
    let mode = if meta.mode() & 0o100 == 0 { 0o644 } else { 0o755 };
    let mut file = options.write(true).create_new(true).mode(mode).open(&to).map_err(at(&to))?;
    io::copy(&mut program, &mut file).map_err(at(&to))?;
    Ok(())
}

/// Opens a file below a directory without following a link, and without waiting for a pipe's other
/// end.
pub(super) fn open(dir: &Path, inside: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let dir = openat(CWD, dir, flags | OFlags::DIRECTORY, Mode::empty())?;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(dir, inside, flags | OFlags::NONBLOCK, Mode::empty(), within)?;
    Ok(File::from(file))
}

fn is_plain(path: &Path) -> bool {
    let mut parts = path.components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
        && !path.as_os_str().as_bytes().contains(&0)
}

fn is_below(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use std::fs;

    use super::*;
    use crate::sandbox::Access;

    /// A target directory with a program, and a file outside of it.
    fn scene() -> (tempfile::TempDir, Shown) {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::create_dir_all(target.join("release")).unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        fs::write(target.join("release/hello"), "program").unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        (dir, Shown { from: target, at: "/target".into(), access: Access::Write })
    }

    fn taken(scene: &(tempfile::TempDir, Shown), name: &str, path: &str) -> Result<(), String> {
        let output = scene.0.path().join("out");
        take(name, Path::new(path), &scene.1, &output).map_err(|error| error.to_string())
    }

    #[test]
    fn a_program_of_the_target_is_copied() {
        let scene = scene();
        taken(&scene, "hello", "/target/release/hello").unwrap();
        assert_eq!(fs::read(scene.0.path().join("out/hello")).unwrap(), b"program");
        let twice = taken(&scene, "hello", "/target/release/hello").unwrap_err();
        assert!(twice.contains("exists"), "{twice}");
    }

    #[test]
    fn a_name_that_is_a_path_is_refused() {
        let scene = scene();
        let escaped = scene.0.path().join("ESCAPED");
        for name in [escaped.to_str().unwrap(), "../ESCAPED", "a/b", "a/", "..", ".", "", "a\0b"] {
            let why = taken(&scene, name, "/target/release/hello").unwrap_err();
            assert!(why.ends_with("its name is not a file name"), "{name:?}: {why}");
        }
        assert!(!escaped.exists());
        assert_eq!(fs::read_dir(scene.0.path().join("out")).unwrap().count(), 0);
    }

    #[test]
    fn a_program_outside_of_the_target_is_refused() {
        let scene = scene();
        let secret = scene.0.path().join("secret");
        for path in [secret.to_str().unwrap(), "/target", "/target/../secret", "release/hello", ""]
        {
            let why = taken(&scene, "x", path).unwrap_err();
            assert!(why.ends_with("it is not in the target directory"), "{path:?}: {why}");
        }
        assert!(!scene.0.path().join("out/x").exists());
    }

    #[test]
    fn links_and_what_is_no_file_are_refused() {
        let scene = scene();
        let release = scene.1.from.join("release");
        symlink(scene.0.path().join("secret"), release.join("file")).unwrap();
        symlink(scene.0.path(), release.join("dir")).unwrap();
        symlink("hello", release.join("inside")).unwrap();
        nix::unistd::mkfifo(&release.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (path, expected) in [
            ("file", "a link leads to it"),
            ("dir/secret", "a link leads to it"),
            ("inside", "a link leads to it"),
            ("pipe", "it is not a regular file"),
            ("", "it is not a regular file"),
            ("none", "No such file or directory (os error 2)"),
        ] {
            let path = Path::new("/target/release").join(path);
            let why = taken(&scene, "x", path.to_str().unwrap()).unwrap_err();
            assert!(why.ends_with(expected), "{}: {why}", path.display());
        }
        assert!(!scene.0.path().join("out/x").exists());
    }
}
