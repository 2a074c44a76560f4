//! Undeclared reads: what a program tries to open that exists, but not for it.
//!
//! The kernel stops each call that opens or executes a file until this process has looked at its path.
//! That is evidence for people and no defence: the view alone decides what the program gets.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::IoSliceMut;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::follow::{follow, link};
use super::sys;
use super::view::Visible;
use crate::sandbox::Finished;

/// The longest path that the kernel takes.
const PATH_MAX: usize = 4096;

/// The names of folders in which Python finds packages.
const PACKAGES: [&str; 2] = ["site-packages", "dist-packages"];

/// The most of these that are kept.
const MOST_PACKAGES: usize = 64;

/// How long the last calls may take to be looked at when no process is left.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a program was seen to open.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// What exists, but not for it.
    pub(super) undeclared: BTreeSet<String>,
    /// Folders of packages for Python that exist for it, in the order in which it opened them.
    pub(super) packages: Vec<PathBuf>,
}

/// A thread that looks at paths while the run goes on.
pub(super) struct Observer {
    seen: Receiver<Opened>,
}

impl Observer {
    /// Looks at the calls that wait at `listener`, by a program that starts in `cwd` and sees what
    /// is `visible`.
    pub(super) fn start(listener: OwnedFd, cwd: PathBuf, visible: Vec<Visible>) -> Observer {
        let (done, seen) = mpsc::channel();
        thread::spawn(move || {
            let opened = listen(&listener, &cwd, &visible);
            // Nobody listens when the supervisor lost its patience.
            done.send(opened).ok();
        });
        Observer { seen }
    }

    /// What was opened, if that is known; to be called when no process of the run is left.
    pub(super) fn finish(self) -> Option<Opened> {
        self.seen.recv_timeout(PATIENCE).ok()
    }
}

fn listen(listener: &OwnedFd, cwd: &Path, visible: &[Visible]) -> Opened {
    let mut opened = Opened::default();
    loop {
        let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return opened,
        }
        let events = ready[0].revents().unwrap_or(PollFlags::POLLHUP);
        if events.contains(PollFlags::POLLIN) {
            // A process can die between asking and being heard.
            let Ok(waiting) = sys::receive(listener.as_fd()) else { continue };
            let asked = path(&waiting, cwd).filter(|_| !makes(&waiting));
            if let Some(path) = asked.and_then(|path| follow(&path, waiting.pid, visible)) {
                opened.note(path, visible);
            }
            sys::let_go(listener.as_fd(), &waiting);
        } else if !events.is_empty() {
            return opened;
        }
    }
}

impl Opened {
    fn note(&mut self, path: PathBuf, visible: &[Visible]) {
        if !visible.iter().any(|shown| shown.has(&path)) {
            // Only what is there can be missed.
            let exists = path.symlink_metadata().is_ok_and(|at| !at.is_dir());
            if exists && self.undeclared.len() < Finished::UNDECLARED {
                self.undeclared.insert(path.to_string_lossy().into_owned());
            }
        } else if PACKAGES.iter().any(|name| path.ends_with(name))
            && self.packages.len() < MOST_PACKAGES
            && !self.packages.contains(&path)
        {
            self.packages.push(path);
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

/// The path that a call is about, from the root and with all its links, by a program that started
/// in `cwd`.
fn path(waiting: &sys::Waiting, cwd: &Path) -> Option<PathBuf> {
    #[cfg(target_arch = "x86_64")]
    let alone = matches!(waiting.call, libc::SYS_open | libc::SYS_execve);
    #[cfg(not(target_arch = "x86_64"))]
    let alone = waiting.call == libc::SYS_execve;
    let [first, second, ..] = waiting.args;
    // The others are told a directory first.
    let (folder, name) =
        if alone { (libc::AT_FDCWD, first) } else { (first as libc::c_int, second) };
    let bytes = text(waiting.pid, usize::try_from(name).ok()?)?;
    let path = Path::new(OsStr::from_bytes(&bytes));
    if path.is_absolute() {
        return Some(path.to_path_buf());
    }
    Some(folder_of(waiting.pid, folder).unwrap_or_else(|| cwd.to_path_buf()).join(path))
}

/// The directory, as the process sees it, that its relative paths start at.
fn folder_of(pid: Pid, folder: libc::c_int) -> Option<PathBuf> {
    match folder {
        libc::AT_FDCWD => link(pid, "cwd"),
        open => link(pid, &format!("fd/{open}")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_where_the_call_says() {
        let name = c"data.csv";
        let waiting = |call, args: [u64; 2]| {
            let args = [args[0], args[1], 0, 0, 0, 0];
            sys::Waiting::of(Pid::this(), call, args)
        };
        let at = |pointer: *const libc::c_char| pointer.addr() as u64;
        let here = std::path::absolute("data.csv").unwrap();
        let cwd = Path::new("/work");
        let here_folder = i64::from(libc::AT_FDCWD).cast_unsigned();
        for (call, args) in [
            (libc::SYS_openat, [here_folder, at(name.as_ptr())]),
            (libc::SYS_execveat, [here_folder, at(name.as_ptr())]),
            (libc::SYS_execve, [at(name.as_ptr()), 0]),
        ] {
            assert_eq!(path(&waiting(call, args), cwd).as_ref(), Some(&here), "{call}");
        }
        // A directory that is not open is not known.
        let closed = waiting(libc::SYS_openat, [9999, at(name.as_ptr())]);
        assert_eq!(path(&closed, cwd), Some("/work/data.csv".into()));
        let root = c"/etc/../home";
        let absolute = waiting(libc::SYS_openat, [9999, at(root.as_ptr())]);
        assert_eq!(path(&absolute, cwd), Some("/etc/../home".into()));
    }

    #[test]
    fn what_makes_a_file_is_no_read() {
        let flags = |bits: libc::c_int| u64::from(bits.cast_unsigned());
        let call = |call, args| makes(&sys::Waiting::of(Pid::this(), call, args));
        let new = flags(libc::O_CREAT | libc::O_WRONLY);
        assert!(call(libc::SYS_openat, [0, 0, new, 0, 0, 0]));
        assert!(!call(libc::SYS_openat, [0, new, flags(libc::O_WRONLY), new, 0, 0]));
        #[cfg(target_arch = "x86_64")]
        assert!(call(libc::SYS_open, [0, new, 0, 0, 0, 0]));
        // Its second argument is a list of words, its third one of variables.
        assert!(!call(libc::SYS_execve, [0, new, new, 0, 0, 0]));
    }

    #[test]
    fn folders_of_packages_are_kept_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let visible = [Visible::new("/usr", dir.path())];
        let mut opened = Opened::default();
        let mut note = |path: &str| {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
            opened.note(Path::new("/usr").join(path), &visible);
        };
        for path in ["lib/b/site-packages", "lib/a/dist-packages", "lib/b/site-packages", "lib"] {
            note(path);
        }
        opened.note("/usr/absent/site-packages".into(), &visible);
        let expected = ["/usr/lib/b/site-packages", "/usr/lib/a/dist-packages"];
        assert_eq!(opened.packages, expected.map(PathBuf::from));
        assert!(opened.undeclared.is_empty());
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
