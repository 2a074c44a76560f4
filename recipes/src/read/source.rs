//! `[source.*]`: a file or directory of the project.

use serde_spanned::Spanned;

use super::fields::{Fields, Problems};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{SourceLayer, Spot};
use crate::recipe::About;

pub(super) fn read(mut fields: Fields<'_, '_>, spot: Spot, problems: &mut Problems) -> SourceLayer {
    let path = fields.path("path", problems);
    for (key, place) in [("git", "a git repository"), ("url", "a download")] {
        let Some(span) = fields.take_key_span(key) else { continue };
        problems.push(
            Diagnostic::new(
                Code::NotSupported,
                span,
                format!("a source from {place} is not supported yet"),
            )
            .label("this version reads only the project's own files")
            .help("copy the files into the project and write `path = \"experiment\"`"),
        );
    }
    let mut word = |key| fields.words(key, problems).map(Spanned::into_inner);
    let about = About {
        description: word("description"),
        license: word("license"),
        origin: word("origin"),
    };
    let mut layer = SourceLayer { spot, path, about, written: fields.written() };
    if layer.written.iter().any(|key| matches!(*key, "git" | "url")) {
        // The source is given, if by means that are refused above; so are its details.
        layer.written.push("path");
        for detail in ["rev", "branch", "tag", "blake3"] {
            fields.take(detail);
        }
    }
    fields.finish(problems);
    layer
}
