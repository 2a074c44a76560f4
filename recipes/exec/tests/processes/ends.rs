//! However a run ends, the end is reported and no process is left.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rescience_exec::sandbox::{Exit, Holder, Isolation, Level, Limit, Limits, Log, Sandbox};
use rescience_store::Store;

use crate::Test;
use crate::support::{BUILDER, PROBER, World, block_on, eventually, marked, pids, sandbox, send};

pub(crate) const TESTS: &[Test] = &[
    ("exit_codes_and_signals_are_told_apart", exit_codes_and_signals_are_told_apart),
    ("the_environment_is_exactly_the_given_one", the_environment_is_exactly_the_given_one),
    ("output_is_kept_and_progress_passed_on", output_is_kept_and_progress_passed_on),
    ("what_cannot_start_says_why", what_cannot_start_says_why),
    ("a_hanging_program_and_its_daemons_end_at_the_limit", hanging),
    ("what_a_program_leaves_behind_is_killed", what_a_program_leaves_behind_is_killed),
    ("a_killed_builder_takes_everything_with_it", a_killed_builder_takes_everything_with_it),
    ("a_killed_supervisor_takes_the_program_with_it", a_killed_supervisor),
    ("a_dropped_run_is_stopped", a_dropped_run_is_stopped),
    ("the_report_is_complete", the_report_is_complete),
    ("a_program_that_is_still_being_written_is_waited_for", still_being_written),
    ("builders_killed_at_any_moment_leave_nothing", builders_killed_at_any_moment),
    ("a_killed_probe_of_the_sandbox_is_swept", a_killed_probe_is_swept),
    ("paths_and_arguments_need_not_be_utf8", paths_and_arguments_need_not_be_utf8),
];

/// A shell script that starts `sleep SECONDS` as a child, as a daemon by double fork, and in a
/// session of its own, and ignores requests to end. The odd number of seconds is the mark by which
/// the test knows them.
fn stubborn(mark: &str, end: &str) -> String {
    format!(
        "trap '' TERM HUP INT\nsleep {mark} &\n( ( setsid sleep {mark} & ) & )\n\
         setsid sh -c 'trap \"\" TERM; sleep {mark}; true' &\n{end}"
    )
}

fn exit_codes_and_signals_are_told_apart() {
    for (script, exit) in [
        ("exit 0", Exit::Code(0)),
        ("exit 3", Exit::Code(3)),
        ("kill -SEGV $$", Exit::Signal(11)),
        ("kill -KILL $$", Exit::Signal(9)),
    ] {
        assert_eq!(World::script(script).run().finished.exit, exit, "{script}");
    }
    assert_eq!(Exit::Signal(11).to_string(), "killed by signal 11 (SIGSEGV)");
}

fn the_environment_is_exactly_the_given_one() {
    let mut world = World::script("");
    world.spec.argv = vec!["/usr/bin/env".into()];
    world.spec.env = [("B".into(), "two words".into()), ("A".into(), "1".into())].into();
    assert_eq!(world.run().stdout, "A=1\nB=two words\n");
    // Nor does anything else leak: blocked signals, open files, a mask for modes.
    let seen = World::script("grep SigBlk /proc/self/status; ls /proc/self/fd; umask").run();
    assert_eq!(seen.stdout, "SigBlk:\t0000000000000000\n0\n1\n2\n3\n0022\n", "{}", seen.stderr);
}

fn output_is_kept_and_progress_passed_on() {
    let world =
        World::script("echo start; echo '{\"step\":1}'; echo '{broken}'; echo oh >&2; printf end");
    let seen = world.run();
    assert_eq!(seen.stdout, "start\n{\"step\":1}\n{broken}\nend");
    assert_eq!(seen.stderr, "oh\n");
    assert_eq!(seen.finished.stdout, Log { written: 29, kept: 29 });
    let progress: Vec<String> =
        seen.progress.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    assert_eq!(progress, ["{\"step\":1}"]);
}

fn what_cannot_start_says_why() {
    let not_started = |change: fn(&mut World)| {
        let mut world = World::script("true");
        change(&mut world);
        match world.run().finished.exit {
            Exit::NotStarted(why) => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        not_started(|world| world.spec.argv = vec!["no-such-program".into()]),
        "no-such-program: No such file or directory (os error 2) (searched in /usr/bin:/bin)"
    );
    assert_eq!(not_started(|world| world.spec.argv = Vec::new()), "the command is empty");
    assert_eq!(
        not_started(|world| world.spec.cwd = "/no/such/directory".into()),
        "/no/such/directory: not a directory to start in"
    );
    let world = World::script("true");
    let nowhere = Sandbox::new("/no/such/supervisor".into(), Isolation::Full);
    let finished = block_on(nowhere.run(&world.spec, drop));
    assert_eq!(
        finished.exit,
        Exit::NotStarted("/no/such/supervisor: No such file or directory (os error 2)".into())
    );
}

fn hanging() {
    let mut world = World::script(&stubborn("86401.25", "while :; do sleep 86401.25; done"));
    world.spec.limits = Limits::wall(Duration::from_secs(2));
    let started = Instant::now();
    let seen = world.run();
    assert_eq!(seen.finished.exit, Exit::Limit(Limit::Wall));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(seen.finished.left_running >= 4, "{:?}", seen.finished);
    assert_eq!(marked("86401.25"), 0);
}

fn what_a_program_leaves_behind_is_killed() {
    let seen = World::script(&stubborn("86402.25", "sleep 0.3; exit 0")).run();
    assert_eq!(seen.finished.exit, Exit::Code(0));
    assert_eq!(marked("86402.25"), 0);
    assert!((3..=4).contains(&seen.finished.left_running), "{:?}", seen.finished);
}

fn a_killed_builder_takes_everything_with_it() {
    let dir = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the builder to be killed")]
    let mut builder = std::process::Command::new(std::env::current_exe().unwrap())
        .arg(BUILDER)
        .arg(dir.path())
        .arg(stubborn("86403.25", "touch started; while :; do sleep 86403.25; done"))
        .process_group(0)
        .spawn()
        .unwrap();
    eventually("the program runs", || dir.path().join("out/started").exists());
    eventually("its daemons run", || marked("sleep\x0086403.25") >= 3);
    builder.kill().unwrap();
    builder.wait().unwrap();
    eventually("nothing is left", || marked("86403.25") == 0);
}

fn builders_killed_at_any_moment() {
    for moment in 0..30 {
        let dir = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the builder to be killed")]
        let mut builder = std::process::Command::new(std::env::current_exe().unwrap())
            .arg(BUILDER)
            .arg(dir.path())
            .arg(stubborn("86406.25", "while :; do sleep 86406.25; done"))
            .process_group(0)
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(moment * 700));
        builder.kill().unwrap();
        builder.wait().unwrap();
    }
    eventually("nothing is left", || marked("86406.25") == 0);
    // Nor does anything come late, from a supervisor that was only starting.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(marked("86406.25"), 0);
}

fn a_killed_probe_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let [store, temporary] = ["store", "tmp"].map(|name| dir.path().join(name));
    fs::create_dir(&temporary).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the builder to be killed")]
    let mut builder = std::process::Command::new(std::env::current_exe().unwrap())
        .arg(PROBER)
        .arg(&store)
        .env("TMPDIR", &temporary)
        .process_group(0)
        .spawn()
        .unwrap();
    let names = || {
        let entries = fs::read_dir(store.join("v1/tmp")).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.collect::<Vec<_>>()
    };
    eventually("it tries", || {
        names().iter().any(|name| store.join("v1/tmp").join(name).join("control").exists())
    });
    builder.kill().unwrap();
    builder.wait().unwrap();
    eventually("its supervisor ends", || marked(&store.display().to_string()) == 0);
    let _store = Store::open(&store).unwrap();
    assert!(names().iter().all(|name| name.starts_with("session-")), "{:?}", names());
    assert_eq!(fs::read_dir(temporary).unwrap().count(), 0);
}

fn still_being_written() {
    let mut world = World::script("");
    let program = world.path("out/program");
    fs::copy("/bin/true", &program).unwrap();
    let writer = fs::File::options().write(true).open(&program).unwrap();
    world.spec.argv = vec!["/out/program".into()];
    let closer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(writer);
    });
    let seen = world.run();
    closer.join().unwrap();
    assert_eq!(seen.finished.exit, Exit::Code(0));
}

fn a_killed_supervisor() {
    let world = World::script("exec sleep 86404.25");
    let control = world.spec.control.display().to_string();
    let killer = std::thread::spawn(move || {
        eventually("the program runs", || marked("sleep\x0086404.25") == 1);
        // The warden is a copy, with the same command line, and younger.
        let supervisor = *pids(&control).iter().min().unwrap();
        kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
    });
    let seen = world.run();
    killer.join().unwrap();
    let Exit::Lost(why) = seen.finished.exit else { panic!("{:?}", seen.finished) };
    assert!(why.contains("signal: 9 (SIGKILL)"), "{why}");
    assert_eq!(marked("86404.25"), 0);
}

fn a_dropped_run_is_stopped() {
    let world = World::script(&stubborn("86405.25", "while :; do sleep 86405.25; done"));
    block_on(async {
        let sandbox = sandbox();
        let run = send(sandbox.run(&world.spec, drop));
        tokio::time::timeout(Duration::from_millis(500), run).await.unwrap_err();
    });
    eventually("nothing is left", || marked("86405.25") == 0);
}

fn the_report_is_complete() {
    let mut world = World::script("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 0.2");
    world.spec.limits.memory = Some(1 << 30);
    let seen = world.run();
    let usage = seen.finished.usage;
    assert!(usage.wall >= Duration::from_millis(200) && usage.wall < Duration::from_secs(30));
    assert!(usage.user > Duration::from_millis(5), "{usage:?}");
    assert!((1 << 18..1 << 28).contains(&usage.peak_memory_bytes), "{usage:?}");
    // Kernels count for a group, some of them only for its limit.
    let charged = usage.charged_memory_bytes;
    assert!(charged.is_none_or(|bytes| (1 << 16..1 << 30).contains(&bytes)), "{usage:?}");
    if seen.finished.held.memory == Holder::Sampling {
        assert_eq!(charged, None);
    } else if Path::new("/sys/fs/cgroup/memory/memory.max_usage_in_bytes").exists() {
        assert!(charged.is_some(), "{usage:?}");
    }
    assert_eq!(seen.finished.level, Level::Full);
    assert_eq!(seen.finished.level.to_string(), "full");
    assert_eq!(seen.finished.left_running, 0);
    // What every program reads at its start is not missed.
    let opened = seen.finished.opened.unwrap();
    assert!(opened.undeclared.is_empty(), "{opened:?}");
}

fn paths_and_arguments_need_not_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let odd = OsStr::from_bytes(b"od\xffd");
    let mut world = World::script("printf '%s' \"$0$V\"");
    world.spec.argv.push(odd.into());
    world.spec.env.insert("V".into(), odd.into());
    world.spec.cwd = Path::new("/out").join(odd);
    fs::create_dir(world.path("out").join(odd)).unwrap();
    assert_eq!(world.run().finished.exit, Exit::Code(0));
    assert_eq!(fs::read(&world.spec.stdout).unwrap(), b"od\xffdod\xffd");
}
