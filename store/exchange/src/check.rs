//! What a bundle that arrived has to pass before it has its name.

use std::path::Path;

use crate::error::Result;

/// Looks at a file or a folder that is whole. What it refuses is removed, and takes no other's place.
pub type Check<'a, E> = dyn FnMut(&Path) -> Result<(), E> + 'a;

/// Refuses nothing.
pub fn unchecked(_: &Path) -> Result<()> {
    Ok(())
}
