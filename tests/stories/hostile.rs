//! Experiments that lie, pry and litter: each is refused with a reason, and the rest is unharmed.

use std::process::Command;

use crate::support::toy::{self, RECIPE};
use crate::support::{Output, Project, World};

/// The toy, with one more experiment whose script is hostile.
fn with<'w>(world: &'w World, script: &str) -> Project<'w> {
    let toy = toy::toy(world, "toy");
    toy.write("hostile/run.sh", script);
    let hostile = "
        [source.hostile]
        path = \"hostile\"
        [experiment.hostile]
        extends = \"experiment.less\"
        source = \"source.hostile\"
        seeds = 1
        ";
    toy.write("rescience.toml", &format!("{RECIPE}{hostile}"));
    toy
}

/// Builds the hostile experiment, which must fail with this text, and then the others.
fn fails(script: &str, says: &str) -> Output {
    let world = World::new();
    let toy = with(&world, script);
    let build = toy.run(&["build", "experiment.hostile"]).code(101).says(says);
    toy.run(&["build", "experiment.less", "experiment.more"]).ok();
    world.run(&["check-store", "--read-data"]).ok();
    build
}

#[test]
fn metrics_that_are_no_numbers_are_refused() {
    let writes = |metrics: &str| format!("printf '{metrics}' > \"$RESCIENCE_OUT/metrics.json\"");
    for (metrics, says) in [
        (r#"{"score": NaN}"#, "JSON has no NaN"),
        (r#"{"score": Infinity}"#, "JSON has no NaN and no infinity"),
        (r#"{"score": 1e999}"#, "number out of range"),
        (r#"{"score": 1, "score": 2}"#, "the key `score` stands there twice"),
        (r#"{"score": "0.99"}"#, "must be a number"),
        (r#"{"score": [0.99]}"#, "must be a number"),
        (r#"{"score": {"value": 1, "gpu": "H100"}}"#, "must be a number"),
        (r#"{"score": 1} {"score": 2}"#, "trailing characters"),
        ("\\377\\376", "is not JSON"),
        (r#"{"../score": 1}"#, "has nothing at `/score`"),
    ] {
        fails(&writes(metrics), says);
    }
    let deep =
        "awk 'BEGIN { for (i = 0; i < 100000; i++) printf \"[\" }' > $RESCIENCE_OUT/metrics.json";
    fails(deep, "is not JSON: recursion limit exceeded");
    let large = "truncate -s 1G \"$RESCIENCE_OUT/metrics.json\"";
    fails(large, "`metrics.json` has 1GiB, and metrics at most 64MiB");
    let elsewhere = "ln -s /etc/passwd \"$RESCIENCE_OUT/metrics.json\"";
    fails(elsewhere, "metrics.json");
}

#[test]
fn outputs_that_cannot_be_kept_are_refused() {
    for (script, says) in
        [("mkfifo \"$RESCIENCE_OUT/pipe\"", "pipe"), ("ln -s / \"$RESCIENCE_OUT/root\"", "root")]
    {
        fails(&format!("{script}; echo '{{\"score\": 1}}' > $RESCIENCE_OUT/metrics.json"), says);
    }
}

/// A path outside is named when the run that wanted it fails, and recorded when it does not.
#[test]
fn what_was_not_declared_is_named() {
    let world = World::new();
    std::fs::write(world.path("data.csv"), "1,2\n").unwrap();
    let data = world.path("data.csv").display().to_string();
    let toy = with(&world, &format!("cat '{data}' 2> /dev/null || exit 1"));
    let said = "it tried to open `[WORLD]/data.csv`, which exists here but is not among its inputs";
    toy.run(&["build", "experiment.hostile"]).code(101).says(said);
    toy.run(&["log", "experiment.hostile#0"]).ok().prints("[WORLD]/data.csv");
}

/// So is what was to be executed: a tool that happens to be on this machine.
#[test]
fn a_tool_that_was_not_declared_is_named() {
    let world = World::new();
    let tool = world.path("tool");
    std::fs::copy("/bin/true", &tool).unwrap();
    let toy = with(&world, &format!("'{}' 2> /dev/null || exit 1", tool.display()));
    let said = "it tried to open `[WORLD]/tool`, which exists here but is not among its inputs";
    toy.run(&["build", "experiment.hostile"]).code(101).says(said);
}

#[test]
fn a_run_sees_no_secrets_and_no_home() {
    let mut world = World::new();
    world.set("OPENAI_API_KEY", "sk-secret");
    std::fs::write(world.path("home/token"), "secret").unwrap();
    let home = world.path("home").display().to_string();
    let script = format!("env >&2; ls -A '{home}' / >&2; exit 1");
    let toy = with(&world, &script);
    toy.run(&["build", "experiment.hostile"]).code(101).lacks("sk-secret");
    let log = toy.run(&["log", "experiment.hostile#0"]).ok();
    log.lacks("sk-secret").lacks("token").prints("RESCIENCE_SEED=");
}

#[test]
fn keep_failed_leaves_the_directory_of_a_failed_run() {
    let world = World::new();
    let toy = with(&world, "echo half > \"$RESCIENCE_OUT/half\"; exit 1");
    let build = toy.run(&["build", "--keep-failed", "experiment.hostile"]).code(101);
    let kept = build.stderr.lines().find_map(|line| line.split_once("its directory is kept: "));
    let (_, path) = kept.unwrap_or_else(|| panic!("{build}"));
    let path = path.replace("[WORLD]", &world.path("").display().to_string());
    let half = std::path::Path::new(path.trim()).join("out/half");
    assert_eq!(std::fs::read_to_string(half).unwrap(), "half\n");
}

/// A user namespace that may have no further ones stands for a machine that forbids them.
#[test]
fn less_isolation_is_never_silent() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let forbidden = |args: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "a machine that forbids namespaces")]
        let mut command = Command::new("unshare");
        let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\"";
        let binary = world.command(&toy.directory, args);
        command
            .args(["--user", "--map-root-user", "sh", "-c", script])
            .arg(binary.get_program())
            .args(args)
            .current_dir(&toy.directory)
            .env_clear()
            .envs(binary.get_envs().filter_map(|(name, value)| Some((name, value?))));
        world.output(command)
    };
    forbidden(&["build"])
        .code(101)
        .says("error[RS0130]")
        .says("this machine offers no sandbox that is `full`")
        .says("user.max_user_namespaces");
    forbidden(&["doctor"]).ok().prints("user.max_user_namespaces");
    assert_eq!(toy.tally().len(), 0);

    forbidden(&["build", "--sandbox=partial"]).ok();
    assert!(toy.read("out/main.html").contains("partial (without namespaces)"));
    // Landlock is the wall then.
    toy.write(
        "experiment/run.sh",
        "cat /proc/1/environ /root/x \"$HOME/../../x\"; echo x > /etc/x",
    );
    forbidden(&["build", "--sandbox=partial"]).code(101);

    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build", "--sandbox=none"]).ok();
    let html = toy.read("out/main.html");
    assert!(html.contains("Sandbox") && html.contains("none"), "{html}");
}

/// What a program says of the machine is nobody's fact.
#[test]
fn a_claim_of_another_machine_reaches_no_paper() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let script = toy::script("0");
    let claim = "echo '{\"gpu\": {\"name\": \"NVIDIA H100\"}}' > \"$RESCIENCE_OUT/facts.json\"\n";
    toy.write("experiment/run.sh", &format!("{script}{claim}"));
    toy.run(&["build"]).ok();
    let html = toy.read("out/main.html");
    assert!(html.contains("no NVIDIA GPU: libnvidia-ml.so.1 not found"));
    assert!(!html.contains("H100"));
    toy.edit("paper/main.typ", "Less gives", "On an #fact(\"gpu.name\"), less gives");
    toy.run(&["build"]).code(101).says("was not measured: no NVIDIA GPU");
}
