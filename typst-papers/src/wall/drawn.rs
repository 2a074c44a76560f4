//! Drawings made of letters: bars of blocks, rows of stars.

use super::pages::{Letter, Origin};
use super::{Wall, place::Place};

/// So many shapes in a row are a length.
const ROW: usize = 3;

impl Wall<'_> {
    /// Bars, dots and stars whose number or height nothing measured.
    pub(super) fn drawn(&mut self) {
        let pages = self.pages;
        let mut row: Vec<&Letter> = Vec::new();
        let letters = pages.words.iter().flat_map(|word| &word.letters);
        for letter in letters {
            if is_shape(letter.char) {
                row.push(letter);
            } else {
                row.clear();
            }
            // Blocks have heights and widths, one by one; other shapes are counted.
            let drawn = is_block(letter.char) || row.len() == ROW;
            let first = if is_block(letter.char) { Some(letter) } else { row.first().copied() };
            let Some(first) = first.filter(|_| drawn) else { continue };
            let Origin::Author(span, offset) = first.origin else { continue };
            let Some(place) = Place::of(self.world, span) else { continue };
            let at = place.range.start + offset;
            let range = match place.source.text().get(at..at + first.char.len_utf8()) {
                Some(text) if text.starts_with(first.char) => at..at + first.char.len_utf8(),
                _ => place.range.clone(),
            };
            let message = format!("`{}` draws a length that no data is behind", first.char);
            let problem = place.error("RS0213", range, message);
            self.report(problem, "draw it from data: a `[figure.NAME]` of the recipe, shown with `#figure(\"NAME\")`");
        }
    }
}

/// Blocks and the dots of Braille, which charts are made of.
fn is_block(char: char) -> bool {
    matches!(char, '\u{2580}'..='\u{259f}' | '\u{2801}'..='\u{28ff}' | '\u{1fb00}'..='\u{1fb8b}')
}

/// Squares, circles, stars and their like.
fn is_shape(char: char) -> bool {
    is_block(char)
        || matches!(
            char,
            '\u{25a0}'..='\u{25ff}' | '★' | '☆' | '✦' | '✧' | '✩'..='✰' | '⭐' | '\u{2b1b}' | '\u{2b1c}' | '\u{1f7e0}'..='\u{1f7eb}'
        )
}
