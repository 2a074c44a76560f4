//! Repositories that libgit2 reaches by itself: a path, `file:` and `git:`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use git2::{
    AutotagOption, Direction, FetchOptions, Oid, PushOptions, Remote as Git, RemoteCallbacks,
    Repository,
};

use super::{Remote, Update, failed};
use crate::error::{ExchangeError, Result};
use crate::watch::{Event, Watch};

pub(super) struct Local<'a> {
    remote: &'a str,
}

impl<'a> Local<'a> {
    pub(super) fn new(remote: &'a str) -> Local<'a> {
        Local { remote }
    }
}

impl Remote for Local<'_> {
    fn names(&mut self, _: &mut Watch<'_>) -> Result<BTreeMap<String, Oid>> {
        let failed = failed("reach", self.remote);
        let mut remote = Git::create_detached(self.remote).map_err(&failed)?;
        remote.connect(Direction::Fetch).map_err(&failed)?;
        let heads = remote.list().map_err(&failed)?;
        let names = heads.iter().map(|head| (head.name().to_owned(), head.oid()));
        Ok(names.collect())
    }

    fn fetch(
        &mut self,
        into: &Repository,
        name: &str,
        _: Oid,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let failed = failed("fetch from", self.remote);
        let what = self.remote;
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|progress| {
            let done = progress.received_bytes() as u64;
            watch(Event::Moved { what, done, total: None });
            true
        });
        let mut options = FetchOptions::new();
        options.remote_callbacks(callbacks).download_tags(AutotagOption::None);
        options.update_fetchhead(false);
        let mut remote = into.remote_anonymous(self.remote).map_err(&failed)?;
        remote.fetch(&[format!("+{name}:refs/fetched")], Some(&mut options), None).map_err(&failed)
    }

    fn push(&mut self, from: &Repository, updates: &[Update], watch: &mut Watch<'_>) -> Result<()> {
        let failed = failed("push to", self.remote);
        let mut specs = Vec::new();
        for Update { name, old, new } in updates {
            from.reference(name, *new, true, "").map_err(&failed)?;
            // Only a tag moves to a commit that does not follow the old one.
            let force = if old.is_some() && name.starts_with("refs/tags/") { "+" } else { "" };
            specs.push(format!("{force}{name}:{name}"));
        }
        let what = self.remote;
        let rejected = RefCell::new(None);
        let mut callbacks = RemoteCallbacks::new();
        callbacks.push_update_reference(|name, status| {
            if let Some(reason) = status {
                rejected.replace(Some(format!("{name}: {reason}")));
            }
            Ok(())
        });
        callbacks.push_transfer_progress(|_, _, bytes| {
            watch(Event::Moved { what, done: bytes as u64, total: None });
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks);
        let mut remote = from.remote_anonymous(self.remote).map_err(&failed)?;
        remote.push(&specs, Some(&mut options)).map_err(&failed)?;
        drop(options);
        match rejected.into_inner() {
            Some(reason) => {
                let remote = self.remote.to_owned();
                Err(ExchangeError::Git { action: "push to", remote, reason })
            }
            None => Ok(()),
        }
    }
}
