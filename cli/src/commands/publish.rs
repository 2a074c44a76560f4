//! `rescience publish`: hand a bundle on.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rescience_bundle::{Bundle, Depth, verify};
use rescience_exchange::address::{GitAddress, OciAddress, Target};
use rescience_exchange::dir::{self, Clash};
use rescience_exchange::{Credentials, Event, Http, Options, Token, git, oci};
use serde_json::json;

use crate::args::{Global, MessageFormat, Publish};
use crate::error::Error;
use crate::project::Project;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::unpacked::About;

mod zenodo;

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Publish,
) -> Result<(), Error> {
    let target: Target = args.to.parse().map_err(|error| Error::usage(format!("{error}")))?;
    let offline = global.offline() && !matches!(target, Target::Folder(_));
    if offline {
        return Err(Error::usage("`--offline` forbids what `--to` asks for".to_owned()));
    }
    if args.reserve {
        return match &target {
            Target::Zenodo(site) => zenodo::reserve(shell, global, settings, args, site),
            _ => Err(Error::usage("only Zenodo reserves DOIs: `--to zenodo --reserve`".to_owned())),
        };
    }
    let zip = file(global, settings, args)?;
    let bundle = Bundle::open(&zip)?;
    let about = About::read(&bundle)?;
    // What is handed on is what it says it is, or stays here.
    let findings = verify(&bundle, Depth::Quick, |_, _| {})?.findings;
    if let Some(finding) = findings.first() {
        return Err(Error::Other {
            message: format!("`{}` is not whole: {finding}", zip.display()),
            help: Some("`rescience bundle` writes it again".to_owned()),
        });
    }
    let clash = if args.replace { Clash::Replace } else { Clash::Refuse };
    let json = args.message_format == MessageFormat::Json;
    let publication = Publication { shell, settings, args, zip: &zip, about: &about, clash };
    let done = match target {
        Target::Folder(folder) => publication.folder(&folder)?,
        Target::Git(address) => publication.git(&bundle, &address)?,
        Target::Oci(address) => publication.oci(&address)?,
        Target::Zenodo(site) => publication.zenodo(&bundle, &site)?,
    };
    let Some(Done { place, id }) = done else { return Ok(()) };
    shell.status("Published", format_args!("{} {} to {place}", about.project, about.version));
    match json {
        true => shell.data(json!({ "reason": "published", "place": place, "id": id })),
        false => shell.data(id),
    }
    Ok(())
}

/// Where it is now, and the name that leads to these very bytes.
struct Done {
    place: String,
    id: String,
}

struct Publication<'a> {
    shell: &'a Shell,
    settings: &'a Settings,
    args: &'a Publish,
    zip: &'a Path,
    about: &'a About,
    clash: Clash,
}

impl Publication<'_> {
    fn folder(&self, folder: &Path) -> Result<Option<Done>, Error> {
        let folder = self.settings.directory.join(folder);
        if self.dry_run(&format!("copy it to `{}`", folder.display())) {
            return Ok(None);
        }
        let place = dir::publish(self.zip, &folder, self.clash, &mut watch(self.shell))?;
        let place = place.display().to_string();
        Ok(Some(Done { id: place.clone(), place }))
    }

    fn git(&self, bundle: &Bundle, address: &GitAddress) -> Result<Option<Done>, Error> {
        let tag = self.args.tag.clone().unwrap_or_else(|| format!("v{}", self.about.version));
        let what = format!("push a commit to `{}` of {}", address.branch, address.remote);
        if self.dry_run(&format!("{what}, and the tag `{tag}`")) {
            return Ok(None);
        }
        let record = git::Record {
            author: "rescience".to_owned(),
            email: "rescience@localhost".to_owned(),
            seconds: self.settings.clock.now().as_second(),
            message: format!("{} {}\n", self.about.project, self.about.version),
            tag,
        };
        let scratch = self.settings.home.join("cache/git");
        std::fs::create_dir_all(&scratch).map_err(|error| Error::write(&scratch, &error))?;
        let (http, credentials) = (http(self.settings)?, credentials(self.settings, "GIT"));
        let place =
            git::Place { http: &http, address, credentials: &credentials, scratch: &scratch };
        let commit = git::publish(place, bundle, &record, self.clash, &mut watch(self.shell))?;
        Ok(Some(Done { place: format!("{} ({})", address.remote, address.branch), id: commit }))
    }

    fn oci(&self, address: &OciAddress) -> Result<Option<Done>, Error> {
        if self.dry_run(&format!("upload it to {address}")) {
            return Ok(None);
        }
        let name = |name: &str| format!("org.opencontainers.image.{name}");
        let annotations = BTreeMap::from([
            (name("title"), self.about.project.clone()),
            (name("version"), self.about.version.clone()),
        ]);
        let artifact = oci::Artifact { zip: self.zip, sides: &[], annotations: &annotations };
        let (http, credentials) = (http(self.settings)?, credentials(self.settings, "OCI"));
        let digest = oci::publish(
            &http,
            address,
            &credentials,
            artifact,
            self.clash,
            &mut watch(self.shell),
        )?;
        Ok(Some(Done { place: address.to_string(), id: format!("sha256:{digest}") }))
    }

    fn dry_run(&self, what: &str) -> bool {
        if self.args.dry_run {
            self.shell.status("Would publish", what);
        }
        self.args.dry_run
    }
}

/// The file to hand on: the one that was named, or the one that `rescience bundle` wrote last.
fn file(global: &Global, settings: &Settings, args: &Publish) -> Result<PathBuf, Error> {
    if let Some(file) = &args.file {
        return Ok(settings.directory.join(file));
    }
    let project = Project::open(global, settings)?;
    let path = project.directory.join(super::bundle::default_name(&project));
    match path.is_file() {
        true => Ok(path),
        false => Err(Error::Other {
            message: format!("there is no `{}`", path.display()),
            help: Some("`rescience bundle` writes it".to_owned()),
        }),
    }
}

/// A client that follows the user's proxy and certificates.
pub(super) fn http(settings: &Settings) -> Result<Http, Error> {
    Ok(Http::new(options(settings))?)
}

/// The user's proxy and certificates.
pub(crate) fn options(settings: &Settings) -> Options {
    let text = |name: &str| settings.toolchain.get(OsStr::new(name)).map(|it| it.to_string_lossy());
    let proxy = text("HTTPS_PROXY").or_else(|| text("https_proxy"));
    Options {
        roots: text("SSL_CERT_FILE").map(|path| PathBuf::from(path.as_ref())),
        proxy: proxy.map(|proxy| Token::new(&proxy)),
        ..Options::default()
    }
}

/// Who logs in to a service: `OCI_USER` with `OCI_PASSWORD`, or `OCI_TOKEN`.
pub(crate) fn credentials(settings: &Settings, service: &str) -> Credentials {
    let secret = |name: &str| settings.secret(&format!("{service}_{name}"));
    match (secret("USER"), secret("PASSWORD"), secret("TOKEN")) {
        (Some(user), Some(password), _) => {
            Credentials::Login { user, password: Token::new(&password) }
        }
        (_, _, Some(token)) => Credentials::Bearer(Token::new(&token)),
        _ => Credentials::None,
    }
}

/// Tells what a person wants to know while bytes move.
pub(super) fn watch(shell: &Shell) -> impl FnMut(Event<'_>) + '_ {
    move |event| match event {
        Event::Waiting { why, wait } => {
            shell.note_status("Waiting", format_args!("{} s: {why}", wait.as_secs()));
        }
        Event::Resumed { what, at } => {
            shell.note_status("Resuming", format_args!("{what} from byte {at}"));
        }
        Event::Present { what } => shell.detail("Present", what),
        _ => {}
    }
}
