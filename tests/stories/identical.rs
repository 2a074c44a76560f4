//! The same store and recipe give the same paper, byte for byte.

use crate::support::World;
use crate::support::toy;

/// Rendered anew in another directory, for another home, ten years later.
#[test]
fn a_paper_does_not_know_where_or_when_it_is_typeset() {
    let mut world = World::new();
    toy::toy(&world, "here").run(&["build"]).ok();
    let first = std::fs::read(world.path("here/out/main.pdf")).unwrap();

    forget(&world, "paper.main");
    forget(&world, "figure.scores");
    std::fs::create_dir(world.path("other-home")).unwrap();
    let home = world.path("other-home").display().to_string();
    world.set("HOME", home).set("RESCIENCE_CLOCK", "2036-07-01T00:00:00Z");
    world.set("TZ", "Asia/Kathmandu").set("LANG", "de_DE.UTF-8");
    let there = toy::toy(&world, "a much longer path/with spaces/there");
    let build = there.run(&["build"]).ok();
    assert_eq!(build.ran(), ["figure.scores", "paper.main"]);
    assert_eq!(there.bytes("out/main.pdf"), first);
}

/// Drops the traces of an action, as if it had never been made.
fn forget(world: &World, action: &str) {
    let mut dropped = 0;
    let mut folders = vec![world.store().join("v1/traces")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if std::fs::read_to_string(entry.path())
                .unwrap()
                .replace(' ', "")
                .contains(&format!("\"action\":\"{action}\""))
            {
                std::fs::remove_file(entry.path()).unwrap();
                dropped += 1;
            }
        }
    }
    assert!(dropped > 0, "no trace of {action}");
}
