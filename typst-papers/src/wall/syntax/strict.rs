//! The white-list of strict texts: markup, mathematics and calls, nothing that computes.

use typst::syntax::{LinkedNode, SyntaxKind};

use super::nodes::{callee, has, key};
use super::{CLOSED, Checker, PACKAGE};

/// The functions of typst that strict texts may call.
const MARKUP: [&str; 29] = [
    "align",
    "cite",
    "colbreak",
    "emph",
    "enum",
    "footnote",
    "h",
    "heading",
    "linebreak",
    "link",
    "list",
    "math.equation",
    "outline",
    "pagebreak",
    "par",
    "parbreak",
    "quote",
    "raw",
    "ref",
    "smallcaps",
    "strike",
    "strong",
    "sub",
    "super",
    "table",
    "terms",
    "text",
    "underline",
    "v",
];

/// Parts of functions that strict texts may call.
const PARTS: [&str; 8] = [
    "paper.with",
    "table.cell",
    "table.footer",
    "table.header",
    "table.hline",
    "table.vline",
    "terms.item",
    "enum.item",
];

/// What strict texts may align by.
const SIDES: [&str; 8] = ["left", "right", "center", "top", "bottom", "horizon", "start", "end"];

/// What `text` may be asked for in strict texts: nothing that hides it.
const TEXT_ARGUMENTS: [&str; 5] = ["lang", "region", "style", "weight", "script"];

pub(super) const CODE: &str = "a strict text is markup, mathematics and calls of the package; set `mode = \"free\"` in the recipe to use all of typst";

impl Checker<'_> {
    /// The one show rule of a strict text is the paper's.
    pub(super) fn show(&mut self, node: &LinkedNode<'_>) {
        let inner: Vec<LinkedNode<'_>> = node
            .children()
            .filter(|c| {
                !matches!(c.kind(), SyntaxKind::Show | SyntaxKind::Colon | SyntaxKind::Space)
            })
            .collect();
        match inner.as_slice() {
            [one] if one.get().full_text() == "paper" => {}
            [one] if one.kind() == SyntaxKind::FuncCall && callee(one) == "paper.with" => {
                self.call(one);
            }
            _ => {
                self.strict(
                    node,
                    "a show rule",
                    "only `#show: paper` and `#show: paper.with(...)`",
                );
            }
        }
    }

    pub(super) fn set(&mut self, node: &LinkedNode<'_>) {
        let text = callee(node);
        let arguments = node.children().find(|c| c.kind() == SyntaxKind::Args);
        let only_language = text == "text"
            && arguments.as_ref().is_some_and(|args| {
                args.children()
                    .filter(|c| c.kind() == SyntaxKind::Named)
                    .all(|named| matches!(key(&named).as_str(), "lang" | "region" | "script"))
            });
        if !only_language {
            self.strict(
                node,
                "a set rule",
                "only the language may be set: `#set text(lang: \"de\")`",
            );
        }
    }

    /// A name for what is said often: a call of the package, content, a point.
    pub(super) fn binding(&mut self, node: &LinkedNode<'_>) {
        let closure = has(node, SyntaxKind::Closure) || has(node, SyntaxKind::Destructuring);
        let value = node.children().last();
        match value {
            Some(value) if !closure => self.argument(&value),
            _ => self.strict(node, "a function", CODE),
        }
    }

    pub(super) fn name(&mut self, node: &LinkedNode<'_>) {
        let name = node.leaf_text().to_string();
        let bound = self.names.contains(&name) || SIDES.contains(&name.as_str());
        if !bound {
            self.strict(node, &format!("`{name}`"), CODE);
        }
    }

    pub(super) fn call(&mut self, node: &LinkedNode<'_>) {
        let name = callee(node);
        let allowed = node.kind() == SyntaxKind::MathCall
            || PACKAGE.contains(&name.as_str())
            || MARKUP.contains(&name.as_str())
            || PARTS.contains(&name.as_str());
        if !allowed {
            let what = if CLOSED.iter().any(|(closed, _)| name.starts_with(closed)) {
                format!("`{name}`")
            } else {
                format!("a call of `{name}`")
            };
            self.strict(node, &what, CODE);
            return;
        }
        if matches!(name.as_str(), "strike" | "underline") && !says_something(node) {
            self.refuse(
                "RS0214",
                node.range(),
                "a line without letters could be the sign of a number".to_owned(),
                "leave it out",
            );
        }
        let arguments = node
            .children()
            .filter(|c| matches!(c.kind(), SyntaxKind::Args | SyntaxKind::MathArgs))
            .flat_map(|args| args.children().collect::<Vec<_>>());
        for argument in arguments.collect::<Vec<_>>() {
            if argument.kind() == SyntaxKind::Named {
                let key = key(&argument);
                let hidden = name == "text" && !TEXT_ARGUMENTS.contains(&key.as_str());
                let none = argument.children().last().is_some_and(|v| v.kind() == SyntaxKind::None);
                if hidden || !none && matches!(key.as_str(), "numbering" | "start" | "number") {
                    let what = format!("`{key}:` of `{name}`");
                    self.strict(&argument, &what, "leave it out");
                    continue;
                }
            }
            self.argument(&argument);
        }
    }

    /// An argument: what is not printed as it stands, or content, or a call.
    pub(super) fn argument(&mut self, node: &LinkedNode<'_>) {
        match node.kind() {
            SyntaxKind::Str if is_content(node) => {
                self.strict(node, "a string as content", "write `[...]`");
            }
            SyntaxKind::Str
            | SyntaxKind::Int
            | SyntaxKind::Float
            | SyntaxKind::Numeric
            | SyntaxKind::Bool
            | SyntaxKind::None
            | SyntaxKind::Auto
            | SyntaxKind::Label => {}
            SyntaxKind::Named | SyntaxKind::Keyed => {
                if let Some(value) = node.children().last() {
                    self.argument(&value);
                }
            }
            SyntaxKind::Array | SyntaxKind::Dict | SyntaxKind::Parenthesized => {
                for child in node.children() {
                    self.argument(&child);
                }
            }
            SyntaxKind::Unary => {
                if let Some(value) = node.children().last() {
                    self.argument(&value);
                }
            }
            // `left + horizon`
            SyntaxKind::Binary => {
                let sides: Vec<_> =
                    node.children().filter(|c| c.kind() == SyntaxKind::Ident).collect();
                if sides.len() != 2
                    || !sides.iter().all(|side| SIDES.contains(&side.leaf_text().as_str()))
                {
                    self.strict(node, "arithmetic", CODE);
                }
            }
            SyntaxKind::Ident => self.name(node),
            SyntaxKind::FuncCall => self.call(node),
            SyntaxKind::ContentBlock
            | SyntaxKind::Equation
            | SyntaxKind::Raw
            | SyntaxKind::Math => {
                self.markup(node);
            }
            kind if kind.is_trivia() || kind.is_grouping() => {}
            SyntaxKind::Comma | SyntaxKind::Semicolon | SyntaxKind::Colon => {}
            _ => self.markup(node),
        }
    }
}

/// Whether a string is given to a function of typst that prints it.
fn is_content(string: &LinkedNode<'_>) -> bool {
    let Some(args) = string.parent().filter(|args| args.kind() == SyntaxKind::Args) else {
        return false;
    };
    let first = args.children().find(|c| !c.kind().is_trivia() && !c.kind().is_grouping());
    let is_first = first.is_some_and(|c| c.range() == string.range());
    let name = args.parent().map(callee).unwrap_or_default();
    (MARKUP.contains(&name.as_str()) || PARTS.contains(&name.as_str()))
        && !(is_first && matches!(name.as_str(), "link" | "raw"))
}

/// Whether the content of a call has letters.
fn says_something(call: &LinkedNode<'_>) -> bool {
    let args = call.children().find(|child| child.kind() == SyntaxKind::Args);
    args.is_some_and(|args| args.get().full_text().chars().any(char::is_alphanumeric))
}
