//! `watch` typesets on every save, survives every error and runs nothing.

#![expect(clippy::disallowed_methods, reason = "a signal is sent as a shell sends it")]

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStderr, Command};

use crate::support::toy::{self, RUNS};
use crate::support::{Project, World};

/// A running watch; it ends with its story, however that ends.
struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Watch {
    fn start(project: &Project<'_>, args: &[&str]) -> Watch {
        let mut child = project.start(&[&["watch"], args].concat());
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Watch { child, lines }
    }

    /// Waits for a line with this text, and returns what was said until then.
    #[track_caller]
    fn says(&mut self, text: &str) -> String {
        let mut said = String::new();
        for line in self.lines.by_ref().map(Result::unwrap) {
            said.push_str(&line);
            said.push('\n');
            if line.contains(text) {
                return said;
            }
        }
        panic!("no `{text}` in\n{said}");
    }

    fn interrupt(&mut self) -> (Option<i32>, String) {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let said = self.lines.by_ref().map(|line| line.unwrap() + "\n").collect();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended as it should.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn every_save_updates_the_paper_and_errors_leave_the_last_good_one() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let built = toy.bytes("out/main.pdf");
    let mut watch = Watch::start(&toy, &[]);
    watch.says("Updated out/main.pdf");
    // The same input is the same paper, whoever typesets it.
    assert_eq!(toy.bytes("out/main.pdf"), built);

    toy.edit("paper/main.typ", "Whether more", "If more");
    let said = watch.says("Updated out/main.pdf");
    assert!(said.contains("digits accounted") && said.contains(" page"), "{said}");
    let edited = toy.bytes("out/main.pdf");
    assert_ne!(edited, built);

    toy.edit("paper/main.typ", "less.score", "less.scroe");
    let said = watch.says("Refused");
    assert!(said.contains("did you mean `score`?") && said.contains("paper/main.typ:7:"), "{said}");
    assert_eq!(toy.bytes("out/main.pdf"), edited);

    // An editor may write a new file and put it in the place of the old one.
    let text = toy.read("paper/main.typ").replace("less.scroe", "less.score");
    toy.write("paper/.main.typ.swp", &text);
    std::fs::rename(world.path("toy/paper/.main.typ.swp"), world.path("toy/paper/main.typ"))
        .unwrap();
    watch.says("Updated out/main.pdf");
    assert_eq!(toy.bytes("out/main.pdf"), edited);

    let (code, said) = watch.interrupt();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Stopped"), "{said}");
    assert_eq!(toy.tally().len(), RUNS);
    // What was proved is not yet made.
    assert_eq!(toy.run(&["build"]).ok().ran(), ["paper.main"]);
    assert_eq!(toy.bytes("out/main.pdf"), edited);
}

#[test]
fn stale_results_are_named_and_not_remade() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let mut watch = Watch::start(&toy, &["main"]);
    watch.says("Stale `rescience build` has to make experiment.less");
    toy.run(&["build"]).ok();
    // A build changes no text; the next save finds what it made.
    toy.edit("paper/main.typ", "Whether more", "If more");
    watch.says("Updated");
    toy.edit("rescience.toml", "params  = { n = 5 }", "params  = { n = 6 }");
    watch.says("experiment.more#0: parameter n changed from 5 to 6");
    toy.edit("rescience.toml", "params  = { n = 6 }", "params  = { n = 5");
    watch.says("RS0001");
    toy.edit("rescience.toml", "params  = { n = 5", "params  = { n = 5 }");
    watch.says("Updated");
    assert_eq!(toy.tally().len(), RUNS);
}

/// A burst of events is one change: a line is said once for it.
#[test]
fn a_burst_of_saves_is_one_update() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let mut watch = Watch::start(&toy, &["paper.main"]);
    watch.says("Updated");
    let text = toy.read("paper/main.typ");
    for n in 0..50 {
        toy.write("paper/main.typ", &format!("{text}\n// draft {n}\n"));
    }
    toy.write("paper/main.typ", &text.replace("Whether more", "If more"));
    let said = watch.says("Updated");
    // Reading, touching and writing the same again say nothing.
    toy.write("paper/main.typ", &toy.read("paper/main.typ"));
    let (_, rest) = watch.interrupt();
    let lines = said.matches("Updated").count() + rest.matches("Updated").count();
    assert!(lines < 10, "50 saves were {lines} updates:\n{said}{rest}");
}

#[test]
fn a_watch_without_a_paper_to_watch_says_so() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let other = "[paper.other]\ntext = \"paper/main.typ\"\n";
    toy.write("rescience.toml", &format!("{}{other}", toy::RECIPE));
    toy.run(&["watch"]).code(1).says("paper.main or paper.other");
    toy.run(&["watch", "mian"]).code(101).says("RS0109").says("did you mean `paper.main`?");
}
