//! A blob on its way to a registry, in chunks; after a lost connection the registry says what it has.

use std::path::Path;

use reqwest::{Method, Url};
use rescience_digest::Hashed;

use super::registry::Registry;
use super::{Call, Payload};
use crate::error::{ExchangeError, Result};
use crate::http::{Answer, retry, words};
use crate::watch::{Event, Watch};

/// Bytes of a chunk, unless the registry wants more.
const CHUNK: u64 = 8 << 20;

/// How far an upload came.
struct Session {
    /// Where the next chunk goes.
    at: Url,
    done: u64,
    chunk: u64,
}

/// Sends a file, unless the registry has it; tells whether it did.
pub(super) fn file(
    registry: &Registry<'_>,
    path: &Path,
    hashed: &Hashed,
    what: &str,
    watch: &mut Watch<'_>,
) -> Result<bool> {
    let digest = format!("sha256:{}", hashed.sha256);
    if present(registry, &digest, what, watch)? {
        watch(Event::Present { what });
        return Ok(false);
    }
    let mut session = open(registry, what, watch)?;
    let (mut failures, mut best) = (0, 0);
    while session.done < hashed.size {
        let before = session.done;
        let size = session.chunk.min(hashed.size - before);
        let call = Call::new(Method::PATCH, session.at.clone(), what)
            .header("content-type", "application/octet-stream")
            .header("content-range", format!("{before}-{}", before + size - 1))
            .body(Payload::File { path, start: before, size, total: hashed.size });
        let error = match registry.send(&call, watch) {
            Ok(answer) if matches!(answer.status.as_u16(), 201 | 202 | 204) => {
                session.at = answer.location()?;
                session.done = stored(&answer).unwrap_or(before + size);
                // What was sent before, and forgotten, is no progress.
                failures = if session.done > best { 0 } else { failures };
                best = best.max(session.done);
                failures += u32::from(session.done <= before);
                if failures < registry.http.options().tries {
                    continue;
                }
                let (url, reason) = (words::shown(&session.at), "it takes no bytes".to_owned());
                return Err(ExchangeError::Protocol { url, reason });
            }
            // It has another number of bytes, or lost the upload, or has a problem.
            Ok(answer) if matches!(answer.status.as_u16(), 404 | 416 | 500..) => {
                registry.refusal(answer)
            }
            Ok(answer) => return Err(registry.refusal(answer)),
            Err(error @ ExchangeError::Connection { .. }) => error,
            Err(error) => return Err(error),
        };
        failures += 1;
        if failures >= registry.http.options().tries {
            return Err(error);
        }
        let wait = retry::wait(failures, registry.http.options());
        registry.http.pause(&error.to_string(), wait, watch);
        session = resume(registry, session, what, watch)?;
    }
    close(registry, session.at, &digest, what, Payload::None, watch)?;
    Ok(true)
}

/// Sends what is in memory, unless the registry has it; tells whether it did.
pub(super) fn bytes(
    registry: &Registry<'_>,
    bytes: &[u8],
    what: &str,
    watch: &mut Watch<'_>,
) -> Result<bool> {
    let digest = format!("sha256:{}", Hashed::of(bytes).sha256);
    if present(registry, &digest, what, watch)? {
        return Ok(false);
    }
    let session = open(registry, what, watch)?;
    close(registry, session.at, &digest, what, Payload::Bytes(bytes.to_vec()), watch)?;
    Ok(true)
}

fn present(
    registry: &Registry<'_>,
    digest: &str,
    what: &str,
    watch: &mut Watch<'_>,
) -> Result<bool> {
    let call = registry.call(Method::HEAD, &format!("/blobs/{digest}"), what)?;
    let answer = registry.send(&call, watch)?;
    Ok(registry.expect(answer, &[200, 404])?.status.as_u16() == 200)
}

fn open(registry: &Registry<'_>, what: &str, watch: &mut Watch<'_>) -> Result<Session> {
    let mut call = registry.call(Method::POST, "/blobs/uploads/", what)?;
    // An upload that nobody goes on with is swept away.
    call.repeatable = true;
    let answer = registry.send(&call, watch)?;
    let answer = registry.expect(answer, &[202])?;
    let least = answer.header("oci-chunk-min-length").and_then(|size| size.parse().ok());
    let chunk = CHUNK.max(least.unwrap_or(0));
    Ok(Session { at: answer.location()?, done: 0, chunk })
}

/// Asks the registry what it has of an upload; begins another if it does not know.
fn resume(
    registry: &Registry<'_>,
    session: Session,
    what: &str,
    watch: &mut Watch<'_>,
) -> Result<Session> {
    let answer = registry.send(&Call::get(session.at.clone(), what), watch)?;
    if !matches!(answer.status.as_u16(), 200 | 202 | 204) {
        return open(registry, what, watch);
    }
    let done = stored(&answer).unwrap_or(0);
    watch(Event::Resumed { what, at: done });
    Ok(Session { at: answer.location().unwrap_or(session.at), done, chunk: session.chunk })
}

/// How many bytes the registry has, from a `Range` of the last one's place.
fn stored(answer: &Answer) -> Option<u64> {
    let range = answer.header("range")?;
    let last: u64 = range.trim_start_matches("bytes=").split_once('-')?.1.parse().ok()?;
    // Nothing and one byte are written alike; chunks are longer than one byte.
    Some(if last == 0 { 0 } else { last + 1 })
}

/// Ends an upload. If the answer is lost, the registry has the blob or has not.
fn close(
    registry: &Registry<'_>,
    mut at: Url,
    digest: &str,
    what: &str,
    body: Payload<'_>,
    watch: &mut Watch<'_>,
) -> Result<()> {
    at.query_pairs_mut().append_pair("digest", digest);
    let call = Call::new(Method::PUT, at, what)
        .header("content-type", "application/octet-stream")
        .body(body)
        .once();
    match registry.send(&call, watch) {
        Ok(answer) => registry.expect(answer, &[201]).map(|_| ()),
        Err(ExchangeError::Connection { .. }) if present(registry, digest, what, watch)? => Ok(()),
        Err(error) => Err(error),
    }
}
