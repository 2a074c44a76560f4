//! Landlock: the kernel's own list of what a process may touch, which nothing can take off again.
//!
//! In a root of its own this is a second wall behind the first; where namespaces are forbidden it
//! is the wall.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

use super::devices;
use crate::sandbox::{Access, Isolation, SOFTWARE, Spec};

/// The newest rules that this code knows. A kernel that knows fewer enforces those.
const RULES: ABI = ABI::V6;

/// What programs may read where the root is the machine's, beside software and what they are shown.
const READABLE: [&str; 4] = ["/etc", "/proc", "/sys/devices/system", "/run/opengl-driver"];

/// Puts this process, for good, under the rules of its spec; whether the kernel knows Landlock.
pub(super) fn restrict(spec: &Spec) -> Result<bool, String> {
    let told = |error: landlock::RulesetError| format!("Landlock: {error}");
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RULES))
        .map_err(told)?;
    let ruleset = match spec.network {
        true => ruleset,
        false if spec.isolation == Isolation::Full => ruleset,
        false => ruleset.handle_access(AccessNet::from_all(RULES)).map_err(told)?,
    };
    let status = ruleset
        .scope(Scope::AbstractUnixSocket | Scope::Signal)
        .and_then(Ruleset::create)
        .map_err(told)?
        .add_rules(path_beneath_rules(readable(spec), AccessFs::from_read(RULES)))
        .map_err(told)?
        .add_rules(path_beneath_rules(devices(spec), device()))
        .map_err(told)?
        .add_rules(path_beneath_rules(writable(spec), writing()))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(told)?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// What is done with devices.
fn device() -> BitFlags<AccessFs> {
    AccessFs::from_read(RULES) | AccessFs::WriteFile | AccessFs::IoctlDev | AccessFs::Truncate
}

/// Everything but making device nodes, which an output never is.
fn writing() -> BitFlags<AccessFs> {
    AccessFs::from_all(RULES) & !(AccessFs::MakeBlock | AccessFs::MakeChar)
}

fn devices(spec: &Spec) -> Vec<PathBuf> {
    let names = devices::of_all().chain(devices::of(&spec.gpus, Path::new("/")));
    names.map(|name| Path::new("/dev").join(name)).collect()
}

/// What the kernel's Landlock, of this version, does not know of the [rules](RULES). Sockets are not
/// among it: where it is the only wall, the filter refuses those that it would.
pub(super) fn missing(version: i64) -> Vec<String> {
    let known = [(3, "rules for truncation"), (5, "rules for devices"), (6, "rules for signals")];
    known.iter().filter(|(since, _)| version < *since).map(|(_, what)| (*what).to_owned()).collect()
}

/// Where the programs of this spec may read.
pub(super) fn places(spec: &Spec) -> Vec<PathBuf> {
    [readable(spec), devices(spec), writable(spec)].concat()
}

fn readable(spec: &Spec) -> Vec<PathBuf> {
    if spec.isolation == Isolation::Full {
        return vec!["/".into()];
    }
    let fixed = SOFTWARE.iter().chain(&READABLE).map(PathBuf::from);
    let shown = spec.shown.iter().map(|shown| shown.at.clone());
    fixed.chain(shown).filter(|path| path.exists()).collect()
}

fn writable(spec: &Spec) -> Vec<PathBuf> {
    let shown = spec.shown.iter().filter(|shown| shown.access == Access::Write);
    let shared = (spec.isolation == Isolation::Full).then(|| Path::new("/dev/shm").to_path_buf());
    shown.map(|shown| shown.at.clone()).chain(shared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_kernel_lacks_is_named() {
        assert_eq!(missing(6), Vec::<String>::new());
        assert_eq!(missing(5), ["rules for signals"]);
        assert_eq!(missing(1).len(), 3);
    }

    #[test]
    fn no_device_is_made_where_files_may_be() {
        assert!(!writing().intersects(AccessFs::MakeBlock | AccessFs::MakeChar));
        assert!(writing().contains(AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::MakeSock));
    }
}
