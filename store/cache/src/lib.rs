//! Results shared with colleagues: what one of them computed, the others take, if they trust the key
//! that signed it.
//!
//! | module | holds |
//! |---|---|
//! | [`place`] | [`Place`]: where a cache is, as a person types it |
//! | [`access`] | [`Access`]: what gives access to it |
//! | [`cache`] | [`Cache`]: opened, asked, added to |
//! | [`layout`] | which name belongs to what |
//! | [`trust`] | [`Trust`]: whose traces count |
//! | [`fetch`] | [`Found`]: the traces of a key, and everything they name |
//! | `parcel` | what a trace names and the store lacks |
//! | [`push`] | [`Pushed`]: a trace, and everything it names |
//! | `shelf` | what every kind of place does |
//! | `folder` | a directory that everybody mounts |
//! | `bucket` | S3-compatible storage |
//! | `registry` | an OCI registry |
//!
//! The order of writing is the order of trust, as in the store: blobs, trees, the signature, the
//! trace. Whatever is read may come from somebody who lies: objects are compared with their digests
//! while they come, and traces count only under a signature by a key that is allowed.
//!
//! The crate prints nothing and reads neither the environment nor the clock.

pub mod access;
mod bucket;
pub mod cache;
mod error;
pub mod fetch;
mod folder;
pub mod layout;
mod parcel;
pub mod place;
pub mod push;
mod registry;
mod shelf;
pub mod trust;

pub use access::{Access, S3};
pub use cache::Cache;
pub use error::CacheError;
pub use fetch::{Accepted, Found, Refused};
pub use place::Place;
pub use push::Pushed;
pub use trust::Trust;
