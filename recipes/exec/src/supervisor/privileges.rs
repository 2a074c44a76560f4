//! Privileges: a program has none, whoever starts it.

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// Gives up all capabilities of this process, which can get no new privileges, and of all that come
/// of it. With them a root's program could make device nodes, and read what belongs to others.
pub(super) fn drop_all() -> Result<(), String> {
    let told = |errno: Errno| format!("giving up capabilities: {errno}");
    for number in 0..u64::BITS {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The kernel has no more.
            Err(Errno::INVAL) => break,
            // Only a second wall: as no new privileges can be had, no program gets capabilities that
            // its parent does not have.
            Err(Errno::PERM) => break,
            Err(errno) => return Err(told(errno)),
        }
    }
    match clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(errno) => return Err(told(errno)),
    }
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).map_err(told)
}
