//! Links the program at fixed addresses.
//!
//! It is started again as the supervisor of every run. A position-independent program of this size
//! spends more time on a hundred thousand relocations than on all that a supervisor does first.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-bins=-no-pie");
}
