//! The wall for browsers: they show no digit that the pages do not show.
//!
//! Free texts could ask for what they are compiled and write other numbers for browsers. The pages
//! were accounted for, digit by digit, so it is enough that each digit here stands on them too.

use std::collections::BTreeSet;

use typst::layout::{Frame, FrameItem};
use typst::syntax::Span;
use typst::{World as _, WorldExt as _};
use typst_html::{HtmlElement, HtmlNode, tag};
use typst_layout::PagedDocument;

use crate::problem::Problem;
use crate::world::PaperWorld;

/// Compares the digits of the author's files.
///
/// # Errors
/// A digit of an author's file that is on no page, at its place.
pub(super) fn check(
    world: &PaperWorld,
    pages: &PagedDocument,
    root: &HtmlElement,
) -> Result<(), Vec<Problem>> {
    let mut shown = Vec::new();
    texts(root, &mut shown);
    if shown.is_empty() {
        return Ok(());
    }
    let mut printed = BTreeSet::new();
    pages.pages().iter().for_each(|page| spans(&page.frame, &mut printed));
    let strange: Vec<Problem> = shown
        .iter()
        .filter(|(span, _)| span.is_detached() || !printed.contains(&span.into_raw()))
        .map(|(span, text)| refusal(world, *span, text))
        .collect();
    if strange.is_empty() { Ok(()) } else { Err(strange) }
}

/// What is not the package's is the author's; a string that was computed has no place at all.
fn authors(span: Span) -> bool {
    span.id().is_none_or(PaperWorld::is_author)
}

fn has_digit(text: &str) -> bool {
    text.chars().any(char::is_numeric)
}

/// The author's texts with digits.
fn texts(element: &HtmlElement, found: &mut Vec<(Span, String)>) {
    for node in &element.children {
        match node {
            HtmlNode::Text(text, span) if has_digit(text) && authors(*span) => {
                found.push((*span, text.to_string()));
            }
            // Style sheets are typst's, and the title is the recipe's.
            HtmlNode::Element(element) if element.tag == tag::head => {}
            HtmlNode::Element(element) => texts(element, found),
            HtmlNode::Frame(frame) => glyphs(&frame.inner, &mut |span, text| {
                found.push((span, text.to_owned()));
            }),
            HtmlNode::Text(..) | HtmlNode::Tag(_) => {}
        }
    }
}

fn spans(frame: &Frame, found: &mut BTreeSet<std::num::NonZeroU64>) {
    glyphs(frame, &mut |span, _| {
        found.insert(span.into_raw());
    });
}

/// Calls back for the author's glyphs that show digits.
fn glyphs(frame: &Frame, each: &mut impl FnMut(Span, &str)) {
    for (_, item) in frame.items() {
        match item {
            FrameItem::Group(group) => glyphs(&group.frame, each),
            FrameItem::Text(text) => {
                for glyph in &text.glyphs {
                    let shown = &text.text[glyph.range()];
                    if has_digit(shown) && authors(glyph.span.0) {
                        each(glyph.span.0, shown);
                    }
                }
            }
            _ => {}
        }
    }
}

fn refusal(world: &PaperWorld, span: Span, text: &str) -> Problem {
    let mut problem = Problem::error(format!("only browsers would show \"{}\"", text.trim()));
    if let Some(id) = span.id() {
        problem.file = Some(id.vpath().get_without_slash().to_owned());
        problem.text = world.source(id).ok().map(|source| source.text().to_owned());
        problem.span = world.range(span);
    }
    problem
        .hints
        .push("pages and browsers show the same text; leave out `target` and `html`".to_owned());
    problem
}
