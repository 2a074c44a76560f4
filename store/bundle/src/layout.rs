//! The frame of a zip, taken apart by the byte.
//!
//! A zip says everything twice, in the header before each file and in the directory at its end, and
//! readers differ in which they believe. A bundle has only one reading: files lie one behind the
//! other from the first byte, stored as they are, every field holds what a [`Writer`](crate::Writer)
//! writes there, both places agree, and behind the directory nothing follows. All else is refused
//! before a byte of any file is used, so that no tool can be shown another content than ours.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::error::{BundleError, Context as _, Result};
use crate::name::Names;

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const END_SIZE: u64 = 22;
/// Version 1.0 is all that stored files need.
const VERSION: u16 = 10;
/// Unix made it, whose modes are above.
const UNIX: u16 = 3;
/// 1980-01-01 00:00, the first that a zip can say.
const TIME_AND_DATE: u32 = 0x0021_0000;
/// Set where a path is not ASCII: it is UTF-8.
const UTF8: u16 = 1 << 11;

/// A file in the zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path.
    pub name: String,
    /// Where its bytes begin.
    pub start: u64,
    /// How many there are.
    pub size: u64,
    /// Their CRC-32, which the zip keeps.
    pub crc: u32,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// Reads the frame of a zip.
///
/// # Errors
/// [`BundleError::Refused`] with the first thing that no bundle has.
pub fn members(file: &mut File, path: &Path) -> Result<Vec<Member>> {
    let refused = |reason: String| BundleError::Refused { path: path.to_owned(), reason };
    let length = file.seek(SeekFrom::End(0)).context("read", path)?;
    if length < END_SIZE {
        return Err(refused("it is too short to be a zip".to_owned()));
    }
    let mut at = |start: u64, bytes: &mut [u8]| -> Result<()> {
        file.seek(SeekFrom::Start(start)).context("read", path)?;
        file.read_exact(bytes).context("read", path)
    };
    let mut end = [0; END_SIZE as usize];
    at(length - END_SIZE, &mut end)?;
    let (count, size, start) = parse_end(&end, length).map_err(refused)?;
    let mut directory = vec![0; size as usize];
    at(start, &mut directory)?;
    let mut names = Names::default();
    let mut members = Vec::with_capacity(usize::from(count));
    let mut rest = directory.as_slice();
    let mut next = 0;
    for _ in 0..count {
        let (entry, behind) = Entry::parse(rest).map_err(refused)?;
        rest = behind;
        let name = entry.name;
        let member = entry.member(next).map_err(|reason| refused(format!("`{name}` {reason}")))?;
        names.take(&member.name).map_err(|reason| refused(format!("`{name}`: {reason}")))?;
        next = member.start + member.size;
        if next > start {
            return Err(refused(format!("`{name}` reaches into the central directory")));
        }
        let expected = entry.local();
        let mut found = vec![0; expected.len()];
        at(u64::from(entry.offset), &mut found)?;
        if found != expected {
            return Err(refused(format!(
                "the header of `{name}` does not agree with the central directory"
            )));
        }
        members.push(member);
    }
    if !rest.is_empty() {
        return Err(refused("its central directory is longer than its entries".to_owned()));
    }
    if next != start {
        return Err(refused(format!(
            "{} bytes before the central directory belong to no file",
            start - next
        )));
    }
    Ok(members)
}

/// The number of entries, and the size and the start of the directory.
fn parse_end(end: &[u8; END_SIZE as usize], length: u64) -> Result<(u16, u64, u64), String> {
    if &end[..4] != END {
        return Err("it does not end as a zip does: it is cut short, or something follows".into());
    }
    let (disks, here, all) = (u32_at(end, 4), u16_at(end, 8), u16_at(end, 10));
    let (size, start, comment) = (u32_at(end, 12), u32_at(end, 16), u16_at(end, 20));
    if disks != 0 || here != all {
        return Err("it claims to be part of several".to_owned());
    }
    if comment != 0 {
        return Err("it has a comment".to_owned());
    }
    if all == u16::MAX || size == u32::MAX || start == u32::MAX {
        return Err("it is in the form for large zips, which bundles do not use yet".to_owned());
    }
    let (size, start) = (u64::from(size), u64::from(start));
    if start + size + END_SIZE != length {
        return Err("its central directory is not where its end says".to_owned());
    }
    Ok((all, size, start))
}

/// An entry of the central directory.
struct Entry<'a> {
    name: &'a str,
    head: &'a [u8],
    offset: u32,
}

impl<'a> Entry<'a> {
    const SIZE: usize = 46;

    fn parse(from: &'a [u8]) -> Result<(Entry<'a>, &'a [u8]), String> {
        let cut = || "its central directory is cut short".to_owned();
        let (head, rest) = from.split_at_checked(Entry::SIZE).ok_or_else(cut)?;
        if &head[..4] != CENTRAL {
            return Err("its central directory holds something else than entries".to_owned());
        }
        let (name, rest) = rest.split_at_checked(u16_at(head, 28).into()).ok_or_else(cut)?;
        let name = std::str::from_utf8(name).map_err(|_| "a path is not UTF-8".to_owned())?;
        Ok((Entry { name, head, offset: u32_at(head, 42) }, rest))
    }

    /// The file, which must begin where the one before ended.
    fn member(&self, next: u64) -> Result<Member, String> {
        let head = self.head;
        let mode = u32_at(head, 38) >> 16;
        match mode & 0o170_000 {
            0o120_000 => return Err("is a symbolic link".to_owned()),
            0o040_000 => return Err("is a directory".to_owned()),
            _ => {}
        }
        let (method, size) = (u16_at(head, 10), u32_at(head, 20));
        if method != 0 {
            return Err("is compressed, and could unfold without bound".to_owned());
        }
        if u32_at(head, 24) != size {
            return Err("has two sizes".to_owned());
        }
        if u64::from(self.offset) != next {
            let how =
                if u64::from(self.offset) < next { "overlaps" } else { "leaves a gap behind" };
            return Err(format!("{how} the file before it"));
        }
        let executable = mode == 0o100_755;
        if !(executable || mode == 0o100_644) || u32_at(head, 38) & 0xffff != 0 {
            return Err(format!("has the mode {mode:o}, which bundles do not use"));
        }
        let plain = u16_at(head, 4) == UNIX << 8 | VERSION
            && u16_at(head, 6) == VERSION
            && u16_at(head, 8) == flags(self.name)
            && u32_at(head, 12) == TIME_AND_DATE
            && head[30..38].iter().all(|byte| *byte == 0);
        if !plain {
            return Err("has an entry that no bundle has".to_owned());
        }
        Ok(Member {
            name: self.name.to_owned(),
            start: next + 30 + self.name.len() as u64,
            size: size.into(),
            crc: u32_at(head, 16),
            executable,
        })
    }

    /// The header that must stand before the file.
    fn local(&self) -> Vec<u8> {
        // Version, flags, method, time, date, CRC, both sizes and the length of the path stand in
        // both places in one order.
        let fields = &self.head[6..30];
        [LOCAL.as_slice(), fields, &[0, 0], self.name.as_bytes()].concat()
    }
}

fn flags(name: &str) -> u16 {
    if name.is_ascii() { 0 } else { UTF8 }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
