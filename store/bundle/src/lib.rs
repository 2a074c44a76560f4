//! A bundle: a paper's closure as one deterministic zip that any tool can read, and anybody check.
//!
//! | module | holds |
//! |---|---|
//! | [`write`] | [`Writer`]: files in, the same bytes out whenever and wherever |
//! | [`layout`] | the frame of a zip, taken apart by the byte: whatever a [`Writer`] would not write is refused |
//! | [`name`] | which paths a bundle may hold |
//! | [`manifest`] | the two lists of digests, as `b3sum -c` and `sha256sum -c` read them |
//! | [`read`] | [`Bundle`]: a zip or its unpacked folder, file by file |
//! | [`verify`] | every file against both lists |
//! | `unpack` | every file into a new folder, checked on the way |
//! | [`secret`] | what looks like a key or a token, or is one |
//! | [`draft`] | what is in the making, beside its place |
//!
//! A bundle is text and bytes to this crate: it knows no recipe and no paper, and reads neither the
//! environment nor the clock.

pub mod draft;
mod error;
pub mod layout;
pub mod manifest;
pub mod name;
pub mod read;
pub mod secret;
mod unpack;
pub mod verify;
pub mod write;

pub use error::BundleError;
pub use read::Bundle;
pub use verify::{Depth, Finding, verify};
pub use write::Writer;
