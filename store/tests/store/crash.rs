//! However a writer ends, the store is valid, and what was acknowledged is there.
#![expect(clippy::disallowed_methods, reason = "the stories need processes that can be killed")]

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rescience_digest::Digest;
use rescience_store::{Artifact, Root, Store, StoreError};

use crate::race;
use crate::support::{World, trace, write_files};

/// Tells the test binary to play a part in another test's story: its name, then the directory.
const PART: &str = "RESCIENCE_STORE_TEST_PART";
const DIR: &str = "RESCIENCE_STORE_TEST_DIR";

fn play(part: &str, world: &World) -> Child {
    prepared(Command::new(env::current_exe().unwrap()), part, world).spawn().unwrap()
}

fn prepared(mut command: Command, part: &str, world: &World) -> Command {
    command
        .args(["--exact", "crash::a_part_in_another_story"])
        .env(PART, part)
        .env(DIR, world.path(""))
        .stdout(Stdio::null());
    command
}

/// Not a story of its own: without a part it does nothing.
#[test]
fn a_part_in_another_story() {
    let (Ok(part), Ok(dir)) = (env::var(PART), env::var(DIR)) else { return };
    let dir = PathBuf::from(dir);
    let store = Store::open(&dir.join("store")).unwrap();
    match part.as_str() {
        "write for ever" => write_for_ever(&store, &dir),
        "write the same" => race::write_the_same(&store),
        "hold" => hold(&store, &dir),
        "fill the disk" => fill_the_disk(&store, &dir),
        _ => panic!("no such part: {part}"),
    }
}

/// Puts, adopts, records and sets roots without end; names in a file what was acknowledged.
fn write_for_ever(store: &Store, dir: &Path) {
    let mut acknowledged =
        OpenOptions::new().create(true).append(true).open(dir.join("acknowledged")).unwrap();
    for n in 0.. {
        let name = format!("{}-{n}", std::process::id());
        let scratch = store.scratch("crash").unwrap();
        let big = name.repeat(5000);
        write_files(scratch.path(), &[("a", &name), ("deep/b", &big), ("program!", &name)]);
        let tree = Artifact::Tree(store.adopt_dir(scratch.path()).unwrap());
        store.put_bytes(big.repeat(3).as_bytes()).unwrap();
        store.record(&trace(&name, tree, n)).unwrap();
        store.set_root("crash", &Root { artifacts: vec![tree], ..Root::default() }).unwrap();
        store.journal("crash").append(&serde_json::json!({ "name": name })).unwrap();
        acknowledged.write_all(format!("{name}\n").as_bytes()).unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_a_valid_store() {
    let world = World::new();
    let path = world.path("acknowledged");
    let mut acknowledged = Vec::new();
    for round in 0..12 {
        let mut child = play("write for ever", &world);
        // At least one write is acknowledged by each; then death comes at another moment.
        let deadline = Instant::now() + Duration::from_secs(60);
        while names(&path).len() == acknowledged.len() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(1700 * round));
        child.kill().unwrap();
        child.wait().unwrap();

        let store = world.reopen();
        let report = store.check(true).unwrap();
        assert_eq!(report.problems, [], "round {round}");
        let now = names(&path);
        assert!(now.len() > acknowledged.len(), "round {round} wrote nothing");
        acknowledged = now;
        let entries = store.journal("crash").entries().unwrap();
        for name in &acknowledged {
            let output = Artifact::Blob(Digest::of(b""));
            let traces = store.traces(&trace(name, output, 0).key).unwrap();
            assert_eq!(traces.len(), 1, "{name}");
            store.intact(&traces[0].output.unwrap()).unwrap();
            assert!(entries.contains(&serde_json::json!({ "name": name })), "{name}");
        }
        assert_eq!(store.roots().unwrap().len(), 1);
        // What is left in tmp belongs to the two that live.
        let left = fs::read_dir(world.root().join("v1/tmp")).unwrap().count();
        assert_eq!(left, 4, "round {round}");
    }
}

fn names(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn processes_that_put_the_same_agree() {
    let world = World::new();
    let children: Vec<_> = (0..4).map(|_| play("write the same", &world)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    race::assert_all_there(&world);
}

/// Takes every lock, says so, and waits to be killed.
fn hold(store: &Store, dir: &Path) {
    let key = rescience_digest::ActionKey::of("store tests", "held");
    let _locks =
        (store.lock(&key).unwrap(), store.share().unwrap(), store.scratch("held").unwrap());
    File::create(dir.join("holding")).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn locks_die_with_their_process() {
    let world = World::new();
    let mut child = play("hold", &world);
    while !world.path("holding").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let key = rescience_digest::ActionKey::of("store tests", "held");
    assert!(world.store.try_lock(&key).unwrap().is_none());
    assert!(world.store.try_exclusive().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(world.store.try_lock(&key).unwrap().is_some());
    assert!(world.store.try_exclusive().unwrap().is_some());
}

/// Runs under a limit on the size of files, at which writes fail as they do on a full disk.
fn fill_the_disk(store: &Store, dir: &Path) {
    let big = vec![1; 4 << 20];
    let error = store.put_bytes(&big).unwrap_err();
    assert!(matches!(error, StoreError::Io { action: "write", .. }), "{error}");
    let error = store.put_file(&dir.join("big")).unwrap_err();
    assert!(matches!(error, StoreError::Io { action: "write", .. }), "{error}");
    // What fits goes on.
    let small = Artifact::Blob(store.put_bytes(b"small").unwrap().digest);
    store.record(&trace("small", small, 1)).unwrap();
    File::create(dir.join("done")).unwrap();
}

#[test]
fn a_full_disk_leaves_the_store_valid() {
    let world = World::new();
    let big = vec![2; 4 << 20];
    fs::write(world.path("big"), &big).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""]);
    shell.arg(env::current_exe().unwrap());
    assert!(prepared(shell, "fill the disk", &world).status().unwrap().success());
    assert!(world.path("done").exists());
    let report = world.store.check(true).unwrap();
    assert_eq!((report.problems, report.objects, report.traces), (vec![], 1, 1));
    // With room again, the same bytes go in.
    world.store.put_bytes(&big).unwrap();
    assert_eq!(world.store.read(&Digest::of(&big)).unwrap(), big);
}

/// Every state that an interrupted put can leave behind, one after the other.
#[test]
fn whatever_point_a_put_is_interrupted_at_it_can_be_done_again() {
    let bytes = b"the bytes that were being put";
    let digest = Digest::of(bytes);
    let tmp = |world: &World| {
        let dir = world.root().join("v1/tmp/session-1-0");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.with_extension("lock"), "").unwrap();
        dir
    };
    let object = |world: &World| {
        let path = world.object(&digest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    type Interruption<'a> = (&'a str, &'a dyn Fn(&World));
    let interruptions: [Interruption<'_>; 7] = [
        ("before anything", &|_| {}),
        ("owner made, nothing written", &|world| drop(tmp(world))),
        ("half written", &|world| fs::write(tmp(world).join("0"), &bytes[..7]).unwrap()),
        ("written, not linked", &|world| fs::write(tmp(world).join("0"), bytes).unwrap()),
        ("shard made, not linked", &|world| drop(object(world))),
        ("linked, and the draft not removed", &|world| {
            let draft = tmp(world).join("0");
            fs::write(&draft, bytes).unwrap();
            fs::hard_link(&draft, object(world)).unwrap();
        }),
        ("linked, and the bytes lost by the disk", &|world| fs::write(object(world), "").unwrap()),
    ];
    for (point, interrupt) in interruptions {
        let world = World::new();
        interrupt(&world);
        let store = world.reopen();
        assert!(!world.root().join("v1/tmp/session-1-0").exists(), "{point}");
        let blob = store.put_bytes(bytes).unwrap();
        assert_eq!(store.read(&blob.digest).unwrap(), bytes, "{point}");
        store.record(&trace("a", Artifact::Blob(digest), 1)).unwrap();
        let report = store.check(true).unwrap();
        assert_eq!((report.problems, report.objects), (vec![], 1), "{point}");
    }
}
