//! Zenodo: a DOI that is reserved before the paper is built, and a deposit that is published last.
//!
//! ```text
//! publish --to zenodo --reserve     a draft there, its DOI in the recipe
//! build, bundle                     pages and documents that carry the DOI
//! publish --to zenodo               the bundle to the draft, which is published
//! ```
//!
//! The number of the deposit is in the DOI, so that nothing else has to be kept.

use rescience_bundle::Bundle;
use rescience_exchange::address::Site;
use rescience_exchange::zenodo::{self, Creator, Deposit, Kind, Metadata, Start, Zenodo};
use rescience_exchange::{Http, Token};
use rescience_recipes::{edit, recipe};
use serde_json::json;

use super::{Done, Publication, http, watch};
use crate::args::{Global, MessageFormat, Publish};
use crate::error::Error;
use crate::project::{Project, RECIPE};
use crate::settings::Settings;
use crate::shell::Shell;

/// How one reserves, as a help.
const RESERVE: &str = "`rescience publish --reserve` with the same `--to` reserves one and writes \
                       it to the recipe; then build and bundle again, so that the paper carries it";

/// Reserves a DOI, for a new work or for a new version of one that is published, and writes it to
/// the recipe.
pub(super) fn reserve(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Publish,
    site: &Site,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    if project.unpacked.is_some() {
        return Err(Error::Other {
            message: "this is an unpacked bundle, and its authors' to publish".to_owned(),
            help: Some("reserve in the project itself".to_owned()),
        });
    }
    let own = project.recipe.project.doi.as_deref();
    let before = own.map(number).transpose()?;
    if args.dry_run {
        let what = match before {
            Some(id) => format!("a DOI for a new version of deposit {id}, if that is published"),
            None => "a DOI with an empty draft".to_owned(),
        };
        shell.status("Would reserve", what);
        return Ok(());
    }
    let (http, watch) = (http(settings)?, &mut watch(shell));
    let zenodo = client(settings, &http, site)?;
    let deposit = match before {
        None => zenodo.reserve(watch)?,
        Some(id) => match zenodo.deposit(id, watch)? {
            published if published.submitted => zenodo.new_version(id, watch)?,
            draft => draft,
        },
    };
    let Deposit { doi, page, .. } = &deposit;
    if own != Some(doi) {
        let written = write(&project, doi);
        written.inspect_err(|_| shell.note(format_args!("{doi} is reserved: {page}")))?;
    }
    let name = &project.recipe.project.name;
    shell.status("Reserved", format_args!("{doi} for {name}, in {}", project.shown(RECIPE)));
    shell.note(format_args!(
        "build and bundle again, and `rescience publish --to {}` publishes it",
        args.to
    ));
    match args.message_format {
        MessageFormat::Json => {
            shell.data(json!({ "reason": "reserved", "doi": doi, "page": page }));
        }
        MessageFormat::Human => shell.data(doi),
    }
    Ok(())
}

/// Writes the DOI to the recipe, in one step.
fn write(project: &Project, doi: &str) -> Result<(), Error> {
    let path = project.directory.join(RECIPE);
    let text = edit::with_doi(&project.recipe.text, doi).map_err(|why| Error::Other {
        message: format!("the DOI cannot be written to `{}`: {why}", project.shown(RECIPE)),
        help: Some(format!("write `doi = \"{doi}\"` to [project] yourself")),
    })?;
    let new = project.directory.join(format!(".{RECIPE}.new"));
    let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path));
    written.map_err(|error| Error::write(&path, &error))
}

/// The number of the deposit that a DOI of Zenodo belongs to.
fn number(doi: &str) -> Result<u64, Error> {
    let number = doi.rsplit_once("/zenodo.").and_then(|(_, number)| number.parse().ok());
    number.ok_or_else(|| Error::Other {
        message: format!("{doi} is no DOI of Zenodo"),
        help: Some("a work has one DOI: take it from [project], or leave Zenodo out".to_owned()),
    })
}

fn client<'a>(settings: &Settings, http: &'a Http, site: &Site) -> Result<Zenodo<'a>, Error> {
    let Some(token) = settings.secret("ZENODO_TOKEN") else {
        return Err(Error::Other {
            message: "there is no `ZENODO_TOKEN`".to_owned(),
            help: Some("make one with the scopes deposit:write and deposit:actions".into()),
        });
    };
    Ok(Zenodo::new(http, site, &Token::new(&token))?)
}

impl Publication<'_> {
    /// Nothing is sent without a yes: what is published there stays.
    pub(super) fn zenodo(&self, bundle: &Bundle, site: &Site) -> Result<Option<Done>, Error> {
        let text = bundle.read(RECIPE)?.unwrap_or_default();
        let recipe = rescience_recipes::parse_bytes(RECIPE, &text, Some(&self.about.profile))?;
        let metadata = metadata(&recipe.project)?;
        let Some(doi) = &recipe.project.doi else {
            return Err(Error::Other {
                message: "the paper carries no DOI".to_owned(),
                help: Some(RESERVE.to_owned()),
            });
        };
        let id = number(doi)?;
        let question = format!(
            "Publish {} {} as {doi}, where nobody can take it back?",
            self.about.project, self.about.version
        );
        if self.args.dry_run || !(self.args.yes || self.shell.ask(&question)) {
            let files = [self.zip.to_owned()];
            for request in zenodo::plan(site, &Start::Draft(id), &files, &metadata, true)? {
                self.shell.data(request);
            }
            self.shell.note("nothing was sent: `--yes` sends it, and what is published stays");
            return Ok(None);
        }
        let (http, watch) = (http(self.settings)?, &mut watch(self.shell));
        let zenodo = client(self.settings, &http, site)?;
        let deposit = zenodo.deposit(id, watch)?;
        if deposit.doi != *doi {
            return Err(Error::Other {
                message: format!("the paper carries {doi}, but deposit {id} has {}", deposit.doi),
                help: Some(RESERVE.to_owned()),
            });
        }
        if deposit.submitted {
            return Err(Error::Other {
                message: format!("{doi} is published already"),
                help: Some(format!("for a new version, {RESERVE}")),
            });
        }
        zenodo.upload(&deposit, self.zip, watch)?;
        zenodo.describe(&deposit, &metadata, watch)?;
        let published = zenodo.publish(&deposit, watch)?;
        Ok(Some(Done { place: published.page, id: published.doi }))
    }
}

/// What a deposit says of itself, from the recipe inside.
fn metadata(project: &recipe::Project) -> Result<Metadata, Error> {
    let creators = project.authors.iter().map(|author| Creator {
        name: family_first(&author.name),
        affiliation: author.affiliation.clone(),
        orcid: author.orcid.as_deref().map(|it| it.rsplit('/').next().unwrap_or(it).to_owned()),
    });
    let license = project.license.clone().ok_or_else(|| Error::Other {
        message: "a deposit needs a licence".to_owned(),
        help: Some("write `license = \"CC-BY-4.0\"`, or another of SPDX, to [project]".to_owned()),
    })?;
    Ok(Metadata {
        kind: Kind::Preprint,
        title: project.title.clone(),
        creators: creators.collect(),
        description: format!(
            "{}. The paper with all it was made from: `rescience verify` checks every byte, trace \
             and claim, `rescience build` makes the pages again, `rescience reproduce` the runs.",
            project.title.trim_end_matches('.')
        ),
        license,
        keywords: Vec::new(),
        version: Some(project.version.clone()),
        date: None,
        related: Vec::new(),
    })
}

/// `Given Family` as catalogues want it; what has a comma is in order already.
fn family_first(name: &str) -> String {
    match name.rsplit_once(' ') {
        Some((given, family)) if !name.contains(',') => format!("{family}, {given}"),
        _ => name.to_owned(),
    }
}
