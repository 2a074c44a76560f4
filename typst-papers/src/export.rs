//! The PDF: archival and accessible, with the evidence inside.
//!
//! Papers are PDF/A-3a and PDF/UA-1 files. Both want what typst's authors seldom write: a date, and
//! words for every equation. The date is the newest run's; the words are made here from the
//! equations, after layout, since no rule of the package can reach an equation before typst has
//! put it into the tree of tags. What is attached is known after layout only, and goes the same way.

mod attachments;
mod mend;
mod words;

use typst::diag::SourceDiagnostic;
use typst::ecow::EcoVec;
use typst::foundations::{Content, Datetime, Smart, StyleChain};
use typst::introspection::{Location, Tag, TagFlags};
use typst::layout::{Frame, FrameItem, Point};
use typst::math::EquationElem;
use typst_layout::PagedDocument;
use typst_library::model::Document as _;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::input::PaperInput;

pub(crate) use attachments::{Attachment, attachments, experiments};
pub(crate) use mend::mended;
pub(crate) use words::equation as words;

/// Exports the document with its attachments. The same input gives the same bytes.
///
/// # Errors
/// What the standards refuse, as typst says it; [`mended`] says it for authors.
pub(crate) fn pdf(
    input: &PaperInput,
    document: &PagedDocument,
    date: Option<Datetime>,
    attachments: Vec<Attachment>,
) -> Result<Vec<u8>, EcoVec<SourceDiagnostic>> {
    let document = prepared(document, attachments);
    let standards = PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1])
        .expect("the two standards agree on a version of PDF");
    let options = PdfOptions {
        ident: Smart::Custom(format!("{} {}", input.project.name, input.project.version)),
        creator: Smart::Custom(Some("rescience".to_owned())),
        timestamp: date.or_else(epoch).map(Timestamp::new_utc),
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options)
}

/// The day that stands for none: archival files must have one, and where nothing ran there is no
/// other that is the same on every machine.
fn epoch() -> Option<Datetime> {
    Datetime::from_ymd(1970, 1, 1)
}

/// The document with words for its equations and the attachments behind its last page.
fn prepared(document: &PagedDocument, attachments: Vec<Attachment>) -> PagedDocument {
    let mut pages: EcoVec<_> = document.pages().into();
    for page in pages.make_mut() {
        if wants_words(&page.frame) {
            add_words(&mut page.frame);
        }
    }
    if let Some(last) = pages.make_mut().last_mut() {
        for (number, attachment) in attachments.into_iter().enumerate() {
            attach(&mut last.frame, number, attachment);
        }
    }
    PagedDocument::new(pages, document.info().clone())
}

/// Puts an attachment where the exporter looks for it: among the elements of a page.
fn attach(frame: &mut Frame, number: usize, attachment: Attachment) {
    // Locations are hashes; this one only has to differ from all others.
    let location = Location::new(typst::utils::hash128(&("rescience attachment", number)));
    let mut element = attachment.element();
    element.set_location(location);
    let flags = TagFlags { introspectable: true, tagged: false };
    let key = typst::utils::hash128(&element);
    frame.push(Point::zero(), FrameItem::Tag(Tag::Start(element, flags)));
    frame.push(Point::zero(), FrameItem::Tag(Tag::End(location, key, flags)));
}

/// Whether the frame holds an equation without words. Changing a frame copies it; most need not be.
fn wants_words(frame: &Frame) -> bool {
    frame.items().any(|(_, item)| match item {
        FrameItem::Group(group) => wants_words(&group.frame),
        FrameItem::Tag(Tag::Start(element, _)) => wordless(element),
        _ => false,
    })
}

fn wordless(element: &Content) -> bool {
    element
        .to_packed::<EquationElem>()
        .is_some_and(|equation| equation.alt.get_ref(StyleChain::default()).is_none())
}

fn add_words(frame: &mut Frame) {
    frame.retain(|item| {
        match item {
            FrameItem::Group(group) if wants_words(&group.frame) => add_words(&mut group.frame),
            FrameItem::Tag(Tag::Start(element, _)) if wordless(element) => {
                if let Some(equation) = element.to_packed_mut::<EquationElem>() {
                    let told = words::equation(&equation.body);
                    equation.alt.set(Some(told.into()));
                }
            }
            _ => {}
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_agree() {
        assert!(PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1]).is_ok());
        assert!(epoch().is_some());
    }
}
