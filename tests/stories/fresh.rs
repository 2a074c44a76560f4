//! What is made stays made: nothing runs again because time passed or things moved.

#![expect(clippy::disallowed_methods, reason = "the surroundings of a build are made by a shell")]

use std::time::{Duration, SystemTime};

use crate::support::toy::{self, FIRST, RUNS};
use crate::support::{Output, World};

#[test]
fn a_first_build_leaves_a_paper_and_a_second_runs_nothing() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok().says(&format!("{FIRST} actions ran"));
    assert_eq!(toy.tally().len(), RUNS);
    let pdf = toy.bytes("out/main.pdf");
    assert!(pdf.starts_with(b"%PDF-"));
    assert!(toy.read("out/figure/scores.svg").contains("<svg"));
    assert!(toy.read("out/experiment/less/results.json").contains("\"score\""));

    let again = toy.run(&["build", "-v"]).ok().says("nothing to do").lacks("Written");
    assert_eq!(again.ran(), [""; 0]);
    assert_eq!(toy.tally().len(), RUNS);
    assert_eq!(toy.bytes("out/main.pdf"), pdf);
}

/// Each of these changes something that a result cannot depend on.
#[test]
fn time_place_and_surroundings_change_nothing() {
    let mut world = World::new();
    toy::toy(&world, "toy").run(&["build"]).ok();
    let pdf = std::fs::read(world.path("toy/out/main.pdf")).unwrap();

    for file in ["toy/experiment/run.sh", "toy/rescience.toml", "toy/paper/main.typ"] {
        let file = std::fs::File::options().append(true).open(world.path(file)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000)).unwrap();
    }
    still_fresh(&world, "toy", &["build"], &pdf);

    std::fs::rename(world.path("toy"), world.path("moved")).unwrap();
    still_fresh(&world, "moved", &["build"], &pdf);
    still_fresh(&world, "moved", &["build", "-j", "1"], &pdf);

    std::fs::create_dir(world.path("elsewhere")).unwrap();
    let elsewhere = world.path("elsewhere").display().to_string();
    world.set("HOME", elsewhere).set("TZ", "Pacific/Chatham").set("LANG", "tr_TR.UTF-8");
    world.set("LC_ALL", "tr_TR.UTF-8").set("RESCIENCE_CLOCK", "2036-02-29T01:02:03Z");
    still_fresh(&world, "moved", &["build"], &pdf);

    let copied = std::process::Command::new("sh")
        .args(["-c", "umask 077; cp -r moved copy; rm -r copy/out"])
        .current_dir(world.path(""))
        .status();
    assert!(copied.unwrap().success());
    still_fresh(&world, "copy", &["build"], &pdf);

    std::fs::remove_dir_all(world.path("copy/out")).unwrap();
    let masked = world.run_by_shell(&world.path("copy"), "umask 077; exec \"$0\" build");
    assert_fresh(&world, "copy", masked, &pdf);
    // What was stored with few rights is found by those who have more.
    still_fresh(&world, "copy", &["build"], &pdf);
}

fn still_fresh(world: &World, folder: &str, args: &[&str], pdf: &[u8]) {
    assert_fresh(world, folder, world.run_in(&world.path(folder), args), pdf);
}

fn assert_fresh(world: &World, folder: &str, output: Output, pdf: &[u8]) {
    let output = output.ok().says("nothing to do");
    assert_eq!(output.ran(), [""; 0]);
    assert_eq!(std::fs::read(world.path(folder).join("out/main.pdf")).unwrap(), pdf);
}

#[test]
fn comments_and_order_in_the_recipe_change_nothing() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    toy.edit("rescience.toml", "params  = { n = 5 }", "params  = { n = 5 } # five\n");
    toy.edit(
        "rescience.toml",
        "seeds   = 2\nlimits  = { wall = \"30s\" }",
        "limits = { wall = \"30 s\" }\nseeds = 2",
    );
    toy.run(&["build"]).ok().says("nothing to do");
}

#[test]
fn files_that_git_ignores_are_no_input() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.write("experiment/.gitignore", "scratch/\n");
    toy.run(&["build"]).ok();
    toy.write("experiment/scratch/notes", "not an input");
    toy.run(&["build"]).ok().says("nothing to do");
    toy.write("experiment/notes", "an input");
    let output = toy.run(&["build"]).ok();
    assert_eq!(output.ran().len(), RUNS + 2, "{output}");
}
