//! Entries of a bibliography are confirmed by a person, and the lock remembers which and how.

use crate::support::toy::{self, RECIPE, TEXT};
use crate::support::{Project, World};

const REFS: &str = "@article{good,
  title = {On good things},
  author = {Person, A.},
  year = {2020},
  doi = {10.1000/good},
}

@misc{early,
  title = {On early things},
  author = {Person, A.},
  year = {2021},
  eprint = {2101.00001},
  archiveprefix = {arXiv},
}
";

/// The toy with a bibliography, of which the text cites the first entry.
fn cited(world: &World) -> Project<'_> {
    let toy = toy::toy(world, "toy");
    let with = "style = \"report\"\nbibliography = \"paper/refs.bib\"";
    toy.write("rescience.toml", &RECIPE.replace("style = \"report\"", with));
    toy.write("paper/refs.bib", REFS);
    toy.write(
        "paper/main.typ",
        &TEXT.replace("more gives #value", "as in @good, more gives #value"),
    );
    toy
}

#[test]
fn an_entry_is_unconfirmed_confirmed_changed_and_forgotten() {
    let world = World::new();
    let toy = cited(&world);
    let list = toy.run(&["cite", "list"]).ok();
    snapbox::assert_data_eq!(
        list.stdout,
        snapbox::str![[r#"
paper/refs.bib (paper.main)
  unconfirmed  good   doi:10.1000/good
  unconfirmed  early  arXiv:2101.00001  unused

"#]]
    );
    let confirm =
        toy.run(&["cite", "confirm", "good"]).ok().says("Locked 1 entry in rescience.lock");
    // What is confirmed is shown: a key alone says nothing.
    assert!(confirm.stderr.contains("title = {On good things}"), "{confirm}");
    assert!(!confirm.stderr.contains("early"), "{confirm}");
    let lock = toy.read("rescience.lock");
    assert!(lock.contains("version = 1\n\n[[citation]]\nkey = \"good\"\nentry = \"b3:"), "{lock}");
    assert!(lock.contains("id = \"doi:10.1000/good\"\nby = \"hand\"\n"), "{lock}");
    toy.run(&["cite", "list"]).ok().prints("  confirmed    good ");

    // Layout is not content, but a title is.
    toy.edit("paper/refs.bib", "  doi = {10.1000/good},\n", "doi   = {10.1000/good},\n");
    toy.run(&["cite", "list"]).ok().prints("  confirmed    good ");
    toy.edit("paper/refs.bib", "good things", "better things");
    toy.run(&["cite", "list"]).ok().prints("  changed      good ");
    toy.run(&["cite", "confirm", "--all"]).ok().says("Locked 2 entries");
    toy.run(&["cite", "list"]).ok().lacks("changed").lacks("unconfirmed");
    toy.run(&["cite", "forget", "good"]).ok().says("Forgot good");
    toy.run(&["cite", "list"]).ok().prints("  unconfirmed  good ").prints("  confirmed    early ");
}

#[test]
fn an_entry_that_nobody_could_look_up_is_refused_at_its_place() {
    let world = World::new();
    let toy = cited(&world);
    toy.edit("paper/refs.bib", "  doi = {10.1000/good},\n", "");
    let confirm = toy.run(&["cite", "confirm", "--all"]).code(101).says("error[RS0117]");
    assert!(confirm.stderr.contains("paper/refs.bib:1:10"), "{confirm}");
    assert!(confirm.stderr.contains("add `doi = {...}`"), "{confirm}");
    // All or nothing: the other entry is not confirmed either.
    assert!(!world.path("toy/rescience.lock").exists());
    toy.run(&["cite", "confirm", "erly"]).code(101).says("RS0118").says("did you mean `early`?");
    toy.run(&["cite", "forget", "early"]).code(101).says("RS0118");
    toy.write("paper/refs.bib", "@article{good, title = {On");
    toy.run(&["cite", "list"]).code(101).says("RS0117").says("paper/refs.bib:1:");
}

#[test]
fn a_locked_lock_stays_as_it_is() {
    let world = World::new();
    let toy = cited(&world);
    for flag in ["--locked", "--frozen"] {
        toy.run(&["cite", "confirm", "good", flag]).code(101).says("RS0113").says(flag);
        assert!(!world.path("toy/rescience.lock").exists());
    }
    toy.run(&["cite", "confirm", "good", "--offline"]).ok();
    let lock = toy.read("rescience.lock");
    // What it says already is no change.
    toy.run(&["cite", "confirm", "good", "--locked"]).ok();
    toy.run(&["cite", "forget", "good", "--locked"]).code(101).says("RS0113");
    assert_eq!(toy.read("rescience.lock"), lock);
}

#[test]
fn what_is_confirmed_decides_how_the_paper_comes_out() {
    let world = World::new();
    let toy = cited(&world);
    toy.edit("paper/main.typ", "@good", "@good and @early");
    toy.run(&["cite", "confirm", "--all"]).ok();
    toy.run(&["build"]).ok();
    toy.run(&["build"]).ok().says("nothing to do");
    toy.run(&["cite", "forget", "good"]).ok();
    let why = toy.run(&["why", "paper.main"]).ok();
    assert!(why.stdout.starts_with("paper.main: setting confirmed.good was removed"), "{why}");
    assert_eq!(why.stdout.lines().count(), 1, "{why}");
    toy.run(&["cite", "confirm", "good"]).ok();
    toy.run(&["build"]).ok().says("nothing to do");
}

#[test]
fn a_lock_that_cannot_be_read_stops_everything() {
    let world = World::new();
    let toy = cited(&world);
    toy.run(&["cite", "confirm", "good"]).ok();
    let lock = toy.read("rescience.lock");
    toy.write("rescience.lock", &format!("{lock}<<<<<<< ours\n=======\n>>>>>>> theirs\n"));
    let build = toy.run(&["build"]).code(101).says("RS0116").says("merge conflict");
    assert!(build.stderr.contains("rescience.lock:9:1"), "{build}");
    assert_eq!(toy.tally().len(), 0);
    toy.write("rescience.lock", &lock.replace("by = ", "bye = "));
    toy.run(&["check"]).code(101).says("RS0003").says("did you mean `by`?");
    toy.write("rescience.lock", &lock.replace("version = 1", "version = 2"));
    toy.run(&["cite", "list"]).code(101).says("another version of rescience");
}

#[test]
fn citations_are_told_to_programs_too() {
    let world = World::new();
    let toy = cited(&world);
    let json = |args: &[&str]| -> Vec<serde_json::Value> {
        let output = toy.run(args).ok();
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let confirmed = json(&["cite", "confirm", "early", "--message-format", "json"]);
    assert_eq!(confirmed[0]["reason"], "confirmed");
    assert_eq!(confirmed[0]["id"], "arXiv:2101.00001");
    let list = json(&["cite", "list", "--message-format", "json"]);
    let (good, early) = (&list[0], &list[1]);
    assert_eq!((&good["state"], &good["unused"]), (&"unconfirmed".into(), &false.into()));
    assert_eq!((&early["state"], &early["unused"]), (&"confirmed".into(), &true.into()));
    assert_eq!((&early["line"], &early["column"]), (&8.into(), &7.into()));
    assert_eq!(early["file"], "paper/refs.bib");
}
