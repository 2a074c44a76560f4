//! A file, got from where it was cut off, and given its name only once its bytes are the right ones.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rescience_digest::{Hashed, Hasher, Sha256};

use super::call::Call;
use super::{Answer, Http, Lost, retry, words};
use crate::LARGEST;
use crate::dir::{Clash, hash_into, place};
use crate::error::{Context as _, ExchangeError, Result};
use crate::watch::{Event, Watch};

/// What is known of a file before it is there.
#[derive(Clone, Copy, Default)]
pub(crate) struct Expected {
    pub(crate) sha256: Option<Sha256>,
    pub(crate) size: Option<u64>,
}

/// A file in the making beside its place.
struct Draft {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    done: u64,
    /// Whether it began with what an earlier process left.
    inherited: bool,
}

/// Gets a file. `send` sends the request that it is given, with whatever gives access.
///
/// # Errors
/// [`ExchangeError::Bytes`] if what arrived is not what was expected; it is removed.
pub(crate) fn download(
    http: &Http,
    call: &Call<'_>,
    to: &Path,
    expected: Expected,
    clash: Clash,
    watch: &mut Watch<'_>,
    send: &mut dyn FnMut(&Call<'_>, &mut Watch<'_>) -> Result<Answer>,
) -> Result<Hashed> {
    if clash == Clash::Refuse && to.symlink_metadata().is_ok() {
        return Err(ExchangeError::Exists { place: format!("`{}`", to.display()) });
    }
    let mut draft = Draft::open(to, expected)?;
    loop {
        if let Err(error) = fill(http, call, &mut draft, expected, watch, send) {
            // Only what has a digest can be gone on with by another process.
            if expected.sha256.is_none() {
                fs::remove_file(&draft.path).ok();
            }
            return Err(error);
        }
        let hashed = draft.hasher.clone().finish();
        match expected.sha256 {
            Some(wanted) if wanted != hashed.sha256 && draft.inherited => draft.restart()?,
            Some(wanted) if wanted != hashed.sha256 => {
                fs::remove_file(&draft.path).ok();
                return Err(ExchangeError::Bytes {
                    place: words::shown(&call.url),
                    expected: format!("sha256:{wanted}"),
                    found: format!("sha256:{}", hashed.sha256),
                });
            }
            _ => {
                draft.file.sync_all().context("sync", &draft.path)?;
                place(&draft.path, to, clash)?;
                return Ok(hashed);
            }
        }
    }
}

/// Appends to the draft until the file is whole.
fn fill(
    http: &Http,
    call: &Call<'_>,
    draft: &mut Draft,
    expected: Expected,
    watch: &mut Watch<'_>,
    send: &mut dyn FnMut(&Call<'_>, &mut Watch<'_>) -> Result<Answer>,
) -> Result<()> {
    let (mut tag, mut failures, mut best) = (None::<String>, 0, draft.done);
    while expected.size.is_none_or(|size| draft.done < size) || draft.done == 0 {
        let before = draft.done;
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
            draft.restart()?;
            failures += 1;
            if failures < http.options().tries {
                continue;
            }
        }
        let mut answer = http.expect(answer, &[200, 206], &call.credentials)?;
        let total = begin(&answer, draft, expected)?;
        tag = answer.header("etag").filter(|tag| !tag.starts_with("W/")).map(str::to_owned);
        let lost = loop {
            match http.chunk(&mut answer) {
                Ok(Some(chunk)) => {
                    draft.write(&chunk)?;
                    if draft.done > total.unwrap_or(LARGEST) {
                        return Err(too_long(&answer, draft, total.unwrap_or(LARGEST), "more"));
                    }
                    watch(Event::Moved { what: call.what, done: draft.done, total });
                }
                Ok(None) => break None,
                Err(Lost(reason)) => break Some(reason),
            }
        };
        let short = total.is_some_and(|total| draft.done < total);
        let Some(reason) = lost.or_else(|| short.then(|| "the answer ended early".to_owned()))
        else {
            return Ok(());
        };
        // What had to be fetched twice is no progress.
        failures = if draft.done > best { 1 } else { failures + 1 };
        best = best.max(draft.done);
        if failures >= http.options().tries {
            return Err(ExchangeError::Connection { url: words::shown(&call.url), reason });
        }
        http.pause(&reason, retry::wait(failures, http.options()), watch);
    }
    Ok(())
}

/// Makes the draft end where the answer begins. Returns the size of the file, if it is known.
fn begin(answer: &Answer, draft: &mut Draft, expected: Expected) -> Result<Option<u64>> {
    let protocol =
        |reason: String| ExchangeError::Protocol { url: words::shown(&answer.url), reason };
    let total = if answer.status.as_u16() == 206 {
        let range = answer.header("content-range").unwrap_or_default();
        let (start, total) = content_range(range)
            .ok_or_else(|| protocol(format!("`{range}` is no `Content-Range`")))?;
        if start != draft.done {
            let asked = draft.done;
            return Err(protocol(format!("it sends from byte {start}, not from {asked}")));
        }
        total
    } else {
        if draft.done > 0 {
            draft.restart()?;
        }
        answer.header("content-length").and_then(|size| size.parse().ok())
    };
    match (expected.size, total) {
        (Some(expected), Some(total)) if expected != total => {
            fs::remove_file(&draft.path).ok();
            let place = words::shown(&answer.url);
            let [expected, found] = [expected, total].map(|size| format!("{size} bytes"));
            Err(ExchangeError::Bytes { place, expected, found })
        }
        // Not asked for byte by byte until the disk is full.
        (_, Some(total)) | (Some(total), None) if total > LARGEST => {
            Err(too_long(answer, draft, LARGEST, &format!("{total} bytes")))
        }
        (expected, total) => Ok(expected.or(total)),
    }
}

fn too_long(answer: &Answer, draft: &Draft, most: u64, found: &str) -> ExchangeError {
    fs::remove_file(&draft.path).ok();
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

impl Draft {
    fn open(to: &Path, expected: Expected) -> Result<Draft> {
        let mut name = OsString::from(".");
        name.push(to.file_name().unwrap_or_default());
        name.push(".part");
        let path = to.with_file_name(name);
        let mut hasher = Hasher::new();
        // Without a digest nobody could tell whether it is a beginning of the same file.
        let inherited = expected.sha256.is_some() && path.is_file();
        if inherited {
            hash_into(&path, &mut hasher)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(!inherited);
        let mut file = options.open(&path).context("create", &path)?;
        let done = file.seek(SeekFrom::End(0)).context("write", &path)?;
        let mut draft = Draft { path, file, hasher, done, inherited };
        if expected.size.is_some_and(|size| draft.done > size) {
            draft.restart()?;
        }
        Ok(draft)
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
