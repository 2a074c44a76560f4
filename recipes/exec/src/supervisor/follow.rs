//! What a path leads a program to: looked up in the program's own root, link by link where need be.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::{Component, Path, PathBuf};

use nix::unistd::Pid;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::guard;
use super::processes::link;
use crate::sandbox::{Isolation, Spec};

/// How many links the kernel follows on one way.
const LINKS: usize = 40;

/// How many steps are gone on one way; a program can make it as long as it likes.
const STEPS: usize = 500;

/// What is made for each program in a root of its own, so that nothing of the machine is missed there.
const MADE: [&str; 3] = ["/proc", "/sys", "/dev"];

/// File systems at which a look can ask somebody for something, of which a program would so speak to
/// others by what it tries to open.
const ASKING: [&str; 2] = ["autofs", "fuse"];

/// How often a look is repeated that somebody disturbed who renamed something meanwhile.
const TRIES: usize = 8;

/// What a program sees of the machine, and what this process may look at.
#[derive(Debug)]
pub(super) struct Sight {
    /// Where it may open files of the machine's root; none if it has a root of its own, and sees
    /// what is there.
    places: Option<Vec<PathBuf>>,
    mounts: Mounts,
}

/// A path as a call names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// From the root, with all its links.
    pub(super) path: PathBuf,
    /// Whether the call goes through a link at its end.
    pub(super) through: bool,
    /// Whether it is about a directory and nothing else.
    pub(super) directory: bool,
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
        let real = |path: PathBuf| path.canonicalize().ok();
        let places = || guard::places(spec).into_iter().filter_map(real).collect();
        let places = (spec.isolation != Isolation::Full).then(places);
        Sight { places, mounts: Mounts::read() }
    }

    /// Looks a path up as this process would.
    pub(super) fn look(&self, asked: &Asked, process: Pid) -> Led {
        let Some(root) = root_of(process) else { return Led::Nowhere };
        if let Some(found) = open(&root, &asked.path, asked.through) {
            // In a root of its own it sees what is there.
            let path = self.places.as_ref().and_then(|_| path_of(&found));
            return match path.filter(|path| !self.has(path, process)) {
                Some(path) => self.hidden(path),
                None => Led::Seen(found),
            };
        }
        let links = |at: &Path| target(at, process);
        match follow(&asked.path, asked.through, links) {
            None => Led::Nowhere,
            // What is not there for the program may be there for others.
            Some(path) if !self.has(&path, process) => self.hidden(path),
            // The kernel's own links lead out of what may be looked up.
            Some(path) => open(&root, &path, false).map_or(Led::Nowhere, Led::Seen),
        }
    }

    /// Whether the program sees something at a path without links.
    fn has(&self, path: &Path, process: Pid) -> bool {
        match &self.places {
            Some(places) => places.iter().any(|place| path.starts_with(place)),
            None => {
                MADE.iter().any(|made| path.starts_with(made))
                    || within(process, path).symlink_metadata().is_ok()
            }
        }
    }

    /// Only a file that is there can be missed, and only one that can be looked at without asking
    /// for it.
    fn hidden(&self, path: PathBuf) -> Led {
        let may_look = |at: &Path| !self.mounts.ask(at);
        let links = |at: &Path| fs::read_link(Some(at).filter(|at| may_look(at))?).ok();
        let real = follow(&path, true, links).filter(|real| may_look(real));
        let exists = real.is_some_and(|real| real.symlink_metadata().is_ok_and(|at| at.is_file()));
        if exists { Led::Hidden(path) } else { Led::Nowhere }
    }
}

/// Where file systems are mounted, and of which kind they are.
#[derive(Debug, Default)]
struct Mounts(Vec<(PathBuf, String)>);

impl Mounts {
    fn read() -> Mounts {
        Mounts::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    fn parse(text: &str) -> Mounts {
        let mount = |line: &str| {
            let (left, right) = line.split_once(" - ")?;
            let point = left.split(' ').nth(4)?.replace("\\040", " ");
            Some((PathBuf::from(point), right.split(' ').next()?.to_owned()))
        };
        Mounts(text.lines().filter_map(mount).collect())
    }

    /// Whether a look at this path may ask somebody: the innermost mount around it, of several at
    /// one point the last, is what answers.
    fn ask(&self, path: &Path) -> bool {
        let around = self.0.iter().filter(|(point, _)| path.starts_with(point));
        let innermost = around.max_by_key(|(point, _)| point.components().count());
        innermost.is_some_and(|(_, kind)| ASKING.iter().any(|asking| kind.starts_with(asking)))
    }
}

/// Opens what is at a path in a root, for no more than to look at it.
fn open(root: &File, path: &Path, through: bool) -> Option<File> {
    let end = if through { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::PATH | OFlags::CLOEXEC | end;
    let look = || openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT);
    let looks = std::iter::repeat_with(look).take(TRIES);
    let answer = looks.into_iter().find(|found| !matches!(found, Err(Errno::AGAIN)));
    answer?.ok().map(File::from)
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

/// Follows all links of a path, whether or not they lead to something; `through` tells whether that
/// at its end is one of them. None where it takes too long.
fn follow(path: &Path, through: bool, link: impl Fn(&Path) -> Option<PathBuf>) -> Option<PathBuf> {
    let mut left = steps(path);
    let (mut found, mut links) = (PathBuf::from("/"), 0);
    for _ in 0..STEPS {
        let Some(step) = left.pop() else { return Some(found) };
        if step == ".." {
            found.pop();
            continue;
        }
        let at = found.join(step);
        let through = through || !left.is_empty();
        let Some(target) = link(&at).filter(|_| through) else {
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
        || number() && numbers_of(process).iter().any(|own| own == who);
    let rest = match rest {
        ["task", _, rest @ ..] => rest,
        rest => rest,
    };
    match rest {
        ["root"] if is_own || number() => Some("/".into()),
        ["cwd" | "exe"] if is_own => link(process, rest[0]),
        ["fd", descriptor] if is_own => link(process, &format!("fd/{descriptor}")),
        _ => None,
    }
}

/// The numbers that a thread and its process have for themselves.
fn numbers_of(thread: Pid) -> Vec<String> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let numbers = |name| status.lines().find_map(|line| line.strip_prefix(name));
    let innermost = |numbers: &str| numbers.split_whitespace().last().map(str::to_owned);
    ["NSpid:", "NStgid:"].into_iter().filter_map(numbers).filter_map(innermost).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn led(path: impl Into<PathBuf>) -> Option<PathBuf> {
        follow(&path.into(), true, |at| target(at, Pid::this()))
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
        let itself = |path| follow(&at(path), false, |at| target(at, Pid::this()));
        assert_eq!(itself("far"), Some(at("far")));
        assert_eq!(itself("far/file"), to("/secret/of/somebody/file"));
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
        let sight = Sight { places: Some(vec![dir.join("shown")]), mounts: Mounts::read() };
        let look = |path: &str, through| {
            let asked = Asked { path: dir.join(path), through, directory: false };
            sight.look(&asked, Pid::this())
        };
        assert!(matches!(look("shown/file", true), Led::Seen(_)));
        assert!(matches!(look("shown/link", false), Led::Seen(_)));
        for path in ["beside/file", "shown/link", "shown/../beside/file"] {
            let Led::Hidden(found) = look(path, true) else { panic!("{path}") };
            assert_eq!(found, dir.join("beside/file"));
        }
        // A directory is no file, by a link neither.
        symlink("beside", dir.join("also")).unwrap();
        for path in ["beside", "also", "beside/absent", "shown/absent"] {
            assert!(matches!(look(path, true), Led::Nowhere | Led::Seen(_)), "{path}");
            assert!(!matches!(look(path, true), Led::Hidden(_)), "{path}");
        }
    }

    /// What a look would have fetched from elsewhere is not looked at.
    #[test]
    fn nobody_is_asked_for_what_a_program_asks_for() {
        let mounts = Mounts::parse(
            "20 1 0:1 / / rw - ext4 /dev/vda rw\n\
             21 20 0:2 / /net rw shared:1 - autofs auto.net rw\n\
             22 20 0:3 / /home rw - autofs auto.home rw\n\
             23 22 0:4 / /home/a\\040b rw - nfs4 host:/a rw\n\
             24 20 0:5 / /mnt/phone rw - fuse.mtp phone rw\n",
        );
        for asks in ["/net", "/net/host/x", "/home/c", "/mnt/phone/x"] {
            assert!(mounts.ask(Path::new(asks)), "{asks}");
        }
        for plain in ["/", "/nets", "/home/a b/x", "/mnt/x"] {
            assert!(!mounts.ask(Path::new(plain)), "{plain}");
        }
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        fs::write(dir.join("file"), "x").unwrap();
        symlink(dir.join("file"), dir.join("link")).unwrap();
        let autofs = || Mounts(vec![(dir.clone(), "autofs".to_owned())]);
        let sight = |mounts| Sight { places: Some(Vec::new()), mounts };
        let found = |mounts| sight(mounts).hidden(dir.join("link"));
        assert!(matches!(found(Mounts::default()), Led::Hidden(_)));
        assert!(matches!(found(autofs()), Led::Nowhere));
    }

    #[test]
    fn what_the_kernels_own_links_lead_to_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let open = File::open(dir.path()).unwrap();
        fs::write(dir.path().join("a"), "x").unwrap();
        let sight = Sight { places: None, mounts: Mounts::default() };
        let path = PathBuf::from(format!("/proc/self/fd/{}/a", open.as_raw_fd()));
        let asked = Asked { path, through: true, directory: false };
        let Led::Seen(found) = sight.look(&asked, Pid::this()) else { panic!("not seen") };
        assert_eq!(path_of(&found), Some(dir.path().join("a")));
    }
}
