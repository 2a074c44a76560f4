//! A body, handed on as it comes, and gone on with where it broke off.

use super::call::Call;
use super::download::content_range;
use super::{Answer, Http, Lost, retry, words};
use crate::error::{ExchangeError, Result};
use crate::watch::{Event, Watch};

/// Gets a file and hands its bytes to `sink` until there are no more or it wants no more. `send`
/// sends the request that it is given, with whatever gives access. Whoever takes the bytes has to
/// compare them with their digest.
pub(crate) fn stream(
    http: &Http,
    call: &Call<'_>,
    sink: &mut dyn FnMut(&[u8]) -> bool,
    watch: &mut Watch<'_>,
    send: &mut dyn FnMut(&Call<'_>, &mut Watch<'_>) -> Result<Answer>,
) -> Result<()> {
    let (mut done, mut failures) = (0_u64, 0);
    loop {
        let before = done;
        let mut ask = call.clone();
        if done > 0 {
            watch(Event::Resumed { what: call.what, at: done });
            ask = ask.header("range", format!("bytes={done}-"));
        }
        let mut answer = http.expect(send(&ask, watch)?, &[200, 206], &call.credentials)?;
        // A server may begin again, all the same.
        let mut skip = if answer.status.as_u16() == 206 { 0 } else { done };
        let start = answer.header("content-range").and_then(content_range).map(|range| range.0);
        if answer.status.as_u16() == 206 && start != Some(done) {
            let (url, reason) = (words::shown(&answer.url), "it sends another part".to_owned());
            return Err(ExchangeError::Protocol { url, reason });
        }
        let reason = loop {
            match http.chunk(&mut answer) {
                Ok(Some(chunk)) => {
                    let known = skip.min(chunk.len() as u64);
                    skip -= known;
                    let fresh = &chunk[known as usize..];
                    done += fresh.len() as u64;
                    if !sink(fresh) {
                        return Ok(());
                    }
                    watch(Event::Moved { what: call.what, done, total: None });
                }
                Ok(None) => return Ok(()),
                Err(Lost(reason)) => break reason,
            }
        };
        failures = if done > before { 1 } else { failures + 1 };
        if failures >= http.options().tries {
            return Err(ExchangeError::Connection { url: words::shown(&call.url), reason });
        }
        http.pause(&reason, retry::wait(failures, http.options()), watch);
    }
}
