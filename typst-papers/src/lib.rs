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
mod export;
mod facts;
mod html;
pub mod input;
mod json;
mod ledger;
mod native;
pub mod problem;
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

/// The identity of everything here that can change the bytes of a figure or a paper; enters the
/// keys of both. Raise the last number whenever `package/` or [`draw()`] changes what it prints.
pub const ENGINE: &str = "typst 0.15.1, @rescience/paper 0.1.0, plot 2, print 3";

/// The digest of `package/*.typ` and `src/draw/` under this [`ENGINE`].
#[cfg(test)]
const PINNED: &str = "d41fcb37917a902bcdf4201487357dc85726597bdf020d49ab70e2f000521685";

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use rescience_digest::Digest;

    use super::{ENGINE, PINNED};

    /// The files below `folder` that end in `extension`, those of its folders among them if `deep`.
    fn files(folder: &Path, extension: &str, deep: bool) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in folder.read_dir().expect("the folder is read") {
            let path = entry.expect("the entry is read").path();
            if path.is_dir() && deep {
                found.extend(files(&path, extension, deep));
            } else if path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
        found
    }

    #[test]
    fn the_engine_names_the_typst_and_the_sources_it_stands_for() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));

        let lock = std::fs::read_to_string(root.join("../Cargo.lock")).expect("the lock is read");
        let version = lock
            .lines()
            .skip_while(|line| *line != "name = \"typst\"")
            .nth(1)
            .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
            .expect("typst is locked");
        let named = ENGINE.split(", ").any(|part| part == format!("typst {version}"));
        assert!(named, "typst {version} is locked, but ENGINE is `{ENGINE}`");

        let mut sources = files(&root.join("package"), "typ", false);
        sources.extend(files(&root.join("src/draw"), "rs", true));
        let mut sources: Vec<(String, PathBuf)> = sources
            .into_iter()
            .map(|path| {
                let name = path.strip_prefix(root).expect("a file of this crate");
                let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
                (parts.join("/"), path)
            })
            .collect();
        sources.sort();
        let mut told = Vec::new();
        for (name, path) in sources {
            let bytes = std::fs::read(path).expect("the source is read");
            // Lengths keep names and bytes apart.
            told.extend(format!("{} {} {name}\n", name.len(), bytes.len()).into_bytes());
            told.extend(bytes);
        }
        let found = Digest::of(&told).hex();
        assert!(
            found == PINNED,
            "package/*.typ or src/draw changed: raise `print` (papers) or `plot` (figures) in \
             ENGINE, then set PINNED to {found}"
        );
    }
}
