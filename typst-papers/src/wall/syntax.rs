//! What a text may be written with: the white-list of strict texts, the few things closed to all.

use std::ops::Range;

use typst::World as _;
use typst::syntax::{FileId, LinkedNode, RootedPath, Source, SyntaxKind, VirtualPath};

mod front;
mod nodes;
mod references;
mod relations;
mod strict;

use self::nodes::{
    bound, call_around, callee, has, hides_citations, in_package_call, is_used, key, opens, strings,
};
use self::strict::CODE;
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

/// Functions that no text may reach: they bring in what no artifact backs, or show one thing to one
/// reader and another to the next.
const CLOSED: [(&str, &str); 21] = [
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
    ("tiling", "a drawing that no data is behind"),
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
        checker.front(&LinkedNode::new(source.root()), id == world.main());
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
        self.references(node);
        self.relation(node);
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
}

fn is_reserved(name: &str) -> bool {
    PACKAGE.contains(&name) || matches!(name, "cite" | "ref" | "bibliography")
}
