//! `kill -9` at any moment: the store stays whole, finished runs are kept, the build completes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::support::toy::{self, FIRST, RUNS};
use crate::support::{Project, World};

/// Moments of death after the start; spread by a fixed generator over a bit more than the time
/// that a build takes on this machine, so that all of it is hit and some builds survive.
fn moments(count: usize, build: Duration) -> impl Iterator<Item = Duration> {
    let mut state: u64 = 20_260_131;
    (0..count).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let part = (state >> 33) as f64 / f64::from(1_u32 << 31);
        build.mul_f64(1.2 * part)
    })
}

/// How long its runs sleep: an odd number, by which the sleeps are known.
const SLEEP: &str = "0.0503125";

/// The toy with runs that take a while to die in.
fn slow(world: &World) -> Project<'_> {
    let toy = toy::toy(world, "toy");
    toy.write("experiment/run.sh", &toy::script(SLEEP));
    toy
}

/// How long a first build takes that nobody interrupts.
fn time_of_a_build() -> Duration {
    let world = World::new();
    let toy = slow(&world);
    let began = Instant::now();
    toy.run(&["build", "-j", "2"]).ok();
    began.elapsed()
}

/// Every recipe dies ten times and is finished by a build that lives.
#[test]
fn three_hundred_deaths_lose_nothing_that_was_finished() {
    const RECIPES: usize = 30;
    const DEATHS: usize = 10;
    let mut moments = moments(RECIPES * DEATHS, time_of_a_build());
    let world = World::new();
    let toy = slow(&world);
    let mut unfinished = 0;
    for round in 0..RECIPES {
        // A change, so that there is something to interrupt.
        let n = 10 + 10 * round;
        let recipe = toy::RECIPE.replace("n = 3", &format!("n = {n}"));
        toy.write("rescience.toml", &recipe.replace("n = 5", &format!("n = {}", n + 1)));
        let mut finished = Finished::default();
        // Early deaths first, so that the late ones still have something to interrupt.
        let mut deaths: Vec<_> = moments.by_ref().take(DEATHS).collect();
        deaths.sort();
        for moment in deaths {
            let mut build = toy.start(&["build", "-j", "2"]);
            std::thread::sleep(moment);
            build.kill().unwrap();
            build.wait().unwrap();
            finished.look(&toy);
            unfinished += usize::from(finished.actions.len() <= FIRST);
        }
        // What rescience starts of itself has the world's name in its command line. What it starts in
        // a sandbox sees, and says, other paths.
        eventually("no process is left", || {
            named(&world.path("").display().to_string()) == 0 && alive(SLEEP) == 0
        });
        toy.run(&["build"]).ok();
        finished.look(&toy);
        assert_eq!((finished.runs.len(), finished.actions.len()), (RUNS, FIRST + 1));
    }
    assert!(unfinished >= RECIPES, "the deaths came too late: only {unfinished} mattered");
    world.run(&["check-store", "--read-data"]).ok().says("Checked");
    toy.run(&["build"]).ok().says("nothing to do");
    let traces = world.traces();
    let runs = traces.iter().filter(|trace| trace["action"].as_str().unwrap().contains('#'));
    let distinct: BTreeSet<_> = runs.map(|trace| trace["key"].to_string()).collect();
    assert_eq!(distinct.len(), RECIPES * RUNS);
}

/// What one recipe has finished so far.
#[derive(Default)]
struct Finished {
    actions: BTreeSet<String>,
    /// By a run's name: its key, and how often that was in the tally when the run was first seen
    /// finished: once its record is written there may be no more. The tally comes after the
    /// record, so that a builder that died between the two leaves none.
    runs: BTreeMap<String, (String, usize)>,
}

impl Finished {
    fn look(&mut self, toy: &Project<'_>) {
        let fresh: Vec<_> =
            toy.actions().into_iter().filter(|action| action["fresh"] == true).collect();
        let name = |action: &serde_json::Value| action["action"].as_str().unwrap().to_owned();
        let actions: BTreeSet<_> = fresh.iter().map(name).collect();
        let lost: Vec<_> = self.actions.difference(&actions).collect();
        assert!(lost.is_empty(), "finished once, and now no more: {lost:?}");
        self.actions = actions;

        let tally = toy.tally();
        let times = |line: &str| tally.iter().filter(|other| *other == line).count();
        for run in fresh.iter().filter(|action| name(action).contains('#')) {
            let key = run["key"].as_str().unwrap().to_owned();
            let now = times(&key);
            self.runs.entry(name(run)).or_insert((key, now));
        }
        for (run, (key, before)) in &self.runs {
            assert_eq!(times(key), *before, "{run} was finished and ran again");
        }
    }
}

/// The processes of a run end with the builder, however it ends.
#[test]
fn a_run_does_not_outlive_its_builder() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.write("experiment/run.sh", "sleep 86407.25 & setsid sleep 86407.25 & sleep 86407.25");
    let mut build = toy.start(&["build", "-j", "1"]);
    eventually("the run has its processes", || alive("86407.25") == 3);
    build.kill().unwrap();
    build.wait().unwrap();
    eventually("nothing is left", || alive("86407.25") == 0);
}

/// How many `sleep`s of this many seconds there are.
fn alive(seconds: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line == format!("sleep\0{seconds}\0").as_bytes()).count()
}

/// How many processes have this text in their command line.
fn named(text: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
