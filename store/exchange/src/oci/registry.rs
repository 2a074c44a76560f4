//! One repository of a registry, asked with whatever gives access to it.

use std::cell::RefCell;

use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Method, Url};
use rescience_digest::{Hashed, Sha256};
use serde::Deserialize;

use super::challenge::{self, Challenge};
use super::manifest::{Descriptor, MANIFEST};
use super::{Call, Payload};
use crate::address::{OciAddress, Version, is_loopback};
use crate::error::{ExchangeError, Result};
use crate::http::{Answer, Http, words};
use crate::token::{Credentials, Token};
use crate::watch::Watch;

pub(super) struct Registry<'a> {
    pub(super) http: &'a Http,
    address: &'a OciAddress,
    credentials: &'a Credentials,
    /// What is to be done there: `pull` or `pull,push`.
    actions: &'static str,
    /// What the registry accepted or asked for last.
    granted: RefCell<Credentials>,
}

impl<'a> Registry<'a> {
    pub(super) fn new(
        http: &'a Http,
        address: &'a OciAddress,
        credentials: &'a Credentials,
        actions: &'static str,
    ) -> Registry<'a> {
        // Nothing is shown before the registry says what it wants to see.
        let granted = RefCell::new(Credentials::None);
        Registry { http, address, credentials, actions, granted }
    }

    /// A request to a path below the repository.
    pub(super) fn call<'b>(&self, method: Method, path: &str, what: &'b str) -> Result<Call<'b>> {
        let text = format!("{}{path}", self.address.base());
        match Url::parse(&text) {
            Ok(url) => Ok(Call::new(method, url, what)),
            Err(reason) => {
                let to = self.address.to_string();
                Err(ExchangeError::Unfit { to, reason: reason.to_string() })
            }
        }
    }

    pub(super) fn blob_path(&self, blob: &Descriptor) -> String {
        format!("/blobs/{}", blob.digest)
    }

    /// Sends a request; if the registry asks for a token, once more with it.
    pub(super) fn send(&self, call: &Call<'_>, watch: &mut Watch<'_>) -> Result<Answer> {
        let ours =
            Url::parse(&self.address.base()).is_ok_and(|own| own.origin() == call.url.origin());
        let send = |watch: &mut Watch<'_>| {
            // An upload may be sent to another host; it gets no token of this one.
            let granted = if ours { self.granted.borrow().clone() } else { Credentials::None };
            self.http.send(&call.clone().credentials(&granted), watch)
        };
        let answer = send(watch)?;
        if answer.status.as_u16() != 401 || !ours {
            return Ok(answer);
        }
        let headers = answer.headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges = headers.filter_map(|header| challenge::parse(header.to_str().ok()?));
        for challenge in challenges {
            let granted = match (challenge, self.credentials) {
                (Challenge::Basic, Credentials::Login { .. }) => self.credentials.clone(),
                (Challenge::Basic, _) => continue,
                (Challenge::Bearer { .. }, Credentials::Bearer(_)) => self.credentials.clone(),
                (Challenge::Bearer { realm, service, scope }, _) => {
                    Credentials::Bearer(self.token(&realm, service, scope, watch)?)
                }
            };
            self.granted.replace(granted);
            return send(watch);
        }
        Ok(answer)
    }

    /// Asks the server that gives tokens out.
    fn token(
        &self,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
        watch: &mut Watch<'_>,
    ) -> Result<Token> {
        #[derive(Deserialize)]
        struct Given {
            token: Option<String>,
            access_token: Option<String>,
        }

        let protocol =
            |reason: String| ExchangeError::Protocol { url: self.address.base(), reason };
        let mut url = Url::parse(realm).map_err(|error| protocol(format!("its realm: {error}")))?;
        let logs_in = !matches!(self.credentials, Credentials::None);
        if logs_in && !shares_domain(&self.address.registry, &url) {
            let reason = format!(
                "it gives no tokens out for {}, whose login would go there",
                self.address.registry
            );
            return Err(ExchangeError::Unfit { to: words::shown(&url), reason });
        }
        let own = format!("repository:{}:{}", self.address.name, self.actions);
        let scope = scope.filter(|scope| self.actions == "pull" || scope.contains("push"));
        url.query_pairs_mut().extend_pairs(service.map(|service| ("service", service)));
        url.query_pairs_mut().append_pair("scope", &scope.unwrap_or(own));
        let call = Call::get(url.clone(), "a token").credentials(self.credentials);
        let answer = self.http.send(&call, watch)?;
        let answer = self.http.expect(answer, &[200], self.credentials)?;
        let given: Given = self.http.json(answer)?;
        let token = given.token.or(given.access_token).filter(|token| !token.is_empty());
        let url = words::shown(&url);
        token.map(|token| Token::new(&token)).ok_or_else(|| ExchangeError::Protocol {
            url,
            reason: "there is no token in its answer".to_owned(),
        })
    }

    /// The answer, if it has one of these statuses.
    pub(super) fn expect(&self, answer: Answer, statuses: &[u16]) -> Result<Answer> {
        if statuses.contains(&answer.status.as_u16()) {
            Ok(answer)
        } else {
            Err(self.refusal(answer))
        }
    }

    /// An answer as the error that it is.
    pub(super) fn refusal(&self, answer: Answer) -> ExchangeError {
        let mut error = self.http.refusal(answer, self.credentials);
        if let ExchangeError::Answer { words, .. } = &mut error {
            *words = self.granted.borrow().redact(words);
        }
        error
    }

    fn manifest_path(&self) -> String {
        match &self.address.version {
            Version::Tag(tag) => format!("/manifests/{tag}"),
            Version::Digest(digest) => format!("/manifests/sha256:{digest}"),
        }
    }

    /// The head and the whole body of an answer with one of these statuses.
    fn whole(
        &self,
        call: &Call<'_>,
        statuses: &[u16],
        watch: &mut Watch<'_>,
    ) -> Result<(Answer, Vec<u8>)> {
        self.http.whole(watch, |watch| self.expect(self.send(call, watch)?, statuses))
    }

    /// The digest of what the tag leads to, if to anything, and its bytes.
    pub(super) fn tagged(&self, watch: &mut Watch<'_>) -> Result<Option<(Sha256, Vec<u8>)>> {
        let call = self.call(Method::GET, &self.manifest_path(), "the manifest")?;
        let (answer, bytes) = self.whole(&call.header("accept", MANIFEST), &[200, 404], watch)?;
        let found = answer.status.as_u16() == 200;
        Ok(found.then(|| (Hashed::of(&bytes).sha256, bytes)))
    }

    /// The manifest, and the digest of its bytes.
    pub(super) fn manifest(&self, watch: &mut Watch<'_>) -> Result<(Sha256, Vec<u8>)> {
        let call = self.call(Method::GET, &self.manifest_path(), "the manifest")?;
        let (answer, bytes) = self.whole(&call.header("accept", MANIFEST), &[200], watch)?;
        let found = Hashed::of(&bytes).sha256;
        self.agrees(answer.header("docker-content-digest"), found)?;
        Ok((found, bytes))
    }

    /// Gives the tag to a manifest.
    pub(super) fn put(&self, bytes: &[u8], digest: Sha256, watch: &mut Watch<'_>) -> Result<()> {
        let call = self.call(Method::PUT, &self.manifest_path(), "the manifest")?;
        let call = call.header("content-type", MANIFEST).body(Payload::Bytes(bytes.to_vec()));
        let answer = self.send(&call, watch)?;
        let answer = self.expect(answer, &[201])?;
        self.agrees(answer.header("docker-content-digest"), digest)
    }

    /// A small blob.
    pub(super) fn blob(&self, blob: &Descriptor, watch: &mut Watch<'_>) -> Result<Vec<u8>> {
        let call = self.call(Method::GET, &self.blob_path(blob), blob.title())?;
        let (_, bytes) = self.whole(&call, &[200], watch)?;
        self.agrees(Some(&blob.digest), Hashed::of(&bytes).sha256)?;
        Ok(bytes)
    }

    /// Whether what was said of some bytes is true.
    fn agrees(&self, said: Option<&str>, found: Sha256) -> Result<()> {
        let found = format!("sha256:{found}");
        match said {
            Some(expected) if expected != found => {
                let (place, expected) = (self.address.to_string(), expected.to_owned());
                Err(ExchangeError::Bytes { place, expected, found })
            }
            _ => Ok(()),
        }
    }
}

/// Whether the server that gives tokens out belongs to the registry: it has the same host, or both are
/// below one domain, as `auth.docker.io` and `registry-1.docker.io` are.
///
/// Two labels are taken for a domain of one owner. That is not so below `co.uk`; but only a registry
/// that is trusted with the login names such a server at all.
fn shares_domain(registry: &str, realm: &Url) -> bool {
    let Ok(registry) = Url::parse(&format!("https://{registry}")) else { return false };
    let (Some(own), Some(other)) = (registry.host_str(), realm.host_str()) else { return false };
    if own == other || is_loopback(own) && is_loopback(other) {
        return true;
    }
    let (Some(own), Some(other)) = (registry.domain(), realm.domain()) else { return false };
    let labels = own.rsplit('.').zip(other.rsplit('.'));
    let shared = labels.take_while(|(own, other)| own == other).count();
    let shorter = own.split('.').count().min(other.split('.').count());
    shared >= 2 && shared + 1 >= shorter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_stays_with_the_registry_and_its_domain() {
        for (registry, realm) in [
            ("ghcr.io", "https://ghcr.io/token"),
            ("registry-1.docker.io", "https://auth.docker.io/token"),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            ("example.org", "https://auth.example.org/token"),
            ("example.org:5000", "https://example.org:5001/token"),
            ("127.0.0.1:5000", "http://localhost:5001/token"),
            ("10.0.0.7:5000", "https://10.0.0.7/token"),
        ] {
            assert!(shares_domain(registry, &Url::parse(realm).unwrap()), "{registry} {realm}");
        }
        for (registry, realm) in [
            ("ghcr.io", "https://docker.io/token"),
            ("ghcr.io", "https://evil.org/ghcr.io"),
            ("ghcr.io", "https://ghcr.io.evil.org/token"),
            ("ghcr.io", "https://ghcr.io@evil.org/token"),
            ("ghcr.io", "https://notghcr.io/token"),
            ("ghcr.io", "http://127.0.0.1/token"),
            ("10.0.0.7:5000", "https://11.0.0.7/token"),
            ("registry", "https://other/token"),
        ] {
            assert!(!shares_domain(registry, &Url::parse(realm).unwrap()), "{registry} {realm}");
        }
    }
}
