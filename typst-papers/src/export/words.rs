//! Equations in words, for those who listen to a paper.

use typst::foundations::{Content, SequenceElem, StyledElem, SymbolElem};
use typst::layout::{BoxElem, HElem};
use typst::math::{
    AccentElem, AlignPointElem, AttachElem, BinomElem, CancelElem, CasesElem, EquationElem,
    FracElem, LrElem, MatElem, OpElem, OverbraceElem, OverlineElem, PrimesElem, RootElem,
    UnderbraceElem, UnderlineElem, VecElem,
};
use typst::text::{LinebreakElem, SpaceElem, TextElem};

/// Says an equation's body; never empty.
pub(crate) fn equation(body: &Content) -> String {
    let mut out = String::new();
    say(body, &mut out);
    let words: Vec<&str> = out.split_whitespace().collect();
    if words.is_empty() { "an empty equation".to_owned() } else { words.join(" ") }
}

fn said(content: &Content) -> String {
    let mut out = String::new();
    say(content, &mut out);
    out.trim().to_owned()
}

/// An operand: in parentheses where it is more than one word.
fn operand(content: &Content) -> String {
    let text = said(content);
    let grouped = text.starts_with('(') && text.ends_with(')');
    if grouped || !text.contains(char::is_whitespace) { text } else { format!("({text})") }
}

fn list<'a>(items: impl IntoIterator<Item = &'a Content>) -> String {
    items.into_iter().map(said).collect::<Vec<_>>().join(", ")
}

fn say(content: &Content, out: &mut String) {
    let mut add = |text: &str| {
        out.push(' ');
        out.push_str(text);
        out.push(' ');
    };
    if let Some(sequence) = content.to_packed::<SequenceElem>() {
        sequence.children.iter().for_each(|child| say(child, out));
    } else if let Some(styled) = content.to_packed::<StyledElem>() {
        say(&styled.child, out);
    } else if let Some(inner) = content.to_packed::<EquationElem>() {
        say(&inner.body, out);
    } else if let Some(text) = content.to_packed::<TextElem>() {
        out.push_str(&text.text);
    } else if let Some(symbol) = content.to_packed::<SymbolElem>() {
        out.push_str(&symbol.text);
    } else if content.is::<SpaceElem>() || content.is::<HElem>() {
        out.push(' ');
    } else if content.is::<AlignPointElem>() {
        // Says nothing.
    } else if content.is::<LinebreakElem>() {
        add(";");
    } else if let Some(fraction) = content.to_packed::<FracElem>() {
        add(&format!("{} over {}", operand(&fraction.num), operand(&fraction.denom)));
    } else if let Some(root) = content.to_packed::<RootElem>() {
        let radicand = operand(&root.radicand);
        match root.index.get_ref(Default::default()) {
            Some(index) => add(&format!("root {} of {radicand}", operand(index))),
            None => add(&format!("square root of {radicand}")),
        }
    } else if let Some(attach) = content.to_packed::<AttachElem>() {
        attached(attach, out);
    } else if let Some(primes) = content.to_packed::<PrimesElem>() {
        out.push_str(&"′".repeat(primes.count));
    } else if let Some(group) = content.to_packed::<LrElem>() {
        say(&group.body, out);
    } else if let Some(accent) = content.to_packed::<AccentElem>() {
        add(&format!("{} {}", operand(&accent.base), accent.accent.0));
    } else if let Some(operator) = content.to_packed::<OpElem>() {
        add(&said(&operator.text));
    } else if let Some(binomial) = content.to_packed::<BinomElem>() {
        add(&format!("{} choose {}", operand(&binomial.upper), list(&binomial.lower)));
    } else if let Some(vector) = content.to_packed::<VecElem>() {
        add(&format!("vector ({})", list(&vector.children)));
    } else if let Some(matrix) = content.to_packed::<MatElem>() {
        let rows: Vec<String> = matrix.rows.iter().map(list).collect();
        add(&format!("matrix ({})", rows.join("; ")));
    } else if let Some(cases) = content.to_packed::<CasesElem>() {
        let rows: Vec<String> = cases.children.iter().map(said).collect();
        add(&format!("cases ({})", rows.join("; ")));
    } else if let Some(body) = wrapped(content) {
        say(body, out);
    } else {
        out.push_str(&content.plain_text());
    }
}

/// The body of what only decorates it.
fn wrapped(content: &Content) -> Option<&Content> {
    let body = content.to_packed::<CancelElem>().map(|it| &it.body);
    let body = body.or_else(|| content.to_packed::<UnderlineElem>().map(|it| &it.body));
    let body = body.or_else(|| content.to_packed::<OverlineElem>().map(|it| &it.body));
    let body = body.or_else(|| content.to_packed::<UnderbraceElem>().map(|it| &it.body));
    let body = body.or_else(|| content.to_packed::<OverbraceElem>().map(|it| &it.body));
    body.or_else(|| content.to_packed::<BoxElem>()?.body.get_ref(Default::default()).as_ref())
}

fn attached(attach: &AttachElem, out: &mut String) {
    let base = said(&attach.base);
    let part = |content: &Option<Content>| content.as_ref().map(operand);
    let styles = Default::default();
    let below = part(attach.b.get_ref(styles)).or_else(|| part(attach.br.get_ref(styles)));
    let above = part(attach.t.get_ref(styles)).or_else(|| part(attach.tr.get_ref(styles)));
    // Sums and integrals run from below to above; letters have indices and powers.
    let runs = base.chars().all(|c| "∑∏∫∬∭∮⋃⋂⨁⨂".contains(c)) || base.starts_with("lim");
    out.push_str(&base);
    if let Some(below) = below {
        out.push_str(&if runs { format!(" over {below}") } else { format!(" sub {below}") });
    }
    match above.as_deref() {
        None => {}
        Some(primes) if primes.chars().all(|c| c == '′') => out.push_str(primes),
        Some(above) if runs => out.push_str(&format!(" to {above} of")),
        Some("2") => out.push_str(" squared"),
        Some(above) => out.push_str(&format!(" to the power {above}")),
    }
    out.push(' ');
}
