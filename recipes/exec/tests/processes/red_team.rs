//! The red team: every trick of the hostile program is contained, with a reason on record, and
//! nothing outside has changed. As whoever runs the tests, and again as an ordinary user.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Uid;
use rescience_exec::sandbox::{Access, Exit, Finished, Isolation, Limit, Limits, Shown, Spec};

use crate::Test;
use crate::support::{World, eventually, marked};
use crate::villain::{VILLAIN, tricks};

pub(crate) const TESTS: &[Test] = &[
    ("every_trick_is_contained", every_trick_is_contained),
    ("every_trick_is_contained_for_an_ordinary_user", for_an_ordinary_user),
    ("what_needs_no_namespaces_is_held_without_them", without_namespaces),
    ("without_a_sandbox_a_run_is_reported_and_ended_all_the_same", without_sandbox),
];

/// The hidden argument that runs the red team alone, as another user.
pub(crate) const TEAM: &str = "__red_team";

/// What must come of a trick.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// The program says that it was held.
    Held,
    /// It is killed at a limit.
    Over(Limit),
    /// It is held, or killed at this limit, whichever the kernel comes to first.
    HeldOr(Limit),
    /// It dies of this signal.
    Signal(Signal),
    /// The supervisor is lost.
    Lost,
}

/// The tricks beside those called `read-` that try to open what exists, but not for them.
const READS: [&str; 7] =
    ["climb", "own-root", "symlink", "shared-link", "numbered-cwd", "execute-outside", "script"];

fn fate(trick: &str) -> Fate {
    match trick {
        "fork-bomb" | "thread-bomb" => Fate::Over(Limit::Processes),
        "relaunch" | "ignore-term" => Fate::Over(Limit::Wall),
        "disk-one-file" | "disk-many-files" | "disk-sparse" | "disk-temporary"
        | "disk-unreadable" | "disk-unlinked" | "disk-mapped" | "disk-in-flight" | "disk-deep" => {
            Fate::Over(Limit::Disk)
        }
        "memory"
        | "memory-threads"
        | "memory-brief"
        | "memory-shared"
        | "memory-nameless"
        | "memory-mapped"
        | "memory-in-flight"
        | "memory-first-thread"
        | "memory-tables"
        | "memory-segments" => Fate::Over(Limit::Memory),
        "memory-files" | "memory-semaphores" | "memory-messages" => Fate::HeldOr(Limit::Memory),
        "file-size-signal" => Fate::Signal(Signal::SIGXFSZ),
        "log-flood" => Fate::Over(Limit::Log),
        "burn" | "burn-children" => Fate::Over(Limit::Cpu),
        _ => Fate::Held,
    }
}

fn every_trick_is_contained() {
    assert_eq!(team(), Vec::<String>::new());
}

/// Runs all tricks; what went wrong, in words.
fn team() -> Vec<String> {
    assert!(tricks().count() >= 40, "{}", tricks().count());
    let outside = Outside::new();
    tricks().filter_map(|(name, _)| outside.attempt(name).err()).collect()
}

/// A root's tests become an ordinary user's for the second time.
fn for_an_ordinary_user() {
    if !Uid::current().is_root() {
        // Then the first time was one already.
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let binary = dir.path().join("team");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the same tests as somebody else")]
    let mut command = std::process::Command::new(&binary);
    command
        .arg(TEAM)
        .env_clear()
        .env("TMPDIR", dir.path())
        .current_dir(dir.path())
        .uid(12_345)
        .gid(12_345);
    let output = loop {
        match command.output() {
            // Another test was just starting a process, which still has the copy open for writing.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            output => break output.unwrap(),
        }
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// The tricks that are held by what a process can do to itself.
const WITHOUT_NAMESPACES: [&str; 16] = [
    "lease",
    "others-limits",
    "read-outside",
    "read-relative",
    "execute-outside",
    "write-outside",
    "device-node",
    "open-devices",
    "mounts",
    "open-tree",
    "connect",
    "abstract-socket",
    "named-socket",
    "io-uring",
    "clone-namespace",
    "capabilities",
];

fn without_namespaces() {
    assert_eq!(team_without_namespaces(), Vec::<String>::new());
}

fn team_without_namespaces() -> Vec<String> {
    let outside = Outside { isolation: Isolation::Partial, ..Outside::new() };
    WITHOUT_NAMESPACES.iter().filter_map(|trick| outside.attempt(trick).err()).collect()
}

fn without_sandbox() {
    assert_eq!(team_without_sandbox(), Vec::<String>::new());
}

/// What is held though a program has its user's rights.
fn team_without_sandbox() -> Vec<String> {
    let outside = Outside { isolation: Isolation::None, ..Outside::new() };
    let tricks = ["kill-supervisor", "forge-report"];
    tricks.iter().filter_map(|trick| outside.attempt(trick).err()).collect()
}

/// Is the red team of another user.
pub(crate) fn main() -> ExitCode {
    let failures = [team(), team_without_namespaces(), team_without_sandbox()].concat();
    failures.iter().for_each(|failure| println!("{failure}"));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the hostile program must not reach.
struct Outside {
    world: World,
    tcp: TcpListener,
    udp: UdpSocket,
    socket: UnixListener,
    named: UnixListener,
    _datagrams: UnixDatagram,
    name: String,
    isolation: Isolation,
}

/// Files that must stay as they are, below the world.
const VICTIMS: [&str; 4] = ["secret", "rescience.toml", "other/out/metrics.json", "input/data"];

impl Outside {
    fn new() -> Outside {
        let world = World::script("");
        for victim in VICTIMS {
            let path = world.path(victim);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "as it was").unwrap();
        }
        symlink(world.path("secret"), world.path("input/link")).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let name = world.dir.path().file_name().unwrap().to_string_lossy().into_owned();
        let name = format!("rescience-red-team-{name}");
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixListener::bind_addr(&address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let named = UnixListener::bind(world.path("socket")).unwrap();
        named.set_nonblocking(true).unwrap();
        let datagrams = UnixDatagram::bind(world.path("datagrams")).unwrap();
        let isolation = Isolation::Full;
        Outside { world, tcp, udp, socket, named, _datagrams: datagrams, name, isolation }
    }

    /// Runs one trick in a fresh directory; `Err` is what is wrong.
    fn attempt(&self, trick: &str) -> Result<(), String> {
        let dir = self.world.path(&format!("tricks/{trick}"));
        let spec = self.spec(&dir, trick);
        let began = Instant::now();
        let finished = self.world.run_spec(&spec);
        let said = fs::read(&spec.stdout).unwrap_or_default();
        let said = String::from_utf8_lossy(&said[..said.len().min(300)]).into_owned();
        let told = |what: &str| format!("{trick}: {what}: {finished:?} {said}");
        if said.contains("BREACH") {
            return Err(told("a way out"));
        }
        let held = finished.exit == Exit::Code(0) && said.starts_with("held: ");
        let over = |limit| finished.exit == Exit::Limit(limit);
        let can_kill = trick == "kill-supervisor" && self.isolation == Isolation::None;
        let as_expected = match if can_kill { Fate::Lost } else { fate(trick) } {
            Fate::Held => held,
            Fate::Over(limit) => over(limit),
            Fate::HeldOr(limit) => held || over(limit),
            Fate::Signal(signal) => finished.exit == Exit::Signal(signal as i32),
            Fate::Lost => matches!(finished.exit, Exit::Lost(_)),
        };
        if !as_expected {
            return Err(told("another end"));
        }
        if trick == "daemon" {
            self.daemon_is_gone(&finished, &dir.join("out/alive")).map_err(|what| told(&what))?;
        }
        let secret = self.path("secret");
        let reads = trick.starts_with("read-") || READS.contains(&trick);
        let opened = finished.opened.as_ref();
        if reads && !opened.is_some_and(|opened| opened.undeclared.contains(&secret)) {
            return Err(told("nobody saw what it opened"));
        }
        if trick.starts_with("mapped-") {
            let library = finished.measured.libraries.get("/out/x\\012y");
            // On a busy machine it may be mapped only between two looks.
            if library.is_some_and(|library| library.build_id.is_some()) {
                return Err(told("another file passes for what it mapped"));
            }
        }
        let least = if trick == "burn-children" { Duration::from_secs(1) } else { Duration::ZERO };
        if finished.usage.user + finished.usage.system < least {
            return Err(told("it used more than is known"));
        }
        if began.elapsed() > Duration::from_secs(60) {
            return Err(told("it took too long"));
        }
        self.unharmed(&dir, trick).map_err(|what| told(&what))?;
        if !["odd-outputs", "set-user-id"].contains(&trick) {
            // A million files are not kept while others run.
            fs::remove_dir_all(&dir).map_err(|error| told(&error.to_string()))?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    fn daemon_is_gone(&self, finished: &Finished, sign: &Path) -> Result<(), String> {
        fs::remove_file(sign).map_err(|_| "the daemon never ran".to_owned())?;
        std::thread::sleep(Duration::from_millis(50));
        match finished.left_running >= 1 && !sign.exists() {
            true => Ok(()),
            false => Err("a daemon lives on".to_owned()),
        }
    }

    /// A trick's name and which team's it is: others run at the same time.
    fn mark(&self, trick: &str) -> String {
        format!("{trick}\0{}", self.name)
    }

    fn unharmed(&self, dir: &Path, trick: &str) -> Result<(), String> {
        for victim in VICTIMS {
            if fs::read_to_string(self.world.path(victim)).ok().as_deref() != Some("as it was") {
                return Err(format!("{victim} was changed"));
            }
        }
        if self.tcp.accept().is_ok() || self.socket.accept().is_ok() || self.named.accept().is_ok()
        {
            return Err("somebody connected".to_owned());
        }
        if self.udp.recv(&mut [0; 16]).is_ok() {
            return Err("a packet arrived".to_owned());
        }
        // What the program became and forked has the trick's name in its command line, and the
        // supervisor and the warden, which may be clearing up, have the directory's.
        let left = marked(&format!("{VILLAIN}\0{}\0", self.mark(trick)));
        if left > 0 {
            return Err(format!("{left} processes are left"));
        }
        eventually("the run is cleared up", || marked(&dir.display().to_string()) == 0);
        Ok(())
    }

    fn spec(&self, dir: &Path, trick: &str) -> Spec {
        let show = |from: PathBuf, at: &str, access| Shown { from, at: at.into(), access };
        let [out, tmp, program] = ["out", "tmp", "program"].map(|name| {
            let path = dir.join(name);
            fs::create_dir_all(&path).unwrap();
            path
        });
        let binary = std::env::current_exe().unwrap();
        fs::write(program.join("villain"), "").unwrap();
        let port = |address: std::io::Result<std::net::SocketAddr>| address.unwrap().port();
        let env = BTreeMap::from([
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("WORLD", self.world.path("").display().to_string().trim_end_matches('/').to_owned()),
            ("TCP_PORT", port(self.tcp.local_addr()).to_string()),
            ("UDP_PORT", port(self.udp.local_addr()).to_string()),
            ("ABSTRACT", self.name.clone()),
        ]);
        let spec = Spec {
            argv: ["/program/villain", VILLAIN, trick, &self.name].map(OsString::from).to_vec(),
            cwd: "/out".into(),
            env: env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            limits: Limits {
                cpu: Some(if trick.starts_with("burn") {
                    Duration::from_secs(1)
                } else {
                    Duration::MAX
                }),
                memory: Some(256 << 20),
                disk: Some(64 << 20),
                processes: Some(40),
                files: Some(64),
                log: 1 << 20,
                ..Limits::wall(wall(trick))
            },
            control: dir.join("control"),
            stdout: dir.join("stdout"),
            stderr: dir.join("stderr"),
            shown: vec![
                show(program, "/program", Access::Read),
                show(binary, "/program/villain", Access::Read),
                show(self.world.path("input"), "/input", Access::Read),
                show(out, "/out", Access::Write),
                show(tmp, "/tmp", Access::Write),
            ],
            ..self.world.spec.clone()
        };
        if self.isolation == Isolation::Full { spec } else { self.in_place(spec) }
    }

    /// The same where everything stays where it is.
    fn in_place(&self, mut spec: Spec) -> Spec {
        let place = |shown: &Shown| Shown { at: shown.from.clone(), ..shown.clone() };
        spec.argv[0] = std::env::current_exe().unwrap().into();
        spec.cwd = spec.shown[3].from.clone();
        spec.shown = spec.shown.iter().map(place).collect();
        spec.isolation = self.isolation;
        spec
    }
}

fn wall(trick: &str) -> Duration {
    match fate(trick) {
        Fate::Over(Limit::Wall) => Duration::from_millis(600),
        _ => Duration::from_secs(50),
    }
}
