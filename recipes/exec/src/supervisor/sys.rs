//! The few system calls that no crate offers safely.
//!
//! They need what is true of a supervisor and of every process that it forks until it becomes the
//! program: there is one thread, or the call touches nothing that threads share.

#![expect(unsafe_code, reason = "system calls without a safe binding; each says why it is sound")]

use std::ffi::CStr;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use libc::{c_int, c_long, c_ulong, sock_filter, sock_fprog};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

/// Copies this process into new namespaces, like a `fork` with flags. `None` is the copy.
///
/// The caller has one thread, so no lock can be held by a thread that is missing in the copy.
pub(super) fn fork_into(flags: CloneFlags) -> nix::Result<Option<Pid>> {
    let flags = c_long::from(flags.bits()) | c_long::from(libc::SIGCHLD);
    // SAFETY: without a stack and without CLONE_VM this is a fork: the copy has memory of its own
    // and goes on here.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    let pid = Errno::result(pid)?;
    Ok((pid > 0).then(|| Pid::from_raw(c_int::try_from(pid).unwrap_or(c_int::MAX))))
}

/// Adds attributes to the mount at `path`, and to all mounts below it if `recursive`.
pub(super) fn restrict_mount(path: &CStr, recursive: bool, attributes: u64) -> nix::Result<()> {
    let mut attributes =
        libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path ends with a zero and the structure has the size that is passed; the kernel
    // only reads both.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw mut attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(done).map(drop)
}

/// Puts this process, for good, under a filter whose `SECCOMP_RET_USER_NOTIF` verdicts are decided
/// by whoever holds the file that is returned.
pub(super) fn listen(filter: &[seccompiler::sock_filter]) -> nix::Result<OwnedFd> {
    let program = sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| Errno::E2BIG)?,
        // Two names of one structure of the kernel.
        filter: filter.as_ptr().cast::<sock_filter>().cast_mut(),
    };
    // SAFETY: the program points to `len` instructions, which the kernel only reads and checks.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    let fd = c_int::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A system call that waits for a decision.
pub(super) struct Waiting {
    id: u64,
    /// The process that made it, as this process sees it.
    pub(super) pid: Pid,
    /// The number of the call.
    pub(super) call: c_long,
    /// Its arguments.
    pub(super) args: [u64; 6],
}

#[cfg(test)]
impl Waiting {
    /// One that nobody waits for.
    pub(super) fn of(pid: Pid, call: c_long, args: [u64; 6]) -> Waiting {
        Waiting { id: 0, pid, call, args }
    }
}

/// Takes the next waiting call.
pub(super) fn receive(listener: BorrowedFd<'_>) -> nix::Result<Waiting> {
    // SAFETY: all of its fields are numbers, for which zero is a value; the kernel wants zeros.
    let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request writes one structure of this type.
    let done =
        unsafe { libc::ioctl(listener.as_raw_fd(), SECCOMP_IOCTL_NOTIF_RECV, &raw mut notice) };
    Errno::result(done)?;
    Ok(Waiting {
        id: notice.id,
        pid: Pid::from_raw(notice.pid.cast_signed()),
        call: c_long::from(notice.data.nr),
        args: notice.data.args,
    })
}

/// Whether a call waits still: its process may have been killed.
pub(super) fn still_waits(listener: BorrowedFd<'_>, waiting: &Waiting) -> bool {
    // SAFETY: the request reads one number.
    let answer = unsafe {
        libc::ioctl(listener.as_raw_fd(), SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const waiting.id)
    };
    answer == 0
}

/// Lets a waiting call go on as if nobody had listened. One whose process is gone is no error.
pub(super) fn let_go(listener: BorrowedFd<'_>, waiting: &Waiting) {
    let mut answer = libc::seccomp_notif_resp {
        id: waiting.id,
        val: 0,
        error: 0,
        flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
    };
    // SAFETY: the request reads one structure of this type.
    let _done =
        unsafe { libc::ioctl(listener.as_raw_fd(), SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
}

/// Whether two threads have one table of open files. Not known is not shared.
pub(super) fn share_files(one: Pid, other: Pid) -> bool {
    const KCMP_FILES: c_int = 2;
    // SAFETY: it takes numbers only.
    let order =
        unsafe { libc::syscall(libc::SYS_kcmp, one.as_raw(), other.as_raw(), KCMP_FILES, 0, 0) };
    order == 0
}

/// The version of the kernel's Landlock; 0 if it has none.
pub(super) fn landlock_version() -> c_long {
    const VERSION: c_ulong = 1;
    // SAFETY: without attributes there is nothing that the kernel would read.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, VERSION)
    };
    version.max(0)
}

/// `_IOWR('!', 0, struct seccomp_notif)`; the structure has 80 bytes.
const SECCOMP_IOCTL_NOTIF_RECV: c_ulong = 0xC050_2100;
/// `_IOWR('!', 1, struct seccomp_notif_resp)`; the structure has 24 bytes.
const SECCOMP_IOCTL_NOTIF_SEND: c_ulong = 0xC018_2101;
/// `_IOW('!', 2, __u64)`.
const SECCOMP_IOCTL_NOTIF_ID_VALID: c_ulong = 0x4008_2102;

const _: () = assert!(size_of::<libc::seccomp_notif>() == 0x50);
const _: () = assert!(size_of::<libc::seccomp_notif_resp>() == 0x18);
