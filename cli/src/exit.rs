//! Exit codes, so that scripts can rely on them.

/// Everything asked for was done.
pub(crate) const OK: u8 = 0;
/// The command line itself was wrong.
pub(crate) const USAGE: u8 = 1;
/// The recipe, the build or the store was found wrong.
pub(crate) const FAILED: u8 = 101;
/// Stopped by Ctrl-C, as shells report it.
pub(crate) const INTERRUPTED: u8 = 130;
