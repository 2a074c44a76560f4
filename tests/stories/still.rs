//! A build that had nothing to do is remembered, and believed only while everything stands.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rescience_digest::Digest;

use crate::support::toy;
use crate::support::{Output, Project, World};

/// What the note is made to say, so that an answer from it can be told from a planned one.
const TOLD: &str = "told by the note";

/// Builds until the build is noted, and forges what the note says; returns its bytes.
fn noted(toy: &Project<'_>) -> Vec<u8> {
    toy.run(&["build"]).ok();
    // What changed in the last two seconds might change again unseen, and is not noted.
    std::thread::sleep(Duration::from_millis(2100));
    toy.run(&["build"]).ok().says("nothing to do");
    let path = note(toy.world);
    let whole = fs::read(&path).unwrap();
    let signed = &whole[32..];
    let (line, stamps) = signed.split_at(signed.iter().position(|b| *b == b'\n').unwrap());
    let line = std::str::from_utf8(line).unwrap().replace("nothing to do", TOLD);
    let forged = [line.as_bytes(), stamps].concat();
    let forged = [Digest::of(&forged).as_bytes().as_slice(), &forged].concat();
    fs::write(path, &forged).unwrap();
    toy.run(&["build"]).ok().says(TOLD);
    forged
}

fn note(world: &World) -> PathBuf {
    let notes = fs::read_dir(world.store().with_file_name("cache").join("still-v1")).unwrap();
    let mut notes: Vec<_> = notes.map(|note| note.unwrap().path()).collect();
    assert_eq!(notes.len(), 1);
    notes.remove(0)
}

fn planned(output: Output) -> Output {
    output.ok().lacks(TOLD)
}

#[test]
fn another_question_is_planned() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let forged = noted(&toy);
    let again = |args: &[&str]| {
        fs::write(note(&world), &forged).unwrap();
        toy.run(args)
    };
    planned(again(&["build", "paper.main"]));
    planned(again(&["build", "-v"])).says("Fresh");
    planned(again(&["build", "--message-format", "json"])).prints("\"reason\":\"fresh\"");
    for file in ["rescience.toml", "experiment/run.sh", "paper/main.typ"] {
        let before = toy.read(file);
        toy.write(file, &(before.clone() + "\n"));
        planned(again(&["build"]));
        toy.write(file, &before);
    }
    toy.write("rescience.lock", "version = 1\n");
    planned(again(&["build"]));
    fs::remove_file(world.path("toy/rescience.lock")).unwrap();

    let last = forged.len() - 1;
    for damage in [forged[..last].to_vec(), forged[..40].to_vec(), Vec::new()] {
        fs::write(note(&world), damage).unwrap();
        planned(toy.run(&["build"]));
    }
    for at in [0, 40, 200, last - 40, last] {
        let mut flipped = forged.clone();
        flipped[at] ^= 1;
        fs::write(note(&world), flipped).unwrap();
        planned(toy.run(&["build"]));
    }
}

#[test]
fn whatever_is_touched_is_noticed_and_mended() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let one = |folder: &str, depth: usize| {
        let mut path = world.store().join("v1").join(folder);
        for _ in 0..depth {
            path = fs::read_dir(path).unwrap().next().unwrap().unwrap().path();
        }
        path
    };
    let results = Digest::of(toy_results(&toy).as_bytes()).hex();
    let object = world.store().join("v1/objects").join(&results[..2]).join(&results[2..]);
    let changes: [(&str, &dyn Fn()); 8] = [
        ("a view is edited", &|| toy.write("out/main.pdf", "scribbled over")),
        ("a view is gone", &|| fs::remove_file(world.path("toy/out/main.pdf")).unwrap()),
        ("a view has a file too many", &|| toy.write("out/experiment/less/0/more", "")),
        ("an object is gone", &|| fs::remove_file(&object).unwrap()),
        ("an object is overwritten", &|| {
            fs::set_permissions(&object, fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(&object, "no results").unwrap();
        }),
        ("a trace is gone", &|| fs::remove_file(one("traces", 3)).unwrap()),
        ("the root is gone", &|| fs::remove_file(one("roots", 1)).unwrap()),
        ("the root is overwritten", &|| fs::write(one("roots", 1), "{}").unwrap()),
    ];
    for (what, change) in changes {
        noted(&toy);
        change();
        let output = planned(toy.run(&["build"]));
        assert!(toy.bytes("out/main.pdf").starts_with(b"%PDF"), "{what}: {output}");
        assert!(!world.path("toy/out/experiment/less/0/more").exists(), "{what}: {output}");
        assert!(fs::read(one("roots", 1)).unwrap().len() > 2, "{what}: {output}");
        world.run(&["check-store", "--read-data"]).ok();
    }
}

/// The results of an experiment, after a first build.
fn toy_results(toy: &Project<'_>) -> String {
    toy.run(&["build"]).ok();
    toy.read("out/experiment/less/results.json")
}
