//! What the statement for in-toto says, and that all documents are the same each time.

mod support;

use std::collections::BTreeSet;

use rescience_provenance::{document, documents, slsa};
use serde_json::{Value, json};

#[test]
fn subjects_have_names_of_their_own_and_both_digests() {
    let statement = slsa::statement(&support::sample().account);
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let subjects = statement["subject"].as_array().unwrap();
    let names: BTreeSet<&str> = subjects.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        [
            "made/experiment/baseline.json",
            "made/experiment/layerwise.json",
            "made/figure/curves.svg",
            "made/main.html",
            "made/main.pdf",
        ]
    );
    for subject in subjects {
        for algorithm in ["sha256", "blake3"] {
            assert_eq!(subject["digest"][algorithm].as_str().unwrap().len(), 64);
        }
    }
}

#[test]
fn dependencies_came_from_outside() {
    let predicate = slsa::predicate(&support::sample().account);
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names(&predicate["buildDefinition"]["resolvedDependencies"]),
        [
            "data/primes & \u{fc}nits #1.csv",
            "experiment/Cargo.lock",
            "experiment/Cargo.toml",
            "experiment/src/main.rs",
            "paper/main.typ",
            "rescience.lock",
        ]
    );
    assert_eq!(names(&predicate["runDetails"]["byproducts"]).len(), 8, "four facts, four logs");
    let metadata = &predicate["runDetails"]["metadata"];
    assert!(metadata["startedOn"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        predicate["runDetails"]["builder"]["id"],
        "https://example.org/rescience/builders/local"
    );
}

#[test]
fn the_documents_are_the_same_each_time_and_in_any_order_of_files() {
    let mut account = support::sample().account;
    let first = documents(&account);
    account.files.reverse();
    assert_eq!(documents(&account), first);
}

#[test]
fn keys_are_sorted_however_they_were_put_in() {
    assert_eq!(
        document::json(json!({ "b": { "d": 1, "c": 2 }, "@id": "x" })),
        "{\n  \"@id\": \"x\",\n  \"b\": {\n    \"c\": 2,\n    \"d\": 1\n  }\n}\n"
    );
}
