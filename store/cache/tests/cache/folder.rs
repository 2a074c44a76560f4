//! What one machine computed is there on another, through a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rescience_cache::{Access, CacheError, Found};
use rescience_digest::Digest;
use rescience_store::{Artifact, Entry, Outcome, StoreError, Tree};
use tempfile::TempDir;

use crate::support::{Machine, Shared, files, key, open, reason, trust};

#[test]
fn what_one_computed_the_other_has() {
    let (ada, bob, shared) = (Machine::new(1), Machine::new(2), Shared::new());
    let trace = ada.compute(key(7), "0.41");
    let pushed = ada.push(&shared.cache, &trace).unwrap();
    assert_eq!((pushed.objects, pushed.present, pushed.known), (8, 0, false));

    let found = bob.fetch(&shared.cache, key(7)).unwrap();
    assert_eq!(found.accepted[0].trace, trace);
    assert_eq!(found.accepted[0].signer, "ada");
    assert_eq!(found.accepted[0].digest, Digest::of(&trace.to_bytes()));
    assert_eq!((found.accepted.len(), found.refused.len()), (1, 0));
    assert_eq!(found.bytes, pushed.bytes);
    assert!(bob.has(key(7)));
    assert_eq!(bob.files().len(), ada.files().len());

    let again = ada.push(&shared.cache, &trace).unwrap();
    assert_eq!((again.objects, again.present, again.bytes, again.known), (0, 8, 0, true));
    let again = bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(again.accepted.len() == 1 && again.bytes < found.bytes, "{again:?}");
}

#[test]
fn a_key_that_nobody_pushed_is_no_error() {
    let (ada, bob, shared) = (Machine::new(1), Machine::new(2), Shared::new());
    let nothing = |found: Found| found.accepted.len() + found.refused.len() + found.bytes as usize;
    assert_eq!(nothing(bob.fetch(&shared.cache, key(7)).unwrap()), 0);
    assert_eq!(files(shared.dir.path()).len(), 0, "looking leaves nothing");
    ada.push(&shared.cache, &ada.compute(key(8), "1")).unwrap();
    assert_eq!(nothing(bob.fetch(&shared.cache, key(7)).unwrap()), 0);
}

#[test]
fn the_layout_is_as_it_is_drawn() {
    let (ada, shared) = (Machine::new(1), Shared::new());
    let trace = ada.compute(key(7), "0.41");
    ada.push(&shared.cache, &trace).unwrap();
    let names: Vec<String> = files(shared.dir.path())
        .iter()
        .map(|path| path.strip_prefix(shared.dir.path()).unwrap().display().to_string())
        .collect();
    assert_eq!(names.len(), 11, "{names:?}");
    assert!(names.contains(&"rescience-cache.json".to_owned()));
    assert_eq!(names.iter().filter(|name| name.starts_with("objects/")).count(), 8);
    let [document, signature] = shared.trace(&trace);
    assert_eq!(fs::read(document).unwrap(), trace.to_bytes());
    assert!(fs::read_to_string(&signature).unwrap().starts_with("-----BEGIN SSH SIGNATURE-----"));
    let mode = fs::metadata(signature).unwrap().permissions().mode();
    assert_ne!(mode & 0o044, 0, "colleagues may read it");
}

#[test]
fn several_traces_of_a_key_are_all_taken_oldest_first() {
    let (ada, bob, shared) = (Machine::new(1), Machine::new(2), Shared::new());
    for (words, finished) in [("b", "2026-01-02T00:00:00Z"), ("a", "2026-01-01T12:00:00Z")] {
        let mut trace = ada.unrecorded(key(7), words);
        trace.finished = finished.parse().unwrap();
        ada.store.record(&trace).unwrap();
        ada.push(&shared.cache, &trace).unwrap();
    }
    let found = bob.fetch(&shared.cache, key(7)).unwrap();
    let words = |nth: usize| found.accepted[nth].trace.inputs["words"].clone();
    assert_eq!((words(0), words(1)), ("a".into(), "b".into()));
}

#[test]
fn a_listing_may_be_a_file_too() {
    let (ada, bob, shared) = (Machine::new(1), Machine::new(2), Shared::new());
    let mut trace = ada.unrecorded(key(7), "0");
    let Some(Artifact::Tree(inner)) = trace.output else { panic!("{trace:?}") };
    let listing = ada.store.verify(&inner).unwrap();
    let entries = [
        ("a.txt".to_owned(), Entry::file(listing, false)),
        ("b".to_owned(), Entry::Directory { digest: inner }),
    ];
    let outer = ada.store.put_tree(&Tree { entries: entries.into() }).unwrap();
    trace.output = Some(Artifact::Tree(outer));
    ada.push(&shared.cache, &trace).unwrap();
    bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(bob.has(key(7)));
}

#[test]
fn a_fetched_trace_keeps_its_bytes_and_can_be_pushed_on() {
    let (ada, bob, eve) = (Machine::new(1), Machine::new(2), Machine::new(3));
    let (first, second) = (Shared::new(), Shared::new());
    ada.push(&first.cache, &ada.compute(key(7), "0.1")).unwrap();
    let found = bob.fetch(&first.cache, key(7)).unwrap();
    bob.push(&second.cache, &found.accepted[0].trace).unwrap();
    let found = second.cache.fetch(&eve.store, &key(7), &trust(&bob.line("bob", ""))).unwrap();
    assert_eq!(found.accepted[0].signer, "bob");
    // A later signature takes the place of an earlier one.
    ada.push(&second.cache, &found.accepted[0].trace).unwrap();
    assert_eq!(eve.fetch(&second.cache, key(7)).unwrap().accepted[0].signer, "ada");
}

#[test]
fn failures_are_not_shared() {
    let (ada, shared) = (Machine::new(1), Shared::new());
    let mut trace = ada.unrecorded(key(7), "0");
    trace.outcome = Outcome::Failure { reason: "exit 1".into() };
    let error = ada.push(&shared.cache, &trace).unwrap_err();
    assert!(matches!(error, CacheError::Failed { .. }), "{error}");
    assert_eq!(files(shared.dir.path()).len(), 0);
}

#[test]
fn a_push_that_breaks_off_leaves_nothing_that_counts() {
    let (ada, bob, shared) = (Machine::new(1), Machine::new(2), Shared::new());
    let trace = ada.compute(key(7), "0");
    let facts = trace.facts.unwrap();
    fs::remove_file(ada.store.object_path(&facts)).unwrap();
    let error = ada.push(&shared.cache, &trace).unwrap_err();
    assert!(matches!(error, CacheError::Store(StoreError::Missing { .. })), "{error}");
    let found = bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(found.accepted.is_empty() && found.refused.is_empty(), "{found:?}");

    // The last step: everything but the trace is there.
    ada.unrecorded(key(7), "0");
    ada.push(&shared.cache, &trace).unwrap();
    fs::remove_file(&shared.trace(&trace)[0]).unwrap();
    let found = bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(found.accepted.is_empty() && found.refused.is_empty(), "{found:?}");
    assert!(!bob.has(key(7)));
}

#[test]
fn what_is_damaged_here_does_not_get_there() {
    let (ada, shared) = (Machine::new(1), Shared::new());
    let trace = ada.compute(key(7), "0");
    let path = ada.store.object_path(&trace.facts.unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, "{\"cpu\":\"9\"}").unwrap();
    let error = ada.push(&shared.cache, &trace).unwrap_err();
    assert!(matches!(error, CacheError::Store(StoreError::Damaged { .. })), "{error}");
    assert!(!shared.object(&trace.facts.unwrap()).exists());
}

#[test]
fn a_truncated_object_is_mended_by_the_next_push() {
    let (ada, bob, shared) = (Machine::new(1), Machine::new(2), Shared::new());
    let trace = ada.compute(key(7), "0");
    ada.push(&shared.cache, &trace).unwrap();
    fs::write(shared.object(&trace.facts.unwrap()), "{").unwrap();
    assert!(bob.fetch(&shared.cache, key(7)).is_err());
    assert_eq!(ada.push(&shared.cache, &trace).unwrap().objects, 1);
    bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(bob.has(key(7)));
}

#[test]
fn what_is_damaged_in_the_store_is_fetched_again() {
    let (ada, bob, shared) = (Machine::new(1), Machine::new(2), Shared::new());
    let trace = ada.compute(key(7), "0");
    ada.push(&shared.cache, &trace).unwrap();
    let path = bob.store.object_path(&trace.facts.unwrap());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "other").unwrap();
    bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(bob.has(key(7)));
}

#[test]
fn only_an_empty_folder_becomes_a_cache() {
    let (ada, shared) = (Machine::new(1), Shared::new());
    let trace = ada.compute(key(7), "0");
    fs::write(shared.dir.path().join("thesis.tex"), "").unwrap();
    let said = ada.push(&shared.cache, &trace).unwrap_err().to_string();
    assert!(said.contains("name an empty one"), "{said}");
    assert_eq!(files(shared.dir.path()).len(), 1);

    let marker = shared.dir.path().join("rescience-cache.json");
    fs::write(marker, r#"{"format":"rescience-cache","version":2}"#).unwrap();
    for error in [
        ada.push(&shared.cache, &trace).unwrap_err(),
        Machine::new(2).fetch(&shared.cache, key(7)).unwrap_err(),
    ] {
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}

#[test]
fn a_folder_that_is_not_mounted_is_not_made() {
    let (ada, world) = (Machine::new(1), TempDir::new().unwrap());
    let cache = open("dir:mnt/cache", world.path(), Access::default());
    let trace = ada.compute(key(7), "0");
    for error in
        [ada.push(&cache, &trace).unwrap_err(), Machine::new(2).fetch(&cache, key(7)).unwrap_err()]
    {
        let said = error.to_string();
        assert!(said.starts_with("dir:mnt/cache is no cache"), "{said}");
        assert!(said.contains("mount it, or make it"), "{said}");
    }
    assert!(!world.path().join("mnt").exists());
}

#[test]
fn many_push_at_once() {
    let shared = Shared::new();
    let machines: Vec<Machine> = (0..4).map(|_| Machine::new(1)).collect();
    std::thread::scope(|scope| {
        for machine in &machines {
            scope.spawn(|| {
                let words = "the same on every machine";
                for nth in 0..8 {
                    let trace = machine.compute(key(nth), words);
                    machine.push(&shared.cache, &trace).unwrap();
                }
            });
        }
    });
    let bob = Machine::new(2);
    for nth in 0..8 {
        assert_eq!(bob.fetch(&shared.cache, key(nth)).unwrap().accepted.len(), 1);
        assert!(bob.has(key(nth)));
    }
    assert_eq!(files(&shared.dir.path().join("tmp")).len(), 0, "drafts are removed");
    let mut odd = Machine::new(1).unrecorded(key(9), "x");
    odd.inputs = "x".repeat(5 << 20).into();
    let said = machines[0].push(&shared.cache, &odd).unwrap_err().to_string();
    assert!(said.contains("longer than"), "{said}");
    assert_eq!(reason_of_nothing(&bob.fetch(&shared.cache, key(9)).unwrap()), "");
}

fn reason_of_nothing(found: &Found) -> &str {
    if found.refused.is_empty() { "" } else { reason(found) }
}
