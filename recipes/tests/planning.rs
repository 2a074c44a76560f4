//! From recipes to graphs, keys and plans, against a world of the test's own.

mod support;

use std::collections::BTreeMap;

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::lock::{Citation, Confirmer};
use rescience_recipes::results::{RunRecord, collect};
use rescience_recipes::{
    ActionName, Code, Graph, Hit, KeyInputs, Lock, Reason, Value, Work, key_inputs, parse, plan,
};
use support::{Fake, RECIPE, graph};

fn names(graph: &Graph) -> Vec<String> {
    graph.actions().iter().map(|action| action.name.to_string()).collect()
}

/// The keys of all actions, with every artifact named by its key.
fn keys(recipe: &str) -> BTreeMap<String, ActionKey> {
    let fake = Fake { cargo: "1.95", ..Fake::default() };
    fake.build(&graph(recipe));
    fake.last.borrow().iter().map(|(name, inputs)| (name.to_string(), inputs.key())).collect()
}

/// The actions whose keys differ between two recipes.
fn changed(before: &str, after: &str) -> Vec<String> {
    assert_ne!(before, after);
    let (before, after) = (keys(before), keys(after));
    after
        .iter()
        .filter(|(name, key)| before.get(*name) != Some(key))
        .map(|(name, _)| name.clone())
        .collect()
}

fn edited(from: &str, to: &str) -> String {
    assert!(RECIPE.contains(from), "{from}");
    RECIPE.replace(from, to)
}

#[test]
fn a_recipe_unfolds_in_an_order_in_which_it_can_be_made() {
    let graph = graph(RECIPE);
    assert_eq!(
        names(&graph),
        [
            "source.template",
            "diff.layerwise",
            "source.template@build",
            "diff.layerwise@build",
            "experiment.baseline[operation=add]#0",
            "experiment.baseline[operation=add]#1",
            "experiment.baseline[operation=div]#0",
            "experiment.baseline[operation=div]#1",
            "experiment.baseline",
            "experiment.layerwise[operation=add]#0",
            "experiment.layerwise[operation=add]#1",
            "experiment.layerwise[operation=div]#0",
            "experiment.layerwise[operation=div]#1",
            "experiment.layerwise",
            "figure.curves",
            "paper.main",
        ]
    );
    for (place, action) in graph.actions().iter().enumerate() {
        let index = graph.index(&action.name).unwrap();
        assert_eq!(index.get(), place);
        for (_, dep) in &action.deps {
            assert!(dep.get() < place);
            assert!(graph.users(*dep).contains(&index));
        }
    }
    let roles = |name: &str| {
        let index = graph.index(&name.parse().unwrap()).unwrap();
        graph.action(index).deps.iter().map(|(role, _)| role.clone()).collect::<Vec<_>>()
    };
    assert_eq!(roles("experiment.baseline")[..2], ["program", "run.operation=add#0"]);
    assert_eq!(roles("figure.curves")[..2], ["data.baseline", "run.baseline.operation=add#0"]);
    assert_eq!(
        roles("paper.main"),
        ["experiment.baseline", "experiment.layerwise", "figure.curves"]
    );
}

#[test]
fn profiles_are_laid_over_nodes_before_others_inherit_them() {
    let recipe = parse("rescience.toml", RECIPE).unwrap();
    assert_eq!(recipe.profile, "default");
    assert_eq!(recipe.experiments["layerwise"].seeds, 2);
    let quick = recipe.with_profile(Some("quick")).unwrap();
    assert_eq!(quick.profile, "quick");
    assert_eq!(quick.experiments["layerwise"].seeds, 1);
    assert_eq!(quick.experiments["layerwise"].label, "uniform, rate 0.001");
    let unknown = recipe.with_profile(Some("quik")).unwrap_err();
    assert_eq!(unknown.items[0].code, Code::UnknownProfile);
}

#[test]
fn a_child_fixes_an_axis_or_varies_a_param() {
    let text = format!(
        "{RECIPE}\n[experiment.child]\nextends = \"experiment.baseline\"\nlabel = \"x\"\n\
         params = {{ operation = \"add\" }}\nmatrix = {{ lr = [0.1, 0.2] }}\n"
    );
    let recipe = parse("rescience.toml", &text).unwrap();
    let child = &recipe.experiments["child"];
    assert_eq!(child.matrix.keys().collect::<Vec<_>>(), ["lr"]);
    assert_eq!(child.params["operation"], Value::from("add"));
    assert_eq!(child.params["steps"], Value::from(3000_i64));
    assert!(!child.params.contains_key("lr"));
}

#[test]
fn seeds_stay_when_points_and_experiments_are_added() {
    let seeds = |graph: &Graph| -> BTreeMap<String, u64> {
        let runs = graph.actions().iter().filter_map(|action| match &action.work {
            Work::Run(run) => Some((action.name.to_string(), run.seed)),
            _ => None,
        });
        runs.collect()
    };
    let before = seeds(&graph(RECIPE));
    let after = seeds(&graph(&edited(r#"["add", "div"]"#, r#"["add", "mul", "div"]"#)));
    assert_eq!(before.len(), 8);
    assert_eq!(after.len(), 12);
    assert!(before.iter().all(|(name, seed)| after[name] == *seed));
    let mut distinct: Vec<u64> = after.values().copied().collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 12);
    assert!(distinct.iter().all(|seed| *seed < 1 << 53));
}

#[test]
fn selection_takes_names_patterns_and_what_they_need() {
    let graph = graph(RECIPE);
    let select = |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
        let selection = graph.select(&patterns)?;
        let name = |index: &rescience_recipes::ActionIndex| graph.action(*index).name.to_string();
        Ok::<_, rescience_recipes::UnknownTarget>((
            selection.targets().iter().map(name).collect::<Vec<_>>(),
            selection.actions().len(),
        ))
    };
    assert_eq!(select(&[]).unwrap(), (vec!["paper.main".to_owned()], 16));
    let run = "experiment.baseline[operation=div]#1";
    assert_eq!(select(&[run]).unwrap(), (vec![run.to_owned()], 3));
    let (targets, needed) = select(&["experiment.*"]).unwrap();
    assert_eq!((targets.len(), needed), (2, 14));
    assert_eq!(select(&["*layerwise*#*"]).unwrap().0.len(), 4);
    assert_eq!(select(&["*@build"]).unwrap().0.len(), 2);
    let unknown = select(&["experiment.basline"]).unwrap_err();
    assert_eq!(unknown.nearest.as_deref(), Some("experiment.baseline"));
    assert_eq!(select(&["curves"]).unwrap_err().nearest.as_deref(), Some("figure.curves"));
    assert_eq!(select(&["review.*"]).unwrap_err().nearest, None);
}

#[test]
fn without_a_paper_everything_is_meant() {
    let graph = graph(RECIPE.split("[figure.curves]").next().unwrap());
    assert_eq!(graph.select(&[]).unwrap().actions().len(), graph.actions().len());
}

/// If this fails, every result that anybody has is orphaned: be sure that it must be, and raise
/// the version in the context.
#[test]
fn one_key_is_pinned() {
    let key = keys(RECIPE)["experiment.baseline[operation=add]#0"];
    snapbox::assert_data_eq!(
        key.to_string(),
        snapbox::str!["key:b67b2384cdb65e38781a44cb0e8c60ff9bfcde318b5ca5d6d04a86e4f49d6c42"]
    );
}

type Edit = fn(&mut KeyInputs);

#[test]
fn every_field_of_the_inputs_changes_the_key() {
    let fake = Fake::default();
    let graph = graph(RECIPE);
    fake.build(&graph);
    let name: ActionName = "experiment.baseline[operation=add]#0".parse().unwrap();
    let inputs = fake.last.borrow()[&name].clone();
    let edits: [(&str, Edit); 13] = [
        ("kind", |inputs| inputs.kind = rescience_recipes::key::Kind::Build),
        ("schema", |inputs| inputs.schema += 1),
        ("argv", |inputs| inputs.argv.push(String::new())),
        ("params", |inputs| {
            inputs.params.insert("lr".to_owned(), 0.002.into());
        }),
        ("no param", |inputs| {
            inputs.params.remove("lr");
        }),
        ("kind of param", |inputs| {
            inputs.params.insert("steps".to_owned(), 3000.0.into());
        }),
        ("seed", |inputs| inputs.seed = inputs.seed.map(|seed| seed + 1)),
        ("no seed", |inputs| inputs.seed = None),
        ("env", |inputs| {
            inputs.env.insert("A".to_owned(), "b".to_owned());
        }),
        ("limits", |inputs| {
            inputs.limits.insert("cpus".to_owned(), 2);
        }),
        ("inputs", |inputs| {
            inputs.inputs.insert("program".to_owned(), Digest::of(b"other"));
        }),
        ("toolchain", |inputs| {
            inputs.toolchain.insert("a".to_owned(), "b".to_owned());
        }),
        ("settings", |inputs| {
            inputs.settings.insert("a".to_owned(), true.into());
        }),
    ];
    let mut seen = BTreeMap::from([(inputs.key(), "as it is")]);
    for (field, edit) in edits {
        let mut other = inputs.clone();
        edit(&mut other);
        if let Some(same) = seen.insert(other.key(), field) {
            panic!("`{field}` has the key of `{same}`");
        }
        assert_eq!(KeyInputs::reasons(Some(&inputs), &other).len(), 1, "{field}");
    }
    assert_eq!(KeyInputs::reasons(Some(&inputs), &inputs), []);
}

#[test]
fn inputs_survive_being_kept_as_json() {
    let fake = Fake::default();
    fake.build(&graph(RECIPE));
    for inputs in fake.last.borrow().values() {
        let json = serde_json::to_value(inputs).unwrap();
        let read: KeyInputs = serde_json::from_value(json).unwrap();
        assert_eq!(read.key(), inputs.key());
    }
}

#[test]
fn layout_order_and_comments_change_no_key() {
    let moved = RECIPE.replace(
        "params = { lr = 0.001, steps = 3000 }",
        "params.steps   = 3_000 # as published\nparams.lr = 1e-3",
    );
    assert_ne!(moved, RECIPE);
    assert_eq!(keys(&moved), keys(RECIPE));
}

/// An experiment that lengthens its own time must not look like the one it was.
#[test]
fn a_run_that_is_given_more_is_another_run() {
    let runs = |from: &str, to: &str| {
        let changed = changed(RECIPE, &edited(from, to));
        changed.iter().filter(|name| name.contains('#')).count()
    };
    let wall = r#"wall = "10min""#;
    for (from, to) in [
        (wall, r#"wall = "20min""#),
        (r#"memory = "4GiB""#, r#"memory = "9GiB""#),
        ("processes = 64", "processes = 65"),
        (wall, r#"wall = "10min", cpu = "5min""#),
        (wall, r#"wall = "10min", files = 99"#),
        (wall, r#"wall = "10min", cpus = 2"#),
        (wall, r#"wall = "10min", gpus = 1"#),
    ] {
        assert_eq!(runs(from, to), 8, "{to}");
    }
}

#[test]
fn presentation_runs_nothing() {
    let runs = |changed: Vec<String>| changed.iter().filter(|name| name.contains('#')).count();
    let label = changed(RECIPE, &edited("uniform, rate", "the same rate for all,"));
    assert_eq!(
        label,
        ["experiment.baseline", "experiment.layerwise", "figure.curves", "paper.main"]
    );
    let unit = changed(RECIPE, &edited(r#"unit = "step""#, r#"unit = "epoch""#));
    assert_eq!(runs(unit), 0);
    for limit in ["disk = \"2GiB\"", "log = \"1MiB\""] {
        let limit =
            changed(RECIPE, &edited("wall = \"10min\"", &format!("wall = \"10min\", {limit}")));
        assert_eq!(limit, Vec::<String>::new());
    }
    let style = changed(RECIPE, &edited("[paper.main]", "[paper.main]\nstyle = \"report\""));
    assert_eq!(style, ["paper.main"]);
    for key in [
        "mode = \"free\"",
        "terms = [\"GPT-2\"]",
        "lexicon = { hardware = [\"Foo-9\"] }",
        "lexicon = { software = [\"Foo-9\"] }",
    ] {
        let changed = changed(RECIPE, &edited("[paper.main]", &format!("[paper.main]\n{key}")));
        assert_eq!(changed, ["paper.main"], "{key}");
    }
    let title = changed(RECIPE, &edited("seed = 7", "seed = 7\ntitle = \"T\""));
    assert_eq!(title, ["paper.main"]);
    let plot = changed(RECIPE, &edited(r#"kind = "line""#, r#"kind = "line", band = "sem""#));
    assert_eq!(plot, ["figure.curves", "paper.main"]);
}

#[test]
fn what_is_confirmed_typesets_papers_with_a_bibliography_again() {
    let lock = |entry: &str| {
        let citation = Citation {
            entry: Digest::of(entry.as_bytes()),
            id: "doi:10.1/x".to_owned(),
            by: Confirmer::Hand,
        };
        Lock { citations: BTreeMap::from([("x".to_owned(), citation)]) }
    };
    let keys = |recipe: &str, lock: &Lock| {
        let recipe = parse("rescience.toml", recipe).unwrap();
        let fake = Fake { cargo: "1.95", ..Fake::default() };
        fake.build(&Graph::with_lock(&recipe, lock).unwrap());
        fake.last.into_inner()
    };
    let changed = |recipe: &str, a: &Lock, b: &Lock| {
        let (a, b) = (keys(recipe, a), keys(recipe, b));
        let differs = b.iter().filter(|(name, inputs)| a[*name].key() != inputs.key());
        differs.map(|(name, _)| name.to_string()).collect::<Vec<_>>()
    };
    let none = Lock::default();
    assert_eq!(changed(RECIPE, &none, &lock("one")), ["paper.main"]);
    assert_eq!(changed(RECIPE, &lock("one"), &lock("two")), ["paper.main"]);
    assert_eq!(changed(RECIPE, &lock("one"), &lock("one")), [""; 0]);
    let without = edited("bibliography = \"paper/refs.bib\"\n", "");
    assert_eq!(changed(&without, &none, &lock("one")), [""; 0]);
}

#[test]
fn what_a_run_sees_runs_it_again() {
    let edits = [
        ("steps = 3000", "steps = 3001", 8),
        ("seed = 7", "seed = 8", 8),
        (r#""--params", "#, r#""-p", "#, 8),
        ("RUST_LOG = \"info\"", "RUST_LOG = \"debug\"", 8),
        ("memory = \"4GiB\"", "memory = \"5GiB\"", 8),
        ("processes = 64", "processes = 65", 8),
        ("processes = 64", "processes = 64, cpus = 2", 8),
        ("seeds = 2", "seeds = 3", 4),
        (r#"["add", "div"]"#, r#"["add", "mul"]"#, 4),
        ("build = \"cargo\"", "build = \"none\"", 8),
    ];
    for (from, to, expected) in edits {
        let runs = changed(RECIPE, &edited(from, to));
        let runs = runs.iter().filter(|name| name.contains('#')).count();
        assert_eq!(runs, expected, "{from} -> {to}");
    }
}

#[test]
fn a_second_plan_runs_nothing() {
    let fake = Fake::default();
    assert_eq!(fake.dirty(RECIPE).len(), 15);
    fake.build(&graph(RECIPE));
    assert_eq!(fake.dirty(RECIPE), Vec::<String>::new());
}

#[test]
fn a_plan_says_why_in_one_line() {
    let fake = Fake { cargo: "1.95", ..Fake::default() };
    let never = fake.dirty(RECIPE);
    assert_eq!(never[0], "diff.layerwise: never built");
    assert_eq!(never[2], "diff.layerwise@build: never built; waits for diff.layerwise");
    fake.build(&graph(RECIPE));

    let param = fake.dirty(&edited("lr = 0.001", "lr = 0.002"));
    assert_eq!(
        param[0],
        "experiment.baseline[operation=add]#0: parameter lr changed from 0.001 to 0.002"
    );
    assert_eq!(
        param[4],
        "experiment.baseline: parameter lr changed from 0.001 to 0.002; \
         setting label changed from uniform, rate 0.001 to uniform, rate 0.002; \
         waits for experiment.baseline[operation=add]#0"
    );
    assert_eq!(param.last().unwrap(), "paper.main: waits for experiment.baseline");

    let limit = fake.dirty(&edited("4GiB", "6GiB"));
    assert!(limit[0].ends_with(": limit memory changed from 4GiB to 6GiB"), "{}", limit[0]);
    let tool = Fake {
        cargo: "1.96",
        traces: fake.traces.clone(),
        last: fake.last.clone(),
        ..Fake::default()
    };
    assert_eq!(
        tool.dirty(RECIPE)[0],
        "source.template@build: toolchain cargo changed from 1.95 to 1.96"
    );
    let text = Fake {
        cargo: "1.95",
        files: BTreeMap::from([("paper/main.typ".to_owned(), "new"), ("paper".to_owned(), "new")]),
        traces: fake.traces,
        last: fake.last,
        ..Fake::default()
    };
    let text = text.dirty(RECIPE);
    assert_eq!(text.len(), 1);
    assert!(text[0].starts_with("paper.main: input text changed from b3:"), "{}", text[0]);
}

#[test]
fn what_the_store_lost_is_made_again() {
    let fake = Fake::default();
    let graph = graph(RECIPE);
    fake.build(&graph);
    let name: ActionName = "experiment.baseline[operation=add]#0".parse().unwrap();
    let key = fake.last.borrow()[&name].key();
    let digest = Digest::of(b"lost");
    let cases = [
        (Hit::Missing(digest), Reason::OutputMissing { digest }),
        (Hit::Damaged(digest), Reason::OutputDamaged { digest }),
        (Hit::Failed, Reason::LastFailed),
        (Hit::None, Reason::TraceMissing),
    ];
    for (hit, reason) in cases {
        fake.traces.borrow_mut().insert(key, hit);
        let plan = fake.plan(&graph);
        let first = plan.dirty().next().unwrap();
        let index = graph.index(&name).unwrap();
        let expected =
            rescience_recipes::Step::Run { index, key: Some(key), reasons: vec![reason] };
        assert_eq!(first, &expected);
    }
}

#[test]
fn every_missing_file_is_named_where_the_recipe_names_it() {
    let fake = Fake {
        missing: vec!["diffs/layerwise.patch", "paper/refs.bib", "experiment"],
        ..Fake::default()
    };
    let graph = graph(RECIPE);
    let found = plan(&graph, &graph.select(&[]).unwrap(), &fake).unwrap_err();
    assert_eq!(
        found.to_string(),
        "rescience.toml:7:8: error[RS0102]: `experiment` does not exist\n\
         rescience.toml:11:9: error[RS0102]: `diffs/layerwise.patch` does not exist\n\
         rescience.toml:37:16: error[RS0102]: `paper/refs.bib` does not exist"
    );
}

#[test]
fn an_unmade_input_leaves_the_key_open() {
    let graph = graph(RECIPE);
    let index = graph.index(&"paper.main".parse().unwrap()).unwrap();
    assert_eq!(key_inputs(&graph, index, &|_| None, &Fake::default()), Ok(None));
}

#[test]
fn runs_are_collected_by_point() {
    let graph = graph(RECIPE);
    let index = graph.index(&"experiment.baseline".parse().unwrap()).unwrap();
    let Work::Collect(spec) = &graph.action(index).work else { panic!("no collect") };
    let runs = graph.action(index).deps.iter().filter(|(role, _)| role.starts_with("run."));
    let record = |(_, run): &(String, rescience_recipes::ActionIndex)| RunRecord {
        name: graph.action(*run).name.clone(),
        key: None,
        output: Digest::of(b"tree"),
        facts: None,
        files: BTreeMap::from([("metrics.json".to_owned(), br#"{"steps_to_99": 2100}"#.to_vec())]),
    };
    let mut records: Vec<RunRecord> = runs.map(record).collect();
    let results = collect(spec, None, &records).unwrap();
    let shape: Vec<usize> = results.points.iter().map(|point| point.runs.len()).collect();
    assert_eq!(shape, [2, 2]);
    assert_eq!(results.points[1].params["operation"], Value::from("div"));
    assert_eq!(results.points[1].params["lr"], Value::from(0.001));
    let json = serde_json::to_value(&results).unwrap();
    assert_eq!(json["metrics"]["steps_to_99"]["at"], "metrics.json#/steps_to_99");
    assert_eq!(json["points"][0]["runs"][0]["metrics"]["steps_to_99"]["value"], 2100.0);
    assert_eq!(
        serde_json::from_value::<rescience_recipes::results::Results>(json).unwrap(),
        results
    );
    for action in graph.actions() {
        let Work::Run(run) = &action.work else { continue };
        let all = results.points.iter().flat_map(|point| &point.runs);
        let found =
            all.filter(|found| found.name == action.name).all(|found| found.seed == run.seed);
        assert!(found, "{}", action.name);
    }
    records[3].files.clear();
    assert!(collect(spec, None, &records).unwrap_err().to_string().contains("wrote no file"));
}
