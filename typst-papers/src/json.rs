//! The same paper for machines, read from the tree that browsers get. Schema 1:
//!
//! ```json
//! { "schema": 1, "title": "…", "authors": [{ "name": "…", "affiliation": null, "orcid": null }],
//!   "date": "2026-03-04", "license": "CC-BY-4.0", "doi": null, "mode": "strict",
//!   "abstract": [BLOCK], "sections": [{ "level": 1, "title": "1 Introduction", "blocks": [BLOCK] }],
//!   "figures": [{ "name": "curves", "caption": [INLINE], "digest": "b3:…" }],
//!   "tables": [{ "caption": [INLINE], "rows": [[[INLINE]]] }],
//!   "references": [[INLINE]], "notes": [[INLINE]],
//!   "claims": [ledger], "digits": {…}, "experiments": [{…}], "facts": {…} }
//! ```
//!
//! - `BLOCK` is one of `{ "text": [INLINE] }`, `{ "list": [[INLINE]] }`, `{ "quote": [INLINE] }`,
//!   `{ "code": "…" }`, `{ "equation": "in words" }`, `{ "figure": index }`, `{ "table": index }`.
//! - `INLINE` is a string, `{ "text": "…", "claim": index }` with an index of `claims`,
//!   `{ "math": "in words" }`, or `{ "note": index }` with an index of `notes`.
//!
//! What stands before the first heading is a section of level 0 without a title. The closing page
//! is left out: `claims`, `digits`, `experiments` and `facts` are what it is made from.

use serde_json::{Value, json};
use typst_html::{HtmlElement, HtmlNode, HtmlTag, attr, tag};

use crate::export;
use crate::html::{CLAIM, FIGURE, WORDS};
use crate::input::PaperInput;
use crate::wall::Accounting;

/// The paper as JSON, with a line break at its end.
pub(crate) fn paper(
    input: &PaperInput,
    root: &HtmlElement,
    claims: &Value,
    accounting: &Accounting,
) -> Vec<u8> {
    let mut reader = Reader::new(input);
    if let Some(body) = elements(root).find(|element| element.tag == tag::body) {
        reader.flow(body);
    }
    let project = &input.project;
    let authors: Vec<Value> = project
        .authors
        .iter()
        .map(|a| json!({ "name": a.name, "affiliation": a.affiliation, "orcid": a.orcid }))
        .collect();
    let date = crate::data::date(input).map(|date| {
        let part = |part: Option<u8>| part.unwrap_or_default();
        format!(
            "{:04}-{:02}-{:02}",
            date.year().unwrap_or_default(),
            part(date.month()),
            part(date.day())
        )
    });
    let paper = json!({
        "schema": 1,
        "title": if project.title.is_empty() { &project.name } else { &project.title },
        "authors": authors, "date": date, "license": project.license, "doi": project.doi, "mode": input.mode.as_str(),
        "abstract": reader.preface, "sections": reader.sections, "figures": reader.figures,
        "tables": reader.tables, "references": reader.references, "notes": reader.notes,
        "claims": claims, "digits": accounting,
        "experiments": export::experiments(input), "facts": input.facts,
    });
    format!("{paper:#}\n").into_bytes()
}

fn elements(element: &HtmlElement) -> impl Iterator<Item = &HtmlElement> {
    element.children.iter().filter_map(|node| match node {
        HtmlNode::Element(element) => Some(element),
        _ => None,
    })
}

/// What stands on lines of its own.
const BLOCKS: [HtmlTag; 8] =
    [tag::p, tag::ul, tag::ol, tag::dl, tag::li, tag::div, tag::pre, tag::table];

fn role(element: &HtmlElement) -> &str {
    element.attrs.get(attr::role).map_or("", |role| role.as_str())
}

/// The elements of a tag, however deep.
fn within<'a>(element: &'a HtmlElement, wanted: HtmlTag, found: &mut Vec<&'a HtmlElement>) {
    for child in elements(element) {
        if child.tag == wanted {
            found.push(child);
        } else {
            within(child, wanted, found);
        }
    }
}

fn level(heading: HtmlTag) -> Option<usize> {
    [tag::h2, tag::h3, tag::h4, tag::h5, tag::h6].iter().position(|t| *t == heading).map(|i| i + 1)
}

/// A list of inline pieces; neighbouring strings are joined.
#[derive(Default)]
struct Line(Vec<Value>);

impl Line {
    fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Value::String(last)) => last.push_str(text),
            _ => self.0.push(json!(text)),
        }
    }

    fn read(mut self, element: &HtmlElement) -> Line {
        self.children(element);
        self
    }

    fn ends_in_space(&self) -> bool {
        match self.0.last() {
            Some(Value::String(text)) => text.ends_with(char::is_whitespace),
            Some(_) => false,
            None => true,
        }
    }

    fn children(&mut self, element: &HtmlElement) {
        for node in &element.children {
            match node {
                HtmlNode::Text(text, _) => self.text(text),
                HtmlNode::Element(child) => self.element(child),
                HtmlNode::Tag(_) | HtmlNode::Frame(_) => {}
            }
        }
    }

    fn element(&mut self, element: &HtmlElement) {
        let index = element.attrs.get(CLAIM).and_then(|index| index.parse::<usize>().ok());
        if let Some(index) = index {
            self.0.push(json!({ "text": plain(element), "claim": index }));
        } else if let Some(words) = element.attrs.get(WORDS) {
            self.0.push(json!({ "math": words.as_str() }));
        } else if role(element) == "doc-noteref" {
            if let Some(number) = plain(element).parse::<usize>().ok().filter(|n| *n > 0) {
                self.0.push(json!({ "note": number - 1 }));
            }
        } else if role(element) == "doc-backlink" {
            // The number of a note, which is its index.
        } else if element.tag == tag::br {
            self.text("\n");
        } else {
            // Blocks inside a line, such as a list in a list, are words of their own.
            if BLOCKS.contains(&element.tag) && !self.ends_in_space() {
                self.text(" ");
            }
            self.children(element);
        }
    }

    /// The pieces; none where there is only space.
    fn pieces(self) -> Vec<Value> {
        let blank = |piece: &Value| piece.as_str().is_some_and(|text| text.trim().is_empty());
        if self.0.iter().all(blank) { Vec::new() } else { self.0 }
    }
}

/// The text of an element without its structure.
fn plain(element: &HtmlElement) -> String {
    let mut out = String::new();
    for node in &element.children {
        match node {
            HtmlNode::Text(text, _) => out.push_str(text),
            HtmlNode::Element(child) => out.push_str(&plain(child)),
            HtmlNode::Tag(_) | HtmlNode::Frame(_) => {}
        }
    }
    out
}

struct Reader<'a> {
    input: &'a PaperInput,
    preface: Vec<Value>,
    sections: Vec<Value>,
    figures: Vec<Value>,
    tables: Vec<Value>,
    references: Vec<Value>,
    notes: Vec<Value>,
}

impl<'a> Reader<'a> {
    fn new(input: &'a PaperInput) -> Reader<'a> {
        let (preface, sections, figures) = (Vec::new(), Vec::new(), Vec::new());
        let (tables, references, notes) = (Vec::new(), Vec::new(), Vec::new());
        Reader { input, preface, sections, figures, tables, references, notes }
    }

    /// Reads what flows down a page.
    fn flow(&mut self, element: &HtmlElement) {
        for child in elements(element) {
            let role = role(child);
            let class = child.attrs.get(attr::class).map_or("", |class| class.as_str());
            if class == "closing" || child.tag == tag::header {
                // Made from what stands elsewhere in the file.
            } else if class == "abstract" {
                let mut inner = Reader::new(self.input);
                elements(child).filter(|e| level(e.tag).is_none()).for_each(|e| inner.block(e));
                self.preface = inner.sections.iter_mut().flat_map(taken).collect();
            } else if role == "doc-bibliography" {
                self.references = items(child);
            } else if role == "doc-endnotes" {
                self.notes = items(child);
            } else if let Some(level) = level(child.tag) {
                let title = plain(child);
                self.sections.push(json!({ "level": level, "title": title, "blocks": [] }));
            } else {
                self.block(child);
            }
        }
    }

    fn push(&mut self, block: Value) {
        if self.sections.is_empty() {
            self.sections.push(json!({ "level": 0, "title": "", "blocks": [] }));
        }
        if let Some(Value::Array(blocks)) = self.sections.last_mut().map(|s| &mut s["blocks"]) {
            blocks.push(block);
        }
    }

    fn block(&mut self, element: &HtmlElement) {
        let line = || Line::default().read(element).pieces();
        if element.tag == tag::figure {
            self.figure(element);
        } else if element.tag == tag::table {
            self.table(element, &[]);
        } else if element.tag == tag::ul || element.tag == tag::ol || element.tag == tag::dl {
            self.push(json!({ "list": items(element) }));
        } else if element.tag == tag::pre {
            self.push(json!({ "code": plain(element) }));
        } else if element.tag == tag::blockquote {
            self.push(json!({ "quote": line() }));
        } else if let Some(words) = element.attrs.get(WORDS) {
            self.push(json!({ "equation": words.as_str() }));
        } else if element.attrs.get(attr::class).is_some_and(|class| class == "number") {
            // An equation's number is not its text.
        } else if element.tag == tag::div || element.tag == tag::section {
            // A box around blocks, or text without a paragraph.
            let loose = element
                .children
                .iter()
                .any(|node| matches!(node, HtmlNode::Text(text, _) if !text.trim().is_empty()));
            if loose { self.push(json!({ "text": line() })) } else { self.flow(element) }
        } else {
            let pieces = line();
            if !pieces.is_empty() {
                self.push(json!({ "text": pieces }));
            }
        }
    }

    fn figure(&mut self, element: &HtmlElement) {
        let mut captions = Vec::new();
        within(element, tag::figcaption, &mut captions);
        let caption =
            captions.first().map(|c| Line::default().read(c).pieces()).unwrap_or_default();
        let (mut tables, mut images) = (Vec::new(), Vec::new());
        within(element, tag::table, &mut tables);
        within(element, tag::img, &mut images);
        if let Some(table) = tables.first() {
            return self.table(table, &caption);
        }
        let name = images.first().and_then(|image| image.attrs.get(FIGURE));
        let artifact = name.and_then(|name| self.input.figures.get(name.as_str()));
        let alt = images.first().and_then(|image| image.attrs.get(attr::alt));
        let mut figure = json!({
            "name": name.map(|name| name.as_str()), "caption": caption,
            "alt": alt.map(|alt| alt.as_str()), "digest": artifact.map(|found| &found.digest),
        });
        if images.is_empty() {
            let mut inner = Reader::new(self.input);
            elements(element).filter(|e| e.tag != tag::figcaption).for_each(|e| inner.block(e));
            figure["blocks"] = inner.sections.iter_mut().flat_map(taken).collect();
        }
        self.push(json!({ "figure": self.figures.len() }));
        self.figures.push(figure);
    }

    fn table(&mut self, element: &HtmlElement, caption: &[Value]) {
        let mut rows = Vec::new();
        within(element, tag::tr, &mut rows);
        let rows: Vec<Vec<Vec<Value>>> = rows
            .iter()
            .map(|row| elements(row).map(|cell| Line::default().read(cell).pieces()).collect())
            .collect();
        self.push(json!({ "table": self.tables.len() }));
        self.tables.push(json!({ "caption": caption, "rows": rows }));
    }
}

/// The blocks of a section, taken out of it.
fn taken(section: &mut Value) -> Vec<Value> {
    match section["blocks"].take() {
        Value::Array(blocks) => blocks,
        _ => Vec::new(),
    }
}

/// The items of the lists in an element.
fn items(element: &HtmlElement) -> Vec<Value> {
    let mut found = Vec::new();
    for wanted in [tag::li, tag::dd] {
        within(element, wanted, &mut found);
    }
    found.iter().map(|item| json!(Line::default().read(item).pieces())).collect()
}
