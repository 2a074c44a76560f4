//! What signatures are for: one namespace per kind of document, so that a signature under one kind
//! is none under another.

/// Of a bundle's list of digests.
pub const BUNDLE: &str = "bundle@rescience.dev";

/// Of the statement how a paper's results were made.
pub const PROVENANCE: &str = "provenance@rescience.dev";

/// Of the statement whether somebody else's rerun gave the same results.
pub const VERDICT: &str = "verdict@rescience.dev";

/// Of a trace that is shared with others: which key gave which artifacts.
pub const TRACE: &str = "trace@rescience.dev";

/// The longest namespace in bytes.
const LONGEST: usize = 255;

/// What is wrong with a namespace, as a lower-case fragment; none if signatures may be for it.
pub(crate) fn problem(namespace: &str) -> Option<&'static str> {
    if namespace.is_empty() {
        return Some("its namespace is empty");
    }
    if namespace.len() > LONGEST {
        return Some("its namespace is longer than 255 bytes");
    }
    if !namespace.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("its namespace holds something else than visible ASCII characters");
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn namespaces_are_visible_and_differ() {
        for good in [BUNDLE, PROVENANCE, VERDICT, TRACE, "git", "file"] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in ["", "a b", "a\n", "ä", &"x".repeat(LONGEST + 1)] {
            assert!(problem(bad).is_some(), "{bad:?}");
        }
        let ours = BTreeSet::from([BUNDLE, PROVENANCE, VERDICT, TRACE]);
        assert_eq!(ours.len(), 4);
    }
}
