//! Statements are written the same wherever, and read as in-toto asks.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use rescience_digest::Hashed;
use rescience_sign::statement::provenance::{BuildDefinition, Builder, Metadata, RunDetails};
use rescience_sign::statement::svr::Verifier;
use rescience_sign::statement::test_result::Outcome;
use rescience_sign::statement::{
    self, Provenance, ResourceDescriptor, TestResult, VerificationResult,
};
use rescience_sign::{Envelope, Statement, dsse};
use serde_json::{Value, json};

fn paper() -> ResourceDescriptor {
    ResourceDescriptor::file("out/paper.pdf", &Hashed::of(b"abc"))
}

const SUBJECT: &str = concat!(
    r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"out/paper.pdf","digest":{"#,
    r#""blake3":"6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85","#,
    r#""sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}],"#
);

#[test]
fn provenance_is_written_as_slsa_asks() {
    let predicate = Provenance {
        build_definition: BuildDefinition {
            build_type: "https://rescience.dev/buildtypes/recipe/v1".to_owned(),
            external_parameters: BTreeMap::from([
                ("recipe".to_owned(), json!("rescience.toml")),
                ("profile".to_owned(), json!({"b": 1, "a": [2.5]})),
            ]),
            internal_parameters: BTreeMap::from([("jobs".to_owned(), json!(2))]),
            resolved_dependencies: vec![ResourceDescriptor::git(
                "git+https://example.org/x",
                "d20a",
            )],
        },
        run_details: RunDetails {
            builder: Builder {
                id: "https://rescience.dev/builders/laptop".to_owned(),
                version: BTreeMap::from([("rescience".to_owned(), "0.1.0".to_owned())]),
                builder_dependencies: vec![],
            },
            metadata: Some(Metadata {
                invocation_id: None,
                started_on: Some("2025-03-01T12:00:00.5Z".parse().unwrap()),
                finished_on: Some("2025-03-01T14:00:00+01:00".parse().unwrap()),
            }),
            byproducts: vec![ResourceDescriptor {
                name: Some("log".to_owned()),
                content: Some(b"hi".to_vec()),
                ..ResourceDescriptor::default()
            }],
        },
    };
    let statement = Statement::new(vec![paper()], predicate).unwrap();
    let expected = format!(
        "{SUBJECT}{}",
        concat!(
            r#""predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"#,
            r#""buildType":"https://rescience.dev/buildtypes/recipe/v1","externalParameters":{"#,
            r#""profile":{"a":[2.5],"b":1},"recipe":"rescience.toml"},"internalParameters":{"jobs""#,
            r#":2},"resolvedDependencies":[{"uri":"git+https://example.org/x","digest":{"#,
            r#""gitCommit":"d20a"}}]},"runDetails":{"builder":{"id":"#,
            r#""https://rescience.dev/builders/laptop","version":{"rescience":"0.1.0"}},"#,
            r#""metadata":{"startedOn":"2025-03-01T12:00:00.5Z","finishedOn":"#,
            r#""2025-03-01T13:00:00Z"},"byproducts":[{"name":"log","content":"aGk="}]}}}"#
        )
    );
    assert_eq!(String::from_utf8(statement.to_json()).unwrap(), expected);
    assert_eq!(Statement::<Provenance>::parse(expected.as_bytes()).unwrap(), statement);
    let envelope = Envelope::parse(&statement.envelope().to_json()).unwrap();
    assert_eq!(envelope.payload_type(), dsse::IN_TOTO);
    assert_eq!(envelope.payload(), expected.as_bytes());
}

#[test]
fn a_test_result_is_written_as_in_toto_asks() {
    let predicate = TestResult {
        result: Outcome::Failed,
        configuration: vec![],
        url: None,
        passed_tests: vec!["table 1".to_owned()],
        warned_tests: vec![],
        failed_tests: vec!["figure 2".to_owned()],
    };
    let statement = Statement::new(vec![paper()], predicate).unwrap();
    let expected = format!(
        "{SUBJECT}{}",
        concat!(
            r#""predicateType":"https://in-toto.io/attestation/test-result/v0.1","predicate":{"#,
            r#""result":"FAILED","configuration":[],"passedTests":["table 1"],"#,
            r#""failedTests":["figure 2"]}}"#
        )
    );
    assert_eq!(String::from_utf8(statement.to_json()).unwrap(), expected);
    assert_eq!(Statement::<TestResult>::parse(expected.as_bytes()).unwrap(), statement);
}

#[test]
fn a_verification_result_is_written_as_in_toto_asks() {
    let predicate = VerificationResult {
        verifier: Verifier {
            id: "https://rescience.dev/verifiers/v1".to_owned(),
            policies: vec![],
        },
        time_created: "2025-03-01T00:00:00Z".parse().unwrap(),
        properties: vec!["RESCIENCE_REPRODUCED".to_owned()],
    };
    let statement = Statement::new(vec![paper()], predicate).unwrap();
    let expected = format!(
        "{SUBJECT}{}",
        concat!(
            r#""predicateType":"https://in-toto.io/attestation/svr/v0.2","predicate":{"#,
            r#""verifier":{"id":"https://rescience.dev/verifiers/v1","policies":[]},"#,
            r#""timeCreated":"2025-03-01T00:00:00Z","properties":["RESCIENCE_REPRODUCED"]}}"#
        )
    );
    assert_eq!(String::from_utf8(statement.to_json()).unwrap(), expected);
    assert_eq!(Statement::<VerificationResult>::parse(expected.as_bytes()).unwrap(), statement);
}

/// The least that SLSA takes, and a field of somebody else's in every object.
fn least() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha512": "00"}, "x_y": 1}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"buildType": "b", "externalParameters": {}, "x_y": 1},
            "runDetails": {"builder": {"id": "c", "x_y": 1}, "metadata": {"x_y": 1}, "x_y": 1},
            "x_y": 1,
        },
        "x_y": 1,
    })
}

#[test]
fn fields_that_nobody_knows_are_passed_over() {
    let bytes = least().to_string().into_bytes();
    let read = Statement::<Provenance>::parse(&bytes).unwrap();
    assert_eq!(read.predicate().run_details.builder.id, "c");
    assert_eq!(read.subject()[0].digest.0["sha512"], "00");
    assert_eq!(statement::predicate_type(&bytes).unwrap(), "https://slsa.dev/provenance/v1");
}

#[test]
fn what_is_no_statement_is_refused() {
    let mut cases = Vec::new();
    for (place, value, why) in [
        ("/_type", json!("https://in-toto.io/Statement/v0.1"), "`_type`"),
        ("/subject", json!([]), "about nothing"),
        ("/subject/0/digest", json!({}), "has no digest"),
        ("/subject", json!([{"digest": {"a": "0"}}, {"name": "x", "digest": {"a": "0"}}]), "names"),
        ("/predicateType", json!("https://slsa.dev/provenance/v0.2"), "no `https://slsa.dev/prov"),
        ("/predicate", json!({}), "buildDefinition"),
        ("/predicate/runDetails/builder", json!({}), "`id`"),
        ("/predicate/runDetails/metadata", json!({"startedOn": "today"}), "failed to parse"),
    ] {
        let mut json = least();
        *json.pointer_mut(place).unwrap() = value;
        cases.push((json.to_string(), why));
    }
    cases.push((String::new(), "EOF"));
    for (bad, why) in cases {
        let found = Statement::<Provenance>::parse(bad.as_bytes()).unwrap_err().to_string();
        assert!(found.starts_with("the statement is refused: "), "{found}");
        assert!(found.contains(why), "{bad}: {found}");
    }
    let twice = Statement::new(
        vec![paper(), paper()],
        TestResult {
            result: Outcome::Passed,
            configuration: vec![],
            url: None,
            passed_tests: vec![],
            warned_tests: vec![],
            failed_tests: vec![],
        },
    );
    assert!(twice.unwrap_err().to_string().contains("names of their own"));
}

#[test]
fn mutated_statements_never_panic() {
    let sound = least().to_string();
    let config = ProptestConfig {
        cases: 2048,
        rng_seed: RngSeed::Fixed(20_260_131),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let change = (0..sound.len(), 0_usize..20, "[-+.a-zA-Z0-9{}\\[\\]:,\" ]{0,8}");
    TestRunner::new(config)
        .run(&change, |(at, remove, put)| {
            let mut bytes = sound.clone().into_bytes();
            bytes.splice(at..(at + remove).min(sound.len()), put.into_bytes());
            drop(statement::predicate_type(&bytes));
            if let Ok(read) = Statement::<Provenance>::parse(&bytes) {
                assert_eq!(Statement::parse(&read.to_json()).unwrap(), read);
            }
            Ok(())
        })
        .unwrap();
}
