//! Where a path leads a program: through links as the program sees them, not as this process does.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use nix::unistd::Pid;

use super::view::Visible;

/// How many links the kernel follows on one way.
const LINKS: usize = 40;

/// What a path from the root is a path to, for a process that sees what is `visible`. None where
/// links lead in a circle. What does not exist leads to itself.
pub(super) fn follow(path: &Path, process: Pid, visible: &[Visible]) -> Option<PathBuf> {
    let mut left = steps(path);
    let (mut found, mut links) = (PathBuf::from("/"), 0);
    while let Some(step) = left.pop() {
        if step == ".." {
            found.pop();
            continue;
        }
        let at = found.join(step);
        let Some(target) = target(&at, process, visible) else {
            found = at;
            continue;
        };
        links += 1;
        if links > LINKS {
            return None;
        }
        if target.is_absolute() {
            found = PathBuf::from("/");
        }
        left.extend(steps(&target));
    }
    Some(found)
}

/// The steps of a path, the first one last.
fn steps(path: &Path) -> Vec<OsString> {
    let step = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(step).collect()
}

/// Where the link at a place leads; none if there is no link, or none that can be looked at.
fn target(at: &Path, process: Pid, visible: &[Visible]) -> Option<PathBuf> {
    if let Ok(inside) = at.strip_prefix("/proc") {
        return of_process(inside, process);
    }
    visible.iter().find_map(|shown| fs::read_link(shown.host(at)?).ok())
}

/// Where the kernel's own links below `/proc` lead a process. All in one view have one root.
fn of_process(inside: &Path, process: Pid) -> Option<PathBuf> {
    let names: Option<Vec<&str>> = inside.iter().map(|name| name.to_str()).collect();
    let names = names?;
    let (who, rest) = names.split_first()?;
    let is_own = matches!(*who, "self" | "thread-self");
    let is_process = is_own || who.bytes().all(|byte| byte.is_ascii_digit());
    let rest = match rest {
        ["task", _, rest @ ..] => rest,
        rest => rest,
    };
    match rest {
        ["root"] if is_process => Some("/".into()),
        ["cwd"] if is_own => link(process, "cwd"),
        ["fd", number] if is_own => link(process, &format!("fd/{number}")),
        _ => None,
    }
}

/// A link of a process's to a file with a name, as the process sees it.
pub(super) fn link(process: Pid, name: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/{name}")).ok().filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn led(path: &str, visible: &[Visible]) -> Option<PathBuf> {
        follow(Path::new(path), Pid::this(), visible)
    }

    #[test]
    fn links_are_followed_as_the_program_sees_them() {
        let dir = tempfile::tempdir().unwrap();
        for (to, name) in
            [("/secret/of/somebody", "far"), ("data", "near"), ("..", "up"), ("circle", "circle")]
        {
            symlink(to, dir.path().join(name)).unwrap();
        }
        let visible = [Visible::new("/inputs/x", dir.path())];
        let to = |path: &str| Some(PathBuf::from(path));
        assert_eq!(led("/inputs/x/far", &visible), to("/secret/of/somebody"));
        assert_eq!(led("/inputs/x/far/file", &visible), to("/secret/of/somebody/file"));
        assert_eq!(led("/inputs/x/near", &visible), to("/inputs/x/data"));
        assert_eq!(led("/inputs/x/up/y/../../z", &visible), to("/z"));
        assert_eq!(led("/inputs/x/absent/./a", &visible), to("/inputs/x/absent/a"));
        assert_eq!(led("/inputs/x/circle", &visible), None);
        // Where it is not shown, nobody looks.
        let far = dir.path().join("far");
        assert_eq!(led(far.to_str().unwrap(), &visible), Some(far));
        assert_eq!(led("/../../a//b/../c", &[]), to("/a/c"));
        // A link can be shown by itself.
        let visible = [Visible::new("/one", dir.path().join("far"))];
        assert_eq!(led("/one", &visible), to("/secret/of/somebody"));
    }

    #[test]
    fn the_kernels_own_links_lead_where_the_process_is() {
        let dir = tempfile::tempdir().unwrap();
        let open = fs::File::open(dir.path()).unwrap();
        let to = |path: &str| Some(PathBuf::from(path));
        for root in ["self", "thread-self", "1", "self/task/7"] {
            assert_eq!(led(&format!("/proc/{root}/root/a"), &[]), to("/a"), "{root}");
        }
        let of_file = format!("/proc/self/fd/{}/a", open.as_raw_fd());
        assert_eq!(led(&of_file, &[]), Some(dir.path().join("a")));
        assert_eq!(led("/proc/self/cwd/a", &[]), Some(std::path::absolute("a").unwrap()));
        for plain in ["/proc/net/root", "/proc/self/status", "/proc/self/fd/9999", "/proc/cpuinfo"]
        {
            assert_eq!(led(plain, &[]), to(plain));
        }
    }
}
