//! Every printed claim leads back to the bytes of a run, and from there to what somebody wrote.

use rescience_digest::Digest;
use serde_json::Value;

use crate::support::toy::{self, RECIPE};
use crate::support::{Project, World};

const DIFF: &str = "
[diff.double]
base  = \"source.toy\"
patch = \"diffs/double.patch\"
";

const PATCH: &str = "diff --git a/factor b/factor
--- a/factor
+++ b/factor
@@ -1 +1 @@
-1
+2
";

/// The toy, in which the second experiment runs a changed source.
fn changed(world: &World) -> Project<'_> {
    let toy = toy::toy(world, "toy");
    let more = "extends = \"experiment.less\"\n";
    let recipe = RECIPE.replace(more, &format!("{more}source = \"diff.double\"\n"));
    toy.write("rescience.toml", &format!("{recipe}{DIFF}"));
    toy.write("experiment/factor", "1\n");
    toy.write("diffs/double.patch", PATCH);
    toy
}

/// Claims and chains with their digests, which [`crate::support::Output`] hides.
fn json(project: &Project<'_>, args: &[&str]) -> Vec<Value> {
    let args = [&["trace", "--message-format", "json"], args].concat();
    let output = project.world.command(&project.directory, &args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn digest(bytes: &[u8]) -> Value {
    Digest::of(bytes).to_string().into()
}

#[test]
fn a_number_leads_to_runs_machine_program_and_diff() {
    let world = World::new();
    let toy = changed(&world);
    toy.run(&["build"]).ok();
    let chains = json(&toy, &["experiment.more.score"]);
    assert_eq!(chains.len(), 1, "{chains:?}");
    let chain = &chains[0];
    assert_eq!(chain["paper"]["pdf"], digest(&toy.bytes("out/main.pdf")));
    let origin = &chain["origins"][0];
    assert_eq!(origin["results"], digest(&toy.bytes("out/experiment/more/results.json")));
    assert_eq!(origin["what"]["metric"]["at"], "metrics.json#/score");
    let runs = origin["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for (nth, run) in runs.iter().enumerate() {
        let written = toy.bytes(&format!("out/experiment/more/{nth}/metrics.json"));
        assert_eq!(run["file"], digest(&written), "{run}");
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(run["measured"]["value"], written["score"], "{run}");
        assert!(run["machine"]["kernel"].is_string(), "{run}");
    }
    let sources = origin["program"]["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 2, "{sources:?}");
    assert_eq!(sources[0]["node"], "diff.double");
    assert_eq!(sources[0]["patch"], digest(PATCH.as_bytes()));
    assert_eq!(sources[0]["tree"], origin["program"]["digest"]);
    assert_eq!((&sources[1]["node"], &sources[1]["patch"]), (&"source.toy".into(), &Value::Null));

    let said = toy.run(&["trace", "experiment.more.score"]).ok();
    for link in ["claim", "experiment.more#1 (seed", "score in", "on ", "diff.double", "source.toy"]
    {
        assert!(said.stdout.contains(link), "no `{link}` in\n{said}");
    }
}

#[test]
fn a_claim_is_named_by_row_by_print_or_by_path() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let claims = json(&toy, &[]);
    let less = claims.iter().find(|it| it["claim"]["path"] == "experiment.less.score").unwrap();
    assert_eq!(less["row"], 1);
    let printed = less["claim"]["printed"].as_str().unwrap();
    // As a person types it, who has no narrow or unbreakable space.
    let typed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    for name in ["1", "experiment.less.score", &typed] {
        let chains = json(&toy, &[name]);
        assert_eq!(chains.len(), 1, "{name}");
        assert_eq!(chains[0]["claim"], less["claim"], "{name}");
    }
    toy.run(&["trace", "99"]).code(101).says("RS0119").says("no row 99");
    toy.run(&["trace", "experiment.less.scroe"])
        .code(101)
        .says("did you mean `experiment.less.score`?");
    toy.run(&["trace", "1", "--paper", "mian"]).code(101).says("RS0109").says("paper.main");
}

#[test]
fn claims_are_those_of_the_last_build() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["trace"]).code(101).says("rescience build");
    toy.run(&["build"]).ok();
    let before = json(&toy, &["experiment.more.score"]);
    toy.edit("rescience.toml", "params  = { n = 5 }", "params  = { n = 6 }");
    toy.run(&["trace", "experiment.more.score"]).ok().says("changed since it was built");
    assert_eq!(json(&toy, &["experiment.more.score"]), before);
    toy.run(&["build"]).ok();
    assert_ne!(json(&toy, &["experiment.more.score"]), before);
    toy.run(&["trace"]).ok().lacks("changed since");
}
