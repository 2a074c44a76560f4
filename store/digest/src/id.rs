//! The 32-byte ids, one type per meaning, so that a key is never passed where content is meant.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::canonical::{Canonical, KeyHasher};
use crate::hex;

/// Text that is not an id of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}: expected {shape}")]
pub struct ParseIdError {
    /// What was read.
    pub text: String,
    /// The kind of id that was wanted, with its article.
    pub wanted: &'static str,
    /// How such an id is written.
    pub shape: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $wanted:literal, $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The id made of these bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> $name {
                $name(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// All 64 hexadecimal digits, without a prefix.
            pub fn hex(&self) -> String {
                hex::text(&hex::encode(&self.0)).to_owned()
            }

            /// The first 12 hexadecimal digits: enough for a person to tell two apart.
            pub fn short(&self) -> String {
                hex::text(&hex::encode(&self.0)[..12]).to_owned()
            }

            /// Reads what [`hex`](Self::hex) writes.
            pub fn from_hex(digits: &str) -> Option<$name> {
                hex::decode(digits.as_bytes()).map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(hex::text(&hex::encode(&self.0)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<$name, ParseIdError> {
                text.strip_prefix($prefix).and_then($name::from_hex).ok_or_else(|| ParseIdError {
                    text: text.to_owned(),
                    wanted: $wanted,
                    shape: $shape,
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                struct Text;

                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($wanted)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}

id! {
    /// The name of some bytes: their plain BLAKE3, written `b3:` and 64 hexadecimal digits, so that
    /// `b3sum` agrees.
    Digest, "b3:", "a digest", "`b3:` and 64 lower-case hexadecimal digits"
}

id! {
    /// The SHA-256 of some bytes, written as 64 hexadecimal digits: what other tools speak.
    Sha256, "", "a SHA-256", "64 lower-case hexadecimal digits"
}

id! {
    /// The name of an action: a digest over everything that can change what the action yields.
    ActionKey, "key:", "an action key", "`key:` and 64 lower-case hexadecimal digits"
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }
}

impl ActionKey {
    /// The key of `value` under `context`, a constant that names the purpose and its version: the
    /// same value under two contexts has two unrelated keys.
    pub fn of(context: &'static str, value: &(impl Canonical + ?Sized)) -> ActionKey {
        let mut hasher = KeyHasher::new(context);
        value.encode(&mut hasher);
        ActionKey(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    const ABC: &str = "b3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";

    #[test]
    fn a_digest_is_plain_blake3() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(Digest::of(b"abc").short(), "6437b3ac3846");
        assert_eq!(Digest::of(b"abc").hex(), ABC["b3:".len()..]);
    }

    #[test]
    fn kinds_of_ids_are_not_read_as_one_another() {
        let hex = Digest::of(b"abc").hex();
        assert!(format!("key:{hex}").parse::<Digest>().is_err());
        assert!(ABC.parse::<ActionKey>().is_err());
        assert!(ABC.parse::<Sha256>().is_err());
        assert!(hex.parse::<Digest>().is_err());
        assert!(hex.parse::<Sha256>().is_ok());
    }

    #[test]
    fn errors_say_what_was_wanted() {
        assert_eq!(
            "b3:12".parse::<Digest>().unwrap_err().to_string(),
            "`b3:12` is not a digest: expected `b3:` and 64 lower-case hexadecimal digits"
        );
        assert_eq!(
            "12".parse::<Sha256>().unwrap_err().to_string(),
            "`12` is not a SHA-256: expected 64 lower-case hexadecimal digits"
        );
    }

    #[test]
    fn json_holds_the_text() {
        let digest = Digest::of(b"abc");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{ABC}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<ActionKey>(&json).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(20_260_131),
            ..ProptestConfig::default()
        })]

        #[test]
        fn every_id_survives_its_text(bytes: [u8; 32]) {
            let digest = Digest::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            let sha256 = Sha256::from_bytes(bytes);
            prop_assert_eq!(sha256.to_string().parse(), Ok(sha256));
            let key = ActionKey::from_bytes(bytes);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn text_that_parses_is_the_only_spelling(text in "b3:[0-9a-fA-F]{62,66}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            } else {
                prop_assert!(text.len() != ABC.len() || text.bytes().any(|b| b.is_ascii_uppercase()));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text: String) {
            prop_assert!(text.parse::<Digest>().is_err());
        }
    }
}
