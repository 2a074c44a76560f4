//! `codemeta.json` 3.0: the bundle as software, for catalogues of software.

use serde_json::{Map, Value, json};

use crate::account::{Account, Author, Name};
use crate::{citation, license, orcid, time, uri};

/// Where the document is.
pub const PATH: &str = "codemeta.json";

/// The document of an account.
pub fn codemeta(account: &Account) -> Value {
    let project = &account.project;
    let doi = project.doi.as_deref().filter(|doi| citation::is_doi(doi));
    let doi = doi.map(|doi| format!("https://doi.org/{doi}"));
    let license = project.license.as_ref();
    let license = license.map(|it| license::url(it).unwrap_or_else(|| it.clone()));
    let url = project.url.as_deref().filter(|url| uri::is_web(url));
    let mut map = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null() && *value != json!([])) {
            map.insert(key.to_owned(), value);
        }
    };
    put("@context", Some("https://w3id.org/codemeta/3.0".into()));
    put("@type", Some("SoftwareSourceCode".into()));
    put("name", Some(project.name.as_str().into()));
    put("description", project.description.as_deref().map(Value::from));
    put("version", Some(project.version.as_str().into()));
    put("datePublished", Some(time::date(project.published).into()));
    put("license", license.map(Value::from));
    put("author", Some(project.authors.iter().map(author).collect()));
    put("keywords", Some(project.keywords.iter().map(String::as_str).collect()));
    put("url", url.map(Value::from));
    put("identifier", doi.clone().map(Value::from));
    put(
        "softwareRequirements",
        Some(json!([{
            "@type": "SoftwareApplication",
            "name": account.engine.name,
            "version": account.engine.version,
            "url": account.engine.url,
        }])),
    );
    let mut paper = json!({ "@type": "ScholarlyArticle", "name": project.title });
    if let Some(doi) = doi {
        paper["@id"] = doi.into();
    }
    put("referencePublication", Some(paper));
    Value::Object(map)
}

/// An author as schema.org describes one.
pub(crate) fn author(author: &Author) -> Value {
    let mut person = json!({ "@type": "Person", "name": author.name.full() });
    if let Name::Parts { given, family } = &author.name {
        person["givenName"] = given.as_str().into();
        person["familyName"] = family.as_str().into();
    }
    if let Some(orcid) = author.orcid.as_deref().and_then(orcid::url) {
        person["@id"] = orcid.into();
    }
    if let Some(email) = &author.email {
        person["email"] = email.as_str().into();
    }
    if let Some(organization) = &author.affiliation {
        person["affiliation"] = json!({ "@type": "Organization", "name": organization.name });
        if let Some(url) = organization.url.as_deref().filter(|url| uri::is_web(url)) {
            person["affiliation"]["@id"] = url.into();
        }
    }
    person
}
