//! Drawings inside the page instead of beside it, so that their text can be found and read.

use std::collections::BTreeMap;

use typst_html::{HtmlAttr, HtmlElement, attr};

/// The attribute that names a figure artifact.
pub(crate) const FIGURE: HtmlAttr = HtmlAttr::constant("data-figure");

/// What stands for the drawing until the tree is text.
const MARK: &str = "about:rescience-figure/";

/// Whether a drawing only draws: inside the page, a script would run.
pub(super) fn harmless(svg: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(svg) else { return false };
    let lower = text.to_ascii_lowercase();
    let forbidden = ["<script", "<foreignobject", "javascript:", "<!entity", "<style"];
    text.trim_start().starts_with("<svg")
        && !forbidden.iter().any(|word| lower.contains(word))
        && !lower.match_indices("on").any(|(at, _)| handler(&lower, at))
}

/// Whether an attribute such as `onload=` begins there.
fn handler(svg: &str, at: usize) -> bool {
    let begins = svg[..at].ends_with(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '/'));
    let rest = svg[at..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    // A value is in quotes in what draws for us; words beside an equals sign are no attribute.
    let value = rest.trim_start().strip_prefix('=').map(str::trim_start);
    begins && value.is_some_and(|value| value.starts_with(['"', '\'']))
}

/// Names the drawing of an `img`, whose data is then left out.
pub(super) fn mark(image: &mut HtmlElement, name: &str) {
    if let Some(source) = image.attrs.get_mut(attr::src) {
        *source = format!("{MARK}{name}").into();
    }
    image.attrs.push(FIGURE, name);
}

/// Puts the drawings where [`mark`] named them.
pub(super) fn inlined(html: &str, drawings: &BTreeMap<&str, &[u8]>) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(&format!("<img src=\"{MARK}")) {
        let (before, image) = rest.split_at(at);
        out.push_str(before);
        let end = image.find('>').map_or(image.len(), |end| end + 1);
        let name = image[..end].split('"').nth(1).and_then(|source| source.strip_prefix(MARK));
        let svg =
            name.and_then(|name| Some((name, std::str::from_utf8(drawings.get(name)?).ok()?)));
        if let Some((name, svg)) = svg {
            let svg = svg.trim();
            out.push_str(&format!(
                "<svg data-figure=\"{name}\"{}",
                own_ids(&svg["<svg".len().min(svg.len())..], name)
            ));
        }
        rest = &image[end..];
    }
    out.push_str(rest);
    out
}

/// Gives the ids of a drawing its name, since a page may hold several drawings.
fn own_ids(svg: &str, name: &str) -> String {
    let prefix = format!("{name}-");
    svg.replace(" id=\"", &format!(" id=\"{prefix}"))
        .replace("url(#", &format!("url(#{prefix}"))
        .replace("href=\"#", &format!("href=\"#{prefix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_takes_the_place_of_its_image() {
        let svg = b"<svg width=\"1pt\"><path id=\"a\"/><use href=\"#a\"/></svg>\n".as_slice();
        let html = format!("<p>x</p><img src=\"{MARK}curves\" alt=\"y\"><p>z</p>");
        assert_eq!(
            inlined(&html, &BTreeMap::from([("curves", svg)])),
            "<p>x</p><svg data-figure=\"curves\" width=\"1pt\">\
             <path id=\"curves-a\"/><use href=\"#curves-a\"/></svg><p>z</p>"
        );
        assert_eq!(inlined("<img src=\"data:x\">", &BTreeMap::new()), "<img src=\"data:x\">");
    }

    #[test]
    fn drawings_that_could_do_something_stay_outside() {
        assert!(harmless(b"<svg><title>val = on a log axis, once one=1</title></svg>"));
        assert!(!harmless(b"<svg><script>alert(1)</script></svg>"));
        assert!(!harmless(b"<svg onload=\"alert(1)\"></svg>"));
        assert!(!harmless(b"\xff"));
    }
}
