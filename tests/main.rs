//! Stories told with the real binary, each in a small world of its own.

mod support;

mod stories;
