//! Runs the program as `rescience build` does and compares what it writes, byte for byte.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

fn params() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny.json")
}

/// Runs the program with `params` in a directory of its own, which it returns.
fn run(name: &str, params: &Path, variables: &[(&str, &str)]) -> (PathBuf, Output) {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if out.exists() {
        fs::remove_dir_all(&out).expect("it is the test's own directory");
    }
    fs::create_dir_all(&out).expect("cargo made its parent");
    let mut program = Command::new(env!("CARGO_BIN_EXE_grokking"));
    program.env_remove("CANDLE_NUM_THREADS").env_remove("RAYON_NUM_THREADS");
    program.env("RESCIENCE_PARAMS", params).env("RESCIENCE_SEED", "7").env("RESCIENCE_OUT", &out);
    program.envs(variables.iter().copied());
    let output = program.output().expect("cargo built the program");
    (out, output)
}

/// The metrics and the series of a run that must succeed.
fn files(name: &str, params: &Path, variables: &[(&str, &str)]) -> [Vec<u8>; 2] {
    let (out, output) = run(name, params, variables);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ["metrics.json", "series.jsonl"].map(|file| fs::read(out.join(file)).expect("it was written"))
}

/// The parameters with some lines replaced, written to a file.
fn changed(name: &str, replacements: &[(&str, &str)]) -> PathBuf {
    let mut text = fs::read_to_string(params()).expect("it lies beside this test");
    for (from, to) in replacements {
        assert!(text.contains(from), "{from} is not there");
        text = text.replace(from, to);
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the directory is the test's own");
    path
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    // Wide enough for candle to share its elementwise operations between the threads.
    let params = changed(
        "wide.json",
        &[
            ("\"width\": 16", "\"width\": 64"),
            ("\"batch\": 32", "\"batch\": 512"),
            ("\"steps\": 60", "\"steps\": 20"),
        ],
    );
    let one = files("one-thread", &params, &[("RAYON_NUM_THREADS", "1")]);
    let two = files("two-threads", &params, &[("RAYON_NUM_THREADS", "2")]);
    let unset = files("unset", &params, &[]);
    assert!(one == two && one == unset);
}

#[test]
fn another_seed_gives_other_bytes() {
    let first = files("first-seed", &params(), &[]);
    assert_eq!(first, files("same-seed", &params(), &[]));
    assert_ne!(first, files("other-seed", &params(), &[("RESCIENCE_SEED", "8")]));
}

#[test]
fn progress_is_json_with_the_step_and_the_end() {
    let params = changed("long.json", &[("\"steps\": 60", "\"steps\": 200")]);
    let (_, output) = run("progress", &params, &[]);
    let lines: Vec<serde_json::Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let steps: Vec<_> =
        lines.iter().map(|line| (line["step"].clone(), line["of"].clone())).collect();
    assert_eq!(steps, [(100.into(), 200.into()), (200.into(), 200.into())]);
    assert!(lines.iter().all(|line| line["val_accuracy"].is_number()));
}

#[test]
fn wrong_parameters_are_named_with_their_file() {
    let params = changed("wrong.json", &[("\"lr\"", "\"learning_rate\"")]);
    let (_, output) = run("wrong", &params, &[]);
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.starts_with(&format!("error: {}: unknown field `learning_rate`", params.display()))
    );
}
