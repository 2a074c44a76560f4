//! Every command does what its help says.

use crate::support::{World, toy};

#[test]
fn a_new_project_builds_as_it_is() {
    let world = World::new();
    world.run(&["new", "my-paper"]).ok().says("Created project `my-paper`");
    let folder = world.path("my-paper");
    assert!(
        std::fs::read_to_string(folder.join("rescience.toml"))
            .unwrap()
            .contains("name = \"my-paper\"")
    );
    world.run_in(&folder, &["build"]).ok();
    assert!(folder.join("out/main.pdf").exists());
    world.run(&["new", "my-paper"]).code(101).says("exists already").says("rescience init");
}

#[test]
fn init_overwrites_nothing() {
    let world = World::new();
    let mine = world.project("mine", &[("paper/main.typ", "my own")]);
    mine.run(&["init"]).code(101).says("in the way");
    assert_eq!(mine.read("paper/main.typ"), "my own");
    assert!(!world.path("mine/rescience.toml").exists());
    std::fs::remove_dir_all(world.path("mine/paper")).unwrap();
    mine.run(&["init"]).ok();
    mine.run(&["init"]).code(101).says("already");
    mine.run(&["new", "x", "--template", "grokkin"]).code(101).says("grokking");
}

#[test]
fn tree_shows_what_needs_what() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let tree = toy.run(&["tree", "--charset", "ascii"]).ok();
    snapbox::assert_data_eq!(
        tree.stdout,
        snapbox::str![[r#"
paper.main
|-- experiment.less (2 runs)
|   `-- source.toy
|-- experiment.more (2 runs)
|   `-- source.toy
`-- figure.scores
    |-- experiment.less (2 runs) (*)
    `-- experiment.more (2 runs) (*)

"#]]
    );
    let inverted = toy.run(&["tree", "--invert", "source.toy"]).ok();
    assert!(inverted.stdout.starts_with("source.toy\n"), "{inverted}");
    assert!(inverted.stdout.contains("paper.main"), "{inverted}");
}

#[test]
fn an_unknown_target_suggests_the_nearest() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build", "experiment.les"])
        .code(101)
        .says("RS0")
        .says("did you mean `experiment.less`?");
}

#[test]
fn targets_are_names_or_patterns() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build", "experiment.l*"]).ok();
    assert_eq!(toy.tally().len(), 2);
    assert!(!world.path("toy/out/main.pdf").exists());
}

#[test]
fn metadata_is_json_with_every_action() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let output = toy.run(&["metadata", "--format-version", "1"]).ok();
    let metadata: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let actions = metadata["actions"].as_array().unwrap();
    assert!(actions.iter().all(|action| action["fresh"] == true), "{output}");
    assert!(actions.iter().any(|action| action["action"] == "experiment.less#1"));
    toy.run(&["metadata", "--format-version", "2"]).code(1);
}

#[test]
fn json_messages_are_one_object_a_line() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let build = toy.run(&["build", "--message-format", "json", "-q"]).ok();
    let reasons: Vec<String> = build
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|message| message["reason"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(reasons.first().map(String::as_str), Some("build-started"));
    assert_eq!(reasons.last().map(String::as_str), Some("build-finished"));
    let count = |wanted: &str| reasons.iter().filter(|reason| *reason == wanted).count();
    assert_eq!(count("finished"), toy::FIRST);
    assert_eq!(count("build-finished"), 1);
    assert!(build.stderr.is_empty(), "{build}");
}

#[test]
fn quiet_says_nothing_and_verbose_says_why() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let verbose = toy.run(&["build", "-v"]).ok();
    assert!(verbose.stderr.contains("Dirty experiment.less#0: never built"), "{verbose}");
    std::fs::remove_dir_all(world.path("toy/out")).unwrap();
    let quiet = toy.run(&["build", "-q"]).ok();
    assert!(quiet.stderr.is_empty() && quiet.stdout.is_empty(), "{quiet}");
}

#[test]
fn clean_removes_views_and_keeps_results() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.run(&["clean", "--dry-run"]).ok().says("Would remove");
    assert!(world.path("toy/out/main.pdf").exists());
    toy.run(&["clean"]).ok().says("Removed");
    assert!(!world.path("toy/out").exists());
    toy.run(&["build"]).ok().says("nothing to do");
}

#[test]
fn gc_lists_first_deletes_when_asked_and_keeps_what_was_measured() {
    let mut world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit("paper/main.typ", "Whether", "If");
    toy.run(&["build"]).ok();
    // Objects are as old as the file system says; only a later clock makes them old.
    world.set("RESCIENCE_CLOCK", "2126-01-01T00:00:00Z");
    let listed = world.run(&["gc", "-v"]).ok();
    assert!(listed.stderr.contains("--delete"), "{listed}");
    let deleted = world.run(&["gc", "--delete"]).ok();
    assert!(deleted.stderr.contains("Deleted"), "{deleted}");
    world.run(&["check-store", "--read-data"]).ok();
    let toy = world.project("toy", &[]);
    toy.run(&["build"]).ok().says("nothing to do");
    toy.edit("paper/main.typ", "If", "Whether");
    assert_eq!(toy.run(&["build"]).ok().ran(), ["paper.main"]);
}

#[test]
fn doctor_names_what_is_missing() {
    let world = World::new();
    let doctor = world.run(&["doctor"]).ok();
    for what in ["processor", "memory", "kernel", "gpu", "sandbox", "toolchain", "store"] {
        assert!(doctor.stdout.contains(what), "no {what}:\n{doctor}");
    }
    let json = world.run(&["doctor", "--message-format", "json"]).ok();
    assert!(json.stdout.lines().all(|line| line.starts_with('{')), "{json}");
}

#[test]
fn every_code_has_its_explanation() {
    let world = World::new();
    let list = world.run(&["explain"]).ok();
    assert!(list.stdout.lines().count() > 30, "{list}");
    for line in list.stdout.lines() {
        let code = line.split(' ').next().unwrap();
        assert!(world.run(&["explain", code]).ok().stdout.len() > 100, "{code}");
    }
    world.run(&["explain", "RS9999"]).code(101).says("RS9999");
}

#[test]
fn wrong_usage_exits_with_one_and_help_with_zero() {
    let world = World::new();
    world.run(&["biuld"]).code(1).says("build");
    world.run(&["build", "--jobs", "0", "-C", "nowhere"]).code(1).says("nowhere");
    world.run(&["--help"]).ok().prints("Exit status");
    for command in ["build", "cite", "gc", "log", "new", "trace", "tree", "watch", "why"] {
        world.run(&[command, "--help"]).ok().prints("Usage");
    }
}

#[test]
fn completions_are_scripts() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        world.run(&["completions", shell]).ok().prints("rescience");
    }
}
