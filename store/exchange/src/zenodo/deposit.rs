//! What Zenodo says of a deposit, as far as it matters here.

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A deposit. Whoever reserved it keeps its number, to go on another day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deposit {
    /// Its number.
    pub id: u64,
    /// The DOI that it will have.
    pub doi: String,
    /// Where its files go.
    pub bucket: String,
    /// Its page, for a person who is logged in.
    pub page: String,
    /// Whether it is published already, and can change no more.
    #[serde(default)]
    pub submitted: bool,
    /// The files that it has.
    pub files: Vec<Deposited>,
}

/// A file of a deposit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposited {
    /// Zenodo's name for it.
    pub id: String,
    /// Its own name.
    #[serde(alias = "filename")]
    pub name: String,
    /// Its size in bytes.
    #[serde(alias = "filesize")]
    pub size: u64,
    /// Its MD5, in hexadecimal digits.
    #[serde(alias = "checksum")]
    pub md5: String,
}

/// A deposit that is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The DOI that it has.
    pub doi: String,
    /// Its page.
    pub page: String,
}

/// What Zenodo answers to a file.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) size: u64,
    pub(super) checksum: String,
}

impl Deposit {
    /// Whether it has exactly this file.
    pub(super) fn has(&self, name: &str, size: u64, md5: &str) -> bool {
        let same = |file: &Deposited| file.name == name && file.size == size;
        self.files.iter().any(|file| same(file) && file.md5.trim_start_matches("md5:") == md5)
    }
}

/// Reads an answer of the site with this address.
///
/// # Errors
/// As a fragment, what is missing in it.
pub(super) fn read(raw: Value, base: &Url) -> Result<Deposit, String> {
    let text = |at: &str| raw.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let id = raw["id"].as_u64().ok_or("it names no `id`")?;
    let doi = text("/metadata/prereserve_doi/doi").or_else(|| text("/metadata/doi"));
    let bucket = text("/links/bucket").ok_or("it has no `links.bucket`")?;
    // The token goes there too.
    if Url::parse(&bucket).map(|url| url.origin()).ok() != Some(base.origin()) {
        return Err(format!("its bucket `{}` is on another server", bucket.escape_debug()));
    }
    let files = raw.get("files").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
    Ok(Deposit {
        id,
        doi: doi.filter(|doi| !doi.is_empty()).ok_or("it reserves no DOI")?,
        bucket,
        page: text("/links/html").unwrap_or_default(),
        submitted: is_submitted(&raw),
        files: serde_json::from_value(files).map_err(|error| format!("its files: {error}"))?,
    })
}

/// The number of the draft that an old version leads to.
pub(super) fn latest_draft(raw: &Value) -> Option<u64> {
    raw.pointer("/links/latest_draft")?.as_str()?.rsplit('/').next()?.parse().ok()
}

pub(super) fn is_submitted(raw: &Value) -> bool {
    raw["submitted"].as_bool() == Some(true)
}

pub(super) fn published(raw: Value) -> Published {
    let text = |at: &str| raw.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty());
    let doi = text("/doi").or_else(|| text("/metadata/doi"));
    let page = text("/links/record_html").or_else(|| text("/links/html"));
    let page = page.or_else(|| text("/doi_url"));
    let [doi, page] = [doi, page].map(|text| text.unwrap_or_default().to_owned());
    Published { doi, page }
}
