//! The same paper for browsers: one file, from the same world as the pages.
//!
//! Typst realizes the text once more for this target, without laying it out. What the web has and
//! pages have not is added to its tree: the style sheet, an address and the source for each claim,
//! words for each equation, the drawings as they are.

mod digits;
mod dress;
mod pictures;
mod rules;

use std::collections::BTreeMap;

use typst::diag::{SourceDiagnostic, Warned};
use typst::ecow::{EcoVec, eco_vec};
use typst::syntax::Span;
use typst_html::{HtmlDocument, HtmlElement, HtmlNode, HtmlOptions, attr, tag};
use typst_layout::PagedDocument;

use crate::input::PaperInput;
use crate::problem::Problem;
use crate::world::PaperWorld;

pub(crate) use dress::{CLAIM, WORDS};
pub(crate) use pictures::FIGURE;
pub(crate) use rules::register;

/// The one style sheet.
const STYLE: &str = include_str!("html/paper.css");

/// Compiles the paper for browsers and dresses it: the tree that [`encoded`] writes and from which
/// the paper for machines is read. `claims` is the ledger of the pages.
///
/// # Errors
/// What typst refuses; digits that only browsers would show.
pub(crate) fn document(
    input: &PaperInput,
    world: &PaperWorld,
    pages: &PagedDocument,
    claims: &serde_json::Value,
    problems: impl Fn(&[SourceDiagnostic]) -> Vec<Problem>,
) -> Result<HtmlDocument, Vec<Problem>> {
    let Warned { output, .. } = typst::compile::<HtmlDocument>(world);
    let mut document = output.map_err(|errors| problems(&errors))?;
    digits::check(world, pages, document.root())?;
    let root = document.root_mut();
    dress::dress(input, claims, root)?;
    if let Some(head) = child(root, tag::head) {
        let style = HtmlElement::new(tag::style)
            .with_children(eco_vec![HtmlNode::text(STYLE, Span::detached())]);
        let generator = HtmlElement::new(tag::meta)
            .with_attr(attr::name, "generator")
            .with_attr(attr::content, "rescience");
        head.children.push(generator.into());
        head.children.push(style.into());
    }
    Ok(document)
}

fn child(element: &mut HtmlElement, wanted: typst_html::HtmlTag) -> Option<&mut HtmlElement> {
    element.children.make_mut().iter_mut().find_map(|node| match node {
        HtmlNode::Element(element) if element.tag == wanted => Some(element),
        _ => None,
    })
}

/// Writes the tree as one file.
///
/// # Errors
/// Text that HTML cannot hold.
pub(crate) fn encoded(
    input: &PaperInput,
    document: &HtmlDocument,
) -> Result<String, EcoVec<SourceDiagnostic>> {
    let text = typst_html::html(document, &HtmlOptions { pretty: false })?;
    let drawings: BTreeMap<&str, &[u8]> =
        input.figures.iter().map(|(name, figure)| (name.as_str(), figure.svg.as_slice())).collect();
    Ok(pictures::inlined(&text, &drawings))
}
