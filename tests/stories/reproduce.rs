//! Experiments run again, elsewhere, and are judged against what was recorded.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use serde_json::Value;

use crate::support::{Output, Project, World, toy};

/// A run that adds to its score what a shell command prints.
fn script(noise: &str) -> String {
    format!(
        "set -eu\n\
         noise=$({noise})\n\
         awk -v n=\"$1\" -v seed=\"$RESCIENCE_SEED\" -v noise=\"$noise\" -v out=\"$RESCIENCE_OUT\" \
         'BEGIN {{\n\
             score = n + seed % 10 / 100 + noise\n\
             printf \"{{\\\"step\\\": 1, \\\"score\\\": %.9f}}\\n\", score > (out \"/series.jsonl\")\n\
             printf \"{{\\\"score\\\": %.9f}}\\n\", score > (out \"/metrics.json\")\n\
         }}'\n"
    )
}

/// The toy with that script, bundled to `toy.zip`.
fn bundled<'w>(world: &'w World, noise: &str, tolerance: &str) -> Project<'w> {
    let toy = toy::toy(world, "toy");
    toy.write("experiment/run.sh", &script(noise));
    let better = "better = \"higher\"";
    toy.edit("rescience.toml", better, &format!("{better}{tolerance}"));
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../toy.zip"]).ok();
    toy
}

/// Somewhere else, by somebody else, ten years on.
fn elsewhere(world: &mut World) {
    let home = world.path("other-home").display().to_string();
    world
        .set("RESCIENCE_HOME", &home)
        .set("HOME", &home)
        .set("RESCIENCE_CLOCK", "2036-07-01T00:00:00Z");
}

fn verdict(output: &Output) -> Value {
    let lines = output.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut verdicts = lines.filter(|line| line["reason"] == "reproduction");
    verdicts.next().expect("a verdict")
}

const JSON: [&str; 2] = ["--message-format", "json"];

#[test]
fn a_bundle_is_reproduced_elsewhere_from_its_one_file() {
    let mut world = World::new();
    bundled(&world, "echo 0", "");
    elsewhere(&mut world);
    let said = world.run(&["reproduce", "toy.zip", "-v"]).ok();
    let said = said.says("[Re] reproduced: 4 of 4 runs again; 2 identical");
    assert_eq!(said.stderr.matches("Running experiment.").count(), toy::RUNS, "{said}");
    let report: Value = serde_json::from_slice(
        &std::fs::read(world.path("reproduction/reproduction.json")).unwrap(),
    )
    .unwrap();
    assert_eq!(report["outcome"], "reproduced");
    assert_eq!(report["title"], "[Re] Does more give more?");
    assert_eq!(report["differences"], Value::Array(Vec::new()), "it is one machine");
    assert!(report["finished"].as_str().unwrap().starts_with("2036-07-01"));
    let pdf = std::fs::read(world.path("reproduction/reproduction.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    // The verdict is an artifact, and a collection keeps it.
    world.run(&["gc", "--delete", "--grace", "0"]).ok();
    let kept = world.objects().iter().any(|path| std::fs::read(path).unwrap() == pdf);
    assert!(kept, "the report was collected");
    // A second time everything runs again.
    let said = world.run(&["reproduce", "toy.zip", "-v"]).ok();
    assert_eq!(said.stderr.matches("Running experiment.").count(), toy::RUNS, "{said}");
}

#[test]
fn another_user_checks_rebuilds_and_reproduces_what_is_not_theirs() {
    let mut world = World::new();
    let toy = bundled(&world, "echo 0", "");
    let made = ["main.pdf", "main.html", "main.json", "figure/scores.svg"];
    let before = made.map(|name| toy.bytes(&format!("out/{name}")));
    if !world.become_another() {
        return println!("skipped: only root can become another user");
    }
    world.set("RESCIENCE_CLOCK", "2036-07-01T00:00:00Z").set("TZ", "Asia/Kathmandu");
    world.unpack("toy.zip", "another/unpacked");
    world.give("another/unpacked");
    world.run_by_another("", &["verify", "../toy.zip"]).ok().says("all as recorded");
    world.run_by_another("unpacked", &["verify"]).ok().says("all as recorded");
    let said = world.run_by_another("unpacked", &["build", "--offline", "-v"]).ok();
    said.says("bit for bit as in the bundle").lacks("not as in the bundle");
    for (name, before) in made.iter().zip(&before) {
        let again = std::fs::read(world.path("another/unpacked/out").join(name)).unwrap();
        assert!(again == *before, "{name} came out differently");
    }
    let said = world.run_by_another("", &["reproduce", "../toy.zip"]).ok();
    said.says("[Re] reproduced: 4 of 4 runs again; 2 identical");
}

#[test]
fn numbers_that_were_changed_are_not_compared_with() {
    let mut world = World::new();
    bundled(&world, "echo 0", "");
    let directory = world.unpack("toy.zip", "unpacked");
    elsewhere(&mut world);
    let results = directory.join("made/experiment/less/results.json");
    let text = std::fs::read_to_string(&results).unwrap();
    assert!(text.contains("3.0"), "{text}");
    std::fs::write(&results, text.replace("3.0", "9.0")).unwrap();
    let said = world.run(&["reproduce", "unpacked"]).code(101).says("RS0141");
    said.says("made/experiment/less/results.json").says("hangs on it").lacks("[Re]");
    assert!(!directory.join("out").exists(), "something ran");
}

#[test]
fn what_depends_on_the_moment_is_not_reproduced() {
    let mut world = World::new();
    bundled(&world, "cut -d. -f1 /proc/sys/kernel/random/uuid | tr -dc 0-9 | cut -c1-7", "");
    elsewhere(&mut world);
    let said = world.run(&["reproduce", "toy.zip", JSON[0], JSON[1], "--seeds", "1"]).code(101);
    let said = said.says("RS0143").says("experiment.less.score: different");
    let verdict = verdict(&said);
    assert_eq!(verdict["outcome"], "not-reproduced");
    assert_eq!(verdict["title"], "[¬Re] Does more give more?");
    assert_eq!(verdict["metrics"][0]["verdict"], "different");
}

#[test]
fn small_noise_is_within_the_tolerance_or_indistinguishable() {
    let noise = "tr -dc 0-9 < /proc/sys/kernel/random/uuid | cut -c1-6 | sed 's/^/0.000/'";
    for (tolerance, verdict_then) in
        [(", tolerance = { rel = 0.01 }", "within-tolerance"), ("", "indistinguishable")]
    {
        let mut world = World::new();
        bundled(&world, noise, tolerance);
        elsewhere(&mut world);
        let said = world.run(&["reproduce", "toy.zip", JSON[0], JSON[1]]).ok();
        let verdict = verdict(&said);
        assert_eq!(verdict["outcome"], "reproduced", "{verdict}");
        for metric in verdict["metrics"].as_array().unwrap() {
            assert_eq!(metric["verdict"], verdict_then, "{metric}");
        }
    }
}

#[test]
fn a_part_is_said_to_be_a_part() {
    let world = World::new();
    let toy = bundled(&world, "echo 0", "");
    let said = toy.run(&["reproduce", "--only", "experiment.more", "--seeds", "1"]).ok();
    let said = said.says("[Re] partly reproduced: 1 of 2 runs again; 1 identical");
    assert!(toy.directory.join("out/reproduction/reproduction.pdf").exists(), "{said}");
    toy.run(&["reproduce", "--only", "figure.scores"]).ok().says("4 of 4 runs again");
    toy.run(&["reproduce", "--only", "source.toy"]).code(101).says("no experiment");
    toy.run(&["reproduce", "--only", "experiment.mor"]).code(101).says("did you mean");
}

#[test]
fn what_one_project_says_of_its_runs_does_not_displace_another() {
    let world = World::new();
    for name in ["one", "two"] {
        let toy = toy::toy(&world, name);
        toy.run(&["build"]).ok();
        toy.run(&["reproduce", "--only", "experiment.more", "--seeds", "1"]).ok();
    }
    let roots = crate::support::files_below(&world.store().join("v1/roots"));
    let texts: Vec<String> = roots.iter().map(|it| std::fs::read_to_string(it).unwrap()).collect();
    for folder in ["/one/out/reproduction", "/two/out/reproduction"] {
        assert!(texts.iter().any(|text| text.contains(folder)), "no root of {folder}");
    }
}

#[test]
fn a_run_that_fails_here_is_missing_there() {
    let mut world = World::new();
    let tools = world.path("tools");
    std::fs::create_dir(&tools).unwrap();
    std::fs::write(tools.join("noise"), "0\n").unwrap();
    world.set("RESCIENCE_TOOLS", tools.display().to_string());
    bundled(&world, &format!("cat {}/noise", tools.display()), "");
    elsewhere(&mut world);
    world.set("RESCIENCE_TOOLS", "");
    let said = world.run(&["reproduce", "toy.zip"]).code(101).says("RS0143");
    said.says("experiment.less.score: missing").says("[¬Re] not reproduced: 0 of 4 runs again");
}

#[test]
fn where_one_run_fails_the_others_are_judged() {
    let mut world = World::new();
    let tools = world.path("tools");
    std::fs::create_dir(&tools).unwrap();
    std::fs::write(tools.join("noise"), "0\n").unwrap();
    world.set("RESCIENCE_TOOLS", tools.display().to_string());
    let noise = format!(
        "case $RESCIENCE_SEED in *[02468]) cat {}/noise;; *) echo 0;; esac",
        tools.display()
    );
    bundled(&world, &noise, "");
    elsewhere(&mut world);
    world.set("RESCIENCE_TOOLS", "");
    let said = world.run(&["reproduce", "toy.zip"]).ok();
    let said = said.says("[Re] partly reproduced");
    assert!(["1 of 4", "2 of 4", "3 of 4"].iter().any(|some| said.stderr.contains(some)), "{said}");
}

#[test]
fn two_reproductions_of_the_same_take_turns() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.run(&["reproduce"]).ok();
    let folder = world.store().with_file_name("cache").join("reproductions");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.extension().is_some_and(|it| it == "lock"));
    let lock = files.next().unwrap();
    let other = std::fs::File::open(lock).unwrap();
    other.lock().unwrap();
    let mut waiting = toy.start(&["reproduce"]);
    let mut said = std::io::BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert!(line.contains("waiting for another reproduction"), "{line}");
    other.unlock().unwrap();
    std::io::copy(&mut said, &mut std::io::sink()).unwrap();
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn what_was_never_made_cannot_be_compared() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["reproduce"]).code(101).says("no recorded results").says("rescience build");
}
