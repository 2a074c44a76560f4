//! The kernel's corners, which no experiment needs.

use std::fs;

use libc::c_long;

use super::{Told, Trick, raw, refused};

/// The tricks of this kind.
pub(super) const TRICKS: &[Trick] = &[
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
];

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
