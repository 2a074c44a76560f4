//! Directories go in, and the same directories come out.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rescience_digest::Digest;
use rescience_store::{Artifact, Entry, Materialize, StatCache, StoreError};

use crate::support::{World, contents, overwrite, write_files};

/// The constant time of objects: the start of 1980.
const SEALED: i64 = 315_532_800;

fn zoo(dir: &Path) {
    write_files(
        dir,
        &[
            ("metrics.json", "{}"),
            ("run.sh!", "#!/bin/sh"),
            ("deep/er/file", "x"),
            ("größe 数\n\\t", "unicode"),
            ("empty", ""),
        ],
    );
    fs::create_dir(dir.join("nothing")).unwrap();
    symlink("../metrics.json", dir.join("deep/up")).unwrap();
    symlink("nowhere", dir.join("dangling")).unwrap();
}

fn expected_zoo(file: &str, exec: &str) -> Vec<(String, String)> {
    let file = |content: &str| format!("{file} {content}");
    let entries = [
        ("dangling", "-> nowhere".to_owned()),
        ("deep", "755 directory".to_owned()),
        ("deep/er", "755 directory".to_owned()),
        ("deep/er/file", file("x")),
        ("deep/up", "-> ../metrics.json".to_owned()),
        ("empty", file("")),
        ("größe 数\n\\t", file("unicode")),
        ("metrics.json", file("{}")),
        ("nothing", "755 directory".to_owned()),
        ("run.sh", format!("{exec} #!/bin/sh")),
    ];
    entries.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

#[test]
fn what_is_adopted_comes_out_again() {
    let world = World::new();
    let scratch = world.store.scratch("zoo").unwrap();
    zoo(scratch.path());
    let tree = Artifact::Tree(world.store.adopt_dir(scratch.path()).unwrap());
    drop(scratch);
    world.store.intact(&tree).unwrap();
    for (how, file, exec) in [(Materialize::Share, "444", "555"), (Materialize::Own, "644", "755")]
    {
        let to = world.path("new/out");
        world.store.materialize(&tree, &to, how).unwrap();
        assert_eq!(
            contents(&to).into_iter().collect::<Vec<_>>(),
            expected_zoo(file, exec),
            "{how:?}"
        );
        let modified = fs::metadata(to.join("metrics.json")).unwrap().mtime();
        assert_eq!(modified == SEALED, how == Materialize::Share);
    }
    // Nothing is left beside the destination, and nothing happened to the store.
    assert_eq!(fs::read_dir(world.path("new")).unwrap().count(), 1);
    assert_eq!(world.store.check(true).unwrap().problems, []);
}

#[test]
fn a_tree_is_named_by_its_content_alone() {
    let world = World::new();
    let names = |order: &[(&str, &str)], mode: u32| {
        let scratch = world.store.scratch("order").unwrap();
        write_files(scratch.path(), order);
        let path = scratch.path().join("a");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        world.store.adopt_dir(scratch.path()).unwrap()
    };
    let one = names(&[("a", "1"), ("b", "2")], 0o600);
    assert_eq!(one, names(&[("b", "2"), ("a", "1")], 0o664));
    assert_ne!(one, names(&[("a", "1"), ("b", "2")], 0o744), "the executable bit counts");
    assert_ne!(one, names(&[("a", "2"), ("b", "1")], 0o600));
    assert_ne!(one, names(&[("a", "1"), ("b/b", "2")], 0o600));
}

#[test]
fn adopting_twice_gives_the_same_tree() {
    let world = World::new();
    let scratch = world.store.scratch("twice").unwrap();
    zoo(scratch.path());
    let first = world.store.adopt_dir(scratch.path()).unwrap();
    assert_eq!(world.store.adopt_dir(scratch.path()).unwrap(), first);
}

#[test]
fn an_adopted_file_is_not_copied_unless_somebody_else_can_reach_it() {
    let world = World::new();
    let scratch = world.store.scratch("links").unwrap();
    write_files(scratch.path(), &[("alone", "one"), ("shared", "two"), ("program!", "three")]);
    fs::hard_link(scratch.path().join("shared"), world.path("elsewhere")).unwrap();
    world.store.adopt_dir(scratch.path()).unwrap();
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let object = |content: &str| inode(&world.object(&Digest::of(content.as_bytes())));
    assert_eq!(object("one"), inode(&scratch.path().join("alone")));
    assert_ne!(object("two"), inode(&scratch.path().join("shared")));
    assert_ne!(object("three"), inode(&scratch.path().join("program")));
    overwrite(&world.path("elsewhere"), b"changed");
    assert_eq!(world.store.check(true).unwrap().problems, []);
}

#[test]
fn what_a_tree_cannot_hold_is_refused_by_name_and_nothing_is_stored() {
    let world = World::new();
    let refuse = |prepare: &dyn Fn(&Path)| {
        let scratch = world.store.scratch("bad").unwrap();
        write_files(scratch.path(), &[("a", "good"), ("sub/b", "good")]);
        prepare(&scratch.path().join("sub"));
        let error = world.store.adopt_dir(scratch.path()).unwrap_err();
        error.to_string().replace(scratch.path().to_str().unwrap(), "DIR")
    };
    let link = |target: &'static str| move |dir: &Path| symlink(target, dir.join("link")).unwrap();
    let messages = [
        refuse(&|dir| drop(UnixListener::bind(dir.join("socket")).unwrap())),
        refuse(&|dir| drop(File::create(dir.join(OsStr::from_bytes(b"\xff"))).unwrap())),
        refuse(&link("/etc/passwd")),
        refuse(&link("../../x")),
        refuse(&link("../sub/../../x")),
    ];
    let expected = [
        "`DIR/sub/socket` is a socket; only files, directories and symbolic links can be stored",
        "the name of `DIR/sub/\u{fffd}` is not UTF-8",
        "the symbolic link `DIR/sub/link` points to `/etc/passwd`: an absolute target means something else on another machine",
        "the symbolic link `DIR/sub/link` points to `../../x`: the target is outside the stored directory",
        "the symbolic link `DIR/sub/link` points to `../sub/../../x`: `..` behind a name can lead outside the stored directory",
    ];
    assert_eq!(messages.each_ref().map(String::as_str), expected);
    assert_eq!(world.store.check(false).unwrap().objects, 0);
}

#[test]
fn deep_trees_are_no_deeper_than_the_stack() {
    let world = World::new();
    let scratch = world.store.scratch("deep").unwrap();
    let deep = (0..500).map(|_| "d").collect::<Vec<_>>().join("/");
    write_files(scratch.path(), &[(&format!("{deep}/leaf"), "x")]);
    let tree = world.store.adopt_dir(scratch.path()).unwrap();
    world.store.intact(&Artifact::Tree(tree)).unwrap();
    assert_eq!(world.store.read_at(&tree, &format!("{deep}/leaf")).unwrap().unwrap(), b"x");
    let to = world.path("out");
    world.store.materialize(&Artifact::Tree(tree), &to, Materialize::Own).unwrap();
    assert_eq!(fs::read(to.join(&deep).join("leaf")).unwrap(), b"x");
}

#[test]
fn files_are_found_by_path() {
    let world = World::new();
    let digest = world.adopt(&[("a/b.json", "{}"), ("c", "3")]);
    let tree = Artifact::Tree(digest);
    let find = |path: &str| world.store.find(&tree, path).unwrap();
    assert!(matches!(find("a/b.json"), Some(Entry::File { size: 2, executable: false, .. })));
    assert!(matches!(find("a"), Some(Entry::Directory { .. })));
    for path in ["", "/", "a/", "a//b.json", "./c", "a/../c", "a/x", "c/x", "x"] {
        assert_eq!(find(path), None, "{path:?}");
    }
    assert_eq!(world.store.read_at(&digest, "c").unwrap().unwrap(), b"3");
    assert_eq!(world.store.read_at(&digest, "a").unwrap(), None);
    let blob = Artifact::Blob(world.store.put_bytes(b"x").unwrap().digest);
    assert_eq!(world.store.find(&blob, "c").unwrap(), None);
}

#[test]
fn whatever_is_at_the_destination_is_replaced() {
    let world = World::new();
    let tree = Artifact::Tree(world.adopt(&[("new", "n")]));
    let blob = Artifact::Blob(world.store.put_bytes(b"blob").unwrap().digest);
    let to = world.path("out");
    let put = |artifact| world.store.materialize(artifact, &to, Materialize::Share).unwrap();
    write_files(&to, &[("old", "o"), ("deep/old", "o")]);
    fs::set_permissions(to.join("deep"), fs::Permissions::from_mode(0o555)).unwrap();
    put(&tree);
    assert_eq!(contents(&to).keys().collect::<Vec<_>>(), ["new"]);
    put(&blob);
    assert_eq!(fs::read(&to).unwrap(), b"blob");
    put(&tree);
    assert_eq!(contents(&to).keys().collect::<Vec<_>>(), ["new"]);
    fs::remove_dir_all(&to).unwrap();
    symlink("store", &to).unwrap();
    put(&blob);
    assert!(fs::symlink_metadata(&to).unwrap().is_file(), "a link is replaced, not followed");
}

#[test]
fn a_damaged_object_does_not_get_out_and_the_destination_stays() {
    let world = World::new();
    let tree = world.adopt(&[("a", "one"), ("b", "two")]);
    overwrite(&world.object(&Digest::of(b"two")), b"bad");
    let to = world.path("out");
    write_files(&to, &[("old", "o")]);
    let error = world.store.materialize(&Artifact::Tree(tree), &to, Materialize::Own).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(contents(&to).keys().collect::<Vec<_>>(), ["old"]);
    assert_eq!(fs::read_dir(world.path("")).unwrap().count(), 2);
}

#[test]
fn owned_files_are_apart_from_the_store() {
    let world = World::new();
    let blob = world.store.put_bytes(b"original").unwrap();
    let to = world.path("mine");
    world.store.materialize(&Artifact::Blob(blob.digest), &to, Materialize::Own).unwrap();
    fs::write(&to, "changed").unwrap();
    assert_eq!(world.store.read(&blob.digest).unwrap(), b"original");
}

#[test]
fn a_project_is_imported_as_git_would_keep_it() {
    let world = World::new();
    let project = world.path("project");
    write_files(
        &project,
        &[
            (".gitignore", "*.log\n/out/\n"),
            (".git/config", "x"),
            (".hidden", "h"),
            ("Cargo.toml", ""),
            ("target/debug/x", "x"),
            ("src/main.rs", "fn main() {}"),
            ("src/target/kept", "no manifest beside it"),
            ("src/noise.log", "x"),
            ("logs/only.log", "x"),
            ("out/main.pdf", "x"),
            ("cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"),
            ("cache/x", "x"),
            ("nested/.gitignore", "secret\n"),
            ("nested/secret", "x"),
            ("nested/program!", "p"),
        ],
    );
    // What is outside has no say.
    fs::write(world.path(".gitignore"), "src\n").unwrap();
    fs::write(world.path(".ignore"), "src\n").unwrap();
    fs::create_dir(project.join("empty")).unwrap();
    let mut cache = StatCache::open(&world.path("cache"));
    let artifact = world.store.import(&project, &mut cache).unwrap();
    let to = world.path("copy");
    world.store.materialize(&artifact, &to, Materialize::Own).unwrap();
    let files: Vec<_> =
        contents(&to).into_iter().filter(|(_, text)| !text.ends_with("directory")).collect();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            ".gitignore",
            ".hidden",
            "Cargo.toml",
            "nested/.gitignore",
            "nested/program",
            "src/main.rs",
            "src/target/kept"
        ]
    );
    assert_eq!(world.store.import(&to, &mut cache).unwrap(), artifact, "a clone has its digest");
    assert!(!to.join("empty").exists() && !to.join("logs").exists());
}

#[test]
fn importing_sees_every_change_and_leaves_files_alone() {
    let world = World::new();
    let file = world.path("file");
    let mut cache = StatCache::open(&world.path("cache"));
    for content in ["one", "two", "six"] {
        fs::write(&file, content).unwrap();
        let artifact = world.store.import(&file, &mut cache).unwrap();
        assert_eq!(artifact, Artifact::Blob(Digest::of(content.as_bytes())));
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o200, 0o200);
    assert_ne!(fs::metadata(&file).unwrap().mtime(), SEALED);
}

#[test]
fn a_known_file_is_read_again_when_its_object_is_gone() {
    let world = World::new();
    let file = world.path("file");
    fs::write(&file, "content").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let mut cache = StatCache::open(&world.path("cache"));
    let artifact = world.store.import(&file, &mut cache).unwrap();
    fs::remove_file(world.object(&artifact.digest())).unwrap();
    assert_eq!(world.store.import(&file, &mut cache).unwrap(), artifact);
    world.store.intact(&artifact).unwrap();
    overwrite(&world.object(&artifact.digest()), b"damaged");
    assert_eq!(world.store.import(&file, &mut cache).unwrap(), artifact);
    assert_eq!(world.store.read(&artifact.digest()).unwrap(), b"content");
}

#[test]
fn big_files_stream_through() {
    let world = World::new();
    let path = world.path("big");
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|n| (n / 7) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    let blob = world.store.put_file(&path).unwrap();
    assert_eq!(blob, world.store.put_bytes(&bytes).unwrap());
    assert_eq!(world.store.read(&blob.digest).unwrap(), bytes);
}
