//! `CITATION.cff` 1.2.0: how to cite the bundle, and the paper in it.
//!
//! A bundle is a `dataset` here, since the format knows only that and `software`; the paper is what
//! it asks to be cited instead. The schema refuses what it does not know, so that an address, a
//! number or a licence that does not have its form is left out, never mended.

use crate::account::{Account, Author, File, Kind, Name, Outcome};
use crate::index::Index;
use crate::yaml::{Yaml, document};
use crate::{license, orcid, time, uri};

/// Where the document is.
pub const PATH: &str = "CITATION.cff";

/// The document of an account.
pub fn citation(account: &Account) -> String {
    let project = &account.project;
    let mut map = vec![
        ("cff-version", Yaml::text("1.2.0")),
        ("message", Yaml::text("If you use this work, please cite the paper.")),
        ("type", Yaml::text("dataset")),
        ("title", Yaml::text(title(account))),
    ];
    let mut put = |key, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            map.push((key, Yaml::text(value)));
        }
    };
    put("version", Some(&project.version));
    put("abstract", project.description.as_deref());
    put("date-released", Some(&time::date(project.published)));
    put("doi", doi(account));
    put("url", url(account));
    map.push(("authors", authors(account)));
    if let Some(choices) = project.license.as_deref().and_then(license::choices) {
        map.push(("license", list(choices)));
    }
    let mut keywords: Vec<&str> = Vec::new();
    for word in project.keywords.iter().map(|word| word.trim()) {
        if !word.is_empty() && !keywords.contains(&word) {
            keywords.push(word);
        }
    }
    if !keywords.is_empty() {
        map.push(("keywords", Yaml::List(keywords.into_iter().map(Yaml::text).collect())));
    }
    let identifiers = identifiers(account);
    if !identifiers.is_empty() {
        map.push(("identifiers", Yaml::List(identifiers)));
    }
    map.push(("preferred-citation", paper(account)));
    document(&map)
}

/// The paper. A text that nobody published has no other type in the format.
fn paper(account: &Account) -> Yaml {
    let kind = if doi(account).is_some() { "generic" } else { "unpublished" };
    let mut map = vec![
        ("type", Yaml::text(kind)),
        ("title", Yaml::text(title(account))),
        ("authors", authors(account)),
    ];
    if let Some(doi) = doi(account) {
        map.push(("doi", Yaml::text(doi)));
    }
    if let Some(url) = url(account) {
        map.push(("url", Yaml::text(url)));
    }
    map.push(("date-released", Yaml::text(time::date(account.project.published))));
    Yaml::Map(map)
}

fn title(account: &Account) -> &str {
    let project = &account.project;
    if project.title.trim().is_empty() { &project.name } else { &project.title }
}

/// The digests of the papers, by which any copy of them can be told.
fn identifiers(account: &Account) -> Vec<Yaml> {
    let papers =
        Index::of(account).made(account, |it| it.kind == Kind::Paper && it.outcome == Outcome::Ok);
    let identifier = |file: &File| {
        Yaml::Map(vec![
            ("type", Yaml::text("other")),
            ("value", Yaml::text(format!("blake3:{}", file.digest.hex()))),
            ("description", Yaml::text(format!("The BLAKE3 digest of {}", file.path))),
        ])
    };
    papers.into_iter().map(identifier).collect()
}

/// The authors, each once; the format wants one at least.
fn authors(account: &Account) -> Yaml {
    let mut seen: Vec<&Author> = Vec::new();
    for author in &account.project.authors {
        if !author.name.full().trim().is_empty() && !seen.contains(&author) {
            seen.push(author);
        }
    }
    if seen.is_empty() {
        let name = format!("The authors of {}", account.project.name);
        return Yaml::List(vec![Yaml::Map(vec![("name", Yaml::text(name))])]);
    }
    Yaml::List(seen.into_iter().map(author).collect())
}

/// An author: a person where the parts of the name are known, else what the format calls an entity,
/// which has no place for an affiliation.
fn author(author: &Author) -> Yaml {
    let mut map = Vec::new();
    match &author.name {
        Name::Whole(name) => map.push(("name", Yaml::text(name))),
        Name::Parts { given, family } => {
            for (key, part) in [("family-names", family), ("given-names", given)] {
                if !part.trim().is_empty() {
                    map.push((key, Yaml::text(part)));
                }
            }
            if let Some(it) = author.affiliation.as_ref().filter(|it| !it.name.trim().is_empty()) {
                map.push(("affiliation", Yaml::text(&it.name)));
            }
        }
    }
    if let Some(orcid) = author.orcid.as_deref().and_then(orcid::url) {
        map.push(("orcid", Yaml::text(orcid)));
    }
    if let Some(email) = author.email.as_deref().filter(|email| is_email(email)) {
        map.push(("email", Yaml::text(email)));
    }
    Yaml::Map(map)
}

fn list(texts: Vec<&'static str>) -> Yaml {
    match texts.as_slice() {
        [one] => Yaml::text(*one),
        _ => Yaml::List(texts.into_iter().map(Yaml::text).collect()),
    }
}

fn url(account: &Account) -> Option<&str> {
    account.project.url.as_deref().filter(|url| uri::is_web(url))
}

/// The DOI, if it has the form that the schema knows.
fn doi(account: &Account) -> Option<&str> {
    account.project.doi.as_deref().filter(|doi| is_doi(doi))
}

/// `10.`, a registrant's number, a slash and a suffix of the characters that the schema allows.
pub(crate) fn is_doi(doi: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((registrant, suffix)) = doi.strip_prefix("10.").and_then(|it| it.split_once('/'))
    else {
        return false;
    };
    let (first, more) = registrant.split_once('.').unwrap_or((registrant, "0"));
    number(first)
        && (4..=9).contains(&first.len())
        && number(more)
        && !suffix.is_empty()
        && suffix.bytes().all(|b| b.is_ascii_alphanumeric() || br":/_;-.()[]\".contains(&b))
}

fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let Some((_, top)) = host.rsplit_once('.') else { return false };
    !user.is_empty()
        && host.len() > top.len() + 1
        && top.chars().count() >= 2
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_the_form_is_not_an_identifier() {
        for good in ["10.5281/zenodo.1003150", "10.1000.10/a(b)"] {
            assert!(is_doi(good), "{good}");
        }
        for bad in ["https://doi.org/10.5281/x", "10.5281/", "10.1/x", "10.5281/a b", "10.x/y", ""]
        {
            assert!(!is_doi(bad), "{bad}");
        }
        assert!(is_email("a.person@example.org"));
        for bad in ["a", "a@b", "@b.cd", "a@.cd", "a@b.c", "a b@c.de", "a\u{85}@b.cd"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
