//! Stories told with the real binary, each in a small world of its own.

#[path = "../store/exchange/tests/exchange/archive.rs"]
mod archive;
#[path = "../store/cache/tests/cache/s3.rs"]
#[expect(dead_code, reason = "these stories need a part of it")]
mod s3;
#[path = "../store/exchange/tests/exchange/server.rs"]
#[expect(dead_code, reason = "these stories need a part of it")]
mod server;
mod support;

mod stories;
