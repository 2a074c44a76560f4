//! A cache in a directory that everybody mounts: files have their names whole or not at all.
//!
//! What is being written is in `tmp/` of the directory; what is left there by a machine that died
//! can be removed at any time that nobody pushes.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rescience_digest::{ActionKey, Digest};
use rustix::fs::OFlags;

use crate::error::{Context as _, Result};
use crate::layout::{self, Item};
use crate::shelf::{MOST_TRACES, Sent, Shelf, Sink, Source};

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// Names looked at in the folder of a key.
const MOST_NAMES: usize = 100 * MOST_TRACES;

pub(crate) struct Folder<'a>(pub(crate) &'a Path);

impl Folder<'_> {
    /// Whether nothing is in it but what somebody is writing; it has to be there.
    pub(crate) fn is_empty(&self) -> Result<bool> {
        for entry in fs::read_dir(self.0).context("read", self.0)? {
            if entry.context("read", self.0)?.file_name() != "tmp" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn path(&self, item: Item) -> PathBuf {
        self.0.join(item.to_string())
    }

    fn holds(&self, path: &Path, item: Item, source: Source<'_>) -> Result<bool> {
        match (item, source) {
            // A later signature takes the place of an earlier one.
            (Item::Signature(..), Source::Bytes(bytes)) => {
                let mut found = Vec::new();
                let there = self.read(item, &mut |chunk| {
                    found.extend_from_slice(chunk);
                    Ok(found.len() <= bytes.len())
                })?;
                Ok(there && found == bytes)
            }
            _ => match fs::symlink_metadata(path) {
                Ok(metadata) => Ok(metadata.is_file() && metadata.len() == source.size()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error).context("look at", path),
            },
        }
    }

    fn read(&self, item: Item, sink: &mut Sink<'_>) -> Result<bool> {
        let path = self.path(item);
        let mut options = OpenOptions::new();
        // A link would lead elsewhere, and a pipe would never end.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut file = match options.read(true).custom_flags(flags.bits().cast_signed()).open(&path)
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file.context("open", &path)?,
        };
        if !file.metadata().context("look at", &path)?.is_file() {
            return Err(io::Error::other("it is no regular file")).context("read", &path);
        }
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(n) if sink(&buffer[..n])? => {}
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("read", &path),
            }
        }
    }
}

impl Shelf for Folder<'_> {
    fn traces(&mut self, key: &ActionKey) -> Result<Vec<Digest>> {
        let dir = self.0.join(layout::traces(key));
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.context("read", &dir)?,
        };
        let mut traces = Vec::new();
        for entry in entries.take(MOST_NAMES) {
            let name = entry.context("read", &dir)?.file_name();
            traces.extend(name.to_str().and_then(layout::trace));
        }
        traces.sort();
        Ok(traces)
    }

    fn read(&mut self, item: Item, sink: &mut Sink<'_>) -> Result<bool> {
        Folder::read(self, item, sink)
    }

    fn put(&mut self, item: Item, source: Source<'_>) -> Result<Sent> {
        let path = self.path(item);
        if self.holds(&path, item, source)? {
            return Ok(Sent::Present);
        }
        let dir = path.parent().unwrap_or(self.0);
        let tmp = self.0.join("tmp");
        for dir in [&*tmp, dir] {
            fs::create_dir_all(dir).context("create", dir)?;
        }
        let mut draft = tempfile::Builder::new();
        // Colleagues read it: what their group may do is for the umask to say.
        let draft = draft.permissions(Permissions::from_mode(0o666)).tempfile_in(&tmp);
        let draft = draft.context("create a file in", &tmp)?;
        let mut file = draft.as_file();
        match source {
            Source::Bytes(bytes) => file.write_all(bytes),
            Source::File(from, _) => {
                let mut from = File::open(from).context("open", from)?;
                io::copy(&mut from, &mut file).map(|_| ())
            }
        }
        .and_then(|()| file.sync_all())
        .context("write", draft.path())?;
        draft.persist(&path).map_err(|error| error.error).context("write", &path)?;
        File::open(dir).and_then(|dir| dir.sync_all()).context("sync", dir)?;
        Ok(Sent::Moved)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}
