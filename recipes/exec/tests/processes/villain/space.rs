//! Space: more of the disk and of memory than a run may have, where nobody counts.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{Error, IoSlice, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use super::{Told, Trick, fork, raw, sleep_long};

/// The tricks of this kind.
pub(super) const TRICKS: &[Trick] = &[
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
    ("memory-brief", memory_brief),
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
];

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

fn disk_mapped() -> Told {
    hoard(unlinked, map_and_close)
}

fn disk_in_flight() -> Told {
    in_flight(unlinked)
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

fn memory() -> Told {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; 4 << 20]);
        std::hint::black_box(&kept);
    }
}

/// Between two looks, in a process that is gone at the next one.
fn memory_brief() -> Told {
    std::thread::sleep(Duration::from_millis(30));
    let child = fork();
    if child == 0 {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new memory, which nobody uses.
        unsafe { libc::mmap(std::ptr::null_mut(), 320 << 20, protection, flags, -1, 0) };
        std::process::exit(0);
    }
    // SAFETY: it waits for the child.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    Ok("nobody looked".to_owned())
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
