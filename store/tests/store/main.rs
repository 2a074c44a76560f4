//! Stories about a whole store, told through its public interface.

mod collect;
mod corrupt;
mod crash;
mod directories;
mod race;
mod support;
