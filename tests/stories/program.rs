//! Programs built by cargo: one compile for what is shared, and an early end for what is the same.

use crate::support::{Project, World};

const RECIPE: &str = r#"
[project]
name = "rust"
version = "0.1.0"
title = "A program"
seed = 1

[source.base]
path = "experiment"

[diff.louder]
base = "source.base"
patch = "diffs/louder.patch"

[experiment.base]
source = "source.base"
build = "cargo"
run = ["probe"]
metrics = { loudness = { at = "metrics.json#/loudness", unit = "1", better = "higher" } }

[experiment.louder]
extends = "experiment.base"
source = "diff.louder"
"#;

const MAIN: &str = "fn main() {
    let out = std::env::var(\"RESCIENCE_OUT\").unwrap();
    let loudness = 1;
    std::fs::write(format!(\"{out}/metrics.json\"), format!(\"{{\\\"loudness\\\": {loudness}}}\")).unwrap();
}
";

const PATCH: &str = "diff --git a/src/main.rs b/src/main.rs
--- a/src/main.rs
+++ b/src/main.rs
@@ -1,5 +1,5 @@
 fn main() {
     let out = std::env::var(\"RESCIENCE_OUT\").unwrap();
-    let loudness = 1;
+    let loudness = 11;
     std::fs::write(format!(\"{out}/metrics.json\"), format!(\"{{\\\"loudness\\\": {loudness}}}\")).unwrap();
 }
";

fn rust(world: &World) -> Project<'_> {
    world.project(
        "rust",
        &[
            ("rescience.toml", RECIPE),
            ("experiment/Cargo.toml", "[package]\nname = \"probe\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[profile.release]\nstrip = true\n"),
            ("experiment/Cargo.lock", "version = 4\n\n[[package]]\nname = \"probe\"\nversion = \"0.1.0\"\n"),
            ("experiment/src/main.rs", MAIN),
            ("diffs/louder.patch", PATCH),
        ],
    )
}

#[test]
fn a_diff_makes_another_program_and_going_back_the_first_again() {
    let world = World::new();
    let rust = rust(&world);
    rust.run(&["build"]).ok();
    assert!(rust.read("out/experiment/base/results.json").contains("1.0"));
    assert!(rust.read("out/experiment/louder/results.json").contains("11.0"));
    rust.run(&["build"]).ok().says("nothing to do");
}

#[test]
fn a_comment_rebuilds_the_program_and_stops_there() {
    let world = World::new();
    let rust = rust(&world);
    rust.run(&["build", "experiment.base"]).ok();
    rust.edit("experiment/src/main.rs", "let loudness = 1;", "let loudness = 1; // quiet");
    let why = rust.run(&["why", "source.base@build"]).ok();
    assert!(why.stdout.starts_with("source.base@build: input source changed"), "{why}");
    let build = rust.run(&["build", "experiment.base"]).ok();
    assert_eq!(build.ran(), ["source.base"]);
    assert!(build.stderr.contains("same program as before"), "{build}");
    rust.run(&["build", "experiment.base"]).ok().says("nothing to do");
}

/// Panics carry line numbers: moving lines moves them, and that is said.
#[test]
fn a_program_that_differs_says_by_how_much() {
    let world = World::new();
    let rust = rust(&world);
    rust.run(&["build", "experiment.base"]).ok();
    rust.edit("experiment/src/main.rs", "fn main() {", "// A comment of its own.\nfn main() {");
    let build = rust.run(&["build", "experiment.base"]).ok();
    assert!(build.stderr.contains(" bytes"), "{build}");
}

#[test]
fn an_error_of_the_compiler_is_shown() {
    let world = World::new();
    let rust = rust(&world);
    rust.edit("experiment/src/main.rs", "let loudness = 1;", "let loudness: u8 = \"one\";");
    let build = rust.run(&["build", "experiment.base"]).code(101).says("RS0105");
    assert!(build.stderr.contains("mismatched types"), "{build}");
}

#[test]
fn facts_name_the_toolchain() {
    let world = World::new();
    let rust = rust(&world);
    rust.run(&["build", "experiment.base"]).ok();
    let log = rust.run(&["log", "experiment.base#0"]).ok();
    let facts = log.stdout.lines().find_map(|line| line.trim().strip_prefix("facts  ")).unwrap();
    assert_eq!(facts, "[DIGEST]");
}

/// What a program needs is compiled once for all its variants.
#[test]
fn a_diff_recompiles_one_crate_and_finds_its_dependency_compiled() {
    let world = World::new();
    let rust = rust(&world);
    rust.edit(
        "experiment/Cargo.toml",
        "[workspace]\n",
        "[workspace]\n[dependencies]\nitoa = \"1\"\n",
    );
    let lock = "version = 4\n\n".to_owned()
        + &locked("itoa")
        + "[[package]]\nname = \"probe\"\nversion = \"0.1.0\"\ndependencies = [\n \"itoa\",\n]\n";
    rust.write("experiment/Cargo.lock", &lock);
    rust.edit("experiment/src/main.rs", "\\\"loudness\\\": {loudness}}}\")", USE);
    rust.edit("diffs/louder.patch", "\\\"loudness\\\": {loudness}}}\")", USE);
    let base = rust.run(&["build", "experiment.base"]).ok();
    assert!(base.stderr.contains("2 crates compiled, 0 fresh"), "{base}");
    let louder = rust.run(&["build", "experiment.louder"]).ok();
    assert!(louder.stderr.contains("1 crate compiled, 1 fresh"), "{louder}");
    assert!(rust.read("out/experiment/louder/results.json").contains("11.0"));
}

/// The same JSON, with the number written by the dependency.
const USE: &str = "\\\"loudness\\\": {}}}\", itoa::Buffer::new().format(loudness))";

/// A package as this workspace has locked it, so that it is on this machine already.
fn locked(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let from = lock.find(&format!("[[package]]\nname = \"{name}\"\n")).unwrap();
    let package = &lock[from..];
    package[..package.find("\n\n").unwrap()].to_owned() + "\n\n"
}
