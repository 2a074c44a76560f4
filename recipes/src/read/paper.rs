//! `[paper.*]`: a text to typeset.

use super::fields::{Fields, Problems};
use crate::layers::{PaperLayer, Spot};
use crate::name::NodeKind;
use crate::recipe::Style;

pub(super) fn read(mut fields: Fields<'_, '_>, spot: Spot, problems: &mut Problems) -> PaperLayer {
    let styles = [("conference", Style::Conference), ("report", Style::Report)];
    let layer = PaperLayer {
        spot,
        text: fields.path("text", problems),
        bibliography: fields.path("bibliography", problems),
        style: fields.choice("style", &styles, problems).map(|style| style.into_inner()),
        data: fields.nodes("data", &[NodeKind::Experiment], problems),
        figures: fields.nodes("figures", &[NodeKind::Figure], problems),
        written: fields.written(),
    };
    fields.finish(problems);
    layer
}
