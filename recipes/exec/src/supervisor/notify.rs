//! Undeclared reads: what a program tries to open that exists, but not for it.
//!
//! The kernel stops each call that opens a file until this process has looked at its path. That is
//! evidence for people and no defence: the view alone decides what the program gets.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::IoSliceMut;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::sys;
use super::view::Visible;
use crate::sandbox::Finished;

/// The longest path that the kernel takes.
const PATH_MAX: usize = 4096;

/// How long the last calls may take to be looked at when no process is left.
const PATIENCE: Duration = Duration::from_secs(2);

/// A thread that looks at paths while the run goes on.
pub(super) struct Observer {
    seen: Receiver<BTreeSet<String>>,
}

impl Observer {
    /// Looks at the calls that wait at `listener`, by a program that starts in `cwd` and sees what
    /// is `visible`.
    pub(super) fn start(listener: OwnedFd, cwd: PathBuf, visible: Vec<Visible>) -> Observer {
        let (done, seen) = mpsc::channel();
        thread::spawn(move || {
            let undeclared = listen(&listener, &cwd, &visible);
            // Nobody listens when the supervisor lost its patience.
            done.send(undeclared).ok();
        });
        Observer { seen }
    }

    /// What was tried, if that is known; to be called when no process of the run is left.
    pub(super) fn finish(self) -> Option<BTreeSet<String>> {
        self.seen.recv_timeout(PATIENCE).ok()
    }
}

fn listen(listener: &OwnedFd, cwd: &Path, visible: &[Visible]) -> BTreeSet<String> {
    let mut undeclared = BTreeSet::new();
    loop {
        let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return undeclared,
        }
        let events = ready[0].revents().unwrap_or(PollFlags::POLLHUP);
        if events.contains(PollFlags::POLLIN) {
            // A process can die between asking and being heard.
            let Ok(waiting) = sys::receive(listener.as_fd()) else { continue };
            let path = path(&waiting, cwd).filter(|_| !makes(&waiting));
            let hidden = path.filter(|path| !visible.iter().any(|shown| shown.has(path)));
            // Only what is there can be missed.
            let hidden = hidden.filter(|path| path.symlink_metadata().is_ok_and(|at| !at.is_dir()));
            sys::let_go(listener.as_fd(), &waiting);
            if let Some(path) = hidden
                && undeclared.len() < Finished::UNDECLARED
            {
                undeclared.insert(path.to_string_lossy().into_owned());
            }
        } else if !events.is_empty() {
            return undeclared;
        }
    }
}

/// Whether a call makes the file if need be: that is the run's own, whatever else has its name.
fn makes(waiting: &sys::Waiting) -> bool {
    #[cfg(target_arch = "x86_64")]
    let first = waiting.call == libc::SYS_open;
    #[cfg(not(target_arch = "x86_64"))]
    let first = false;
    // The flags of openat2 are behind a pointer.
    let flags = match waiting.call {
        _ if first => waiting.args[1],
        libc::SYS_openat => waiting.args[2],
        _ => 0,
    };
    flags & u64::from(libc::O_CREAT.cast_unsigned()) != 0
}

/// The path that a call is about, from the root, by a program that started in `cwd`.
fn path(waiting: &sys::Waiting, cwd: &Path) -> Option<PathBuf> {
    #[cfg(target_arch = "x86_64")]
    let first = waiting.call == libc::SYS_open;
    #[cfg(not(target_arch = "x86_64"))]
    let first = false;
    let [at, second, ..] = waiting.args;
    let (folder, name) = if first { (libc::AT_FDCWD, at) } else { (at as libc::c_int, second) };
    let bytes = text(waiting.pid, usize::try_from(name).ok()?)?;
    let path = Path::new(OsStr::from_bytes(&bytes));
    if path.is_absolute() {
        return Some(absolute(cwd, path));
    }
    Some(absolute(&folder_of(waiting.pid, folder).unwrap_or_else(|| cwd.to_path_buf()), path))
}

/// The directory, as the process sees it, that its relative paths start at.
fn folder_of(pid: Pid, folder: libc::c_int) -> Option<PathBuf> {
    let link = match folder {
        libc::AT_FDCWD => format!("/proc/{pid}/cwd"),
        open => format!("/proc/{pid}/fd/{open}"),
    };
    std::fs::read_link(link).ok().filter(|path| path.is_absolute())
}

/// The bytes up to a zero in another process, read page by page since the next may be missing.
fn text(pid: Pid, address: usize) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    while found.len() < PATH_MAX {
        let base = address.checked_add(found.len())?;
        let mut page = vec![0; PATH_MAX - base % PATH_MAX];
        let remote = [RemoteIoVec { base, len: page.len() }];
        let read = process_vm_readv(pid, &mut [IoSliceMut::new(&mut page)], &remote).ok()?;
        let page = page.get(..read).filter(|page| !page.is_empty())?;
        match page.iter().position(|byte| *byte == 0) {
            Some(end) => {
                found.extend_from_slice(&page[..end]);
                return Some(found);
            }
            None => found.extend_from_slice(page),
        }
    }
    None
}

/// The path from the root, without looking at any file.
fn absolute(cwd: &Path, path: &Path) -> PathBuf {
    let mut found = PathBuf::from("/");
    for part in cwd.join(path).components() {
        match part {
            Component::Normal(name) => found.push(name),
            Component::ParentDir => drop(found.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_followed_from_where_the_program_starts() {
        let at = |path: &str| absolute(Path::new("/work"), Path::new(path));
        assert_eq!(at("/home/a/../b"), Path::new("/home/b"));
        assert_eq!(at("data.csv"), Path::new("/work/data.csv"));
        assert_eq!(at("../../../etc/./shadow"), Path::new("/etc/shadow"));
    }

    #[test]
    fn folders_are_those_of_the_process() {
        use std::os::fd::AsRawFd as _;
        let dir = tempfile::tempdir().unwrap();
        let open = std::fs::File::open(dir.path()).unwrap();
        assert_eq!(folder_of(Pid::this(), open.as_raw_fd()).as_deref(), Some(dir.path()));
        let here = std::path::absolute(".").unwrap();
        assert_eq!(folder_of(Pid::this(), libc::AT_FDCWD), Some(here));
        assert_eq!(folder_of(Pid::this(), 9999), None);
    }

    #[test]
    fn text_is_read_up_to_its_end() {
        let long = [b"x".repeat(3 * PATH_MAX), b"\0after".to_vec()].concat();
        assert_eq!(text(Pid::this(), long.as_ptr().addr()), None);
        let short = b"/a/path\0after";
        assert_eq!(text(Pid::this(), short.as_ptr().addr()), Some(b"/a/path".to_vec()));
    }
}
