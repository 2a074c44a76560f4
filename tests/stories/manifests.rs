//! Thirty broken recipes, as a newcomer would meet them: every message can be acted on.

use std::path::{Path, PathBuf};

use crate::support::{World, toy};

/// One file per mistake; the expected output stands beside it as `NAME.stderr`.
fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recipes/tests/broken");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    found.sort();
    found
}

#[test]
fn broken_recipes_are_explained() {
    let world = World::new();
    let fixtures = fixtures();
    assert!(fixtures.len() >= 30, "only {} fixtures", fixtures.len());
    for fixture in fixtures {
        let name = fixture.file_stem().unwrap().to_string_lossy().into_owned();
        let project = toy::toy(&world, &name);
        std::fs::copy(&fixture, project.directory.join("rescience.toml")).unwrap();
        let check = project.run(&["check"]).code(101);
        assert!(check.stdout.is_empty(), "{check}");
        let expected = fixture.with_extension("stderr");
        snapbox::assert_data_eq!(check.stderr.clone(), snapbox::Data::read_from(&expected, None));
    }
}

#[test]
fn json_diagnostics_name_line_and_column() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.edit("rescience.toml", "seeds   = 2", "seedz   = 2");
    let check = toy.run(&["check", "--message-format", "json"]).code(101);
    let line = check.stdout.lines().next().unwrap();
    let message: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(message["reason"], "diagnostic");
    assert_eq!(message["code"], "RS0003");
    assert_eq!((&message["line"], &message["column"]), (&17.into(), &1.into()));
}

#[test]
fn a_recipe_of_fifty_megabytes_is_refused_at_once() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.write("rescience.toml", &"# a very long comment\n".repeat(2_500_000));
    toy.run(&["check"]).code(101).says("RS0022");
}

#[test]
fn a_recipe_that_is_not_utf8_names_the_place() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    std::fs::write(world.path("toy/rescience.toml"), b"[project]\nname = \"\xff\"\n").unwrap();
    toy.run(&["check"]).code(101).says("RS0021").says("rescience.toml:2:9");
}

#[test]
fn what_the_recipe_names_must_exist() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.edit("rescience.toml", "path = \"experiment\"", "path = \"experimnet\"");
    toy.edit("rescience.toml", "paper/main.typ", "paper/mian.typ");
    let check = toy.run(&["check"]).code(101).says("RS0102");
    assert!(check.stderr.contains("experimnet"), "{check}");
}

#[test]
fn a_patch_that_does_not_apply_names_its_hunk() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let diff = "[diff.other]\nbase = \"source.toy\"\npatch = \"diffs/other.patch\"\n";
    toy.write("rescience.toml", &format!("{}{diff}", toy::RECIPE));
    toy.write(
        "diffs/other.patch",
        "diff --git a/run.sh b/run.sh\n--- a/run.sh\n+++ b/run.sh\n@@ -1 +1 @@\n-not what is there\n+new\n",
    );
    let build = toy.run(&["build", "diff.other"]).code(101).says("RS0104");
    assert!(build.stderr.contains("run.sh"), "{build}");
}

#[test]
fn no_recipe_says_how_to_make_one() {
    let world = World::new();
    world.run(&["build"]).code(101).says("RS0101").says("rescience init");
}
