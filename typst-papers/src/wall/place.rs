//! Places in the author's files: what stands at a span, and whose words it is.

use std::ops::Range;

use typst::World as _;
use typst::syntax::{FileId, LinkedNode, Source, Span, SyntaxKind};

use crate::input::Mode;
use crate::problem::{Problem, Severity};
use crate::world::PaperWorld;

/// A place in an author's file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) id: FileId,
    pub(super) source: Source,
    /// The bytes of what has the span.
    pub(super) range: Range<usize>,
    pub(super) kind: SyntaxKind,
    /// The door of the package that the place lies behind.
    pub(super) door: Option<Door>,
    /// Whether it lies in an equation.
    pub(super) math: bool,
}

/// A function of the package whose content is somebody's responsibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// `quoted`: a cited work's.
    Quoted,
    /// `constant`, `term` and `declared`: the author's, in the ledger.
    Declared,
    /// `claim`: the words of a tested comparison.
    Claim,
    /// `conjecture`: what nobody has tested.
    Conjecture,
    /// `cite` and references to the bibliography.
    Citation,
}

impl Door {
    fn named(callee: &str) -> Option<Door> {
        match callee {
            "quoted" => Some(Door::Quoted),
            "constant" | "declared" | "term" => Some(Door::Declared),
            "claim" => Some(Door::Claim),
            "conjecture" => Some(Door::Conjecture),
            "cite" => Some(Door::Citation),
            _ => None,
        }
    }
}

impl Place {
    /// What stands at a span of an author's file.
    pub(super) fn of(world: &PaperWorld, span: Span) -> Option<Place> {
        let id = span.id()?;
        let source = world.source(id).ok()?;
        let root = LinkedNode::new(source.root());
        let node = root.find(span)?;
        let (mut door, mut math) = (None, false);
        let mut up = Some(&node);
        // What code makes, or what a name holds, can be taken out of a door again.
        let (mut coded, mut named) = (false, false);
        while let Some(node) = up {
            math |= node.kind() == SyntaxKind::Equation;
            coded |= node.kind() == SyntaxKind::CodeBlock;
            named |= node.kind() == SyntaxKind::LetBinding && world.mode() == Mode::Free;
            let taken_out = node.parent().is_some_and(|p| p.kind() == SyntaxKind::FieldAccess);
            door = door.or_else(|| door_of(node).filter(|_| !taken_out && !coded));
            up = node.parent();
        }
        // Nothing is shown through the package where a constant gives its reason, so these hold.
        let door = door.filter(|door| !named || *door == Door::Declared);
        let (range, kind) = (node.range(), node.kind());
        Some(Place { id, range, kind, door, math, source: source.clone() })
    }

    /// The bytes of the token around `offset` bytes into the place: letters, digits and what joins
    /// them. The whole place where its text is computed.
    pub(super) fn token(&self, offset: usize) -> Range<usize> {
        if !matches!(self.kind, SyntaxKind::Text | SyntaxKind::MathText | SyntaxKind::Link) {
            return self.range.clone();
        }
        let text = self.source.text();
        let at = (self.range.start + offset).min(self.range.end);
        let part = |c: &char| c.is_alphanumeric() || matches!(c, '.' | ',' | '-' | '\u{202f}');
        let back: usize =
            text[self.range.start..at].chars().rev().take_while(part).map(char::len_utf8).sum();
        let on: usize = text[at..self.range.end].chars().take_while(part).map(char::len_utf8).sum();
        let token = &text[at - back..at + on];
        let end = token.trim_end_matches(['.', ',', '-']).len();
        let next = text[at..].chars().next().map_or(0, char::len_utf8);
        at - back..(at - back + end).max(at + next).min(self.range.end)
    }

    /// The text of the place.
    pub(super) fn text(&self) -> &str {
        &self.source.text()[self.range.clone()]
    }

    /// The bytes of several words that begin with a token; the token where they are not written so.
    pub(super) fn phrase(&self, token: Range<usize>, said: &str) -> Range<usize> {
        let text = &self.source.text()[token.start..];
        let mut end = 0;
        for word in said.split(' ') {
            let Some(at) = text[end..].find(word) else { return token };
            if !text[end..end + at].chars().all(|c| !c.is_alphanumeric()) {
                return token;
            }
            end += at + word.len();
        }
        token.start..token.start + end
    }

    /// An error at some bytes of the place's file.
    pub(super) fn error(
        &self,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Problem {
        Problem {
            severity: Severity::Error,
            code: Some(code),
            message: message.into(),
            file: Some(self.id.vpath().get_without_slash().to_owned()),
            text: Some(self.source.text().to_owned()),
            span: Some(range),
            hints: Vec::new(),
        }
    }
}

/// The door that a call of the package opens. References open one of their own.
fn door_of(node: &LinkedNode<'_>) -> Option<Door> {
    match node.kind() {
        SyntaxKind::FuncCall => {
            let callee = node.children().next()?;
            (callee.kind() == SyntaxKind::Ident)
                .then(|| Door::named(callee.leaf_text().as_str()))?
        }
        SyntaxKind::Ref => Some(Door::Citation),
        _ => None,
    }
}
