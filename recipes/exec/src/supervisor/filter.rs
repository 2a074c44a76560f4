//! The system calls that no experiment needs: refused by a filter that nothing can take off again.
//!
//! Everything else is allowed, since a program of tomorrow's library must not break on a call that
//! nobody had heard of. What is refused either reaches out of the sandbox (into other processes,
//! the kernel's own programs, keys, clocks, mounts) or has a history of holes that let programs out.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};

use super::sys;

/// Refused with "operation not permitted", whatever their arguments.
const REFUSED: &[c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    // Programs and queues in the kernel.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    // Keys, which know nothing of namespaces.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Namespaces, roots and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    STATMOUNT,
    LISTMOUNT,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // Clocks and the machine itself.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Calls that the C library has no names for yet; they have one number on all machines.
const STATMOUNT: c_long = 457;
const LISTMOUNT: c_long = 458;
const OPEN_TREE_ATTR: c_long = 467;

/// The bits of `clone` that make namespaces. `clone3` hides them behind a pointer, so it does not
/// exist here, and the C library falls back to `clone`.
const NEW_NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Which sockets a program may open, beside pairs that are connected to each other, and netlink, by
/// which the C library asks which addresses there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sockets {
    /// Those of the internet and of the machine. In namespaces of their own, both lead nowhere but
    /// to the program itself.
    All,
    /// Those of the internet. Where the machine's files are in sight its sockets are too, and
    /// behind one may be somebody who does what root may.
    Internet,
    /// None.
    None,
}

impl Sockets {
    fn families(self) -> &'static [i32] {
        match self {
            Sockets::All => &[libc::AF_NETLINK, libc::AF_INET, libc::AF_INET6, libc::AF_UNIX],
            Sockets::Internet => &[libc::AF_NETLINK, libc::AF_INET, libc::AF_INET6],
            Sockets::None => &[libc::AF_NETLINK],
        }
    }
}

/// The kinds of paired sockets that can be pointed elsewhere later. Raw is another word for
/// datagrams here.
const UNTIED: [i32; 2] = [libc::SOCK_DGRAM, libc::SOCK_RAW];

/// The bits of a socket's type that say its kind; the others are flags.
const KIND: u64 = 0xf;

/// The compiled filter: one, since the kernel takes its time to translate each.
pub(super) fn compile(sockets: Sockets) -> Result<BpfProgram, String> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let other = sockets.families().iter().map(|family| argument(0, SeccompCmpOp::Ne, *family));
    rules.insert(libc::SYS_socket, vec![all(other)?]);
    if sockets != Sockets::All {
        let untied = UNTIED.map(|kind| all([argument(1, SeccompCmpOp::MaskedEq(KIND), kind)]));
        rules.insert(libc::SYS_socketpair, untied.into_iter().collect::<Result<_, _>>()?);
    }
    let namespaces = NEW_NAMESPACES.iter().map(|bit| {
        let bit = u64::from(bit.cast_unsigned());
        all([argument_of(0, SeccompCmpOp::MaskedEq(bit), bit)])
    });
    rules.insert(libc::SYS_clone, namespaces.collect::<Result<_, _>>()?);
    // Typing for a terminal, and reading its clipboard.
    let typing = [libc::TIOCSTI, libc::TIOCLINUX]
        .map(|request| all([argument_of(1, SeccompCmpOp::Eq, request)]));
    rules.insert(libc::SYS_ioctl, typing.into_iter().collect::<Result<_, _>>()?);
    // Making all others who open a file wait: inputs are shared with other runs and the store.
    let lease = all([argument(1, SeccompCmpOp::Eq, libc::F_SETLEASE)])?;
    rules.insert(libc::SYS_fcntl, vec![lease]);
    // Another process's limits: that of its files' size can kill it.
    let others = all([
        argument(0, SeccompCmpOp::Ne, 0),
        SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)
            .map_err(|error| error.to_string()),
    ])?;
    rules.insert(libc::SYS_prlimit64, vec![others]);
    if sockets != Sockets::All {
        // Without a namespace, these are the machine's.
        for call in [libc::SYS_shmget, libc::SYS_msgget, libc::SYS_semget] {
            rules.insert(call, Vec::new());
        }
    }
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let programs = [(rules, libc::EPERM), (absent, libc::ENOSYS)];
    let mut programs = programs
        .map(|(rules, error)| program(rules, error))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    #[cfg(target_arch = "x86_64")]
    programs.push(no_second_numbers());
    Ok(chained(programs))
}

/// One filter of several: what one allows, the next one looks at.
fn chained(programs: Vec<BpfProgram>) -> BpfProgram {
    let mut chain = BpfProgram::new();
    for mut program in programs.into_iter().rev() {
        let length = program.len();
        for (at, step) in program.iter_mut().enumerate() {
            let to_next = u32::try_from(length - at - 1).unwrap_or(u32::MAX);
            if !chain.is_empty() && step.code == RETURN && step.k == libc::SECCOMP_RET_ALLOW {
                (step.code, step.k) = (JUMP, to_next);
            }
        }
        program.append(&mut chain);
        chain = program;
    }
    chain
}

/// Makes the second set of numbers absent, that of programs for x32: these calls are the same as
/// the others and pass for the same architecture.
#[cfg(target_arch = "x86_64")]
fn no_second_numbers() -> BpfProgram {
    const FIRST: u32 = 0x4000_0000;
    const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    vec![
        step(LOAD, 0, 0, CALL),
        step(AT_LEAST, 0, 1, FIRST),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn program(rules: BTreeMap<c_long, Vec<SeccompRule>>, error: i32) -> Result<BpfProgram, String> {
    let told = |error: seccompiler::BackendError| error.to_string();
    let filter = SeccompFilter::new(
        rules.into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(error.cast_unsigned()),
        TargetArch::try_from(std::env::consts::ARCH).map_err(told)?,
    );
    filter.and_then(BpfProgram::try_from).map_err(told)
}

fn argument(index: u8, op: SeccompCmpOp, value: i32) -> Result<SeccompCondition, String> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, op, value.cast_unsigned().into())
        .map_err(|error| error.to_string())
}

fn argument_of(index: u8, op: SeccompCmpOp, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, op, value)
        .map_err(|error| error.to_string())
}

/// A rule that holds when all of its conditions do.
fn all(
    conditions: impl IntoIterator<Item = Result<SeccompCondition, String>>,
) -> Result<SeccompRule, String> {
    let conditions = conditions.into_iter().collect::<Result<_, _>>()?;
    SeccompRule::new(conditions).map_err(|error| error.to_string())
}

/// Puts this process, for good, under the filter.
pub(super) fn apply(filter: &BpfProgram) -> Result<(), String> {
    apply_filter(filter).map_err(|error| error.to_string())
}

/// The instructions that are written by hand.
const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Where a filter sees the number of the call, and the architecture.
const CALL: u32 = 0;
const MACHINE: u32 = 4;

fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// Puts this process, for good, under the filter, and makes the supervisor hear of every file that is
/// opened or executed from now on. Returns the end that it has to get.
pub(super) fn observe(filter: &BpfProgram) -> Result<OwnedFd, String> {
    let chain = chained(vec![filter.clone(), opening()]);
    sys::listen(&chain).map_err(|errno| format!("listening to system calls: {errno}"))
}

/// Asks a listener about calls that open files. Calls of another architecture end the program.
fn opening() -> BpfProgram {
    let calls: &[c_long] = OPENING;
    let mut steps = vec![
        step(LOAD, 0, 0, MACHINE),
        step(EQUAL, 1, 0, ARCHITECTURE),
        step(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        step(LOAD, 0, 0, CALL),
    ];
    for (index, call) in calls.iter().enumerate() {
        let to_listener = u8::try_from(calls.len() - index).unwrap_or(u8::MAX);
        steps.push(step(EQUAL, to_listener, 0, u32::try_from(*call).unwrap_or(u32::MAX)));
    }
    steps.push(step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    steps.push(step(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF));
    steps
}

/// The calls that open or execute files, in which [`observe`] is interested.
#[cfg(target_arch = "x86_64")]
pub(super) const OPENING: &[c_long] =
    &[libc::SYS_openat, libc::SYS_open, libc::SYS_openat2, libc::SYS_execve, libc::SYS_execveat];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const OPENING: &[c_long] =
    &[libc::SYS_openat, libc::SYS_openat2, libc::SYS_execve, libc::SYS_execveat];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::*;

    const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();

    /// What a filter says of a call with a first and a second argument.
    fn judged(program: &[sock_filter], call: u32, arguments: [u64; 2]) -> u32 {
        let word = |at: u32| match at {
            CALL => call,
            MACHINE => ARCHITECTURE,
            at => {
                let index = usize::try_from(at - 16).unwrap() / 8;
                let argument = arguments.get(index).copied().unwrap_or_default().to_ne_bytes();
                let at = usize::try_from(at % 8).unwrap();
                u32::from_ne_bytes(argument[at..at + 4].try_into().unwrap())
            }
        };
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match u32::from(step.code) {
                code if code == u32::from(LOAD) => loaded = word(step.k),
                code if code == u32::from(RETURN) => return step.k,
                code if code == u32::from(JUMP) => at += usize::try_from(step.k).unwrap(),
                code if code == u32::from(EQUAL) => at += jump(loaded == step.k),
                code if code == libc::BPF_JMP | libc::BPF_JGE => at += jump(loaded >= step.k),
                code if code == libc::BPF_JMP | libc::BPF_JGT => at += jump(loaded > step.k),
                code if code == libc::BPF_ALU | libc::BPF_AND => loaded &= step.k,
                other => panic!("{other:#x}"),
            }
        }
    }

    fn number(call: c_long) -> u32 {
        u32::try_from(call).unwrap()
    }

    #[test]
    fn the_second_numbers_of_calls_do_not_exist() {
        let ptrace = number(libc::SYS_ptrace);
        for sockets in [Sockets::All, Sockets::Internet, Sockets::None] {
            let filter = compile(sockets).unwrap();
            let judged = |call| judged(&filter, call, [0; 2]);
            assert_eq!(judged(0x4000_0000 | ptrace), ABSENT);
            assert_eq!(judged(0x4000_0000), ABSENT);
            assert_eq!(judged(u32::MAX), ABSENT);
            assert_eq!(judged(0x3fff_ffff), libc::SECCOMP_RET_ALLOW);
            assert_eq!(judged(ptrace), REFUSED);
        }
    }

    #[test]
    fn one_filter_holds_all_rules() {
        let filter = compile(Sockets::Internet).unwrap();
        let observed = chained(vec![filter.clone(), opening()]);
        let new_user = libc::CLONE_NEWUSER as u64;
        let [inet, unix, vsock] = [libc::AF_INET, libc::AF_UNIX, libc::AF_VSOCK].map(|f| f as u64);
        for (call, arguments, verdict) in [
            (libc::SYS_read, [0, 0], libc::SECCOMP_RET_ALLOW),
            (libc::SYS_mount, [0, 0], REFUSED),
            (libc::SYS_clone, [0, 0], libc::SECCOMP_RET_ALLOW),
            (libc::SYS_clone, [new_user, 0], REFUSED),
            (libc::SYS_clone3, [0, 0], ABSENT),
            (libc::SYS_socket, [inet, 0], libc::SECCOMP_RET_ALLOW),
            (libc::SYS_socket, [unix, 0], REFUSED),
            (libc::SYS_socket, [vsock, 0], REFUSED),
            (libc::SYS_ioctl, [0, libc::TIOCSTI], REFUSED),
            (libc::SYS_ioctl, [0, libc::TIOCGWINSZ], libc::SECCOMP_RET_ALLOW),
            (libc::SYS_fcntl, [0, libc::F_SETLEASE as u64], REFUSED),
            (libc::SYS_fcntl, [0, libc::F_GETFD as u64], libc::SECCOMP_RET_ALLOW),
            (libc::SYS_prlimit64, [7, 0], libc::SECCOMP_RET_ALLOW),
            (libc::SYS_shmget, [0, 0], REFUSED),
        ] {
            assert_eq!(judged(&filter, number(call), arguments), verdict, "{call}");
            assert_eq!(judged(&observed, number(call), arguments), verdict, "{call}");
        }
        for call in OPENING {
            assert_eq!(judged(&filter, number(*call), [0; 2]), libc::SECCOMP_RET_ALLOW);
            assert_eq!(judged(&observed, number(*call), [0; 2]), libc::SECCOMP_RET_USER_NOTIF);
        }
    }
}
