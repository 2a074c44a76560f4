//! Processes: too many of them, such as live on, and other people's.

use std::fs;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use libc::{c_int, c_long, c_void};
use rescience_exec::sandbox::{Exit, Finished};

use super::{Told, Trick, fork, kill, no_read, no_write, raw, refused, sleep_long};

/// The tricks of this kind.
pub(super) const TRICKS: &[Trick] = &[
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
];

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
    let report = Finished { told: true, ..Finished::without_evidence(Exit::Code(7)) };
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
