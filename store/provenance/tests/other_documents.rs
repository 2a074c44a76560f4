//! What the other formats want, rule by rule.

mod support;

use std::collections::BTreeSet;

use rescience_provenance::account::Account;
use rescience_provenance::checklist::{self, Answer, Question, Verdict};
use rescience_provenance::{citation, croissant, document, documents, readme, slsa};
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

#[test]
fn an_answer_that_is_given_stands_before_one_that_is_derived() {
    let mut account = support::sample().account;
    let answer = Answer {
        question: Question::Compute,
        verdict: Some(Verdict::No),
        because: "the cluster's meters were off".to_owned(),
    };
    account.answers.push(answer.clone());
    let answers = checklist::answers(&account);
    assert_eq!(answers.len(), 16);
    assert!(answers.contains(&(Question::Compute, Some(answer))));
}

#[test]
fn nothing_is_answered_where_nothing_is_known() {
    let account =
        Account { actions: Vec::new(), data_sets: Vec::new(), ..support::sample().account };
    assert!(checklist::answers(&account).iter().all(|(_, answer)| answer.is_none()));
    let form = checklist::json(&account);
    assert_eq!(form["questions"][0]["answer"], json!(null));
    assert!(checklist::markdown(&account).contains("- Answer: to be answered by the authors\n"));
}

#[test]
fn compute_is_not_summed_over_runs_that_nobody_measured() {
    let mut account = support::sample().account;
    account.actions[1].usage.cpu_seconds = None;
    let markdown = checklist::markdown(&account);
    assert!(markdown.contains("42.0 s of wall time") && !markdown.contains("CPU time"));
}

#[test]
fn the_readme_tells_the_commands() {
    let text = readme::readme(&support::sample().account);
    for command in [
        "b3sum -c manifest-blake3.txt",
        "sha256sum -c manifest-sha256.txt",
        "rescience verify .",
        "rescience build",
        "rescience reproduce .",
    ] {
        assert!(text.lines().any(|line| line == command), "{command}");
    }
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
