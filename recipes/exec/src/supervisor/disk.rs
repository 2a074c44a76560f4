//! The disk limit: what a run wrote, counted by a thread of its own since it can take its time.
//!
//! A program has its hands on all that is counted. It is walked by open directories and never by
//! paths, which can be longer than the kernel takes and lead elsewhere a moment later; and what
//! cannot be counted is over the limit, since it could be anything.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, chmod, fstat, openat, statat};
use rustix::io::Errno;

use super::{SAMPLE, files, processes};
use crate::sandbox::Limits;

/// Counts while a run goes on.
pub(super) struct Disk {
    written: Written,
    over: Arc<AtomicBool>,
    /// Closed when this is dropped, which ends the thread.
    _stop: Sender<()>,
}

impl Disk {
    /// Starts to count what lies in these directories and has no name on their file systems.
    pub(super) fn start(dirs: Vec<PathBuf>, most: u64) -> Disk {
        let written = Written::new(dirs, most);
        let over = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::channel::<()>();
        let (counted, found) = (written.clone(), Arc::clone(&over));
        thread::spawn(move || {
            let (mut next, mut free) = (Instant::now() + Duration::from_secs(1), counted.free());
            while stopped.recv_timeout(SAMPLE) == Err(RecvTimeoutError::Timeout) {
                // A walk over a million files takes its time, so there is one each second at most,
                // unless the file system fills fast.
                let now = counted.free();
                if Instant::now() < next && lost(&free, &now) <= most / 8 {
                    continue;
                }
                let began = Instant::now();
                if counted.is_over() {
                    found.store(true, Ordering::Relaxed);
                }
                free = now;
                next = Instant::now() + Duration::from_secs(1).max(began.elapsed() * 20);
            }
        });
        Disk { written, over, _stop: stop }
    }

    /// Whether the run was seen over its limit.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Ends the counting; whether the run was over its limit, or what it left is. Of a run that the
    /// kernel says was stopped there, it is enough to be at the limit.
    pub(super) fn finish(mut self, was_stopped: bool) -> bool {
        self.written.most -= u64::from(was_stopped && self.written.most > 0);
        self.is_over() || self.written.is_over()
    }
}

/// The bytes that are free, by the number of the file system.
type Free = BTreeMap<u64, u64>;

/// How much less is free on one of them than was: subvolumes of one disk have the same free space.
fn lost(then: &Free, now: &Free) -> u64 {
    let less = |(device, now): (&u64, &u64)| then.get(device).map(|then| then.saturating_sub(*now));
    now.iter().filter_map(less).max().unwrap_or(0)
}

#[derive(Clone)]
struct Written {
    dirs: Vec<PathBuf>,
    /// The file systems of the directories, each with one that lies on it.
    devices: BTreeMap<u64, PathBuf>,
    most: u64,
    /// What was free when there was first something that cannot be looked at; none while all can be.
    free_then: Arc<Mutex<Option<Free>>>,
}

/// More than a run may write, or nobody knows how much.
struct Over;

impl Written {
    fn new(dirs: Vec<PathBuf>, most: u64) -> Written {
        let device = |dir: &PathBuf| Some((fs::metadata(dir).ok()?.dev(), dir.clone()));
        let devices = dirs.iter().filter_map(device).collect();
        Written { dirs, devices, most, free_then: Arc::default() }
    }

    fn free(&self) -> Free {
        let free = |(device, dir): (&u64, &PathBuf)| {
            let found = nix::sys::statvfs::statvfs(dir).ok()?;
            Some((*device, found.blocks_free() * found.fragment_size()))
        };
        self.devices.iter().filter_map(free).collect()
    }

    /// Whether so much went from a file system, while there was something that cannot be looked at,
    /// that it is over the limit. Others write there too, for which reason it is not for long.
    fn hides_too_much(&self, hides: bool) -> bool {
        let mut then = self.free_then.lock().unwrap_or_else(PoisonError::into_inner);
        if !hides {
            *then = None;
            return false;
        }
        let now = self.free();
        lost(then.get_or_insert_with(|| now.clone()), &now) > self.most
    }

    fn is_over(&self) -> bool {
        let mut count = Count { total: 0, most: self.most };
        let is_own = |device| self.devices.contains_key(&device);
        let held = files::nameless(&processes::descendants(), is_own, None);
        if self.hides_too_much(held.more_on_disk) {
            return true;
        }
        let mut nameless = held.files.iter().filter(|file| is_own(file.device));
        nameless.any(|file| count.add(file.length.max(file.taken)).is_err())
            || self.dirs.iter().any(|dir| count.walk(dir).is_err())
    }
}

struct Count {
    total: u64,
    most: u64,
}

/// An open directory, and the names of those in it that were not walked yet.
struct Level {
    dir: OwnedFd,
    folders: Vec<CString>,
}

impl Count {
    fn add(&mut self, bytes: u64) -> Result<(), Over> {
        self.total = self.total.saturating_add(bytes);
        if self.total > self.most { Err(Over) } else { Ok(()) }
    }

    /// Adds all that lies below a directory. One descriptor is open for each level, so that what is
    /// nested deeper than this process can have files open is over the limit.
    fn walk(&mut self, path: &Path) -> Result<(), Over> {
        let mut levels = Vec::new();
        if let Some(level) = self.enter(open(path.as_os_str()).or_else(absent))? {
            levels.push(level);
        }
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.folders.pop() else {
                levels.pop();
                continue;
            };
            let below = open_readable(&level.dir, &name).or_else(absent);
            if let Some(level) = self.enter(below)? {
                levels.push(level);
            }
        }
        Ok(())
    }

    /// Adds what is in one directory.
    fn enter(&mut self, dir: Result<Option<OwnedFd>, Errno>) -> Result<Option<Level>, Over> {
        let Some(dir) = dir.map_err(|_| Over)? else { return Ok(None) };
        let mut folders = Vec::new();
        let again = dir.try_clone().map_err(|_| Over)?;
        for entry in Dir::new(again).map_err(|_| Over)? {
            let entry = entry.map_err(|_| Over)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let stat = match statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(_) => return Err(Over),
            };
            let kind = FileType::from_raw_mode(stat.st_mode);
            if kind == FileType::Directory {
                folders.push(name.to_owned());
            }
            // A file with holes takes its whole length in the store.
            let number = |value: i64| value.max(0).unsigned_abs();
            let taken = number(stat.st_blocks) * 512;
            let size = match kind {
                FileType::RegularFile => number(stat.st_size).max(taken),
                _ => taken,
            };
            self.add(size.max(Limits::ENTRY))?;
        }
        Ok(Some(Level { dir, folders }))
    }
}

/// What vanished meanwhile, or is no directory any more, holds nothing.
fn absent(errno: Errno) -> Result<Option<OwnedFd>, Errno> {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Ok(None),
        other => Err(other),
    }
}

/// Opens the outermost directory, from which a program may have taken the right to read it as well.
fn open(path: &std::ffi::OsStr) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(CWD, path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            chmod(path, Mode::RWXU)?;
            openat(CWD, path, flags, Mode::empty()).map(Some)
        }
        opened => opened.map(Some),
    }
}

/// Opens a directory in another, and gives its owner back the right to read it if need be: who
/// takes the outputs has to do so too.
fn open_readable(parent: &OwnedFd, name: &CString) -> Result<Option<OwnedFd>, Errno> {
    let place = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // A program that takes the right away again each time is over the limit in the end.
    for _ in 0..3 {
        let node = openat(parent, name, place | OFlags::PATH, Mode::empty())?;
        let mode = Mode::from_raw_mode(fstat(&node)?.st_mode);
        if !mode.contains(Mode::RUSR | Mode::XUSR) {
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&node));
            chmod(path, mode | Mode::RWXU)?;
        }
        match openat(&node, c".", OFlags::RDONLY | place, Mode::empty()) {
            Err(Errno::ACCESS) => {}
            opened => return opened.map(Some),
        }
    }
    Err(Errno::ACCESS)
}

/// Lets this process have as many files open as it may.
pub(super) fn raise_open_files() -> io::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_over(dir: &Path, most: u64) -> bool {
        Written::new(vec![dir.to_path_buf()], most).is_over()
    }

    #[test]
    fn files_count_by_their_length_and_entries_for_something() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("folder")).unwrap();
        fs::write(dir.path().join("folder/small"), "x").unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("link")).unwrap();
        let block = fs::metadata(dir.path().join("folder/small")).unwrap().blocks() * 512;
        let taken = |name: &str| {
            let meta = fs::symlink_metadata(dir.path().join(name)).unwrap();
            (meta.blocks() * 512).max(Limits::ENTRY)
        };
        let used = taken("folder") + taken("link") + block.max(Limits::ENTRY);
        assert!(is_over(dir.path(), used - 1));
        assert!(!is_over(dir.path(), used));
        fs::File::create(dir.path().join("holes")).unwrap().set_len(1 << 30).unwrap();
        assert!(is_over(dir.path(), used + (1 << 30) - 1));
        assert!(!is_over(dir.path(), used + (1 << 30)));
        assert!(!is_over(&dir.path().join("absent"), 0));
    }

    #[test]
    fn what_went_from_one_file_system_is_not_added_to_what_went_from_another() {
        let free = |bytes: [u64; 2]| Free::from([(1, bytes[0]), (2, bytes[1])]);
        assert_eq!(lost(&free([100, 100]), &free([70, 60])), 40);
        assert_eq!(lost(&free([100, 100]), &free([60, 70])), 40);
        assert_eq!(lost(&free([100, 100]), &free([120, 100])), 0);
        assert_eq!(lost(&Free::new(), &free([1, 1])), 0);
    }

    #[test]
    fn what_is_hidden_is_suspected_from_when_it_is_hidden() {
        let dir = tempfile::tempdir().unwrap();
        let written = Written::new(vec![dir.path().to_path_buf()], 10 << 20);
        let fill = |name| fs::write(dir.path().join(name), vec![7; 32 << 20]).unwrap();
        assert!(!written.hides_too_much(true));
        fill("a");
        assert!(written.hides_too_much(true));
        assert!(!written.hides_too_much(false));
        assert!(!written.hides_too_much(true), "it begins anew");
    }

    #[test]
    fn what_nobody_can_follow_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut at: OwnedFd = fs::File::open(dir.path()).unwrap().into();
        // Longer than any path, and then deeper than files can be open.
        let name = CString::new("x".repeat(250)).unwrap();
        for _ in 0..40 {
            rustix::fs::mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = openat(&at, &name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        }
        let each = (fs::metadata(dir.path().join("x".repeat(250))).unwrap().blocks() * 512)
            .max(Limits::ENTRY);
        assert!(is_over(dir.path(), 40 * each - 1));
        assert!(!is_over(dir.path(), 40 * each));
    }
}
