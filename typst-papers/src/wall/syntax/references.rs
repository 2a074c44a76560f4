//! References that would print a bare number, citations that would print none, and lengths that
//! would move letters over others.

use typst::syntax::{LinkedNode, SyntaxKind};

use super::Checker;
use super::nodes::{callee, has, key};
use crate::wall::units;

/// Words that say what a number counts.
const NUMBERED: [&str; 30] = [
    "section",
    "sections",
    "sec",
    "figure",
    "figures",
    "fig",
    "table",
    "tables",
    "tab",
    "equation",
    "equations",
    "eq",
    "chapter",
    "chapters",
    "appendix",
    "appendices",
    "theorem",
    "theorems",
    "lemma",
    "lemmas",
    "algorithm",
    "algorithms",
    "listing",
    "line",
    "lines",
    "definition",
    "proposition",
    "corollary",
    "part",
    "step",
];

impl Checker<'_> {
    pub(super) fn references(&mut self, node: &LinkedNode<'_>) {
        match node.kind() {
            SyntaxKind::SetRule => match callee(node).trim_start_matches("std.") {
                "cite"
                    if argument(node, "form")
                        .is_some_and(|form| form.kind() != SyntaxKind::Str) =>
                {
                    self.refuse(
                        "RS0212",
                        node.range(),
                        "this rule could hide whose words a passage is".to_owned(),
                        "leave `form:` out, or name one: `#set cite(form: \"prose\")`",
                    );
                }
                "ref" if argument(node, "supplement").is_some_and(|name| says_nothing(&name)) => {
                    self.bare(node);
                }
                _ => {}
            },
            SyntaxKind::FuncCall => match callee(node).trim_start_matches("std.") {
                "ref" if argument(node, "supplement").is_some_and(|name| says_nothing(&name)) => {
                    self.unnamed(node);
                }
                "cite" => self.counted(node),
                // In formulas and free layouts a line may come closer to another.
                name @ ("h" | "v") => {
                    let free = self.mode == crate::input::Mode::Free;
                    if has(node, SyntaxKind::Unary) && (name == "h" || !free) {
                        self.refuse(
                            "RS0214",
                            node.range(),
                            "a negative space moves letters over others".to_owned(),
                            "leave it out",
                        );
                    }
                }
                _ => {}
            },
            SyntaxKind::Ref => {
                let name = node.children().find(|child| child.kind() == SyntaxKind::ContentBlock);
                if name.is_some_and(|name| says_nothing(&name)) {
                    self.unnamed(node);
                }
            }
            _ => {}
        }
    }

    /// A reference without a name, unless the text before it says what is numbered.
    fn unnamed(&mut self, node: &LinkedNode<'_>) {
        let text = &self.source.text()[..node.range().start];
        let before = text.trim_end_matches(['#', '~', ' ', '\n', '.']);
        let word: String = before.chars().rev().take_while(|c| c.is_alphabetic()).collect();
        let word: String = word.chars().rev().collect::<String>().to_lowercase();
        if !before.ends_with(['(', '[']) && !NUMBERED.contains(&word.as_str()) {
            self.bare(node);
        }
    }

    fn bare(&mut self, node: &LinkedNode<'_>) {
        self.refuse(
            "RS0212",
            node.range(),
            "a reference without a name prints a bare number".to_owned(),
            "leave `supplement:` out, or write what it numbers before it: \"section\", \"figure\"",
        );
    }

    /// `#cite(<key>, form: "year") steps`: a year that counts something.
    fn counted(&mut self, node: &LinkedNode<'_>) {
        let year = argument(node, "form").is_some_and(|form| form.leaf_text() == "\"year\"");
        let behind =
            self.source.text()[node.range().end..].trim_start_matches([' ', '~', ';', '\n']);
        let word: String = behind.chars().take_while(|c| c.is_alphabetic()).collect();
        if year && (units::is_counted(&word) || word.len() > 1 && units::is_unit(&word, false)) {
            self.refuse(
                "RS0214",
                node.range(),
                format!("the year of a citation would count {word}"),
                "put words between them",
            );
        }
    }
}

/// The value of a named argument.
fn argument<'a>(call: &LinkedNode<'a>, name: &str) -> Option<LinkedNode<'a>> {
    let args = call.children().find(|child| child.kind() == SyntaxKind::Args)?;
    let named =
        args.children().find(|child| child.kind() == SyntaxKind::Named && key(child) == name)?;
    named.children().last()
}

/// Whether content has no word.
fn says_nothing(value: &LinkedNode<'_>) -> bool {
    match value.kind() {
        SyntaxKind::None => true,
        SyntaxKind::Str | SyntaxKind::ContentBlock => !has_word(value),
        _ => false,
    }
}

fn has_word(node: &LinkedNode<'_>) -> bool {
    match node.kind() {
        SyntaxKind::Text | SyntaxKind::Str => node.leaf_text().chars().any(char::is_alphabetic),
        SyntaxKind::FuncCall => node.children().any(|child| {
            child.kind() == SyntaxKind::Args && has_word(&child)
                || child.kind() == SyntaxKind::Ident && child.leaf_text() == "term"
        }),
        SyntaxKind::Ident => true,
        _ => node.children().any(|child| has_word(&child)),
    }
}
