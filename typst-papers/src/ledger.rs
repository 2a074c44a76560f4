//! The ledger of claims, read back from the pages: what was really printed, and by whom.

use serde_json::{Map, json};
use typst::foundations::{Content, Label, Selector, Value};
use typst::introspection::{Introspector as _, MetadataElem};
use typst::utils::PicoStr;
use typst::{World as _, WorldExt as _};
use typst_layout::PagedDocument;

use crate::problem::Problem;
use crate::world::PaperWorld;

/// The label under which the package keeps each claim.
pub(crate) const CLAIM: &str = "rescience-claim";
/// The label under which the package keeps each test, for the correction that counts them.
const TEST: &str = "rescience-test";
/// The label of the ledger on the closing page.
const LEDGER: &str = "rescience-ledger";

/// The claims in the order of the pages.
///
/// # Errors
/// A claim that the author's file made without the package; a paper without a closing page.
pub(crate) fn claims(
    world: &PaperWorld,
    document: &PagedDocument,
) -> Result<serde_json::Value, Vec<Problem>> {
    let found = labelled(document, CLAIM);
    let forged: Vec<Problem> = found
        .iter()
        .chain(&labelled(document, LEDGER))
        .chain(&labelled(document, TEST))
        .filter_map(|element| author_made(world, element))
        .collect();
    if !forged.is_empty() {
        return Err(forged);
    }
    if labelled(document, LEDGER).is_empty() {
        let mut problem = Problem::error("the paper has no closing page");
        problem.hints.push("write `#show: paper` below the import".to_owned());
        return Err(vec![problem]);
    }
    let rows = found.iter().map(|element| claim(document, element)).collect::<Result<_, _>>()?;
    Ok(serde_json::Value::Array(rows))
}

fn labelled(document: &PagedDocument, name: &str) -> Vec<Content> {
    let label = Label::new(PicoStr::intern(name)).expect("the label's name is not empty");
    document.introspector().query(&Selector::Label(label)).into_iter().collect()
}

/// Reports an element whose label is the package's, but which stands in an author's file.
fn author_made(world: &PaperWorld, element: &Content) -> Option<Problem> {
    let span = element.span();
    let id = span.id().filter(|id| PaperWorld::is_author(*id))?;
    let mut problem = Problem::error("labels that begin with `rescience-` belong to the package");
    problem.file = Some(id.vpath().get_without_slash().to_owned());
    problem.text = world.source(id).ok().map(|source| source.text().to_owned());
    problem.span = world.range(span);
    Some(problem)
}

fn claim(document: &PagedDocument, element: &Content) -> Result<serde_json::Value, Vec<Problem>> {
    let unreadable = || vec![Problem::error("a claim of the package could not be read back")];
    let metadata = element.to_packed::<MetadataElem>().ok_or_else(unreadable)?;
    let Value::Dict(dict) = &metadata.value else { return Err(unreadable()) };
    let mut row = Map::new();
    for (key, value) in dict.iter() {
        let value = match value {
            Value::Content(content) => json!(content.plain_text()),
            other => serde_json::to_value(other).map_err(|_| unreadable())?,
        };
        row.insert(key.as_str().to_owned(), value);
    }
    let page = element.location().and_then(|location| document.introspector().page(location));
    row.insert("page".to_owned(), json!(page));
    Ok(json!(row))
}
