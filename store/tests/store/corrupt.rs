//! Damage is found, named, and mended by putting the right bytes again.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rescience_digest::{ActionKey, Digest};
use rescience_store::{Artifact, Entry, Problem, Root, StoreError, Tree};

use crate::support::{World, overwrite, rot, trace};

#[test]
fn an_object_that_was_written_into_is_found_by_everybody() {
    let world = World::new();
    let blob = world.store.put_bytes(b"original").unwrap();
    let artifact = Artifact::Blob(blob.digest);
    overwrite(&world.object(&blob.digest), b"ORIGINAL");
    let expected = Digest::of(b"ORIGINAL");
    for error in [
        world.store.intact(&artifact).unwrap_err(),
        world.store.read(&blob.digest).map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Damaged { found, .. } if found == expected), "{error}");
    }
    for read_data in [false, true] {
        let problems = world.store.check(read_data).unwrap().problems;
        assert!(matches!(&problems[..], [Problem::Damaged { found, .. }] if *found == expected));
    }
}

#[test]
fn an_object_that_may_be_written_is_not_believed() {
    let world = World::new();
    let blob = world.store.put_bytes(b"original").unwrap();
    let path = world.object(&blob.digest);
    rot(&path, |bytes| bytes[0] ^= 1);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = world.store.intact(&Artifact::Blob(blob.digest)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn silent_rot_is_found_by_reading() {
    let world = World::new();
    let blob = world.store.put_bytes(&[7; 10_000]).unwrap();
    rot(&world.object(&blob.digest), |bytes| bytes[5_000] ^= 1);
    world.store.intact(&Artifact::Blob(blob.digest)).unwrap();
    assert_eq!(world.store.check(false).unwrap().problems, []);
    assert!(matches!(world.store.read(&blob.digest), Err(StoreError::Damaged { .. })));
    assert!(matches!(&world.store.check(true).unwrap().problems[..], [Problem::Damaged { .. }]));
}

#[test]
fn a_file_that_lost_its_end_is_found_although_its_seal_is_whole() {
    let world = World::new();
    let tree = Artifact::Tree(world.adopt(&[("a", "twelve bytes")]));
    world.store.intact(&tree).unwrap();
    rot(&world.object(&Digest::of(b"twelve bytes")), |bytes| bytes.truncate(3));
    assert!(matches!(world.store.intact(&tree), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_missing_part_of_a_tree_is_found() {
    let world = World::new();
    let tree = Artifact::Tree(world.adopt(&[("a/b/c", "leaf"), ("d", "other")]));
    let leaf = Digest::of(b"leaf");
    fs::remove_file(world.object(&leaf)).unwrap();
    let missing =
        |error: StoreError| matches!(error, StoreError::Missing { digest, .. } if digest == leaf);
    assert!(missing(world.store.intact(&tree).unwrap_err()));
    assert!(missing(world.store.read(&leaf).unwrap_err()));
}

#[test]
fn an_object_that_was_merely_touched_is_sealed_again() {
    let world = World::new();
    let blob = world.store.put_bytes(b"same").unwrap();
    let path = world.object(&blob.digest);
    overwrite(&path, b"same");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    world.store.intact(&Artifact::Blob(blob.digest)).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.mtime()), (0o444, 315_532_800));
}

#[test]
fn putting_the_right_bytes_again_mends() {
    let world = World::new();
    let blob = world.store.put_bytes(b"right").unwrap();
    let path = world.object(&blob.digest);
    let mends: [&dyn Fn(); 3] = [
        &|| {
            world.store.put_bytes(b"right").unwrap();
        },
        &|| {
            let file = world.path("file");
            fs::write(&file, "right").unwrap();
            world.store.put_file(&file).unwrap();
        },
        &|| {
            world.adopt(&[("a", "right")]);
        },
    ];
    for mend in mends {
        for damage in [&b"wrong"[..], b"", b"right and more"] {
            overwrite(&path, damage);
            mend();
            assert_eq!(world.store.read(&blob.digest).unwrap(), b"right");
            assert_eq!(world.store.check(true).unwrap().problems, []);
        }
    }
}

#[test]
fn only_a_damaged_object_can_be_removed() {
    let world = World::new();
    let blob = world.store.put_bytes(b"content").unwrap();
    assert!(!world.store.remove(&blob.digest).unwrap());
    assert!(world.store.contains(&blob.digest).unwrap());
    rot(&world.object(&blob.digest), |bytes| bytes[0] ^= 1);
    assert!(world.store.remove(&blob.digest).unwrap());
    assert!(!world.store.contains(&blob.digest).unwrap());
    assert!(!world.store.remove(&blob.digest).unwrap());
}

#[test]
fn check_names_what_hangs_on_the_damage() {
    let world = World::new();
    let shared = Artifact::Tree(world.adopt(&[("sub/data", "shared"), ("a", "1")]));
    let other = Artifact::Blob(world.store.put_bytes(b"other").unwrap().digest);
    world.store.record(&trace("uses", shared, 1)).unwrap();
    world.store.record(&trace("also uses", shared, 2)).unwrap();
    world.store.record(&trace("apart", other, 3)).unwrap();
    let root = Root { artifacts: vec![shared, other], ..Root::default() };
    world.store.set_root("view", &root).unwrap();
    rot(&world.object(&Digest::of(b"shared")), |bytes| bytes[0] ^= 1);
    fs::remove_file(world.object(&other.digest())).unwrap();

    let report = world.store.check(true).unwrap();
    let [
        Problem::Damaged { digest: damaged, traces: hit, roots, .. },
        Problem::Missing { digest: missing, traces: lost, .. },
    ] = &report.problems[..]
    else {
        panic!("{:?}", report.problems)
    };
    let names = |traces: &[rescience_store::TraceName]| {
        traces.iter().map(|trace| trace.action.clone()).collect::<Vec<_>>()
    };
    assert_eq!(*damaged, Digest::of(b"shared"));
    assert_eq!(names(hit), ["also uses", "uses"]);
    assert_eq!(roots, &["view"]);
    assert_eq!(*missing, other.digest());
    assert_eq!(names(lost), ["apart"]);
    assert_eq!(report.traces, 3);
}

#[test]
fn a_damaged_listing_is_named_and_believed_by_nobody() {
    let world = World::new();
    let tree = world.adopt(&[("a", "1")]);
    world.store.record(&trace("uses", Artifact::Tree(tree), 1)).unwrap();
    rot(&world.object(&tree), |bytes| bytes[20] ^= 1);
    assert!(matches!(world.store.intact(&Artifact::Tree(tree)), Err(StoreError::Damaged { .. })));
    for read_data in [false, true] {
        let problems = world.store.check(read_data).unwrap().problems;
        let [Problem::Damaged { digest, traces, .. }] = &problems[..] else {
            panic!("{problems:?}")
        };
        assert_eq!((*digest, traces.len()), (tree, 1));
    }
}

#[test]
fn a_blob_is_not_taken_for_a_tree() {
    let world = World::new();
    let blob = world.store.put_bytes(b"rescience-tree 1\nnonsense\n").unwrap();
    let error = world.store.tree(&blob.digest).unwrap_err();
    assert!(matches!(&error, StoreError::NotATree { .. }), "{error}");
    world.store.record(&trace("wrong", Artifact::Tree(blob.digest), 1)).unwrap();
    let problems = world.store.check(true).unwrap().problems;
    assert!(matches!(&problems[..], [Problem::Unreadable { .. }]), "{problems:?}");
}

#[test]
fn a_tree_that_tells_a_wrong_size_is_found() {
    let world = World::new();
    let blob = world.store.put_bytes(b"four").unwrap();
    let Entry::File { digest, sha256, .. } = Entry::file(blob, false) else { unreachable!() };
    let entry = Entry::File { digest, sha256, size: 5, executable: false };
    let tree = world.store.put_tree(&Tree { entries: [("a".to_owned(), entry)].into() }).unwrap();
    let error = world.store.intact(&Artifact::Tree(tree)).unwrap_err();
    assert!(matches!(error, StoreError::WrongSize { expected: 5, found: 4, .. }), "{error}");
}

#[test]
fn a_tree_may_only_name_what_is_there() {
    let world = World::new();
    let entry = Entry::Directory { digest: Digest::of(b"nowhere") };
    let tree = Tree { entries: [("a".to_owned(), entry)].into() };
    assert!(matches!(world.store.put_tree(&tree), Err(StoreError::Missing { .. })));
}

#[test]
fn a_trace_may_only_name_what_is_there() {
    let world = World::new();
    let nowhere = Artifact::Blob(Digest::of(b"nowhere"));
    let trace = trace("a", nowhere, 1);
    assert!(matches!(world.store.record(&trace), Err(StoreError::Missing { .. })));
    assert!(world.store.traces(&trace.key).unwrap().is_empty());
}

#[test]
fn traces_come_back_oldest_first() {
    let world = World::new();
    let output =
        |text: &str| Artifact::Blob(world.store.put_bytes(text.as_bytes()).unwrap().digest);
    let mut recorded: Vec<_> =
        [30, 10, 20].map(|second| trace("a", output(&second.to_string()), second)).into();
    for trace in &recorded {
        world.store.record(trace).unwrap();
        world.store.record(trace).unwrap();
    }
    world.store.record(&trace("b", output("b"), 5)).unwrap();
    recorded.sort_by_key(|trace| trace.finished);
    assert_eq!(world.store.traces(&recorded[0].key).unwrap(), recorded);
    assert!(world.store.traces(&ActionKey::of("store tests", "c")).unwrap().is_empty());
}

#[test]
fn no_flipped_bit_makes_a_trace_say_something_else() {
    let world = World::new();
    let output = Artifact::Blob(world.store.put_bytes(b"x").unwrap().digest);
    let kept = trace("a", output, 1);
    let lost = trace("a", output, 2);
    world.store.record(&kept).unwrap();
    let hex = kept.key.hex();
    let dir = world.root().join("v1/traces").join(&hex[..2]).join(&hex[2..]);
    let first = fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    world.store.record(&lost).unwrap();
    let files = || fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let path = files().find(|path| *path != first).unwrap();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        rot(&path, |bytes| bytes[at] ^= 1);
        assert_eq!(
            world.store.traces(&kept.key).unwrap(),
            std::slice::from_ref(&kept),
            "byte {at}"
        );
        rot(&path, |bytes| bytes[at] ^= 1);
    }
    rot(&path, |bytes| bytes[9] ^= 1);
    let problems = world.store.check(false).unwrap().problems;
    assert!(matches!(&problems[..], [Problem::Unreadable { path: named, .. }] if *named == path));
    // Recorded once more, it is whole again.
    rot(&path, |bytes| bytes.truncate(9));
    world.store.record(&lost).unwrap();
    assert_eq!(world.store.traces(&kept.key).unwrap(), [kept, lost]);
}
