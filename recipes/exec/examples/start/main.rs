//! The time to start a program that does nothing: in our sandbox, and in bubblewrap's with the same
//! isolation, by turns. `start SUPERVISOR [ROUNDS]` prints the medians and their ratio.
//!
//! It counts until the result is there. What both leave to do after that, as the kernel's taking
//! down of namespaces and the removing of control groups, is waited for between the turns.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock and starts its peer")]

mod peer;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use rescience_exec::sandbox::{Access, Exit, Isolation, Limits, Sandbox, Spec};

use self::peer::Peer;

/// Long enough for what is left to do after a run.
const SETTLE: Duration = Duration::from_millis(15);

fn main() {
    let mut args = std::env::args().skip(1);
    let supervisor = PathBuf::from(args.next().expect("usage: start SUPERVISOR [ROUNDS]"));
    let rounds: usize = args.next().map_or(200, |text| text.parse().expect("a count"));
    let dir = tempfile::tempdir().expect("a directory");
    let sandbox = Sandbox::new(supervisor, Isolation::Full);
    let spec = spec(dir.path(), &sandbox);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let peer = runtime.block_on(Peer::of(&sandbox, &spec));
    let plain = |dir: &Path| peer::plain(dir).status().expect("bwrap starts").success();
    let (mut ours, mut theirs, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(timed(|| {
            let finished = runtime.block_on(sandbox.run(&spec, drop));
            assert_eq!(finished.exit, Exit::Code(0));
        }));
        theirs.push(timed(|| peer.run()));
        peer.leave();
        bare.push(timed(|| assert!(plain(dir.path()))));
        // Ours is the heir of what bubblewrap leaves, and counts against the user's processes.
        while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|it| it != WaitStatus::StillAlive)
        {
        }
    }
    let [ours, theirs, bare] = [ours, theirs, bare].map(median);
    println!("rescience: {ours:?}, bubblewrap: {theirs:?}, bubblewrap as it comes: {bare:?}");
    let ratio = |to: Duration| ours.as_secs_f64() / to.as_secs_f64();
    println!("rescience / bubblewrap with the same isolation: {:.2}", ratio(theirs));
    println!("rescience / bubblewrap as it comes: {:.2}", ratio(bare));
}

fn timed(work: impl FnOnce()) -> Duration {
    thread::sleep(SETTLE);
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn spec(dir: &Path, sandbox: &Sandbox) -> Spec {
    let shown = ["out", "tmp"].map(|name| {
        std::fs::create_dir_all(dir.join(name)).expect("a directory");
        sandbox.show(&dir.join(name), &format!("/{name}"), Access::Write)
    });
    Spec {
        argv: vec!["/bin/true".into()],
        cwd: "/out".into(),
        env: [("PATH".into(), "/usr/bin:/bin".into())].into(),
        limits: Limits {
            memory: Some(1 << 30),
            processes: Some(64),
            ..Limits::wall(Duration::from_secs(60))
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

/// A command without a word of standard input.
fn bubblewrap() -> Command {
    let mut command = Command::new("bwrap");
    command.stdin(std::process::Stdio::null());
    command
        .args(
            "--unshare-all --die-with-parent --new-session --clearenv --hostname sandbox"
                .split(' '),
        )
        .args("--setenv PATH /usr/bin:/bin --uid 1000 --gid 1000 --cap-drop ALL".split(' '));
    command
}
