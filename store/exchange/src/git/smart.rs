//! Repositories behind `https:`, which libgit2 is built without: git's smart protocol, version 0.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};

use git2::{Oid, Repository};
use reqwest::{Method, Url};

use super::packet::{self, Packet};
use super::{Remote, Update, failed};
use crate::LARGEST;
use crate::error::{Context as _, ExchangeError, Result};
use crate::http::call::{Call, Payload};
use crate::http::{Answer, Http, Lost, words};
use crate::token::Credentials;
use crate::watch::{Event, Watch};

/// The most bytes before a pack.
const LONGEST_HEAD: usize = 1 << 16;

pub(super) struct Smart<'a> {
    http: &'a Http,
    /// The address, which a redirection may have changed within its host.
    base: Url,
    shown: String,
    credentials: Credentials,
}

impl<'a> Smart<'a> {
    pub(super) fn new(http: &'a Http, base: Url, credentials: &Credentials) -> Smart<'a> {
        // Servers of git want a token in the place of a password, whatever the user.
        let credentials = match credentials {
            Credentials::Bearer(token) => {
                let user = "x-access-token".to_owned();
                Credentials::Login { user, password: token.clone() }
            }
            other => other.clone(),
        };
        Smart { http, shown: words::shown(&base), base, credentials }
    }

    fn protocol(&self, reason: impl Into<String>) -> ExchangeError {
        ExchangeError::Protocol { url: self.shown.clone(), reason: reason.into() }
    }

    fn path(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// The names, as the service announces them.
    fn announced(&mut self, service: &str, watch: &mut Watch<'_>) -> Result<BTreeMap<String, Oid>> {
        let mut url = self.path("info/refs");
        url.set_query(Some(&format!("service={service}")));
        let call = Call::get(url, &self.shown).credentials(&self.credentials);
        let (answer, bytes) = self.http.whole(watch, |watch| {
            let answer = self.http.send(&call, watch)?;
            self.http.expect(answer, &[200], &self.credentials)
        })?;
        let kind = format!("application/x-{service}-advertisement");
        if answer.header("content-type") != Some(&kind) {
            return Err(self.protocol("there is no git repository"));
        }
        if answer.url.origin() != self.base.origin() {
            let to = words::shown(&answer.url);
            return Err(self.protocol(format!("it leads to {to}: use that address")));
        }
        if let Some(path) = answer.url.path().strip_suffix("/info/refs") {
            self.base.set_path(path);
        }
        names(&bytes).map_err(|reason| self.protocol(reason))
    }

    fn post(&self, service: &str, body: Payload<'_>, watch: &mut Watch<'_>) -> Result<Answer> {
        let mut call = Call::new(Method::POST, self.path(service), &self.shown)
            .header("content-type", format!("application/x-{service}-request"))
            .header("accept", format!("application/x-{service}-result"))
            .credentials(&self.credentials)
            .body(body);
        call.repeatable = service == "git-upload-pack";
        let answer = self.http.send(&call, watch)?;
        self.http.expect(answer, &[200], &self.credentials)
    }
}

impl Remote for Smart<'_> {
    fn names(&mut self, watch: &mut Watch<'_>) -> Result<BTreeMap<String, Oid>> {
        self.announced("git-upload-pack", watch)
    }

    /// Copies one commit without those before it.
    fn fetch(&mut self, into: &Repository, _: &str, oid: Oid, watch: &mut Watch<'_>) -> Result<()> {
        let mut body = Vec::new();
        packet::write(&mut body, &format!("want {oid} ofs-delta shallow agent=rescience\n"));
        packet::write(&mut body, "deepen 1\n");
        body.extend_from_slice(packet::FLUSH);
        packet::write(&mut body, "done\n");
        let mut answer = self.post("git-upload-pack", Payload::Bytes(body), watch)?;

        let unread = failed("fetch from", &self.shown);
        let odb = into.odb().map_err(&unread)?;
        let mut pack = odb.packwriter().map_err(&unread)?;
        let (mut head, mut size) = (Some(Vec::new()), 0);
        loop {
            let chunk = self.http.chunk(&mut answer).map_err(|Lost(reason)| {
                ExchangeError::Connection { url: self.shown.clone(), reason }
            })?;
            let Some(chunk) = chunk else { break };
            size += chunk.len() as u64;
            if size > LARGEST {
                return Err(self.protocol(format!("it sends more than {LARGEST} bytes")));
            }
            let rest = match &mut head {
                None => chunk,
                Some(bytes) => {
                    bytes.extend_from_slice(&chunk);
                    match after_head(bytes).map_err(|reason| self.protocol(reason))? {
                        Some(rest) => {
                            let rest = rest.to_vec().into();
                            head = None;
                            rest
                        }
                        None if bytes.len() > LONGEST_HEAD => {
                            return Err(self.protocol("it sends no pack"));
                        }
                        None => continue,
                    }
                }
            };
            let read = pack.write_all(&rest);
            read.map_err(|error| unread(git2::Error::from_str(&error.to_string())))?;
            watch(Event::Moved { what: &self.shown, done: size, total: None });
        }
        if head.is_some() {
            return Err(self.protocol("it sends no pack"));
        }
        pack.commit().map_err(&unread)?;
        Ok(())
    }

    fn push(&mut self, from: &Repository, updates: &[Update], watch: &mut Watch<'_>) -> Result<()> {
        // The names at the moment: a change since then is refused by the remote.
        self.announced("git-receive-pack", watch)?;
        let path = from.path().join("request");
        let shown = self.shown.clone();
        let unwritten = failed("pack for", &shown);
        let mut head = Vec::new();
        for (nth, Update { name, old, new }) in updates.iter().enumerate() {
            let old = old.unwrap_or(Oid::ZERO_SHA1);
            let abilities = if nth == 0 { "\0report-status agent=rescience" } else { "" };
            packet::write(&mut head, &format!("{old} {new} {name}{abilities}\n"));
        }
        head.extend_from_slice(packet::FLUSH);

        let mut pack = from.packbuilder().map_err(&unwritten)?;
        for Update { new, .. } in updates {
            pack.insert_commit(*new).map_err(&unwritten)?;
        }
        let mut file = BufWriter::new(File::create(&path).context("create", &path)?);
        file.write_all(&head).context("write", &path)?;
        let mut written = Ok(());
        let packed = pack.foreach(|bytes| {
            written = file.write_all(bytes);
            written.is_ok()
        });
        written.and_then(|()| file.flush()).context("write", &path)?;
        packed.map_err(&unwritten)?;
        drop(file);

        let size = path.metadata().context("look at", &path)?.len();
        let body = Payload::File { path: &path, start: 0, size, total: size };
        let answer = match self.post("git-receive-pack", body, watch) {
            // The answer was lost: whether the names have changed says whether it was good.
            Err(error @ ExchangeError::Connection { .. }) => {
                let names = self.names(watch)?;
                let done = |update: &Update| names.get(&update.name) == Some(&update.new);
                return if updates.iter().all(done) { Ok(()) } else { Err(error) };
            }
            answer => answer?,
        };
        let report = self.http.bytes(answer)?;
        match rejection(&report).map_err(|reason| self.protocol(reason))? {
            None => Ok(()),
            Some(reason) => {
                let reason = self.credentials.redact(&reason);
                let remote = self.shown.clone();
                Err(ExchangeError::Git { action: "push to", remote, reason })
            }
        }
    }
}

/// The names of an announcement.
fn names(mut bytes: &[u8]) -> Result<BTreeMap<String, Oid>, String> {
    let mut names = BTreeMap::new();
    let mut sections = 0;
    while let Some(packet) = packet::take(&mut bytes)? {
        let Packet::Line(line) = packet else {
            sections += 1;
            continue;
        };
        if sections == 0 {
            // `# service=...`
            continue;
        }
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let (oid, name) = line.split_once(' ').ok_or("a line of its names holds none")?;
        let oid = Oid::from_str(oid).map_err(|error| error.message().to_owned())?;
        // An empty repository announces its abilities under a name that is none.
        if !oid.is_zero() {
            names.insert(name.to_owned(), oid);
        }
    }
    if sections < 2 { Err("its list of names ends early".to_owned()) } else { Ok(names) }
}

/// What follows the lines before a pack, if they are there whole.
fn after_head(mut bytes: &[u8]) -> Result<Option<&[u8]>, String> {
    while let Some(packet) = packet::take(&mut bytes)? {
        if packet == Packet::Line(b"NAK") {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Why a push was not taken, in the remote's words.
fn rejection(mut bytes: &[u8]) -> Result<Option<String>, String> {
    let mut unpacked = false;
    while let Some(Packet::Line(line)) = packet::take(&mut bytes)? {
        let line = String::from_utf8_lossy(line);
        match line.split_once(' ') {
            Some(("unpack", "ok")) => unpacked = true,
            Some(("unpack", reason)) => return Ok(Some(words::plain(reason))),
            Some(("ng", reason)) => return Ok(Some(words::plain(reason))),
            _ => {}
        }
    }
    if unpacked { Ok(None) } else { Err("it does not say whether it took the pack".to_owned()) }
}
