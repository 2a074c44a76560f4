//! `rescience fetch`: get a bundle back, and believe nothing of it before it is verified.

use std::path::{Path, PathBuf};

use rescience_bundle::{Bundle, Depth, verify};
use rescience_exchange::address::Origin;
use rescience_exchange::dir::{self, Clash};
use rescience_exchange::{Credentials, git, oci, web};

use super::publish::{credentials, http, watch};
use crate::args::{Fetch, Global};
use crate::error::Error;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::unpacked::About;

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Fetch,
) -> Result<(), Error> {
    let origin: Origin = args.from.parse().map_err(|error| Error::usage(format!("{error}")))?;
    if global.offline() && !matches!(origin, Origin::Path(_)) {
        return Err(Error::usage("`--offline` forbids what is to be fetched".to_owned()));
    }
    let to = settings.directory.join(args.output.as_deref().unwrap_or(Path::new(".")));
    let clash = if args.replace { Clash::Replace } else { Clash::Refuse };
    let (found, about) = get(shell, settings, &origin, &to, clash)?;
    let shown = found.strip_prefix(&settings.directory).unwrap_or(&found).display();
    let what = format!("{} {}: {shown}, every byte as listed", about.project, about.version);
    shell.status("Fetched", what);
    shell.data(shown);
    Ok(())
}

/// Gets it, and says where it is. What is not whole takes no other's place, and does not lie about.
fn get(
    shell: &Shell,
    settings: &Settings,
    origin: &Origin,
    to: &Path,
    clash: Clash,
) -> Result<(PathBuf, About), Error> {
    let watch = &mut watch(shell);
    let mut about = None;
    let mut look = |path: &Path| -> Result<(), Error> {
        about = Some(check(path)?);
        Ok(())
    };
    let found = match origin {
        Origin::Path(path) => {
            let found = dir::find(&settings.directory.join(path))?;
            if found.is_dir() {
                return Err(Error::Other {
                    message: format!("`{}` is an unpacked bundle already", found.display()),
                    help: Some("`rescience verify` checks it where it is".to_owned()),
                });
            }
            look(&found)?;
            dir::publish(&found, to, clash, watch)?
        }
        Origin::Web(url) => {
            let name = url.path_segments().and_then(|mut it| it.next_back());
            let name = name.filter(|name| name.ends_with(".zip")).unwrap_or("bundle.zip");
            let file = to.join(name);
            let access = access(shell, settings, "WEB", origin);
            web::fetch(&http(settings)?, url, &access, &file, clash, &mut look, watch)?;
            file
        }
        Origin::Oci(address) => {
            let access = access(shell, settings, "OCI", origin);
            oci::fetch(&http(settings)?, address, &access, to, clash, &mut look, watch)?.zip
        }
        Origin::Git(address) => {
            let scratch = settings.home.join("cache/git");
            std::fs::create_dir_all(&scratch).map_err(|error| Error::write(&scratch, &error))?;
            let name = address.remote.trim_end_matches('/').rsplit(['/', ':']).next();
            let name = name.unwrap_or("bundle").trim_end_matches(".git");
            let (http, access) = (http(settings)?, access(shell, settings, "GIT", origin));
            let place =
                git::Place { http: &http, address, credentials: &access, scratch: &scratch };
            let folder = to.join(name);
            git::fetch(place, &folder, &mut look, watch)?;
            folder
        }
    };
    Ok((found, about.expect("nothing is there that was not looked at")))
}

/// What gives access to a host. An address may come from anybody, so it counts only for the host that
/// the user names beside it, in `OCI_HOST`, `GIT_HOST` or `WEB_HOST`.
fn access(shell: &Shell, settings: &Settings, service: &str, origin: &Origin) -> Credentials {
    let credentials = credentials(settings, service);
    let (Some(host), false) = (origin.host(), matches!(credentials, Credentials::None)) else {
        return Credentials::None;
    };
    let own = settings.secret(&format!("{service}_HOST"));
    if own.is_some_and(|own| own.eq_ignore_ascii_case(&host)) {
        return credentials;
    }
    shell.note(format_args!(
        "what the variables `{service}_…` give access to is not asked of {host}; if they are meant for \
         it, set `{service}_HOST={host}` beside them"
    ));
    Credentials::None
}

/// Reads every byte.
fn check(path: &Path) -> Result<About, Error> {
    let bundle = Bundle::open(path)?;
    let verified = verify(&bundle, Depth::Quick, |_, _| {})?;
    match verified.findings.first() {
        None => About::read(&bundle),
        Some(finding) => Err(Error::Coded {
            code: rescience_recipes::Code::NotAsRecorded,
            message: finding.to_string(),
            help: "nothing of it was kept; fetch it again, or from elsewhere".to_owned(),
        }),
    }
}
