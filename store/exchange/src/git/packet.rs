//! The lines in which git speaks over http: four hexadecimal digits, and so many bytes with them.

/// What ends a list of lines.
pub(super) const FLUSH: &[u8] = b"0000";

/// One step of a reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// A line, without the newline at its end.
    Line(&'a [u8]),
    /// The end of a list.
    Flush,
}

/// Adds a line.
pub(super) fn write(to: &mut Vec<u8>, line: &str) {
    to.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
}

/// Takes the first line off; none if it is not there whole yet.
///
/// # Errors
/// As a fragment, why it is no line.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Result<Option<Packet<'a>>, String> {
    let Some((digits, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let size =
        str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
    let packet = match size {
        Some(0) => {
            *bytes = rest;
            Packet::Flush
        }
        Some(size @ 4..) if bytes.len() < size => return Ok(None),
        Some(size @ 4..) => {
            let (line, rest) = rest.split_at(size - 4);
            *bytes = rest;
            Packet::Line(line.strip_suffix(b"\n").unwrap_or(line))
        }
        _ => return Err(format!("`{}` is no length of a line", digits.escape_ascii())),
    };
    if let Packet::Line(line) = &packet
        && let Some(words) = line.strip_prefix(b"ERR ")
    {
        return Err(format!("it says \"{}\"", words.escape_ascii()));
    }
    Ok(Some(packet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_off_one_by_one() {
        let mut written = Vec::new();
        write(&mut written, "a\n");
        write(&mut written, "");
        written.extend_from_slice(FLUSH);
        written.extend_from_slice(b"0009ab");
        let mut bytes = &*written;
        assert_eq!(take(&mut bytes), Ok(Some(Packet::Line(b"a"))));
        assert_eq!(take(&mut bytes), Ok(Some(Packet::Line(b""))));
        assert_eq!(take(&mut bytes), Ok(Some(Packet::Flush)));
        assert_eq!((take(&mut bytes), bytes), (Ok(None), &b"0009ab"[..]));
        assert!(take(&mut &b"<htm"[..]).is_err());
        assert!(take(&mut &b"0003"[..]).is_err());
        assert_eq!(take(&mut &b"000aERR no"[..]), Err("it says \"no\"".to_owned()));
    }
}
