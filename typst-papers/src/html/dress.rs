//! What the tree gains: claims with their sources, equations with their words, drawings by name.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;
use typst::foundations::{Content, Label};
use typst::introspection::{MetadataElem, Tag};
use typst::math::EquationElem;
use typst::utils::PicoStr;
use typst::visualize::ImageElem;
use typst_html::{HtmlAttr, HtmlElement, HtmlNode, attr, tag};

use super::pictures;
use crate::input::PaperInput;
use crate::problem::Problem;
use crate::{export, ledger};

/// The attribute that holds the index of a claim in the ledger.
pub(crate) const CLAIM: HtmlAttr = HtmlAttr::constant("data-claim");
/// The attribute that says an equation in words.
pub(crate) const WORDS: HtmlAttr = HtmlAttr::constant("alttext");

/// What a tag announced for the next element of its kind.
#[derive(Default)]
struct Announced {
    claim: Option<usize>,
    words: Option<String>,
    figure: Option<String>,
}

struct Wardrobe<'a> {
    input: &'a PaperInput,
    ledger: &'a [Value],
    /// The claims that were not met yet, by key and text, as indices of the ledger.
    waiting: BTreeMap<(String, String), VecDeque<usize>>,
    label: Label,
}

/// Dresses the tree below `root`.
///
/// # Errors
/// Claims that pages and browsers do not share.
pub(super) fn dress(
    input: &PaperInput,
    claims: &Value,
    root: &mut HtmlElement,
) -> Result<(), Vec<Problem>> {
    let ledger = claims.as_array().map_or(&[][..], Vec::as_slice);
    let mut waiting: BTreeMap<_, VecDeque<usize>> = BTreeMap::new();
    for (index, claim) in ledger.iter().enumerate() {
        waiting.entry((text(claim, "key"), text(claim, "printed"))).or_default().push_back(index);
    }
    let label = Label::new(PicoStr::intern(ledger::CLAIM)).expect("the label's name is not empty");
    let mut wardrobe = Wardrobe { input, ledger, waiting, label };
    wardrobe.visit(root, &mut Announced::default());
    let left: usize = wardrobe.waiting.values().map(VecDeque::len).sum();
    if left > 0 {
        let mut problem = Problem::error(format!("browsers would miss {left} of the claims"));
        problem.hints.push("pages and browsers show the same text; leave out `target`".to_owned());
        return Err(vec![problem]);
    }
    Ok(())
}

fn text(claim: &Value, key: &str) -> String {
    claim[key].as_str().unwrap_or_default().to_owned()
}

impl Wardrobe<'_> {
    fn visit(&mut self, element: &mut HtmlElement, announced: &mut Announced) {
        for node in element.children.make_mut() {
            match node {
                HtmlNode::Tag(Tag::Start(content, _)) => self.announce(content, announced),
                HtmlNode::Element(child) => {
                    self.mark(child, announced);
                    self.visit(child, announced);
                }
                _ => {}
            }
        }
    }

    fn announce(&mut self, content: &Content, announced: &mut Announced) {
        if content.label() == Some(self.label) {
            announced.claim = self.claim(content).or(announced.claim);
        } else if let Some(equation) = content.to_packed::<EquationElem>() {
            let given = equation.alt.get_cloned(Default::default()).map(String::from);
            announced.words = Some(given.unwrap_or_else(|| export::words(&equation.body)));
        } else if let Some(image) = content.to_packed::<ImageElem>() {
            let bytes = &image.source.derived.data;
            let drawn = self.input.figures.iter().find(|(_, figure)| *figure.svg == **bytes);
            announced.figure =
                drawn.filter(|(_, f)| pictures::harmless(&f.svg)).map(|(name, _)| name.clone());
        }
    }

    /// The index of a claim in the ledger; each is met once.
    fn claim(&mut self, content: &Content) -> Option<usize> {
        let metadata = content.to_packed::<MetadataElem>()?;
        let typst::foundations::Value::Dict(claim) = &metadata.value else { return None };
        let field = |name: &str| match claim.get(name) {
            Ok(typst::foundations::Value::Str(text)) => text.to_string(),
            Ok(typst::foundations::Value::Content(content)) => content.plain_text().to_string(),
            _ => String::new(),
        };
        self.waiting.get_mut(&(field("key"), field("printed")))?.pop_front()
    }

    fn mark(&self, element: &mut HtmlElement, announced: &mut Announced) {
        if element.tag == tag::a
            && let Some(index) = announced.claim.take()
        {
            let Some(claim) = self.ledger.get(index) else { return };
            element.attrs.push(attr::class, "claim");
            element.attrs.push(CLAIM, index.to_string());
            for (attribute, key) in [
                ("data-source", "source"),
                ("data-stat", "statistic"),
                ("data-n", "n"),
                ("data-digest", "digest"),
            ] {
                if let Some(value) = claim[key].as_str() {
                    element.attrs.push(HtmlAttr::constant(attribute), value);
                }
            }
            let title = ["source", "statistic"].map(|key| text(claim, key));
            element.attrs.push(attr::title, title.join(", "));
        } else if element.tag == tag::mathml::math
            && let Some(words) = announced.words.take()
        {
            element.attrs.push(WORDS, words);
        } else if element.tag == tag::img
            && let Some(name) = announced.figure.take()
        {
            pictures::mark(element, &name);
        }
    }
}
