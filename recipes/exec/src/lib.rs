//! Execution: the only code that starts processes and measures the machine.

mod actions;
pub mod bounded;
pub mod build;
pub mod cargo;
pub mod clock;
pub mod event;
pub mod facts;
pub mod host;
mod lending;
pub mod patch;
pub mod printable;
pub mod proof;
pub mod remote;
pub mod request;
pub mod sandbox;
pub mod still;
pub mod studio;
pub mod supervisor;
pub mod toolchain;
pub mod views;
mod world;
