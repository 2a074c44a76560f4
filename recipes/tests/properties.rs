//! What holds for every text: the reader never panics, and names and values read back.

#[expect(dead_code, reason = "only the recipe is needed here")]
mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rescience_recipes::{
    ActionName, Graph, NodeKind, NodeName, Point, Value, nearest, parse, parse_bytes,
};
use support::RECIPE;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::Float),
        any::<String>().prop_map(Value::String),
        "true|false|inf|nan|1|1e3|add|a,b|x=y|\\]#0".prop_map(Value::String),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Value::Table),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9_-]{0,20}"
}

fn action() -> impl Strategy<Value = ActionName> {
    let kinds = prop::sample::select(NodeKind::ALL.to_vec());
    let node = (kinds, name()).prop_map(|(kind, name)| NodeName::new(kind, name)).boxed();
    let point = prop::collection::btree_map(name(), value(), 0..4).prop_map(Point::new);
    prop_oneof![
        node.clone().prop_map(ActionName::Node),
        node.prop_map(ActionName::Build),
        (name(), point, any::<u32>()).prop_map(|(name, point, index)| ActionName::Run {
            experiment: NodeName::new(NodeKind::Experiment, name),
            point,
            index,
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        rng_seed: RngSeed::Fixed(20_260_131),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(found) = parse_bytes("rescience.toml", &bytes, None) {
            prop_assert!(!found.items.is_empty());
        }
    }

    #[test]
    fn a_mutated_recipe_never_panics(
        at in 0..RECIPE.len(),
        remove in 0_usize..40,
        put in prop_oneof![
            Just(String::new()),
            "[\\[\\]{}\"'=.,#\n a-z0-9]{0,8}",
            any::<String>(),
            Just("[experiment.baseline]".to_owned()),
            Just("[profile.quick]\n".to_owned()),
        ],
    ) {
        let end = (at + remove).min(RECIPE.len());
        let text = format!("{}{put}{}", &RECIPE[..at], &RECIPE[end..]);
        match parse("rescience.toml", &text) {
            Ok(recipe) => drop(Graph::new(&recipe)),
            Err(found) => {
                prop_assert!(!found.items.is_empty());
                for item in &found.items {
                    // What is drawn must be drawable.
                    prop_assert!(found.text.get(item.span.clone()).is_some());
                    prop_assert!(!item.message.contains('\n'), "{}", item.message);
                }
            }
        }
    }

    #[test]
    fn swapped_lines_never_panic(a in 0_usize..50, b in 0_usize..50) {
        let mut lines: Vec<&str> = RECIPE.lines().collect();
        let (a, b) = (a % lines.len(), b % lines.len());
        lines.swap(a, b);
        drop(parse("rescience.toml", &lines.join("\n")));
    }

    #[test]
    fn names_of_actions_read_back(name in action()) {
        prop_assert_eq!(name.to_string().parse::<ActionName>(), Ok(name));
    }

    #[test]
    fn any_text_is_a_name_or_is_not(text in any::<String>()) {
        if let Ok(name) = text.parse::<ActionName>() {
            prop_assert_eq!(name.to_string().parse::<ActionName>(), Ok(name));
        }
        prop_assert!(nearest(&text, ["experiment.baseline"]).is_none_or(|near| near.contains('.')));
    }

    #[test]
    fn values_survive_json(value in value()) {
        let text = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn params_are_read_as_they_are_written(params in prop::collection::btree_map(name(), scalar(), 0..6)) {
        let reserved = ["seed", "out", "params"];
        let params: BTreeMap<String, Value> =
            params.into_iter().filter(|(name, _)| !reserved.contains(&name.as_str())).collect();
        let mut text = RECIPE.replace("params = { lr = 0.001, steps = 3000 }", "")
            .replace("rate {lr}", "");
        text.push_str("[experiment.x]\nextends = \"experiment.baseline\"\n[experiment.x.params]\n");
        for (name, value) in &params {
            let value = match value {
                Value::String(text) => toml_string(text),
                other => other.to_string(),
            };
            text.push_str(&format!("{name} = {value}\n"));
        }
        let recipe = parse("rescience.toml", &text).map_err(|found| TestCaseError::fail(found.to_string()))?;
        prop_assert_eq!(&recipe.experiments["x"].params, &params);
    }
}

fn toml_string(text: &str) -> String {
    let escaped = text.chars().flat_map(|c| match c {
        '"' | '\\' => vec!['\\', c],
        c if c.is_control() => format!("\\u{:04X}", c as u32).chars().collect(),
        c => vec![c],
    });
    format!("\"{}\"", escaped.collect::<String>())
}
