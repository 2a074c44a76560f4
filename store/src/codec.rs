//! How caches are written: numbers of 64 bits, little endian, and texts with their length before.

use rescience_digest::Digest;

use crate::cache_file::Time;

/// Appends a number.
pub(crate) fn number(number: u64, into: &mut Vec<u8>) {
    into.extend(number.to_le_bytes());
}

/// Appends a time.
pub(crate) fn time((seconds, nanos): Time, into: &mut Vec<u8>) {
    into.extend(seconds.to_le_bytes());
    into.extend(nanos.to_le_bytes());
}

/// Appends bytes with their length before them.
pub(crate) fn text(text: &[u8], into: &mut Vec<u8>) {
    number(text.len() as u64, into);
    into.extend(text);
}

/// Appends the digest of all that was written, so that [`Reader::whole`] knows it again.
pub(crate) fn close(bytes: &mut Vec<u8>) {
    let digest = Digest::of(bytes);
    bytes.extend(digest.as_bytes());
}

/// What is left to read; every method is `None` at the end.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader of bytes that end with the digest of what is before it; gives the digest, too.
    pub(crate) fn whole(bytes: &'a [u8]) -> Option<(Reader<'a>, Digest)> {
        let (bytes, digest) = bytes.split_last_chunk()?;
        let digest = Digest::from_bytes(*digest);
        (Digest::of(bytes) == digest).then_some((Reader(bytes), digest))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub(crate) fn digest(&mut self) -> Option<Digest> {
        self.bytes().map(Digest::from_bytes)
    }

    pub(crate) fn time(&mut self) -> Option<Time> {
        Some((i64::from_le_bytes(self.bytes()?), i64::from_le_bytes(self.bytes()?)))
    }

    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }
}
