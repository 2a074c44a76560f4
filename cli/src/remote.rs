//! The results that a project's people share: where they are, whose count, and what is handed on.
//!
//! A recipe may say where they are. Whose count, and with which credentials anything is asked or
//! written, is the user's to say: a recipe may be a stranger's.

use std::path::PathBuf;
use std::sync::Arc;

use rescience_cache::{Access, Cache, Place, S3, Trust};
use rescience_digest::ActionKey;
use rescience_exchange::Token;
use rescience_exec::remote::{Fetched, Remote};
use rescience_recipes::{Code, Diagnostic, Diagnostics};
use rescience_sign::{AllowedSigners, Signer};
use rescience_store::{Store, Trace};

use crate::args::Global;
use crate::commands::publish;
use crate::error::Error;
use crate::project::Project;
use crate::settings::{RemoteSetting, Settings};
use crate::shell::Shell;
use crate::signing;

/// Opens the results that are shared; none if nobody named them, or if none of them could count.
///
/// # Errors
/// A place or a file of signers that cannot be one, or a key that cannot sign.
pub(crate) fn open(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    project: &Project,
) -> Result<Option<Arc<dyn Remote>>, Error> {
    // An unpacked bundle's recipe is a stranger's, and its traces stay by themselves.
    if project.unpacked.is_some() {
        return Ok(None);
    }
    let (place, base, own) = match (&settings.remote, &project.recipe.remote) {
        (RemoteSetting::Off, _) | (RemoteSetting::Unset, None) => return Ok(None),
        (RemoteSetting::At(text), _) => {
            let place = text.parse().map_err(|error| Error::usage(format!("{error}")))?;
            (place, &settings.directory, true)
        }
        (RemoteSetting::Unset, Some(url)) => {
            let place = url.get_ref().parse().map_err(|error| {
                let item = Diagnostic::new(Code::BadChoice, url.span(), format!("{error}"));
                Diagnostics::one(&project.recipe.file, &project.recipe.text, item)
            })?;
            (place, &project.directory, false)
        }
    };
    if global.offline() && !matches!(place, Place::Folder(_)) {
        return Ok(None);
    }
    let signer = match &settings.remote_key {
        Some(key) if own => Some(signing::signer(settings, key)?),
        _ => None,
    };
    let Some(allowed) = allowed(settings, signer.as_ref())? else {
        shell.note(format_args!(
            "results are shared at {place}; they count once `RESCIENCE_ALLOWED_SIGNERS` names a file \
             that says whose"
        ));
        return Ok(None);
    };
    let trust = Trust { allowed, now: settings.clock.now() };
    let shown = place.to_string();
    let cache = Cache::open(place, base, access(settings, own)).map_err(|error| Error::Other {
        message: format!("{shown}: {error}"),
        help: Some("`RESCIENCE_REMOTE=none` builds without it".to_owned()),
    })?;
    Ok(Some(Arc::new(Shared { cache, shown, trust, signer })))
}

/// Whose results count: those of the user's list, and the user's own.
fn allowed(settings: &Settings, signer: Option<&Signer>) -> Result<Option<AllowedSigners>, Error> {
    let file = match &settings.allowed_signers {
        Some(file) => Some(settings.directory.join(file)),
        None => Some(settings.home.join("allowed_signers")).filter(|file| file.exists()),
    };
    let mut text = match &file {
        Some(file) => std::fs::read(file).map_err(|error| Error::read(file, &error))?,
        None if signer.is_none() => return Ok(None),
        None => Vec::new(),
    };
    if let Some(signer) = signer {
        text.extend(format!("\nyourself {}\n", signer.public()).into_bytes());
    }
    let file = file.unwrap_or_else(|| PathBuf::from("the signers"));
    signing::parse_allowed(&file, &text).map(Some)
}

/// What gives access. A place that only a recipe names gets nothing of the user's.
fn access(settings: &Settings, own: bool) -> Access {
    let mut access = Access { http: publish::options(settings), ..Access::default() };
    if own {
        let token = |name: &str| settings.secret(name).map(|text| Token::new(&text));
        access.s3 = S3 {
            key_id: settings.secret("AWS_ACCESS_KEY_ID"),
            secret: token("AWS_SECRET_ACCESS_KEY"),
            session: token("AWS_SESSION_TOKEN"),
            region: settings.secret("AWS_REGION"),
            endpoint: settings.secret("AWS_ENDPOINT_URL"),
        };
        access.registry = publish::credentials(settings, "OCI");
    }
    access
}

/// A cache, with whose traces count and who signs.
struct Shared {
    cache: Cache,
    shown: String,
    trust: Trust,
    signer: Option<Signer>,
}

impl Remote for Shared {
    fn place(&self) -> &str {
        &self.shown
    }

    fn takes(&self) -> bool {
        self.signer.is_some()
    }

    fn fetch(&self, store: &Store, key: &ActionKey) -> Result<Fetched, String> {
        let found = self.cache.fetch(store, key, &self.trust).map_err(|error| error.to_string())?;
        let refused = found.refused.into_iter().map(|it| format!("{}: {}", it.name, it.reason));
        Ok(Fetched {
            signers: found.accepted.into_iter().map(|it| it.signer).collect(),
            refused: refused.collect(),
            bytes: found.bytes,
        })
    }

    fn push(&self, store: &Store, trace: &Trace) -> Result<u64, String> {
        let Some(signer) = &self.signer else { return Ok(0) };
        let pushed = self.cache.push(store, trace, signer).map_err(|error| error.to_string())?;
        Ok(pushed.bytes)
    }
}
