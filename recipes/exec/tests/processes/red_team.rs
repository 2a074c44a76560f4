//! The red team: every trick of the hostile program is contained, with a reason on record, and
//! nothing outside has changed. As whoever runs the tests, and again as an ordinary user.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::unistd::Uid;
use rescience_exec::sandbox::{Access, Exit, Finished, Limit, Limits, Shown, Spec};

use crate::Test;
use crate::support::{World, marked};
use crate::villain::{TRICKS, VILLAIN};

pub(crate) const TESTS: &[Test] = &[
    ("every_trick_is_contained", every_trick_is_contained),
    ("every_trick_is_contained_for_an_ordinary_user", for_an_ordinary_user),
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
}

fn fate(trick: &str) -> Fate {
    match trick {
        "fork-bomb" | "thread-bomb" => Fate::Over(Limit::Processes),
        "relaunch" | "ignore-term" => Fate::Over(Limit::Wall),
        "disk-one-file" | "disk-many-files" | "disk-sparse" | "disk-temporary" => {
            Fate::Over(Limit::Disk)
        }
        "memory" | "memory-threads" | "memory-shared" => Fate::Over(Limit::Memory),
        "memory-files" => Fate::HeldOr(Limit::Memory),
        "log-flood" => Fate::Over(Limit::Log),
        "burn" => Fate::Over(Limit::Cpu),
        _ => Fate::Held,
    }
}

fn every_trick_is_contained() {
    assert_eq!(team(), Vec::<String>::new());
}

/// Runs all tricks; what went wrong, in words.
fn team() -> Vec<String> {
    assert!(TRICKS.len() >= 40, "{}", TRICKS.len());
    let outside = Outside::new();
    TRICKS.iter().filter_map(|(name, _)| outside.attempt(name).err()).collect()
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
    let output = std::process::Command::new(&binary)
        .arg(TEAM)
        .env_clear()
        .env("TMPDIR", dir.path())
        .current_dir(dir.path())
        .uid(12_345)
        .gid(12_345)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// Is the red team of another user.
pub(crate) fn main() -> ExitCode {
    let failures = team();
    failures.iter().for_each(|failure| println!("{failure}"));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the hostile program must not reach.
struct Outside {
    world: World,
    tcp: TcpListener,
    udp: UdpSocket,
    socket: UnixListener,
    name: String,
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
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let name = format!("rescience-red-team-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixListener::bind_addr(&address).unwrap();
        socket.set_nonblocking(true).unwrap();
        Outside { world, tcp, udp, socket, name }
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
        let as_expected = match fate(trick) {
            Fate::Held => held,
            Fate::Over(limit) => over(limit),
            Fate::HeldOr(limit) => held || over(limit),
        };
        if !as_expected {
            return Err(told("another end"));
        }
        if trick == "daemon" {
            self.daemon_is_gone(&finished, &dir.join("out/alive")).map_err(|what| told(&what))?;
        }
        if trick == "read-outside" && !finished.undeclared.contains(&self.path("secret")) {
            return Err(told("nobody saw what it opened"));
        }
        if began.elapsed() > Duration::from_secs(60) {
            return Err(told("it took too long"));
        }
        self.unharmed(&dir).map_err(|what| told(&what))?;
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

    fn unharmed(&self, dir: &Path) -> Result<(), String> {
        for victim in VICTIMS {
            if fs::read_to_string(self.world.path(victim)).ok().as_deref() != Some("as it was") {
                return Err(format!("{victim} was changed"));
            }
        }
        if self.tcp.accept().is_ok() || self.socket.accept().is_ok() {
            return Err("somebody connected".to_owned());
        }
        if self.udp.recv(&mut [0; 16]).is_ok() {
            return Err("a packet arrived".to_owned());
        }
        // The supervisor and all below it have the directory's name in their command lines.
        let left = marked(&dir.display().to_string());
        if left == 0 { Ok(()) } else { Err(format!("{left} processes are left")) }
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
        Spec {
            argv: ["/program/villain", VILLAIN, trick].map(OsString::from).to_vec(),
            cwd: "/out".into(),
            env: env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            limits: Limits {
                cpu: Some(if trick == "burn" { Duration::from_secs(1) } else { Duration::MAX }),
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
        }
    }
}

fn wall(trick: &str) -> Duration {
    match fate(trick) {
        Fate::Over(Limit::Wall) => Duration::from_millis(600),
        _ => Duration::from_secs(50),
    }
}
