//! Time, logs, open files and limits; secrets, and outputs that are hard to take.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{Error, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Told, Trick, fork, kill};

/// The tricks of this kind.
pub(super) const TRICKS: &[Trick] = &[
    ("file-size-signal", file_size_signal),
    ("log-flood", log_flood),
    ("burn", burn),
    ("burn-children", burn_children),
    ("open-files", open_files),
    ("raise-limits", raise_limits),
    ("environment", environment),
    ("odd-outputs", odd_outputs),
];

/// What the kernel says to who writes too much, from somebody who wrote nothing.
fn file_size_signal() -> Told {
    kill(std::process::id().cast_signed(), libc::SIGXFSZ);
    Err("it lives".to_owned())
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
