//! Results shared through every kind of place, by people who may lie.

mod bucket;
mod folder;
mod hostile;
mod registry;
mod s3;
mod support;
