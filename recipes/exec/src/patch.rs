//! Patches: a git patch applied to a directory gives another directory.
//!
//! libgit2 reads the patch; its hunks are placed here, because a refusal has to say which line of
//! the patch met what. As with `git apply`, context must match to the byte, and a hunk that does
//! not stand where it says is looked for above and below. No user's git configuration is read.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use git2::{Delta, Diff, FileMode, Patch};

/// Why a patch cannot be applied. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The patch changes nothing.
    #[error("the patch is empty")]
    Empty,
    /// It is not a git patch.
    #[error("not a git patch: {0}")]
    Malformed(String),
    /// A path that leads out of the source, or into git's own data.
    #[error("the patch names `{file}`, which is not inside the source")]
    Outside {
        /// As the patch names it.
        file: String,
    },
    /// The change is not one of text.
    #[error("the patch changes `{file}` in a way that is not supported: {what}")]
    Unsupported {
        /// The file.
        file: String,
        /// What the change is.
        what: &'static str,
    },
    /// The file to be changed is not there.
    #[error("the patch changes `{file}`, which the source does not have")]
    Missing {
        /// The file.
        file: String,
    },
    /// The file to be made is there.
    #[error("the patch creates `{file}`, which the source already has")]
    Exists {
        /// The file.
        file: String,
    },
    /// A hunk's lines are nowhere in the file.
    #[error(
        "hunk {hunk} of `{file}` does not apply: line {patch_line} of the patch expects line \
         {file_line} of the file to be `{expected}`, but found {found}"
    )]
    Mismatch {
        /// The file.
        file: String,
        /// The hunk's number among those of the file, from 1.
        hunk: usize,
        /// The line of the patch that does not match.
        patch_line: usize,
        /// The line of the file that it was compared with.
        file_line: usize,
        /// What the patch says is there.
        expected: String,
        /// What is there, for people.
        found: String,
    },
    /// A deleted file has more in it than the patch deletes.
    #[error("the patch deletes `{file}`, but not all of its lines")]
    NotAllDeleted {
        /// The file.
        file: String,
    },
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Its complaint.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> PatchError {
    move |source| PatchError::Io { path: path.to_path_buf(), source }
}

/// A file as git sees it.
#[derive(Clone)]
struct Content {
    mode: FileMode,
    /// The target, if it is a symbolic link.
    bytes: Vec<u8>,
}

/// The files that a patch touches, as they are to be; `None` if they are to be gone.
type Changes = BTreeMap<PathBuf, Option<Content>>;

/// Applies `patch`, the text of `git diff`, to the directory `base`, and writes the whole outcome
/// to the directory `to`, which must not exist or be empty. `base` stays as it is.
pub fn apply(base: &Path, patch: &[u8], to: &Path) -> Result<(), PatchError> {
    if patch.trim_ascii().is_empty() {
        return Err(PatchError::Empty);
    }
    let malformed = |error: git2::Error| PatchError::Malformed(error.message().to_owned());
    let diff = Diff::from_buffer(patch).map_err(malformed)?;
    let places = hunk_lines(patch);
    let mut places = places.iter();
    let mut changes = Changes::new();
    for index in 0..diff.deltas().len() {
        let patch = Patch::from_diff(&diff, index).map_err(malformed)?;
        // No patch where libgit2 thinks that nothing changes.
        let delta = diff.get_delta(index);
        let Some((patch, delta)) = patch.zip(delta) else { continue };
        change(base, &mut changes, &patch, &delta, &mut places)?;
    }
    if changes.is_empty() {
        return Err(PatchError::Empty);
    }
    fs::create_dir_all(to).map_err(at(to))?;
    copy(base, Path::new(""), to, &changes)?;
    write(to, &changes)
}

/// Adds one file's change to `changes`.
fn change<'a>(
    base: &Path,
    changes: &mut Changes,
    patch: &Patch<'_>,
    delta: &git2::DiffDelta<'_>,
    places: &mut impl Iterator<Item = &'a Vec<usize>>,
) -> Result<(), PatchError> {
    let status = delta.status();
    let (old, new) = (delta.old_file(), delta.new_file());
    let (old_path, new_path) = match (old.path(), new.path()) {
        (Some(old), Some(new)) => (old, new),
        (Some(one), None) | (None, Some(one)) => (one, one),
        (None, None) => return Err(PatchError::Malformed("a change names no file".to_owned())),
    };
    let file = new_path.display().to_string();
    let unsupported =
        |what| Err(PatchError::Unsupported { file: new_path.display().to_string(), what });
    if delta.flags().is_binary() {
        return unsupported("it is binary");
    }
    for path in [old_path, new_path] {
        inside(base, path)?;
    }
    let before = match status {
        Delta::Added => None,
        Delta::Deleted | Delta::Modified | Delta::Renamed | Delta::Copied => {
            let missing = || PatchError::Missing { file: old_path.display().to_string() };
            Some(current(base, changes, old_path)?.ok_or_else(missing)?)
        }
        _ => return unsupported("only text that is added, deleted, changed, moved or copied"),
    };
    if matches!(status, Delta::Added | Delta::Renamed | Delta::Copied)
        && current(base, changes, new_path)?.is_some()
    {
        return Err(PatchError::Exists { file });
    }
    let old_bytes = before.as_ref().map_or(&[][..], |content| &content.bytes);
    let bytes = patched(&file, old_bytes, patch, places)?;
    if matches!(status, Delta::Deleted | Delta::Renamed) {
        changes.insert(old_path.to_path_buf(), None);
    }
    if status == Delta::Deleted {
        return if bytes.is_empty() { Ok(()) } else { Err(PatchError::NotAllDeleted { file }) };
    }
    let mode = match (new.mode(), &before) {
        (mode @ (FileMode::Blob | FileMode::BlobExecutable | FileMode::Link), _) => mode,
        // A patch that does not touch the mode need not name it.
        (FileMode::Unreadable, Some(before)) => before.mode,
        (FileMode::Unreadable | FileMode::BlobGroupWritable, _) => FileMode::Blob,
        _ => return unsupported("it is not a file"),
    };
    changes.insert(new_path.to_path_buf(), Some(Content { mode, bytes }));
    Ok(())
}

/// Refuses paths that lead out of the source, be it through its links.
fn inside(base: &Path, path: &Path) -> Result<(), PatchError> {
    let outside = || PatchError::Outside { file: path.display().to_string() };
    let mut walked = base.to_path_buf();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return Err(outside()) };
        if name.eq_ignore_ascii_case(".git") {
            return Err(outside());
        }
        walked.push(name);
        if parts.peek().is_some() && walked.is_symlink() {
            return Err(outside());
        }
    }
    Ok(())
}

/// A file as it is after the changes so far.
fn current(base: &Path, changes: &Changes, file: &Path) -> Result<Option<Content>, PatchError> {
    if let Some(changed) = changes.get(file) {
        return Ok(changed.clone());
    }
    let path = base.join(file);
    let meta = match fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(at(&path)(error)),
    };
    if meta.is_symlink() {
        let target = fs::read_link(&path).map_err(at(&path))?;
        let bytes = target.into_os_string().into_vec();
        return Ok(Some(Content { mode: FileMode::Link, bytes }));
    }
    let executable = meta.permissions().mode() & 0o100 != 0;
    let mode = if executable { FileMode::BlobExecutable } else { FileMode::Blob };
    Ok(Some(Content { mode, bytes: fs::read(&path).map_err(at(&path))? }))
}

/// One hunk: the lines before and after, with their ends, and which line of the patch says each
/// line before.
struct Hunk {
    /// Where the lines before should stand in the file, from 0.
    start: usize,
    before: Vec<Vec<u8>>,
    after: Vec<Vec<u8>>,
    said_at: Vec<usize>,
}

/// Puts all hunks of one file into it.
fn patched<'a>(
    file: &str,
    old: &[u8],
    patch: &Patch<'_>,
    places: &mut impl Iterator<Item = &'a Vec<usize>>,
) -> Result<Vec<u8>, PatchError> {
    let lines: Vec<&[u8]> = old.split_inclusive(|byte| *byte == b'\n').collect();
    let mut new = Vec::with_capacity(old.len());
    let mut done = 0;
    let mut drift = 0;
    for index in 0..patch.num_hunks() {
        let hunk = hunk(patch, index, places.next())?;
        let expected = hunk.start.saturating_add_signed(drift).max(done);
        let Some(start) = place(&lines, &hunk.before, expected, done) else {
            return Err(mismatch(file, index + 1, &hunk, &lines, expected));
        };
        drift += start.cast_signed() - expected.cast_signed();
        new.extend(lines[done..start].concat());
        new.extend(hunk.after.concat());
        done = start + hunk.before.len();
    }
    new.extend(lines[done..].concat());
    Ok(new)
}

fn hunk(patch: &Patch<'_>, index: usize, place: Option<&Vec<usize>>) -> Result<Hunk, PatchError> {
    let malformed = |error: git2::Error| PatchError::Malformed(error.message().to_owned());
    let (header, count) = patch.hunk(index).map_err(malformed)?;
    let start = header.old_start() as usize;
    // Lines that only add stand after the line that the header names.
    let start = if header.old_lines() == 0 { start } else { start.saturating_sub(1) };
    let mut hunk = Hunk { start, before: Vec::new(), after: Vec::new(), said_at: Vec::new() };
    // Which sides the last line was on, and how many lines were seen that are not marks.
    let (mut was_before, mut was_after, mut said) = (false, false, 0);
    for number in 0..count {
        let line = patch.line_in_hunk(index, number).map_err(malformed)?;
        let (in_before, in_after) = match line.origin() {
            ' ' => (true, true),
            '-' => (true, false),
            '+' => (false, true),
            // The mark that the line before it has no newline, though libgit2 gives it one.
            _ => {
                let sides = [(was_before, &mut hunk.before), (was_after, &mut hunk.after)];
                for (_, lines) in sides.into_iter().filter(|(on, _)| *on) {
                    if let Some(line) = lines.last_mut() {
                        line.pop_if(|byte| *byte == b'\n');
                    }
                }
                continue;
            }
        };
        if in_before {
            hunk.before.push(line.content().to_vec());
            hunk.said_at.push(place.and_then(|place| place.get(said)).copied().unwrap_or(0));
        }
        if in_after {
            hunk.after.push(line.content().to_vec());
        }
        (was_before, was_after) = (in_before, in_after);
        said += 1;
    }
    Ok(hunk)
}

/// Where `before` stands in `lines`, at or after `from`, nearest to `expected`.
fn place(lines: &[&[u8]], before: &[Vec<u8>], expected: usize, from: usize) -> Option<usize> {
    let last = lines.len().checked_sub(before.len())?;
    let fits = |start: &usize| {
        (from..=last).contains(start) && lines[*start..].iter().zip(before).all(|(a, b)| a == b)
    };
    if before.is_empty() {
        // Nothing to look for, so it stands where it says.
        return Some(expected).filter(fits);
    }
    let distances = 0..=lines.len();
    distances
        .flat_map(|by| [expected.checked_sub(by), expected.checked_add(by)])
        .flatten()
        .find(fits)
}

/// The first line that differs where the hunk should stand.
fn mismatch(file: &str, number: usize, hunk: &Hunk, lines: &[&[u8]], start: usize) -> PatchError {
    let differs = |index: &usize| {
        lines.get(start + index).is_none_or(|line| *line != hunk.before[*index].as_slice())
    };
    let index = (0..hunk.before.len()).find(differs).unwrap_or(0);
    let expected = hunk.before.get(index).map_or(&[][..], Vec::as_slice);
    let shown = |line: &[u8]| String::from_utf8_lossy(line).trim_end().to_owned();
    let found = match lines.get(start + index) {
        None => format!("the end of the file, which has {} lines", lines.len()),
        Some(line) if line.trim_ascii_end() == expected.trim_ascii_end() => {
            format!("it with another end ({})", line_end(line))
        }
        Some(line) => format!("`{}`", shown(line)),
    };
    PatchError::Mismatch {
        file: file.to_owned(),
        hunk: number,
        patch_line: hunk.said_at.get(index).copied().unwrap_or(0),
        file_line: start + index + 1,
        expected: shown(expected),
        found,
    }
}

fn line_end(line: &[u8]) -> &'static str {
    match line {
        [.., b'\r', b'\n'] => "a carriage return and a newline",
        [.., b' ' | b'\t', b'\n'] => "white space before the newline",
        [.., b'\n'] => "a newline",
        _ => "no newline",
    }
}

/// For each hunk of the patch, the lines of the patch that are its lines.
fn hunk_lines(patch: &[u8]) -> Vec<Vec<usize>> {
    let mut hunks: Vec<Vec<usize>> = Vec::new();
    let mut within = false;
    for (index, line) in patch.split(|byte| *byte == b'\n').enumerate() {
        if line.starts_with(b"@@ -") {
            hunks.push(Vec::new());
            within = true;
        } else if line.starts_with(b"diff ") {
            within = false;
        } else if within
            && !line.starts_with(b"\\")
            && let Some(hunk) = hunks.last_mut()
        {
            hunk.push(index + 1);
        }
    }
    hunks
}

/// Copies what the patch leaves alone.
fn copy(base: &Path, dir: &Path, to: &Path, changes: &Changes) -> Result<(), PatchError> {
    let from = base.join(dir);
    for entry in fs::read_dir(&from).map_err(at(&from))? {
        let entry = entry.map_err(at(&from))?;
        let name = dir.join(entry.file_name());
        if changes.contains_key(&name) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        let kind = entry.file_type().map_err(at(&source))?;
        if kind.is_dir() {
            fs::create_dir_all(&target).map_err(at(&target))?;
            copy(base, &name, to, changes)?;
        } else if kind.is_symlink() {
            let link = fs::read_link(&source).map_err(at(&source))?;
            symlink(link, &target).map_err(at(&target))?;
        } else {
            fs::copy(&source, &target).map_err(at(&source))?;
            let executable = fs::metadata(&source).map_err(at(&source))?.permissions().mode();
            set_mode(&target, executable & 0o100 != 0)?;
        }
    }
    Ok(())
}

/// Writes what the patch makes, and removes directories that it leaves empty.
fn write(to: &Path, changes: &Changes) -> Result<(), PatchError> {
    for (name, content) in changes {
        let Some(content) = content else { continue };
        let path = to.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        if content.mode == FileMode::Link {
            symlink(OsStr::from_bytes(&content.bytes), &path).map_err(at(&path))?;
        } else {
            fs::write(&path, &content.bytes).map_err(at(&path))?;
            set_mode(&path, content.mode == FileMode::BlobExecutable)?;
        }
    }
    for (name, _) in changes.iter().filter(|(_, content)| content.is_none()) {
        for parent in name.ancestors().skip(1).filter(|parent| *parent != Path::new("")) {
            // Refused while something is in it.
            if fs::remove_dir(to.join(parent)).is_err() {
                break;
            }
        }
    }
    Ok(())
}

fn set_mode(path: &Path, executable: bool) -> Result<(), PatchError> {
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(at(path))
}
