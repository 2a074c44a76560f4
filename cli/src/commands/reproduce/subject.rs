//! What is reproduced, and the empty store that its runs begin with.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rescience_bundle::{Bundle, manifest};
use rescience_digest::Digest;
use rescience_store::Store;

use crate::args::{Global, Reproduce, Verify};
use crate::commands::verify;
use crate::error::Error;
use crate::project::{Project, RECIPE, Texts};
use crate::settings::Settings;
use crate::shell::Shell;

/// What is to be reproduced.
pub(super) struct Subject {
    pub(super) directory: PathBuf,
    /// What it is called in the verdict: the bundle by the digest of its list, or the project itself.
    pub(super) of: String,
    /// Where the report goes.
    pub(super) output: PathBuf,
}

impl Subject {
    /// A project, an unpacked bundle, or a zip, which is unpacked first. A bundle has to be as it was
    /// made: nobody's runs are compared with numbers that nobody's runs gave.
    pub(super) fn find(
        shell: &Shell,
        global: &Global,
        settings: &Settings,
        args: &Reproduce,
    ) -> Result<Subject, Error> {
        let path = settings.directory.join(&args.path);
        let output = |default: PathBuf| match &args.output {
            Some(path) => settings.directory.join(path),
            None => default,
        };
        if path.is_file() || Bundle::is_folder(&path) {
            let check = Verify::relied_on(args.path.clone(), args.message_format);
            verify::run(shell, global, settings, &check)?;
        }
        if path.is_dir() {
            let listed = std::fs::read(path.join(manifest::BLAKE3));
            let of = match listed {
                Ok(list) => format!("bundle {}", Digest::of(&list)),
                Err(_) => "the project's own runs".to_owned(),
            };
            let output = output(path.join("out/reproduction"));
            return Ok(Subject { directory: path, of, output });
        }
        let bundle = Bundle::open(&path)?;
        let list = bundle.read(manifest::BLAKE3)?.unwrap_or_default();
        let digest = Digest::of(&list);
        let directory = settings.home.join("cache/unpacked").join(digest.hex());
        if !directory.is_dir() {
            shell.status("Unpacking", args.path.display());
            let parent = settings.home.join("cache/unpacked");
            std::fs::create_dir_all(&parent).map_err(|error| Error::write(&parent, &error))?;
            bundle.unpack(&directory)?;
        }
        let output = output(settings.directory.join("reproduction"));
        Ok(Subject { directory, of: format!("bundle {digest}"), output })
    }

    pub(super) fn texts(&self, settings: &Settings) -> Result<Texts, Error> {
        let path = self.directory.join(RECIPE);
        if !path.is_file() {
            return Err(Error::NoRecipe { start: self.directory.clone() });
        }
        Texts::of(&path, settings)
    }
}

/// The store of a reproduction: what is recorded elsewhere is not in it.
pub(super) struct OwnStore {
    pub(super) store: Store,
    pub(super) done: PathBuf,
    /// Held as long as it is in use: another reproduction would take a finished store away.
    _lock: File,
}

impl OwnStore {
    /// Opens it, once nobody else uses it.
    ///
    /// # Errors
    /// A folder of the user's that cannot be written.
    pub(super) fn open(
        shell: &Shell,
        settings: &Settings,
        subject: &Subject,
        project: &Project,
        seeds: Option<u32>,
    ) -> Result<OwnStore, Error> {
        let identity = format!("{} {} {seeds:?}", subject.of, project.directory.display());
        let name = Digest::of(identity.as_bytes()).hex();
        let folder = settings.home.join("cache/reproductions");
        let lock = lock(shell, &folder, &name)?;
        let home = folder.join(name);
        let done = home.join("done");
        if done.exists() {
            std::fs::remove_dir_all(&home).map_err(|error| Error::write(&home, &error))?;
        }
        Ok(OwnStore { store: Store::open(&home.join("store"))?, done, _lock: lock })
    }

    pub(super) fn finish(&self) -> Result<(), Error> {
        std::fs::write(&self.done, "").map_err(|error| Error::write(&self.done, &error))
    }
}

/// Takes the lock of one reproduction.
fn lock(shell: &Shell, folder: &Path, name: &str) -> Result<File, Error> {
    let path = folder.join(format!("{name}.lock"));
    let wrong = |error| Error::write(&path, &error);
    std::fs::create_dir_all(folder).map_err(wrong)?;
    let file = File::create(&path).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            shell.note_status("Blocking", "waiting for another reproduction of the same");
            file.lock().map_err(wrong)?;
        }
        Err(TryLockError::Error(error)) => return Err(wrong(error)),
    }
    Ok(file)
}
