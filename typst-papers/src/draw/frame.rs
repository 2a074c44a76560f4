//! Where things lie on paper: the frame of each panel, and the room around them.

use super::axis::Axis;
use super::pen::LETTERS;

/// Where the data of a panel lies, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Frame {
    pub(crate) fn x(&self, place: f64) -> f64 {
        self.left + place * self.width()
    }

    pub(crate) fn y(&self, place: f64) -> f64 {
        self.bottom - place * (self.bottom - self.top)
    }

    /// Where a pair of values lies.
    pub(crate) fn at(&self, axes: (&Axis, &Axis), x: f64, y: f64) -> (f64, f64) {
        (self.x(axes.0.place(x)), self.y(axes.1.place(y)))
    }

    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }

    /// The point in the middle.
    pub(crate) fn middle(&self) -> (f64, f64) {
        (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom))
    }
}

/// The panels of a figure in rows and columns.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    pub(crate) frames: Vec<Frame>,
    columns: usize,
}

/// How much room a grid has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// The width of the whole drawing.
    pub(crate) width: f64,
    /// What the labels and the heading of the vertical axis need.
    pub(crate) left: f64,
    /// What stands to the right of the panels needs.
    pub(crate) right: f64,
    /// What stands above them needs.
    pub(crate) top: f64,
}

/// The height of a single panel.
const HEIGHT: f64 = 126.0;
/// The least width of a panel.
const NARROW: f64 = 56.0;
/// The gap between columns.
const GAP: f64 = 10.0;
/// The room above a panel for its name.
pub(crate) const NAME: f64 = LETTERS * 1.4;

/// How many panels stand side by side: as few rows as the width allows, filled evenly.
pub(crate) fn columns(panels: usize, width: f64) -> usize {
    let most = ((width / (NARROW + GAP)).floor() as usize).clamp(1, panels.max(1));
    let rows = panels.max(1).div_ceil(most);
    panels.max(1).div_ceil(rows)
}

impl Grid {
    pub(crate) fn new(panels: usize, room: Room) -> Grid {
        let columns = columns(panels, room.width - room.left - room.right);
        let between = GAP * (columns - 1) as f64;
        let width = (room.width - room.left - room.right - between) / columns as f64;
        let single = panels <= 1;
        let height = if single { HEIGHT } else { (width * 0.8).clamp(62.0, HEIGHT) };
        let name = if single { 0.0 } else { NAME };
        let frames = (0..panels).map(|index| {
            let (row, column) = ((index / columns) as f64, (index % columns) as f64);
            let left = room.left + column * (width + GAP);
            let top = room.top + name + row * (height + name + 5.0);
            Frame { left, right: left + width, top, bottom: top + height }
        });
        Grid { frames: frames.collect(), columns }
    }

    /// Whether a panel begins a row: the vertical axis is labelled there.
    pub(crate) fn begins_row(&self, index: usize) -> bool {
        index.is_multiple_of(self.columns)
    }

    /// Whether a panel is the last of its column: the horizontal axis is labelled there.
    pub(crate) fn ends_column(&self, index: usize) -> bool {
        index + self.columns >= self.frames.len()
    }

    /// The frame around all panels.
    pub(crate) fn whole(&self) -> Frame {
        let ends = |a: Frame, b: &Frame| Frame {
            left: a.left.min(b.left),
            right: a.right.max(b.right),
            top: a.top.min(b.top),
            bottom: a.bottom.max(b.bottom),
        };
        let first = Frame { left: 0.0, right: 0.0, top: 0.0, bottom: 0.0 };
        self.frames.iter().fold(self.frames.first().copied().unwrap_or(first), ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_fill_their_rows_evenly() {
        let found: Vec<usize> = (1..=7).map(|panels| columns(panels, 210.0)).collect();
        assert_eq!(found, [1, 2, 3, 2, 3, 3, 3]);
    }
}
