//! Experiments that fail, hang or stay silent: evidence, exit code 101, and the rest still built.

use crate::support::toy::{self, RECIPE};
use crate::support::{Project, World};

/// The toy, with a third experiment whose script is `script`.
fn with<'w>(world: &'w World, script: &str) -> Project<'w> {
    let toy = toy::toy(world, "toy");
    toy.write("broken/run.sh", script);
    let broken = "
        [source.broken]
        path = \"broken\"
        [experiment.broken]
        extends = \"experiment.less\"
        source = \"source.broken\"
        limits = { wall = \"1s\" }
        seeds = 1
        [paper.other]
        text = \"paper/main.typ\"
        data = [\"experiment.less\", \"experiment.more\"]
        figures = [\"figure.scores\"]
        ";
    toy.write("rescience.toml", &format!("{RECIPE}{broken}"));
    toy
}

#[test]
fn a_run_that_fails_shows_its_log_and_stays_in_the_record() {
    let world = World::new();
    let toy = with(&world, "echo about to fail; echo 'no such file: data.csv' >&2; exit 3");
    let build = toy.run(&["build"]).code(101);
    assert!(
        build.stderr.contains("error[RS0106]: experiment.broken#0: ended with exit code 3"),
        "{build}"
    );
    assert!(build.stderr.contains("no such file: data.csv"), "{build}");

    let log = toy.run(&["log", "experiment.broken#0"]).ok();
    assert!(log.stdout.contains("about to fail"), "{log}");
    assert!(log.stdout.contains("no such file: data.csv"), "{log}");
    assert!(log.stdout.contains("exit = 3"), "{log}");
    let failures = toy.run(&["log", "--failed"]).ok();
    assert_eq!(failures.stdout.lines().count(), 1, "{failures}");

    // A failure is never taken for a result: the next build tries again.
    let why = toy.run(&["why", "experiment.broken#0"]).ok();
    assert!(why.stdout.contains("failed"), "{why}");
    toy.run(&["build"]).code(101).says("RS0106");
}

#[test]
fn keep_going_makes_everything_that_does_not_need_the_failure() {
    let world = World::new();
    let toy = with(&world, "exit 1");
    let build = toy.run(&["build", "--keep-going"]).code(101);
    assert!(build.stderr.contains("1 action failed"), "{build}");
    assert!(world.path("toy/out/other.pdf").exists(), "{build}");
    assert!(!world.path("toy/out/main.pdf").exists(), "{build}");
    assert_eq!(toy.tally().len(), toy::RUNS);
}

#[test]
fn a_run_that_hangs_is_killed_at_its_wall_limit() {
    let world = World::new();
    let toy = with(&world, "echo started; sleep 600");
    let build = toy.run(&["build", "experiment.broken"]).code(101);
    assert!(
        build.stderr.contains("error[RS0107]: experiment.broken#0: killed at its wall limit of 1s"),
        "{build}"
    );
    assert!(build.stderr.contains("started"), "{build}");
    assert!(build.stderr.contains("limits = { wall"), "{build}");
}

#[test]
fn a_run_without_its_metric_says_what_it_wrote_instead() {
    let world = World::new();
    let toy = with(&world, "echo '{\"scroe\": 1}' > $RESCIENCE_OUT/metrics.json");
    let build = toy.run(&["build", "experiment.broken"]).code(101);
    assert!(build.stderr.contains("error[RS0108]: experiment.broken#0"), "{build}");
    assert!(build.stderr.contains("scroe"), "{build}");

    // What was wrong is the recipe: mending it runs nothing.
    let at = "metrics = { score = { at = \"metrics.json#/scroe\" } }\nseeds = 1";
    toy.edit("rescience.toml", "seeds = 1", at);
    assert_eq!(toy.run(&["build", "experiment.broken"]).ok().ran(), [""; 0]);
    toy.edit("rescience.toml", at, "seeds = 1");

    toy.write("broken/run.sh", "echo '{}' > $RESCIENCE_OUT/result.json");
    let build = toy.run(&["build", "experiment.broken"]).code(101);
    assert!(build.stderr.contains("metrics.json"), "{build}");
    assert!(build.stderr.contains("result.json"), "{build}");
}

#[test]
fn what_a_run_may_not_leave_behind_fails_it_with_its_log() {
    let world = World::new();
    let toy = with(&world, "echo working; ln -s /etc/passwd $RESCIENCE_OUT/link");
    toy.run(&["build", "experiment.broken"]).code(101).says("RS0106").says("link");
    toy.run(&["log", "experiment.broken#0"]).ok().prints("working");
}

#[test]
fn a_program_that_does_not_exist_says_so() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.edit("rescience.toml", "\"sh\", \"run.sh\"", "\"no-such-program\", \"run.sh\"");
    let build = toy.run(&["build"]).code(101);
    assert!(build.stderr.contains("no-such-program"), "{build}");
    assert!(build.stderr.contains("could not be started"), "{build}");
}

#[test]
fn an_error_in_the_text_is_shown_at_its_line() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.edit("paper/main.typ", "experiment.less.score", "experiment.less.scroe");
    let build = toy.run(&["build"]).code(101);
    assert!(build.stderr.contains("paper/main.typ:7:"), "{build}");
    assert!(build.stderr.contains("did you mean `score`?"), "{build}");
    assert!(build.stderr.contains("RS0"), "{build}");
}
