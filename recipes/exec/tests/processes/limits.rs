//! A run that goes over a limit is killed, and the limit is named.

use std::time::Duration;

use rescience_exec::sandbox::{Exit, Limit, Limits, Log};

use crate::Test;
use crate::support::{World, marked};

pub(crate) const TESTS: &[Test] = &[
    ("memory_is_limited_over_all_processes", memory_is_limited_over_all_processes),
    ("disk_is_limited", disk_is_limited),
    ("processes_are_limited", processes_are_limited),
    ("a_flood_of_output_is_cut_and_counted", a_flood_of_output_is_cut_and_counted),
    ("cpu_time_of_what_was_killed_counts", cpu_time_of_what_was_killed_counts),
    ("what_a_child_wrote_counts_once", what_a_child_wrote_counts_once),
    ("outputs_over_the_limit_fail_at_the_end", outputs_over_the_limit_fail_at_the_end),
    ("a_run_within_its_limits_is_left_alone", a_run_within_its_limits_is_left_alone),
];

/// A run that ends by itself if no limit stops it.
fn limited(script: &str, set: impl FnOnce(&mut Limits)) -> World {
    let mut world = World::script(script);
    world.spec.limits = Limits::wall(Duration::from_secs(20));
    set(&mut world.spec.limits);
    world
}

fn memory_is_limited_over_all_processes() {
    // Two processes of 48 MiB each: `tail` keeps what has no line in memory.
    let script = "for i in 1 2; do (head -c 50331648 /dev/zero; sleep 15) | tail & done; wait";
    let seen = limited(script, |limits| limits.memory = Some(80 << 20)).run();
    assert_eq!(seen.finished.exit, Exit::Limit(Limit::Memory));
}

fn disk_is_limited() {
    // A file with holes counts with its whole length: that is what would be kept of it.
    let script = "mkdir d; truncate -s 24M d/holes; truncate -s 24M /tmp/holes; sleep 15";
    let seen = limited(script, |limits| limits.disk = Some(32 << 20)).run();
    assert_eq!(seen.finished.exit, Exit::Limit(Limit::Disk));
    // No single file grows beyond the limit at all.
    let script = "head -c 64M /dev/zero > file";
    let seen = limited(script, |limits| limits.disk = Some(32 << 20)).run();
    assert_ne!(seen.finished.exit, Exit::Code(0));
    assert!(seen.stderr.contains("File size limit exceeded"), "{}", seen.stderr);
}

fn processes_are_limited() {
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do setsid sleep 86411.25 & done; sleep 15";
    let seen = limited(script, |limits| limits.processes = Some(8)).run();
    assert_eq!(seen.finished.exit, Exit::Limit(Limit::Processes));
    assert_eq!(marked("86411.25"), 0);
}

fn a_flood_of_output_is_cut_and_counted() {
    let script = "head -c 1500000 /dev/zero; echo '{}'; head -c 70000 /dev/zero >&2";
    let world = limited(script, |limits| limits.log = 100_000);
    let seen = world.run();
    assert_eq!(seen.finished.exit, Exit::Code(0));
    assert_eq!(seen.finished.stdout, Log { written: 1_500_003, kept: 100_000 });
    assert!(seen.finished.stdout.truncated());
    assert_eq!(seen.finished.stderr, Log { written: 70_000, kept: 70_000 });
    assert_eq!(seen.stdout.len(), 100_000);
}

fn cpu_time_of_what_was_killed_counts() {
    let script = "sh -c 'while :; do :; done' & while :; do :; done";
    let seen = limited(script, |limits| limits.wall = Duration::from_secs(2)).run();
    assert_eq!(seen.finished.exit, Exit::Limit(Limit::Wall));
    // As much as a busy machine lets it have.
    assert!(seen.finished.usage.user > Duration::from_millis(100), "{:?}", seen.finished);
}

fn what_a_child_wrote_counts_once() {
    let script = "sh -c 'head -c 8M /dev/zero > file; sleep 0.4; true'; sleep 0.4";
    let seen = limited(script, |_| {}).run();
    assert_eq!(seen.finished.exit, Exit::Code(0));
    let written = seen.finished.measured.written_bytes.unwrap();
    // None where temporary files are in memory.
    assert!(written == 0 || (8 << 20..12 << 20).contains(&written), "{:?}", seen.finished);
}

fn outputs_over_the_limit_fail_at_the_end() {
    // Before anybody looked.
    let script = "for i in 1 2 3; do head -c 8M /dev/zero > $i; done";
    let seen = limited(script, |limits| limits.disk = Some(16 << 20)).run();
    assert_eq!(seen.finished.exit, Exit::Limit(Limit::Disk));
}

fn a_run_within_its_limits_is_left_alone() {
    let script = "head -c 1000000 /dev/zero > file; sleep 1.5";
    let seen = limited(script, |limits| {
        limits.memory = Some(64 << 20);
        limits.disk = Some(2 << 20);
        limits.processes = Some(4);
    })
    .run();
    assert_eq!(seen.finished.exit, Exit::Code(0));
}
