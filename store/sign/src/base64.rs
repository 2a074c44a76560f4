//! Base64 with one spelling per alphabet: padded or not, but never with bits that nobody reads.

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding as _};

/// The padded text in the standard alphabet.
pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// The bytes of a padded text in the standard alphabet.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// The bytes of a text in the standard or the URL-safe alphabet, padded or not.
pub(crate) fn decode_any(text: &str) -> Option<Vec<u8>> {
    let bytes = match (text.contains(['-', '_']), text.ends_with('=')) {
        (false, false) => Base64Unpadded::decode_vec(text),
        (false, true) => Base64::decode_vec(text),
        (true, false) => Base64UrlUnpadded::decode_vec(text),
        (true, true) => Base64Url::decode_vec(text),
    };
    bytes.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_and_one_is_written() {
        let bytes = [0xfb, 0xff, 0xfe, 0x01];
        assert_eq!(encode(&bytes), "+//+AQ==");
        for text in ["+//+AQ==", "+//+AQ", "-__-AQ==", "-__-AQ"] {
            assert_eq!(decode_any(text).as_deref(), Some(&bytes[..]), "{text}");
        }
        assert_eq!(decode_any("").as_deref(), Some(&b""[..]));
        assert_eq!(decode("+//+AQ"), None);
    }

    #[test]
    fn a_second_spelling_is_refused() {
        for bad in [
            "+//+AR==",
            "+//+AR",
            "-__-AR==",
            "-__-AR",
            "+_/+AQ==",
            "+//+AQ=",
            "+//+AQ===",
            "AQ ==",
            "A",
            "=",
            "é",
        ] {
            assert_eq!(decode_any(bad), None, "{bad}");
        }
    }
}
