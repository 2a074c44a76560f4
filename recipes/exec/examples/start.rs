//! The time to start a program that does nothing: in our sandbox, and in bubblewrap's with the same
//! isolation, by turns. `start SUPERVISOR [ROUNDS]` prints the medians and their ratio.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock and starts its peer")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rescience_exec::sandbox::{Access, Exit, Isolation, Limits, Sandbox, Spec};

fn main() {
    let mut args = std::env::args().skip(1);
    let supervisor = PathBuf::from(args.next().expect("usage: start SUPERVISOR [ROUNDS]"));
    let rounds: usize = args.next().map_or(200, |text| text.parse().expect("a count"));
    let dir = tempfile::tempdir().expect("a directory");
    let sandbox = Sandbox::new(supervisor, Isolation::Full);
    let spec = spec(dir.path(), &sandbox);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(timed(|| {
            let finished = runtime.block_on(sandbox.run(&spec, drop));
            assert_eq!(finished.exit, Exit::Code(0));
        }));
        theirs.push(timed(|| bubblewrap(dir.path())));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("rescience: {ours:?}, bubblewrap: {theirs:?}");
    println!("rescience / bubblewrap: {:.2}", ours.as_secs_f64() / theirs.as_secs_f64());
}

fn timed(work: impl FnOnce()) -> Duration {
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

/// The same view and the same namespaces, as far as bubblewrap goes: it has no Landlock, no limits
/// and no logs, and gets its filter of system calls from others.
fn bubblewrap(dir: &Path) {
    let mut command = Command::new("bwrap");
    command
        .args(
            "--unshare-all --die-with-parent --new-session --clearenv --hostname sandbox"
                .split(' '),
        )
        .args("--uid 1000 --gid 1000 --cap-drop ALL".split(' '))
        .args("--ro-bind /usr /usr --ro-bind /etc/alternatives /etc/alternatives".split(' '))
        .args("--ro-bind /etc/ld.so.cache /etc/ld.so.cache".split(' '))
        .args("--ro-bind /sys/devices/system /sys/devices/system".split(' '))
        .args("--proc /proc --dev /dev --tmpfs /dev/shm".split(' '));
    for path in ["/bin", "/sbin", "/lib", "/lib64"] {
        match std::fs::read_link(path) {
            Ok(to) => command.arg("--symlink").arg(to).arg(path),
            Err(_) => command.args(["--ro-bind", path, path]),
        };
    }
    for name in ["out", "tmp"] {
        command.arg("--bind").arg(dir.join(name)).arg(format!("/{name}"));
    }
    let status = command
        .args("--remount-ro / --chdir /out /bin/true".split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("bwrap starts");
    assert!(status.success());
}
