//! Identifiers of things: percent-encoded paths and names, and UUIDs that follow from digests.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rescience_digest::Digest;

/// What stays as it is: the unreserved characters of RFC 3986.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &NAME.remove(b'/');

/// A path as a relative reference. A colon is encoded too, since it would end a scheme.
pub(crate) fn path(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// A name as one segment of an identifier.
pub(crate) fn name(name: &str) -> String {
    utf8_percent_encode(name, NAME).to_string()
}

/// Whether a text is an address in the web and nothing else.
pub(crate) fn is_web(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte))
    })
}

/// The UUID that follows from `parts`, of version 8: the same parts have the same one everywhere.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let framed: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    let digest = Digest::of(framed.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_references() {
        assert_eq!(path("a/b c#1?.csv"), "a/b%20c%231%3F.csv");
        assert_eq!(path("c:x/ü"), "c%3Ax/%C3%BC");
        assert_eq!(name("a/b"), "a%2Fb");
    }

    #[test]
    fn only_addresses_are_addresses() {
        assert!(is_web("https://example.org/a?b=c#d"));
        for bad in ["example.org", "https://", "https://a b", "javascript:x", "https://a\"", "ü"] {
            assert!(!is_web(bad), "{bad}");
        }
    }

    #[test]
    fn a_uuid_follows_from_its_parts() {
        let one = uuid(&["key:00", "run", "0"]);
        assert_eq!(one, uuid(&["key:00", "run", "0"]));
        assert_ne!(one, uuid(&["key:00", "run", "1"]));
        assert_ne!(uuid(&["a", "bc"]), uuid(&["ab", "c"]));
        assert_eq!(one.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&one.as_bytes()[19]));
    }
}
