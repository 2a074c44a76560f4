//! What watching costs: the CPU time of the supervisor beside that of a run which keeps one core
//! busy. `sampling SUPERVISOR [SECONDS]` prints the share, which bounds how much slower a run can
//! get by being measured.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use rescience_exec::sandbox::{Access, Exit, Isolation, Limits, Sandbox, Spec};

fn main() {
    let mut args = std::env::args().skip(1);
    let supervisor = PathBuf::from(args.next().expect("usage: sampling SUPERVISOR [SECONDS]"));
    let seconds: u64 = args.next().map_or(60, |text| text.parse().expect("a count"));
    let dir = tempfile::tempdir().expect("a directory");
    let sandbox = Sandbox::new(supervisor, Isolation::Full);
    let spec = spec(dir.path(), &sandbox, seconds);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let finished = runtime.expect("a runtime").block_on(sandbox.run(&spec, drop));
    assert_eq!(finished.exit, Exit::Code(0), "{finished:?}");
    let run = (finished.usage.user + finished.usage.system).as_secs_f64();
    let all = getrusage(UsageWho::RUSAGE_CHILDREN).expect("what children used");
    let all = (all.user_time().num_microseconds() + all.system_time().num_microseconds()) as f64;
    let own = all / 1e6 - run;
    let samples = finished.measured.samples;
    println!("run: {run:.2} s of CPU time, supervisor: {own:.3} s, {samples} samples");
    println!("supervisor / run: {:.2} %", 100.0 * own / run);
}

fn spec(dir: &Path, sandbox: &Sandbox, seconds: u64) -> Spec {
    let shown = ["out", "tmp"].map(|name| {
        std::fs::create_dir_all(dir.join(name)).expect("a directory");
        sandbox.show(&dir.join(name), &format!("/{name}"), Access::Write)
    });
    // It ends by itself: what a killed process used never reaches those who waited for it.
    let script =
        format!("trap 'exit 0' TERM; (sleep {seconds}; kill -TERM $$) & while :; do :; done");
    Spec {
        argv: ["/bin/sh", "-c", &script].map(Into::into).to_vec(),
        cwd: "/out".into(),
        env: [("PATH".into(), "/usr/bin:/bin".into())].into(),
        limits: Limits {
            memory: Some(1 << 30),
            disk: Some(1 << 30),
            processes: Some(64),
            ..Limits::wall(Duration::from_secs(2 * seconds + 10))
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
