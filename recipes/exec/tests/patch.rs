//! Patches: what git would make of them, and refusals that say where to look.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rescience_exec::patch::apply;
use tempfile::TempDir;

/// A source with these files.
fn source(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

/// Everything in a directory: text by path, links as `-> target`, executables marked by `*`.
fn tree(dir: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.insert(name, format!("-> {}", target.display()));
            } else if meta.is_dir() {
                found.insert(name + "/", String::new());
                walk(root, &path, found);
            } else {
                let mark = if meta.permissions().mode() & 0o111 == 0 { "" } else { "*" };
                let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
                found.insert(name + mark, text);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}

/// The outcome of a patch that applies. The source is as it was.
#[must_use]
fn patched(base: &Path, patch: &str) -> BTreeMap<String, String> {
    let before = tree(base);
    let to = tempfile::tempdir().unwrap();
    apply(base, patch.as_bytes(), &to.path().join("patched")).unwrap();
    assert_eq!(tree(base), before);
    tree(&to.path().join("patched"))
}

/// The words of a patch that does not apply.
#[must_use]
fn refused(base: &Path, patch: &str) -> String {
    let to = tempfile::tempdir().unwrap();
    apply(base, patch.as_bytes(), &to.path().join("patched")).unwrap_err().to_string()
}

fn expect(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

const NUMBERS: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n";

const TWO_HUNKS: &str = "\
diff --git a/numbers b/numbers
index 1111111..2222222 100644
--- a/numbers
+++ b/numbers
@@ -1,3 +1,4 @@
 one
+one and a half
 two
 three
@@ -7,3 +8,3 @@ six
 seven
-eight
+EIGHT
 nine
";

#[test]
fn hunks_change_lines_and_the_rest_is_copied() {
    let base = source(&[("numbers", NUMBERS), ("dir/other", "x")]);
    symlink("dir/other", base.path().join("link")).unwrap();
    fs::set_permissions(base.path().join("dir/other"), fs::Permissions::from_mode(0o555)).unwrap();
    assert_eq!(
        patched(base.path(), TWO_HUNKS),
        expect(&[
            ("dir/", ""),
            ("dir/other*", "x"),
            ("link", "-> dir/other"),
            ("numbers", "one\none and a half\ntwo\nthree\nfour\nfive\nsix\nseven\nEIGHT\nnine\n"),
        ])
    );
}

#[test]
fn words_before_the_patch_are_passed_over_but_gits_headers_are_needed() {
    let base = source(&[("numbers", NUMBERS)]);
    let mail = format!("From: A. Person\nSubject: numbers\n\nMore of them.\n---\n{TWO_HUNKS}");
    assert_eq!(patched(base.path(), &mail), patched(base.path(), TWO_HUNKS));
    let plain = &TWO_HUNKS[TWO_HUNKS.find("---").unwrap()..];
    assert_eq!(
        refused(base.path(), plain),
        "not a git patch: invalid hunk header outside patch at line 3"
    );
}

#[test]
fn a_hunk_that_moved_is_found() {
    let base = source(&[("numbers", &format!("zero\nzero and a half\n{NUMBERS}ten\n"))]);
    let outcome = patched(base.path(), TWO_HUNKS);
    assert_eq!(
        outcome["numbers"],
        "zero\nzero and a half\none\none and a half\ntwo\nthree\nfour\nfive\nsix\nseven\nEIGHT\nnine\nten\n"
    );
}

#[test]
fn files_come_go_move_and_change_mode() {
    let base = source(&[("gone/file", "a\n"), ("old", NUMBERS), ("run.sh", "echo\n")]);
    let patch = "\
diff --git a/gone/file b/gone/file
deleted file mode 100644
index 7898192..0000000
--- a/gone/file
+++ /dev/null
@@ -1 +0,0 @@
-a
diff --git a/new/file.txt b/new/file.txt
new file mode 100755
index 0000000..7898192
--- /dev/null
+++ b/new/file.txt
@@ -0,0 +1,2 @@
+a
+b
\\ No newline at end of file
diff --git a/old b/moved
similarity index 90%
rename from old
rename to moved
index 1111111..2222222 100644
--- a/old
+++ b/moved
@@ -1,2 +1,2 @@
-one
+ONE
 two
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
";
    assert_eq!(
        patched(base.path(), patch),
        expect(&[
            ("moved", &NUMBERS.replace("one", "ONE")),
            ("new/", ""),
            ("new/file.txt*", "a\nb"),
            ("run.sh*", "echo\n"),
        ])
    );
}

#[test]
fn a_pure_rename_keeps_the_text() {
    let base = source(&[("a", NUMBERS)]);
    let patch = "diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n";
    assert_eq!(patched(base.path(), patch), expect(&[("b", NUMBERS)]));
}

#[test]
fn ends_of_files_and_lines_are_kept_to_the_byte() {
    let no_newline = "\
diff --git a/f b/f
--- a/f
+++ b/f
@@ -1,2 +1,2 @@
 a
-b
\\ No newline at end of file
+c
";
    let base = source(&[("f", "a\nb")]);
    assert_eq!(patched(base.path(), no_newline)["f"], "a\nc\n");
    let crlf = "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n";
    let base = source(&[("f", "a\r\nb\r\n")]);
    assert_eq!(patched(base.path(), crlf)["f"], "a\r\nc\r\n");
    let base = source(&[("f", "a\nb\n")]);
    assert_eq!(
        refused(base.path(), crlf),
        "hunk 1 of `f` does not apply: line 5 of the patch expects line 1 of the file to be `a`, \
         but found it with another end (a newline)"
    );
}

#[test]
fn names_with_odd_characters_are_read() {
    let base = source(&[("größe und mehr", "a\n")]);
    let patch = "\
diff --git \"a/gr\\303\\266\\303\\237e und mehr\" \"b/gr\\303\\266\\303\\237e und mehr\"
--- \"a/gr\\303\\266\\303\\237e und mehr\"
+++ \"b/gr\\303\\266\\303\\237e und mehr\"
@@ -1 +1 @@
-a
+b
";
    assert_eq!(patched(base.path(), patch), expect(&[("größe und mehr", "b\n")]));
}

#[test]
fn a_line_that_is_not_there_is_named_with_what_is() {
    let base = source(&[("numbers", &NUMBERS.replace("eight", "acht"))]);
    assert_eq!(
        refused(base.path(), TWO_HUNKS),
        "hunk 2 of `numbers` does not apply: line 12 of the patch expects line 8 of the file to be \
         `eight`, but found `acht`"
    );
    let base = source(&[("numbers", "one\ntwo\n")]);
    assert_eq!(
        refused(base.path(), TWO_HUNKS),
        "hunk 1 of `numbers` does not apply: line 9 of the patch expects line 3 of the file to be \
         `three`, but found the end of the file, which has 2 lines"
    );
}

#[test]
fn files_that_should_or_should_not_be_there_are_named() {
    let base = source(&[("other", "x")]);
    assert_eq!(
        refused(base.path(), TWO_HUNKS),
        "the patch changes `numbers`, which the source does not have"
    );
    let new = "diff --git a/other b/other\nnew file mode 100644\n--- /dev/null\n+++ b/other\n\
               @@ -0,0 +1 @@\n+a\n";
    assert_eq!(
        refused(base.path(), new),
        "the patch creates `other`, which the source already has"
    );
    let gone = "diff --git a/numbers b/numbers\ndeleted file mode 100644\n--- a/numbers\n\
                +++ /dev/null\n@@ -1 +0,0 @@\n-one\n";
    let base = source(&[("numbers", NUMBERS)]);
    assert_eq!(refused(base.path(), gone), "the patch deletes `numbers`, but not all of its lines");
}

#[test]
fn nothing_and_nonsense_are_refused() {
    let base = source(&[("numbers", NUMBERS)]);
    assert_eq!(refused(base.path(), ""), "the patch is empty");
    assert_eq!(refused(base.path(), " \n\n"), "the patch is empty");
    for nonsense in [
        "make it faster\n",
        "diff --git a/numbers b/numbers\n",
        &TWO_HUNKS.replace("@@ -1,3 +1,4 @@", "@@ -1,9 +1,4 @@"),
        &TWO_HUNKS.replace("@@ -1,3 +1,4 @@", "@@ nowhere @@"),
        &TWO_HUNKS[..TWO_HUNKS.len() - 6],
    ] {
        let words = refused(base.path(), nonsense);
        assert!(
            words.starts_with("not a git patch: ") || words == "the patch is empty",
            "{words} for {nonsense}"
        );
    }
    let binary = "diff --git a/b b/b\nindex 1111111..2222222 100644\n\
                  Binary files a/b and b/b differ\n";
    assert!(refused(base.path(), binary).contains("it is binary"));
}

#[test]
fn paths_that_lead_out_are_refused() {
    let base = source(&[("numbers", NUMBERS)]);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("numbers"), NUMBERS).unwrap();
    symlink(outside.path(), base.path().join("link")).unwrap();
    for name in ["../numbers", "link/numbers", ".git/config", "a/../../b"] {
        let new = format!(
            "diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n\
             @@ -0,0 +1 @@\n+a\n"
        );
        for patch in [TWO_HUNKS.replace("numbers", name), new] {
            let words = refused(base.path(), &patch);
            assert_eq!(words, format!("the patch names `{name}`, which is not inside the source"));
        }
    }
}

#[test]
fn a_patch_by_git_itself_applies() {
    let base = source(&[("src/main.rs", NUMBERS), ("Cargo.lock", "x\n"), ("empty", "")]);
    let changed = source(&[("src/main.rs", &NUMBERS.replace("five\n", "")), ("empty", "full\n")]);
    let trees = tempfile::tempdir().unwrap();
    fs::rename(base.path(), trees.path().join("a")).unwrap();
    fs::rename(changed.path(), trees.path().join("b")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the reference to compare with")]
    let git = std::process::Command::new("git")
        .args(["diff", "--no-index", "--no-prefix", "a", "b"])
        .current_dir(trees.path())
        .output();
    // A machine that builds rescience need not have git.
    let Ok(git) = git else { return };
    let patch = String::from_utf8(git.stdout).unwrap();
    assert_eq!(patched(&trees.path().join("a"), &patch), tree(&trees.path().join("b")), "{patch}");
}
