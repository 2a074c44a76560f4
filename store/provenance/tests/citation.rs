//! A citation holds what its schema knows, and a title and an author in any case.

mod support;

use rescience_provenance::citation;

#[test]
fn a_licence_that_the_citation_format_does_not_know_is_left_out() {
    let cite = |license: &str| {
        let mut account = support::sample().account;
        account.project.license = Some(license.to_owned());
        citation::citation(&account)
    };
    assert!(cite("MIT").contains("\nlicense: \"MIT\"\n"));
    assert!(cite("MIT OR Apache-2.0").contains("\nlicense:\n  - \"MIT\"\n  - \"Apache-2.0\"\n"));
    for unknown in ["all rights reserved", "MIT AND Zlib", ""] {
        assert!(!cite(unknown).contains("license"), "{unknown}");
    }
}

#[test]
fn a_citation_has_an_author_and_a_title_at_least() {
    let mut account = support::sample().account;
    account.project.authors.clear();
    account.project.title = " ".to_owned();
    let text = citation::citation(&account);
    assert!(text.contains("title: \"layerwise\"\n"));
    assert!(text.contains("authors:\n  - name: \"The authors of layerwise\"\n"));
    account.project.doi = Some("https://doi.org/10.5281/zenodo.1".to_owned());
    assert!(!citation::citation(&account).contains("doi"));
    account.project.doi = Some("10.5281/zenodo.1".to_owned());
    assert!(citation::citation(&account).contains("\ndoi: \"10.5281/zenodo.1\"\n"));
}
