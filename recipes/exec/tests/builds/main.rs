//! Builds of sources that mean harm, in the real sandbox. This binary is its own supervisor, as that
//! of the processes' tests is.

#![expect(clippy::print_stdout, reason = "a test runner reports")]

mod hostile;
mod registry;
mod shop;

use std::process::ExitCode;

type Test = (&'static str, fn());

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == rescience_exec::supervisor::ARGUMENT) {
        return rescience_exec::supervisor::main(args);
    }
    let filters: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f));
    let mut failed = 0;
    let tests = [hostile::TESTS, registry::TESTS].concat();
    for (name, test) in tests.into_iter().filter(|(name, _)| chosen(name)) {
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u32::from(!passed);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
