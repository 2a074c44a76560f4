//! Base64 in its one spelling: padded, and without bits that nobody reads.

use base64ct::{Base64, Encoding as _};

/// The padded text in the standard alphabet.
pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// The bytes of a padded text in the standard alphabet.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_spelling_is_refused() {
        assert_eq!(decode("+//+AQ==").as_deref(), Some(&[0xfb, 0xff, 0xfe, 0x01][..]));
        for bad in
            ["+//+AR==", "+//+AQ", "+_/+AQ==", "+//+AQ=", "+//+AQ===", "AQ ==", "A", "=", "é"]
        {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
