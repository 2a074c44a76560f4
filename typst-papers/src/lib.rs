//! Papers: artifacts in, PDF out.
//!
//! This crate cannot run code and sees no directory, no clock, no environment and no network: all
//! that a paper can show is in the [`PaperInput`] that [`typeset`] is given, and the same input
//! gives the same bytes on any machine.
//!
//! Reading order: [`input`] and [`results`] say what comes in, [`stats`] what is computed from it,
//! `data` how it reaches the typst package (`package/`, described for its users in
//! `package/README.md`), `world` what typst may see, [`typeset()`] how the pages are made, and
//! [`problem`] how errors find their way back to the author's line. [`draw()`] makes the figures.

#[cfg(test)]
extern crate self as rescience_typst_papers;

pub mod citations;
mod closing;
mod data;
pub mod draw;
mod energy;
pub mod evidence;
mod export;
mod facts;
mod html;
pub mod input;
mod json;
mod ledger;
#[cfg(test)]
#[path = "../tests/measure/mod.rs"]
mod measure;
mod native;
pub mod problem;
pub mod reproduction;
pub mod results;
pub mod stats;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
mod typeset;
pub mod wall;
mod world;

pub use draw::{FigureData, FigureError, draw};
pub use input::{Author, FigureArtifact, Mode, PaperInput, ProjectMeta};
pub use problem::{Problem, Severity};
pub use results::Results;
pub use typeset::{Typeset, typeset};
pub use wall::Accounting;

/// The identity of everything that can change the bytes of a figure or a paper: typst and a digest
/// of this crate's sources, taken when it is compiled. Enters the keys of both.
pub const ENGINE: &str = env!("RESCIENCE_ENGINE");

#[cfg(test)]
mod tests {
    use super::ENGINE;

    #[test]
    fn the_engine_names_typst_and_a_digest() {
        let (typst, digest) = ENGINE.split_once(", engine ").expect("two parts");
        assert!(typst.starts_with("typst 0."), "{ENGINE}");
        assert!(digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit()), "{ENGINE}");
    }
}
