//! What a build that has nothing to do costs, and what putting costs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use jiff::Timestamp;
use rescience_digest::ActionKey;
use rescience_store::{Artifact, Materialize, Outcome, StatCache, Store, Trace};
use tempfile::TempDir;

const ACTIONS: usize = 1_000;

fn main() {
    divan::main();
}

/// A store in which every action has a trace like that of a run: parameters, digests, an output of
/// three files, logs and facts.
struct Built {
    _temp: TempDir,
    store: Store,
    keys: Vec<ActionKey>,
    outputs: Vec<Artifact>,
}

fn built() -> Built {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(temp.path()).unwrap();
    let (mut keys, mut outputs) = (Vec::new(), Vec::new());
    for n in 0..ACTIONS {
        let scratch = store.scratch("bench").unwrap();
        output(scratch.path(), n);
        let output = Artifact::Tree(store.adopt_dir(scratch.path()).unwrap());
        let key = ActionKey::of("store bench", &(n as u64));
        store.record(&trace(&store, key, output)).unwrap();
        keys.push(key);
        outputs.push(output);
    }
    Built { _temp: temp, store, keys, outputs }
}

fn output(dir: &Path, n: usize) {
    fs::write(dir.join("metrics.json"), format!("{{\"n\": {n}}}")).unwrap();
    fs::write(dir.join("series.jsonl"), format!("{{\"step\": {n}}}\n").repeat(100)).unwrap();
    fs::write(dir.join("notes.txt"), "the same in every run").unwrap();
}

fn trace(store: &Store, key: ActionKey, output: Artifact) -> Trace {
    let log = Artifact::Blob(store.put_bytes(b"a log").unwrap().digest);
    let digest = output.digest();
    Trace {
        key,
        project: "bench".to_owned(),
        action: "experiment.baseline[operation=add]#0".to_owned(),
        inputs: serde_json::json!({
            "kind": "run", "schema": 1, "argv": ["grokking", "--params", "{params}"],
            "params": {"lr": 1e-3, "steps": 3000, "operation": "add"}, "seed": 12345,
            "env": {}, "limits": {"wall": 600, "memory": 4_294_967_296_u64},
            "inputs": {"program": digest, "input.data": digest},
            "toolchain": {"rustc": "rustc 1.95.0", "cargo": "cargo 1.95.0"},
        }),
        measured: true,
        outcome: Outcome::Success,
        output: Some(output),
        logs: BTreeMap::from([("stdout".to_owned(), log), ("stderr".to_owned(), log)]),
        facts: Some(log.digest()),
        started: Timestamp::UNIX_EPOCH,
        finished: Timestamp::UNIX_EPOCH,
    }
}

#[divan::bench(sample_count = 10)]
fn look_up_traces(bencher: Bencher) {
    let built = built();
    bencher.counter(ItemsCount::new(ACTIONS)).bench_local(|| {
        for key in &built.keys {
            black_box(built.store.traces(key).unwrap());
        }
    });
}

#[divan::bench(sample_count = 10)]
fn test_outputs(bencher: Bencher) {
    let built = built();
    bencher.counter(ItemsCount::new(ACTIONS)).bench_local(|| {
        for output in &built.outputs {
            built.store.intact(output).unwrap();
        }
    });
}

#[divan::bench(sample_count = 10)]
fn put_small_objects(bencher: Bencher) {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(temp.path()).unwrap();
    let mut n = 0_u64;
    bencher.counter(ItemsCount::new(100_u32)).bench_local(|| {
        for _ in 0..100 {
            n += 1;
            store.put_bytes(&n.to_le_bytes()).unwrap();
        }
    });
}

#[divan::bench(sample_count = 10)]
fn put_what_is_there(bencher: Bencher) {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(temp.path()).unwrap();
    bencher.counter(ItemsCount::new(100_u32)).bench_local(|| {
        for n in 0..100_u64 {
            store.put_bytes(&n.to_le_bytes()).unwrap();
        }
    });
}

#[divan::bench(sample_count = 3)]
fn put_a_file_of_256_mib(bencher: Bencher) {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(temp.path()).unwrap();
    let path = temp.path().join("big");
    let mut n = 0;
    bencher
        .counter(divan::counter::BytesCount::new(256_u64 << 20))
        .with_inputs(|| {
            n += 1;
            fs::write(&path, vec![n; 256 << 20]).unwrap();
        })
        .bench_local_values(|()| store.put_file(&path).unwrap());
}

#[divan::bench(sample_count = 5)]
fn share_a_tree_of_1000_files(bencher: Bencher) {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(temp.path()).unwrap();
    let scratch = store.scratch("bench").unwrap();
    for n in 0..1000 {
        fs::write(scratch.path().join(n.to_string()), n.to_string()).unwrap();
    }
    let tree = Artifact::Tree(store.adopt_dir(scratch.path()).unwrap());
    let to = temp.path().join("out");
    bencher.counter(ItemsCount::new(1000_u32)).bench_local(|| {
        store.materialize(&tree, &to, Materialize::Share).unwrap();
    });
}

#[divan::bench(sample_count = 5)]
fn import_1000_unchanged_files(bencher: Bencher) {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(&temp.path().join("store")).unwrap();
    let project = temp.path().join("project");
    fs::create_dir(&project).unwrap();
    for n in 0..1000 {
        fs::write(project.join(n.to_string()), n.to_string()).unwrap();
    }
    // Files must have rested before they are remembered.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let mut cache = StatCache::open(&temp.path().join("cache"));
    store.import(&project, &mut cache).unwrap();
    bencher.counter(ItemsCount::new(1000_u32)).bench_local(|| {
        store.import(&project, &mut cache).unwrap();
    });
}
