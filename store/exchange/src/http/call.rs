//! One request, kept as data so that it can be sent again.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Client, Method, RequestBuilder, Url};

use crate::error::{Context as _, Result};
use crate::token::Credentials;

/// Bytes handed to the connection at a time.
const CHUNK: u64 = 1 << 16;

/// A request.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) credentials: Credentials,
    pub(crate) body: Payload<'a>,
    /// What moves, as a person calls it.
    pub(crate) what: &'a str,
    /// Whether sending it twice is the same as sending it once.
    pub(crate) repeatable: bool,
}

/// What a request carries.
#[derive(Clone)]
pub(crate) enum Payload<'a> {
    None,
    Bytes(Vec<u8>),
    /// A piece of a file.
    File {
        path: &'a Path,
        start: u64,
        size: u64,
        total: u64,
    },
}

impl Payload<'_> {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Payload::None => 0,
            Payload::Bytes(bytes) => bytes.len() as u64,
            Payload::File { size, .. } => *size,
        }
    }

    pub(crate) fn start(&self) -> u64 {
        if let Payload::File { start, .. } = self { *start } else { 0 }
    }

    pub(crate) fn total(&self) -> u64 {
        if let Payload::File { total, .. } = self { *total } else { self.size() }
    }
}

impl<'a> Call<'a> {
    /// A request that carries nothing. It is repeatable unless it is a `POST` or a `PATCH`.
    pub(crate) fn new(method: Method, url: Url, what: &'a str) -> Call<'a> {
        let repeatable = !matches!(method, Method::POST | Method::PATCH);
        let (headers, credentials) = (Vec::new(), Credentials::None);
        Call { method, url, headers, credentials, body: Payload::None, what, repeatable }
    }

    pub(crate) fn get(url: Url, what: &'a str) -> Call<'a> {
        Call::new(Method::GET, url, what)
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Call<'a> {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn body(mut self, body: Payload<'a>) -> Call<'a> {
        self.body = body;
        self
    }

    /// Not repeatable, though its method is.
    #[must_use]
    pub(crate) fn once(mut self) -> Call<'a> {
        self.repeatable = false;
        self
    }

    #[must_use]
    pub(crate) fn credentials(mut self, credentials: &Credentials) -> Call<'a> {
        self.credentials = credentials.clone();
        self
    }

    /// As the client takes it, with the count of the bytes that the connection has taken.
    pub(super) fn request(&self, client: &Client) -> Result<(RequestBuilder, Arc<AtomicU64>)> {
        let mut request = client.request(self.method.clone(), self.url.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request = match &self.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.bearer_auth(token.text()),
            Credentials::Login { user, password } => {
                request.basic_auth(user, Some(password.text()))
            }
        };
        let sent = Arc::new(AtomicU64::new(0));
        let request = match &self.body {
            Payload::None if matches!(self.method, Method::GET | Method::HEAD) => request,
            Payload::None => request.header(CONTENT_LENGTH, 0),
            Payload::Bytes(bytes) => request.body(bytes.clone()),
            Payload::File { path, start, size, .. } => {
                let mut file = File::open(path).context("open", path)?;
                file.seek(SeekFrom::Start(*start)).context("read", path)?;
                let piece = Piece { file, left: *size, sent: Arc::clone(&sent) };
                request.header(CONTENT_LENGTH, *size).body(Body::wrap(piece))
            }
        };
        Ok((request, sent))
    }
}

/// A piece of a file on its way.
struct Piece {
    file: File,
    left: u64,
    sent: Arc<AtomicU64>,
}

impl http_body::Body for Piece {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        // A file is always ready, and nothing else runs on this runtime.
        let mut buffer = vec![0; CHUNK.min(self.left) as usize];
        if let Err(error) = self.file.read_exact(&mut buffer) {
            return Poll::Ready(Some(Err(error)));
        }
        self.left -= buffer.len() as u64;
        self.sent.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(buffer.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
