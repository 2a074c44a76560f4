//! A hostile program: each trick is one way out that must be shut. It says `held: WHY` where it
//! was, and `BREACH: WHAT` where it was not; some only end when they are killed.

#![expect(unsafe_code, reason = "what is hostile asks the kernel itself")]
#![expect(clippy::print_stdout, reason = "it is a program")]
#![expect(clippy::disallowed_methods, reason = "it is a program, and not a polite one")]

use std::ffi::{CString, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{Error, IoSlice, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use libc::{c_int, c_long, c_void};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rescience_exec::sandbox::{Exit, Finished, Held, Level, Log, Usage};

/// The hidden argument that makes this binary a hostile program: `VILLAIN TRICK`.
pub(crate) const VILLAIN: &str = "__villain";

/// Why a trick did not work, or what it got.
type Told = Result<String, String>;

/// A trick by its name.
type Trick = (&'static str, fn() -> Told);

pub(crate) const TRICKS: &[Trick] = &[
    // Processes.
    ("fork-bomb", fork_bomb),
    ("thread-bomb", thread_bomb),
    ("daemon", daemon),
    ("relaunch", relaunch),
    ("ignore-term", ignore_term),
    ("kill-parent", kill_parent),
    ("stop-parent", stop_parent),
    ("kill-everyone", kill_everyone),
    ("kill-supervisor", kill_supervisor),
    ("forge-report", forge_report),
    ("see-processes", see_processes),
    ("ptrace-parent", || refused(|| raw(libc::SYS_ptrace, [16, 1, 0, 0, 0, 0]))),
    ("process-vm-writev", process_vm_writev),
    ("parents-memory", || no_write("/proc/1/mem")),
    ("parents-root", || no_read("/proc/1/root/etc/passwd")),
    ("parents-environment", || no_read("/proc/1/environ")),
    ("parents-files", || no_read("/proc/1/fd/0")),
    ("pidfd-getfd", || refused(|| raw(libc::SYS_pidfd_getfd, [0, 0, 0, 0, 0, 0]))),
    // Files.
    ("write-program", || no_write("/program/new")),
    ("write-input", || no_write("/input/data")),
    ("write-system", || no_write("/usr/lib/new").and_then(|_| no_write("/etc/passwd"))),
    ("write-root", || no_write("/new")),
    ("read-outside", || no_read(&target("secret"))),
    ("read-relative", read_relative),
    ("write-outside", || no_write(&target("secret")).and_then(|_| no_write(&target("new")))),
    ("edit-recipe", || no_write(&target("rescience.toml"))),
    ("others-output", || no_write(&target("other/out/metrics.json"))),
    ("edit-limits", || no_write(&target("control/spec.json"))),
    ("climb", || no_read(&format!("/out/../../../../../..{}", target("secret")))),
    ("own-root", || no_read(&format!("/proc/self/root{}", target("secret")))),
    ("symlink", symlink),
    ("hard-link", hard_link),
    ("bind-mount", || refused(|| mount("/usr", "/out", libc::MS_BIND))),
    ("remount", || refused(|| mount("", "/program", libc::MS_REMOUNT | libc::MS_BIND))),
    ("mount-proc", || refused(|| mount("proc", "/out", 0))),
    ("unmount", || refused(|| raw(libc::SYS_umount2, [c"/proc".as_ptr() as _, 2, 0, 0, 0, 0]))),
    ("mounts", mounts),
    ("open-tree", || refused(|| raw(libc::SYS_open_tree, [-100, c"/".as_ptr() as _, 1, 0, 0, 0]))),
    ("chroot", || refused(|| raw(libc::SYS_chroot, [c"/out".as_ptr() as _, 0, 0, 0, 0, 0]))),
    ("pivot-root", || refused(|| raw(libc::SYS_pivot_root, [c"/out".as_ptr() as _; 6]))),
    ("handles", || refused(|| raw(libc::SYS_open_by_handle_at, [0, 0, 0, 0, 0, 0]))),
    ("device-node", device_node),
    ("devices", devices),
    ("open-devices", open_devices),
    ("mapped-pipe", || mapped(&|path| mkfifo(path).map(drop))),
    ("mapped-link", || mapped(&|path| std::os::unix::fs::symlink("/bin/sh", path))),
    ("set-user-id", set_user_id),
    ("kernel-settings", || no_write("/proc/sys/kernel/core_pattern")),
    ("magic-key", || no_write("/proc/sysrq-trigger")),
    ("kernel-memory", || no_read("/proc/kcore").and_then(|_| no_read("/proc/keys"))),
    ("control-groups", || no_write("/sys/fs/cgroup/cgroup.procs")),
    ("cpu-governor", || no_write("/sys/devices/system/cpu/cpu0/online")),
    // The network.
    ("connect", connect),
    ("datagram", datagram),
    ("families", families),
    ("abstract-socket", abstract_socket),
    ("named-socket", named_socket),
    ("name-server", || no_read("/etc/resolv.conf")),
    ("network-settings", network_settings),
    // The kernel's corners.
    ("io-uring", || refused(|| raw(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0]))),
    ("userfaultfd", || refused(|| raw(libc::SYS_userfaultfd, [1, 0, 0, 0, 0, 0]))),
    ("bpf", || refused(|| raw(libc::SYS_bpf, [0, 0, 0, 0, 0, 0]))),
    ("keys", keys),
    ("perf", || refused(|| raw(libc::SYS_perf_event_open, [0, 0, -1, -1, 0, 0]))),
    ("unshare", || refused(|| raw(libc::SYS_unshare, [libc::CLONE_NEWUSER as _, 0, 0, 0, 0, 0]))),
    ("clone-namespace", clone_namespace),
    ("clone3", || refused(|| raw(libc::SYS_clone3, [0, 0, 0, 0, 0, 0]))),
    ("setns", || refused(|| raw(libc::SYS_setns, [0, 0, 0, 0, 0, 0]))),
    ("set-clock", set_clock),
    ("host-name", || refused(|| raw(libc::SYS_sethostname, [c"x".as_ptr() as _, 1, 0, 0, 0, 0]))),
    ("reboot", || refused(|| raw(libc::SYS_reboot, [0, 0, 0, 0, 0, 0]))),
    ("module", || refused(|| raw(libc::SYS_init_module, [0, 0, 0, 0, 0, 0]))),
    ("swap", || refused(|| raw(libc::SYS_swapon, [c"/out/x".as_ptr() as _, 0, 0, 0, 0, 0]))),
    ("type-for-terminal", || refused(|| raw(libc::SYS_ioctl, [0, libc::TIOCSTI as _, 0, 0, 0, 0]))),
    ("capabilities", capabilities),
    ("lease", || refused(|| raw(libc::SYS_fcntl, [0, libc::F_SETLEASE as _, 0, 0, 0, 0]))),
    ("others-limits", others_limits),
    // Resources.
    ("shared-files", shared_files),
    ("disk-one-file", || fill(|_| true)),
    ("disk-many-files", disk_many_files),
    ("disk-sparse", disk_sparse),
    ("disk-temporary", || fill_below(Path::new("/tmp"))),
    ("disk-unreadable", disk_unreadable),
    ("disk-unlinked", disk_unlinked),
    ("disk-mapped", disk_mapped),
    ("disk-in-flight", disk_in_flight),
    ("disk-deep", disk_deep),
    ("memory", memory),
    ("memory-threads", memory_threads),
    ("memory-shared", memory_shared),
    ("memory-files", memory_files),
    ("memory-nameless", memory_nameless),
    ("memory-mapped", memory_mapped),
    ("memory-in-flight", memory_in_flight),
    ("memory-first-thread", memory_first_thread),
    ("memory-tables", memory_tables),
    ("memory-segments", memory_segments),
    ("memory-semaphores", memory_semaphores),
    ("memory-messages", memory_messages),
    ("file-size-signal", file_size_signal),
    ("log-flood", log_flood),
    ("burn", burn),
    ("burn-children", burn_children),
    ("open-files", open_files),
    ("raise-limits", raise_limits),
    // Secrets, and claims.
    ("environment", environment),
    ("odd-outputs", odd_outputs),
];

/// Is the hostile program.
pub(crate) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let wanted = args.next().unwrap_or_default();
    let Some((_, trick)) = TRICKS.iter().find(|(name, _)| *name == wanted) else {
        println!("no such trick");
        return ExitCode::from(64);
    };
    match trick() {
        Ok(why) => println!("held: {why}"),
        Err(what) => {
            println!("BREACH: {what}");
            return ExitCode::from(66);
        }
    }
    ExitCode::SUCCESS
}

/// A path outside, below the world of the test.
fn target(name: &str) -> String {
    let world = std::env::var("WORLD").unwrap_or_default();
    format!("{world}/{name}")
}

fn raw(call: c_long, args: [c_long; 6]) -> Result<c_long, Error> {
    let [a, b, c, d, e, f] = args;
    // SAFETY: none is needed: the kernel checks what it is given, and this process may break.
    let done = unsafe { libc::syscall(call, a, b, c, d, e, f) };
    if done < 0 { Err(Error::last_os_error()) } else { Ok(done) }
}

/// Holds if the kernel says that it is not permitted, or that there is no such thing; that the
/// arguments are wrong would mean that it looked at them.
fn refused(call: impl FnOnce() -> Result<c_long, Error>) -> Told {
    match call() {
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOSYS)) =>
        {
            Ok(error.to_string())
        }
        Err(error) => Err(format!("the kernel was asked: {error}")),
        Ok(_) => Err("it worked".to_owned()),
    }
}

/// A limit of the parent's, by which it would be killed when it writes.
fn others_limits() -> Told {
    let none = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let limit = libc::RLIMIT_FSIZE as c_long;
    // SAFETY: it asks for a number.
    let parent = unsafe { libc::getppid() };
    refused(|| {
        raw(libc::SYS_prlimit64, [parent.max(1).into(), limit, (&raw const none) as _, 0, 0, 0])
    })
}

/// Empty files in memory, each of which takes a kilobyte of the kernel's.
fn shared_files() -> Told {
    const MANY: usize = 200_000;
    for count in 0..MANY {
        if let Err(error) = File::create(format!("/dev/shm/{count}")) {
            return Ok(format!("after {count}: {error}"));
        }
    }
    Err(format!("{MANY} files in memory"))
}

fn no_read(path: &str) -> Told {
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(100).read_to_string(&mut text)) {
        Err(error) => Ok(format!("{path}: {error}")),
        Ok(0) => Ok(format!("{path} is empty")),
        Ok(_) => Err(format!("{path} says {text:?}")),
    }
}

fn no_write(path: &str) -> Told {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    match opened.and_then(|mut file| file.write_all(b"villain")) {
        Err(error) => Ok(format!("{path}: {error}")),
        Ok(()) => Err(format!("wrote to {path}")),
    }
}

fn read_relative() -> Told {
    std::env::set_current_dir("/").map_err(|error| error.to_string())?;
    no_read(target("secret").trim_start_matches('/'))
}

fn mkfifo(path: &str) -> Result<c_int, Error> {
    let path = CString::new(path).unwrap_or_default();
    // SAFETY: a pipe with a name.
    match unsafe { libc::mkfifo(path.as_ptr(), 0o600) } {
        0 => Ok(0),
        _ => Err(Error::last_os_error()),
    }
}

/// Maps code from a file whose name has a line feed, which lists of mappings print as `\012`, and
/// puts something else where the printed name leads.
fn mapped(lure: &dyn Fn(&str) -> Result<(), Error>) -> Told {
    let told = |error: Error| error.to_string();
    lure("x\\012y").map_err(told)?;
    fs::copy("/bin/sh", "x\ny").map_err(told)?;
    let file = File::open("x\ny").map_err(told)?;
    let protection = libc::PROT_READ | libc::PROT_EXEC;
    // SAFETY: a new mapping of a file that nobody changes.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), 4096, protection, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
    };
    if at == libc::MAP_FAILED {
        return Err(told(Error::last_os_error()));
    }
    // While somebody looks.
    std::thread::sleep(Duration::from_millis(800));
    Ok("nobody followed".to_owned())
}

/// What looks at mounts, or changes them, by newer calls.
fn mounts() -> Told {
    let root = c"/".as_ptr() as c_long;
    refused(|| raw(467, [-100, root, 0, 0, 0, 0]))?;
    refused(|| raw(457, [0, 0, 0, 0, 0, 0]))?;
    refused(|| raw(458, [0, 0, 0, 0, 0, 0]))?;
    refused(|| raw(libc::SYS_quotactl_fd, [-1, 0, 0, 0, 0, 0]))
}

/// Opening these does nothing, whoever may do it.
fn open_devices() -> Told {
    for name in ["kmsg", "mem", "port", "ptmx", "fuse", "kvm", "loop-control", "vda", "sda"] {
        no_open(&format!("/dev/{name}"))?;
    }
    Ok("none of them".to_owned())
}

fn no_open(path: &str) -> Told {
    match File::open(path) {
        Err(error) => Ok(format!("{path}: {error}")),
        Ok(_) => Err(format!("it opened {path}")),
    }
}

fn sleep_long() -> Told {
    std::thread::sleep(Duration::from_secs(120));
    Err("it was let sleep".to_owned())
}

fn fork() -> c_int {
    // SAFETY: this program has one thread where it forks.
    unsafe { libc::fork() }
}

fn fork_bomb() -> Told {
    loop {
        if fork() < 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn thread_bomb() -> Told {
    loop {
        let spawned = std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
            std::thread::sleep(Duration::from_secs(120));
        });
        if spawned.is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn daemon() -> Told {
    if fork() == 0 {
        // SAFETY: a session of its own.
        unsafe { libc::setsid() };
        if fork() == 0 {
            // SAFETY: what the program ignores from now on.
            unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
            loop {
                std::thread::sleep(Duration::from_millis(5));
                fs::write("/out/alive", "x").ok();
            }
        }
        std::process::exit(0);
    }
    std::thread::sleep(Duration::from_millis(100));
    Ok("it left a daemon".to_owned())
}

fn relaunch() -> Told {
    use std::os::unix::process::CommandExt as _;
    std::thread::sleep(Duration::from_millis(20));
    let error = Command::new("/program/villain").args(std::env::args_os().skip(1)).exec();
    Err(error.to_string())
}

fn ignore_term() -> Told {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGXCPU] {
        // SAFETY: it ignores signals.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    sleep_long()
}

fn kill(pid: c_int, signal: c_int) -> c_int {
    // SAFETY: a signal.
    unsafe { libc::kill(pid, signal) }
}

fn kill_parent() -> Told {
    let parent = std::os::unix::process::parent_id().cast_signed();
    kill(parent, libc::SIGKILL);
    std::thread::sleep(Duration::from_millis(100));
    let now = std::os::unix::process::parent_id().cast_signed();
    if now == parent { Ok(format!("{parent} lives")) } else { Err(format!("{parent} is gone")) }
}

fn stop_parent() -> Told {
    kill(std::os::unix::process::parent_id().cast_signed(), libc::SIGSTOP);
    Ok("a stopped parent would never tell the end".to_owned())
}

fn kill_everyone() -> Told {
    kill(-1, libc::SIGKILL);
    Ok("nobody was there".to_owned())
}

/// The warden and the supervisor, as far as they can be seen.
fn above() -> Vec<c_int> {
    let parent = |pid: c_int| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok().filter(|pid| *pid > 0)
    };
    let warden = parent(std::process::id().cast_signed());
    warden.into_iter().chain(warden.and_then(parent)).collect()
}

/// Leaves daemons, and kills who would end them.
fn kill_supervisor() -> Told {
    let above = above();
    for _ in 0..4 {
        if fork() == 0 {
            // SAFETY: a session of its own.
            unsafe { libc::setsid() };
            if fork() != 0 {
                std::process::exit(0);
            }
            std::thread::sleep(Duration::from_secs(120));
            std::process::exit(0);
        }
    }
    std::thread::sleep(Duration::from_millis(100));
    for pid in above.iter().rev() {
        kill(*pid, libc::SIGKILL);
    }
    std::thread::sleep(Duration::from_millis(100));
    Ok(format!("{above:?} live"))
}

/// Writes a report of its own wherever the real one may go.
fn forge_report() -> Told {
    let report = Finished {
        told: true,
        exit: Exit::Code(7),
        usage: Usage::default(),
        level: Level::None,
        stdout: Log::default(),
        stderr: Log::default(),
        left_running: 0,
        held: Held::default(),
        undeclared: Default::default(),
        observed: false,
        measured: Default::default(),
    };
    let line = format!("={}\n", serde_json::to_string(&report).map_err(|e| e.to_string())?);
    let own = [0, 1, 2].map(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).ok());
    let mut written = 0;
    for pid in above() {
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let link = fs::read_link(entry.path()).ok();
            let is_pipe = link.as_ref().is_some_and(|to| !to.is_absolute());
            if is_pipe && !own.contains(&link) {
                let opened = OpenOptions::new().write(true).open(entry.path());
                written +=
                    u32::from(opened.is_ok_and(|mut to| to.write_all(line.as_bytes()).is_ok()));
            }
        }
    }
    std::thread::sleep(Duration::from_millis(100));
    Ok(format!("{written} reports are not believed"))
}

fn see_processes() -> Told {
    let me = std::process::id().cast_signed();
    let seen: Vec<_> = (2..200_000).filter(|pid| *pid != me && kill(*pid, 0) == 0).collect();
    if seen.is_empty() { Ok("nobody".to_owned()) } else { Err(format!("it sees {seen:?}")) }
}

fn process_vm_writev() -> Told {
    let mut bytes = [0_u8; 8];
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast::<c_void>(), iov_len: 8 };
    let at = (&raw const local) as c_long;
    refused(|| raw(libc::SYS_process_vm_writev, [1, at, 1, at, 1, 0]))?;
    refused(|| raw(libc::SYS_process_vm_readv, [1, at, 1, at, 1, 0]))
}

fn symlink() -> Told {
    std::os::unix::fs::symlink(target("secret"), "/out/link").map_err(|e| e.to_string())?;
    no_write("/out/link").and_then(|_| no_read("/out/link"))
}

fn hard_link() -> Told {
    match fs::hard_link("/input/data", "/out/data") {
        Err(error) => Ok(error.to_string()),
        Ok(()) => Err("it linked an input".to_owned()),
    }
}

fn mount(from: &str, to: &str, flags: u64) -> Result<c_long, Error> {
    let (from, to) = (CString::new(from).unwrap_or_default(), CString::new(to).unwrap_or_default());
    let kind = c"proc".as_ptr() as c_long;
    let flags = c_long::try_from(flags).unwrap_or_default();
    raw(libc::SYS_mount, [from.as_ptr() as _, to.as_ptr() as _, kind, flags, 0, 0])
}

fn device_node() -> Told {
    let disk = c"disk".as_ptr() as c_long;
    // The first disk, and the memory of the machine.
    for (mode, number) in [(libc::S_IFBLK, 8 << 8), (libc::S_IFCHR, 1 << 8 | 1)] {
        refused(|| raw(libc::SYS_mknodat, [-100, disk, i64::from(mode | 0o600), number, 0, 0]))?;
    }
    Ok("no nodes".to_owned())
}

fn devices() -> Told {
    let allowed =
        ["null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr", "shm"];
    let entries = fs::read_dir("/dev").map_err(|error| error.to_string())?.flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let more: Vec<_> = names.filter(|name| !allowed.contains(&name.as_str())).collect();
    if more.is_empty() { Ok("the usual".to_owned()) } else { Err(format!("it sees {more:?}")) }
}

fn set_user_id() -> Told {
    let program = "/out/root";
    fs::copy("/bin/sh", program).map_err(|error| error.to_string())?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o6755)).map_err(|e| e.to_string())?;
    let id = Command::new(program).args(["-c", "id -u"]).output().map_err(|e| e.to_string())?;
    // SAFETY: it asks who it is, and to be root.
    let root = unsafe { libc::setuid(0) } == 0;
    match String::from_utf8_lossy(&id.stdout).trim() {
        "1000" if !root => Ok("still 1000".to_owned()),
        other => Err(format!("it is {other}, {root}")),
    }
}

fn connect() -> Told {
    let port = std::env::var("TCP_PORT").unwrap_or_default();
    match TcpStream::connect(format!("127.0.0.1:{port}")) {
        Err(error) => Ok(error.to_string()),
        Ok(_) => Err("it reached the machine's loopback".to_owned()),
    }
}

/// What is sent must not arrive; the test looks.
fn datagram() -> Told {
    let port = std::env::var("UDP_PORT").unwrap_or_default();
    let sent = UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.send_to(b"villain", format!("127.0.0.1:{port}")));
    Ok(format!("{sent:?}"))
}

fn families() -> Told {
    let allowed = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    for family in (0..=45).filter(|family| !allowed.contains(family)) {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET] {
            refused(|| raw(libc::SYS_socket, [family.into(), kind.into(), 0, 0, 0, 0]))
                .map_err(|what| format!("family {family}: {what}"))?;
        }
    }
    Ok("only local ones".to_owned())
}

fn abstract_socket() -> Told {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixStream};
    let name = std::env::var("ABSTRACT").unwrap_or_default();
    let address = SocketAddr::from_abstract_name(name).map_err(|error| error.to_string())?;
    match UnixStream::connect_addr(&address) {
        Err(error) => Ok(error.to_string()),
        Ok(_) => Err("it reached a process of the machine".to_owned()),
    }
}

/// A socket with a name in the file system, by a stream and by a pair that is pointed elsewhere.
fn named_socket() -> Told {
    use std::os::unix::net::UnixStream;
    if UnixStream::connect(target("socket")).is_ok() {
        return Err("it reached a process of the machine".to_owned());
    }
    // Pairs that stay pairs are anybody's.
    UnixStream::pair().map_err(|error| error.to_string())?;
    match UnixDatagram::pair().and_then(|(one, _)| one.connect(target("datagrams"))) {
        Err(error) => Ok(error.to_string()),
        Ok(()) => Err("it pointed a pair at a process of the machine".to_owned()),
    }
}

fn network_settings() -> Told {
    no_write("/proc/sys/net/ipv4/ip_forward")?;
    // A raw socket could forge packets.
    refused(|| raw(libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_RAW.into(), 1, 0, 0, 0]))
}

fn keys() -> Told {
    refused(|| raw(libc::SYS_keyctl, [0, -4, 0, 0, 0, 0]))?;
    refused(|| raw(libc::SYS_add_key, [0, 0, 0, 0, 0, 0]))?;
    refused(|| raw(libc::SYS_request_key, [0, 0, 0, 0, 0, 0]))
}

fn clone_namespace() -> Told {
    for flag in [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWNET, libc::CLONE_NEWPID] {
        let flags = c_long::from(flag | libc::SIGCHLD);
        refused(|| match raw(libc::SYS_clone, [flags, 0, 0, 0, 0, 0]) {
            Ok(0) => std::process::exit(0),
            other => other,
        })?;
    }
    Ok("none".to_owned())
}

fn set_clock() -> Told {
    let time = libc::timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
    let at = (&raw const time) as c_long;
    refused(|| raw(libc::SYS_clock_settime, [0, at, 0, 0, 0, 0]))?;
    refused(|| raw(libc::SYS_settimeofday, [at, 0, 0, 0, 0, 0]))?;
    refused(|| raw(libc::SYS_adjtimex, [at, 0, 0, 0, 0, 0]))
}

fn capabilities() -> Told {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or("?").trim().to_owned()
    };
    let mut sets = ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"].map(value).to_vec();
    // SAFETY: it asks who it is.
    if [0, 1000].contains(&unsafe { libc::geteuid() }) {
        // Root, and who had a namespace. Others may not lower their bound, and never reach it.
        sets.push(value("CapBnd:"));
    }
    let none = sets.iter().all(|set| set == "0000000000000000") && value("NoNewPrivs:") == "1";
    if none { Ok("none".to_owned()) } else { Err(format!("{sets:?}")) }
}

fn fill(go_on: impl Fn(u64) -> bool) -> Told {
    let mut file = File::create("/out/big").map_err(|error| error.to_string())?;
    let block = vec![7; 1 << 20];
    let mut written = 0;
    while go_on(written) {
        written += 1;
        file.write_all(&block).map_err(|error| error.to_string())?;
    }
    Err("it wrote all it wanted".to_owned())
}

fn fill_below(dir: &Path) -> Told {
    for number in 0.. {
        fs::write(dir.join(format!("part{number}")), vec![7; 4 << 20])
            .map_err(|e| e.to_string())?;
    }
    sleep_long()
}

fn disk_many_files() -> Told {
    for folder in 0..1000 {
        let folder = PathBuf::from(format!("/out/{folder}"));
        fs::create_dir(&folder).map_err(|error| error.to_string())?;
        for number in 0..1000 {
            File::create(folder.join(number.to_string())).map_err(|error| error.to_string())?;
        }
    }
    sleep_long()
}

fn disk_sparse() -> Told {
    for number in 0..64 {
        let file = File::create(format!("/out/sparse{number}")).map_err(|e| e.to_string())?;
        file.set_len(16 << 20).map_err(|error| error.to_string())?;
    }
    sleep_long()
}

/// Its owner cannot list the directory any more, but write in it.
fn disk_unreadable() -> Told {
    let dir = Path::new("/out/closed");
    fs::create_dir(dir).map_err(|error| error.to_string())?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o300)).map_err(|e| e.to_string())?;
    fill_some(|number| File::create(dir.join(number.to_string())))?;
    sleep_long()
}

fn disk_unlinked() -> Told {
    let mut open = Vec::new();
    fill_some(|number| {
        let file = File::create(format!("/out/{number}"))?;
        fs::remove_file(format!("/out/{number}"))?;
        open.push(file.try_clone()?);
        Ok(file)
    })?;
    sleep_long()
}

/// Deeper than a path can be long.
fn disk_deep() -> Told {
    let name = "x".repeat(250);
    for _ in 0..20 {
        fs::create_dir(&name)
            .and_then(|()| std::env::set_current_dir(&name))
            .map_err(|e| e.to_string())?;
    }
    fill_some(|number| File::create(number.to_string()))?;
    sleep_long()
}

/// Writes more than a run may, in files that are each within it.
fn fill_some(mut make: impl FnMut(u32) -> Result<File, Error>) -> Result<(), String> {
    for number in 0..8 {
        let written = make(number).and_then(|mut file| file.write_all(&vec![7; 16 << 20]));
        written.map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn memory() -> Told {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; 4 << 20]);
        std::hint::black_box(&kept);
    }
}

fn memory_threads() -> Told {
    let threads: Vec<_> = (0..16).map(|_| std::thread::spawn(memory)).collect();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Err("it had enough".to_owned())
}

fn memory_shared() -> Told {
    let size = 2 << 30;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: new memory, written below.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
    };
    if at == libc::MAP_FAILED {
        return Ok(Error::last_os_error().to_string());
    }
    for page in (0..size).step_by(4096) {
        // SAFETY: within the mapping.
        unsafe { at.cast::<u8>().add(page).write_volatile(1) };
    }
    Err("it had enough".to_owned())
}

fn memory_files() -> Told {
    for number in 0..64 {
        if let Err(error) = fs::write(format!("/dev/shm/{number}"), vec![7; 32 << 20]) {
            return Ok(error.to_string());
        }
    }
    Err("it had enough".to_owned())
}

/// A file in memory.
fn nameless() -> Result<File, Error> {
    // SAFETY: a new file.
    let fd = unsafe { libc::memfd_create(c"x".as_ptr(), 0) };
    // SAFETY: it is nobody else's.
    if fd < 0 { Err(Error::last_os_error()) } else { Ok(unsafe { File::from_raw_fd(fd) }) }
}

/// A file on the disk that has no name any more.
fn unlinked() -> Result<File, Error> {
    let file =
        File::create_new("x").and_then(|_| OpenOptions::new().read(true).write(true).open("x"));
    fs::remove_file("x")?;
    file
}

/// Makes files with much in them, slowly enough to be seen.
fn hoard(
    make: fn() -> Result<File, Error>,
    mut hide: impl FnMut(File) -> Result<(), Error>,
) -> Told {
    for _ in 0..48 {
        let hidden = make().and_then(|mut file| {
            file.write_all(&vec![7; 32 << 20])?;
            hide(file)
        });
        hidden.map_err(|error| error.to_string())?;
        std::thread::sleep(Duration::from_millis(20));
    }
    sleep_long()
}

/// Files in memory that are not mapped, and so in no process.
fn memory_nameless() -> Told {
    let mut open = Vec::new();
    hoard(nameless, |file| {
        open.push(file);
        Ok(())
    })
}

/// Keeps a file by its first page, which is not even touched.
fn map_and_close(file: File) -> Result<(), Error> {
    let flags = libc::MAP_SHARED;
    // SAFETY: a new mapping, which nobody uses.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, flags, file.as_raw_fd(), 0)
    };
    if at == libc::MAP_FAILED { Err(Error::last_os_error()) } else { Ok(()) }
}

fn memory_mapped() -> Told {
    hoard(nameless, map_and_close)
}

fn disk_mapped() -> Told {
    hoard(unlinked, map_and_close)
}

/// Keeps files in a socket that nobody receives them from.
fn in_flight(make: fn() -> Result<File, Error>) -> Told {
    let mut kept = Vec::new();
    hoard(make, |file| {
        let (from, to) = UnixDatagram::pair()?;
        let files = [file.as_raw_fd()];
        let message = [ControlMessage::ScmRights(&files)];
        let parts = [IoSlice::new(b"x")];
        sendmsg::<()>(from.as_raw_fd(), &parts, &message, MsgFlags::empty(), None)?;
        kept.push(to);
        Ok(())
    })
}

fn memory_in_flight() -> Told {
    in_flight(nameless)
}

fn disk_in_flight() -> Told {
    in_flight(unlinked)
}

/// The first thread ends, after which the process seems to have no memory.
fn memory_first_thread() -> Told {
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(50));
        memory()
    });
    raw(libc::SYS_exit, [0; 6]).map_err(|error| error.to_string())?;
    sleep_long()
}

/// Tables of pages that have nothing in them.
fn memory_tables() -> Told {
    let size = 1_usize << 40;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: new memory, which is only read.
    let at = unsafe {
        let at = libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ, flags, -1, 0);
        libc::madvise(at, size, libc::MADV_NOHUGEPAGE);
        at
    };
    if at == libc::MAP_FAILED {
        return Err(Error::last_os_error().to_string());
    }
    for place in (0..size).step_by(2 << 20) {
        // SAFETY: within the mapping.
        unsafe { at.cast::<u8>().add(place).read_volatile() };
    }
    sleep_long()
}

/// In the kernel's memory.
fn memory_semaphores() -> Told {
    for _ in 0..400 {
        // SAFETY: it takes numbers only.
        if unsafe { libc::semget(libc::IPC_PRIVATE, 32_000, 0o600) } < 0 {
            return Ok(Error::last_os_error().to_string());
        }
    }
    sleep_long()
}

fn memory_messages() -> Told {
    let message = [1_u8; 8 + 8000];
    for _ in 0..32_000 {
        // SAFETY: a new queue, and messages that are read from memory of their size.
        unsafe {
            let queue = libc::msgget(libc::IPC_PRIVATE, 0o600);
            if queue < 0 {
                return Ok(Error::last_os_error().to_string());
            }
            for _ in 0..2 {
                libc::msgsnd(queue, message.as_ptr().cast(), 8000, libc::IPC_NOWAIT);
            }
        }
    }
    sleep_long()
}

/// What the kernel says to who writes too much, from somebody who wrote nothing.
fn file_size_signal() -> Told {
    kill(std::process::id().cast_signed(), libc::SIGXFSZ);
    Err("it lives".to_owned())
}

/// Segments that no process is attached to.
fn memory_segments() -> Told {
    let size = 32 << 20;
    for _ in 0..32 {
        // SAFETY: a new segment, written while it is attached.
        unsafe {
            let id = libc::shmget(libc::IPC_PRIVATE, size, 0o600);
            let at = libc::shmat(id, std::ptr::null(), 0);
            if id < 0 || at.addr() == usize::MAX {
                return Err(Error::last_os_error().to_string());
            }
            at.cast::<u8>().write_bytes(7, size);
            libc::shmdt(at);
        }
    }
    sleep_long()
}

fn log_flood() -> Told {
    let line = vec![b'x'; 64 << 10];
    let mut out = std::io::stdout().lock();
    while out.write_all(&line).is_ok() {}
    Ok("nobody listens".to_owned())
}

fn burn() -> Told {
    let until = Instant::now() + Duration::from_secs(60);
    let threads: Vec<_> =
        (0..2).map(|_| std::thread::spawn(move || while Instant::now() < until {})).collect();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Err("it was let burn".to_owned())
}

/// Children that nobody waits for, so that no parent is told what they used.
fn burn_children() -> Told {
    // SAFETY: the kernel takes dead children away.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    for _ in 0..100 {
        let child = fork();
        if child == 0 {
            let until = Instant::now() + Duration::from_millis(600);
            while Instant::now() < until {}
            std::process::exit(0);
        }
        // SAFETY: it fails when no child is left.
        unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    }
    Err("it was let burn".to_owned())
}

fn open_files() -> Told {
    let mut open = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => open.push(file),
            Err(error) => return Ok(format!("{error} after {}", open.len())),
        }
        if open.len() > 100 {
            return Err("it has more than it may".to_owned());
        }
    }
}

fn raise_limits() -> Told {
    for (resource, name) in [
        (libc::RLIMIT_NOFILE, "open files"),
        (libc::RLIMIT_FSIZE, "size of files"),
        (libc::RLIMIT_NPROC, "processes"),
        (libc::RLIMIT_CORE, "core dumps"),
    ] {
        let limit = libc::rlimit { rlim_cur: 1 << 40, rlim_max: 1 << 40 };
        // SAFETY: it reads one structure.
        if unsafe { libc::setrlimit(resource, &raw const limit) } == 0 {
            return Err(format!("it raised its limit of {name}"));
        }
    }
    Ok(Error::last_os_error().to_string())
}

fn environment() -> Told {
    let known = ["PATH", "WORLD", "TCP_PORT", "UDP_PORT", "ABSTRACT"];
    let more: Vec<_> = std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    if more.is_empty() { Ok("what was given".to_owned()) } else { Err(format!("{more:?}")) }
}

/// What whoever takes the outputs has to cope with.
fn odd_outputs() -> Told {
    use std::os::unix::ffi::OsStrExt as _;
    let told = |error: Error| error.to_string();
    fs::create_dir("/out/locked").map_err(told)?;
    fs::write("/out/locked/inside", "x").map_err(told)?;
    fs::set_permissions("/out/locked", fs::Permissions::from_mode(0o000)).map_err(told)?;
    let odd = std::ffi::OsStr::from_bytes(b"/out/od\xffd\n");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o000)
        .open(odd)
        .map_err(told)?;
    // SAFETY: a pipe with a name.
    unsafe { libc::mkfifo(c"/out/pipe".as_ptr(), 0o600) };
    let socket = std::os::unix::net::UnixListener::bind("/out/socket").map_err(told)?;
    let mut deep = PathBuf::from("/out");
    for _ in 0..200 {
        deep.push("d");
    }
    fs::create_dir_all(deep).map_err(told)?;
    Ok(format!("{} and others are there", socket.as_raw_fd()))
}
