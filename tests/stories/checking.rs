//! `check` says of recipe and papers what a build would say, and runs nothing.

use serde_json::Value;

use crate::support::World;
use crate::support::toy::{self, RUNS};

#[test]
fn an_error_in_the_text_is_found_without_a_build() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let (pdf, traces) = (toy.bytes("out/main.pdf"), world.traces().len());
    toy.edit("paper/main.typ", "experiment.less.score", "experiment.less.scroe");
    let check = toy.run(&["check"]).code(101).says("1 paper is refused; nothing was run");
    assert!(check.stderr.contains("paper/main.typ:7:"), "{check}");
    assert!(check.stderr.contains("did you mean `score`?"), "{check}");

    // Looking leaves nothing behind, in the log as little as in `out/`.
    assert_eq!(toy.tally().len(), RUNS);
    assert_eq!(toy.bytes("out/main.pdf"), pdf);
    assert_eq!(world.traces().len(), traces);
    toy.run(&["log", "--failed"]).ok().says("no failures");

    toy.edit("paper/main.typ", "experiment.less.scroe", "experiment.less.score");
    toy.edit("paper/main.typ", "Whether more", "If more");
    toy.run(&["check"]).ok().says("Checked toy");
    assert_eq!(toy.run(&["build"]).ok().ran(), ["paper.main"]);
}

#[test]
fn editors_get_the_bytes_to_underline() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    // Columns count characters, offsets count bytes.
    toy.edit(
        "paper/main.typ",
        "Less gives #value(\"experiment.less.score\")",
        "Übel: #value(\"experiment.less.scroe\")",
    );
    let check = toy.run(&["check", "--message-format", "json", "-q"]).code(101);
    let messages: Vec<Value> =
        check.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = messages.iter().find(|message| message["reason"] == "diagnostic").unwrap();
    assert_eq!(found["file"], "paper/main.typ");
    assert_eq!(found["level"], "error");
    assert!(found["code"].as_str().unwrap().starts_with("RS0"), "{found}");
    assert!(found["message"].as_str().unwrap().contains("scroe"), "{found}");
    assert!(found["hints"][0].as_str().unwrap().contains("score"), "{found}");
    let text = toy.read("paper/main.typ");
    let number = |field: &str| found[field].as_u64().unwrap() as usize;
    let underlined = &text[number("start")..number("end")];
    assert!(underlined.contains("experiment.less.scroe"), "{underlined}");
    let line = text.lines().nth(number("line") - 1).unwrap();
    let from: String = line.chars().skip(number("column") - 1).collect();
    assert!(from.starts_with(underlined), "{from} does not begin with {underlined}");
    let last = messages.last().unwrap();
    assert_eq!((&last["reason"], &last["success"]), (&"check-finished".into(), &false.into()));
}

#[test]
fn what_is_not_built_yet_is_a_note() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let check = toy.run(&["check"]).ok().says("note: the text of paper.main was not checked");
    assert!(check.stderr.contains("experiment.less (experiment.less#0: never built)"), "{check}");
    assert_eq!(toy.tally().len(), 0);

    toy.run(&["build"]).ok();
    toy.edit("rescience.toml", "params  = { n = 5 }", "params  = { n = 6 }");
    let json = toy.run(&["check", "--message-format", "json"]).ok();
    let message: Value = serde_json::from_str(json.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&message["reason"], &message["action"]),
        (&"not-checked".into(), &"paper.main".into())
    );
    let lacking = message["lacking"].as_array().unwrap();
    assert_eq!(lacking.len(), 1, "{message}");
    assert_eq!(lacking[0]["action"], "experiment.more");
    assert_eq!(lacking[0]["why"]["reason"], "param-changed");
    assert_eq!(toy.tally().len(), RUNS);
}

#[test]
fn figures_are_drawn_for_the_look_of_the_paper() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit("rescience.toml", "band = \"std\"", "band = \"none\"");
    toy.run(&["check"]).ok().says("2 would run");
    assert_eq!(toy.run(&["build"]).ok().ran(), ["figure.scores", "paper.main"]);
    toy.edit("rescience.toml", "y = \"score\"", "y = \"scroe\"");
    toy.run(&["check"]).code(101).says("error[RS0110]: figure.scores");
}
