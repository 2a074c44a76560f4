//! What the validators of RO-Crate want, rule by rule, since they do not run here.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use rescience_provenance::account::{Account, Content, Kind, Outcome, Slot};
use rescience_provenance::ro_crate;
use serde_json::{Value, json};

fn graph(account: &Account) -> BTreeMap<String, Value> {
    let metadata = ro_crate::metadata(account);
    let entities = metadata["@graph"].as_array().unwrap();
    let by_id: BTreeMap<String, Value> =
        entities.iter().map(|it| (it["@id"].as_str().unwrap().to_owned(), it.clone())).collect();
    assert_eq!(by_id.len(), entities.len(), "an identifier is there twice");
    by_id
}

/// The entities of a type.
fn of_type<'a>(graph: &'a BTreeMap<String, Value>, name: &str) -> Vec<&'a Value> {
    let has = |entity: &&Value| match &entity["@type"] {
        Value::Array(types) => types.contains(&json!(name)),
        one => one == name,
    };
    graph.values().filter(has).collect()
}

/// The identifiers that a property links to.
fn links(entity: &Value, property: &str) -> Vec<String> {
    let one = |value: &Value| value["@id"].as_str().unwrap().to_owned();
    match &entity[property] {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().map(one).collect(),
        value => vec![one(value)],
    }
}

fn walk(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    match value {
        Value::Array(values) => values.iter().for_each(|it| walk(it, see)),
        Value::Object(map) => map.values().for_each(|it| walk(it, see)),
        _ => {}
    }
}

#[test]
fn a_list_of_one_is_that_one_and_nothing_is_null() {
    for entity in graph(&support::sample().account).values() {
        walk(entity, &mut |value| {
            assert!(!value.is_null(), "{entity}");
            assert!(value.as_array().is_none_or(|values| values.len() > 1), "{entity}");
        });
    }
}

#[test]
fn times_have_their_offset_in_figures() {
    let graph = graph(&support::sample().account);
    let mut seen = 0;
    for entity in graph.values() {
        for property in ["startTime", "endTime", "datePublished"] {
            if let Some(time) = entity[property].as_str() {
                assert!(time.ends_with("+00:00") && [25, 29].contains(&time.len()), "{time}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 1 + 2 * (10 - 1) + 2 * 2, "root, nine actions, the recipe's, the engine's");
}

#[test]
fn every_link_leads_to_an_entity_or_into_the_web() {
    let graph = graph(&support::sample().account);
    for entity in graph.values() {
        walk(entity, &mut |value| {
            if let Some(id) = value.as_object().and_then(|map| map.get("@id")?.as_str()) {
                assert!(graph.contains_key(id) || id.starts_with("https://"), "{id} of {entity}");
            }
        });
    }
}

#[test]
fn every_file_and_folder_is_part_of_the_root_under_an_encoded_name() {
    let sample = support::sample();
    let graph = graph(&sample.account);
    let parts: BTreeSet<String> = links(&graph["./"], "hasPart").into_iter().collect();
    let folders = ["data/", "experiment/"];
    assert_eq!(parts.len(), sample.account.files.len() + folders.len());
    assert!(parts.contains("data/primes%20%26%20%C3%BCnits%20%231.csv"));
    assert!(folders.iter().all(|it| parts.contains(*it) && graph[*it]["@type"] == "Dataset"));
    assert_eq!(links(&graph["experiment/"], "hasPart").len(), 3);
    for file in of_type(&graph, "File") {
        assert!(parts.contains(file["@id"].as_str().unwrap()));
        assert_eq!(file["sha256"].as_str().unwrap().len(), 64);
    }
}

#[test]
fn the_documents_made_last_are_no_files_of_the_crate() {
    let mut account = support::sample().account;
    for path in [ro_crate::PATH, "manifest-sha256.txt", "manifest-blake3.txt"] {
        let mut file = account.files[0].clone();
        file.path = path.to_owned();
        account.files.push(file);
    }
    assert_eq!(graph(&account), graph(&support::sample().account));
}

#[test]
fn the_engine_organizes_control_actions_and_nothing_else() {
    let sample = support::sample();
    let graph = graph(&sample.account);
    let [organize] = of_type(&graph, "OrganizeAction")[..] else { panic!("one engine run") };
    let objects = links(organize, "object");
    assert_eq!(objects.len(), sample.account.actions.len());
    for id in objects {
        assert_eq!(graph[&id]["@type"], "ControlAction");
        let [object] = &links(&graph[&id], "object")[..] else { panic!("one action") };
        let [step] = &links(&graph[&id], "instrument")[..] else { panic!("one step") };
        assert_eq!(graph[object]["@type"], "CreateAction");
        assert_eq!(graph[step]["@type"], "HowToStep");
        assert_eq!(links(&graph[step], "workExample"), links(&graph[object], "instrument"));
    }
    let [whole] = &links(organize, "result")[..] else { panic!("one run of the recipe") };
    assert_eq!(links(&graph[whole], "instrument"), ["rescience.toml"]);
    assert!(links(&graph[whole], "object").contains(&"rescience.lock".to_owned()));
}

#[test]
fn steps_are_in_the_order_of_their_positions() {
    let graph = graph(&support::sample().account);
    let steps = links(&graph["rescience.toml"], "step");
    let names: Vec<&str> = steps.iter().map(|id| graph[id]["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "build experiment.baseline",
            "run experiment.baseline",
            "run experiment.layerwise",
            "results experiment.baseline",
            "results experiment.layerwise",
            "figure figure.curves",
            "paper paper.main",
        ]
    );
    let positions: Vec<&Value> = steps.iter().map(|id| &graph[id]["position"]).collect();
    assert_eq!(positions, ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(links(&graph["#step/2"], "buildInstructions"), ["experiment/Cargo.lock"]);
}

#[test]
fn parameters_are_shown_by_data_and_the_data_say_so() {
    let graph = graph(&support::sample().account);
    let formals = of_type(&graph, "FormalParameter");
    assert!(formals.len() > 10);
    for formal in formals {
        let examples = links(formal, "workExample");
        assert!(!examples.is_empty() && !formal["additionalType"].is_null(), "{formal}");
        for id in examples {
            let example = &graph[&id];
            assert!(
                ["File", "Dataset", "PropertyValue"].contains(&example["@type"].as_str().unwrap())
            );
            let own = formal["@id"].as_str().unwrap().to_owned();
            assert!(links(example, "exampleOfWork").contains(&own), "{example}");
        }
    }
    let types = ["lr", "steps", "tied", "operation", "layers", "seed"]
        .map(|name| graph[&format!("#told/grokking/{name}")]["additionalType"].clone());
    assert_eq!(types, ["Float", "Integer", "Boolean", "Text", "PropertyValue", "Integer"]);
}

#[test]
fn seeds_keep_all_their_digits() {
    let graph = graph(&support::sample().account);
    let values: Vec<&Value> = links(&graph["#told/grokking/seed"], "workExample")
        .iter()
        .map(|id| &graph[id]["value"])
        .collect();
    assert_eq!(values, ["1", "9007199254740993"]);
}

#[test]
fn what_one_tool_makes_and_another_reads_is_connected() {
    let graph = graph(&support::sample().account);
    let ends = |entity: &&Value| {
        let source = links(entity, "sourceParameter").concat();
        format!("{source} -> {}", links(entity, "targetParameter").concat())
    };
    let connections: Vec<String> =
        of_type(&graph, "ParameterConnection").iter().map(ends).collect();
    assert!(connections.contains(&"#made/grokking/metrics -> #read/-results/metrics".to_owned()));
    assert!(connections.contains(&"#made/-figure/figure -> #read/-paper/figure.curves".to_owned()));
    let steps = of_type(&graph, "HowToStep");
    let named: BTreeSet<String> = steps.iter().flat_map(|it| links(it, "connection")).collect();
    assert_eq!(named.len(), connections.len());
}

#[test]
fn a_failed_run_says_why_and_nothing_else_failed() {
    let graph = graph(&support::sample().account);
    let failed: Vec<&Value> = graph.values().filter(|entity| !entity["error"].is_null()).collect();
    assert_eq!(failed.len(), 2, "the run and the engine's action for it");
    for entity in &failed {
        assert_eq!(entity["actionStatus"], "http://schema.org/FailedActionStatus");
        assert_eq!(entity["error"], "it ran longer than 10min");
    }
    let all = graph.values().filter(|entity| !entity["actionStatus"].is_null()).count();
    let done = |it: &&Value| it["actionStatus"] == "http://schema.org/CompletedActionStatus";
    assert_eq!(graph.values().filter(done).count(), all - failed.len());
}

#[test]
fn without_its_paper_the_whole_failed() {
    let mut account = support::sample().account;
    account.actions.retain(|action| action.kind != Kind::Paper);
    let graph = graph(&account);
    let [organize] = of_type(&graph, "OrganizeAction")[..] else { panic!("one engine run") };
    assert_eq!(
        organize["error"],
        "experiment.layerwise/seed=9007199254740993: it ran longer than 10min"
    );
}

#[test]
fn what_was_not_measured_is_not_there() {
    let graph = graph(&support::sample().account);
    let count = |name: &str| graph.values().filter(|it| it["name"] == name).count();
    assert_eq!(count("acceleratorEnergy"), 2);
    assert_eq!(count("acceleratorPeakMemory"), 0);
    assert_eq!(count("wallTime"), 4);
    let mut account = support::sample().account;
    account.actions[1].usage.wall_seconds = Some(f64::NAN);
    let graph = self::graph(&account);
    assert_eq!(graph.values().filter(|it| it["name"] == "wallTime").count(), 3);
}

#[test]
fn facts_and_logs_tell_of_their_run() {
    let sample = support::sample();
    let graph = graph(&sample.account);
    let run = &sample.account.actions[1];
    for path in run.facts.iter().chain(&run.logs) {
        let [action] = &links(&graph[path.as_str()], "about")[..] else { panic!("one action") };
        assert_eq!(graph[action]["name"], run.label.as_str());
    }
    let action = graph.values().find(|it| it["name"] == run.label.as_str()).unwrap();
    assert!(links(action, "object").contains(run.facts.as_ref().unwrap()));
    assert_eq!(action["description"], r"grokking --note 'it'\''s here'");
}

#[test]
fn the_same_action_twice_is_two_actions() {
    let mut account = support::sample().account;
    account.actions.push(account.actions[1].clone());
    let before = of_type(&graph(&support::sample().account), "CreateAction").len();
    assert_eq!(of_type(&graph(&account), "CreateAction").len(), before + 1);
}

#[test]
fn what_is_not_in_the_bundle_is_a_problem_and_left_out() {
    let mut account = support::sample().account;
    let missing = Slot { name: "x".to_owned(), content: Content::Path("no/such".to_owned()) };
    account.actions[1].inputs.push(missing);
    account.actions[1].program = Some("nobody".to_owned());
    account.project.authors[1].orcid = Some("0000".to_owned());
    let problems = account.problems();
    assert_eq!(
        problems,
        [
            "experiment.baseline/seed=1 names `no/such`, which is not in the bundle",
            "experiment.baseline/seed=1 ran `nobody`, which is no program",
            "`0000` of The \"no\" collective: \u{1f980} & friends is no ORCID",
        ]
    );
    let graph = graph(&account);
    assert!(graph.values().all(|it| !it.to_string().contains("no/such")));
    assert_eq!(graph["https://example.org/layerwise#program/nobody"]["name"], "nobody");
}

#[test]
fn a_project_that_says_little_is_described_by_what_it_says() {
    let mut account = support::sample().account;
    let project = &mut account.project;
    (project.license, project.description, project.url) = (None, None, None);
    (project.publisher, project.authors, project.keywords) = (None, Vec::new(), Vec::new());
    let graph = graph(&account);
    let root = &graph["./"];
    assert_eq!(graph["#license"]["name"], "No licence is stated");
    assert_eq!(links(root, "license"), ["#license"]);
    assert!(root["description"].as_str().unwrap().contains("per-layer"));
    for absent in ["author", "publisher", "keywords", "url", "identifier"] {
        assert!(root[absent].is_null(), "{absent}");
    }
    assert!(of_type(&graph, "Person").is_empty());
}

#[test]
fn an_expression_of_licences_is_kept_whole() {
    let mut account = support::sample().account;
    account.project.license = Some("MIT OR Apache-2.0".to_owned());
    assert_eq!(graph(&account)["#license"]["name"], "MIT OR Apache-2.0");
}

#[test]
fn what_a_failed_action_left_is_no_result_of_the_recipe() {
    let mut account = support::sample().account;
    let paper = account.actions.last_mut().unwrap();
    paper.outcome = Outcome::Failed("a number came from nowhere".to_owned());
    let graph = graph(&account);
    let [organize] = of_type(&graph, "OrganizeAction")[..] else { panic!("one engine run") };
    let whole = &graph[&links(organize, "result").concat()];
    assert!(!links(whole, "result").contains(&"made/main.pdf".to_owned()));
    assert_eq!(whole["actionStatus"], "http://schema.org/FailedActionStatus");
}
