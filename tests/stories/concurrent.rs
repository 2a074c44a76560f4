//! Several builds on one store: no run happens twice, and nothing breaks.

use crate::support::toy::{self, RUNS};
use crate::support::{Project, World};

#[test]
fn two_builds_of_one_project_at_once() {
    let world = World::new();
    let toy = slow(&world, "toy");
    together(&[&toy, &toy]);
    assert_eq!(toy.tally().len(), RUNS);
}

#[test]
fn four_builds_of_four_copies_at_once() {
    let world = World::new();
    let copies: Vec<_> = ["a", "b", "c", "d"].map(|name| slow(&world, name)).into();
    together(&copies.iter().collect::<Vec<_>>());
    assert_eq!(copies[0].tally().len(), RUNS);
    let papers: Vec<_> = copies.iter().map(|copy| copy.bytes("out/main.pdf")).collect();
    assert!(papers.iter().all(|paper| *paper == papers[0]));
    world.run(&["check-store", "--read-data"]).ok();
}

#[test]
fn who_waits_says_for_what() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.write("experiment/run.sh", &toy::script("2"));
    let mut first = toy.start(&["build"]);
    // The first has the lock once it says that it runs something.
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(first.stderr.take().unwrap()));
    lines.find(|line| line.as_ref().unwrap().contains("Running")).unwrap().unwrap();
    let second = toy.run(&["build"]).ok();
    assert!(second.stderr.contains("Blocking waiting for another build of"), "{second}");
    lines.for_each(drop);
    assert!(first.wait().unwrap().success());
}

fn slow<'w>(world: &'w World, folder: &str) -> Project<'w> {
    let toy = toy::toy(world, folder);
    toy.write("experiment/run.sh", &toy::script("0.3"));
    toy
}

fn together(projects: &[&Project<'_>]) {
    let builds: Vec<_> = projects.iter().map(|project| project.start(&["build"])).collect();
    for build in builds {
        let output = build.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}
