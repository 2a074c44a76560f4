//! Questions about pieces of syntax.

use typst::syntax::{LinkedNode, SyntaxKind};

use super::{CLOSED, PACKAGE};

/// Whether `std` stands before the name of something that is open to all texts.
pub(super) fn opens(std: &LinkedNode<'_>) -> bool {
    let field = std.parent().filter(|parent| parent.kind() == SyntaxKind::FieldAccess);
    field
        .and_then(|field| field.children().last())
        .is_some_and(|name| !CLOSED.iter().any(|(closed, _)| *closed == name.leaf_text().as_str()))
}

/// Whether a name of the package is called, shown or imported, rather than bound or handed on.
pub(super) fn is_used(name: &LinkedNode<'_>) -> bool {
    let Some(parent) = name.parent() else { return false };
    let first = parent.children().next().is_some_and(|c| c.range() == name.range());
    match parent.kind() {
        SyntaxKind::FuncCall | SyntaxKind::FieldAccess => {
            first || parent.kind() == SyntaxKind::FieldAccess
        }
        SyntaxKind::ShowRule | SyntaxKind::SetRule | SyntaxKind::ImportItems => true,
        SyntaxKind::ImportItemPath => true,
        // The name of an argument or of an entry is no name in the text.
        SyntaxKind::Named => {
            first
                && parent
                    .parent()
                    .is_some_and(|list| matches!(list.kind(), SyntaxKind::Args | SyntaxKind::Dict))
        }
        _ => false,
    }
}

/// The names at the head of a let binding or a function.
pub(super) fn bound<'a>(node: &LinkedNode<'a>) -> Vec<LinkedNode<'a>> {
    let mut names = Vec::new();
    for child in node.children() {
        match child.kind() {
            SyntaxKind::Let | SyntaxKind::Space => {}
            SyntaxKind::Ident => {
                names.push(child);
                break;
            }
            _ => break,
        }
    }
    names
}

/// The strings in a piece of code.
pub(super) fn strings<'a>(node: &LinkedNode<'a>) -> Vec<LinkedNode<'a>> {
    if node.kind() == SyntaxKind::Str {
        return vec![node.clone()];
    }
    node.children().flat_map(|child| strings(&child)).collect()
}

pub(super) fn has(node: &LinkedNode<'_>, kind: SyntaxKind) -> bool {
    node.children().any(|child| child.kind() == kind || has(&child, kind))
}

/// What is called, as it is written: `table.cell`.
pub(super) fn callee(node: &LinkedNode<'_>) -> String {
    let skipped = |c: &LinkedNode<'_>| !matches!(c.kind(), SyntaxKind::Set | SyntaxKind::Space);
    node.children().find(skipped).map(|c| c.get().full_text().to_string()).unwrap_or_default()
}

pub(super) fn key(named: &LinkedNode<'_>) -> String {
    named.children().next().map(|c| c.leaf_text().to_string()).unwrap_or_default()
}

/// The call that a named argument is given to.
pub(super) fn call_around<'a>(named: &LinkedNode<'a>) -> Option<LinkedNode<'a>> {
    named.parent().filter(|args| args.kind() == SyntaxKind::Args)?.parent().cloned()
}

/// Whether a show rule makes something else of citations.
pub(super) fn hides_citations(rule: &LinkedNode<'_>) -> bool {
    let mut parts = rule.children().filter(|c| {
        !matches!(c.kind(), SyntaxKind::Show | SyntaxKind::Colon) && !c.kind().is_trivia()
    });
    let selector = parts.next().map(|c| c.get().full_text().to_string()).unwrap_or_default();
    let sets = parts.next().is_some_and(|transform| transform.kind() == SyntaxKind::SetRule);
    matches!(selector.as_str(), "cite" | "std.cite") && !sets
}

/// Whether a named argument is given to a function of the package.
pub(super) fn in_package_call(named: &LinkedNode<'_>) -> bool {
    named
        .parent()
        .filter(|args| args.kind() == SyntaxKind::Args)
        .and_then(|args| args.parent())
        .is_some_and(|call| PACKAGE.contains(&callee(call).as_str()))
}
