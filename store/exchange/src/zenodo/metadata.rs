//! What a deposit says of itself, checked before Zenodo refuses it.

use serde::Serialize;
use serde_json::{Value, json};

/// What is known of a deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Its title.
    pub title: String,
    /// Who made it.
    pub creators: Vec<Creator>,
    /// What it is about, as plain text; an empty line ends a paragraph.
    pub description: String,
    /// An identifier of SPDX.
    pub license: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Which version it is.
    pub version: Option<String>,
    /// When it was published, as `YYYY-MM-DD`; none for the day of the deposit.
    pub date: Option<String>,
    /// What else belongs to it.
    pub related: Vec<Related>,
}

/// What is deposited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A paper that nobody has reviewed.
    Preprint,
    /// A paper of a journal.
    Article,
    /// A paper of a conference.
    ConferencePaper,
    /// A report.
    Report,
    /// Data.
    Dataset,
    /// A program.
    Software,
}

/// One who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Creator {
    /// `Family, Given`.
    pub name: String,
    /// Where they work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affiliation: Option<String>,
    /// Their ORCID, without an address before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orcid: Option<String>,
}

/// Something that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// A DOI or an address.
    pub identifier: String,
    /// What the deposit is to it.
    pub relation: Relation,
}

/// How one work belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Relation {
    /// It cites it.
    Cites,
    /// It is made from it.
    IsDerivedFrom,
    /// It is the same in another form.
    IsIdenticalTo,
    /// It is a part of it.
    IsPartOf,
    /// It comes with it.
    IsSupplementTo,
}

impl Metadata {
    /// What Zenodo would refuse, as lower-case fragments.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, text) in
            [("title", &self.title), ("description", &self.description), ("license", &self.license)]
        {
            if text.trim().is_empty() {
                problems.push(format!("the {name} is missing"));
            }
        }
        if self.creators.is_empty() {
            problems.push("the creators are missing".to_owned());
        }
        for Creator { name, orcid, .. } in &self.creators {
            if name.trim().is_empty() {
                problems.push("a creator has no name".to_owned());
            }
            if let Some(orcid) = orcid.as_ref().filter(|orcid| !is_orcid(orcid)) {
                problems.push(format!("`{orcid}` is no ORCID"));
            }
        }
        if let Some(date) =
            self.date.as_ref().filter(|date| date.parse::<jiff::civil::Date>().is_err())
        {
            problems.push(format!("`{date}` is no date as `2026-01-31`"));
        }
        problems
    }

    /// As Zenodo reads it.
    pub(super) fn json(&self) -> Value {
        let (upload, publication) = match self.kind {
            Kind::Preprint => ("publication", Some("preprint")),
            Kind::Article => ("publication", Some("article")),
            Kind::ConferencePaper => ("publication", Some("conferencepaper")),
            Kind::Report => ("publication", Some("report")),
            Kind::Dataset => ("dataset", None),
            Kind::Software => ("software", None),
        };
        let mut metadata = json!({
            "upload_type": upload,
            "title": self.title,
            "creators": self.creators,
            "description": html(&self.description),
            "access_right": "open",
            "license": self.license,
            "prereserve_doi": true,
        });
        let mut set = |key: &str, value: Value| metadata[key] = value;
        if let Some(publication) = publication {
            set("publication_type", json!(publication));
        }
        if !self.keywords.is_empty() {
            set("keywords", json!(self.keywords));
        }
        if let Some(version) = &self.version {
            set("version", json!(version));
        }
        if let Some(date) = &self.date {
            set("publication_date", json!(date));
        }
        if !self.related.is_empty() {
            set("related_identifiers", json!(self.related));
        }
        json!({ "metadata": metadata })
    }
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{paragraph}</p>")).collect()
}

/// Four groups of four digits, the last of which is a checksum that may be ten.
fn is_orcid(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 19 || [4, 9, 14].iter().any(|at| bytes[*at] != b'-') {
        return false;
    }
    let digits: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'-').collect();
    let Some((last, first)) = digits.split_last().filter(|it| it.1.len() == 15) else {
        return false;
    };
    if !first.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum = first.iter().fold(0, |sum, digit| (sum + u32::from(digit - b'0')) * 2);
    let check = (12 - sum % 11) % 11;
    match last {
        b'X' => check == 10,
        digit => digit.is_ascii_digit() && u32::from(digit - b'0') == check,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orcid_has_a_checksum() {
        for good in ["0000-0002-1825-0097", "0000-0002-1694-233X"] {
            assert!(is_orcid(good), "{good}");
        }
        for bad in ["0000-0002-1825-0098", "0000-0002-1694-2330", "0000000218250097", "", "----"] {
            assert!(!is_orcid(bad), "{bad}");
        }
    }

    #[test]
    fn plain_text_becomes_paragraphs() {
        assert_eq!(html("a < b\n& c\n\n\nd"), "<p>a &lt; b\n&amp; c</p><p>d</p>");
    }
}
