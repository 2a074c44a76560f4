//! Every code has an explanation whose examples do what it says.

use std::collections::BTreeSet;

use rescience_recipes::{Code, Diagnostics, parse};

/// Adds the nodes that an example leaves out because they are not its point.
fn completed(example: &str) -> String {
    let mut text = example.to_owned();
    let usual = [
        ("[project]", "[project]\nname = \"my-paper\"\n"),
        ("[source.template]", "[source.template]\npath = \"experiment\"\n"),
        (
            "[experiment.baseline]",
            "[experiment.baseline]\nsource = \"source.template\"\nbuild = \"cargo\"\nrun = [\"x\"]\n",
        ),
    ];
    if text.lines().all(|line| line.is_empty() || line.starts_with('#')) {
        return text;
    }
    for (header, node) in usual {
        if !text.contains(header) {
            text.push('\n');
            text.push_str(node);
        }
    }
    text
}

fn examples(explanation: &str) -> Vec<&str> {
    let mut examples = Vec::new();
    let mut rest = explanation;
    while let Some((_, after)) = rest.split_once("```toml\n") {
        let (example, after) = after.split_once("```").expect("a fence is closed");
        examples.push(example);
        rest = after;
    }
    examples
}

fn codes(found: &Diagnostics) -> BTreeSet<Code> {
    found.items.iter().map(|item| item.code).collect()
}

#[test]
fn every_explanation_begins_with_its_code_and_a_title() {
    for code in Code::ALL {
        let start = format!("# {code}: ");
        assert!(code.explain().starts_with(&start), "{code}: {}", code.explain());
        assert!(code.title().len() > 5, "{code}");
        assert!(
            code.explain().lines().all(|line| line.len() <= 120 || line.contains("[[[")),
            "{code}"
        );
        assert!(code.explain().lines().count() > 6, "{code} is not explained");
    }
}

#[test]
fn erroneous_examples_yield_their_code_and_corrected_ones_parse() {
    let mut tried = 0;
    for code in Code::ALL.iter().filter(|code| code.as_str() < "RS0100") {
        let examples = examples(code.explain());
        let (erroneous, corrected) = match examples[..] {
            [erroneous, corrected] => (Some(erroneous), corrected),
            // What is no text, or 16 MiB of it, cannot stand in a text.
            [corrected] if matches!(code, Code::NotUtf8 | Code::TooLarge) => (None, corrected),
            _ => panic!("{code} needs an erroneous and a corrected example"),
        };
        if let Some(erroneous) = erroneous {
            match parse("rescience.toml", &completed(erroneous)) {
                Ok(_) => panic!("{code}: the erroneous example is right"),
                Err(found) => assert_eq!(codes(&found), BTreeSet::from([*code]), "{code}: {found}"),
            }
            tried += 1;
        }
        if let Err(found) = parse("rescience.toml", &completed(corrected)) {
            panic!("{code}: the corrected example is wrong:\n{found}");
        }
    }
    assert_eq!(tried, 31);
}

#[test]
fn codes_are_read_as_people_write_them() {
    for text in ["RS0007", "rs0007", " rs7 ", "7"] {
        assert_eq!(Code::parse(text), Some(Code::DanglingName), "{text}");
    }
    for text in ["", "RS", "RS9999", "E0007", "-7", "7.0", "éé7"] {
        assert_eq!(Code::parse(text), None, "{text}");
    }
}

#[test]
fn no_code_has_two_numbers_and_no_number_two_codes() {
    let numbers: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(numbers.len(), Code::ALL.len());
}
