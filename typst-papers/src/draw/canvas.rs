//! The pen: points in, vectors out, in the paper's font.

use std::sync::LazyLock;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, Drawable, PathElement, PointCollection, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color as _, FontTransform, IntoFont as _, RGBAColor, RGBColor, ShapeStyle, TextStyle,
};
use typst::layout::Abs;
use typst::text::{FontInstance, FontVariant, FontVariations};

use super::FigureError;

/// The width of a drawing in points: one column.
pub(crate) const WIDTH: f64 = 241.0;
/// The size of all lettering in points.
pub(crate) const LETTERS: f64 = 7.5;
/// The family of all lettering: one that typst embeds.
const FAMILY: &str = "Libertinus Serif";
/// Units of the drawing per point: the backend counts in integers.
const FINE: f64 = 20.0;
/// The backend divides the sizes of fonts by this.
const BACKEND_FONT: f64 = 1.24;

/// The ink of axes and letters.
pub(crate) const INK: RGBColor = RGBColor(30, 30, 30);
/// The ink of grid lines.
pub(crate) const GRID: RGBColor = RGBColor(226, 226, 226);

/// The palette of Okabe and Ito, the yellow last since it is faint on paper.
const PALETTE: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
    RGBColor(240, 228, 66),
];

/// Dash patterns in points: lengths of strokes and gaps in turn; an empty one is solid.
const DASHES: [&[f64]; 6] = [
    &[],
    &[4.0, 1.6],
    &[1.0, 1.4],
    &[5.0, 1.5, 1.0, 1.5],
    &[2.4, 1.2],
    &[6.0, 1.4, 1.0, 1.4, 1.0, 1.4],
];

/// The font, for the widths of letters.
static FONT: LazyLock<Option<FontInstance>> = LazyLock::new(|| {
    typst_kit::fonts::embedded()
        .find(|(_, info)| info.family == FAMILY && info.variant == FontVariant::default())
        .map(|(font, info)| {
            font.instantiate(info.variant, Abs::pt(LETTERS), &FontVariations::default())
        })
});

pub(crate) fn colour(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

pub(crate) fn dash(index: usize) -> &'static [f64] {
    DASHES[index % DASHES.len()]
}

/// How wide a text is set, in points.
pub(crate) fn text_width(text: &str) -> f64 {
    let advance = |c: char| -> Option<f64> {
        let font = FONT.as_ref()?;
        Some(font.x_advance(font.ttf().glyph_index(c)?.0)?.get())
    };
    text.chars().map(|c| advance(c).unwrap_or(0.5) * LETTERS).sum()
}

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    /// To the right of the point.
    Left,
    /// Centred below the point.
    Top,
    /// To the left of the point.
    Right,
    /// Centred on the point, read from below.
    Upwards,
}

/// A mark for one value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
}

impl Shape {
    pub(crate) fn nth(index: usize) -> Shape {
        [Shape::Disc, Shape::Square, Shape::Triangle, Shape::Diamond][index % 4]
    }
}

/// A drawing of a given height; coordinates are points from the upper left corner.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(svg: &'a mut String, height: f64) -> Canvas<'a> {
        let size = (unsigned(WIDTH), unsigned(height));
        Canvas { area: SVGBackend::with_string(svg, size).into_drawing_area() }
    }

    /// A polyline. A dash pattern runs on over its corners.
    pub(crate) fn line(
        &self,
        points: &[(f64, f64)],
        style: (RGBAColor, f64),
        dashes: &[f64],
    ) -> Result<(), FigureError> {
        let pen = ShapeStyle { color: style.0, filled: false, stroke_width: stroke(style.1) };
        for piece in dashed(points, dashes) {
            let piece: Vec<(i32, i32)> = piece.into_iter().map(pixel).collect();
            self.draw(&PathElement::new(piece, pen))?;
        }
        Ok(())
    }

    pub(crate) fn area(&self, outline: &[(f64, f64)], fill: RGBAColor) -> Result<(), FigureError> {
        let outline: Vec<(i32, i32)> = outline.iter().copied().map(pixel).collect();
        self.draw(&Polygon::new(outline, fill))
    }

    pub(crate) fn bar(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        fill: RGBAColor,
    ) -> Result<(), FigureError> {
        self.draw(&Rectangle::new([pixel(from), pixel(to)], fill.filled()))
    }

    pub(crate) fn mark(
        &self,
        shape: Shape,
        (x, y): (f64, f64),
        fill: RGBAColor,
    ) -> Result<(), FigureError> {
        let r = 1.6;
        let polygon = |corners: &[(f64, f64)]| {
            let corners: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
            self.area(&corners, fill)
        };
        match shape {
            Shape::Disc => self.draw(&Circle::new(pixel((x, y)), fine(r), fill.filled())),
            Shape::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Shape::Triangle => polygon(&[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)]),
            Shape::Diamond => polygon(&[(0.0, -1.3), (1.1, 0.0), (0.0, 1.3), (-1.1, 0.0)]),
        }
    }

    pub(crate) fn text(
        &self,
        text: &str,
        at: (f64, f64),
        anchor: Anchor,
    ) -> Result<(), FigureError> {
        let (horizontal, vertical) = match anchor {
            Anchor::Left => (HPos::Left, VPos::Center),
            Anchor::Top => (HPos::Center, VPos::Top),
            Anchor::Right => (HPos::Right, VPos::Center),
            Anchor::Upwards => (HPos::Center, VPos::Center),
        };
        let font = (FAMILY, LETTERS * FINE * BACKEND_FONT).into_font();
        let font = match anchor {
            Anchor::Upwards => font.transform(FontTransform::Rotate270),
            _ => font,
        };
        let style = TextStyle::from(font).color(&INK).pos(Pos::new(horizontal, vertical));
        self.draw(&Text::new(text.to_owned(), pixel(at), style))
    }

    /// Ends the drawing.
    pub(crate) fn finish(self) -> Result<(), FigureError> {
        self.area.present().map_err(|error| FigureError::Backend(error.to_string()))
    }

    fn draw<'b, E>(&self, element: &'b E) -> Result<(), FigureError>
    where
        E: Drawable<SVGBackend<'a>>,
        &'b E: PointCollection<'b, (i32, i32)>,
    {
        self.area.draw(element).map_err(|error| FigureError::Backend(error.to_string()))
    }
}

/// Gives the drawing its description, its size in points, and its true scale.
pub(crate) fn describe(svg: &str, alt: &str, height: f64) -> String {
    let alt = alt.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (_, body) = svg.split_once('>').unwrap_or(("", svg));
    let (w, h) = (unsigned(WIDTH), unsigned(height));
    format!(
        "<svg width=\"{WIDTH}pt\" height=\"{height}pt\" viewBox=\"0 0 {w} {h}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{alt}</title>{body}"
    )
}

fn fine(points: f64) -> i32 {
    (points * FINE).round() as i32
}

fn unsigned(points: f64) -> u32 {
    (points * FINE).round() as u32
}

fn stroke(points: f64) -> u32 {
    unsigned(points).max(1)
}

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    (fine(x), fine(y))
}

/// Cuts a polyline into the strokes of a dash pattern.
fn dashed(points: &[(f64, f64)], dashes: &[f64]) -> Vec<Vec<(f64, f64)>> {
    if dashes.is_empty() || points.len() < 2 {
        return vec![points.to_vec()];
    }
    let mut pieces = Vec::new();
    let mut piece = vec![points[0]];
    let (mut index, mut left) = (0, dashes[0]);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let drawing = index % 2 == 0;
            if length < left {
                left -= length;
                if drawing {
                    piece.push(to);
                }
                break;
            }
            let t = left / length;
            from = (from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t);
            if drawing {
                piece.push(from);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![from];
            }
            index = (index + 1) % dashes.len();
            left = dashes[index];
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_run_on_over_corners() {
        let pieces = dashed(&[(0.0, 0.0), (3.0, 0.0), (3.0, 3.0)], &[4.0, 1.0]);
        assert_eq!(
            pieces,
            [vec![(0.0, 0.0), (3.0, 0.0), (3.0, 1.0)], vec![(3.0, 2.0), (3.0, 3.0)]]
        );
    }

    #[test]
    fn letters_have_the_widths_of_the_embedded_font() {
        assert!(text_width("iii") < text_width("mmm"));
        assert!(text_width("m") > 0.0);
    }
}
