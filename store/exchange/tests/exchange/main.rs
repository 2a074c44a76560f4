//! Bundles handed on and got back, over connections that break.

mod archive;
mod git;
mod oci;
mod registry;
mod server;
mod web;
mod zenodo;
