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

use std::fs::{self, File};
use std::io::{IoSlice, IoSliceMut, Read as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::slice;
use std::time::Duration;

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
use rustix::fs::OFlags;
use seccompiler::BpfProgram;

use super::cgroup::Cgroup;
use super::watch::End;
use super::{cgroup, filter, network, program, sys, used_by_children, view};
use crate::facts::sample;
use crate::sandbox::{Exit, Isolation, Spec};

/// The user and group that every program runs as, in its own namespace.
const USER: u32 = 1000;

/// The longest message.
const MESSAGE: usize = 16 << 10;

/// The word to start.
const GO: &str = "go";

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
    /// Which of the control groups' doors the warden passed.
    Joined(Vec<bool>),
    /// Its calls can be heard here.
    Listener(OwnedFd),
    /// The cell's file system for memory that processes share.
    SharedMemory(OwnedFd),
    /// The lists of the cell's segments, semaphores and messages of System V.
    SystemV(Vec<OwnedFd>),
    /// The program ended.
    Ended(End),
    /// Nothing more will come.
    Closed,
}

/// A running cell, as the supervisor has it.
pub(super) struct Cell {
    /// The warden.
    pub(super) warden: Pid,
    line: Line,
    /// Of the control groups that the warden has to join.
    doors: Vec<OwnedFd>,
}

impl Cell {
    /// Shuts a program in, with the calling process's one thread; it starts when it is let
    /// [go](Cell::go). The control groups are made while the warden arranges the rest.
    pub(super) fn make(spec: &Spec, streams: Streams) -> Result<(Cell, Cgroup), String> {
        let (ours, theirs) = Line::pair().map_err(|errno| format!("a pair of sockets: {errno}"))?;
        let filter = match spec.isolation {
            Isolation::None => BpfProgram::new(),
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
                let doors = group.doors();
                Ok((Cell { warden, line: ours, doors }, group))
            }
            Ok(None) => {
                drop(ours);
                let inside = Inside { spec, filter, streams, line: theirs, supervisor, user };
                inside.main()
            }
            Err(errno) => Err(format!("new namespaces: {errno}")),
        }
    }

    /// Starts the program as soon as the rest is arranged.
    pub(super) fn go(&self) {
        // A warden that does not hear it any more has left word why.
        self.line.pass(GO, &self.doors).ok();
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
        self.pass("L", slice::from_ref(listener))
    }

    fn pass(&self, kind: &str, files: &[OwnedFd]) -> nix::Result<()> {
        let fds: Vec<RawFd> = files.iter().map(OwnedFd::as_raw_fd).collect();
        let control = [ControlMessage::ScmRights(&fds)];
        let control = if fds.is_empty() { &[][..] } else { &control };
        let parts = [IoSlice::new(kind.as_bytes())];
        sendmsg::<()>(self.0.as_raw_fd(), &parts, control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
    }

    fn ended(&self, status: WaitStatus, left: Option<u32>, io: Option<[u64; 2]>) {
        let how = match status {
            WaitStatus::Exited(_, code) => format!("E{code}"),
            WaitStatus::Signaled(_, signal, _) => format!("S{}", signal as i32),
            _ => return,
        };
        let ([user, system], peak) = used_by_children().unwrap_or_default();
        let [user, system] = [user, system].map(|time| time.as_micros());
        let left = left.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let io = io.map(|[read, written]| format!(" {read} {written}")).unwrap_or_default();
        self.send(format!("{how} {left} {user} {system} {peak}{io}").as_bytes()).ok();
    }

    /// The next message's text and files; none if nothing more will come.
    fn take(&self) -> Option<(String, Vec<OwnedFd>)> {
        let mut buffer = vec![0; MESSAGE + 1];
        let mut space = nix::cmsg_space!([RawFd; 3]);
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let got = loop {
            match recvmsg::<()>(self.0.as_raw_fd(), &mut parts, Some(&mut space), flags) {
                Err(Errno::EINTR) => {}
                got => break got.ok()?,
            }
        };
        let length = got.bytes;
        let fds = got.cmsgs().into_iter().flatten().filter_map(|control| match control {
            ControlMessageOwned::ScmRights(fds) => Some(fds),
            _ => None,
        });
        let files = fds.flatten().map(owned).collect();
        (length > 0).then(|| (String::from_utf8_lossy(&buffer[..length]).into_owned(), files))
    }

    fn receive(&self) -> Message {
        let Some((text, mut files)) = self.take() else { return Message::Closed };
        let (kind, rest) = text.split_at_checked(1).unwrap_or_default();
        if kind == "V" {
            return Message::SystemV(files);
        }
        match (kind, files.pop()) {
            ("A", _) => Message::Joined(rest.chars().map(|passed| passed == '1').collect()),
            ("R", _) => Message::Refused(rest.to_owned()),
            ("L", Some(file)) => Message::Listener(file),
            ("M", Some(file)) => Message::SharedMemory(file),
            ("E", _) => end(rest, Exit::Code).unwrap_or(Message::Closed),
            ("S", _) => end(rest, Exit::Signal).unwrap_or(Message::Closed),
            _ => Message::Closed,
        }
    }
}

/// How a program ended, in the words of [`Line::ended`].
fn end(text: &str, exit: fn(i32) -> Exit) -> Option<Message> {
    let mut words = text.split(' ');
    let (code, left) = (words.next()?.parse().ok()?, words.next()?.parse().ok());
    let mut number = || words.next()?.parse::<u64>().ok();
    let cpu = [number()?, number()?].map(Duration::from_micros);
    let peak = number()?;
    let io = number().zip(number()).map(|(read, written)| [read, written]);
    Some(Message::Ended(End { exit: exit(code), left, cpu: Some(cpu), peak, io }))
}

#[expect(unsafe_code, reason = "a descriptor that a message brought belongs to whoever took it")]
fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel made it for this process when the message was received.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Everything that a cell's processes inherit.
struct Inside<'a> {
    spec: &'a Spec,
    filter: BpfProgram,
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
        // Who cannot be looked at owns none of its files in `/proc`, its count of bytes among them, and
        // no program is there yet that could look.
        let open = protect(false);
        let io = File::open("/proc/self/io").ok();
        let done = open.and_then(|()| self.arrange());
        let code = match done.and_then(|()| self.guard(io)) {
            Ok(()) => 0,
            Err(why) => {
                self.line.refuse(&why);
                1
            }
        };
        exit_now(code)
    }

    /// Makes the namespaces what they have to be, then waits for the word to go: meanwhile the
    /// supervisor makes the control groups, which can take as long.
    fn arrange(&self) -> Result<(), String> {
        prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| format!("death signal: {errno}"))?;
        SigSet::empty().thread_set_mask().map_err(|errno| format!("signal mask: {errno}"))?;
        let own = self.spec.isolation == Isolation::Full;
        if own {
            self.enter()?;
        } else {
            protect(true)?;
        }
        let heard = self.line.take().filter(|(word, _)| word == GO);
        // A parent outside of the namespace reads as none.
        let heard = heard.filter(|_| own || getppid() == self.supervisor);
        let Some((_, doors)) = heard else { return Err("the supervisor is gone".to_owned()) };
        if !doors.is_empty() {
            let passed = doors.iter().map(|door| if cgroup::join(door) { '1' } else { '0' });
            // Without a supervisor there is nobody to tell.
            self.line.send(format!("A{}", passed.collect::<String>()).as_bytes()).ok();
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
        protect(true)?;
        if !self.spec.network {
            network::loopback_up()?;
        }
        // They tell of the namespace in which they were opened, whoever reads them. A kernel without
        // System V has none.
        let lists = ["shm", "sem", "msg"].map(|of| File::open(format!("/proc/sysvipc/{of}")));
        view::enter(self.spec)?;
        if self.spec.limits.memory.is_some() {
            self.show_memory(lists.into_iter().flatten().map(OwnedFd::from).collect())?;
        }
        Ok(())
    }

    /// Lets the supervisor see what the cell keeps in memory without a process that it belongs to.
    fn show_memory(&self, lists: Vec<OwnedFd>) -> Result<(), String> {
        let told = |errno: Errno| format!("showing the memory in use: {errno}");
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let files = rustix::fs::open("/dev/shm", flags, rustix::fs::Mode::empty());
        if let Ok(files) = files {
            self.line.pass("M", slice::from_ref(&files)).map_err(told)?;
        }
        self.line.pass("V", &lists).map_err(told)
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
    fn guard(&self, io: Option<File>) -> Result<(), String> {
        let warden = Pid::this();
        match sys::fork_into(CloneFlags::empty()) {
            Ok(None) => {
                let why =
                    program::become_it(self.spec, &self.filter, &self.streams, &self.line, warden);
                self.line.refuse(&why);
                exit_now(1)
            }
            Ok(Some(program)) => self.wait(program, io),
            Err(errno) => Err(format!("a process for the program: {errno}")),
        }
    }

    fn wait(&self, program: Pid, io: Option<File>) -> Result<(), String> {
        self.release();
        loop {
            match waitpid(None, None) {
                Ok(status) if status.pid() == Some(program) => {
                    let left = self.left();
                    let read = |mut io: File| {
                        let mut text = String::new();
                        io.read_to_string(&mut text).ok()?;
                        sample::io(&text)
                    };
                    self.line.ended(status, left, io.and_then(read));
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

    /// Other processes in the namespace, if there is one. All of them are this process's children by
    /// now, or theirs: when none is left to wait for, nothing lives there any more.
    fn left(&self) -> Option<u32> {
        if self.spec.isolation != Isolation::Full {
            return None;
        }
        // Children of any kind, those too of which a parent is not told by the usual signal.
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::__WALL;
        loop {
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::StillAlive) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => return Some(0),
                Err(_) => return None,
            }
        }
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let others = u32::try_from(pids.filter(|pid| *pid != 1).count()).unwrap_or(u32::MAX);
        // One at least is alive, and may have been between two numbers.
        Some(others.max(1))
    }
}

/// Whether other processes of the same user may not look into this one.
fn protect(on: bool) -> Result<(), String> {
    prctl::set_dumpable(!on).map_err(|errno| format!("protecting the warden: {errno}"))
}

/// Ends this copy of the supervisor without running anything that is the original's to run.
#[expect(unsafe_code, reason = "a fork must not run the original's exit handlers")]
fn exit_now(code: i32) -> ! {
    // SAFETY: it ends the process and touches nothing.
    unsafe { libc::_exit(code) }
}
