//! What the pages show, as a reader meets it: words, each letter with where it came from.

use typst::foundations::{Content, Label, Value};
use typst::introspection::{MetadataElem, Tag};
use typst::layout::{Frame, FrameItem, Point};
use typst::syntax::Span;
use typst::text::TextItem;
use typst::utils::PicoStr;
use typst_layout::PagedDocument;

use super::place::Place;
use crate::ledger::CLAIM;
use crate::world::PaperWorld;

/// Where a glyph came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Printed by the package, to number or to cite or for a claim.
    Package(Printer),
    /// Written or computed in an author's file, so many bytes into what has the span.
    Author(Span, usize),
    /// Nobody's file: a string that became content on its way through a function.
    Nowhere,
}

impl Origin {
    pub(super) fn is_package(self) -> bool {
        matches!(self, Origin::Package(_))
    }
}

/// What part of the package printed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printer {
    Numbering,
    References,
    Other,
}

/// A letter, digit or sign on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    pub(super) char: char,
    pub(super) origin: Origin,
    /// The claim that it is a part of, by its place among the claims of the pages.
    pub(super) claim: Option<usize>,
}

/// Letters without white space between them. A word that was broken at a line's end is whole.
#[derive(Debug, Default)]
pub(super) struct Word {
    pub(super) letters: Vec<Letter>,
}

impl Word {
    pub(super) fn text(&self) -> String {
        self.letters.iter().map(|letter| letter.char).collect()
    }
}

/// A picture or a drawn curve, and where it was asked for.
pub(super) struct Drawing {
    pub(super) origin: Origin,
    pub(super) image: bool,
}

/// Everything that the pages show.
#[derive(Default)]
pub(super) struct Pages {
    pub(super) words: Vec<Word>,
    pub(super) drawings: Vec<Drawing>,
    /// The elements of the claims, in the order of the letters' counts.
    pub(super) claims: Vec<Content>,
}

impl Pages {
    /// The kind of a claim: `value`, `constant` and so on.
    pub(super) fn kind(&self, claim: usize) -> Option<&str> {
        self.claim(claim, "kind")
    }

    /// The path of what a claim prints.
    pub(super) fn path(&self, claim: usize) -> Option<&str> {
        self.claim(claim, "path")
    }

    /// The unit that the metric or parameter of a claim has, printed or not.
    pub(super) fn unit(&self, claim: usize) -> Option<&str> {
        self.claim(claim, "unit")
    }

    /// Whether the claim was printed with its unit.
    pub(super) fn prints_unit(&self, claim: usize) -> bool {
        let printed = self.claim(claim, "printed").unwrap_or_default();
        printed.chars().next_back().is_some_and(|c| c.is_alphabetic() || c == '%')
    }

    fn claim(&self, claim: usize, field: &str) -> Option<&str> {
        let element = self.claims.get(claim)?;
        let metadata = element.to_packed::<MetadataElem>()?;
        let Value::Dict(dict) = &metadata.value else { return None };
        match dict.get(field).ok()? {
            Value::Str(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The place of the author's letter closest before a word.
    pub(super) fn place_near(&self, world: &PaperWorld, word: usize) -> Option<Place> {
        let letters = self.words[..=word].iter().rev().flat_map(|word| word.letters.iter().rev());
        let mut spans = letters.filter_map(|letter| match letter.origin {
            Origin::Author(span, _) => Some(span),
            Origin::Package(_) | Origin::Nowhere => None,
        });
        Place::of(world, spans.next()?)
    }
}

/// Reads the pages in the order in which typst laid them out.
pub(super) fn read(document: &PagedDocument) -> Pages {
    let label = Label::new(PicoStr::intern(CLAIM)).expect("the label's name is not empty");
    let mut reader = Reader { pages: Pages::default(), rest: 0, word: Word::default(), end: None, label };
    for page in document.pages() {
        reader.frame(&page.frame, Point::zero());
        reader.space();
    }
    reader.pages
}

/// Where the last text ended.
struct End {
    at: Point,
    size: f64,
}

struct Reader {
    pages: Pages,
    /// How many letters of the claim that was entered last are still to come.
    rest: usize,
    word: Word,
    end: Option<End>,
    label: Label,
}

impl Reader {
    fn frame(&mut self, frame: &Frame, offset: Point) {
        for (position, item) in frame.items() {
            let at = offset + *position;
            match item {
                FrameItem::Group(group) => {
                    let moved = Point::new(group.transform.tx, group.transform.ty);
                    self.frame(&group.frame, at + moved);
                }
                FrameItem::Text(text) => self.text(text, at),
                FrameItem::Shape(shape, span) => {
                    if matches!(shape.geometry, typst::visualize::Geometry::Curve(_)) {
                        let origin = origin(*span, 0);
                        self.pages.drawings.push(Drawing { origin, image: false });
                    }
                }
                FrameItem::Image(_, _, span) => {
                    let origin = origin(*span, 0);
                    self.pages.drawings.push(Drawing { origin, image: true });
                }
                FrameItem::Tag(Tag::Start(element, _)) if element.label() == Some(self.label) => {
                    self.pages.claims.push(element.clone());
                    let printed = self.pages.claim(self.pages.claims.len() - 1, "printed");
                    self.rest = printed.map_or(0, |text| text.chars().filter(|c| is_ink(*c)).count());
                }
                FrameItem::Tag(_) | FrameItem::Link(..) => {}
            }
        }
    }

    fn text(&mut self, item: &TextItem, at: Point) {
        let size = item.size.to_pt();
        if let Some(end) = &self.end {
            let (dx, dy) = ((at.x - end.at.x).to_pt(), (at.y - end.at.y).to_pt().abs());
            let em = size.max(end.size);
            // Raised and lowered signs go on with the word; a new line does with one cut by a hyphen.
            let same_line = dy < 0.7 * em;
            if !same_line && self.hyphenated() {
                self.word.letters.pop();
            } else if !same_line || dx.abs() > 0.14 * em {
                self.space();
            }
        }
        for glyph in &item.glyphs {
            let origin = origin(glyph.span.0, usize::from(glyph.span.1));
            for char in item.text[glyph.range()].chars() {
                if char.is_whitespace() && !matches!(char, '\u{a0}' | '\u{202f}') {
                    self.space();
                } else if is_ink(char) {
                    let claim = self.claimed(origin);
                    self.word.letters.push(Letter { char, origin, claim });
                }
            }
        }
        let width = item.width();
        self.end = Some(End { at: Point::new(at.x + width, at.y), size });
    }

    /// The claim that the next letter is a part of.
    fn claimed(&mut self, origin: Origin) -> Option<usize> {
        let of_claim = self.rest > 0 && matches!(origin, Origin::Package(_));
        self.rest -= usize::from(of_claim);
        of_claim.then(|| self.pages.claims.len() - 1)
    }

    /// Whether the word so far ends in a hyphen behind a letter.
    fn hyphenated(&self) -> bool {
        let mut last = self.word.letters.iter().rev();
        last.next().is_some_and(|l| matches!(l.char, '-' | '\u{2010}'))
            && last.next().is_some_and(|l| l.char.is_alphabetic())
    }

    fn space(&mut self) {
        if !self.word.letters.is_empty() {
            self.pages.words.push(std::mem::take(&mut self.word));
        }
    }
}

/// Whether a character leaves something on the page.
fn is_ink(char: char) -> bool {
    !char.is_whitespace() && !matches!(char, '\u{200b}' | '\u{2060}' | '\u{ad}')
}

fn origin(span: Span, offset: usize) -> Origin {
    match span.id() {
        None => Origin::Nowhere,
        Some(id) if PaperWorld::is_author(id) => Origin::Author(span, offset),
        Some(id) => Origin::Package(match id.vpath().get_without_slash() {
            "numbering.typ" => Printer::Numbering,
            "references.typ" => Printer::References,
            _ => Printer::Other,
        }),
    }
}
