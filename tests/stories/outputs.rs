//! A paper is left as PDF, as HTML and as JSON, with an account of its digits, all on record.

use rescience_digest::Digest;
use serde_json::Value;

use crate::support::World;
use crate::support::toy::{self, RUNS};

#[test]
fn a_build_leaves_the_paper_for_readers_browsers_and_machines() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let (html, json) = (toy.bytes("out/main.html"), toy.bytes("out/main.json"));
    assert!(String::from_utf8_lossy(&html).contains("Does more give more?"));
    assert!(serde_json::from_slice::<Value>(&json).unwrap().is_object());

    // They are on record beside the claims, and come back without a run.
    let trace = world.traces().into_iter().find(|trace| trace["action"] == "paper.main").unwrap();
    assert_eq!(trace["logs"]["html"]["blob"], Digest::of(&html).to_string());
    assert_eq!(trace["logs"]["json"]["blob"], Digest::of(&json).to_string());
    assert!(trace["logs"]["claims"]["blob"].is_string(), "{trace}");
    std::fs::remove_file(world.path("toy/out/main.html")).unwrap();
    toy.write("out/main.json", "{}");
    toy.run(&["build"]).ok().says("nothing to do");
    assert_eq!((toy.bytes("out/main.html"), toy.bytes("out/main.json")), (html, json));

    // A paper that the recipe has no more leaves nothing behind.
    toy.edit("rescience.toml", "[paper.main]", "[paper.other]");
    toy.run(&["build"]).ok();
    for form in ["pdf", "html", "json"] {
        assert!(!world.path(&format!("toy/out/main.{form}")).exists(), "{form}");
        assert!(world.path(&format!("toy/out/other.{form}")).exists(), "{form}");
    }
    assert_eq!(toy.tally().len(), RUNS);
}

#[test]
fn a_form_that_the_store_lost_does_not_stop_a_build() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let html = Digest::of(&toy.bytes("out/main.html")).hex();
    let named =
        |path: &std::path::PathBuf| path.display().to_string().replace('/', "").ends_with(&html);
    let lost: Vec<_> = world.objects().into_iter().filter(named).collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    std::fs::remove_file(&lost[0]).unwrap();
    std::fs::remove_file(world.path("toy/out/main.html")).unwrap();
    toy.run(&["build"]).ok().says("out/main.html is lost from the store");
    assert!(world.path("toy/out/main.pdf").exists());
    toy.edit("paper/main.typ", "Whether more", "If more");
    assert_eq!(toy.run(&["build"]).ok().lacks("lost").ran(), ["paper.main"]);
    assert!(world.path("toy/out/main.html").exists());
}

#[test]
fn every_digit_is_accounted_for_in_words_and_in_json() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let build = toy.run(&["build"]).ok();
    let line = build.stderr.lines().find(|line| line.contains("Accounted")).unwrap();
    let numbers: Vec<u64> =
        line.split([' ', ',', ':']).filter_map(|word| word.parse().ok()).collect();
    let [all, artifacts, citations, numbering, declared] = numbers[..] else {
        panic!("{line}");
    };
    assert!(line.trim_start().starts_with(&format!("Accounted {all} digits: ")), "{line}");
    assert!(artifacts > 0 && numbering > 0, "{line}");
    assert_eq!((citations, declared), (0, 0), "{line}");
    assert_eq!(all, artifacts + citations + numbering + declared, "{line}");

    toy.edit("paper/main.typ", "Whether more", "If more");
    let build = toy.run(&["build", "--message-format", "json"]).ok();
    let messages = build.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found: Vec<Value> = messages.filter(|it| it["reason"] == "accounted").collect();
    assert_eq!(found.len(), 1, "{build}");
    assert_eq!((&found[0]["action"], &found[0]["digits"]), (&"paper.main".into(), &all.into()));
    assert_eq!(found[0]["artifacts"], artifacts);
    // A paper that is made already is not accounted again.
    toy.run(&["build"]).ok().lacks("Accounted");
    toy.run(&["log", "paper.main"]).ok().prints(&format!("\"artifacts\": {artifacts}"));
}
