//! What watching costs a run that keeps one core busy: with samples and without, by turns, each with
//! the same work. `sampling SUPERVISOR [SECONDS] [ROUNDS]` prints two ratios, of a run of about so many
//! seconds: the wall time of one with samples to that of one without, which what else the machine
//! does disturbs; and the CPU time of both with their supervisors, which it disturbs less. Then it
//! prints the CPU time of the supervisor beside the run's, which counts all looks, those for limits
//! too.

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
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        with.push(took(&runtime, &sampled, &spec(dir.path(), &sampled, work)));
        without.push(took(&runtime, &blind, &spec(dir.path(), &blind, work)));
    }
    let ratio = |what: fn(&Took) -> f64| median(&with, what) / median(&without, what);
    let samples = with.first().map_or(0, |took| took.samples);
    println!("runs of {:.1} s, {samples} samples in one", median(&without, |took| took.wall));
    println!("with samples / without, wall time: {:.4}", ratio(|took| took.wall));
    println!("with samples / without, CPU time of run and supervisor: {:.4}", ratio(|t| t.all));
    let own = median(&with, |took| (took.all - took.run) / took.run);
    println!("supervisor / run, CPU time: {:.2} %", 100.0 * own);
}

fn median(all: &[Took], what: fn(&Took) -> f64) -> f64 {
    let mut values: Vec<f64> = all.iter().map(what).collect();
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
