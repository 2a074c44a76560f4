//! Every request that Zenodo is sent: the dry run shows the same ones.

use std::fmt;
use std::path::Path;

use reqwest::{Method, Url};
use serde::Serialize;

use super::{Deposit, Metadata};
use crate::address::Site;
use crate::error::{ExchangeError, Result};
use crate::http::call::{Call, Payload};
use crate::http::words;

/// The address of a site's API.
pub(super) struct Base {
    pub(super) url: Url,
}

/// A request that would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Its method.
    pub method: String,
    /// Its address; `ID`, `BUCKET` and `FILE` stand for what only the answers before it tell.
    pub url: String,
    /// What it carries.
    pub body: String,
}

impl Planned {
    pub(super) fn of(call: &Call<'_>) -> Planned {
        let body = match &call.body {
            Payload::None => String::new(),
            Payload::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Payload::File { path, size, .. } => {
                format!("the {size} bytes of `{}`", path.display())
            }
        };
        Planned { method: call.method.to_string(), url: words::shown(&call.url), body }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Planned { method, url, body } = self;
        write!(f, "{method} {url}")?;
        if body.is_empty() { Ok(()) } else { write!(f, " with {body}") }
    }
}

impl Base {
    pub(super) fn of(site: &Site) -> Result<Base> {
        let known = |text: &str| Url::parse(text).expect("this is an address");
        let mut url = match site {
            Site::Zenodo => known("https://zenodo.org/api/"),
            Site::Sandbox => known("https://sandbox.zenodo.org/api/"),
            Site::At(url) => url.clone(),
        };
        if url.cannot_be_a_base() {
            let reason = "nothing can follow this address".to_owned();
            return Err(ExchangeError::Unfit { to: words::shown(&url), reason });
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Base { url })
    }

    /// An address below that of the depositions.
    fn depositions(&self, parts: &[&str]) -> Url {
        let mut url = self.url.clone();
        // An address that can be a base has segments, and others were refused.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["deposit", "depositions"]).extend(parts);
        }
        url
    }

    pub(super) fn create(&self) -> Call<'static> {
        json(Call::new(Method::POST, self.depositions(&[]), "a new deposit"), b"{}")
    }

    pub(super) fn look(&self, id: u64) -> Call<'static> {
        self.look_at(&id.to_string())
    }

    pub(super) fn look_at(&self, id: &str) -> Call<'static> {
        Call::get(self.depositions(&[id]), "the deposit")
    }

    pub(super) fn new_version(&self, id: u64) -> Call<'static> {
        let url = self.depositions(&[&id.to_string(), "actions", "newversion"]);
        let mut call = Call::new(Method::POST, url, "a new version");
        // There is one draft of a new version at a time.
        call.repeatable = true;
        call
    }

    pub(super) fn remove(&self, id: u64, file: &str) -> Call<'static> {
        let url = self.depositions(&[&id.to_string(), "files", file]);
        Call::new(Method::DELETE, url, "a file of the old version")
    }

    pub(super) fn remove_any(&self) -> Call<'static> {
        let url = self.depositions(&["ID", "files", "FILE"]);
        Call::new(Method::DELETE, url, "each file of the old version")
    }

    pub(super) fn upload<'b>(
        &self,
        bucket: &str,
        name: &'b str,
        path: &'b Path,
        size: u64,
    ) -> Result<Call<'b>> {
        let unfit = |reason: &str| ExchangeError::Unfit {
            to: words::shown(&self.url),
            reason: format!("its bucket {reason}"),
        };
        let mut url = Url::parse(bucket).map_err(|error| unfit(&error.to_string()))?;
        if url.origin() != self.url.origin() {
            return Err(unfit("is on another server"));
        }
        url.path_segments_mut().map_err(|()| unfit("is no folder"))?.pop_if_empty().push(name);
        let body = Payload::File { path, start: 0, size, total: size };
        let call = Call::new(Method::PUT, url, name);
        Ok(call.header("content-type", "application/octet-stream").body(body))
    }

    pub(super) fn describe(&self, id: &str, metadata: &Metadata) -> Result<Call<'static>> {
        let problems = metadata.problems();
        if !problems.is_empty() {
            let (to, reason) = (words::shown(&self.url), problems.join(", "));
            return Err(ExchangeError::Unfit { to, reason });
        }
        let body = metadata.json().to_string();
        Ok(json(Call::new(Method::PUT, self.depositions(&[id]), "metadata"), body.as_bytes()))
    }

    pub(super) fn publish(&self, id: &str) -> Call<'static> {
        let url = self.depositions(&[id, "actions", "publish"]);
        Call::new(Method::POST, url, "the publication")
    }

    /// A deposit of which nothing is known yet.
    pub(super) fn placeholder(&self) -> Deposit {
        let mut bucket = self.url.clone();
        if let Ok(mut segments) = bucket.path_segments_mut() {
            segments.pop_if_empty().extend(["files", "BUCKET"]);
        }
        let (doi, page, files) = (String::new(), String::new(), Vec::new());
        Deposit { id: 0, doi, bucket: bucket.into(), page, submitted: false, files }
    }
}

fn json(call: Call<'static>, body: &[u8]) -> Call<'static> {
    call.header("content-type", "application/json").body(Payload::Bytes(body.to_vec()))
}
