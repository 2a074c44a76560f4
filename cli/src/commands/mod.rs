//! One file per command: settings in, a few calls down, words out.

pub(crate) mod build;
pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod check_store;
pub(crate) mod cite;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod fetch;
pub(crate) mod gc;
pub(crate) mod log;
pub(crate) mod metadata;
pub(crate) mod new;
pub(crate) mod publish;
pub(crate) mod reproduce;
pub(crate) mod trace;
pub(crate) mod tree;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod why;
