//! What stands before `#show: paper`, and how it is asked for. Rules before it would reach what the
//! package prints behind the text.

use typst::syntax::{LinkedNode, SyntaxKind};

use super::Checker;
use super::nodes::{callee, key};

/// What the language of the pages may be set by.
const LANGUAGE: [&str; 3] = ["lang", "region", "script"];

impl Checker<'_> {
    /// The paper's show rule comes first, and there is one.
    pub(super) fn front(&mut self, root: &LinkedNode<'_>, main: bool) {
        let rule = root.children().find(|child| main && is_paper(child));
        if let Some(rule) = &rule {
            for child in root.children().take_while(|child| child.range() != rule.range()) {
                if !may_lead(&child) {
                    self.refuse(
                        "RS0212",
                        child.range(),
                        "what stands before `#show: paper` would reach the closing page".to_owned(),
                        "move it below `#show: paper`; imports and `#let` may stand above",
                    );
                    // One mistake, and not each of its words.
                    break;
                }
            }
        }
        let mut used = Vec::new();
        uses(root, &mut used);
        for name in used {
            let inside = |rule: &LinkedNode<'_>| {
                rule.range().start <= name.range().start && name.range().end <= rule.range().end
            };
            if !rule.as_ref().is_some_and(inside) {
                self.refuse(
                    "RS0212",
                    name.range(),
                    "`paper` is the show rule of the whole main text".to_owned(),
                    "write `#show: paper` once, outside of everything else",
                );
            }
        }
    }
}

/// Whether a node is `#show: paper` or `#show: paper.with(...)`.
fn is_paper(node: &LinkedNode<'_>) -> bool {
    if node.kind() != SyntaxKind::ShowRule {
        return false;
    }
    let parts: Vec<LinkedNode<'_>> = node
        .children()
        .filter(|c| {
            !matches!(c.kind(), SyntaxKind::Show | SyntaxKind::Colon) && !c.kind().is_trivia()
        })
        .collect();
    match parts.as_slice() {
        [one] if one.kind() == SyntaxKind::FuncCall => callee(one) == "paper.with",
        [one] => one.leaf_text() == "paper",
        _ => false,
    }
}

/// Whether something prints nothing and styles nothing.
fn may_lead(node: &LinkedNode<'_>) -> bool {
    match node.kind() {
        SyntaxKind::LetBinding
        | SyntaxKind::ModuleImport
        | SyntaxKind::Hash
        | SyntaxKind::Semicolon => true,
        SyntaxKind::SetRule => {
            let args = node.children().find(|child| child.kind() == SyntaxKind::Args);
            callee(node) == "text"
                && args.is_some_and(|args| {
                    args.children().all(|argument| match argument.kind() {
                        SyntaxKind::Named => LANGUAGE.contains(&key(&argument).as_str()),
                        kind => kind.is_trivia() || kind.is_grouping() || kind == SyntaxKind::Comma,
                    })
                })
        }
        kind => kind.is_trivia(),
    }
}

/// The places where code names `paper`, other than imports and arguments called so.
fn uses<'a>(node: &LinkedNode<'a>, found: &mut Vec<LinkedNode<'a>>) {
    if node.kind() == SyntaxKind::Ident && node.leaf_text() == "paper" {
        found.push(node.clone());
    }
    let named = node.kind() == SyntaxKind::Named;
    for child in node.children().skip(usize::from(named)) {
        if child.kind() != SyntaxKind::ModuleImport {
            uses(&child, found);
        }
    }
}
