//! What counts as a word: "seeds—thirty", "CPU/GPU" and "libs(PyTorch)" are several, and so are
//! the parts of a compound, however its hyphens are written.

use unicode_normalization::UnicodeNormalization as _;

/// A part of a compound, or a word that is none.
#[derive(Debug)]
pub(super) struct Token {
    /// As it looks: wide letters and those of mathematics are plain ones.
    pub(super) text: String,
    pub(super) lower: String,
    /// Which word of the page it is of, and how many letters into it its compound begins.
    pub(super) word: usize,
    pub(super) start: usize,
    /// Its compound, by its place among them.
    piece: usize,
    /// Whether a hyphen joins it to the next one.
    pub(super) joined: bool,
    /// Whether a comma, or the end of a sentence, stands behind it.
    pub(super) ends_clause: bool,
    pub(super) ends_sentence: bool,
    /// Whether that sentence is a question.
    pub(super) asks: bool,
}

/// Words in a row, cut into tokens.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) all: Vec<Token>,
    pieces: Vec<String>,
}

impl Tokens {
    pub(super) fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Tokens {
        let mut tokens = Tokens::default();
        for (at, word) in words.into_iter().enumerate() {
            tokens.cut(at, word);
        }
        tokens
    }

    fn cut(&mut self, at: usize, word: &str) {
        let before = self.all.len();
        // An address is read as one, whatever stands in it.
        let is_address = word.is_ascii()
            && word.contains("://")
            && word.trim_start_matches('(').starts_with("http");
        let letters: Vec<char> = word.chars().collect();
        let mut start = 0;
        if is_address || is_node(word) {
            self.token(at, 0, word.to_owned(), false);
            self.pieces.push(word.to_owned());
            start = letters.len();
        }
        while start < letters.len() {
            let end = (start..letters.len()).find(|&i| cuts(&letters, i)).unwrap_or(letters.len());
            let piece: String = letters[start..end].iter().collect();
            let blank = piece.chars().take_while(|&c| is_hyphen(c)).count();
            self.piece(at, start + blank, trimmed(&piece));
            start = end + 1;
        }
        if let Some(last) = self.all[before..].last_mut() {
            let closing = word.trim_end_matches(|c: char| "\"'’”»)]*".contains(c));
            last.asks = closing.ends_with('?');
            last.ends_sentence = closing.ends_with(['.', '!', '?', ':', ';']);
            last.ends_clause = last.ends_sentence || closing.ends_with(',');
        }
    }

    fn piece(&mut self, word: usize, start: usize, piece: &str) {
        let parts: Vec<String> =
            piece.split(is_hyphen).map(plain).filter(|p| !p.is_empty()).collect();
        let count = parts.len();
        for (i, text) in parts.into_iter().enumerate() {
            self.token(word, start, text, i + 1 < count);
        }
        self.pieces.push(piece.to_owned());
    }

    fn token(&mut self, word: usize, start: usize, text: String, joined: bool) {
        self.all.push(Token {
            lower: text.to_lowercase(),
            text,
            word,
            start,
            piece: self.pieces.len(),
            joined,
            ends_clause: false,
            ends_sentence: false,
            asks: false,
        });
    }

    /// The parts of the compound that a token is of.
    pub(super) fn parts(&self, at: usize) -> impl Iterator<Item = &str> {
        let piece = self.all[at].piece;
        let parts = self.all.iter().skip_while(move |token| token.piece < piece);
        parts.take_while(move |token| token.piece == piece).map(|token| token.lower.as_str())
    }

    /// The compound that a token is of, as it is written.
    pub(super) fn compound(&self, at: usize) -> &str {
        &self.pieces[self.all[at].piece]
    }

    /// Some tokens as they are written, compounds whole.
    pub(super) fn said(&self, at: usize, length: usize) -> String {
        let (first, last) = (self.all[at].piece, self.all[at + length - 1].piece);
        let pieces = self.pieces[first..=last].iter().filter(|piece| !piece.is_empty());
        pieces.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The token so many before or behind another, in lower case; nothing beyond the sentence.
    pub(super) fn near(&self, at: usize, by: isize) -> &str {
        let Some(to) = at.checked_add_signed(by).filter(|&to| to < self.all.len()) else {
            return "";
        };
        let (from, until) = (at.min(to), at.max(to));
        if self.all[from..until].iter().any(|token| token.ends_sentence) {
            return "";
        }
        &self.all[to].lower
    }

    /// The first token of the sentence that a token is in, and its last.
    pub(super) fn sentence(&self, at: usize) -> (usize, usize) {
        let first = self.all[..at].iter().rposition(|t| t.ends_sentence).map_or(0, |i| i + 1);
        let last = self.all[at..].iter().position(|t| t.ends_sentence);
        (first, last.map_or(self.all.len() - 1, |i| at + i))
    }
}

/// Whether a letter lies between words. A plus does before a letter, but not in "C++".
fn cuts(letters: &[char], at: usize) -> bool {
    let next = letters.get(at + 1);
    match letters[at] {
        '\'' | '’' => {
            next.is_some_and(|c| c.is_alphabetic())
                && letters.get(at + 2).is_some_and(|c| c.is_alphabetic())
        }
        '+' => next.is_some_and(|c| c.is_alphabetic()),
        '_' | '&' | '\u{300}'..='\u{36f}' => false,
        c => !c.is_alphanumeric() && !is_hyphen(c),
    }
}

/// Whether a word is the name of a node of the recipe, such as "diff.double".
fn is_node(word: &str) -> bool {
    const KINDS: [&str; 5] = ["source", "diff", "experiment", "figure", "paper"];
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let node = word.trim_matches(['(', ')', ',', ';', ':']);
    node.split_once('.').is_some_and(|(kind, rest)| {
        KINDS.contains(&kind) && !rest.is_empty() && rest.chars().all(name)
    })
}

/// The signs that join the parts of a compound; a dash between words without spaces is read as one.
fn is_hyphen(char: char) -> bool {
    matches!(char, '-' | '\u{2010}'..='\u{2013}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}')
}

/// What a word looks like, without strokes through or marks above it that no letter has.
fn plain(part: &str) -> String {
    let text: String = part.nfkc().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).collect();
    let text = text.trim_matches(['\'', '’']);
    if text.starts_with("C+") || !text.contains(char::is_alphanumeric) {
        return text.to_owned();
    }
    text.trim_end_matches('+').to_owned()
}

/// A word without the punctuation around it, and without a possessive ending.
pub(super) fn trimmed(word: &str) -> &str {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '&'));
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> String {
        let tokens = Tokens::of(text.split(' '));
        tokens.all.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn punctuation_lies_between_words() {
        for (text, tokens) in [
            ("seeds—thirty—of them", "seeds thirty of them"),
            ("CPU/GPU libs(PyTorch) a…b c:d e.f", "CPU GPU libs PyTorch a b c d e f"),
            ("thirty+ C++ two+two AT&T", "thirty C++ two two AT&T"),
            ("state‑of–the-art", "state of the art"),
            ("Python's d'onze ＧＰＵ", "Python d onze GPU"),
            ("thi\u{335}rty", "thirty"),
            ("by diff.double, of paper.two", "by diff.double, of paper.two"),
            ("see https://a.org/torch-two now", "see https://a.org/torch-two now"),
        ] {
            assert_eq!(cut(text), tokens, "{text}");
        }
    }

    #[test]
    fn a_neighbour_is_of_the_same_sentence() {
        let tokens = Tokens::of("We ask. Is it? Yes, so".split(' '));
        assert_eq!((tokens.near(1, 1), tokens.near(2, 1), tokens.near(3, -1)), ("", "it", "is"));
        assert_eq!(tokens.sentence(3), (2, 3));
    }
}
