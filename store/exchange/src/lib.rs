//! A bundle handed on to other places, and got back with the same bytes.
//!
//! | module | holds |
//! |---|---|
//! | [`address`] | where to and where from, as a person types it |
//! | [`dir`] | a folder |

pub mod address;
pub mod dir;
mod error;
mod watch;

pub use error::ExchangeError;
pub use watch::{Event, Watch, unwatched};
