//! Lost views come back without a run; damaged objects are named and made again.

#![expect(clippy::disallowed_methods, reason = "a store is copied with its times by `cp -a`")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rescience_digest::Digest;
use rescience_store::Entry;
use serde_json::Value;

use crate::support::toy::{self, RUNS};
use crate::support::{Project, World};

#[test]
fn a_deleted_out_comes_back_without_a_run() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let pdf = toy.bytes("out/main.pdf");
    std::fs::remove_dir_all(world.path("toy/out")).unwrap();
    toy.run(&["build"]).ok().says("nothing to do");
    assert_eq!(toy.bytes("out/main.pdf"), pdf);
    assert_eq!(toy.tally().len(), RUNS);
}

#[test]
fn a_view_that_was_changed_is_shown_again_as_it_is() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let pdf = toy.bytes("out/main.pdf");
    toy.write("out/main.pdf", "scribbled over");
    std::fs::remove_file(world.path("toy/out/experiment/less/0/metrics.json")).unwrap();
    toy.run(&["build"]).ok().says("nothing to do");
    assert_eq!(toy.bytes("out/main.pdf"), pdf);
    assert!(toy.read("out/experiment/less/0/metrics.json").contains("score"));
}

#[test]
fn every_object_in_turn_deleted_is_made_again() {
    each_object(|path| std::fs::remove_file(path).unwrap());
}

#[test]
fn every_object_in_turn_overwritten_is_found_and_made_again() {
    each_object(|path| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
        let mut bytes = std::fs::read(path).unwrap();
        match bytes.first_mut() {
            Some(first) => *first ^= 1,
            None => bytes.push(b'x'),
        }
        std::fs::write(path, bytes).unwrap();
    });
}

/// What an object is to the project, which decides who notices that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// What a program printed, or what a paper claims. Nothing is made from it, so a build does not
    /// look; `check-store` does.
    Log,
    /// What a run measured about itself. Evidence cannot be made again as it was, so the run is
    /// repeated and has other facts.
    Facts,
    /// A paper or what is collected for it, which may depend on facts.
    Told,
    /// What a run or a figure gave: noticed, and made again with the same bytes.
    Made,
    /// A file of the project. It is read before anything is looked up, and put back without a word.
    Imported,
}

/// Damages one object after the other, each in a store that is whole otherwise.
fn each_object(damage: impl Fn(&PathBuf)) {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.write("experiment/run.sh", &(toy.read("experiment/run.sh") + "echo \"done with $1\"\n"));
    toy.run(&["build"]).ok();
    let roles = roles(&world, &toy);
    for role in [Role::Log, Role::Facts, Role::Told, Role::Made, Role::Imported] {
        assert!(roles.values().any(|other| *other == role), "no {role:?} in {roles:?}");
    }
    copy(&world.store(), &world.path("whole"));
    for object in world.objects() {
        let digest = digest_of(&object);
        let role = roles[&digest];
        damage(&object);
        let output = world.command(&toy.directory, &["build", "-v"]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let told = format!("{role:?} {}:\n{stderr}", digest.short());
        assert!(output.status.success(), "{told}");
        let noticed = ["missing", "damaged"]
            .iter()
            .any(|how| stderr.contains(&format!("b3:{} is {how}", digest.short())));
        let nothing_to_do = stderr.contains("nothing to do");
        let whole = std::fs::read(&object).is_ok_and(|bytes| Digest::of(&bytes) == digest);
        match role {
            Role::Log => {
                assert!(!noticed && nothing_to_do && !whole, "{told}");
                let check = world.run(&["check-store", "--read-data"]).code(101);
                check.says("1 problem in the store").says("hangs on it: ");
            }
            Role::Facts | Role::Told => assert!(noticed && !nothing_to_do, "{told}"),
            Role::Made => assert!(noticed && !nothing_to_do && whole, "{told}"),
            Role::Imported => assert!(!noticed && nothing_to_do && whole, "{told}"),
        }
        assert!(toy.bytes("out/main.pdf").starts_with(b"%PDF"));
        toy.run(&["build"]).ok().says("nothing to do");
        world.run(&["check-store", "--read-data", "--repair"]).ok();
        toy.run(&["build"]).ok();
        world.run(&["check-store", "--read-data"]).ok();

        for folder in [world.store(), world.path("toy/out")] {
            std::fs::remove_dir_all(folder).unwrap();
        }
        copy(&world.path("whole"), &world.store());
    }
}

/// The roles of all objects: of several, the last.
fn roles(world: &World, toy: &Project<'_>) -> BTreeMap<Digest, Role> {
    let traces = world.traces();
    let mut outputs = Vec::new();
    let mut roles = BTreeMap::new();
    let mut note = |value: &Value, role: Role| {
        for part in parts(world, value.as_str().unwrap().parse().unwrap()) {
            let known = roles.entry(part).or_insert(role);
            *known = role.max(*known);
        }
    };
    for trace in &traces {
        for log in trace["logs"].as_object().unwrap().values() {
            note(&log["blob"], Role::Log);
        }
        if trace["facts"].is_string() {
            note(&trace["facts"], Role::Facts);
        }
    }
    for action in toy.actions() {
        let name = action["action"].as_str().unwrap();
        let role = match name.split_once('.').unwrap().0 {
            "source" => Role::Imported,
            "figure" => Role::Made,
            "experiment" if name.contains('#') => Role::Made,
            _ => Role::Told,
        };
        note(&action["output"], role);
        outputs.push(action["output"].clone());
    }
    let facts: Vec<_> = traces.iter().map(|trace| &trace["facts"]).collect();
    for input in traces.iter().flat_map(|trace| trace["inputs"]["inputs"].as_object().unwrap()) {
        if !outputs.contains(input.1) && !facts.contains(&input.1) {
            note(input.1, Role::Imported);
        }
    }
    roles
}

/// An object, and if it is a folder's listing, all that it lists.
fn parts(world: &World, digest: Digest) -> Vec<Digest> {
    let mut found = vec![digest];
    let bytes = std::fs::read(object(world, &digest)).unwrap();
    let Ok(tree) = rescience_store::Tree::parse(&bytes) else { return found };
    for entry in tree.entries.values() {
        match entry {
            Entry::File { digest, .. } | Entry::Directory { digest } => {
                found.extend(parts(world, *digest));
            }
            Entry::Symlink { .. } => {}
        }
    }
    found
}

fn object(world: &World, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    world.store().join("v1/objects").join(&hex[..2]).join(&hex[2..])
}

fn digest_of(object: &Path) -> Digest {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    Digest::from_hex(&(name(object.parent().unwrap()) + &name(object))).unwrap()
}

/// Copies a store with its times, which say that an object is whole.
fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

#[test]
fn check_store_names_what_is_damaged_and_what_hangs_on_it() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let object = object(&world, &Digest::of(&toy.bytes("out/main.pdf")));
    std::fs::set_permissions(&object, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(&object, "not a paper").unwrap();
    let check = world.run(&["check-store"]).code(101);
    assert!(check.stderr.contains("hangs on it: paper.main of toy"), "{check}");
    assert!(check.stderr.contains("--repair"), "{check}");
    let why = toy.run(&["why", "paper.main"]).ok();
    assert!(why.stdout.contains("damaged"), "{why}");
    toy.run(&["build"]).ok();
    world.run(&["check-store", "--read-data"]).ok();
    assert_eq!(toy.tally().len(), RUNS);
}
