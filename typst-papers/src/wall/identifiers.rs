//! Digits of identifiers: where a cited thing is to be found, as its own link says.

use typst::syntax::{LinkedNode, Span, SyntaxKind};

use super::place::Place;

/// Whether the digits at a span are those of the address that a link leads to: of a DOI or an arXiv
/// id, in full. Other addresses can say anything.
pub(super) fn is_identifier(place: &Place, span: Span) -> bool {
    let root = LinkedNode::new(place.source.root());
    let Some(node) = root.find(span) else { return false };
    let mut up = Some(node.clone());
    while let Some(node) = up {
        if node.kind() == SyntaxKind::Link {
            return identifier(node.leaf_text()).is_some();
        }
        if node.kind() == SyntaxKind::FuncCall {
            return is_own_link(&node);
        }
        up = node.parent().cloned();
    }
    false
}

/// Whether a call is a link that shows its address, or the identifier in it.
fn is_own_link(call: &LinkedNode<'_>) -> bool {
    let Some(callee) = call.children().next() else { return false };
    let Some(args) = call.children().find(|c| c.kind() == SyntaxKind::Args) else { return false };
    let given = |kind| args.children().find(|child| child.kind() == kind);
    let (Some(address), true) = (given(SyntaxKind::Str), callee.leaf_text() == "link") else {
        return false;
    };
    let address = address.leaf_text().trim_matches('"').to_owned();
    let Some(id) = identifier(&address) else { return false };
    let Some(body) = given(SyntaxKind::ContentBlock) else { return true };
    let body = body.get().full_text().to_string();
    let shown = body.trim_matches(['[', ']']).trim();
    let shown = shown.trim_start_matches("arXiv:").trim_start_matches("doi:").trim_start();
    shown == id || shown == address || Some(shown) == address.strip_prefix("https://")
}

/// The DOI or arXiv id of an address.
fn identifier(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    if let Some(doi) = rest.strip_prefix("doi.org/") {
        let (prefix, suffix) = doi.strip_prefix("10.")?.split_once('/')?;
        let numeric = (4..=9).contains(&prefix.len()) && prefix.chars().all(|c| c.is_ascii_digit());
        return (numeric && !suffix.is_empty() && !suffix.contains('%')).then_some(doi);
    }
    let id = rest.strip_prefix("arxiv.org/abs/").or_else(|| rest.strip_prefix("arxiv.org/pdf/"))?;
    let (month, number) = id.split_once('.')?;
    let number = number.split('v').next().unwrap_or_default();
    let all = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    (month.len() == 4 && (4..=5).contains(&number.len()) && all(month) && all(number)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_identifiers_count() {
        assert_eq!(identifier("https://arxiv.org/abs/2201.02177"), Some("2201.02177"));
        assert_eq!(identifier("https://doi.org/10.5281/zenodo.1"), Some("10.5281/zenodo.1"));
        for address in [
            "https://doi.org/97.5",
            "https://example.org/97",
            "https://arxiv.org/abs/97.5",
            "10.5281/x",
        ] {
            assert_eq!(identifier(address), None, "{address}");
        }
    }
}
