//! What one person made another need not make again, if the other trusts who made it.

#![expect(clippy::disallowed_methods, reason = "stories start other programs")]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::s3::{KEY_ID, REGION, SECRET, SESSION, Storage};
use crate::stories::accelerators;
use crate::support::{Project, World, files_below, toy};

/// A new key, and the line by which its owner may share results.
fn key(world: &World, name: &str) -> (PathBuf, String) {
    let path = world.path(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path);
    assert!(keygen.status().expect("openssh-client is installed").success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (path, format!("{name}@example.org {public}"))
}

/// Alice's world, in which what is made is shared at a place, and the line that says who she is.
fn sharing(place: &str) -> (World, String) {
    let mut world = World::new();
    let (path, line) = key(&world, "alice");
    world.set("RESCIENCE_REMOTE", place).set("RESCIENCE_REMOTE_KEY", path.display().to_string());
    (world, line)
}

/// The world of somebody who takes what those in these lines have signed.
fn trusting(place: &str, lines: &str) -> World {
    let mut world = World::new();
    let file = world.path("allowed");
    std::fs::write(&file, lines).unwrap();
    world.set("RESCIENCE_REMOTE", place);
    world.set("RESCIENCE_ALLOWED_SIGNERS", file.display().to_string());
    world
}

/// A folder for all, and its name as a place.
fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("dir:{}", folder.path().display());
    (folder, place)
}

fn built<'w>(world: &'w World) -> Project<'w> {
    let toy = toy::toy(world, "toy");
    toy.run(&["build"]).ok();
    toy
}

#[test]
fn what_a_colleague_made_is_taken_and_nothing_runs() {
    let (_folder, place) = folder();
    let (alice, line) = sharing(&place);
    let hers = toy::toy(&alice, "toy");
    let said = hers.run(&["build", "-v"]).ok().says("Shared experiment.less#0 to dir:");
    assert_eq!(said.ran().len(), toy::RUNS + 2, "{said}");

    let bob = trusting(&place, &line);
    let his = toy::toy(&bob, "toy");
    let said = his.run(&["build", "--require-cached"]).ok();
    let said = said.says("Fetched paper.main from dir:").says("signed by alice@example.org");
    assert_eq!(said.ran(), Vec::<String>::new(), "{said}");
    for file in ["out/main.pdf", "out/main.html", "out/figure/scores.svg"] {
        assert!(his.bytes(file) == hers.bytes(file), "{file}");
    }
    his.run(&["verify"]).ok().says("all as recorded");
    // What only he has, nobody has made yet.
    his.edit("rescience.toml", "n = 5", "n = 6");
    let said = his.run(&["build", "--require-cached"]).code(101).says("RS0144");
    said.says("experiment.more#0: it is not made")
        .says("experiment.more#1")
        .says("2 actions failed; 3 actions were not run");
    his.run(&["build"]).ok();
}

#[test]
fn what_was_made_before_is_shared_on_request() {
    let (_folder, place) = folder();
    let mut alice = World::new();
    let (path, line) = key(&alice, "alice");
    let said = built(&alice).run(&["build", "--push"]).code(1);
    said.says("RESCIENCE_REMOTE").says("RESCIENCE_REMOTE_KEY");
    alice.set("RESCIENCE_REMOTE", &place).set("RESCIENCE_REMOTE_KEY", path.display().to_string());
    let hers = toy::toy(&alice, "toy");
    hers.run(&["build", "-v"]).ok().lacks("Shared ");
    let said = hers.run(&["build", "--push", "-v"]).ok().says("Shared experiment.less#0 to dir:");
    assert_eq!(said.ran(), Vec::<String>::new(), "{said}");

    let bob = trusting(&place, &line);
    let said = toy::toy(&bob, "toy").run(&["build", "--require-cached"]).ok();
    assert_eq!(said.ran(), Vec::<String>::new(), "{said}");
}

#[test]
fn a_stranger_s_results_do_not_count() {
    let (folder, place) = folder();
    let (alice, _) = sharing(&place);
    built(&alice);
    let mallory = World::new();
    let (_, other) = key(&mallory, "mallory");
    let bob = trusting(&place, &other);
    let his = toy::toy(&bob, "toy");
    let said = his.run(&["build", "--require-cached"]).code(101).says("RS0144");
    said.says("does not count").says("the key is nobody's in the list");
    // Who trusts nobody is told how to, and the build goes on.
    let mut carol = World::new();
    carol.set("RESCIENCE_REMOTE", &place);
    let said = toy::toy(&carol, "toy").run(&["build"]).ok();
    assert_eq!(said.says("RESCIENCE_ALLOWED_SIGNERS").ran().len(), toy::RUNS + 2);
    drop(folder);
}

#[test]
fn bytes_that_were_changed_there_never_come_here() {
    let (folder, place) = folder();
    let (alice, line) = sharing(&place);
    built(&alice);
    for file in files_below(&folder.path().join("objects")) {
        let mut bytes = std::fs::read(&file).unwrap();
        match bytes.first_mut() {
            Some(byte) => *byte ^= 1,
            None => bytes.push(b'x'),
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
    }
    let bob = trusting(&place, &line);
    let his = toy::toy(&bob, "toy");
    his.run(&["build", "--require-cached"]).code(101).says("RS0144").says("going on without");
    // He makes it himself, and has what she had.
    his.run(&["build"]).ok();
    his.run(&["verify"]).ok();
}

#[test]
fn a_recipe_says_where_and_the_user_whose() {
    let (folder, place) = folder();
    let (alice, line) = sharing(&place);
    built(&alice);
    let mut bob = World::new();
    let recipe = |place: &str| format!("{}\n[remote]\nurl = \"{place}\"\n", toy::RECIPE);
    let his = toy::toy(&bob, "toy");
    his.write("rescience.toml", &recipe(&place));
    std::fs::create_dir_all(bob.store().parent().unwrap()).unwrap();
    // By default, the list is in the user's home.
    std::fs::write(bob.store().with_file_name("allowed_signers"), &line).unwrap();
    let directory = his.directory;
    bob.run_in(&directory, &["build", "--require-cached"]).ok().says("Fetched");
    std::fs::write(directory.join("rescience.toml"), recipe("ftp:there")).unwrap();
    let said =
        bob.run_in(&directory, &["build"]).code(101).says("rescience.toml:").says("ftp:there");
    said.says("`dir:PATH`");
    bob.set("RESCIENCE_REMOTE", "none");
    bob.run_in(&directory, &["build"]).ok();
    bob.set("RESCIENCE_REMOTE", "dir:nowhere");
    bob.run_in(&directory, &["build", "paper.main"]).ok();
    drop(folder);
}

#[test]
fn a_machine_without_an_accelerator_has_what_another_measured() {
    let (_folder, place) = folder();
    let mut cluster = accelerators::world("one");
    let (path, line) = key(&cluster, "alice");
    cluster.set("RESCIENCE_REMOTE", &place);
    cluster.set("RESCIENCE_REMOTE_KEY", path.display().to_string());
    let hers = accelerators::taking(&cluster, 1, "0.375");
    hers.run(&["build"]).ok();
    let mut laptop = trusting(&place, &line);
    let his = accelerators::taking(&laptop, 1, "0.375");
    his.run(&["build"]).ok().says("Fetched experiment.more#0");
    assert!(his.read("out/main.html").contains("NVIDIA Fake 9000"));
    let directory = his.directory;
    laptop.set("RESCIENCE_HOME", laptop.path("new-home").display().to_string());
    laptop.set("RESCIENCE_ALLOWED_SIGNERS", "/dev/null");
    let said = laptop.run_in(&directory, &["build"]).code(101);
    said.says("it needs 1 GPU");
}

#[test]
fn results_are_shared_through_s3() {
    let storage = Storage::start();
    let access = |world: &mut World| {
        world.set("AWS_ENDPOINT_URL", format!("http://{}", storage.host));
        world.set("AWS_ACCESS_KEY_ID", KEY_ID).set("AWS_SECRET_ACCESS_KEY", SECRET);
        world.set("AWS_SESSION_TOKEN", SESSION).set("AWS_REGION", REGION);
    };
    let (mut alice, line) = sharing("s3:lab/toy");
    access(&mut alice);
    built(&alice);
    let mut bob = trusting("s3:lab/toy", &line);
    access(&mut bob);
    let his = toy::toy(&bob, "toy");
    let said =
        his.run(&["build", "--require-cached"]).ok().says("Fetched paper.main from s3:lab/toy");
    assert_eq!(said.ran(), Vec::<String>::new());
    // Offline, only what is here counts.
    his.run(&["clean"]).ok();
    his.run(&["build", "--require-cached", "--offline"]).ok().lacks("Fetched");
}

#[test]
fn a_place_that_is_none_is_told_at_once() {
    let mut world = World::new();
    let toy = toy::toy(&world, "toy");
    let directory = toy.directory;
    for (place, says) in [("lab", "expected `dir:PATH`"), ("s3:", "s3:"), ("oci:x", "oci:")] {
        world.set("RESCIENCE_REMOTE", place);
        world.run_in(&directory, &["build"]).code(1).says(says);
    }
    assert!(!Path::new(&directory.join("out")).exists());
}
