//! What isolation a machine offers, found by trying it, and what to do about the rest.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Isolation, Level, Limits, Spec};

/// What runs get here at best.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The best level that a cell could be started with.
    pub level: Level,
    /// Why no better one could.
    pub lacks: Vec<Lack>,
}

/// Something that is missing for a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// The level that it is missing for.
    pub level: Isolation,
    /// What was tried, and how it failed.
    pub why: String,
    /// What a person can do.
    pub mend: String,
}

impl Lack {
    /// Explains a failure to start a cell on the machine whose files are under `root`.
    pub(crate) fn explain(level: Isolation, why: String, root: &Path) -> Lack {
        let mend = match level {
            Isolation::Full => mend_namespaces(&why, root),
            _ => "use a kernel with Landlock and seccomp: Linux 5.13 or newer".to_owned(),
        };
        Lack { level, why, mend }
    }
}

/// A program that does nothing, with files below `dir`.
pub(super) fn nothing(dir: &Path, isolation: Isolation) -> Spec {
    Spec {
        argv: ["/bin/sh", "-c", ":"].map(Into::into).to_vec(),
        cwd: "/".into(),
        env: Default::default(),
        limits: Limits::wall(Duration::from_secs(10)),
        control: dir.join("control"),
        stdout: dir.join("stdout"),
        stderr: dir.join("stderr"),
        shown: Vec::new(),
        network: false,
        gpus: Vec::new(),
        observed: false,
        isolation,
    }
}

/// The reasons that users meet, in the order in which they hide each other.
fn mend_namespaces(why: &str, root: &Path) -> String {
    let setting = |path: &str| {
        let text = std::fs::read_to_string(root.join("proc/sys").join(path)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    if setting("user/max_user_namespaces") == Some(0) {
        return "allow user namespaces: `sysctl -w user.max_user_namespaces=15000`".to_owned();
    }
    if setting("kernel/unprivileged_userns_clone") == Some(0) {
        return "allow user namespaces: `sysctl -w kernel.unprivileged_userns_clone=1`".to_owned();
    }
    if setting("kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        return "AppArmor forbids user namespaces to programs without a profile: put \
                `abi <abi/4.0>, include <tunables/global> profile rescience \
                @{HOME}/.cargo/bin/rescience flags=(unconfined) { userns, }` into \
                /etc/apparmor.d/rescience and run `apparmor_parser -r /etc/apparmor.d/rescience`"
            .to_owned();
    }
    if why.contains("/proc") {
        return "the container covers /proc: start it with `--security-opt systempaths=unconfined`"
            .to_owned();
    }
    if why.contains("Function not implemented") || why.contains("ENOSYS") {
        return "use a newer kernel: Linux 5.12 or newer".to_owned();
    }
    "if this is a container, start it with `--security-opt seccomp=unconfined --security-opt \
     apparmor=unconfined --security-opt systempaths=unconfined`"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_mend() {
        let mend = |settings: &[(&str, &str)], why: &str| {
            let root = tempfile::tempdir().unwrap();
            for (path, value) in settings {
                let path = root.path().join("proc/sys").join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, value).unwrap();
            }
            Lack::explain(Isolation::Full, why.to_owned(), root.path()).mend
        };
        let refused = "new namespaces: EPERM: Operation not permitted";
        let max = ("user/max_user_namespaces", "0\n");
        assert!(mend(&[max], refused).contains("user.max_user_namespaces"));
        let clone = ("kernel/unprivileged_userns_clone", "0\n");
        assert!(mend(&[clone], refused).contains("kernel.unprivileged_userns_clone=1"));
        let armor = ("kernel/apparmor_restrict_unprivileged_userns", "1\n");
        assert!(mend(&[armor], refused).contains("/etc/apparmor.d/rescience"));
        let proc = "a private /proc: EPERM: Operation not permitted";
        assert!(mend(&[], proc).contains("systempaths=unconfined"));
        assert!(mend(&[("user/max_user_namespaces", "9\n")], refused).contains("container"));
    }
}
