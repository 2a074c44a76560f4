//! What a program opens: files that exist, but not for it, and folders where Python finds packages.
//!
//! The kernel stops each call that opens or executes a file until this process has looked at its path.
//! That is evidence for people and no defence: the view alone decides what the program gets.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{IoSliceMut, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::follow::{Asked, Led, Sight, path_of};
use super::processes::link;
use super::sys;
use crate::facts::python::is_python;
use crate::sandbox::{Looked, Opened};

/// The longest path that the kernel takes.
const PATH_MAX: usize = 4096;

/// The most bytes of a script's first line that the kernel looks at.
const FIRST_LINE: u64 = 256;

/// The names of folders in which Python finds packages.
const PACKAGES: [&str; 2] = ["site-packages", "dist-packages"];

/// How long the last calls may take to be looked at when no process is left.
const PATIENCE: Duration = Duration::from_secs(2);

/// A thread that looks at paths while the run goes on.
pub(super) struct Observer {
    seen: Receiver<Opened>,
}

impl Observer {
    /// Looks at the calls that wait at `listener`, by a program that starts in `cwd`.
    pub(super) fn start(listener: OwnedFd, cwd: PathBuf, sight: Sight) -> Observer {
        let (done, seen) = mpsc::channel();
        thread::spawn(move || {
            let opened = listen(&listener, &cwd, &sight);
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

fn listen(listener: &OwnedFd, cwd: &Path, sight: &Sight) -> Opened {
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
            // Before it goes on: then its root may be gone.
            let found = asked(&waiting, cwd)
                .and_then(|asked| Found::of(&asked, executes(&waiting), waiting.pid, sight));
            // If it was killed meanwhile, its number may be somebody else's by now.
            if let Some(found) = found.filter(|_| sys::still_waits(listener.as_fd(), &waiting)) {
                opened.keep(found);
            }
            sys::let_go(listener.as_fd(), &waiting);
        } else if !events.is_empty() {
            return opened;
        }
    }
}

/// What is worth keeping of a call.
enum Found {
    Missed(PathBuf),
    Looked(Looked),
}

impl Found {
    fn of(asked: &Asked, executes: bool, process: Pid, sight: &Sight) -> Option<Found> {
        match sight.look(asked, process) {
            Led::Nowhere => None,
            Led::Hidden(path) => Some(Found::Missed(path)),
            // What the kernel executes for a script is opened by no call.
            Led::Seen(script) if executes => {
                let path = interpreter(&script)?;
                match sight.look(&Asked { path, through: true, directory: false }, process) {
                    Led::Hidden(path) => Some(Found::Missed(path)),
                    Led::Seen(_) | Led::Nowhere => None,
                }
            }
            Led::Seen(folder) if asked.directory => {
                let folder = path_of(&folder)?;
                PACKAGES.iter().find(|name| folder.ends_with(name))?;
                let program = link(process, "exe").filter(|program| is_python(program))?;
                Some(Found::Looked(Looked { program, folder }))
            }
            Led::Seen(_) => None,
        }
    }
}

impl Opened {
    fn keep(&mut self, found: Found) {
        match found {
            Found::Missed(path) if self.undeclared.len() < Opened::UNDECLARED => {
                self.undeclared.insert(path.to_string_lossy().into_owned());
            }
            Found::Looked(looked)
                if self.packages.len() < Opened::PACKAGES && !self.packages.contains(&looked) =>
            {
                self.packages.push(looked);
            }
            Found::Missed(_) | Found::Looked(_) => {}
        }
    }
}

/// The program that the kernel executes for a script, if this is one.
fn interpreter(script: &File) -> Option<PathBuf> {
    let meta = script.metadata().ok()?;
    // The kernel executes nothing else, and of its own files, which a look can change, none.
    if !meta.is_file() || meta.mode() & 0o111 == 0 {
        return None;
    }
    let path = format!("/proc/self/fd/{}", script.as_raw_fd());
    let again = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    let mut line = Vec::new();
    again.take(FIRST_LINE).read_to_end(&mut line).ok()?;
    let line = line.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let path = line.trim_ascii_start().split(blank).next()?;
    Some(PathBuf::from(OsStr::from_bytes(path))).filter(|path| path.is_absolute())
}

fn executes(waiting: &sys::Waiting) -> bool {
    matches!(waiting.call, libc::SYS_execve | libc::SYS_execveat)
}

/// Whether `open` is the call, which newer machines do without.
fn is_open(waiting: &sys::Waiting) -> bool {
    #[cfg(target_arch = "x86_64")]
    return waiting.call == libc::SYS_open;
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// How a file is opened, where that can be told.
fn flags(waiting: &sys::Waiting) -> u64 {
    match waiting.call {
        _ if is_open(waiting) => waiting.args[1],
        libc::SYS_openat => waiting.args[2],
        // The first of the numbers that it is told by their place.
        libc::SYS_openat2 => number(waiting.pid, waiting.args[2]).unwrap_or(0),
        _ => 0,
    }
}

/// A number in another process.
fn number(pid: Pid, address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    let remote = [RemoteIoVec { base: usize::try_from(address).ok()?, len: bytes.len() }];
    let read = process_vm_readv(pid, &mut [IoSliceMut::new(&mut bytes)], &remote).ok()?;
    (read == bytes.len()).then(|| u64::from_ne_bytes(bytes))
}

/// The path that a call is about, by a program that started in `cwd`. None of a call that makes the
/// file if need be: that is the run's own, whatever else has its name.
fn asked(waiting: &sys::Waiting, cwd: &Path) -> Option<Asked> {
    let has = |flag: libc::c_int| flags(waiting) & u64::from(flag.cast_unsigned()) != 0;
    if has(libc::O_CREAT) {
        return None;
    }
    let alone = is_open(waiting) || waiting.call == libc::SYS_execve;
    let [first, second, ..] = waiting.args;
    // The others are told a directory first.
    let (folder, name) =
        if alone { (libc::AT_FDCWD, first) } else { (first as libc::c_int, second) };
    let bytes = text(waiting.pid, usize::try_from(name).ok()?)?;
    let path = Path::new(OsStr::from_bytes(&bytes));
    let folder = || folder_of(waiting.pid, folder);
    let path = match path.is_absolute() {
        true => path.to_path_buf(),
        // A file that is open is executed by that alone.
        false if bytes.is_empty() && waiting.call == libc::SYS_execveat => folder()?,
        false if bytes.is_empty() => return None,
        false => folder().unwrap_or_else(|| cwd.to_path_buf()).join(path),
    };
    let (through, directory) = (!has(libc::O_NOFOLLOW), has(libc::O_DIRECTORY));
    Some(Asked { path, through, directory })
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

    fn waiting(call: libc::c_long, args: [u64; 3]) -> sys::Waiting {
        sys::Waiting::of(Pid::this(), call, [args[0], args[1], args[2], 0, 0, 0])
    }

    const HERE: u64 = i64::from_ne_bytes((libc::AT_FDCWD as i64).to_ne_bytes()).cast_unsigned();

    fn at(text: &std::ffi::CStr) -> u64 {
        text.as_ptr().addr() as u64
    }

    fn bits(flags: libc::c_int) -> u64 {
        flags.cast_unsigned().into()
    }

    #[test]
    fn paths_start_where_the_call_says() {
        let name = c"data.csv";
        let cwd = Path::new("/work");
        let ask = |call, args| asked(&waiting(call, args), cwd).unwrap();
        let path = std::path::absolute("data.csv").unwrap();
        let here = Asked { path, through: true, directory: false };
        for (call, args) in [
            (libc::SYS_openat, [HERE, at(name), 0]),
            (libc::SYS_execveat, [HERE, at(name), 0]),
            (libc::SYS_execve, [at(name), 0, 0]),
        ] {
            assert_eq!(ask(call, args), here, "{call}");
        }
        // A directory that is not open is not known.
        assert_eq!(ask(libc::SYS_openat, [9999, at(name), 0]).path, Path::new("/work/data.csv"));
        let root = c"/etc/../home";
        assert_eq!(ask(libc::SYS_openat, [9999, at(root), 0]).path, Path::new("/etc/../home"));
        let itself = ask(libc::SYS_openat, [HERE, at(name), bits(libc::O_NOFOLLOW)]);
        assert!(!itself.through);
        let how = [bits(libc::O_DIRECTORY | libc::O_NOFOLLOW), 0, 0];
        let how = ask(libc::SYS_openat2, [HERE, at(name), how.as_ptr().addr() as u64]);
        assert!(how.directory && !how.through);
        // A file that is open, by nothing but that.
        let open = tempfile::NamedTempFile::new().unwrap();
        let number = u64::try_from(open.as_file().as_raw_fd()).unwrap();
        assert_eq!(ask(libc::SYS_execveat, [number, at(c""), 0]).path, open.path());
        let nothing = waiting(libc::SYS_openat, [HERE, at(c""), 0]);
        assert_eq!(asked(&nothing, cwd), None);
    }

    #[test]
    fn what_makes_a_file_is_no_read() {
        let name = at(c"x");
        let new = bits(libc::O_CREAT | libc::O_WRONLY);
        let asks = |call, args| asked(&waiting(call, args), Path::new("/")).is_some();
        assert!(!asks(libc::SYS_openat, [HERE, name, new]));
        assert!(asks(libc::SYS_openat, [HERE, name, bits(libc::O_WRONLY)]));
        let how = [new, 0, 0];
        assert!(!asks(libc::SYS_openat2, [HERE, name, how.as_ptr().addr() as u64]));
        #[cfg(target_arch = "x86_64")]
        assert!(!asks(libc::SYS_open, [name, new, 0]));
        // Its second argument is a list of words, its third one of variables.
        assert!(asks(libc::SYS_execve, [name, new, new]));
    }

    #[test]
    fn scripts_name_what_is_executed_for_them() {
        let file = |text: &[u8]| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(interpreter(file.as_file()), None, "it is not executable");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            std::fs::set_permissions(file.path(), mode).unwrap();
            interpreter(&File::open(file.path()).unwrap())
        };
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(file(b"#!/venv/bin/python\nprint()\n"), path("/venv/bin/python"));
        assert_eq!(file(b"#! \t/bin/sh -eu"), path("/bin/sh"));
        for none in [&b"#!python\n"[..], b"/bin/sh\n", b"#!", b"", b"\x7fELF"] {
            assert_eq!(file(none), None, "{none:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(interpreter(&File::open(dir.path()).unwrap()), None);
    }

    #[test]
    fn no_more_is_kept_than_anybody_reads() {
        let mut opened = Opened::default();
        let looked = |n: usize| Looked { program: "/p".into(), folder: format!("/{n}").into() };
        for n in 0..2 * Opened::PACKAGES {
            opened.keep(Found::Looked(looked(n)));
            opened.keep(Found::Looked(looked(0)));
            opened.keep(Found::Missed(format!("/{n}").into()));
        }
        let kept: Vec<_> = (0..Opened::PACKAGES).map(looked).collect();
        assert_eq!(opened.packages, kept);
        assert_eq!(opened.undeclared.len(), Opened::UNDECLARED);
    }

    #[test]
    fn folders_are_those_of_the_process() {
        use std::os::fd::AsRawFd as _;
        let dir = tempfile::tempdir().unwrap();
        let open = File::open(dir.path()).unwrap();
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
