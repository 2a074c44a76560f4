//! What watching costs a run that keeps one core busy: with samples and without, by turns, each with
//! the same work. `sampling SUPERVISOR [SECONDS] [ROUNDS]` prints ratios of runs of about so many
//! seconds: wall time with samples to that without, and CPU time of run and supervisor together.
//! What else the machine does disturbs both. It disturbs the last one least, which is the CPU time of
//! the supervisor beside the run's: with samples it counts all looks, without those for limits.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use rescience_exec::sandbox::{Access, Exit, Isolation, Limits, Sandbox, Spec};
use tokio::runtime::Runtime;

/// What one run took, in seconds.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    /// CPU time of the run and its supervisor.
    all: f64,
    /// CPU time of the run.
    run: f64,
    samples: u32,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let usage = "usage: sampling SUPERVISOR [SECONDS] [ROUNDS]";
    let supervisor = PathBuf::from(args.next().expect(usage));
    let mut number = |usual: u32| args.next().map_or(usual, |text| text.parse().expect(usage));
    let (seconds, rounds) = (number(60), number(3));
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let sampled = Sandbox::new(supervisor, Isolation::Full);
    let blind = sampled.clone().without_samples();

    // Once to learn how much work that is.
    let some = 2_000_000;
    let first = took(&runtime, &blind, &spec(dir.path(), &blind, some));
    let work = (f64::from(some) * f64::from(seconds) / first.run) as u32;
    let mut pairs = Vec::new();
    for round in 0..rounds {
        let run = |sandbox| took(&runtime, sandbox, &spec(dir.path(), sandbox, work));
        // Neither is always the first: what else the machine does may be on the rise.
        pairs.push(if round % 2 == 0 {
            (run(&sampled), run(&blind))
        } else {
            let without = run(&blind);
            (run(&sampled), without)
        });
    }
    let wall = median(&pairs, |(_, without)| without.wall);
    let samples = pairs.first().map_or(0, |(with, _)| with.samples);
    println!("{rounds} pairs of runs of {wall:.1} s, {samples} samples in one; medians:");
    let ratio = median(&pairs, |(with, without)| with.wall / without.wall);
    println!("with samples / without, wall time: {ratio:.4}");
    let ratio = median(&pairs, |(with, without)| with.all / without.all);
    println!("with samples / without, CPU time of run and supervisor: {ratio:.4}");
    let percent = |took: &Took| 100.0 * (took.all - took.run) / took.run;
    let (with, without) = (median(&pairs, |p| percent(&p.0)), median(&pairs, |p| percent(&p.1)));
    println!("supervisor / run, CPU time: {with:.2} %, without samples {without:.2} %");
}

fn median(pairs: &[(Took, Took)], what: impl Fn(&(Took, Took)) -> f64) -> f64 {
    let mut values: Vec<f64> = pairs.iter().map(what).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn took(runtime: &Runtime, sandbox: &Sandbox, spec: &Spec) -> Took {
    let before = of_children();
    let began = Instant::now();
    let finished = runtime.block_on(sandbox.run(spec, drop));
    let wall = began.elapsed().as_secs_f64();
    assert_eq!(finished.exit, Exit::Code(0), "{finished:?}");
    // The supervisor counts when it has cleared up and somebody waited for it.
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(500)).await });
    let run = (finished.usage.user + finished.usage.system).as_secs_f64();
    Took { wall, all: of_children() - before, run, samples: finished.measured.samples }
}

/// CPU time of all children that ended, in seconds.
fn of_children() -> f64 {
    let all = getrusage(UsageWho::RUSAGE_CHILDREN).expect("what children used");
    (all.user_time().num_microseconds() + all.system_time().num_microseconds()) as f64 / 1e6
}

fn spec(dir: &Path, sandbox: &Sandbox, work: u32) -> Spec {
    let shown = ["out", "tmp"].map(|name| {
        std::fs::create_dir_all(dir.join(name)).expect("a directory");
        sandbox.show(&dir.join(name), &format!("/{name}"), Access::Write)
    });
    let script = format!("i=0; while [ $i -lt {work} ]; do i=$((i+1)); done");
    Spec {
        argv: ["/bin/sh", "-c", &script].map(Into::into).to_vec(),
        cwd: "/out".into(),
        env: [("PATH".into(), "/usr/bin:/bin".into())].into(),
        limits: Limits {
            memory: Some(1 << 30),
            disk: Some(1 << 30),
            processes: Some(64),
            ..Limits::wall(Duration::from_secs(3600))
        },
        control: dir.join("control"),
        stdout: dir.join("stdout"),
        stderr: dir.join("stderr"),
        shown: shown.to_vec(),
        network: false,
        gpus: Vec::new(),
        observed: true,
        isolation: Isolation::Full,
    }
}
