//! The system calls that no experiment needs: refused by a filter that nothing can take off again.
//!
//! Everything else is allowed, since a program of tomorrow's library must not break on a call that
//! nobody had heard of. What is refused either reaches out of the sandbox (into other processes,
//! the kernel's own programs, keys, clocks, mounts) or has a history of holes that let programs out.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use libc::{c_long, sock_filter};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
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
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
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

/// Families of sockets that exist without a network: unix, and netlink, by which the C library
/// asks which addresses there are.
const LOCAL: [i32; 2] = [libc::AF_UNIX, libc::AF_NETLINK];

/// The families of the internet.
const INTERNET: [i32; 2] = [libc::AF_INET, libc::AF_INET6];

/// Which sockets a program may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sockets {
    /// Those of the internet too. A network namespace of its own leads nowhere but to itself.
    Internet,
    /// Only those within the machine.
    Local,
}

/// The compiled filter.
pub(super) fn compile(sockets: Sockets) -> Result<Vec<BpfProgram>, String> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let families = match sockets {
        Sockets::Internet => [LOCAL, INTERNET].concat(),
        Sockets::Local => LOCAL.to_vec(),
    };
    let other = families.iter().map(|family| argument(0, SeccompCmpOp::Ne, *family));
    rules.insert(libc::SYS_socket, vec![all(other)?]);
    let namespaces = NEW_NAMESPACES.iter().map(|bit| {
        let bit = u64::from(bit.cast_unsigned());
        all([argument_of(0, SeccompCmpOp::MaskedEq(bit), bit)])
    });
    rules.insert(libc::SYS_clone, namespaces.collect::<Result<_, _>>()?);
    // Typing for a terminal, and reading its clipboard.
    let typing = [libc::TIOCSTI, libc::TIOCLINUX]
        .map(|request| all([argument_of(1, SeccompCmpOp::Eq, request)]));
    rules.insert(libc::SYS_ioctl, typing.into_iter().collect::<Result<_, _>>()?);
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    [(rules, libc::EPERM), (absent, libc::ENOSYS)]
        .map(|(rules, error)| program(rules, error))
        .into_iter()
        .collect()
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
pub(super) fn apply(filter: &[BpfProgram]) -> Result<(), String> {
    filter.iter().try_for_each(|program| apply_filter(program)).map_err(|error| error.to_string())
}

/// Makes the supervisor hear of every file that is opened from now on, and returns the end that it
/// has to get. Calls of another architecture end the program.
pub(super) fn observe() -> Result<OwnedFd, String> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let calls: &[c_long] = OPENING;
    let mut steps = vec![
        // The architecture is the second word of what a filter sees, the number of the call the first.
        step(LOAD, 0, 0, 4),
        step(EQUAL, 1, 0, ARCHITECTURE),
        step(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        step(LOAD, 0, 0, 0),
    ];
    for (index, call) in calls.iter().enumerate() {
        let to_listener = u8::try_from(calls.len() - index).unwrap_or(u8::MAX);
        steps.push(step(EQUAL, to_listener, 0, u32::try_from(*call).unwrap_or(u32::MAX)));
    }
    steps.push(step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    steps.push(step(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF));
    sys::listen(&steps).map_err(|errno| format!("listening to system calls: {errno}"))
}

/// The calls that open files, in which [`observe`] is interested.
#[cfg(target_arch = "x86_64")]
pub(super) const OPENING: &[c_long] = &[libc::SYS_openat, libc::SYS_open, libc::SYS_openat2];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const OPENING: &[c_long] = &[libc::SYS_openat, libc::SYS_openat2];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;
