//! What a reader can see: letters too small, as pale as what is behind them, covered or cut off
//! read as other words than those that the wall reads.

use typst::layout::{Point, Transform};
use typst::text::TextItem;
use typst::visualize::{Color, Curve, Geometry, Paint, Shape};

use super::Wall;
use super::pages::Origin;
use super::place::{Door, Place};

/// Below so many points nobody reads.
const SMALLEST: f64 = 3.0;
/// How far a colour lies from the one behind it, of one, to be seen.
const CONTRAST: f32 = 0.15;
/// A line so thick, in points, covers what it crosses.
const THICK: f64 = 2.0;

/// A part of a page, by two corners.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) from: Point,
    pub(super) to: Point,
}

impl Area {
    pub(super) fn meets(self, other: Area) -> bool {
        !(other.to.x <= self.from.x
            || self.to.x <= other.from.x
            || other.to.y <= self.from.y
            || self.to.y <= other.from.y)
    }

    fn holds(self, point: Point) -> bool {
        (self.from.x..=self.to.x).contains(&point.x) && (self.from.y..=self.to.y).contains(&point.y)
    }

    fn middle(self) -> Point {
        (self.from + self.to) / 2.0
    }
}

/// How the groups around an item show it.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// Whether it is cut off, turned or stretched.
    pub(super) bent: bool,
    scale: f64,
    /// What is not cut off, where that is known.
    shown: Option<Area>,
}

impl View {
    pub(super) fn page(to: Point) -> View {
        View { bent: false, scale: 1.0, shown: Some(Area { from: Point::zero(), to }) }
    }

    /// The view into a group that lies at some point.
    pub(super) fn into(self, transform: Transform, clip: Option<&Curve>, at: Point) -> View {
        let straight = Transform::translate(transform.tx, transform.ty) == transform;
        let area =
            transform.sx.get() * transform.sy.get() - transform.kx.get() * transform.ky.get();
        let mut shown = self.shown.filter(|_| straight);
        if let Some(clip) = clip.filter(|_| straight) {
            let bounds = clip.bbox(None);
            let (from, to) = (at + bounds.min, at + bounds.max);
            shown = shown.map(|outer| Area {
                from: Point::new(outer.from.x.max(from.x), outer.from.y.max(from.y)),
                to: Point::new(outer.to.x.min(to.x), outer.to.y.min(to.y)),
            });
        }
        let bent = self.bent || !straight || clip.is_some();
        View { bent, scale: self.scale * area.abs().sqrt(), shown }
    }

    /// Whether nobody sees a letter of some text.
    pub(super) fn hides(&self, item: &TextItem, letter: Area, behind: [f32; 3]) -> bool {
        let same = |paint: &Paint| is_same(paint, behind);
        item.size.to_pt() * self.scale < SMALLEST
            || same(&item.fill)
            || item.stroke.as_ref().is_some_and(|stroke| same(&stroke.paint))
            || self.shown.is_some_and(|shown| !shown.holds(letter.middle()))
    }
}

/// What was painted on a page so far.
#[derive(Default)]
pub(super) struct Grounds(Vec<(Area, [f32; 3])>);

impl Grounds {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn paint(&mut self, shape: &Shape, area: Area) {
        if let Some(fill) = &shape.fill {
            let below = self.behind(area);
            if let Some(colour) = colours(fill, below).first() {
                self.0.push((area, *colour));
            }
        }
    }

    /// The colour behind a letter: paper is white.
    pub(super) fn behind(&self, letter: Area) -> [f32; 3] {
        let middle = letter.middle();
        self.0.iter().rfind(|(area, _)| area.holds(middle)).map_or([1.0; 3], |(_, colour)| *colour)
    }
}

/// What a shape does to the letters that it lies over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Covers,
    Strikes,
}

impl Over {
    pub(super) fn of(shape: &Shape) -> Over {
        let thick = shape.stroke.as_ref().is_some_and(|stroke| stroke.thickness.to_pt() >= THICK);
        if shape.fill.is_some() && !matches!(shape.geometry, Geometry::Line(_)) || thick {
            Over::Covers
        } else {
            Over::Strikes
        }
    }
}

/// The colours of a paint over what is behind it.
fn colours(paint: &Paint, behind: [f32; 3]) -> Vec<[f32; 3]> {
    let over = |colour: &Color| {
        let colour = colour.to_rgb();
        let mix = |part: f32, behind: f32| part * colour.alpha + behind * (1.0 - colour.alpha);
        [mix(colour.red, behind[0]), mix(colour.green, behind[1]), mix(colour.blue, behind[2])]
    };
    match paint {
        Paint::Solid(colour) => vec![over(colour)],
        Paint::Gradient(gradient) => gradient.stops_ref().iter().map(|(c, _)| over(c)).collect(),
        Paint::Tiling(_) => Vec::new(),
    }
}

fn is_same(paint: &Paint, behind: [f32; 3]) -> bool {
    let near = |colour: &[f32; 3]| {
        colour.iter().zip(behind).all(|(part, behind)| (part - behind).abs() < CONTRAST)
    };
    colours(paint, behind).iter().all(near)
}

impl Wall<'_> {
    /// Letters that nobody sees, and tested words that are struck out.
    pub(super) fn sight(&mut self) {
        let pages = self.pages;
        for (word, origin) in &pages.hidden {
            let message = "something is printed that cannot be seen";
            let problem = match origin {
                Origin::Author(span, offset) => Place::of(self.world, *span).map(|place| {
                    let range = place.token(*offset);
                    let text = place.source.text()[range.clone()].to_owned();
                    place.error("RS0214", range, format!("`{text}` cannot be seen"))
                }),
                Origin::Package(_) | Origin::Nowhere => Some(self.behind(*word, "RS0214", message)),
            };
            if let Some(problem) = problem {
                self.report(problem, "print nothing smaller than 3 pt, covered, cut off or in the colour of what is behind it");
            }
        }
        for origin in &pages.struck {
            let Origin::Author(span, offset) = origin else { continue };
            let Some(place) = Place::of(self.world, *span) else { continue };
            if place.door == Some(Door::Claim) {
                let range = place.token(*offset);
                let problem =
                    place.error("RS0214", range, "a claim that the data show is struck out");
                self.report(problem, "leave the claim out, or let it stand");
            }
        }
    }
}
