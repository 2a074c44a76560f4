//! `[project]`: title page and seed.

use serde_spanned::Spanned;

use super::fields::{self, Fields, Problems};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::name::why_not_a_name;
use crate::recipe::{Author, Project};

/// Seeds stay below 2^53, so that every reader of JSON keeps them exact.
const MAX_SEED: u64 = (1 << 53) - 1;

pub(super) fn read(
    mut fields: Fields<'_, '_>,
    problems: &mut Problems,
) -> (Project, Option<Spanned<String>>) {
    let span = fields.span();
    let name = fields.string("name", problems);
    if !fields.written().contains(&"name") {
        problems.push(
            Diagnostic::new(Code::MissingKey, span, "`name` is missing in [project]")
                .label("the project has no name")
                .help("add `name = \"my-paper\"`"),
        );
    }
    if let Some(name) = &name
        && let Some(why) = why_not_a_name(name.get_ref())
    {
        problems.push(
            Diagnostic::new(
                Code::BadName,
                name.span(),
                format!("`{}` cannot be the name of a project", fields::excerpt(name.get_ref())),
            )
            .label(why)
            .help("the `title` may hold anything; names look like `my-paper`"),
        );
    }
    let name = name.map_or_else(String::new, Spanned::into_inner);
    let version = fields.words("version", problems);
    let title = fields.words("title", problems);
    let authors = authors(&mut fields, problems);
    let license = fields.words("license", problems);
    let doi = fields.string("doi", problems);
    if let Some(doi) = &doi {
        check_doi(doi, problems);
    }
    let seed = fields
        .take("seed")
        .and_then(|seed| fields::expect_count("`seed`", seed, 0, MAX_SEED, problems));
    let default_profile = fields.string("default-profile", problems);
    fields.finish(problems);
    let project = Project {
        version: version.map_or_else(|| "0.1.0".to_owned(), Spanned::into_inner),
        title: title.map_or_else(|| name.clone(), Spanned::into_inner),
        name,
        authors,
        license: license.map(Spanned::into_inner),
        doi: doi.map(Spanned::into_inner),
        seed: seed.unwrap_or(0),
        default_profile: default_profile.as_ref().map(|profile| profile.get_ref().clone()),
    };
    (project, default_profile)
}

/// Stands in for a project whose table is missing or wrong, so that reading can go on.
pub(super) fn unknown() -> (Project, Option<Spanned<String>>) {
    let project = Project {
        name: String::new(),
        version: String::new(),
        title: String::new(),
        authors: Vec::new(),
        license: None,
        doi: None,
        seed: 0,
        default_profile: None,
    };
    (project, None)
}

fn authors(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Vec<Author> {
    let Some(value) = fields.take("authors") else { return Vec::new() };
    let values = super::expect_array("`authors`", value, problems).unwrap_or_default();
    let mut authors = Vec::with_capacity(values.len());
    for value in values {
        let Some((span, table)) = fields::expect_table("an author", value, problems) else {
            continue;
        };
        let mut fields = Fields::new("an author", span.clone(), table);
        let name = fields.words("name", problems);
        if !fields.written().contains(&"name") {
            problems.push(
                Diagnostic::new(Code::MissingKey, span, "`name` is missing in an author")
                    .label("this author has no name"),
            );
        }
        let affiliation = fields.words("affiliation", problems);
        let orcid = fields.string("orcid", problems);
        if let Some(orcid) = &orcid {
            check_orcid(orcid, problems);
        }
        let email = fields.words("email", problems);
        fields.finish(problems);
        if let Some(name) = name {
            authors.push(Author {
                name: name.into_inner(),
                affiliation: affiliation.map(Spanned::into_inner),
                orcid: orcid.map(Spanned::into_inner),
                email: email.map(Spanned::into_inner),
            });
        }
    }
    authors
}

/// A DOI in the form that all of the documents that carry it take.
fn check_doi(doi: &Spanned<String>, problems: &mut Problems) {
    let fits = |text: &str| {
        let parts = text.strip_prefix("10.").and_then(|rest| rest.split_once('/'));
        parts.is_some_and(|(registrant, suffix)| {
            let digits = registrant
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
            let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\".contains(&byte);
            digits && registrant.len() >= 4 && !suffix.is_empty() && suffix.bytes().all(plain)
        })
    };
    let text = doi.get_ref();
    if fits(text) {
        return;
    }
    let bare = text.find("10.").map(|at| &text[at..]).filter(|bare| fits(bare));
    let help = match bare {
        Some(bare) => format!("write `{bare}`"),
        None => "a DOI looks like `10.5281/zenodo.1234`".to_owned(),
    };
    problems.push(
        Diagnostic::new(Code::BadChoice, doi.span(), "this is no DOI")
            .label("expected `10.`, a registrant's digits, `/` and a name")
            .help(help),
    );
}

fn check_orcid(orcid: &Spanned<String>, problems: &mut Problems) {
    let groups: Vec<&str> = orcid.get_ref().split('-').collect();
    let digits = |group: &str| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_digit());
    let last = |group: &str| {
        digits(group) || group.strip_suffix('X').is_some_and(|start| digits(&format!("{start}0")))
    };
    if !matches!(groups[..], [a, b, c, d] if digits(a) && digits(b) && digits(c) && last(d)) {
        problems.push(
            Diagnostic::new(Code::BadChoice, orcid.span(), "this is no ORCID iD")
                .label("expected four groups of four digits")
                .help("an ORCID iD looks like `0000-0002-1825-0097`"),
        );
    }
}
