//! A file, got from where it was cut off, and given its name only once its bytes are the right ones.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rescience_digest::{Hashed, Hasher, Sha256};

use super::call::Call;
use super::{Answer, Http, Lost, retry, words};
use crate::LARGEST;
use crate::check::Check;
use crate::dir::{Clash, place};
use crate::error::{Context as _, ExchangeError, Result};
use crate::watch::{Event, Watch};

/// A file that is to be there, and what is known of it before.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) to: &'a Path,
    pub(crate) clash: Clash,
    pub(crate) sha256: Option<Sha256>,
    pub(crate) size: Option<u64>,
}

/// The beginning of a file, beside its place under a name that the next process finds again.
struct Part {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    done: u64,
    /// Whether it began with what an earlier process left.
    inherited: bool,
}

/// Gets a file. `send` sends the request that it is given, with whatever gives access; `check` looks at
/// the whole file before it has its name, and so before it takes the place of another.
///
/// # Errors
/// [`ExchangeError::Bytes`] if what arrived is not what was expected, and those of `check`; it is
/// removed.
pub(crate) fn download<E: From<ExchangeError>>(
    http: &Http,
    call: &Call<'_>,
    wanted: Wanted<'_>,
    check: &mut Check<'_, E>,
    watch: &mut Watch<'_>,
    send: &mut dyn FnMut(&Call<'_>, &mut Watch<'_>) -> Result<Answer>,
) -> Result<Hashed, E> {
    let (part, hashed) = arrive(http, call, wanted, watch, send)?;
    if let Err(error) = check(&part.path) {
        fs::remove_file(&part.path).ok();
        return Err(error);
    }
    part.file.sync_all().context("sync", &part.path)?;
    place(&part.path, wanted.to, wanted.clash)?;
    Ok(hashed)
}

/// Gets all bytes, and compares them with what is known of them.
fn arrive(
    http: &Http,
    call: &Call<'_>,
    wanted: Wanted<'_>,
    watch: &mut Watch<'_>,
    send: &mut dyn FnMut(&Call<'_>, &mut Watch<'_>) -> Result<Answer>,
) -> Result<(Part, Hashed)> {
    let to = wanted.to;
    if wanted.clash == Clash::Refuse && to.symlink_metadata().is_ok() {
        return Err(ExchangeError::Exists { place: format!("`{}`", to.display()) });
    }
    let mut part = Part::open(wanted)?;
    loop {
        if let Err(error) = fill(http, call, &mut part, wanted, watch, send) {
            // Only what has a digest can be gone on with by another process.
            if wanted.sha256.is_none() {
                fs::remove_file(&part.path).ok();
            }
            return Err(error);
        }
        let hashed = part.hasher.clone().finish();
        match wanted.sha256 {
            Some(wanted) if wanted != hashed.sha256 && part.inherited => part.restart()?,
            Some(wanted) if wanted != hashed.sha256 => {
                fs::remove_file(&part.path).ok();
                return Err(ExchangeError::Bytes {
                    place: words::shown(&call.url),
                    expected: format!("sha256:{wanted}"),
                    found: format!("sha256:{}", hashed.sha256),
                });
            }
            _ => return Ok((part, hashed)),
        }
    }
}

/// Appends to a part until the file is whole.
fn fill(
    http: &Http,
    call: &Call<'_>,
    part: &mut Part,
    wanted: Wanted<'_>,
    watch: &mut Watch<'_>,
    send: &mut dyn FnMut(&Call<'_>, &mut Watch<'_>) -> Result<Answer>,
) -> Result<()> {
    let (mut tag, mut failures, mut best) = (None::<String>, 0, part.done);
    while wanted.size.is_none_or(|size| part.done < size) || part.done == 0 {
        let before = part.done;
        let mut ask = call.clone();
        if before > 0 {
            watch(Event::Resumed { what: call.what, at: before });
            ask = ask.header("range", format!("bytes={before}-"));
            if let Some(tag) = &tag {
                ask = ask.header("if-range", tag);
            }
        }
        let answer = send(&ask, watch)?;
        if answer.status.as_u16() == 416 && before > 0 {
            // What is here is no beginning of what is there.
            part.restart()?;
            failures += 1;
            if failures < http.options().tries {
                continue;
            }
        }
        let mut answer = http.expect(answer, &[200, 206], &call.credentials)?;
        let total = begin(&answer, part, wanted)?;
        tag = answer.header("etag").filter(|tag| !tag.starts_with("W/")).map(str::to_owned);
        let lost = loop {
            match http.chunk(&mut answer) {
                Ok(Some(chunk)) => {
                    part.write(&chunk)?;
                    if part.done > total.unwrap_or(LARGEST) {
                        return Err(too_long(&answer, part, total.unwrap_or(LARGEST), "more"));
                    }
                    watch(Event::Moved { what: call.what, done: part.done, total });
                }
                Ok(None) => break None,
                Err(Lost(reason)) => break Some(reason),
            }
        };
        let short = total.is_some_and(|total| part.done < total);
        let Some(reason) = lost.or_else(|| short.then(|| "the answer ended early".to_owned()))
        else {
            return Ok(());
        };
        // What had to be fetched twice is no progress.
        failures = if part.done > best { 1 } else { failures + 1 };
        best = best.max(part.done);
        if failures >= http.options().tries {
            return Err(ExchangeError::Connection { url: words::shown(&call.url), reason });
        }
        http.pause(&reason, retry::wait(failures, http.options()), watch);
    }
    Ok(())
}

/// Makes the part end where the answer begins. Returns the size of the file, if it is known.
fn begin(answer: &Answer, part: &mut Part, wanted: Wanted<'_>) -> Result<Option<u64>> {
    let protocol =
        |reason: String| ExchangeError::Protocol { url: words::shown(&answer.url), reason };
    let total = if answer.status.as_u16() == 206 {
        let range = answer.header("content-range").unwrap_or_default();
        let (start, total) = content_range(range)
            .ok_or_else(|| protocol(format!("`{range}` is no `Content-Range`")))?;
        if start != part.done {
            let asked = part.done;
            return Err(protocol(format!("it sends from byte {start}, not from {asked}")));
        }
        total
    } else {
        if part.done > 0 {
            part.restart()?;
        }
        answer.header("content-length").and_then(|size| size.parse().ok())
    };
    match (wanted.size, total) {
        (Some(expected), Some(total)) if expected != total => {
            fs::remove_file(&part.path).ok();
            let place = words::shown(&answer.url);
            let [expected, found] = [expected, total].map(|size| format!("{size} bytes"));
            Err(ExchangeError::Bytes { place, expected, found })
        }
        // Not asked for byte by byte until the disk is full.
        (_, Some(total)) | (Some(total), None) if total > LARGEST => {
            Err(too_long(answer, part, LARGEST, &format!("{total} bytes")))
        }
        (expected, total) => Ok(expected.or(total)),
    }
}

fn too_long(answer: &Answer, part: &Part, most: u64, found: &str) -> ExchangeError {
    fs::remove_file(&part.path).ok();
    ExchangeError::Bytes {
        place: words::shown(&answer.url),
        expected: format!("up to {most} bytes"),
        found: found.to_owned(),
    }
}

/// Start and total of `bytes START-END/TOTAL`.
pub(super) fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.trim().parse().ok()?;
    if total == "*" { Some((start, None)) } else { Some((start, Some(total.parse().ok()?))) }
}

impl Part {
    fn open(wanted: Wanted<'_>) -> Result<Part> {
        let mut name = OsString::from(".");
        name.push(wanted.to.file_name().unwrap_or_default());
        name.push(".part");
        let path = wanted.to.with_file_name(name);
        let file = open_alone(&path)?;
        let mut part = Part { path, file, hasher: Hasher::new(), done: 0, inherited: false };
        // Without a digest nobody could tell whether it is a beginning of the same file.
        if wanted.sha256.is_none() {
            part.restart()?;
            return Ok(part);
        }
        part.hasher.read(&mut part.file).context("read", &part.path)?;
        part.done = part.file.stream_position().context("read", &part.path)?;
        part.inherited = part.done > 0;
        if wanted.size.is_some_and(|size| part.done > size) {
            part.restart()?;
        }
        Ok(part)
    }

    fn restart(&mut self) -> Result<()> {
        self.file.set_len(0).context("write", &self.path)?;
        self.file.seek(SeekFrom::Start(0)).context("write", &self.path)?;
        (self.hasher, self.done, self.inherited) = (Hasher::new(), 0, false);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).context("write", &self.path)?;
        self.hasher.update(bytes);
        self.done += bytes.len() as u64;
        Ok(())
    }
}

/// Opens a file that nobody else writes, or makes it; never what a link leads to.
fn open_alone(path: &Path) -> Result<File> {
    let refused = |kind: io::ErrorKind, reason: &str| {
        let source = io::Error::new(kind, reason);
        Err(ExchangeError::Io { action: "write", path: path.to_owned(), source })
    };
    for _ in 0..8 {
        if path.symlink_metadata().is_ok_and(|it| !it.is_file()) {
            return refused(io::ErrorKind::InvalidInput, "something is there that is no file");
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).context("create", path)?;
        // Not every file system has locks.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            break;
        }
        // Whoever had the lock before may have given the file its name, and this is another's now.
        let own = file.metadata().context("look at", path)?;
        let same = |it: &fs::Metadata| (it.dev(), it.ino()) == (own.dev(), own.ino());
        if path.symlink_metadata().is_ok_and(|it| same(&it)) {
            return Ok(file);
        }
    }
    refused(io::ErrorKind::WouldBlock, "another process is getting the same file")
}
