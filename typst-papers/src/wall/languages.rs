//! Number words of other languages than English.

use super::tokens::Tokens;
use super::words::among;

/// A language's words that state a number.
struct Language {
    code: &'static str,
    words: &'static str,
    /// Those among them that other languages have with another meaning.
    shared: &'static str,
    /// English number words that mean something else.
    others: &'static str,
}

impl Language {
    fn has(&self, word: &str) -> bool {
        among(self.words, word) || self.code == "de" && is_german(word)
    }
}

static LANGUAGES: [Language; 3] = [
    Language {
        code: "de",
        words: "zwei zwo drei vier fünf sechs sieben acht neun zehn elf zwölf sechzehn siebzehn \
            zwanzig dreißig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig hundert \
            hunderte hunderten tausend tausende tausenden million millionen milliarde milliarden \
            doppelt doppelte doppelten zweimal dreimal viermal halb halbe halben halber halbes \
            hälfte halbiert halbieren halbierte verdoppelt verdreifacht vervierfacht drittel \
            viertel fünftel zehntel dutzend dutzende dutzenden prozent null",
        shared: "million null",
        others: "half halves",
    },
    Language {
        code: "fr",
        words: "deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze \
            seize vingt trente quarante cinquante soixante cent cents mille milliers millier \
            million millions milliard milliards double doublé triple triplé quadruple moitié \
            tiers quart dizaine dizaines douzaine quinzaine vingtaine trentaine cinquantaine \
            centaine centaines zéro",
        shared: "seize cents mille million millions double triple quadruple tiers quart",
        others: "four",
    },
    Language {
        code: "es",
        words: "dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince \
            dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintiún veintidós \
            veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve \
            treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento cientos \
            doscientos trescientos quinientos mil millar millares millón millones doble triple \
            mitad tercio decena decenas docena docenas centenar centenares cero",
        shared: "quince triple doble tercio",
        others: "",
    },
];

/// Languages of which only this much is known: what English numbers mean something else there.
const COGNATES: [(&str, &str); 2] = [("nl", "ten half elf halve dozen tens"), ("da", "tens fold")];

/// Whether a word states a number in some language: in that of the text, or in one that has it for
/// itself.
pub(super) fn states_number(tokens: &Tokens, at: usize, lang: &str) -> bool {
    let word = tokens.near(at, 0);
    LANGUAGES.iter().any(|language| {
        let own = language.code == lang;
        // "vingt-et-un" is a number, "dix-neuvième" is none.
        let states = |part: &str| language.has(part) || matches!(part, "et" | "un");
        language.has(word)
            && (own || word.chars().count() > 4 && !among(language.shared, word))
            && !(own && is_phrase(tokens, at))
            && tokens.parts(at).all(states)
    })
}

/// Whether an English number word means something else in a language.
pub(super) fn means_else(word: &str, lang: &str) -> bool {
    LANGUAGES.iter().any(|l| l.code == lang && among(l.others, word))
        || COGNATES.iter().any(|(code, words)| *code == lang && among(words, word))
}

/// Whether a word is composed of German numbers: "siebenundneunzig", "zweihundert", "zehnfach".
fn is_german(word: &str) -> bool {
    let is = |part: &str| among("ein eine", part) || LANGUAGES[0].has(part);
    let multiple = ["fach", "fache", "fachen", "facher", "faches", "mal", "zehn"];
    if multiple.iter().any(|end| word.strip_suffix(end).is_some_and(|n| LANGUAGES[0].has(n))) {
        return true;
    }
    ["und", "hundert", "tausend"].iter().any(|joint| {
        word.match_indices(joint).any(|(i, _)| {
            let (first, last) = (&word[..i], &word[i + joint.len()..]);
            let number = *joint != "und";
            (is(first) || number && first.is_empty() && !last.is_empty())
                && (is(last) || number && last.is_empty())
        })
    })
}

/// Whether a number is none in the phrase that it is of.
fn is_phrase(tokens: &Tokens, at: usize) -> bool {
    let near = |by| tokens.near(at, by);
    match near(0) {
        "acht" => {
            near(-1) == "außer" || near(-1) == "in" && among("genommen nehmen nimmt zu", near(1))
        }
        "halb" => near(1) == "so" && among("schlimm wild", near(2)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(lang: &str, sentence: &'a str) -> Vec<&'a str> {
        let words: Vec<&str> = sentence.split(' ').collect();
        let tokens = Tokens::of(words.iter().copied());
        (0..words.len()).filter(|&i| states_number(&tokens, i, lang)).map(|i| words[i]).collect()
    }

    #[test]
    fn numbers_of_other_languages_are_found() {
        for (lang, sentence, numbers) in [
            ("de", "dreizehn elf fünfzehn zehnfach Hunderte", 5),
            ("de", "siebenundneunzig zweihundertfünfzig eintausend", 3),
            ("fr", "quinze treize une centaine de six", 4),
            ("es", "quince once veinticinco", 3),
            ("en", "siebenundneunzig vingt veinticinco dreizehn", 4),
            ("de", "in acht Läufen halb so viele", 2),
        ] {
            assert_eq!(found(lang, sentence).len(), numbers, "{sentence}");
        }
    }

    #[test]
    fn words_of_another_language_or_a_phrase_are_not() {
        for (lang, sentence) in [
            ("en", "an elf will seize the quince once; six triple cents, acht and dos"),
            ("de", "in acht genommen und halb so schlimm"),
            ("de", "Grund wunde Stunde vielfach einfach einmal manchmal und gesundheit"),
        ] {
            let words = found(lang, sentence);
            assert_eq!(words, [""; 0], "{sentence}");
        }
    }
}
