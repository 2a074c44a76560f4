//! Bundles handed on and got back, over connections that break.

mod git;
mod oci;
mod registry;
mod support;
mod web;
mod zenodo;
