//! The frame of a zip: the headers around its files, written and taken apart by the byte.
//!
//! A zip says everything twice, in the header before each file and in the directory at its end, and
//! readers differ in which they believe. A bundle has only one reading: files lie one behind the
//! other from the first byte, stored as they are, and every byte that is no file's is the one that
//! [`Member`] and [`end`] give for the files. A reader therefore writes the frame once more and
//! compares; all else is refused before a byte of any file is used, so that no tool can be shown
//! another content than ours.
//!
//! The form is that of PKWARE's APPNOTE 6.3, version 1.0 of it, or 4.5 where sizes or places need
//! more than 32 bits.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::error::{BundleError, Context as _, Result};
use crate::name::Names;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const WIDE_END: u32 = 0x0606_4b50;
const WIDE_LOCATOR: u32 = 0x0706_4b50;

const LOCAL_SIZE: u64 = 30;
const CENTRAL_SIZE: usize = 46;
const END_SIZE: u64 = 22;
const LOCATOR_SIZE: u64 = 20;
const WIDE_END_SIZE: u64 = 56;

/// Version 1.0 is all that stored files need.
const VERSION: u16 = 10;
/// Version 4.5 has numbers of 64 bits.
const WIDE_VERSION: u16 = 45;
/// Unix made it, whose modes are above.
const UNIX: u16 = 3 << 8;
/// 1980-01-01 00:00, the first that a zip can say.
const TIME_AND_DATE: u32 = 0x0021_0000;
/// Set where a path is not ASCII: it is UTF-8.
const UTF8: u16 = 1 << 11;
/// Marks numbers of 64 bits among the extra fields.
const WIDE: u16 = 1;

/// A file in the zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path.
    pub name: String,
    /// Where its header begins.
    pub offset: u64,
    /// How many bytes it has.
    pub size: u64,
    /// Their CRC-32, which the zip keeps.
    pub crc: u32,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// A number in a field of 32 bits; all ones where it does not fit and stands elsewhere.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn is_wide(number: u64) -> bool {
    number >= u64::from(u32::MAX)
}

impl Member {
    /// Where its bytes begin.
    pub fn start(&self) -> u64 {
        let extra = if is_wide(self.size) { 20 } else { 0 };
        self.offset + LOCAL_SIZE + self.name.len() as u64 + extra
    }

    /// The header before its bytes.
    pub(crate) fn local(&self) -> Vec<u8> {
        let wide = is_wide(self.size);
        let extra = if wide { extra(&[self.size, self.size]) } else { Vec::new() };
        let mut header = LOCAL.to_le_bytes().to_vec();
        self.common(&mut header, wide, &extra);
        header.extend(self.name.as_bytes());
        header.extend(extra);
        header
    }

    /// Its entry in the directory.
    pub(crate) fn central(&self) -> Vec<u8> {
        let mut numbers = Vec::new();
        if is_wide(self.size) {
            numbers.extend([self.size, self.size]);
        }
        if is_wide(self.offset) {
            numbers.push(self.offset);
        }
        let extra = if numbers.is_empty() { Vec::new() } else { extra(&numbers) };
        let wide = !numbers.is_empty();
        let mut entry = CENTRAL.to_le_bytes().to_vec();
        entry.extend((UNIX | version(wide)).to_le_bytes());
        self.common(&mut entry, wide, &extra);
        // No comment, the first disk, no internal attributes.
        entry.extend([0; 6]);
        let mode: u32 = if self.executable { 0o100_755 } else { 0o100_644 };
        entry.extend((mode << 16).to_le_bytes());
        entry.extend(narrow(self.offset).to_le_bytes());
        entry.extend(self.name.as_bytes());
        entry.extend(extra);
        entry
    }

    /// What stands in both places in one order.
    fn common(&self, into: &mut Vec<u8>, wide: bool, extra: &[u8]) {
        let flags = if self.name.is_ascii() { 0 } else { UTF8 };
        into.extend(version(wide).to_le_bytes());
        into.extend(flags.to_le_bytes());
        into.extend(0_u16.to_le_bytes());
        into.extend(TIME_AND_DATE.to_le_bytes());
        into.extend(self.crc.to_le_bytes());
        into.extend(narrow(self.size).to_le_bytes());
        into.extend(narrow(self.size).to_le_bytes());
        into.extend((self.name.len() as u16).to_le_bytes());
        into.extend((extra.len() as u16).to_le_bytes());
    }
}

fn version(wide: bool) -> u16 {
    if wide { WIDE_VERSION } else { VERSION }
}

fn extra(numbers: &[u64]) -> Vec<u8> {
    let mut extra = WIDE.to_le_bytes().to_vec();
    extra.extend((numbers.len() as u16 * 8).to_le_bytes());
    extra.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    extra
}

/// What follows a directory of so many entries, so many bytes long, that begins at `start`.
pub(crate) fn end(count: u64, size: u64, start: u64) -> Vec<u8> {
    let mut end = Vec::new();
    if count >= u64::from(u16::MAX) || is_wide(size) || is_wide(start) {
        end.extend(WIDE_END.to_le_bytes());
        end.extend((WIDE_END_SIZE - 12).to_le_bytes());
        end.extend((UNIX | WIDE_VERSION).to_le_bytes());
        end.extend(WIDE_VERSION.to_le_bytes());
        end.extend([0; 8]);
        for number in [count, count, size, start] {
            end.extend(number.to_le_bytes());
        }
        end.extend(WIDE_LOCATOR.to_le_bytes());
        end.extend(0_u32.to_le_bytes());
        end.extend((start + size).to_le_bytes());
        end.extend(1_u32.to_le_bytes());
    }
    end.extend(END.to_le_bytes());
    end.extend([0; 4]);
    let few = u16::try_from(count).unwrap_or(u16::MAX);
    end.extend(few.to_le_bytes());
    end.extend(few.to_le_bytes());
    end.extend(narrow(size).to_le_bytes());
    end.extend(narrow(start).to_le_bytes());
    end.extend([0; 2]);
    end
}

/// Reads the frame of a zip.
///
/// # Errors
/// [`BundleError::Refused`] with the first thing that no bundle has.
pub fn members(file: &mut File, path: &Path) -> Result<Vec<Member>> {
    let refused = |reason: String| BundleError::Refused { path: path.to_owned(), reason };
    let length = file.seek(SeekFrom::End(0)).context("read", path)?;
    let mut at = |start: u64, size: u64| -> Result<Vec<u8>> {
        let mut bytes = vec![0; size as usize];
        file.seek(SeekFrom::Start(start)).context("read", path)?;
        file.read_exact(&mut bytes).context("read", path)?;
        Ok(bytes)
    };
    let longest = END_SIZE + LOCATOR_SIZE + WIDE_END_SIZE;
    let tail = at(length.saturating_sub(longest), length.min(longest))?;
    let (count, size, start) = parse_end(&tail, length).map_err(refused)?;
    let directory = at(start, size)?;
    let mut names = Names::default();
    let mut members = Vec::new();
    let mut rest = directory.as_slice();
    let mut next = 0;
    for _ in 0..count {
        let (member, behind) = parse_entry(rest).map_err(refused)?;
        let entry = &rest[..rest.len() - behind.len()];
        rest = behind;
        let name = &member.name;
        let wrong = |reason: &str| refused(format!("`{name}` {reason}"));
        names.take(name).map_err(|reason| wrong(&format!("is no path here: {reason}")))?;
        if member.offset != next {
            let how = if member.offset < next { "overlaps" } else { "leaves a gap behind" };
            return Err(wrong(&format!("{how} the file before it")));
        }
        if entry != member.central() {
            return Err(wrong("has an entry that no bundle has"));
        }
        next = member.start().saturating_add(member.size);
        if next > start {
            return Err(wrong("reaches into the central directory"));
        }
        let expected = member.local();
        if at(member.offset, expected.len() as u64)? != expected {
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
fn parse_end(tail: &[u8], length: u64) -> Result<(u64, u64, u64), String> {
    let Some(at) = tail.len().checked_sub(END_SIZE as usize) else {
        return Err("it is too short to be a zip".to_owned());
    };
    let (before, last) = tail.split_at(at);
    if u32_at(last, 0) != END {
        return Err("it does not end as a zip does: it is cut short, or something follows".into());
    }
    if u32_at(last, 4) != 0 || u16_at(last, 8) != u16_at(last, 10) {
        return Err("it claims to be part of several".to_owned());
    }
    if u16_at(last, 20) != 0 {
        return Err("it has a comment".to_owned());
    }
    let mut found =
        (u64::from(u16_at(last, 10)), u64::from(u32_at(last, 12)), u64::from(u32_at(last, 16)));
    let full = |(count, size, start): (u64, u64, u64)| {
        count == u64::from(u16::MAX) || is_wide(size) || is_wide(start)
    };
    if full(found) {
        let wide = before.get(before.len().saturating_sub(76)..).filter(|it| it.len() == 76);
        let wide = wide.filter(|it| u32_at(it, 0) == WIDE_END);
        let wide = wide.ok_or("it lacks the numbers that do not fit its end")?;
        found = (u64_at(wide, 32), u64_at(wide, 40), u64_at(wide, 48));
    }
    let (count, size, start) = found;
    let expected = end(count, size, start);
    let ends = start.checked_add(size).and_then(|it| it.checked_add(expected.len() as u64));
    if ends != Some(length) {
        return Err("its central directory is not where its end says".to_owned());
    }
    // An entry has at least so many bytes: what claims more entries cannot hold them.
    if !tail.ends_with(&expected) || count > size / CENTRAL_SIZE as u64 {
        return Err("its end is not that of a bundle".to_owned());
    }
    Ok(found)
}

/// An entry of the directory, and what follows it. Its reader still has to compare its bytes.
fn parse_entry(from: &[u8]) -> Result<(Member, &[u8]), String> {
    let cut = || "its central directory is cut short".to_owned();
    let (head, rest) = from.split_at_checked(CENTRAL_SIZE).ok_or_else(cut)?;
    if u32_at(head, 0) != CENTRAL {
        return Err("its central directory holds something else than entries".to_owned());
    }
    let (name, rest) = rest.split_at_checked(u16_at(head, 28).into()).ok_or_else(cut)?;
    let (extra, rest) = rest.split_at_checked(u16_at(head, 30).into()).ok_or_else(cut)?;
    let name = std::str::from_utf8(name).map_err(|_| "a path is not UTF-8".to_owned())?;
    let wrong = |reason: &str| Err(format!("`{name}` {reason}"));
    let mode = u32_at(head, 38) >> 16;
    match mode & 0o170_000 {
        0o120_000 => return wrong("is a symbolic link"),
        0o040_000 => return wrong("is a directory"),
        _ if mode == 0o100_755 || mode == 0o100_644 => {}
        _ => return wrong(&format!("has the mode {mode:o}, which bundles do not use")),
    }
    if u16_at(head, 10) != 0 {
        return wrong("is compressed, and could unfold without bound");
    }
    if u32_at(head, 20) != u32_at(head, 24) {
        return wrong("has two sizes");
    }
    let (mut size, mut offset) = (u64::from(u32_at(head, 20)), u64::from(u32_at(head, 42)));
    let mut numbers = extra.get(4..).unwrap_or_default().chunks_exact(8);
    let mut number = || numbers.next().map(|bytes| u64_at(bytes, 0));
    if is_wide(size) {
        size = number().ok_or_else(cut)?;
        number().ok_or_else(cut)?;
    }
    if is_wide(offset) {
        offset = number().ok_or_else(cut)?;
    }
    let (name, crc, executable) = (name.to_owned(), u32_at(head, 16), mode == 0o100_755);
    Ok((Member { name, offset, size, crc, executable }, rest))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Headers around holes: only the frame is there.
    fn framed(sizes: &[(&str, u64)]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let (mut at, mut directory) = (0, Vec::new());
        for (name, size) in sizes {
            let (name, size) = ((*name).to_owned(), *size);
            let member = Member { name, offset: at, size, crc: 0, executable: false };
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&member.local()).unwrap();
            at = member.start() + size;
            directory.extend(member.central());
        }
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&directory).unwrap();
        file.write_all(&end(sizes.len() as u64, directory.len() as u64, at)).unwrap();
        file
    }

    #[test]
    fn large_files_and_far_ones_are_read_as_others_read_them() {
        const EDGE: u64 = u32::MAX as u64;
        let sizes = [
            ("a", 5 << 30),
            ("b", EDGE),
            ("c", EDGE - 1),
            ("ü", 7),
            ("d", (1 << 36) + 3),
            ("e", 0),
        ];
        let mut file = framed(&sizes);
        let path = file.path().to_owned();
        let found = members(file.as_file_mut(), &path).unwrap();
        let mut other = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(other.len(), sizes.len());
        for (member, (name, size)) in found.iter().zip(sizes) {
            assert_eq!((member.name.as_str(), member.size), (name, size));
            let entry = other.by_name(name).unwrap();
            assert_eq!((entry.size(), entry.header_start()), (size, member.offset));
        }
    }

    #[test]
    fn more_files_than_sixteen_bits_count() {
        let names: Vec<String> = (0..66_000).map(|n| n.to_string()).collect();
        let sizes: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let mut file = framed(&sizes);
        let path = file.path().to_owned();
        assert_eq!(members(file.as_file_mut(), &path).unwrap().len(), names.len());
        assert_eq!(zip::ZipArchive::new(File::open(&path).unwrap()).unwrap().len(), names.len());
    }
}
