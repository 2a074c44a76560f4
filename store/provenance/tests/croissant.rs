//! What Croissant requires, and what its validator does not say.

mod support;

use rescience_provenance::{croissant, document};
use serde_json::Value;

#[test]
fn a_data_set_says_what_it_lacks() {
    let mut account = support::sample().account;
    assert!(croissant::missing(&account, &account.data_sets[0]).is_empty());
    let set = &mut account.data_sets[0];
    (set.license, set.url, set.description) = (None, None, None);
    account.project.authors.clear();
    set.path = "nowhere".to_owned();
    assert_eq!(
        croissant::missing(&account, &account.data_sets[0]),
        ["description", "license", "url", "creator", "distribution"]
    );
}

#[test]
fn a_data_set_that_was_made_says_by_what() {
    let mut account = support::sample().account;
    account.data_sets[0].path = "made/experiment".to_owned();
    let document = croissant::croissant(&account, &account.data_sets[0]);
    let makers = document["prov:wasGeneratedBy"].as_array().unwrap();
    let labels: Vec<&Value> = makers.iter().map(|it| &it["prov:label"]).collect();
    assert_eq!(labels, ["experiment.baseline", "experiment.layerwise"]);
    assert!(document.get("recordSet").is_none(), "its columns are in another file");
}

#[test]
fn identifiers_of_data_hold_no_spaces() {
    let account = support::sample().account;
    let text = document::json(croissant::croissant(&account, &account.data_sets[0]));
    for line in text.lines().filter(|line| line.contains("\"@id\"")) {
        let id = line.split_once("\"@id\": ").unwrap().1;
        assert!(!id.contains([' ', '%', '#']), "{line}");
    }
}
