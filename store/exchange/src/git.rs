//! A bundle in a git repository: its files as one commit, on a branch and under a tag.
//!
//! | module | holds |
//! |---|---|
//! | `objects` | a bundle as a tree of git, and back |
//! | `local` | repositories on this machine, as libgit2 reaches them |
//! | `smart` | repositories behind `https:` |
//! | `packet` | the lines in which git speaks there |
//!
//! The files are stored as they are, so their digests and those of the bundle's lists agree: no
//! filter, hook or rewritten address of this machine's git configuration has a say.

mod local;
mod objects;
mod packet;
mod smart;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use git2::{Commit, Config, Oid, Repository, RepositoryInitOptions, Signature, Time};
use reqwest::Url;
use rescience_bundle::Bundle;

use crate::address::GitAddress;
use crate::check::Check;
use crate::dir::Clash;
use crate::error::{Context as _, ExchangeError, Result};
use crate::http::Http;
use crate::token::Credentials;
use crate::watch::{Event, Watch};
use local::Local;
use smart::Smart;

/// What a commit says beside its files. The same record and bundle give the same commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who made it, and commits it.
    pub author: String,
    /// Where they get mail.
    pub email: String,
    /// When, in seconds since 1970, told in UTC.
    pub seconds: i64,
    /// Its message.
    pub message: String,
    /// The name of its tag.
    pub tag: String,
}

/// A remote, and what is needed to reach it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The client for what is behind `https:`.
    pub http: &'a Http,
    /// The remote and the branch.
    pub address: &'a GitAddress,
    /// What gives access to it.
    pub credentials: &'a Credentials,
    /// A folder in which a repository is made, and removed again.
    pub scratch: &'a Path,
}

/// A name in a remote that is to lead to another commit.
struct Update {
    name: String,
    old: Option<Oid>,
    new: Oid,
}

/// A repository elsewhere.
trait Remote {
    /// The commit, or the tag object, that each name leads to.
    fn names(&mut self, watch: &mut Watch<'_>) -> Result<BTreeMap<String, Oid>>;

    /// Copies what a name leads to.
    fn fetch(
        &mut self,
        into: &Repository,
        name: &str,
        oid: Oid,
        watch: &mut Watch<'_>,
    ) -> Result<()>;

    /// Sends the objects that are new, and changes names, all or none where the remote can.
    fn push(&mut self, from: &Repository, updates: &[Update], watch: &mut Watch<'_>) -> Result<()>;
}

/// Sends the files of a bundle as one commit on top of the branch, and tags it. Returns the commit,
/// which is that of the branch if it holds the same files already.
///
/// # Errors
/// [`ExchangeError::Exists`] if the tag leads to another commit, unless it is to be moved.
pub fn publish(
    place: Place<'_>,
    bundle: &Bundle,
    record: &Record,
    clash: Clash,
    watch: &mut Watch<'_>,
) -> Result<String> {
    let address = place.address;
    let (branch, tag) = (heads(&address.branch), format!("refs/tags/{}", record.tag));
    if !git2::Reference::is_valid_name(&tag) {
        let reason = format!("git takes no tag of the name `{}`", record.tag);
        return Err(ExchangeError::Unfit { to: format!("`{}`", address.remote), reason });
    }
    let failed = failed("write a commit for", &address.remote);
    let scratch = Scratch::create(place.scratch)?;
    let mut remote = connect(place)?;
    let names = remote.names(watch)?;
    let tree = objects::write(&scratch.repository, bundle, &address.remote)?;
    let tip = names.get(&branch).copied();
    if let Some(tip) = tip {
        remote.fetch(&scratch.repository, &branch, tip, watch)?;
    }
    let commit = commit(&scratch.repository, tree, tip, record).map_err(&failed)?;
    let mut updates = Vec::new();
    match names.get(&tag) {
        Some(old) if *old == commit => {}
        Some(_) if clash == Clash::Refuse => {
            let place = format!("the tag `{}` of `{}`", record.tag, address.remote);
            return Err(ExchangeError::Exists { place });
        }
        old => updates.push(Update { name: tag, old: old.copied(), new: commit }),
    }
    if tip != Some(commit) {
        updates.push(Update { name: branch, old: tip, new: commit });
    }
    if updates.is_empty() {
        watch(Event::Present { what: &address.remote });
    } else {
        remote.push(&scratch.repository, &updates, watch)?;
    }
    Ok(commit.to_string())
}

/// The commit of a tree, or the tip of the branch if that has the same tree.
fn commit(
    repository: &Repository,
    tree: Oid,
    tip: Option<Oid>,
    record: &Record,
) -> Result<Oid, git2::Error> {
    let tip = tip.map(|tip| repository.find_commit(tip)).transpose()?;
    if let Some(tip) = &tip
        && tip.tree_id() == tree
    {
        return Ok(tip.id());
    }
    let who = Signature::new(&record.author, &record.email, &Time::new(record.seconds, 0))?;
    let tree = repository.find_tree(tree)?;
    let parents: Vec<_> = tip.iter().collect();
    repository.commit(None, &who, &who, &record.message, &tree, &parents)
}

/// Gets the files of a branch, or else of a tag, into a folder that is not there yet. Returns the
/// commit. Nothing is known of the bytes: `check` verifies them.
///
/// # Errors
/// [`ExchangeError::Refused`] if they are no bundle, and those of `check`; then there is no folder.
pub fn fetch<E: From<ExchangeError>>(
    place: Place<'_>,
    folder: &Path,
    check: &mut Check<'_, E>,
    watch: &mut Watch<'_>,
) -> Result<String, E> {
    let address = place.address;
    if folder.symlink_metadata().is_ok() {
        return Err(ExchangeError::Exists { place: format!("`{}`", folder.display()) }.into());
    }
    let scratch = Scratch::create(place.scratch)?;
    let commit = get(place, &scratch.repository, watch)?;
    objects::read(&scratch.repository, &commit, &address.remote, folder, check)?;
    Ok(commit.id().to_string())
}

/// Copies the commit that an address leads to.
fn get<'a>(place: Place<'_>, into: &'a Repository, watch: &mut Watch<'_>) -> Result<Commit<'a>> {
    let address = place.address;
    let mut remote = connect(place)?;
    let names = remote.names(watch)?;
    let candidates = [heads(&address.branch), format!("refs/tags/{}", address.branch)];
    let found = candidates.iter().find_map(|name| Some((name, *names.get(name)?)));
    let Some((name, oid)) = found else {
        let reason = format!("it has neither a branch nor a tag `{}`", address.branch);
        return Err(ExchangeError::Refused { from: format!("`{}`", address.remote), reason });
    };
    remote.fetch(into, name, oid, watch)?;
    let commit = into.find_object(oid, None).and_then(|it| it.peel_to_commit());
    commit.map_err(failed("read", &address.remote))
}

fn heads(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn connect<'a>(place: Place<'a>) -> Result<Box<dyn Remote + 'a>> {
    let Place { http, address, credentials, .. } = place;
    let remote = &address.remote;
    let scheme = remote.split_once("://").map(|(scheme, _)| scheme);
    // As git itself tells `host:path` from a path.
    let host = remote.find(':').filter(|at| !remote[..*at].contains('/')).is_some();
    match scheme {
        Some("http" | "https") => {
            let url = Url::parse(remote).map_err(|reason| ExchangeError::Unfit {
                to: format!("`{remote}`"),
                reason: reason.to_string(),
            })?;
            Ok(Box::new(Smart::new(http, url, credentials)))
        }
        None if !host => Ok(Box::new(Local::new(remote))),
        Some("file" | "git") => Ok(Box::new(Local::new(remote))),
        _ => {
            let reason = "git over ssh is not built in: use `https:` with a token, or a clone on \
                          this machine, from which `git push` goes on"
                .to_owned();
            Err(ExchangeError::Unfit { to: format!("`{remote}`"), reason })
        }
    }
}

/// What git could not do, as an error of this crate.
fn failed<'a>(action: &'static str, remote: &'a str) -> impl Fn(git2::Error) -> ExchangeError + 'a {
    move |error| ExchangeError::Git {
        action,
        remote: remote.to_owned(),
        reason: error.message().to_owned(),
    }
}

/// How many repositories this process made.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A repository that is gone when it is not needed any more, and that no configuration is read for.
struct Scratch {
    repository: Repository,
    path: PathBuf,
}

impl Scratch {
    fn create(folder: &Path) -> Result<Scratch> {
        fs::create_dir_all(folder).context("create", folder)?;
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("exchange-{}-{nth}.git", std::process::id()));
        if path.exists() {
            fs::remove_dir_all(&path).context("remove", &path)?;
        }
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).no_reinit(true);
        let made = Repository::init_opts(&path, &options).and_then(|repository| {
            repository.set_config(&Config::new()?)?;
            Ok(repository)
        });
        match made {
            Ok(repository) => Ok(Scratch { repository, path }),
            Err(error) => Err(failed("make a repository in", &path.display().to_string())(error)),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}
