//! A cell: the program and the process that waits for it, shut in together.
//!
//! ```text
//! supervisor ── fork into new namespaces ──► warden ── fork ──► program
//!      ◄──────────── one socket: refused, listener, ended ───────┘
//! ```
//!
//! The warden is the first process of the cell's process namespace: it arranges what the program
//! sees, starts it, reaps whatever is orphaned, and tells how the program ended. When it ends, for
//! whatever reason, the kernel ends everything else in the cell.

use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid, getgid, getppid, getuid};

use super::cgroup::Cgroup;
use super::{filter, network, program, sys, view};
use crate::sandbox::{Exit, Isolation, Spec};

/// The user and group that every program runs as, in its own namespace.
const USER: u32 = 1000;

/// The longest message.
const MESSAGE: usize = 16 << 10;

/// What a spec needs of namespaces.
fn namespaces(spec: &Spec) -> CloneFlags {
    if spec.isolation != Isolation::Full {
        return CloneFlags::empty();
    }
    let own = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if spec.network { own } else { own | CloneFlags::CLONE_NEWNET }
}

/// The files that a program starts with.
pub(super) struct Streams {
    pub(super) stdin: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// What comes from a cell.
pub(super) enum Message {
    /// The program could not be started.
    Refused(String),
    /// Its calls can be heard here.
    Listener(OwnedFd),
    /// The program ended.
    Ended {
        exit: Exit,
        /// Processes that it left behind in its namespace.
        left: u32,
    },
    /// Nothing more will come.
    Closed,
}

/// A running cell, as the supervisor has it.
pub(super) struct Cell {
    /// The warden.
    pub(super) warden: Pid,
    line: Line,
}

impl Cell {
    /// Shuts a program in and starts it, with the calling process's one thread. The control groups
    /// are made while the warden arranges the rest.
    pub(super) fn start(spec: &Spec, streams: Streams) -> Result<(Cell, Cgroup), String> {
        let (ours, theirs) = Line::pair().map_err(|errno| format!("a pair of sockets: {errno}"))?;
        let filter = match spec.isolation {
            Isolation::None => Vec::new(),
            Isolation::Full => filter::compile(filter::Sockets::All)?,
            Isolation::Partial if spec.network => filter::compile(filter::Sockets::Internet)?,
            Isolation::Partial => filter::compile(filter::Sockets::None)?,
        };
        if spec.isolation == Isolation::Full {
            let root = view::root(spec);
            fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        }
        let supervisor = Pid::this();
        let user = (getuid(), getgid());
        match sys::fork_into(namespaces(spec)) {
            Ok(Some(warden)) => {
                let mut group = Cgroup::make(&spec.limits);
                group.admit(warden);
                ours.send(b"go").map_err(|errno| format!("starting the cell: {errno}"))?;
                Ok((Cell { warden, line: ours }, group))
            }
            Ok(None) => {
                drop(ours);
                let inside = Inside { spec, filter, streams, line: theirs, supervisor, user };
                inside.main()
            }
            Err(errno) => Err(format!("new namespaces: {errno}")),
        }
    }

    /// The next message; waits for it.
    pub(super) fn receive(&self) -> Message {
        self.line.receive()
    }
}

impl AsFd for Cell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.0.as_fd()
    }
}

/// One end of the socket between supervisor and cell. It is closed when a program starts.
pub(super) struct Line(OwnedFd);

impl Line {
    fn pair() -> nix::Result<(Line, Line)> {
        let kind = SockType::SeqPacket;
        let (one, other) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Line(one), Line(other)))
    }

    fn send(&self, message: &[u8]) -> nix::Result<()> {
        let parts = [IoSlice::new(&message[..message.len().min(MESSAGE)])];
        sendmsg::<()>(self.0.as_raw_fd(), &parts, &[], MsgFlags::MSG_NOSIGNAL, None).map(drop)
    }

    pub(super) fn refuse(&self, why: &str) {
        // Without a supervisor there is nobody to tell.
        self.send(format!("R{why}").as_bytes()).ok();
    }

    pub(super) fn hand_over(&self, listener: &OwnedFd) -> nix::Result<()> {
        let fds = [listener.as_raw_fd()];
        let control = [ControlMessage::ScmRights(&fds)];
        let parts = [IoSlice::new(b"L")];
        sendmsg::<()>(self.0.as_raw_fd(), &parts, &control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
    }

    fn ended(&self, status: WaitStatus, left: u32) {
        let text = match status {
            WaitStatus::Exited(_, code) => format!("E{code} {left}"),
            WaitStatus::Signaled(_, signal, _) => format!("S{} {left}", signal as i32),
            _ => return,
        };
        self.send(text.as_bytes()).ok();
    }

    fn receive(&self) -> Message {
        let mut buffer = vec![0; MESSAGE + 1];
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let got = loop {
            match recvmsg::<()>(self.0.as_raw_fd(), &mut parts, Some(&mut space), flags) {
                Err(Errno::EINTR) => {}
                got => break got,
            }
        };
        let Ok(got) = got else { return Message::Closed };
        let length = got.bytes;
        let fd = got.cmsgs().into_iter().flatten().find_map(|control| match control {
            ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
            _ => None,
        });
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let (kind, rest) = text.split_at_checked(1).unwrap_or_default();
        let numbers = || {
            let (code, left) = rest.split_once(' ')?;
            Some((code.parse().ok()?, left.parse().ok()?))
        };
        match (kind, fd) {
            ("R", _) => Message::Refused(rest.to_owned()),
            ("L", Some(fd)) => Message::Listener(owned(fd)),
            ("E", _) => match numbers() {
                Some((code, left)) => Message::Ended { exit: Exit::Code(code), left },
                None => Message::Closed,
            },
            ("S", _) => match numbers() {
                Some((signal, left)) => Message::Ended { exit: Exit::Signal(signal), left },
                None => Message::Closed,
            },
            _ => Message::Closed,
        }
    }
}

#[expect(unsafe_code, reason = "a descriptor that a message brought belongs to whoever took it")]
fn owned(fd: std::os::fd::RawFd) -> OwnedFd {
    // SAFETY: the kernel made it for this process when the message was received.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Everything that a cell's processes inherit.
struct Inside<'a> {
    spec: &'a Spec,
    filter: Vec<seccompiler::BpfProgram>,
    streams: Streams,
    line: Line,
    /// The process that forked the warden.
    supervisor: Pid,
    /// The user and group outside.
    user: (Uid, Gid),
}

impl Inside<'_> {
    /// Is the warden, and never returns.
    fn main(self) -> ! {
        let done = self.arrange();
        let code = match done.and_then(|()| self.guard()) {
            Ok(()) => 0,
            Err(why) => {
                self.line.refuse(&why);
                1
            }
        };
        exit_now(code)
    }

    /// Makes the namespaces what they have to be, then waits for the word to go: meanwhile the
    /// supervisor puts this process into its control groups, which can take as long.
    fn arrange(&self) -> Result<(), String> {
        prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| format!("death signal: {errno}"))?;
        SigSet::empty().thread_set_mask().map_err(|errno| format!("signal mask: {errno}"))?;
        let own = self.spec.isolation == Isolation::Full;
        if own {
            self.enter()?;
        }
        let mut word = [0; 8];
        let heard = nix::unistd::read(&self.line.0, &mut word);
        // A parent outside of the namespace reads as none.
        if heard != Ok(2) || !own && getppid() != self.supervisor {
            return Err("the supervisor is gone".to_owned());
        }
        if own {
            // The program sees its cgroup as the root of all.
            nix::sched::unshare(CloneFlags::CLONE_NEWCGROUP)
                .map_err(|errno| format!("a cgroup namespace: {errno}"))?;
        }
        Ok(())
    }

    fn enter(&self) -> Result<(), String> {
        self.become_user()?;
        // Not before: the files of the maps would be root's.
        prctl::set_dumpable(false).map_err(|errno| format!("protecting the warden: {errno}"))?;
        if !self.spec.network {
            network::loopback_up()?;
        }
        view::enter(self.spec)
    }

    fn become_user(&self) -> Result<(), String> {
        let (uid, gid) = self.user;
        for (file, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{USER} {uid} 1")),
            ("gid_map", format!("{USER} {gid} 1")),
        ] {
            let path = format!("/proc/self/{file}");
            fs::write(&path, text).map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(())
    }

    /// Starts the program, and stays until it ends.
    fn guard(&self) -> Result<(), String> {
        let warden = Pid::this();
        match sys::fork_into(CloneFlags::empty()) {
            Ok(None) => {
                let why =
                    program::become_it(self.spec, &self.filter, &self.streams, &self.line, warden);
                self.line.refuse(&why);
                exit_now(1)
            }
            Ok(Some(program)) => self.wait(program),
            Err(errno) => Err(format!("a process for the program: {errno}")),
        }
    }

    fn wait(&self, program: Pid) -> Result<(), String> {
        self.release();
        loop {
            match waitpid(None, None) {
                Ok(status) if status.pid() == Some(program) => {
                    self.line.ended(status, self.left());
                    return Ok(());
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(format!("waiting for the program: {errno}")),
            }
        }
    }

    /// Lets go of the program's streams, so that their readers see when the last writer is gone.
    fn release(&self) {
        for stream in [&self.streams.stdin, &self.streams.stdout, &self.streams.stderr] {
            // The copies of a fork are closed by hand: their owner lives on in the other process.
            nix::unistd::close(stream.as_raw_fd()).ok();
        }
    }

    /// Other processes in the namespace; zero where there is none.
    fn left(&self) -> u32 {
        if self.spec.isolation != Isolation::Full {
            return 0;
        }
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                break;
            }
        }
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        u32::try_from(pids.filter(|pid| *pid != 1).count()).unwrap_or(u32::MAX)
    }
}

/// Ends this copy of the supervisor without running anything that is the original's to run.
#[expect(unsafe_code, reason = "a fork must not run the original's exit handlers")]
fn exit_now(code: i32) -> ! {
    // SAFETY: it ends the process and touches nothing.
    unsafe { libc::_exit(code) }
}
