//! Bundles handed on and got back, over connections that break.

#[expect(dead_code, reason = "nothing is sent yet")]
mod support;
mod web;
