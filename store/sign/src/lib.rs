//! Signatures with the SSH keys that researchers have already: what `ssh-keygen -Y` writes and
//! reads, and in-toto statements in DSSE envelopes.
//!
//! | module | holds |
//! |---|---|
//! | [`namespace`] | one name per kind of signed document, so that none passes for another |
//! | [`key`] | [`PublicKey`]: the kinds of keys whose signatures count |
//! | [`signer`] | [`Signer`]: a private key in a file, or in an `ssh-agent` |
//! | [`sshsig`] | [`Signature`]: over any bytes, for one namespace |
//! | [`allowed`] | [`AllowedSigners`]: whose key it is, for what, and when |
//! | [`pattern`] | the lists of names and wildcards in that file |
//! | [`dsse`] | [`Envelope`]: a document and its signatures in one JSON file |
//! | [`statement`] | [`Statement`]: what the document claims of which files |
//!
//! Everything that is read here may come from somebody who lies: whatever has two readings is
//! refused, and a signature says only which key made it. Start reading at [`sshsig`].
//!
//! The crate reads no environment and no clock; the socket of the agent and the time come from the
//! caller.

mod agent;
pub mod allowed;
mod base64;
pub mod dsse;
mod error;
pub mod key;
pub mod namespace;
pub mod pattern;
pub mod signer;
pub mod sshsig;
pub mod statement;

pub use allowed::AllowedSigners;
pub use dsse::Envelope;
pub use error::SignError;
pub use key::PublicKey;
pub use signer::Signer;
pub use sshsig::Signature;
pub use statement::Statement;
