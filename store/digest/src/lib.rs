//! Content digests: BLAKE3 names for bytes, and the canonical encoding behind action keys.
//!
//! | module | holds |
//! |---|---|
//! | [`id`] | [`Digest`], [`Sha256`] and [`ActionKey`]: 32 bytes each, never mistaken for one another |
//! | [`hasher`] | [`Hasher`]: bytes in, BLAKE3, SHA-256 and size out, in one pass |
//! | [`canonical`] | [`KeyHasher`] and [`Canonical`]: values in, one unambiguous encoding, a key out |
//!
//! This crate does no I/O and knows nothing of stores, recipes or files.

pub mod canonical;
pub mod hasher;
mod hex;
pub mod id;

pub use canonical::{Canonical, KeyHasher};
pub use hasher::{Hashed, Hasher, WideHasher};
pub use id::{ActionKey, Digest, ParseIdError, Sha256};
