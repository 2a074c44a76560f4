//! Tests with real processes. This binary is its own supervisor: started again with the hidden
//! argument it does what the command line's `main` does.

#![expect(clippy::print_stdout, reason = "a test runner reports")]

mod cargo;
mod ends;
mod limits;
mod red_team;
mod support;
mod villain;

use std::process::ExitCode;
use std::thread;

type Test = (&'static str, fn());

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(first) if first == rescience_exec::supervisor::ARGUMENT => {
            return rescience_exec::supervisor::main(args);
        }
        Some(first) if first == support::BUILDER => return support::builder(args),
        Some(first) if first == support::PROBER => return support::prober(args),
        Some(first) if first == villain::VILLAIN => return villain::main(args),
        Some(first) if first == red_team::TEAM => return red_team::main(),
        _ => {}
    }
    let filters: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f));
    let tests = [ends::TESTS, limits::TESTS, cargo::TESTS, red_team::TESTS].concat();
    let running: Vec<_> = tests
        .into_iter()
        .filter(|(name, _)| chosen(name))
        .map(|(name, test)| (name, thread::Builder::new().name(name.to_owned()).spawn(test)))
        .collect();
    let mut failed = 0;
    for (name, thread) in running {
        let passed = thread.is_ok_and(|thread| thread.join().is_ok());
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u32::from(!passed);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
