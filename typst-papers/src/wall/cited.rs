//! Citations: what is cited was confirmed, what is listed is cited.

use std::collections::BTreeSet;

use typst::foundations::NativeElement as _;
use typst::introspection::Introspector as _;
use typst::model::CiteElem;
use typst_layout::PagedDocument;

use crate::citations::{self, Entry};
use crate::input::PaperInput;
use crate::problem::Problem;

/// Entries that nobody confirmed, that changed since, that have no identifier, or that no text
/// cites, at their lines of the bibliography.
pub(super) fn check(input: &PaperInput, document: &PagedDocument) -> Vec<Problem> {
    let Some((path, text)) = bibliography(input) else { return Vec::new() };
    // What is not BibTeX was reported by typst.
    let Ok(entries) = citations::entries(text) else { return Vec::new() };
    let cited: BTreeSet<String> = document
        .introspector()
        .query(&CiteElem::ELEM.select())
        .iter()
        .filter_map(|element| element.to_packed::<CiteElem>())
        .map(|cite| cite.key.resolve().to_string())
        .collect();
    entries.iter().filter_map(|entry| judge(input, entry, &cited, path, text)).collect()
}

fn bibliography(input: &PaperInput) -> Option<(&str, &str)> {
    let path = input.bibliography.as_deref()?;
    Some((path, std::str::from_utf8(input.files.get(path)?).ok()?))
}

fn judge(
    input: &PaperInput,
    entry: &Entry,
    cited: &BTreeSet<String>,
    path: &str,
    text: &str,
) -> Option<Problem> {
    let key = &entry.key;
    let (code, message, hint) = if !cited.contains(key) {
        ("RS0208", format!("no text cites `{key}`"), "cite it or remove the entry".to_owned())
    } else if entry.doi.is_none() && entry.arxiv.is_none() {
        let hint = "add `doi = {...}`, or `eprint = {...}` with `archiveprefix = {arXiv}`";
        ("RS0209", format!("`{key}` has neither a DOI nor an arXiv id"), hint.to_owned())
    } else {
        let confirm = format!("look it up, then run `rescience cite confirm {key}`");
        match input.confirmed.get(key) {
            Some(digest) if *digest == entry.digest.to_string() => return None,
            Some(_) => ("RS0207", format!("`{key}` was changed since it was confirmed"), confirm),
            None => ("RS0207", format!("nobody has confirmed `{key}`"), confirm),
        }
    };
    let mut problem = Problem::error(message);
    problem.code = Some(code);
    problem.file = Some(path.to_owned());
    problem.text = Some(text.to_owned());
    problem.span = Some(entry.span.clone());
    problem.hints.push(hint);
    Some(problem)
}
