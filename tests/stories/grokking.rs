//! The flagship's experiment is bit-deterministic, whatever the number of threads.

use std::path::Path;

use crate::support::World;

/// Two experiments that differ only in their CPUs, small enough to train in a moment, but wide
/// enough for candle to share its work among threads. The recipe cannot give two experiments one
/// seed, so each is a project of its own. The run says how many threads it was given.
fn recipe(cpus: u32) -> String {
    format!(
        r#"
[project]
name = "threads-{cpus}"
version = "0.1.0"
title = "Threads"
seed = 7

[source.template]
path = "experiment"

[experiment.tiny]
source = "source.template"
build = "cargo"
run = ["sh", "-c", "echo threads $RESCIENCE_THREADS $RAYON_NUM_THREADS >&2; exec grokking"]
limits = {{ wall = "5min", cpus = {cpus} }}
metrics = {{ accuracy = {{ at = "metrics.json#/final_val_accuracy", unit = "1", better = "higher" }} }}

[experiment.tiny.params]
operation = "add"
modulus = 13
train_fraction = 0.5
width = 64
heads = 2
layers = 2
ffn_multiple = 4
batch = 512
steps = 20
hold_steps = 20
lr = 0.003
warmup = 5
weight_decay = 1.0
eval_every = 10
eval_samples = 0
"#
    )
}

#[test]
fn one_thread_and_two_write_the_same_bytes() {
    let mut world = World::new();
    // The compiled dependencies outlive the world, so that only the first run of this test pays;
    // the store does not, so that the runs do run.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("grokking-cache");
    std::fs::create_dir_all(&cache).unwrap();
    let home = world.path("home/rescience");
    std::fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(&cache, home.join("cache")).unwrap();
    world.set("RESCIENCE_PROGRESS", "never");

    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/grokking/experiment");
    let outputs = [1, 2].map(|cpus| {
        let folder = format!("threads-{cpus}");
        let project = world.project(&folder, &[("rescience.toml", &recipe(cpus))]);
        copy(&template, &project.directory.join("experiment"));
        project.run(&["build", "-j", "2"]).ok();
        let given = format!("threads {cpus} {cpus}\n");
        project.run(&["log", "experiment.tiny#0"]).ok().prints(&given);
        let read = |file: &str| project.bytes(&format!("out/experiment/tiny/0/{file}"));
        (read("metrics.json"), read("series.jsonl"))
    });
    let lines = |file: &[u8]| file.iter().filter(|byte| **byte == b'\n').count();
    assert!(lines(&outputs[0].1) > 1, "the series has no steps");
    assert!(outputs[0] == outputs[1], "the number of threads changed the result");
    assert!(String::from_utf8_lossy(&outputs[0].0).contains("final_val_accuracy"));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "target" {
                copy(&entry.path(), &target);
            }
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
