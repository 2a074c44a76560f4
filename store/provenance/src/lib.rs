//! What a bundle tells other tools of itself.
//!
//! One plain [`Account`] of what is in a bundle and how it came to be goes in; the documents that
//! other tools read come out. Start with [`documents`], which makes all of them in their order.
//!
//! | module | makes |
//! |---|---|
//! | [`account`] | the account, which the caller fills |
//! | [`ro_crate`] | `ro-crate-metadata.json`: Provenance Run Crate 0.5 on RO-Crate 1.1 |
//! | [`citation`] | `CITATION.cff` 1.2.0 |
//! | [`codemeta`] | `codemeta.json` 3.0 |
//! | [`slsa`] | `provenance.intoto.json`: SLSA provenance v1 in an in-toto Statement v1 |
//! | [`croissant`] | `croissant/NAME.json` 1.1, for each data set |
//! | [`checklist`] | `checklist.md` and `checklist.json`: the NeurIPS form, as far as facts answer it |
//! | [`readme`] | `README.md`: how to check the bundle, and to do it all again |
//! | [`document`] | how documents become bytes |
//!
//! Everything here is a function of its arguments: no file, no clock, no random number. The same
//! account has the same bytes everywhere, identifiers follow from digests, and what was not measured
//! is not there. The crate knows no recipe, no store and no zip.

pub mod account;
pub mod checklist;
pub mod citation;
pub mod codemeta;
pub mod croissant;
pub mod document;
pub mod readme;
pub mod ro_crate;
pub mod slsa;

mod index;
mod license;
mod markdown;
mod orcid;
mod time;
mod uri;
mod yaml;

pub use account::Account;
pub use document::Document;

use account::File;

const JSON: &str = "application/json";
const JSON_LD: &str = "application/ld+json";

/// All documents of an account, which must not hold them yet.
///
/// Each may tell of those before it, hence the order: the README is last but one, and the RO-Crate,
/// which lists every file, is last.
pub fn documents(account: &Account) -> Vec<Document> {
    let mut account = account.clone();
    let mut documents = Vec::new();
    let mut put = |account: &mut Account, path: String, text: String, media_type, about| {
        account.files.push(File::of(&path, text.as_bytes(), media_type, about));
        documents.push(Document { path, bytes: text.into_bytes(), media_type, about });
    };
    let text = citation::citation(&account);
    put(&mut account, citation::PATH.to_owned(), text, "application/yaml", "How to cite this");
    let text = document::json(codemeta::codemeta(&account));
    put(&mut account, codemeta::PATH.to_owned(), text, JSON_LD, "The software's description");
    for at in 0..account.data_sets.len() {
        let set = &account.data_sets[at];
        let (path, text) =
            (croissant::path(set), document::json(croissant::croissant(&account, set)));
        put(&mut account, path, text, JSON_LD, "A data set's description");
    }
    let text = checklist::markdown(&account);
    put(&mut account, checklist::MARKDOWN.to_owned(), text, "text/markdown", "NeurIPS checklist");
    let text = document::json(checklist::json(&account));
    put(&mut account, checklist::JSON.to_owned(), text, JSON, "NeurIPS checklist, for machines");
    let text = document::json(slsa::statement(&account));
    let about = "Who built what from what, to be signed";
    put(&mut account, slsa::PATH.to_owned(), text, "application/vnd.in-toto+json", about);
    let text = readme::readme(&account);
    put(&mut account, readme::PATH.to_owned(), text, "text/markdown", "Read this first");
    let text = document::json(ro_crate::metadata(&account));
    let about = "Everything here, for machines";
    put(&mut account, ro_crate::PATH.to_owned(), text, JSON_LD, about);
    documents
}
