//! The encoding behind action keys: values that differ never encode alike.
//!
//! A key stands for everything that can change a result, so two different values must never feed
//! the same bytes to the hash. Every token is therefore written as one byte that tells its kind,
//! followed by a payload whose length is fixed by the kind or written before it:
//!
//! | token | kind | payload |
//! |---|---|---|
//! | string | `s` | length, UTF-8 bytes |
//! | bytes | `b` | length, bytes |
//! | unsigned, signed | `u`, `i` | 8 bytes, little endian |
//! | float | `f` | the 8 bytes of its bits: `0.0` and `-0.0` differ |
//! | boolean | `T` or `F` | none |
//! | digest | `d` | 32 bytes |
//! | sequence | `[` | number of items; then the items |
//! | map | `{` | number of entries; then each key and its value, in key order |
//! | absent, present | `0`, `1` | none; then the value |
//!
//! Lengths and numbers are 64-bit little endian. A reader that knows the table could take any
//! encoding apart again, which is why no two share one.

use std::collections::BTreeMap;

use crate::id::{Digest, Sha256};

/// Hashes tokens into 32 bytes under a context, in BLAKE3's key-derivation mode.
///
/// Methods return the hasher, so that calls chain.
pub struct KeyHasher(blake3::Hasher);

impl KeyHasher {
    /// A hasher for one purpose; `context` names it and its version.
    pub fn new(context: &'static str) -> KeyHasher {
        KeyHasher(blake3::Hasher::new_derive_key(context))
    }

    /// Takes a string.
    pub fn str(&mut self, text: &str) -> &mut KeyHasher {
        self.counted(b's', text.len()).raw(text.as_bytes())
    }

    /// Takes a string of bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut KeyHasher {
        self.counted(b'b', bytes.len()).raw(bytes)
    }

    /// Takes an unsigned number.
    pub fn u64(&mut self, number: u64) -> &mut KeyHasher {
        self.token(b'u', &number.to_le_bytes())
    }

    /// Takes a signed number, distinct from the unsigned one of the same value.
    pub fn i64(&mut self, number: i64) -> &mut KeyHasher {
        self.token(b'i', &number.to_le_bytes())
    }

    /// Takes a float by its bits.
    pub fn f64(&mut self, number: f64) -> &mut KeyHasher {
        self.token(b'f', &number.to_bits().to_le_bytes())
    }

    /// Takes a boolean.
    pub fn bool(&mut self, value: bool) -> &mut KeyHasher {
        self.raw(if value { b"T" } else { b"F" })
    }

    /// Takes a digest.
    pub fn digest(&mut self, digest: &Digest) -> &mut KeyHasher {
        self.token(b'd', digest.as_bytes())
    }

    /// Opens a sequence; exactly `len` values follow.
    pub fn seq(&mut self, len: usize) -> &mut KeyHasher {
        self.counted(b'[', len)
    }

    /// Opens a map; exactly `len` keys follow, in order, each with its value behind it.
    pub fn map(&mut self, len: usize) -> &mut KeyHasher {
        self.counted(b'{', len)
    }

    /// Takes an absent value.
    pub fn none(&mut self) -> &mut KeyHasher {
        self.raw(b"0")
    }

    /// Announces a present value, which follows.
    pub fn some(&mut self) -> &mut KeyHasher {
        self.raw(b"1")
    }

    /// The 32 bytes for all tokens seen.
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }

    fn counted(&mut self, kind: u8, len: usize) -> &mut KeyHasher {
        self.token(kind, &(len as u64).to_le_bytes())
    }

    fn token(&mut self, kind: u8, payload: &[u8]) -> &mut KeyHasher {
        self.raw(&[kind]).raw(payload)
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut KeyHasher {
        self.0.update(bytes);
        self
    }
}

/// A value with one canonical encoding: equal values encode alike, different ones never do.
///
/// A struct encodes as a map or a sequence of its fields, an enum as the name of its variant and
/// the fields behind it.
pub trait Canonical {
    /// Feeds the value to `into`.
    fn encode(&self, into: &mut KeyHasher);
}

macro_rules! canonical {
    ($($type:ty: |$value:ident, $into:ident| $encode:expr;)*) => {
        $(impl Canonical for $type {
            fn encode(&self, $into: &mut KeyHasher) {
                let $value = self;
                $encode;
            }
        })*
    };
}

canonical! {
    str: |text, into| into.str(text);
    String: |text, into| into.str(text);
    u32: |number, into| into.u64(u64::from(*number));
    u64: |number, into| into.u64(*number);
    i64: |number, into| into.i64(*number);
    f64: |number, into| into.f64(*number);
    bool: |value, into| into.bool(*value);
    Digest: |digest, into| into.digest(digest);
    Sha256: |sha256, into| into.bytes(sha256.as_bytes());
}

impl<T: Canonical + ?Sized> Canonical for &T {
    fn encode(&self, into: &mut KeyHasher) {
        (**self).encode(into);
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn encode(&self, into: &mut KeyHasher) {
        match self {
            None => {
                into.none();
            }
            Some(value) => value.encode(into.some()),
        }
    }
}

impl<T: Canonical> Canonical for [T] {
    fn encode(&self, into: &mut KeyHasher) {
        into.seq(self.len());
        for item in self {
            item.encode(into);
        }
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn encode(&self, into: &mut KeyHasher) {
        self.as_slice().encode(into);
    }
}

impl<K: Canonical, V: Canonical> Canonical for BTreeMap<K, V> {
    fn encode(&self, into: &mut KeyHasher) {
        into.map(self.len());
        for (key, value) in self {
            key.encode(into);
            value.encode(into);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::id::ActionKey;

    const CONTEXT: &str = "rescience digest tests 1";

    /// Any value at all, with equality by bits.
    #[derive(Clone, Debug, PartialEq)]
    enum Any {
        Text(String),
        Bytes(Vec<u8>),
        Unsigned(u64),
        Signed(i64),
        Float(u64),
        Truth(bool),
        Digest([u8; 32]),
        Sequence(Vec<Any>),
        Map(BTreeMap<String, Any>),
        Maybe(Option<Box<Any>>),
    }

    impl Canonical for Any {
        fn encode(&self, into: &mut KeyHasher) {
            match self {
                Any::Text(text) => text.encode(into),
                Any::Bytes(bytes) => {
                    into.bytes(bytes);
                }
                Any::Unsigned(number) => number.encode(into),
                Any::Signed(number) => number.encode(into),
                Any::Float(bits) => f64::from_bits(*bits).encode(into),
                Any::Truth(value) => value.encode(into),
                Any::Digest(bytes) => Digest::from_bytes(*bytes).encode(into),
                Any::Sequence(items) => items.encode(into),
                Any::Map(entries) => entries.encode(into),
                Any::Maybe(None) => {
                    into.none();
                }
                Any::Maybe(Some(value)) => value.encode(into.some()),
            }
        }
    }

    /// Small alphabets and numbers, so that near misses are common: text that spells tokens,
    /// numbers that equal lengths, nests that differ in where they end.
    fn any_value() -> impl Strategy<Value = Any> {
        let leaf = prop_oneof![
            "[su0\\[\\{\u{0}\u{1}]{0,3}".prop_map(Any::Text),
            prop::collection::vec(prop::sample::select(b"su0[{\0\x01".to_vec()), 0..3)
                .prop_map(Any::Bytes),
            (0u64..3).prop_map(Any::Unsigned),
            (-1i64..3).prop_map(Any::Signed),
            prop::sample::select(vec![0u64, 1, 1 << 63]).prop_map(Any::Float),
            any::<bool>().prop_map(Any::Truth),
            prop::sample::select(vec![[0; 32], [1; 32]]).prop_map(Any::Digest),
            Just(Any::Maybe(None)),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Any::Sequence),
                prop::collection::btree_map("[ab]{0,2}", inner.clone(), 0..3).prop_map(Any::Map),
                inner.prop_map(|value| Any::Maybe(Some(Box::new(value)))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 4096,
            rng_seed: RngSeed::Fixed(20_260_131),
            ..ProptestConfig::default()
        })]
        #[test]
        fn keys_are_alike_exactly_when_values_are(a in any_value(), b in any_value()) {
            prop_assert_eq!(ActionKey::of(CONTEXT, &a) == ActionKey::of(CONTEXT, &b), a == b);
        }
    }

    /// The shapes that encodings without lengths or kinds confuse, all different from each other.
    #[test]
    fn famous_confusions_are_told_apart() {
        let text = |text: &str| Any::Text(text.to_owned());
        let map = |entries: &[(&str, Any)]| {
            Any::Map(entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
        };
        let shapes = [
            text(""),
            text("ab"),
            Any::Bytes(b"ab".to_vec()),
            Any::Bytes(Vec::new()),
            Any::Sequence(vec![text("ab"), text("c")]),
            Any::Sequence(vec![text("a"), text("bc")]),
            Any::Sequence(vec![Any::Sequence(vec![text("ab")]), text("c")]),
            Any::Sequence(Vec::new()),
            Any::Sequence(vec![Any::Sequence(Vec::new())]),
            map(&[]),
            map(&[("a", text("b"))]),
            Any::Sequence(vec![text("a"), text("b")]),
            Any::Unsigned(1),
            Any::Signed(1),
            Any::Truth(true),
            Any::Truth(false),
            Any::Unsigned(0),
            Any::Float(0),
            Any::Float(1 << 63),
            Any::Maybe(None),
            Any::Maybe(Some(Box::new(Any::Maybe(None)))),
            Any::Maybe(Some(Box::new(Any::Unsigned(0)))),
            Any::Digest([0; 32]),
            Any::Bytes(vec![0; 32]),
        ];
        for (i, a) in shapes.iter().enumerate() {
            for b in &shapes[..i] {
                assert_ne!(ActionKey::of(CONTEXT, a), ActionKey::of(CONTEXT, b), "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn the_context_separates_purposes() {
        assert_ne!(ActionKey::of(CONTEXT, "a"), ActionKey::of("rescience digest tests 2", "a"));
    }

    /// Pinned: if this changes, every key that anybody ever recorded is lost.
    #[test]
    fn the_encoding_never_changes() {
        let value: BTreeMap<String, Vec<Option<f64>>> =
            [("lr".to_owned(), vec![Some(1e-3), None]), ("steps".to_owned(), vec![Some(3000.0)])]
                .into();
        assert_eq!(
            ActionKey::of(CONTEXT, &value).to_string(),
            "key:28ab727591b82fb90ee90edd037bdd895c0003172ce37fcf1eca42c504e3e948"
        );
    }
}
