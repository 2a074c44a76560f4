//! A bundle handed on to other places, and got back with the same bytes.
//!
//! | module | holds |
//! |---|---|
//! | [`address`] | where to and where from, as a person types it |
//! | [`dir`] | a folder |
//! | [`git`] | a commit in a git repository |
//! | [`oci`] | an artifact in an OCI registry |
//! | [`web`] | a file behind an address |
//! | [`zenodo`] | a deposit with a DOI |
//!
//! The crate prints nothing and reads neither the environment nor `HOME`: tokens, certificates, a
//! proxy and whoever is told of progress come from the caller.

pub mod address;
mod check;
pub mod dir;
mod error;
pub mod git;
mod http;
pub mod oci;
mod token;
mod watch;
pub mod web;
pub mod zenodo;

pub use check::{Check, unchecked};
pub use error::ExchangeError;
pub use http::{Http, Options};
pub use token::{Credentials, Token};
pub use watch::{Event, Watch, unwatched};

/// The most bytes that are taken for one bundle: several times what Zenodo takes, so that nobody's data
/// is too large, and a server that never ends is left all the same.
pub(crate) const LARGEST: u64 = 1 << 38;
