//! A bundle on Zenodo: its DOI is reserved first, and only what was asked for is published.
//!
//! | module | holds |
//! |---|---|
//! | `deposit` | what Zenodo says of a deposit |
//! | `metadata` | what a deposit says of itself |
//! | `request` | every request there is, to be sent or to be shown |
//!
//! [`Zenodo::reserve`] comes before the paper is built, so that the paper carries its DOI; then
//! [`upload`](Zenodo::upload), [`describe`](Zenodo::describe) and, which nobody can take back,
//! [`publish`](Zenodo::publish). Until then each step may be done again.

mod deposit;
mod metadata;
mod request;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use crate::address::Site;
use crate::error::{Context as _, ExchangeError, Result};
use crate::http::call::Call;
use crate::http::{Answer, Http, words};
use crate::token::{Credentials, Token};
use crate::watch::{Event, Watch};
use request::Base;

pub use deposit::{Deposit, Deposited, Published};
pub use metadata::{Creator, Kind, Metadata, Related, Relation};
pub use request::Planned;

/// The most bytes of all files of a deposit.
const LARGEST: u64 = 50_000_000_000;

/// The most files of a deposit.
const MOST: usize = 100;

/// What a publication begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// A new deposit.
    New,
    /// A new version of the published deposit with this number.
    Version(u64),
    /// The deposit with this number, which was reserved before.
    Draft(u64),
}

/// Zenodo, or its sandbox, seen by the owner of a token. The token needs the scopes `deposit:write`
/// and, to publish, `deposit:actions`.
pub struct Zenodo<'a> {
    http: &'a Http,
    base: Base,
    credentials: Credentials,
}

impl<'a> Zenodo<'a> {
    /// A site and a token for it.
    ///
    /// # Errors
    /// An address of a site that cannot be the beginning of others.
    pub fn new(http: &'a Http, site: &Site, token: &Token) -> Result<Zenodo<'a>> {
        Ok(Zenodo { http, base: Base::of(site)?, credentials: Credentials::Bearer(token.clone()) })
    }

    /// Makes an empty draft. It has its DOI already, which leads nowhere before it is published.
    pub fn reserve(&self, watch: &mut Watch<'_>) -> Result<Deposit> {
        match self.send(self.base.create(), &[201], watch) {
            Err(ExchangeError::Connection { url, reason }) => {
                let reason = format!("{reason}; an empty draft may have been made there");
                Err(ExchangeError::Connection { url, reason })
            }
            answer => self.deposited(answer?),
        }
    }

    /// What became of a deposit.
    pub fn deposit(&self, id: u64, watch: &mut Watch<'_>) -> Result<Deposit> {
        self.deposited(self.send(self.base.look(id), &[200], watch)?)
    }

    /// Makes a draft of a new version of a published deposit, without the files of the old one. If
    /// there is such a draft already, it is that.
    pub fn new_version(&self, id: u64, watch: &mut Watch<'_>) -> Result<Deposit> {
        // The answer is the old version, which leads to the new one.
        let answer = self.send(self.base.new_version(id), &[200, 201], watch)?;
        let url = words::shown(&answer.url);
        let id = deposit::latest_draft(&self.http.json(answer)?).ok_or_else(|| {
            ExchangeError::Protocol {
                url,
                reason: "its `latest_draft` leads to no deposit".to_owned(),
            }
        })?;
        let mut deposit = self.deposit(id, watch)?;
        for file in std::mem::take(&mut deposit.files) {
            self.send(self.base.remove(id, &file.id), &[204, 404], watch)?;
        }
        Ok(deposit)
    }

    /// Sends a file, from its beginning if the connection is lost, for this API knows no parts. A
    /// file of the same name is replaced.
    ///
    /// # Errors
    /// [`ExchangeError::Bytes`] if Zenodo has other bytes than were sent.
    pub fn upload(&self, deposit: &Deposit, file: &Path, watch: &mut Watch<'_>) -> Result<()> {
        let (name, size) = fits(deposit, file)?;
        let md5 = md5(file)?;
        if deposit.has(name, size, &md5) {
            watch(Event::Present { what: name });
            return Ok(());
        }
        let call = self.base.upload(&deposit.bucket, name, file, size)?;
        let url = words::shown(&call.url);
        let stored = match self.send(call, &[200, 201], watch) {
            Ok(answer) => self.http.json::<deposit::Stored>(answer)?,
            // The answer to the last try may have been lost after the file was not.
            Err(error @ ExchangeError::Connection { .. }) => {
                let there = self.deposit(deposit.id, watch)?.has(name, size, &md5);
                return if there { Ok(()) } else { Err(error) };
            }
            Err(error) => return Err(error),
        };
        let found = stored.checksum.strip_prefix("md5:").unwrap_or(&stored.checksum);
        if stored.size != size || found != md5 {
            return Err(ExchangeError::Bytes {
                place: url,
                expected: format!("{size} bytes, md5:{md5}"),
                found: format!("{} bytes, md5:{found}", stored.size),
            });
        }
        Ok(())
    }

    /// Says what the deposit is; whatever was said before is replaced.
    ///
    /// # Errors
    /// [`ExchangeError::Unfit`] for what Zenodo would not take, before anything is sent.
    pub fn describe(
        &self,
        deposit: &Deposit,
        metadata: &Metadata,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let call = self.base.describe(&deposit.id.to_string(), metadata)?;
        self.send(call, &[200], watch).map(|_| ())
    }

    /// Publishes a deposit. It is there for ever, under its DOI.
    pub fn publish(&self, deposit: &Deposit, watch: &mut Watch<'_>) -> Result<Published> {
        match self.send(self.base.publish(&deposit.id.to_string()), &[200, 201, 202], watch) {
            Ok(answer) => self.http.json(answer).map(deposit::published),
            Err(error @ ExchangeError::Connection { .. }) => {
                let call = self.base.look(deposit.id);
                let raw = self.http.json(self.send(call, &[200], watch)?)?;
                if deposit::is_submitted(&raw) { Ok(deposit::published(raw)) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    fn send(&self, call: Call<'_>, statuses: &[u16], watch: &mut Watch<'_>) -> Result<Answer> {
        let answer = self.http.send(&call.credentials(&self.credentials), watch)?;
        self.http.expect(answer, statuses, &self.credentials)
    }

    fn deposited(&self, answer: Answer) -> Result<Deposit> {
        let url = words::shown(&answer.url);
        deposit::read(self.http.json(answer)?, &self.base.url)
            .map_err(|reason| ExchangeError::Protocol { url, reason })
    }
}

/// Every request that a publication would send, in its order. Nothing is sent.
///
/// # Errors
/// What would be refused before anything is sent: files and metadata that do not fit.
pub fn plan(
    site: &Site,
    start: &Start,
    files: &[PathBuf],
    metadata: &Metadata,
    publish: bool,
) -> Result<Vec<Planned>> {
    let base = Base::of(site)?;
    let mut calls = Vec::new();
    let mut draft = match start {
        Start::New => {
            calls.push(base.create());
            base.placeholder()
        }
        Start::Version(id) => {
            calls.extend([base.new_version(*id), base.look_at("ID"), base.remove_any()]);
            base.placeholder()
        }
        Start::Draft(id) => {
            calls.push(base.look(*id));
            base.placeholder()
        }
    };
    let id = match start {
        Start::Draft(id) => id.to_string(),
        _ => "ID".to_owned(),
    };
    for file in files {
        let (name, size) = fits(&draft, file)?;
        calls.push(base.upload(&draft.bucket, name, file, size)?);
        let name = name.to_owned();
        draft.files.push(Deposited { name, size, ..Deposited::default() });
    }
    calls.push(base.describe(&id, metadata)?);
    if publish {
        calls.push(base.publish(&id));
    }
    Ok(calls.iter().map(Planned::of).collect())
}

/// The name and the size of a file, if the deposit has room for it.
fn fits<'a>(deposit: &Deposit, file: &'a Path) -> Result<(&'a str, u64)> {
    let unfit = |reason: String| ExchangeError::Unfit { to: "Zenodo".to_owned(), reason };
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| unfit(format!("`{}` has no name in UTF-8", file.display())))?;
    let size = file.metadata().context("look at", file)?.len();
    let others = || deposit.files.iter().filter(|other| other.name != name);
    let all = size + others().map(|other| other.size).sum::<u64>();
    if all > LARGEST {
        return Err(unfit(format!("with `{name}` it is {all} bytes, of {LARGEST} at most")));
    }
    if others().count() >= MOST {
        return Err(unfit(format!("with `{name}` it is more than {MOST} files")));
    }
    Ok((name, size))
}

fn md5(path: &Path) -> Result<String> {
    let mut file = File::open(path).context("open", path)?;
    let (mut hasher, mut buffer) = (Md5::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("read", path),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
