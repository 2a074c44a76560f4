//! What the pages show, as a reader meets it: words, each letter with where it came from.

use std::collections::VecDeque;

use typst::foundations::{Label, Value};
use typst::introspection::{MetadataElem, Tag};
use typst::layout::{Frame, FrameItem, GroupItem, Point};
use typst::syntax::Span;
use typst::text::TextItem;
use typst::utils::PicoStr;
use typst::visualize::Shape;
use typst_layout::PagedDocument;

use super::claims::Claim;
use super::place::Place;
use super::sight::{Area, Grounds, Over, View};
use crate::ledger::CLAIM;
use crate::world::PaperWorld;

/// Where a glyph came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Printed by the package: to number, to cite, or from data.
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
    /// The account of digits itself, which does not count itself.
    Account,
    /// The text of a claim, as the ledger has it.
    Claim,
    Data,
}

impl Printer {
    /// The part that a file of the package is. Files that only dress what others wrote print no
    /// digits of their own: a string that gets a span there is still nobody's.
    fn of(file: &str) -> Option<Printer> {
        match file {
            "numbering.typ" => Some(Printer::Numbering),
            "references.typ" => Some(Printer::References),
            "claims.typ" => Some(Printer::Claim),
            "digits.typ" => Some(Printer::Account),
            "design.typ" | "figures.typ" | "algorithm.typ" | "authored.typ" => None,
            _ => Some(Printer::Data),
        }
    }
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
    /// The language of its first letter, such as `en`.
    pub(super) lang: String,
    /// Whether a gap as between the cells of a table lies before it.
    pub(super) apart: bool,
}

impl Word {
    pub(super) fn text(&self) -> String {
        self.letters.iter().map(|letter| letter.char).collect()
    }
}

/// Everything that the pages show.
#[derive(Default)]
pub(super) struct Pages {
    pub(super) words: Vec<Word>,
    /// Where pictures were asked for.
    pub(super) images: Vec<Origin>,
    pub(super) claims: Vec<Claim>,
    /// Letters that nobody sees, each with the number of words before it.
    pub(super) hidden: Vec<(usize, Origin)>,
    /// Letters with a line through them.
    pub(super) struck: Vec<Origin>,
}

impl Pages {
    /// The claim that a letter is a part of.
    pub(super) fn claim(&self, letter: &Letter) -> Option<&Claim> {
        self.claims.get(letter.claim?)
    }

    /// The place of the author's letter closest before the end of a word.
    pub(super) fn place_near(&self, world: &PaperWorld, word: usize) -> Option<(Place, usize)> {
        let until = self.words.len().min(word + 1);
        let letters = self.words[..until].iter().rev().flat_map(|word| word.letters.iter().rev());
        letters
            .filter_map(|letter| match letter.origin {
                Origin::Author(span, offset) => Some((span, offset)),
                Origin::Package(_) | Origin::Nowhere => None,
            })
            .find_map(|(span, offset)| Some((Place::of(world, span)?, offset)))
    }
}

/// Reads the pages in the order in which typst laid them out.
pub(super) fn read(document: &PagedDocument) -> Pages {
    let label = Label::new(PicoStr::intern(CLAIM)).expect("the label's name is not empty");
    let mut reader = Reader {
        pages: Pages::default(),
        word: Word::default(),
        end: None,
        label,
        open: VecDeque::new(),
        printed: Vec::new(),
        grounds: Grounds::default(),
    };
    for page in document.pages() {
        reader.printed.clear();
        reader.grounds.clear();
        let view = View::page(page.frame.size().to_point());
        reader.frame(&page.frame, Point::zero(), view);
        reader.space();
    }
    reader.pages
}

/// Where the last text ended.
struct End {
    at: Point,
    size: f64,
}

/// A letter on the current page.
struct Printed {
    claim: Option<usize>,
    origin: Origin,
    word: usize,
    area: Area,
}

struct Reader {
    pages: Pages,
    word: Word,
    end: Option<End>,
    label: Label,
    /// The claims whose letters are still to come; a note or a float may lie between them.
    open: VecDeque<usize>,
    /// Where the letters of this page are.
    printed: Vec<Printed>,
    grounds: Grounds,
}

impl Reader {
    fn frame(&mut self, frame: &Frame, offset: Point, view: View) {
        for (position, item) in frame.items() {
            let at = offset + *position;
            match item {
                FrameItem::Group(group) => self.group(group, at, view),
                FrameItem::Text(text) => self.text(text, at, view),
                FrameItem::Shape(shape, span) => self.shape(shape, origin(*span, 0), at),
                FrameItem::Image(_, _, span) => {
                    self.pages.images.push(origin(*span, 0));
                }
                FrameItem::Tag(Tag::Start(element, _)) if element.label() == Some(self.label) => {
                    if let Some(metadata) = element.to_packed::<MetadataElem>()
                        && let Value::Dict(dict) = &metadata.value
                    {
                        self.open.push_front(self.pages.claims.len());
                        let word = self.pages.words.len();
                        self.pages.claims.push(Claim::new(dict.clone(), word));
                    }
                }
                FrameItem::Tag(_) | FrameItem::Link(..) => {}
            }
        }
    }

    /// A group that is cut off, turned or stretched changes what its numbers look like.
    fn group(&mut self, group: &GroupItem, at: Point, view: View) {
        let at = at + Point::new(group.transform.tx, group.transform.ty);
        self.frame(&group.frame, at, view.into(group.transform, group.clip.as_ref(), at));
    }

    fn shape(&mut self, shape: &Shape, origin: Origin, at: Point) {
        let bounds = shape.geometry.bbox(shape.stroke.as_ref());
        let area = Area { from: at + bounds.min, to: at + bounds.max };
        self.grounds.paint(shape, area);
        if origin.is_package() {
            return;
        }
        for printed in self.printed.iter().filter(|printed| printed.area.meets(area)) {
            match (printed.claim, Over::of(shape)) {
                (Some(claim), _) => self.pages.claims[claim].bent = true,
                (None, Over::Covers) => self.pages.hidden.push((printed.word, printed.origin)),
                (None, Over::Strikes) => self.pages.struck.push(printed.origin),
            }
        }
    }

    fn text(&mut self, item: &TextItem, at: Point, view: View) {
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
                self.word.apart = same_line && dx > 0.6 * em;
            }
        }
        let mut x = at.x;
        for glyph in &item.glyphs {
            let origin = origin(glyph.span.0, usize::from(glyph.span.1));
            let next = x + glyph.x_advance.at(item.size);
            for char in item.text[glyph.range()].chars() {
                // Ties within what the package prints hold a number and its unit together.
                let tie = matches!(char, '\u{a0}' | '\u{202f}') && origin.is_package();
                if char.is_whitespace() && !tie {
                    self.space();
                } else if is_ink(char) {
                    let claim = self.claimed(char, origin);
                    // The middle of the letter: lines above and below it cover nothing.
                    let area = Area {
                        from: Point::new(x, at.y - item.size * 0.5),
                        to: Point::new(next, at.y - item.size * 0.15),
                    };
                    let word = self.pages.words.len();
                    let hidden = view.hides(item, area, self.grounds.behind(area));
                    match claim {
                        Some(claim) => self.pages.claims[claim].bent |= view.bent || hidden,
                        None if hidden => self.pages.hidden.push((word, origin)),
                        None => {}
                    }
                    self.printed.push(Printed { claim, origin, word, area });
                    if self.word.letters.is_empty() {
                        self.word.lang = item.lang.as_str().to_owned();
                    }
                    self.word.letters.push(Letter { char, origin, claim });
                }
            }
            x = next;
        }
        self.end = Some(End { at: Point::new(x, at.y), size });
    }

    /// The claim that waits for this letter; what comes out of order belongs to an earlier one,
    /// since a note or a float may lie between the halves of a claim.
    fn claimed(&mut self, char: char, origin: Origin) -> Option<usize> {
        let printed = origin == Origin::Package(Printer::Claim);
        let claims = &mut self.pages.claims;
        let waits = |claim: &usize| claims[*claim].expects(char, printed);
        let Some(at) = self.open.iter().position(waits) else {
            // A letter of a claim that none expects: the text was changed on its way to the page.
            if printed && char.is_alphanumeric() {
                for claim in &self.open {
                    claims[*claim].bent = true;
                }
            }
            return None;
        };
        let claim = self.open[at];
        claims[claim].take();
        if claims[claim].is_whole() {
            self.open.remove(at);
        }
        Some(claim)
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
pub(super) fn is_ink(char: char) -> bool {
    let joins = matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    );
    !char.is_whitespace() && !joins
}

fn origin(span: Span, offset: usize) -> Origin {
    match span.id() {
        None => Origin::Nowhere,
        Some(id) if PaperWorld::is_author(id) => Origin::Author(span, offset),
        Some(id) => {
            let file = id.vpath().get_without_slash();
            Printer::of(file).map_or(Origin::Nowhere, Origin::Package)
        }
    }
}
