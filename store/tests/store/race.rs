//! Many writers of the same bytes agree, in threads and in processes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::thread;

use rescience_digest::Digest;
use rescience_store::{Artifact, Materialize, Store};

use crate::support::{World, overwrite, trace, write_files};

const WRITERS: usize = 6;
const OBJECTS: usize = 30;

fn content(n: usize) -> String {
    format!("object {n}").repeat(n + 1)
}

/// Puts the same objects by every way in, and records the same trace.
pub(crate) fn write_the_same(store: &Store) {
    for n in 0..OBJECTS {
        let text = content(n);
        store.put_bytes(text.as_bytes()).unwrap();
        let scratch = store.scratch("race").unwrap();
        write_files(scratch.path(), &[("a", text.as_str()), ("b/c", text.as_str())]);
        store.put_file(&scratch.path().join("a")).unwrap();
        let tree = store.adopt_dir(scratch.path()).unwrap();
        store.record(&trace(&format!("action {n}"), Artifact::Tree(tree), 1)).unwrap();
    }
}

pub(crate) fn assert_all_there(world: &World) {
    let report = world.store.check(true).unwrap();
    assert_eq!(report.problems, []);
    // Per number one blob and two listings; one trace, although all recorded it.
    assert_eq!((report.objects, report.traces), (3 * OBJECTS as u64, OBJECTS as u64));
    for n in 0..OBJECTS {
        let text = content(n);
        assert_eq!(world.store.read(&Digest::of(text.as_bytes())).unwrap(), text.as_bytes());
    }
}

#[test]
fn threads_that_put_the_same_agree() {
    let world = World::new();
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| write_the_same(&world.store));
        }
    });
    assert_all_there(&world);
}

#[test]
fn the_first_object_stays() {
    let world = World::new();
    let blob = world.store.put_bytes(b"first").unwrap();
    let inode = || fs::metadata(world.object(&blob.digest)).unwrap().ino();
    let first = inode();
    world.reopen().put_bytes(b"first").unwrap();
    world.adopt(&[("a", "first")]);
    assert_eq!(inode(), first);
}

#[test]
fn damage_is_mended_by_one_of_many() {
    let world = World::new();
    let blob = world.store.put_bytes(b"right").unwrap();
    for _ in 0..20 {
        overwrite(&world.object(&blob.digest), b"wrong");
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| world.store.put_bytes(b"right").unwrap());
            }
            scope.spawn(|| world.store.remove(&blob.digest).unwrap());
        });
        world.store.put_bytes(b"right").unwrap();
        assert_eq!(world.store.read(&blob.digest).unwrap(), b"right");
    }
}

#[test]
fn a_view_is_whole_at_every_moment() {
    let world = World::new();
    let trees = ["one", "two"]
        .map(|text| Artifact::Tree(world.adopt(&[("a", text), ("b", text), ("c/d", text)])));
    let to = world.path("out");
    world.store.materialize(&trees[0], &to, Materialize::Share).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..100 {
                world.store.materialize(&trees[n % 2], &to, Materialize::Share).unwrap();
            }
        });
        while !writer.is_finished() {
            // One open directory is one state, whatever happens to the name.
            let text = fs::read_to_string(to.join("a")).unwrap();
            assert!(text == "one" || text == "two");
        }
    });
}
