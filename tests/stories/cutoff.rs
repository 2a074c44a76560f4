//! A change runs what depends on it and nothing else, and `why` says so in one line.

use crate::support::World;
use crate::support::toy::{self, RUNS};

#[test]
fn one_word_of_the_text_re_renders_only_the_paper() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit("paper/main.typ", "Whether more gives more", "Whether more yields more");
    let why = toy.run(&["why", "paper.main"]).ok();
    let lines: Vec<_> = why.stdout.lines().collect();
    assert_eq!(lines.len(), 1, "{why}");
    assert!(lines[0].starts_with("paper.main: input text changed"), "{why}");
    let build = toy.run(&["build"]).ok().says("1 action ran");
    assert_eq!(build.ran(), ["paper.main"]);
    assert_eq!(toy.tally().len(), RUNS);
}

#[test]
fn one_parameter_re_runs_only_its_runs() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit("rescience.toml", "params  = { n = 5 }", "params  = { n = 6 }");
    let why = toy.run(&["why", "experiment.more"]).ok();
    let line = why.stdout.lines().find(|line| line.starts_with("experiment.more#0"));
    assert_eq!(line, Some("experiment.more#0: parameter n changed from 5 to 6"), "{why}");
    let build = toy.run(&["build"]).ok();
    let expected = ["experiment.more#0", "experiment.more#1", "figure.scores", "paper.main"];
    assert_eq!(build.ran(), expected);
    assert_eq!(toy.tally().len(), RUNS + 2);

    // Going back costs nothing: what was made is still there.
    toy.edit("rescience.toml", "params  = { n = 6 }", "params  = { n = 5 }");
    toy.run(&["build"]).ok().says("nothing to do");
}

#[test]
fn another_seed_more_adds_one_run_and_keeps_the_others() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit("rescience.toml", "seeds   = 2", "seeds   = 3");
    toy.run(&["build"]).ok();
    assert_eq!(toy.tally().len(), RUNS + 2);
}

/// A metric's definition belongs to the collecting, not to the running.
#[test]
fn a_metric_s_unit_is_no_reason_to_run_again() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit("rescience.toml", "unit = \"1\"", "unit = \"step\"");
    let build = toy.run(&["build"]).ok();
    assert_eq!(build.ran(), ["figure.scores", "paper.main"]);
    assert_eq!(toy.tally().len(), RUNS);
}

/// A source that changes without changing what the runs write stops at the runs' collection only
/// if the runs come out as before; here the runs do, but their measured facts are new.
#[test]
fn a_changed_source_re_runs_and_says_why() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit("experiment/run.sh", "set -eu", "set -eu # careful");
    let why = toy.run(&["why", "experiment.less#0"]).ok();
    assert!(why.stdout.starts_with("experiment.less#0: input program changed"), "{why}");
    toy.run(&["build"]).ok();
    assert_eq!(toy.tally().len(), 2 * RUNS);
}

/// Legends and tables follow the order of a figure's data.
#[test]
fn another_order_of_the_data_draws_again() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit(
        "rescience.toml",
        "[\"experiment.less\", \"experiment.more\"]",
        "[\"experiment.more\", \"experiment.less\"]",
    );
    assert_eq!(toy.run(&["build"]).ok().ran(), ["figure.scores", "paper.main"]);
}

#[test]
fn a_bibliography_that_comes_or_goes_typesets_again() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.write("paper/refs.bib", "");
    toy.run(&["build"]).ok();
    let with = "style = \"report\"\nbibliography = \"paper/refs.bib\"";
    toy.edit("rescience.toml", "style = \"report\"", with);
    assert_eq!(toy.run(&["build"]).code(0).ran(), ["paper.main"]);
}

#[test]
fn a_dry_run_says_what_would_run_and_runs_nothing() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let dry = toy.run(&["build", "--dry-run"]).ok();
    assert!(dry.stderr.contains("experiment.less#0: never built"), "{dry}");
    assert!(dry.stderr.contains("dry run: 8 would run"), "{dry}");
    assert_eq!(toy.tally().len(), 0);
    assert!(!world.path("toy/out").exists());
}
