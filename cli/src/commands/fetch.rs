//! `rescience fetch`: get a bundle back, and believe nothing of it before it is verified.

use std::path::{Path, PathBuf};

use rescience_bundle::{Bundle, Depth, verify};
use rescience_exchange::address::Origin;
use rescience_exchange::dir::{self, Clash};
use rescience_exchange::{git, oci, web};

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
    let found = get(shell, settings, &origin, &to, clash)?;
    let checked = check(&found);
    // A path was checked before it was copied, and may be where the user keeps it.
    if checked.is_err() && !matches!(origin, Origin::Path(_)) {
        // What was got from elsewhere and is not whole must not lie about.
        match found.is_dir() {
            true => std::fs::remove_dir_all(&found).ok(),
            false => std::fs::remove_file(&found).ok(),
        };
    }
    let about = checked?;
    let shown = found.strip_prefix(&settings.directory).unwrap_or(&found).display();
    let what = format!("{} {}: {shown}, every byte as listed", about.project, about.version);
    shell.status("Fetched", what);
    shell.data(shown);
    Ok(())
}

/// Gets it, and says where it is.
fn get(
    shell: &Shell,
    settings: &Settings,
    origin: &Origin,
    to: &Path,
    clash: Clash,
) -> Result<PathBuf, Error> {
    let watch = &mut watch(shell);
    Ok(match origin {
        Origin::Path(path) => {
            let found = dir::find(&settings.directory.join(path))?;
            if found.is_dir() {
                return Err(Error::Other {
                    message: format!("`{}` is an unpacked bundle already", found.display()),
                    help: Some("`rescience verify` checks it where it is".to_owned()),
                });
            }
            check(&found)?;
            dir::publish(&found, to, clash, watch)?
        }
        Origin::Web(url) => {
            let name = url.path_segments().and_then(|mut it| it.next_back());
            let name = name.filter(|name| name.ends_with(".zip")).unwrap_or("bundle.zip");
            let file = to.join(name);
            web::fetch(&http(settings)?, url, &credentials(settings, "WEB"), &file, clash, watch)?;
            file
        }
        Origin::Oci(address) => {
            let credentials = credentials(settings, "OCI");
            oci::fetch(&http(settings)?, address, &credentials, to, clash, watch)?.zip
        }
        Origin::Git(address) => {
            let scratch = settings.home.join("cache/git");
            std::fs::create_dir_all(&scratch).map_err(|error| Error::write(&scratch, &error))?;
            let name = address.remote.trim_end_matches('/').rsplit(['/', ':']).next();
            let name = name.unwrap_or("bundle").trim_end_matches(".git");
            let (http, credentials) = (http(settings)?, credentials(settings, "GIT"));
            let place =
                git::Place { http: &http, address, credentials: &credentials, scratch: &scratch };
            let folder = to.join(name);
            git::fetch(place, &folder, watch)?;
            folder
        }
    })
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
