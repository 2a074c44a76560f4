//! What is wanted stays, and only the rest goes.

use std::fs;
use std::time::{Duration, SystemTime};

use rescience_digest::Digest;
use rescience_store::{Artifact, GcOptions, GcReport, Problem, Root, StoreError};

use crate::support::{World, trace};

/// The present, as far as collecting is concerned: an hour after everything that the test did.
#[expect(clippy::disallowed_methods, reason = "objects get their age from the real clock")]
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3600)
}

fn list(world: &World, grace: Duration) -> GcReport {
    world.store.gc(GcOptions { delete: None, grace, now: later() }).unwrap()
}

fn collect(world: &World, grace: Duration) -> GcReport {
    let lock = world.store.exclusive().unwrap();
    world.store.gc(GcOptions { delete: Some(&lock), grace, now: later() }).unwrap()
}

const NONE: Duration = Duration::ZERO;
const DAY: Duration = Duration::from_secs(86_400);

fn sorted(mut digests: Vec<Digest>) -> Vec<Digest> {
    digests.sort();
    digests
}

#[test]
fn roots_and_measured_results_keep_all_that_they_lead_to() {
    let world = World::new();
    let put = |text: &str| world.store.put_bytes(text.as_bytes()).unwrap().digest;
    let (log, facts) = (put("log"), put("facts"));
    let mut measured = trace("measured", Artifact::Tree(world.adopt(&[("a/b", "deep")])), 1);
    measured.measured = true;
    measured.logs.insert("stdout".to_owned(), Artifact::Blob(log));
    measured.facts = Some(facts);
    let rooted = trace("rooted", Artifact::Blob(put("rooted")), 2);
    let unwanted = trace("unwanted", Artifact::Blob(put("unwanted")), 3);
    for trace in [&measured, &rooted, &unwanted] {
        world.store.record(trace).unwrap();
    }
    let view = Artifact::Tree(world.adopt(&[("view", "viewed")]));
    let garbage = world.adopt(&[("x", "garbage"), ("view", "viewed")]);
    world.store.journal("project").append(&serde_json::json!("happened")).unwrap();
    let root = Root { keys: vec![rooted.key], artifacts: vec![view], ..Root::default() };
    world.store.set_root("project", &root).unwrap();

    let expected = sorted(vec![Digest::of(b"unwanted"), Digest::of(b"garbage"), garbage]);
    let listed = list(&world, NONE);
    assert_eq!((listed.objects.clone(), listed.traces.clone()), (expected, vec![unwanted.key]));
    assert!(world.store.contains(&garbage).unwrap(), "listing deletes nothing");

    let collected = collect(&world, NONE);
    assert_eq!(GcReport { deleted: false, ..collected }, listed);
    for trace in [&measured, &rooted] {
        assert_eq!(world.store.traces(&trace.key).unwrap(), std::slice::from_ref(trace));
        world.store.intact(&trace.output.unwrap()).unwrap();
    }
    world.store.intact(&view).unwrap();
    assert_eq!(world.store.read(&facts).unwrap(), b"facts");
    assert!(world.store.traces(&unwanted.key).unwrap().is_empty());
    assert!(!world.store.contains(&garbage).unwrap());
    assert_eq!(world.store.journal("project").entries().unwrap().len(), 1);
    assert_eq!(world.store.check(true).unwrap().problems, []);
    assert_eq!(list(&world, NONE).objects, []);
}

#[test]
fn what_was_put_lately_is_kept_with_its_parts() {
    let world = World::new();
    let young = Artifact::Tree(world.adopt(&[("a/b", "deep")]));
    world.store.record(&trace("young", young, 1)).unwrap();
    let report = collect(&world, DAY);
    assert_eq!((report.objects, report.traces, report.kept_objects), (vec![], vec![], 3));
    world.store.intact(&young).unwrap();
}

#[test]
fn putting_again_makes_young() {
    let world = World::new();
    let digest = world.store.put_bytes(b"again").unwrap().digest;
    std::thread::sleep(Duration::from_millis(50));
    #[expect(clippy::disallowed_methods, reason = "objects get their age from the real clock")]
    let between = SystemTime::now();
    let options = || GcOptions { delete: None, grace: NONE, now: between };
    assert_eq!(world.store.gc(options()).unwrap().objects, [digest]);
    std::thread::sleep(Duration::from_millis(50));
    world.store.put_bytes(b"again").unwrap();
    assert_eq!(world.store.gc(options()).unwrap().objects, []);
}

#[test]
fn a_collected_key_can_be_recorded_again() {
    let world = World::new();
    for _ in 0..2 {
        let output = Artifact::Blob(world.store.put_bytes(b"x").unwrap().digest);
        let trace = trace("a", output, 1);
        world.store.record(&trace).unwrap();
        assert_eq!(world.store.traces(&trace.key).unwrap().len(), 1);
        assert_eq!(collect(&world, NONE).traces, [trace.key]);
    }
    assert_eq!(world.store.check(true).unwrap().problems, []);
}

#[test]
fn damage_does_not_make_its_neighbours_unwanted() {
    let world = World::new();
    let tree = Artifact::Tree(world.adopt(&[("a/x", "lost"), ("b/y", "kept")]));
    let root = Root { artifacts: vec![tree], ..Root::default() };
    world.store.set_root("r", &root).unwrap();
    fs::remove_file(world.object(&Digest::of(b"lost"))).unwrap();
    let subtree = match world.store.find(&tree, "a").unwrap() {
        Some(rescience_store::Entry::Directory { digest }) => digest,
        other => panic!("{other:?}"),
    };
    fs::remove_file(world.object(&subtree)).unwrap();
    assert_eq!(collect(&world, NONE).objects, []);
    assert_eq!(world.store.read(&Digest::of(b"kept")).unwrap(), b"kept");
}

#[test]
fn a_listing_that_is_wanted_as_a_blob_and_as_a_tree_keeps_its_parts() {
    let world = World::new();
    let digest = world.adopt(&[("a", "part")]);
    let artifacts = vec![Artifact::Blob(digest), Artifact::Tree(digest)];
    world.store.set_root("r", &Root { artifacts, ..Root::default() }).unwrap();
    assert_eq!(collect(&world, NONE).objects, []);
}

#[test]
fn nothing_is_collected_while_a_reference_cannot_be_read() {
    let world = World::new();
    let output = Artifact::Blob(world.store.put_bytes(b"x").unwrap().digest);
    world.store.record(&trace("a", output, 1)).unwrap();
    let gc = || world.store.gc(GcOptions { delete: None, grace: NONE, now: later() });

    let root = world.root().join("v1/roots/broken.json");
    fs::write(&root, "{").unwrap();
    assert!(matches!(gc(), Err(StoreError::BadRoot { .. })));
    assert!(matches!(
        &world.store.check(false).unwrap().problems[..],
        [Problem::Unreadable { .. }]
    ));
    fs::remove_file(root).unwrap();

    let key = trace("a", output, 1).key.hex();
    let dir = world.root().join("v1/traces").join(&key[..2]).join(&key[2..]);
    fs::write(dir.join("newer.json"), "{}").unwrap();
    assert!(matches!(gc(), Err(StoreError::BadTrace { .. })));
}
