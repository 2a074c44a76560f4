//! What a text may be written with: the white-list of strict texts, the few things closed to all.

use std::ops::Range;

use typst::World as _;
use typst::syntax::{FileId, LinkedNode, RootedPath, Source, SyntaxKind, VirtualPath};

use crate::input::Mode;
use crate::problem::{Problem, Severity};
use crate::world::{PACKAGE_NAME, PaperWorld};

/// The functions of the package, as `lib.typ` exports them.
pub(super) const PACKAGE: [&str; 20] = [
    "algorithm",
    "best-of",
    "claim",
    "compare",
    "conjecture",
    "constant",
    "count",
    "declared",
    "difference",
    "fact",
    "figure",
    "param",
    "paper",
    "percent-change",
    "quoted",
    "ratio",
    "results-table",
    "term",
    "value",
    "listing",
];

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

/// Functions that no text may reach: they bring in what no artifact backs, or show one thing to one
/// reader and another to the next.
const CLOSED: [(&str, &str); 20] = [
    ("rect", "a drawing that no data is behind"),
    ("square", "a drawing that no data is behind"),
    ("circle", "a drawing that no data is behind"),
    ("ellipse", "a drawing that no data is behind"),
    ("line", "a drawing that no data is behind"),
    ("rescience-native", "the package's own functions"),
    ("eval", "text that was not there"),
    ("plugin", "a program's answers"),
    ("sys", "the compiler's inputs"),
    ("html", "what only browsers show"),
    ("target", "what only some readers see"),
    ("image", "a picture that no data is behind"),
    ("curve", "a drawing that no data is behind"),
    ("polygon", "a drawing that no data is behind"),
    ("path", "a drawing that no data is behind"),
    ("std", "functions under another name"),
    ("pdf", "attachments that no artifact backs"),
    ("state", "values that no artifact backs"),
    ("counter", "numbers that count nothing"),
    ("numbering", "numbers that count nothing"),
];

/// Everything in the files that hang together with the main text which its mode does not allow.
pub(super) fn check(world: &PaperWorld, mode: Mode) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut files = vec![world.main()];
    let mut next = 0;
    while let Some(id) = files.get(next).copied() {
        next += 1;
        let Ok(source) = world.source(id) else { continue };
        let mut checker = Checker {
            mode,
            id,
            source: &source,
            problems: &mut problems,
            names: Vec::new(),
            included: Vec::new(),
        };
        checker.collect(&LinkedNode::new(source.root()));
        checker.markup(&LinkedNode::new(source.root()));
        for path in checker.included {
            if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    problems
}

struct Checker<'a> {
    mode: Mode,
    id: FileId,
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
    /// The names that the file binds.
    names: Vec<String>,
    included: Vec<FileId>,
}

impl Checker<'_> {
    fn refuse(&mut self, code: &'static str, range: Range<usize>, message: String, hint: &str) {
        self.problems.push(Problem {
            severity: Severity::Error,
            code: Some(code),
            message,
            file: Some(self.id.vpath().get_without_slash().to_owned()),
            text: Some(self.source.text().to_owned()),
            span: Some(range),
            hints: vec![hint.to_owned()],
        });
    }

    fn strict(&mut self, node: &LinkedNode<'_>, what: &str, hint: &str) {
        self.refuse("RS0210", node.range(), format!("{what} has no place in a strict text"), hint);
    }

    /// The names that the file binds, and none of them the package's.
    fn collect(&mut self, node: &LinkedNode<'_>) {
        match node.kind() {
            SyntaxKind::LetBinding | SyntaxKind::Closure => {
                for name in bound(node) {
                    self.bind(&name);
                }
            }
            SyntaxKind::Named if node.parent_kind() == Some(SyntaxKind::Params) => {
                if let Some(name) = node.children().next() {
                    self.bind(&name);
                }
            }
            SyntaxKind::ForLoop | SyntaxKind::Params | SyntaxKind::Destructuring => {
                let bound = node.children().filter(|child| {
                    matches!(child.kind(), SyntaxKind::Ident | SyntaxKind::Destructuring)
                });
                for name in bound.collect::<Vec<_>>() {
                    if name.kind() == SyntaxKind::Ident {
                        self.bind(&name);
                    }
                }
            }
            SyntaxKind::Ident
                if is_reserved(node.leaf_text())
                    && node.leaf_text() != "figure"
                    && !is_used(node) =>
            {
                let name = node.leaf_text().to_string();
                if !self.problems.iter().any(|p| p.span == Some(node.range())) {
                    self.shadows(node, &name);
                }
            }
            SyntaxKind::RenamedImportItem => {
                if let Some(name) = node.children().filter(|c| c.kind() == SyntaxKind::Ident).last()
                {
                    self.bind(&name);
                }
                let text = node.get().full_text();
                let first = text.split_whitespace().next().unwrap_or_default();
                if is_reserved(first) {
                    self.shadows(node, first);
                }
            }
            _ => {}
        }
        if node.kind() == SyntaxKind::Named {
            self.spoken(node);
            if key(node) == "style" && call_around(node).is_some_and(|call| callee(&call) == "cite")
            {
                self.refuse(
                    "RS0213",
                    node.range(),
                    "a style of citation could print any number".to_owned(),
                    "leave it out",
                );
            }
        }
        if node.kind() == SyntaxKind::ShowRule && hides_citations(node) {
            self.refuse(
                "RS0212",
                node.range(),
                "a show rule for citations could hide whose words a passage is".to_owned(),
                "style them with a set rule: `#show cite: set text(...)`",
            );
        }
        for child in node.children() {
            self.collect(&child);
        }
    }

    fn bind(&mut self, name: &LinkedNode<'_>) {
        let text = name.leaf_text().to_string();
        if is_reserved(&text) {
            self.shadows(name, &text);
        }
        self.names.push(text);
    }

    fn shadows(&mut self, node: &LinkedNode<'_>, name: &str) {
        self.refuse(
            "RS0211",
            node.range(),
            format!("`{name}` belongs to the package and cannot be bound anew"),
            "choose another name",
        );
    }

    /// Strings that are read aloud or stand in the file's properties state no number either.
    fn spoken(&mut self, named: &LinkedNode<'_>) {
        if !matches!(key(named).as_str(), "alt" | "description" | "keywords" | "title") {
            return;
        }
        for string in strings(named) {
            let text = string.leaf_text().trim_matches('"').to_owned();
            if let Some(objection) = super::objection(&text) {
                self.refuse(
                    "RS0201",
                    string.range(),
                    format!("this string {objection}, and no artifact is behind it"),
                    "say it without; figures describe themselves from their data",
                );
            }
        }
    }

    fn markup(&mut self, node: &LinkedNode<'_>) {
        let strict = self.mode == Mode::Strict;
        match node.kind() {
            SyntaxKind::EnumItem => self.enumeration(node),
            SyntaxKind::ModuleImport => return self.import(node),
            SyntaxKind::ModuleInclude => return self.include(node),
            SyntaxKind::ShowRule if strict => return self.show(node),
            SyntaxKind::SetRule => {
                if strict {
                    return self.set(node);
                }
                if has(node, SyntaxKind::Spread) {
                    self.refuse(
                        "RS0212",
                        node.range(),
                        "a set rule with spread arguments cannot be checked".to_owned(),
                        "write its arguments one by one",
                    );
                }
            }
            SyntaxKind::LetBinding if strict => return self.binding(node),
            SyntaxKind::FuncCall | SyntaxKind::MathCall if strict => return self.call(node),
            SyntaxKind::Contextual if strict => return self.strict(node, "`context`", CODE),
            SyntaxKind::CodeBlock
            | SyntaxKind::Conditional
            | SyntaxKind::WhileLoop
            | SyntaxKind::ForLoop
            | SyntaxKind::Closure
            | SyntaxKind::Binary
            | SyntaxKind::Unary
            | SyntaxKind::Int
            | SyntaxKind::Float
            | SyntaxKind::Numeric
            | SyntaxKind::FieldAccess
            | SyntaxKind::DestructAssignment
            | SyntaxKind::FuncReturn
            | SyntaxKind::Destructuring
                if strict =>
            {
                return self.strict(node, "code", CODE);
            }
            SyntaxKind::Ident if strict => return self.name(node),
            _ => {}
        }
        if !strict {
            self.free(node);
        }
        for child in node.children() {
            self.markup(&child);
        }
    }

    /// What is closed to free texts as well.
    fn free(&mut self, node: &LinkedNode<'_>) {
        match node.kind() {
            // Formulas see the names of mathematics alone.
            SyntaxKind::Ident => {
                // `counter.step` of a figure's kind and the field of a name are no calls.
                let field = node.parent().is_some_and(|parent| {
                    parent.kind() == SyntaxKind::FieldAccess
                        && parent.children().next().is_some_and(|c| c.range() != node.range())
                }) || node.parent().is_some_and(|p| {
                    p.kind() == SyntaxKind::Named
                        && p.children().next().is_some_and(|c| c.range() == node.range())
                });
                let name = node.leaf_text().to_string();
                if field || self.names.contains(&name) || name == "std" && opens(node) {
                    return;
                }
                if let Some((name, what)) = CLOSED.iter().find(|(closed, _)| *closed == name) {
                    self.refuse(
                        "RS0213",
                        node.range(),
                        format!("`{name}` would bring in {what}"),
                        "numbers and drawings come through the package: `rescience explain RS0213`",
                    );
                }
            }
            SyntaxKind::Named => {
                let Some(name) = node.children().next() else { return };
                let key = name.leaf_text().to_string();
                if matches!(key.as_str(), "start" | "number") && !in_package_call(node) {
                    self.refuse(
                        "RS0212",
                        node.range(),
                        format!("`{key}:` would set a number that counts nothing"),
                        "leave it out",
                    );
                }
            }
            _ => {}
        }
    }

    /// Numbers that are written before items must count them.
    fn enumeration(&mut self, node: &LinkedNode<'_>) {
        let Some(marker) = node.children().find(|c| c.kind() == SyntaxKind::EnumMarker) else {
            return;
        };
        let Ok(number) = marker.leaf_text().trim_end_matches('.').parse::<usize>() else { return };
        let mut place = 1;
        let mut before = node.prev_sibling();
        while let Some(sibling) = before {
            match sibling.kind() {
                SyntaxKind::EnumItem => place += 1,
                SyntaxKind::Space => {}
                SyntaxKind::Parbreak => {}
                _ => break,
            }
            before = sibling.prev_sibling();
        }
        if number != place {
            self.refuse(
                "RS0212",
                marker.range(),
                format!("this item is number {place} of its list, not {number}"),
                "write `+` and let the list count",
            );
        }
    }

    fn import(&mut self, node: &LinkedNode<'_>) {
        let path = node.children().find(|child| child.kind() == SyntaxKind::Str);
        let text = path.as_ref().map(|path| path.leaf_text().trim_matches('"').to_owned());
        match text {
            Some(text) if text == PACKAGE_NAME => {}
            Some(text) if !text.starts_with('@') => {
                if self.mode == Mode::Strict {
                    self.strict(node, "an import of a file", "include it: `#include \"...\"`");
                }
                self.follow(&text);
            }
            Some(_) => {}
            None if self.mode == Mode::Strict => self.strict(node, "a computed import", CODE),
            None => self.computed_path(node),
        }
    }

    fn include(&mut self, node: &LinkedNode<'_>) {
        let path = node.children().find(|child| child.kind() == SyntaxKind::Str);
        match path.map(|path| path.leaf_text().trim_matches('"').to_owned()) {
            Some(text) => self.follow(&text),
            None => self.computed_path(node),
        }
    }

    fn computed_path(&mut self, node: &LinkedNode<'_>) {
        self.refuse(
            "RS0213",
            node.range(),
            "a computed path cannot be checked".to_owned(),
            "name the file in quotes",
        );
    }

    fn follow(&mut self, path: &str) {
        let joined = match path.strip_prefix('/') {
            Some(rooted) => VirtualPath::new(rooted).ok(),
            None => self.id.vpath().parent().and_then(|parent| parent.join(path).ok()),
        };
        if let Some(path) = joined {
            self.included.push(RootedPath::new(self.id.root().clone(), path).intern());
        }
    }

    /// The one show rule of a strict text is the paper's.
    fn show(&mut self, node: &LinkedNode<'_>) {
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
                self.strict(node, "a show rule", "only `#show: paper` and `#show: paper.with(...)`");
            }
        }
    }

    fn set(&mut self, node: &LinkedNode<'_>) {
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
    fn binding(&mut self, node: &LinkedNode<'_>) {
        let closure = has(node, SyntaxKind::Closure) || has(node, SyntaxKind::Destructuring);
        let value = node.children().last();
        match value {
            Some(value) if !closure => self.argument(&value),
            _ => self.strict(node, "a function", CODE),
        }
    }

    fn name(&mut self, node: &LinkedNode<'_>) {
        let name = node.leaf_text().to_string();
        let bound = self.names.contains(&name) || SIDES.contains(&name.as_str());
        if !bound {
            self.strict(node, &format!("`{name}`"), CODE);
        }
    }

    fn call(&mut self, node: &LinkedNode<'_>) {
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
    fn argument(&mut self, node: &LinkedNode<'_>) {
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

const CODE: &str = "a strict text is markup, mathematics and calls of the package; set `mode = \"free\"` in the recipe to use all of typst";

fn is_reserved(name: &str) -> bool {
    PACKAGE.contains(&name) || matches!(name, "cite" | "ref" | "bibliography")
}

/// Whether `std` stands before the name of something that is open to all texts.
fn opens(std: &LinkedNode<'_>) -> bool {
    let field = std.parent().filter(|parent| parent.kind() == SyntaxKind::FieldAccess);
    field
        .and_then(|field| field.children().last())
        .is_some_and(|name| !CLOSED.iter().any(|(closed, _)| *closed == name.leaf_text().as_str()))
}

/// Whether a name of the package is called, shown or imported, rather than bound or handed on.
fn is_used(name: &LinkedNode<'_>) -> bool {
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
fn bound<'a>(node: &LinkedNode<'a>) -> Vec<LinkedNode<'a>> {
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
fn strings<'a>(node: &LinkedNode<'a>) -> Vec<LinkedNode<'a>> {
    if node.kind() == SyntaxKind::Str {
        return vec![node.clone()];
    }
    node.children().flat_map(|child| strings(&child)).collect()
}

fn has(node: &LinkedNode<'_>, kind: SyntaxKind) -> bool {
    node.children().any(|child| child.kind() == kind || has(&child, kind))
}

/// What is called, as it is written: `table.cell`.
fn callee(node: &LinkedNode<'_>) -> String {
    let skipped = |c: &LinkedNode<'_>| !matches!(c.kind(), SyntaxKind::Set | SyntaxKind::Space);
    node.children().find(skipped).map(|c| c.get().full_text().to_string()).unwrap_or_default()
}

fn key(named: &LinkedNode<'_>) -> String {
    named.children().next().map(|c| c.leaf_text().to_string()).unwrap_or_default()
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

/// The call that a named argument is given to.
fn call_around<'a>(named: &LinkedNode<'a>) -> Option<LinkedNode<'a>> {
    named.parent().filter(|args| args.kind() == SyntaxKind::Args)?.parent().cloned()
}

/// Whether a show rule makes something else of citations.
fn hides_citations(rule: &LinkedNode<'_>) -> bool {
    let mut parts = rule.children().filter(|c| {
        !matches!(c.kind(), SyntaxKind::Show | SyntaxKind::Colon) && !c.kind().is_trivia()
    });
    let selector = parts.next().map(|c| c.get().full_text().to_string()).unwrap_or_default();
    let sets = parts.next().is_some_and(|transform| transform.kind() == SyntaxKind::SetRule);
    matches!(selector.as_str(), "cite" | "std.cite") && !sets
}

/// Whether a named argument is given to a function of the package.
fn in_package_call(named: &LinkedNode<'_>) -> bool {
    named
        .parent()
        .filter(|args| args.kind() == SyntaxKind::Args)
        .and_then(|args| args.parent())
        .is_some_and(|call| PACKAGE.contains(&callee(call).as_str()))
}
