//! Whatever people call their work and themselves survives a reader that is not ours.

mod support;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};
use rescience_provenance::account::{Account, Author, Name};
use rescience_provenance::{citation, codemeta, document, documents, readme, ro_crate};
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;

/// Texts, and those that readers of YAML and Markdown are known to stumble over.
fn text() -> impl Strategy<Value = String> {
    let tricks = [
        "no",
        "1.0",
        "- x",
        "~",
        "null",
        "yes: no",
        "a: b",
        "# x",
        "x # y",
        "'",
        "\"",
        "\\",
        "|",
        ">",
        "&a",
        "*a",
        "!t",
        "%d",
        "@",
        "`",
        "{a: b}",
        "[a]",
        "---",
        "...",
        "? x",
        "2026-08-22",
        "0x1f",
        "1e3",
        ".inf",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "a\nb",
        "a\r\nb",
        "\ta",
        " a ",
        "\u{7f}",
        "\u{1f980}\u{200d}\u{1f52c}",
        "e\u{301}",
        "\u{202e}abc",
        "<b>",
        "<!--",
        "&amp;",
        "[x](y)",
        "![x](y)",
        "**x**",
        "_x_",
        "~~x~~",
        "1. x",
        "2) x",
        "+ x",
        "===",
        "| a | b |",
        "$x$",
        "\u{fffe}",
        "\u{ffff}",
        "\u{0}",
        "\u{1b}[31m",
        "trailing #",
        "https://x.org",
    ];
    prop_oneof![
        any::<String>(),
        prop::sample::select(tricks.to_vec()).prop_map(str::to_owned),
        (prop::sample::select(tricks.to_vec()), any::<String>())
            .prop_map(|(a, b)| a.to_owned() + &b),
    ]
}

fn account(title: &str, given: &str, family: &str, words: &[String]) -> Account {
    let mut account = support::sample().account;
    let nobody = Author {
        name: Name::Whole(given.to_owned()),
        orcid: Some(family.to_owned()),
        affiliation: None,
        email: Some(title.to_owned()),
    };
    let parts = Name::Parts { given: given.to_owned(), family: family.to_owned() };
    let mut author = Author { name: parts, ..nobody.clone() };
    author.affiliation = account.project.publisher.clone();
    let project = &mut account.project;
    project.authors = vec![author, nobody];
    project.title = title.to_owned();
    project.description = Some(family.to_owned());
    project.keywords = words.to_vec();
    account
}

/// What a reader of Markdown takes for the first heading.
fn heading(markdown: &str) -> String {
    let mut inside = false;
    let mut text = String::new();
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => inside = true,
            Event::End(TagEnd::Heading(_)) => return text,
            Event::Text(part) if inside => text.push_str(&part),
            other if inside => panic!("{other:?} in a heading"),
            _ => {}
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: RngSeed::Fixed(20_260_131),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_citation_reads_back(title in text(), given in text(), family in text(), words in prop::collection::vec(text(), 0..3)) {
        let account = account(&title, &given, &family, &words);
        let text = citation::citation(&account);
        let found = Yaml::load_from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(found.len(), 1);
        let map = &found[0];
        let blank = |text: &str| text.trim().is_empty();
        let expected = if blank(&title) { "layerwise" } else { &title };
        prop_assert_eq!(map["title"].as_str(), Some(expected));
        prop_assert_eq!(map["preferred-citation"]["title"].as_str(), Some(expected));
        prop_assert_eq!(map.as_mapping_get("abstract").and_then(Yaml::as_str), (!blank(&family)).then_some(family.as_str()));
        let author = &map["authors"][0];
        if !blank(&family) {
            prop_assert_eq!(author["family-names"].as_str(), Some(family.as_str()));
        }
        if !blank(&given) {
            prop_assert_eq!(author["given-names"].as_str(), Some(given.as_str()));
            prop_assert_eq!(map["authors"][1]["name"].as_str(), Some(given.as_str()));
        }
        // A line of the file is a line of ours: no text breaks out of its own.
        prop_assert!(text.lines().all(|line| line.trim_start().starts_with("- ") || line.contains(':')));
    }

    #[test]
    fn json_documents_read_back(title in text(), given in text(), family in text(), words in prop::collection::vec(text(), 0..3)) {
        let account = account(&title, &given, &family, &words);
        let crate_text = document::json(ro_crate::metadata(&account));
        let found: Value = serde_json::from_str(&crate_text).unwrap();
        let root = found["@graph"].as_array().unwrap().iter().find(|it| it["@id"] == "./").unwrap();
        prop_assert_eq!(root["name"].as_str(), Some(title.as_str()));
        let found: Value = serde_json::from_str(&document::json(codemeta::codemeta(&account))).unwrap();
        prop_assert_eq!(found["author"][0]["familyName"].as_str(), Some(family.as_str()));
    }

    #[test]
    fn a_title_is_a_heading_and_nothing_more(title in text(), given in text(), family in text()) {
        let account = account(&title, &given, &family, &[]);
        let text = readme::readme(&account);
        let clean = title.replace(char::is_control, " ");
        let expected: Vec<&str> = clean.split_whitespace().collect();
        prop_assert_eq!(heading(&text), expected.join(" "), "{}", text.lines().next().unwrap());
        // The commands stay where they are.
        let commands = text.lines().filter(|line| *line == "rescience verify .").count();
        prop_assert_eq!(commands, 1);
    }

    #[test]
    fn names_of_everything_keep_the_crate_whole(name in text(), other in text()) {
        let mut account = support::sample().account;
        account.project.name.clone_from(&name);
        for program in &mut account.programs {
            program.id = format!("{name}{}", program.id);
            program.toolchain.insert(other.clone(), name.clone());
        }
        for action in &mut account.actions {
            action.node.push_str(&name);
            action.label.push_str(&other);
            if let Some(program) = &mut action.program {
                *program = format!("{name}{program}");
            }
            action.argv.push(other.clone());
            action.sandbox = Some(other.clone());
            action.environment.insert(other.clone(), name.clone());
            action.parameters.insert(name.clone(), Value::from(other.as_str()));
        }
        prop_assert_eq!(account.problems(), Vec::<String>::new());
        for document in documents(&account) {
            let text = String::from_utf8(document.bytes).unwrap();
            if document.path.ends_with(".json") {
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            }
        }
        let metadata = ro_crate::metadata(&account);
        for entity in metadata["@graph"].as_array().unwrap() {
            let id = entity["@id"].as_str().unwrap();
            prop_assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{}", id);
        }
    }
}
