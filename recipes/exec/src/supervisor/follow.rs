//! What a path leads a program to: looked up in the program's own root, link by link where need be.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::{Component, Path, PathBuf};

use nix::unistd::Pid;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use super::guard;
use super::processes::link;
use crate::sandbox::{Isolation, Spec};

/// How many links the kernel follows on one way.
const LINKS: usize = 40;

/// How many steps are gone on one way; a program can make it as long as it likes.
const STEPS: usize = 500;

/// What is made for each program, so that nothing of the machine is missed there.
const MADE: [&str; 3] = ["/proc", "/sys", "/dev"];

/// What a program sees of the machine.
#[derive(Debug)]
pub(super) enum Sight {
    /// What is in a root of its own.
    Root,
    /// The machine's root, where it may open what lies in these places.
    Places(Vec<PathBuf>),
}

/// A path as a call names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// From the root, with all its links.
    pub(super) path: PathBuf,
    /// Whether the call goes through a link at its end.
    pub(super) through: bool,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Led {
    /// To what the program sees.
    Seen(File),
    /// To a file that is there, but not for it.
    Hidden(PathBuf),
    /// To nothing, or to what nobody can tell.
    Nowhere,
}

impl Sight {
    /// What the programs of this spec see.
    pub(super) fn of(spec: &Spec) -> Sight {
        match spec.isolation {
            Isolation::Full => Sight::Root,
            Isolation::Partial | Isolation::None => {
                let places = guard::places(spec).into_iter();
                Sight::Places(places.filter_map(|path| path.canonicalize().ok()).collect())
            }
        }
    }

    /// Looks a path up as this process would.
    pub(super) fn look(&self, asked: &Asked, process: Pid) -> Led {
        let Some(root) = root_of(process) else { return Led::Nowhere };
        let end = if asked.through { OFlags::empty() } else { OFlags::NOFOLLOW };
        let flags = OFlags::PATH | OFlags::CLOEXEC | end;
        let found = openat2(&root, &asked.path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
        match (found, self) {
            (Ok(found), Sight::Root) => Led::Seen(found.into()),
            (Ok(found), Sight::Places(_)) => {
                let found = File::from(found);
                match path_of(&found) {
                    Some(path) if !self.has(&path, process) => hidden(path),
                    _ => Led::Seen(found),
                }
            }
            // What is not there for the program may be there for others.
            (Err(_), _) => match follow(asked, process) {
                Some(path) if !self.has(&path, process) => hidden(path),
                _ => Led::Nowhere,
            },
        }
    }

    /// Whether the program sees something at a path without links.
    fn has(&self, path: &Path, process: Pid) -> bool {
        let is_below = |place: &str| path.starts_with(place);
        MADE.into_iter().any(is_below)
            || match self {
                Sight::Root => within(process, path).symlink_metadata().is_ok(),
                Sight::Places(places) => places.iter().any(|place| path.starts_with(place)),
            }
    }
}

/// Only a file that is there can be missed.
fn hidden(path: PathBuf) -> Led {
    let exists = path.symlink_metadata().is_ok_and(|at| !at.is_dir());
    if exists { Led::Hidden(path) } else { Led::Nowhere }
}

/// The path of an open file, as the program sees it.
pub(super) fn path_of(file: &File) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok();
    path.filter(|path| path.is_absolute())
}

fn root_of(process: Pid) -> Option<File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, format!("/proc/{process}/root"), flags, Mode::empty());
    root.ok().map(File::from)
}

/// Where this process finds what another one sees at a path.
fn within(process: Pid, path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").unwrap_or(path);
    Path::new("/proc").join(process.to_string()).join("root").join(inside)
}

/// Follows all links of a path as the process would, whether or not they lead to something it sees.
/// None where that takes too long.
fn follow(asked: &Asked, process: Pid) -> Option<PathBuf> {
    let mut left = steps(&asked.path);
    let (mut found, mut links) = (PathBuf::from("/"), 0);
    for _ in 0..STEPS {
        let Some(step) = left.pop() else { return Some(found) };
        if step == ".." {
            found.pop();
            continue;
        }
        let at = found.join(step);
        let through = asked.through || !left.is_empty();
        let Some(target) = target(&at, process).filter(|_| through) else {
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
    None
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

/// Where the link at a place leads; none if there is none.
fn target(at: &Path, process: Pid) -> Option<PathBuf> {
    match at.strip_prefix("/proc") {
        Ok(inside) => of_process(inside, process),
        Err(_) => fs::read_link(within(process, at)).ok(),
    }
}

/// Where the kernel's own links below `/proc` lead a process. All in one view have one root.
fn of_process(inside: &Path, process: Pid) -> Option<PathBuf> {
    let names: Option<Vec<&str>> = inside.iter().map(|name| name.to_str()).collect();
    let names = names?;
    let (who, rest) = names.split_first()?;
    let number = || who.bytes().all(|byte| byte.is_ascii_digit());
    let is_own = matches!(*who, "self" | "thread-self")
        || number() && number_of(process).is_some_and(|own| own == *who);
    let rest = match rest {
        ["task", _, rest @ ..] => rest,
        rest => rest,
    };
    match rest {
        ["root"] if is_own || number() => Some("/".into()),
        ["cwd"] if is_own => link(process, "cwd"),
        ["fd", descriptor] if is_own => link(process, &format!("fd/{descriptor}")),
        _ => None,
    }
}

/// The number that a process has for itself.
fn number_of(process: Pid) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    numbers.split_whitespace().last().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn led(path: impl Into<PathBuf>) -> Option<PathBuf> {
        follow(&Asked { path: path.into(), through: true }, Pid::this())
    }

    #[test]
    fn links_are_followed_to_where_they_lead() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (to, name) in
            [("/secret/of/somebody", "far"), ("data", "near"), ("..", "up"), ("circle", "circle")]
        {
            symlink(to, at(name)).unwrap();
        }
        let to = |path: &str| Some(PathBuf::from(path));
        assert_eq!(led(at("far")), to("/secret/of/somebody"));
        assert_eq!(led(at("far/file")), to("/secret/of/somebody/file"));
        assert_eq!(led(at("near")), Some(at("data")));
        assert_eq!(led(at("up/y/../z")), Some(dir.path().with_file_name("z")));
        assert_eq!(led(at("absent/./a")), Some(at("absent/a")));
        assert_eq!(led(at("circle")), None);
        assert_eq!(led("/../../a//b/../c"), to("/a/c"));
        let itself = Asked { path: at("far"), through: false };
        assert_eq!(follow(&itself, Pid::this()), Some(at("far")));
        let inside = Asked { path: at("far/file"), through: false };
        assert_eq!(follow(&inside, Pid::this()), to("/secret/of/somebody/file"));
        assert_eq!(led("/x/..".repeat(STEPS)), None);
    }

    #[test]
    fn as_many_links_are_followed_as_the_kernel_follows() {
        let dir = tempfile::tempdir().unwrap();
        let at = |number: usize| dir.path().join(number.to_string());
        for number in 0..=LINKS {
            symlink(at(number + 1), at(number)).unwrap();
        }
        fs::write(at(LINKS + 1), "x").unwrap();
        for (first, follows) in [(1, true), (0, false)] {
            assert_eq!(File::open(at(first)).is_ok(), follows, "the kernel");
            assert_eq!(led(at(first)), follows.then(|| at(LINKS + 1)));
        }
    }

    #[test]
    fn the_kernels_own_links_lead_where_the_process_is() {
        let dir = tempfile::tempdir().unwrap();
        let open = File::open(dir.path()).unwrap();
        let to = |path: &str| Some(PathBuf::from(path));
        let own = std::process::id().to_string();
        for root in ["self", "thread-self", "1", "self/task/7", &own] {
            assert_eq!(led(format!("/proc/{root}/root/a")), to("/a"), "{root}");
        }
        for own in ["self", &own] {
            let of_file = format!("/proc/{own}/fd/{}/a", open.as_raw_fd());
            assert_eq!(led(of_file), Some(dir.path().join("a")));
            let here = std::path::absolute("a").unwrap();
            assert_eq!(led(format!("/proc/{own}/cwd/a")), Some(here));
        }
        for plain in ["/proc/net/root", "/proc/self/status", "/proc/self/fd/9999", "/proc/cpuinfo"]
        {
            assert_eq!(led(plain), to(plain));
        }
    }

    #[test]
    fn places_are_seen_and_what_lies_beside_them_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        for name in ["shown", "beside"] {
            fs::create_dir(dir.join(name)).unwrap();
            fs::write(dir.join(name).join("file"), "x").unwrap();
        }
        symlink("../beside/file", dir.join("shown/link")).unwrap();
        let sight = Sight::Places(vec![dir.join("shown")]);
        let look =
            |path: &str, through| sight.look(&Asked { path: dir.join(path), through }, Pid::this());
        assert!(matches!(look("shown/file", true), Led::Seen(_)));
        assert!(matches!(look("shown/link", false), Led::Seen(_)));
        for path in ["beside/file", "shown/link", "shown/../beside/file"] {
            let Led::Hidden(found) = look(path, true) else { panic!("{path}") };
            assert_eq!(found, dir.join("beside/file"));
        }
        for path in ["beside", "beside/absent", "shown/absent"] {
            assert!(matches!(look(path, true), Led::Nowhere | Led::Seen(_)), "{path}");
            assert!(!matches!(look(path, true), Led::Hidden(_)), "{path}");
        }
    }
}
