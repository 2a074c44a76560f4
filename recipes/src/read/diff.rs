//! `[diff.*]`: a source with a patch applied.

use super::fields::{Fields, Problems};
use crate::layers::{DiffLayer, Spot};
use crate::name::NodeKind;

pub(super) fn read(mut fields: Fields<'_, '_>, spot: Spot, problems: &mut Problems) -> DiffLayer {
    let layer = DiffLayer {
        spot,
        base: fields.node("base", &[NodeKind::Source, NodeKind::Diff], problems),
        patch: fields.path("patch", problems),
        written: fields.written(),
    };
    fields.finish(problems);
    layer
}
