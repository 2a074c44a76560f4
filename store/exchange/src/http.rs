//! Requests: sent again while that can help, watched for stalls, never through a proxy nobody named.
//!
//! | module | holds |
//! |---|---|
//! | `call` | one request, so that it can be sent twice |
//! | `retry` | when it is sent again |
//! | `words` | what a server said, fit to be shown |
//! | `tls` | whom to trust |
//! | `download` | a file, got in pieces if need be |
//! | `stream` | the same, handed on as it comes |

pub(crate) mod call;
pub(crate) mod download;
pub(crate) mod retry;
pub(crate) mod stream;
mod tls;
pub(crate) mod words;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Method, Proxy, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};

use crate::address::is_loopback;
use crate::error::{ExchangeError, Result};
use crate::token::{Credentials, Token};
use crate::watch::{Event, Watch};
use call::Call;

/// How often somebody looks whether anything moves.
const TICK: Duration = Duration::from_millis(100);

/// The longest answer that is read into memory.
const LONGEST: usize = 4 << 20;

/// How many other addresses are followed to one file.
const REDIRECTS: usize = 8;

/// How requests are sent.
#[derive(Debug, Clone)]
pub struct Options {
    /// What calls itself the sender.
    pub agent: String,
    /// A file of certificates, in PEM, in place of those of the system.
    pub roots: Option<PathBuf>,
    /// The address of a proxy, which may hold a password. No other is used.
    pub proxy: Option<Token>,
    /// How long nothing may move before a connection counts as lost.
    pub stall: Duration,
    /// How often something is tried in all before it counts as failed.
    pub tries: u32,
    /// How long the first wait is; each one after it is twice as long.
    pub wait: Duration,
    /// The longest wait that a server may ask for.
    pub longest_wait: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            agent: concat!("rescience/", env!("CARGO_PKG_VERSION")).to_owned(),
            roots: None,
            proxy: None,
            stall: Duration::from_secs(60),
            tries: 6,
            wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(300),
        }
    }
}

impl Options {
    /// A client for whoever speaks another protocol: with these certificates and this proxy, and
    /// with `silence` as the longest that an answer may take. It sends nothing twice.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn client(&self, silence: Duration) -> Result<reqwest::Client> {
        let builder = self.builder()?.0.read_timeout(silence);
        builder.build().map_err(|error| unusable(&error))
    }

    /// The beginning of a client, and whether it trusts anybody.
    fn builder(&self) -> Result<(reqwest::ClientBuilder, bool)> {
        let (tls, trusting) = tls::config(self.roots.as_deref())?;
        let builder = reqwest::Client::builder()
            .user_agent(&self.agent)
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.stall)
            .no_proxy();
        let builder = match &self.proxy {
            Some(proxy) => builder.proxy(Proxy::all(proxy.text()).map_err(|e| unusable(&e))?),
            None => builder,
        };
        Ok((builder, trusting))
    }
}

fn unusable(reason: &reqwest::Error) -> ExchangeError {
    ExchangeError::Connection { url: "the network".to_owned(), reason: words::cause(reason) }
}

/// A client. It must not be used from within an asynchronous runtime: it has its own.
pub struct Http {
    runtime: Runtime,
    client: reqwest::Client,
    options: Options,
    trusting: bool,
}

/// The head of an answer, with the body still to come.
pub(crate) struct Answer {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    response: reqwest::Response,
}

impl Answer {
    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The address in its `Location`.
    pub(crate) fn location(&self) -> Result<Url> {
        let protocol = |reason: &str| ExchangeError::Protocol {
            url: words::shown(&self.url),
            reason: reason.to_owned(),
        };
        let location = self.header("location").ok_or_else(|| protocol("it has no `Location`"))?;
        self.url.join(location).map_err(|_| protocol("its `Location` is no address"))
    }
}

/// A request that got no answer.
pub(crate) struct Lost(pub(crate) String);

impl Http {
    /// A client.
    ///
    /// # Errors
    /// A file of certificates that cannot be read, or a proxy that is no address.
    pub fn new(options: Options) -> Result<Http> {
        let (builder, trusting) = options.builder()?;
        let client = builder.build().map_err(|error| unusable(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| ExchangeError::Connection {
            url: "the network".to_owned(),
            reason: source.to_string(),
        })?;
        Ok(Http { runtime, client, options, trusting })
    }

    /// Sends a request until there is an answer that another try would not change. Follows
    /// redirections where nothing is sent along.
    pub(crate) fn send(&self, call: &Call<'_>, watch: &mut Watch<'_>) -> Result<Answer> {
        let mut answer = self.patiently(call, watch)?;
        let mut followed = None;
        for _ in 0..REDIRECTS {
            let moved = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            if !moved || !matches!(call.method, Method::GET | Method::HEAD) {
                return Ok(answer);
            }
            let next = answer.location()?;
            if answer.url.scheme() == "https" && next.scheme() != "https" {
                let reason = "it leads from https to http".to_owned();
                return Err(ExchangeError::Protocol { url: words::shown(&answer.url), reason });
            }
            let call = followed.get_or_insert_with(|| call.clone());
            if next.origin() != call.url.origin() {
                call.credentials = Credentials::None;
            }
            call.url = next;
            answer = self.patiently(call, watch)?;
        }
        let reason = "it leads from one address to the next without end".to_owned();
        Err(ExchangeError::Protocol { url: words::shown(&call.url), reason })
    }

    fn patiently(&self, call: &Call<'_>, watch: &mut Watch<'_>) -> Result<Answer> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (why, wait) = match self.once(call, watch)? {
                Ok(answer) => match retry::after(&answer, call.repeatable, tries, &self.options) {
                    Some(wait) if tries < self.options.tries => {
                        (format!("{} answered {}", words::shown(&call.url), answer.status), wait)
                    }
                    _ => return Ok(answer),
                },
                Err(Lost(reason)) if call.repeatable && tries < self.options.tries => {
                    (reason, retry::wait(tries, &self.options))
                }
                Err(Lost(reason)) => {
                    return Err(ExchangeError::Connection { url: words::shown(&call.url), reason });
                }
            };
            self.pause(&why, wait, watch);
        }
    }

    /// Waits, and says so.
    pub(crate) fn pause(&self, why: &str, wait: Duration, watch: &mut Watch<'_>) {
        watch(Event::Waiting { why, wait });
        std::thread::sleep(wait);
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Sends a request once.
    ///
    /// # Errors
    /// What cannot be sent at all; a connection that breaks is no error of this kind.
    pub(crate) fn once(
        &self,
        call: &Call<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Result<Answer, Lost>> {
        self.guard(call)?;
        let (request, sent) = call.request(&self.client)?;
        let total = call.body.size();
        let stall = self.options.stall;
        let answer = self.runtime.block_on(async {
            let mut pending = pin!(request.send());
            let (mut seen, mut since) = (0, Instant::now());
            loop {
                match tokio::time::timeout(TICK, pending.as_mut()).await {
                    Ok(answer) => break answer.map_err(|error| Lost(words::cause(&error))),
                    Err(_) => {
                        let done = sent.load(Ordering::Relaxed);
                        if done != seen {
                            (seen, since) = (done, Instant::now());
                            let (what, total) = (call.what, Some(call.body.total()));
                            watch(Event::Moved { what, done: call.body.start() + done, total });
                        } else if since.elapsed() >= stall {
                            break Err(Lost(format!(
                                "nothing moved for {} s",
                                stall.as_secs_f32()
                            )));
                        }
                    }
                }
            }
        });
        let response = match answer {
            Ok(response) => response,
            Err(lost) => return Ok(Err(lost)),
        };
        if total > 0 && response.status().is_success() {
            let (done, total) = (call.body.start() + total, Some(call.body.total()));
            watch(Event::Moved { what: call.what, done, total });
        }
        Ok(Ok(Answer {
            method: call.method.clone(),
            url: call.url.clone(),
            status: response.status(),
            headers: response.headers().clone(),
            response,
        }))
    }

    /// Refuses what would show a token to everybody on the way, or cannot be trusted.
    fn guard(&self, call: &Call<'_>) -> Result<()> {
        let secure = call.url.scheme() == "https";
        let host = call.url.host_str().unwrap_or_default();
        if !secure && !matches!(call.credentials, Credentials::None) && !is_loopback(host) {
            let to = words::shown(&call.url);
            let reason = "a token is not sent over http: use https".to_owned();
            return Err(ExchangeError::Unfit { to, reason });
        }
        if secure && !self.trusting {
            let url = words::shown(&call.url);
            return Err(ExchangeError::Connection { url, reason: tls::missing() });
        }
        Ok(())
    }

    /// The next piece of a body; none at its end.
    pub(crate) fn chunk(&self, answer: &mut Answer) -> Result<Option<bytes::Bytes>, Lost> {
        let next =
            async { tokio::time::timeout(self.options.stall, answer.response.chunk()).await };
        match self.runtime.block_on(next) {
            Ok(chunk) => chunk.map_err(|error| Lost(words::cause(&error))),
            Err(_) => {
                let stall = self.options.stall.as_secs_f32();
                Err(Lost(format!("nothing moved for {stall} s")))
            }
        }
    }

    /// A whole body.
    pub(crate) fn bytes(&self, mut answer: Answer) -> Result<Vec<u8>> {
        self.body(&mut answer)
    }

    /// The head and the whole body of an answer, asked for again if it breaks off.
    pub(crate) fn whole(
        &self,
        watch: &mut Watch<'_>,
        mut send: impl FnMut(&mut Watch<'_>) -> Result<Answer>,
    ) -> Result<(Answer, Vec<u8>)> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut answer = send(watch)?;
            match self.body(&mut answer) {
                Err(ExchangeError::Connection { reason, .. }) if tries < self.options.tries => {
                    self.pause(&reason, retry::wait(tries, &self.options), watch);
                }
                body => return Ok((answer, body?)),
            }
        }
    }

    fn body(&self, answer: &mut Answer) -> Result<Vec<u8>> {
        let (url, mut bytes) = (words::shown(&answer.url), Vec::new());
        while let Some(chunk) = self
            .chunk(answer)
            .map_err(|Lost(reason)| ExchangeError::Connection { url: url.clone(), reason })?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST {
                let reason = format!("it is longer than {LONGEST} bytes");
                return Err(ExchangeError::Protocol { url, reason });
            }
        }
        Ok(bytes)
    }

    /// A body that is JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, answer: Answer) -> Result<T> {
        let url = words::shown(&answer.url);
        let bytes = self.bytes(answer)?;
        serde_json::from_slice(&bytes)
            .map_err(|reason| ExchangeError::Protocol { url, reason: reason.to_string() })
    }

    /// The answer, if it has one of these statuses.
    pub(crate) fn expect(
        &self,
        answer: Answer,
        statuses: &[u16],
        credentials: &Credentials,
    ) -> Result<Answer> {
        if statuses.contains(&answer.status.as_u16()) {
            Ok(answer)
        } else {
            Err(self.refusal(answer, credentials))
        }
    }

    /// An answer as the error that it is, without what gave access.
    pub(crate) fn refusal(&self, answer: Answer, credentials: &Credentials) -> ExchangeError {
        let (status, advice) = (answer.status.as_u16(), words::advice(answer.status.as_u16()));
        let (method, url) = (answer.method.to_string(), words::shown(&answer.url));
        let words = if answer.status.is_redirection() && answer.header("location").is_some() {
            answer.location().map(|location| format!("to {}", words::shown(&location)))
        } else {
            self.bytes(answer).map(|bytes| words::of(&bytes))
        };
        // What cannot be read says nothing more than the status.
        let words = credentials.redact(&words.unwrap_or_default());
        ExchangeError::Answer { method, url, status, words, advice }
    }
}
