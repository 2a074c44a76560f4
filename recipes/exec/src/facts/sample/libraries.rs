//! The files of code that a run's processes really mapped, and which build of each it was.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::unistd::Pid;
use object::elf::{ELF_NOTE_GNU, FileHeader32, FileHeader64, NT_GNU_BUILD_ID};
use object::read::ReadCache;
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind, ReadRef};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, major, minor, openat, openat2};
use serde::{Deserialize, Serialize};

use crate::sandbox::SOFTWARE;

/// How many looks are taken at first, and then at each of how many; a library that is loaded late
/// is seen late, and reading all mappings of a large program takes a millisecond.
const AT_FIRST: u32 = 4;
const LATER: u32 = 40;

/// The most files that are kept.
const MOST: usize = 1000;

/// The most bytes of a list of mappings that are looked at.
const LISTING: u64 = 8 << 20;

/// The most bytes that are read of a file of code: its head, and where its notes are.
const HEADS: u64 = 1 << 20;

/// A file of code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Library {
    /// The id that the linker gave to this very build, in hex.
    pub build_id: Option<String>,
    /// The version at the end of the file's name: `12.4.127` of `libcudart.so.12.4.127`.
    pub version: Option<String>,
}

/// Finds them.
#[derive(Default)]
pub(super) struct Finder {
    looks: u32,
    found: BTreeMap<String, Library>,
    programs: BTreeSet<PathBuf>,
}

impl Finder {
    pub(super) fn look(&mut self, pids: &[Pid]) {
        self.looks += 1;
        if self.looks > AT_FIRST && !self.looks.is_multiple_of(LATER) {
            return;
        }
        for pid in pids {
            let program = fs::read_link(format!("/proc/{pid}/exe")).ok();
            self.programs.extend(program.filter(|_| self.programs.len() < MOST));
            let maps = listing(*pid);
            let mut root = None;
            for mapped in code(&maps) {
                if self.found.len() < MOST && !self.found.contains_key(mapped.path) {
                    // As the process sees it, which is not as this one does.
                    let root = root.get_or_insert_with(|| root_of(*pid));
                    let file = root.as_ref().and_then(|root| mapped.open(root));
                    let library = Library {
                        build_id: file.and_then(build_id),
                        version: version(mapped.path),
                    };
                    self.found.insert(mapped.path.to_owned(), library);
                }
            }
        }
    }

    /// The files of code by their paths, and those of them that processes were started from.
    pub(super) fn finish(self) -> (BTreeMap<String, Library>, BTreeSet<PathBuf>) {
        (self.found, self.programs)
    }
}

fn listing(pid: Pid) -> String {
    let mut text = Vec::new();
    // What was read before an error counts.
    let _read = File::open(format!("/proc/{pid}/maps"))
        .map(|maps| maps.take(LISTING).read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

fn root_of(pid: Pid) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, format!("/proc/{pid}/root"), flags, Mode::empty()).ok()
}

/// A file that is mapped so that it can be executed.
#[derive(Debug, PartialEq, Eq)]
struct Mapped<'a> {
    /// Its path without links; a line feed in it reads `\012`, and so may four other letters.
    path: &'a str,
    device: (u32, u32),
    inode: u64,
}

impl Mapped<'_> {
    /// Opens what lies at the path below `root`, if it is the file that was mapped.
    ///
    /// A program can put anything at a path after it mapped a file from there, or at one that only
    /// reads alike. Opening it must not wait for a writer, leave the root, or end at a device.
    fn open(&self, root: &OwnedFd) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let resolve =
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        let file = openat2(root, self.path, flags, Mode::empty(), resolve).ok()?;
        let seen = fstat(&file).ok()?;
        let same =
            (major(seen.st_dev), minor(seen.st_dev)) == self.device && seen.st_ino == self.inode;
        let regular = FileType::from_raw_mode(seen.st_mode) == FileType::RegularFile;
        (regular && (same || self.is_software())).then(|| file.into())
    }

    /// Whether it is among the system's software, which no program can exchange. Layered file
    /// systems and those with subvolumes name other devices in mappings than elsewhere.
    fn is_software(&self) -> bool {
        let below =
            |dir: &str| self.path.strip_prefix(dir).is_some_and(|inside| inside.starts_with('/'));
        SOFTWARE.iter().any(|dir| below(dir)) && !self.path.contains('\\')
    }
}

/// The files in a list of mappings that are mapped so that they can be executed.
fn code(maps: &str) -> impl Iterator<Item = Mapped<'_>> {
    maps.lines().filter_map(|line| {
        // Address, permissions, offset, device, inode, and a path that may have spaces.
        let mut words = line.split_whitespace();
        let executable = words.nth(1)?.as_bytes().get(2) == Some(&b'x');
        let (major, minor) = words.nth(1)?.split_once(':')?;
        let device = (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
        let inode = words.next()?.parse().ok()?;
        let path = &line[line.find('/')?..];
        let there = executable && !path.ends_with(" (deleted)");
        there.then_some(Mapped { path, device, inode })
    })
}

/// The note that the linker left in a program or library.
fn build_id(file: File) -> Option<String> {
    let heads = Heads { file: ReadCache::new(file), left: Cell::new(HEADS) };
    let id = match FileKind::parse(&heads).ok()? {
        FileKind::Elf32 => note::<FileHeader32<Endianness>>(&heads),
        FileKind::Elf64 => note::<FileHeader64<Endianness>>(&heads),
        _ => None,
    }?;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn note<Header: FileHeader<Endian = Endianness>>(heads: &Heads) -> Option<&[u8]> {
    let header = Header::parse(heads).ok()?;
    let endian = header.endian().ok()?;
    for segment in header.program_headers(endian, heads).ok()? {
        let Ok(Some(mut notes)) = segment.notes(endian, heads) else { continue };
        while let Ok(Some(note)) = notes.next() {
            if note.name() == ELF_NOTE_GNU && note.n_type(endian) == NT_GNU_BUILD_ID {
                return Some(note.desc());
            }
        }
    }
    None
}

/// A file whose heads say where to read, and may lie: what is read of it is bounded.
struct Heads {
    file: ReadCache<File>,
    left: Cell<u64>,
}

impl Heads {
    fn spend(&self, bytes: u64) -> Result<(), ()> {
        self.left.set(self.left.get().checked_sub(bytes).ok_or(())?);
        Ok(())
    }
}

impl<'a> ReadRef<'a> for &'a Heads {
    fn len(self) -> Result<u64, ()> {
        self.file.len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        self.spend(size)?;
        self.file.read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        self.spend(range.end.saturating_sub(range.start))?;
        self.file.read_bytes_at_until(range, delimiter)
    }
}

fn version(path: &str) -> Option<String> {
    let (_, version) = path.rsplit_once(".so.")?;
    let digits = version
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    digits.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_code_count() {
        let maps = "5581-5582 r--p 00000000 fe:00 42 /usr/bin/python3.11\n\
                    5582-5583 r-xp 00001000 fe:00 42 /usr/bin/python3.11\n\
                    7f00-7f01 r-xp 00000000 fe:00 43 /opt/my libs/libcudnn.so.9.1.0\n\
                    7f02-7f03 rw-p 00000000 00:00 0 [heap]\n\
                    7f04-7f05 r-xp 00000000 00:00 0 [vdso]\n\
                    7f06-7f07 r-xp 00000000 fe:00 44 /tmp/gone (deleted)\n";
        let file = |path, inode| Mapped { path, device: (0xfe, 0), inode };
        let expected =
            [file("/usr/bin/python3.11", 42), file("/opt/my libs/libcudnn.so.9.1.0", 43)];
        assert_eq!(code(maps).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn versions_stand_at_the_end_of_names() {
        assert_eq!(version("/lib/libcudart.so.12.4.127").as_deref(), Some("12.4.127"));
        assert_eq!(version("/lib/libc.so.6").as_deref(), Some("6"));
        assert_eq!(version("/lib/libgomp-a34b3233.so.1.0.0a"), None);
        assert_eq!(version("/usr/bin/python3.11"), None);
    }

    #[test]
    fn what_is_no_program_has_no_build() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(build_id(file.reopen().unwrap()), None);
        // A head whose table of segments would be larger than anything that is read.
        let mut head = fs::read("/proc/self/exe").unwrap();
        assert!(build_id(File::open("/proc/self/exe").unwrap()).is_some());
        head.truncate(64);
        head[56..58].copy_from_slice(&u16::MAX.to_le_bytes());
        fs::write(file.path(), &head).unwrap();
        file.reopen().unwrap().set_len(1 << 40).unwrap();
        assert_eq!(build_id(file.reopen().unwrap()), None);
    }

    #[test]
    fn only_the_mapped_file_itself_is_read() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let root = openat(CWD, dir.path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("library"), "code").unwrap();
        let meta = fs::metadata(path("library")).unwrap();
        let mapped = |path| Mapped {
            path,
            device: (major(meta.dev()), minor(meta.dev())),
            inode: meta.ino(),
        };
        assert!(mapped("/library").open(&root).is_some());
        fs::write(path("other"), "code").unwrap();
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("library", path("link")).unwrap();
        std::os::unix::fs::symlink("/proc/self/exe", path("magic")).unwrap();
        for name in ["/other", "/pipe", "/link", "/magic", "/../../../etc/passwd", "/absent"] {
            assert!(mapped(name).open(&root).is_none(), "{name}");
        }
    }
}
