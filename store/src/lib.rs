//! The content-addressed store: bytes in, digests out, durable and shared by every project of a user.
//!
//! Start reading at [`Store`], which draws the tree on disk, and go on in this order:
//!
//! | module | holds | on disk |
//! |---|---|---|
//! | [`store`] | [`Store`]: opening, and which path belongs to what | `store/v1/` |
//! | [`artifact`] | [`Artifact`], [`Blob`]: what an action yields | |
//! | [`tree`] | [`Tree`], [`Entry`]: a directory as a canonical listing | |
//! | `write` | the one way into the store: temporary file, hash, sync, link | `objects/` |
//! | [`receive`] | [`Incoming`]: bytes from elsewhere, hashed as they come | |
//! | `read` | verified reading, and the cheap test that an object is intact | |
//! | `survey` | what a directory holds, judged before any of it is stored | |
//! | `adopt` | an output directory becomes a tree | |
//! | `import` | a project's files become artifacts, through the [`StatCache`] | |
//! | [`materialize`] | artifacts become files again | |
//! | [`trace`] | [`Trace`]: which key gave which artifacts | `traces/` |
//! | [`standing`] | [`Standing`]: whether a key has a result that can be used | |
//! | [`stamps`] | [`Stamps`]: how files looked, to tell whether anybody touched them | |
//! | [`trace_index`] | [`TraceIndex`]: the same, remembered | a cache beside the store |
//! | [`root`] | [`Root`]: what a project wants kept | `roots/` |
//! | [`journal`] | [`Journal`]: what happened, line by line | `log/` |
//! | [`lock`] | locks that die with their process | `locks/` |
//! | [`scratch`] | [`Scratch`]: private directories, swept when their owner is dead | `tmp/` |
//! | [`check`] | every damaged or missing object and the traces that hang on it | |
//! | `repair` | drops damaged objects and the traces that hang on them | |
//! | [`gc`] | what nobody wants any more | |
//!
//! The order of writing is the order of trust: a tree names only durable blobs, a trace names only
//! durable artifacts, a root names only durable traces. Deletion runs the other way, under the
//! exclusive lock.
//!
//! This crate knows no recipe and no paper, prints nothing, and reads neither the environment nor
//! the clock.

mod adopt;
pub mod artifact;
mod cache_file;
pub mod check;
mod closure;
mod codec;
mod error;
mod files;
pub mod gc;
mod graft;
mod import;
pub mod journal;
pub mod lock;
pub mod materialize;
mod read;
pub mod receive;
mod remove;
mod repair;
pub mod root;
pub mod scratch;
pub mod stamps;
pub mod standing;
pub mod stat_cache;
pub mod store;
mod survey;
pub mod trace;
pub mod trace_index;
pub mod tree;
mod write;

pub use artifact::{Artifact, Blob};
pub use check::{CheckReport, Problem, TraceName};
pub use error::StoreError;
pub use gc::{GcOptions, GcReport};
pub use journal::Journal;
pub use lock::{ExclusiveLock, KeyLock, SharedLock};
pub use materialize::Materialize;
pub use receive::{Incoming, Received};
pub use remove::remove_tree;
pub use repair::Repaired;
pub use root::Root;
pub use scratch::Scratch;
pub use stamps::Stamps;
pub use standing::Standing;
pub use stat_cache::StatCache;
pub use store::Store;
pub use trace::{Outcome, Trace};
pub use trace_index::TraceIndex;
pub use tree::{Entry, Tree};
