//! One file holds a paper and all it was made from, and anybody can check it.

use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rescience_digest::{Digest, Hashed};

use crate::support::{Project, World, toy};

/// The toy, built and bundled to `toy.zip` in the world's root.
fn bundled(world: &World) -> Project<'_> {
    let toy = toy::toy(world, "toy");
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../toy.zip"]).ok().says("Bundled");
    toy
}

#[test]
fn a_bundle_is_verified_without_a_store() {
    let mut world = World::new();
    bundled(&world);
    let home = world.path("empty-home").display().to_string();
    world.set("RESCIENCE_HOME", &home);
    world.run(&["verify", "toy.zip"]).ok().says("all as recorded");
    let said = world.run(&["verify", "-v", "toy.zip"]).ok();
    for line in [
        "made/main.pdf",
        "rescience.toml",
        "paper.main: its key",
        "experiment.less#0",
        "paper.main: made again, bit for bit",
        "figure.scores: made again, bit for bit",
        "2 claims: all as recorded",
    ] {
        assert!(said.stderr.contains(line), "no `{line}` in\n{said}");
    }
    assert!(!Path::new(&home).exists(), "no store was made");
}

#[test]
fn bundling_twice_gives_the_same_bytes() {
    let mut world = World::new();
    let toy = bundled(&world);
    let first = std::fs::read(world.path("toy.zip")).unwrap();
    let directory = toy.directory;
    world.set("RESCIENCE_CLOCK", "2036-07-01T00:00:00Z").set("TZ", "Asia/Kathmandu");
    world.run_in(&directory, &["bundle"]).ok();
    assert_eq!(std::fs::read(directory.join("out/toy-0.1.0.zip")).unwrap(), first);
}

#[test]
fn what_a_stranger_s_pages_may_cost_is_bounded() {
    let world = World::new();
    bundled(&world);
    let said = world.run(&["verify", "toy.zip", "--time-limit", "1ms"]).code(101);
    said.says("not checked to the end: its pages take more than 1ms").says("`--time-limit`");
    let said = world.run(&["verify", "toy.zip", "--memory-limit", "16MiB"]).code(101);
    said.says("signal 6 ended this; 16MiB of memory may be too little");
    world.run(&["verify", "toy.zip", "--memory-limit", "128"]).code(1).says("a size such as");
    world.run(&["verify", "toy.zip", "--memory-limit", "1MB"]).code(1).says("at least `16MiB`");
    world.run(&["verify", "toy.zip", "--time-limit", "1h", "--memory-limit", "2GiB"]).ok();
}

#[test]
fn a_changed_number_is_named_with_the_paper_that_hangs_on_it() {
    let world = World::new();
    bundled(&world);
    let whole = std::fs::read(world.path("toy.zip")).unwrap();
    let number = br#""score": 6."#;
    let at = whole.windows(number.len()).position(|it| it == number).expect("a metrics file");
    let file = std::fs::File::options().write(true).open(world.path("toy.zip")).unwrap();
    file.write_all_at(b"9", (at + number.len() - 2) as u64).unwrap();
    let said = world.run(&["verify", "toy.zip"]).code(101).says("RS0141").says("was changed");
    assert!(said.stderr.contains("hangs on it: paper.main"), "{said}");
    assert!(said.stderr.contains("hangs on it: claim 1 of paper.main: `15.08"), "{said}");
    assert!(said.stderr.contains("(experiment.more.score)"), "{said}");
    assert!(said.stderr.contains("1 problem in"), "one change is one problem\n{said}");
    let said = world.run(&["verify", "--message-format", "json", "toy.zip"]).code(101);
    assert!(said.stdout.contains("\"problem\":\"changed\""), "{said}");
    std::fs::write(world.path("toy.zip"), &whole[..whole.len() - 9]).unwrap();
    world.run(&["verify", "toy.zip"]).code(101).says("RS0140").says("cut short");
}

#[test]
fn a_store_is_verified_to_the_last_byte() {
    let world = World::new();
    let toy = bundled(&world);
    let store = world.store().display().to_string();
    world.run(&["verify", &store]).ok().says("all as recorded");
    let hex = Digest::of(&toy.bytes("out/main.pdf")).hex();
    let object = world.store().join("v1/objects").join(&hex[..2]).join(&hex[2..]);
    std::fs::remove_file(object).unwrap();
    world.run(&["verify", &store]).code(101).says("RS0141").says("hangs on it: paper.main");
}

#[test]
fn a_secret_is_not_handed_on() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let token = format!("ghp_{}", "a1".repeat(18));
    toy.write("experiment/notes.txt", &format!("one\ntwo {token}\n"));
    toy.run(&["build"]).ok();
    let said = toy.run(&["bundle"]).code(101).says("RS0142").says("experiment/notes.txt:2");
    assert!(!said.stderr.contains(&token), "{said}");
    assert!(!toy.directory.join("out/toy-0.1.0.zip").exists());
}

#[test]
fn a_secret_that_looks_like_none_is_known_by_where_it_is() {
    let mut world = World::new();
    world.set("GIT_TOKEN", "of no known form");
    let toy = toy::toy(&world, "toy");
    toy.write("experiment/notes.txt", "one\nof no known form\n");
    toy.run(&["build"]).ok();
    let said = toy.run(&["bundle"]).code(101).says("RS0142").says("experiment/notes.txt:2");
    said.lacks("of no known form");
    toy.write("experiment/notes.txt", "one\n");
    toy.write("experiment/.env", "PASSWORD=1\n");
    toy.run(&["build"]).ok();
    let said = toy.run(&["bundle"]).code(101).says("RS0142");
    said.says("`experiment/.env` has the name of a file of secret variables").says(".gitignore");
    toy.write("experiment/.gitignore", ".env\n");
    toy.run(&["build"]).ok();
    toy.run(&["bundle"]).ok();
}

#[test]
fn what_is_not_made_is_not_bundled() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["bundle"]).code(101).says("is not made").says("rescience build");
}

#[test]
fn an_unpacked_bundle_gives_the_same_paper_elsewhere_and_later() {
    let mut world = World::new();
    let made = ["main.pdf", "main.html", "main.json", "figure/scores.svg"];
    let toy = bundled(&world);
    let before = made.map(|name| toy.bytes(&format!("out/{name}")));
    let elsewhere = world.unpack("toy.zip", "else where/ünpacked");
    let home = world.path("other-home").display().to_string();
    world
        .set("RESCIENCE_HOME", &home)
        .set("HOME", &home)
        .set("RESCIENCE_CLOCK", "2036-07-01T00:00:00Z")
        .set("TZ", "Asia/Kathmandu")
        .set("LC_ALL", "tr_TR.UTF-8");
    world.run_in(&elsewhere, &["verify", "."]).ok();
    let said = world.run_in(&elsewhere, &["build", "--offline", "-v"]).ok();
    let said = said.says("bit for bit as in the bundle").lacks("not as in the bundle");
    assert_eq!(said.ran(), ["figure.scores", "paper.main"], "{said}");
    for (name, before) in made.iter().zip(&before) {
        let again = std::fs::read(elsewhere.join("out").join(name)).unwrap();
        assert!(again == *before, "{name} came out differently");
    }
    // What a build leaves is no part of the bundle.
    world.run_in(&elsewhere, &["verify", "."]).ok();
    let store = Path::new(&home).join("store/v1/traces");
    assert!(!store.exists(), "a stranger's records are not ours");
}

#[test]
fn a_changed_text_is_typeset_from_the_recorded_results() {
    let world = World::new();
    bundled(&world);
    let directory = world.unpack("toy.zip", "elsewhere");
    let text = std::fs::read_to_string(directory.join("paper/main.typ")).unwrap();
    std::fs::write(directory.join("paper/main.typ"), text.replace("Less gives", "We find"))
        .unwrap();
    let said = world.run_in(&directory, &["build", "-v"]).ok();
    let said = said.says("not as in the bundle: main.html, main.json, main.pdf");
    assert_eq!(said.ran(), ["figure.scores", "paper.main"], "{said}");
}

#[test]
fn a_project_is_verified_with_its_store_and_its_views() {
    let world = World::new();
    let toy = bundled(&world);
    toy.run(&["verify"]).ok().says("2 claims: all as recorded");
    let mut page = toy.bytes("out/main.pdf");
    *page.last_mut().unwrap() ^= 1;
    std::fs::write(toy.directory.join("out/main.pdf"), &page).unwrap();
    toy.run(&["verify"]).code(101).says("`out/main.pdf` was changed");
    toy.run(&["build"]).ok();
    toy.run(&["verify"]).ok();
    toy.edit("paper/main.typ", "Less gives", "We get");
    toy.run(&["verify"]).code(101).says("paper.main is not made as the recipe asks");
}

#[test]
fn a_change_of_any_file_of_a_store_is_found() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let store = world.store().display().to_string();
    world.run(&["verify", &store]).ok();
    let mut files = world.objects();
    files.extend(crate::support::files_below(&world.store().join("v1/traces")));
    files.extend(crate::support::files_below(&world.store().join("v1/roots")));
    assert!(files.len() > 30, "{files:?}");
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let mut other = bytes.clone();
        // An empty file cannot change but by growing.
        match other.get_mut(bytes.len() / 2) {
            Some(byte) => *byte ^= 4,
            None => other.push(0),
        }
        let readable = std::fs::metadata(&path).unwrap().permissions();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &other).unwrap();
        std::fs::set_permissions(&path, readable.clone()).unwrap();
        let said = world.run(&["verify", &store]).code(101).says("RS0141");
        let name = path.file_stem().unwrap().to_str().unwrap();
        let plain = said.stderr.contains("[DIGEST]") || said.stderr.contains(name);
        assert!(plain, "{} is not named in\n{said}", path.display());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        std::fs::set_permissions(&path, readable).unwrap();
    }
    world.run(&["verify", &store]).ok();
}

#[test]
fn a_paper_alone_is_checked_against_its_own_evidence() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let said = toy.run(&["verify", "out/main.pdf", "-v"]).ok().says("2 claims computed again");
    assert!(said.stderr.contains("results-less.json: attached"), "{said}");
    std::fs::write(world.path("none.pdf"), b"%PDF-1.7\nnothing").unwrap();
    world.run(&["verify", "none.pdf"]).code(101).says("no PDF that can be read");
}

/// The toy with a data set of 2 MB that its runs read, and a checkpoint of as much that they write.
fn heavy(world: &World) -> Project<'_> {
    let toy = toy::toy(world, "toy");
    toy.write("experiment/data/large.txt", &"data\n".repeat(400_000));
    toy.edit(
        "experiment/run.sh",
        "set -eu\n",
        "set -eu\ntr a-z A-Z < data/large.txt > \"$RESCIENCE_OUT/checkpoint\"\n",
    );
    toy.run(&["build"]).ok();
    toy
}

#[test]
fn a_thin_bundle_names_large_files_and_gives_the_same_pages() {
    let mut world = World::new();
    let toy = heavy(&world);
    toy.run(&["bundle", "--output", "../full.zip"]).ok().lacks("left out");
    toy.run(&["bundle", "--thin", "--output", "../thin.zip"]).ok().says("2 large files (3.8 MiB)");
    toy.run(&["bundle", "--thin=3MB", "--output", "../same.zip"]).ok().lacks("left out");
    let size = |name: &str| std::fs::metadata(world.path(name)).unwrap().len();
    assert!(size("thin.zip") + 3_000_000 < size("full.zip"));
    assert_eq!(size("same.zip"), size("full.zip"));
    let home = world.path("other-home").display().to_string();
    let pdf = toy.bytes("out/main.pdf");
    world.set("RESCIENCE_HOME", &home);
    let said = world.run(&["verify", "-v", "thin.zip"]).ok().says("all as recorded");
    said.says("experiment/data/large.txt is left out").says("the bundle is thin");
    let thin = world.unpack("thin.zip", "thin");
    assert!(!thin.join("experiment/data").exists());
    world.run_in(&thin, &["verify"]).ok().says("all as recorded");
    world.run_in(&thin, &["build", "--offline"]).ok().says("bit for bit as in the bundle");
    assert_eq!(std::fs::read(thin.join("out/main.pdf")).unwrap(), pdf);
    // Bundled again, it is as thin as it was.
    world.run_in(&thin, &["bundle", "--output", "../again.zip"]).ok().says("2 large files");
    assert!(
        std::fs::read(world.path("again.zip")).unwrap()
            == std::fs::read(world.path("thin.zip")).unwrap()
    );
    // Runs need what was left out, and say where it belongs.
    let said = world.run_in(&thin, &["reproduce"]).code(101);
    said.says("experiment/data/large.txt").says("left out of the bundle");
    std::fs::create_dir(thin.join("experiment/data")).unwrap();
    let data = world.path("toy/experiment/data/large.txt");
    std::fs::copy(data, thin.join("experiment/data/large.txt")).unwrap();
    world.run_in(&thin, &["verify"]).ok().says("all as recorded");
    world.run_in(&thin, &["reproduce"]).ok().says("[Re]");
}

#[test]
fn what_a_thin_bundle_left_out_is_only_what_it_was() {
    let world = World::new();
    heavy(&world).run(&["bundle", "--thin", "--output", "../thin.zip"]).ok();
    let thin = world.unpack("thin.zip", "thin");
    std::fs::create_dir(thin.join("experiment/data")).unwrap();
    std::fs::write(thin.join("experiment/data/large.txt"), "other data\n").unwrap();
    world.run_in(&thin, &["verify"]).code(101).says("experiment/data/large.txt");
    // Other data are other runs.
    let said = world.run_in(&thin, &["build", "--dry-run"]).ok();
    assert!(said.stderr.contains("experiment.less#0"), "{said}");
}

#[test]
fn links_of_a_source_go_with_it() {
    let mut world = World::new();
    let toy = toy::toy(&world, "toy");
    std::os::unix::fs::symlink("run.sh", toy.directory.join("experiment/latest")).unwrap();
    toy.edit("rescience.toml", "\"sh\", \"run.sh\"", "\"sh\", \"latest\"");
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../toy.zip"]).ok();
    world.set("RESCIENCE_HOME", world.path("other-home").display().to_string());
    world.run(&["verify", "toy.zip"]).ok().says("all as recorded");
    let folder = world.unpack("toy.zip", "folder");
    world.run_in(&folder, &["verify"]).ok().says("all as recorded");
    world.run_in(&folder, &["build", "--offline"]).ok().says("bit for bit as in the bundle");
    world.run_in(&folder, &["reproduce"]).ok().says("[Re]");
}

#[test]
fn what_runs_were_given_is_a_data_set_to_those_who_load_it() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.write("data/n.csv", "n\n1\n2\n");
    toy.edit(
        "rescience.toml",
        "[experiment.less]\n",
        "[source.numbers]\npath = \"data\"\ndescription = \"Two numbers.\"\nlicense = \"CC0-1.0\"\n\
         origin = \"https://example.org/numbers\"\n\n[experiment.less]\n\
         inputs = { numbers = \"source.numbers\" }\n",
    );
    toy.run(&["build"]).ok();
    toy.run(&["bundle"]).ok();
    let folder = world.unpack("toy/out/toy-0.1.0.zip", "folder");
    let text = std::fs::read(folder.join("croissant/numbers.json")).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(document["description"], "Two numbers.");
    assert_eq!(document["url"], "https://example.org/numbers");
    let file = &document["distribution"][0];
    assert_eq!(file["contentUrl"], "../data/n.csv", "{document}");
    let hashed = Hashed::of(b"n\n1\n2\n");
    assert_eq!(file["sha256"], hashed.sha256.to_string(), "{document}");
}
