//! The pen: points in, vectors and letters out, in the paper's font.
//!
//! Coordinates are points from the upper left corner. Everything is written in the order it is
//! drawn, numbers with two decimals, so that the same drawing is the same text.

use std::fmt::Write as _;
use std::sync::LazyLock;

use typst::layout::Abs;
use typst::text::{FontInstance, FontVariant, FontVariations};

use super::frame::Frame;
use super::palette::{Beyond, Colour, INK, Shape};

/// The size of the letters in points.
pub(crate) const LETTERS: f64 = 7.5;
/// The size of the letters of notes in points.
pub(crate) const SMALL: f64 = 6.5;
/// The family of all lettering: one that typst embeds.
const FAMILY: &str = "Libertinus Serif";
/// The radius of a mark in points.
pub(crate) const MARK: f64 = 1.6;

/// The font, for the widths of letters.
static FONT: LazyLock<Option<FontInstance>> = LazyLock::new(|| {
    typst_kit::fonts::embedded()
        .find(|(_, info)| info.family == FAMILY && info.variant == FontVariant::default())
        .map(|(font, info)| {
            font.instantiate(info.variant, Abs::pt(LETTERS), &FontVariations::default())
        })
});

/// How wide a text is set at this size, in points.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let advance = |c: char| -> Option<f64> {
        let font = FONT.as_ref()?;
        Some(font.x_advance(font.ttf().glyph_index(c)?.0)?.get())
    };
    text.chars().map(|c| advance(c).unwrap_or(0.5) * size).sum()
}

/// Breaks a text at its spaces into lines no wider than `width`, as far as its words allow.
pub(crate) fn wrap(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if text_width(&longer, size) <= width {
                *line = longer;
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    /// To the right of the point, in the middle of its height.
    Left,
    /// To the left of the point, in the middle of its height.
    Right,
    /// Centred below the point.
    Top,
    /// To the right of the point and below it.
    TopLeft,
    /// Centred on the point, read from below.
    Upwards,
}

/// How something is filled or stroked: its colour, and how much of it covers the paper.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ink(pub(crate) Colour, pub(crate) f64);

/// A drawing under way.
#[derive(Default)]
pub(crate) struct Pen {
    body: String,
}

impl Pen {
    /// Opens a group of marks that lie within a frame. The drawing tells where the frame is, so
    /// that programs can read values off it.
    pub(crate) fn open(&mut self, class: &str, frame: &Frame) {
        let Frame { left, right, top, bottom } = *frame;
        self.put(format_args!(
            "<g class=\"{class}\" data-area=\"{} {} {} {}\">\n",
            Number(left),
            Number(top),
            Number(right),
            Number(bottom)
        ));
    }

    /// Closes the group.
    pub(crate) fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// A polyline. A dash pattern runs on over its corners.
    pub(crate) fn line(&mut self, points: &[(f64, f64)], ink: Ink, width: f64, dashes: &[f64]) {
        if points.is_empty() {
            return;
        }
        let mut dashed = String::new();
        if !dashes.is_empty() {
            let lengths: Vec<String> = dashes.iter().map(|d| Number(*d).to_string()).collect();
            dashed = format!(" stroke-dasharray=\"{}\"", lengths.join(" "));
        }
        // Sharp turns of noisy curves would stick out as spikes if they were mitred.
        self.put(format_args!(
            "<path d=\"{}\" fill=\"none\" {} stroke-width=\"{}\" stroke-linejoin=\"round\"{dashed}/>\n",
            Path(points, false),
            Paint("stroke", ink),
            Number(width)
        ));
    }

    /// A filled polygon.
    pub(crate) fn area(&mut self, outline: &[(f64, f64)], ink: Ink) {
        let (path, paint) = (Path(outline, true), Paint("fill", ink));
        self.put(format_args!("<path d=\"{path}\" {paint}/>\n"));
    }

    /// A filled rectangle between two corners.
    pub(crate) fn bar(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        self.area(&[from, (to.0, from.1), to, (from.0, to.1)], ink);
    }

    /// The outline of a rectangle between two corners.
    pub(crate) fn frame(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        let corners = [from, (to.0, from.1), to, (from.0, to.1)];
        self.put(format_args!(
            "<path d=\"{}\" fill=\"none\" {} stroke-width=\"{}\"/>\n",
            Path(&corners, true),
            Paint("stroke", ink),
            Number(width)
        ));
    }

    /// A mark for one value.
    pub(crate) fn mark(&mut self, shape: Shape, (x, y): (f64, f64), ink: Ink) {
        let around = |corners: &[(f64, f64)]| -> Vec<(f64, f64)> {
            corners.iter().map(|(dx, dy)| (x + dx * MARK, y + dy * MARK)).collect()
        };
        match shape {
            Shape::Disc => {
                let paint = Paint("fill", ink);
                let (x, y, r) = (Number(x), Number(y), Number(MARK));
                self.put(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {paint}/>\n"));
            }
            Shape::Square => {
                self.area(&around(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]), ink);
            }
            Shape::Diamond => {
                self.area(&around(&[(0.0, -1.3), (1.2, 0.0), (0.0, 1.3), (-1.2, 0.0)]), ink);
            }
            Shape::Cross => {
                self.line(&around(&[(-0.9, -0.9), (0.9, 0.9)]), ink, 0.8, &[]);
                self.line(&around(&[(-0.9, 0.9), (0.9, -0.9)]), ink, 0.8, &[]);
            }
            Shape::Triangle => {
                self.area(&around(&[(0.0, -1.3), (1.15, 0.8), (-1.15, 0.8)]), ink);
            }
            Shape::Down => self.area(&around(&[(0.0, 1.3), (1.15, -0.8), (-1.15, -0.8)]), ink),
            Shape::Plus => {
                self.line(&around(&[(-1.2, 0.0), (1.2, 0.0)]), ink, 0.8, &[]);
                self.line(&around(&[(0.0, -1.2), (0.0, 1.2)]), ink, 0.8, &[]);
            }
            Shape::Ring => {
                let paint = Paint("stroke", ink);
                let (x, y, r) = (Number(x), Number(y), Number(MARK * 0.85));
                self.put(format_args!(
                    "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" fill=\"none\" {paint} stroke-width=\"0.7\"/>\n"
                ));
            }
            Shape::Bound(beyond) => {
                let corners = match beyond {
                    Beyond::Above => [(0.0, -1.5), (1.25, 0.8), (-1.25, 0.8)],
                    Beyond::Right => [(1.5, 0.0), (-0.8, -1.25), (-0.8, 1.25)],
                };
                self.put(format_args!(
                    "<path d=\"{}\" fill=\"#ffffff\" {} stroke-width=\"0.6\"/>\n",
                    Path(&around(&corners), true),
                    Paint("stroke", ink)
                ));
            }
        }
    }

    /// Letters of the usual size in the usual ink.
    pub(crate) fn text(&mut self, text: &str, at: (f64, f64), anchor: Anchor) {
        self.letters(text, at, anchor, (LETTERS, INK));
    }

    /// Letters of a size and colour.
    pub(crate) fn letters(
        &mut self,
        text: &str,
        (x, y): (f64, f64),
        anchor: Anchor,
        (size, colour): (f64, Colour),
    ) {
        let (align, shift) = match anchor {
            Anchor::Left => ("start", 0.32),
            Anchor::Right => ("end", 0.32),
            Anchor::Top => ("middle", 0.78),
            Anchor::TopLeft => ("start", 0.78),
            Anchor::Upwards => ("middle", 0.32),
        };
        let (place, turn) = match anchor {
            Anchor::Upwards => {
                let x = x + shift * size;
                let turn = format!(" transform=\"rotate(-90 {} {})\"", Number(x), Number(y));
                ((x, y), turn)
            }
            _ => ((x, y + shift * size), String::new()),
        };
        self.put(format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{align}\" font-size=\"{}\" {}{turn}>{}</text>\n",
            Number(place.0),
            Number(place.1),
            Number(size),
            Paint("fill", Ink(colour, 1.0)),
            escape(text)
        ));
    }

    /// The whole drawing, with what it says of itself.
    pub(crate) fn finish(self, size: (f64, f64), title: &str, desc: &str, data: &str) -> String {
        let (width, height) = (Number(size.0), Number(size.1));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>{}</title>\n<desc>{}</desc>\n<metadata>{}</metadata>\n\
             <g font-family=\"{FAMILY}\">\n{}</g>\n</svg>\n",
            escape(title),
            escape(desc),
            escape(data),
            self.body
        )
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = self.body.write_fmt(text);
    }
}

/// Text as it stands in XML, without what XML cannot hold.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// The inverse of [`escape`].
pub(crate) fn unescape(text: &str) -> String {
    // The ampersand last, so that an escaped escape stays one.
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A number with at most two decimals.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hundredths = (self.0 * 100.0).round();
        // Nought has no sign.
        write!(f, "{}", if hundredths == 0.0 { 0.0 } else { hundredths / 100.0 })
    }
}

/// A path through points, closed or not.
struct Path<'a>(&'a [(f64, f64)], bool);

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (x, y)) in self.0.iter().enumerate() {
            let command = if index == 0 { "M" } else { "L" };
            write!(f, "{command}{} {}", Number(*x), Number(*y))?;
        }
        if self.1 { f.write_str("Z") } else { Ok(()) }
    }
}

/// A colour for `fill` or `stroke`.
struct Paint(&'static str, Ink);

impl std::fmt::Display for Paint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Paint(what, Ink([r, g, b], cover)) = self;
        write!(f, "{what}=\"#{r:02x}{g:02x}{b:02x}\"")?;
        if *cover < 1.0 {
            write!(f, " {what}-opacity=\"{}\"", Number(*cover))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_the_widths_of_the_embedded_font() {
        assert!(text_width("iii", LETTERS) < text_width("mmm", LETTERS));
        assert!(text_width("m", LETTERS) > 0.0);
    }

    #[test]
    fn lines_break_at_spaces() {
        let width = text_width("per-layer rates", LETTERS);
        assert_eq!(wrap("per-layer rates", width, LETTERS), ["per-layer rates"]);
        assert_eq!(wrap("per-layer rates", width - 1.0, LETTERS), ["per-layer", "rates"]);
    }

    #[test]
    fn what_is_escaped_reads_back() {
        for text in ["a < b & c > \"d\"", "&lt;", "&amp;lt;"] {
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(escape("a\u{0}b\nc"), "ab c");
    }
}
