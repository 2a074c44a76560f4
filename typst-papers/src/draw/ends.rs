//! Names at the ends of curves, where they fit: nobody has to look them up in a legend.

use super::frame::Frame;
use super::palette::Colour;
use super::pen::{Anchor, Ink, LETTERS, Pen, text_width};

/// A curve on paper with its name.
#[derive(Debug, Clone)]
pub(crate) struct Named<'a> {
    pub(crate) label: &'a str,
    pub(crate) colour: Colour,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A name at its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct End {
    label: String,
    colour: Colour,
    /// Where the curve ends.
    from: (f64, f64),
    /// The left edge and the middle of the letters.
    at: (f64, f64),
}

/// The most curves whose names stand at their ends.
const MOST: usize = 6;
/// The gap between the end of a curve and its name.
const GAP: f64 = 4.0;
/// The least distance of names one above the other.
const LINE: f64 = LETTERS * 1.02;
/// How far a name may stand above or below the end of its curve.
const SHIFT: f64 = LETTERS * 1.1;

/// The room that names to the right of a frame need; none if they would take too much of it.
pub(crate) fn room<'a>(labels: impl Iterator<Item = &'a str>, width: f64) -> Option<f64> {
    let mut widest: f64 = 0.0;
    let mut count = 0;
    for label in labels {
        if label.is_empty() {
            return None;
        }
        widest = widest.max(text_width(label, LETTERS));
        count += 1;
    }
    let room = widest + GAP + 1.0;
    ((2..=MOST).contains(&count) && room <= width * 0.3).then_some(room)
}

/// The places of all names; none if one would lie on a curve or on another name, or far from its
/// end. A name of a curve that ends early stands within the frame.
pub(crate) fn place(curves: &[Named<'_>], frame: &Frame, width: f64) -> Option<Vec<End>> {
    let mut ends = Vec::with_capacity(curves.len());
    for curve in curves {
        let from = *curve.points.last()?;
        let at = (from.0 + GAP, from.1);
        ends.push(End { label: curve.label.to_owned(), colour: curve.colour, from, at });
    }
    // Those that end together stand in one column, pushed apart.
    let edge = ends.iter().map(|end| end.from.0).fold(f64::NEG_INFINITY, f64::max);
    let mut column: Vec<&mut End> = ends.iter_mut().filter(|end| end.from.0 > edge - 2.0).collect();
    column.sort_by(|a, b| a.from.1.total_cmp(&b.from.1));
    let wanted: Vec<f64> = column.iter().map(|end| end.from.1).collect();
    for (end, y) in column.iter_mut().zip(apart(&wanted, LINE)) {
        end.at = (edge + GAP, y);
    }

    let boxes: Vec<[f64; 4]> = ends.iter().map(End::outline).collect();
    for (index, (end, [left, top, right, bottom])) in ends.iter().zip(&boxes).enumerate() {
        let far = (end.at.1 - end.from.1).abs() > SHIFT;
        let outside =
            *right > width || *top < frame.top - LETTERS || *bottom > frame.bottom + LETTERS * 0.6;
        let on_name = boxes.iter().skip(index + 1).any(|other| {
            *left < other[2] && other[0] < *right && *top < other[3] && other[1] < *bottom
        });
        let on_curve = curves
            .iter()
            .any(|curve| curve.points.windows(2).any(|w| crosses(w[0], w[1], boxes[index])));
        if far || outside || on_name || on_curve {
            return None;
        }
    }
    Some(ends)
}

/// Draws names at their places, with a line to those that could not stand beside their ends.
pub(crate) fn draw(pen: &mut Pen, ends: &[End]) {
    for end in ends {
        if (end.at.1 - end.from.1).abs() > LETTERS * 0.3 {
            let line = [(end.from.0 + 0.8, end.from.1), (end.at.0 - 0.8, end.at.1)];
            pen.line(&line, Ink(end.colour, 0.7), 0.4, &[]);
        }
        pen.letters(&end.label, end.at, Anchor::Left, (LETTERS, darker(end.colour)));
    }
}

/// A colour in which thin letters are read well.
fn darker(colour: Colour) -> Colour {
    colour.map(|part| (f64::from(part) * 0.68) as u8)
}

impl End {
    /// The left, top, right and bottom of the letters.
    fn outline(&self) -> [f64; 4] {
        let ((x, y), half) = (self.at, LETTERS * 0.45);
        [x, y - half, x + text_width(&self.label, LETTERS), y + half]
    }
}

/// The places nearest to those wanted that lie at least `gap` apart; `wanted` is sorted.
fn apart(wanted: &[f64], gap: f64) -> Vec<f64> {
    // Neighbours that are too near form a block around the mean of their wishes; blocks that then
    // touch become one.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (index, y) in wanted.iter().enumerate() {
        let mut block = (y - index as f64 * gap, 1);
        while let Some((mean, count)) = blocks.last().copied().filter(|last| last.0 > block.0) {
            let total = count + block.1;
            block = ((mean * count as f64 + block.0 * block.1 as f64) / total as f64, total);
            blocks.pop();
        }
        blocks.push(block);
    }
    let starts = blocks.into_iter().flat_map(|(mean, count)| std::iter::repeat_n(mean, count));
    starts.enumerate().map(|(index, start)| start + index as f64 * gap).collect()
}

/// Whether a line from `a` to `b` touches a box.
fn crosses(a: (f64, f64), b: (f64, f64), [left, top, right, bottom]: [f64; 4]) -> bool {
    // What is left of the line after cutting it at each side (Liang and Barsky).
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    for (delta, room) in
        [(-dx, a.0 - left), (dx, right - a.0), (-dy, a.1 - top), (dy, bottom - a.1)]
    {
        if delta == 0.0 {
            if room < 0.0 {
                return false;
            }
        } else if delta < 0.0 {
            from = from.max(room / delta);
        } else {
            to = to.min(room / delta);
        }
    }
    from <= to
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { left: 20.0, right: 180.0, top: 4.0, bottom: 130.0 };

    fn curve(label: &str, points: [(f64, f64); 3]) -> Named<'_> {
        Named { label, colour: [0, 0, 0], points: points.to_vec() }
    }

    #[test]
    fn names_stand_at_the_ends_of_their_curves() {
        let high = curve("high", [(20.0, 60.0), (90.0, 30.0), (180.0, 20.0)]);
        let low = curve("low", [(20.0, 60.0), (90.0, 90.0), (180.0, 100.0)]);
        let ends = place(&[high, low], &FRAME, 241.0).unwrap();
        assert_eq!(ends[0].at, (184.0, 20.0));
        assert_eq!(ends[1].at, (184.0, 100.0));
    }

    #[test]
    fn names_that_would_overlap_are_pushed_apart_and_too_many_give_up() {
        let near = [
            curve("one", [(20.0, 60.0), (90.0, 60.0), (180.0, 50.0)]),
            curve("two", [(20.0, 60.0), (90.0, 60.0), (180.0, 52.0)]),
        ];
        let ends = place(&near, &FRAME, 241.0).unwrap();
        assert!((ends[1].at.1 - ends[0].at.1).abs() >= LINE - 1e-9);
        let crowd =
            ["a", "b", "c", "d"].map(|l| curve(l, [(20.0, 60.0), (90.0, 60.0), (180.0, 50.0)]));
        assert_eq!(place(&crowd, &FRAME, 241.0), None);
    }

    #[test]
    fn no_name_stands_on_a_curve() {
        let early = curve("early", [(20.0, 60.0), (50.0, 60.0), (90.0, 60.0)]);
        let across = curve("across", [(20.0, 20.0), (100.0, 60.0), (180.0, 100.0)]);
        assert_eq!(place(&[early.clone(), across], &FRAME, 241.0), None);
        let above = curve("above", [(20.0, 20.0), (100.0, 20.0), (180.0, 20.0)]);
        assert!(place(&[early, above], &FRAME, 241.0).is_some());
    }

    #[test]
    fn places_keep_their_order_and_their_distance() {
        assert_eq!(apart(&[0.0, 0.0, 100.0], 10.0), [-5.0, 5.0, 100.0]);
        assert_eq!(apart(&[0.0, 1.0, 2.0], 10.0), [-9.0, 1.0, 11.0]);
    }
}
