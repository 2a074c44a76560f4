//! Colours, dashes and shapes: three ways to tell things apart, used together.
//!
//! The colours stay apart for people with any colour vision, and neighbours differ in lightness,
//! so that they stay apart in grey too; dashes and shapes say the same once more.

/// A colour: red, green, blue.
pub(crate) type Colour = [u8; 3];

/// The ink of axes and letters.
pub(crate) const INK: Colour = [30, 30, 30];
/// The ink of grid lines.
pub(crate) const GRID: Colour = [228, 228, 228];
/// The ink of what stands back.
pub(crate) const FAINT: Colour = [120, 120, 120];

/// Blue, vermilion, sky, plum, green, amber, grey.
const PALETTE: [Colour; 7] = [
    [0, 76, 140],
    [213, 94, 0],
    [74, 168, 224],
    [120, 30, 90],
    [0, 140, 90],
    [236, 175, 30],
    [110, 110, 110],
];

/// Dash patterns in points: lengths of strokes and gaps in turn; an empty one is solid.
const DASHES: [&[f64]; 6] = [
    &[],
    &[4.0, 1.6],
    &[1.1, 1.3],
    &[5.0, 1.5, 1.0, 1.5],
    &[2.4, 1.2],
    &[6.0, 1.4, 1.0, 1.4, 1.0, 1.4],
];

/// Shapes in the order in which they are used.
const SHAPES: [Shape; 8] = [
    Shape::Disc,
    Shape::Square,
    Shape::Diamond,
    Shape::Cross,
    Shape::Triangle,
    Shape::Ring,
    Shape::Plus,
    Shape::Down,
];

/// A mark for one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Disc,
    Square,
    Diamond,
    Cross,
    Triangle,
    Ring,
    Plus,
    Down,
    /// An open triangle that points where the value lies: beyond the bound it stands at.
    Bound(Beyond),
}

/// Where the value lies that a bound stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    Above,
    Right,
}

impl Shape {
    pub(crate) fn nth(index: usize) -> Shape {
        SHAPES[index % SHAPES.len()]
    }
}

pub(crate) fn colour(index: usize) -> Colour {
    PALETTE[index % PALETTE.len()]
}

pub(crate) fn dash(index: usize) -> &'static [f64] {
    DASHES[index % DASHES.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How people see colours: normally, and without one of the three kinds of cones, in linear
    /// light (Machado, Oliveira and Fernandes).
    const VISIONS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    fn times(matrix: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
    }

    /// Lightness and the two opponent axes of CIELAB.
    fn seen(colour: Colour, vision: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = colour.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        let xyz = times(
            [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
            times(vision, linear),
        );
        let root = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let (x, y, z) = (root(xyz[0] / 0.9505), root(xyz[1]), root(xyz[2] / 1.089));
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn any_two_colours_stay_apart_in_any_colour_vision() {
        for vision in VISIONS {
            for a in 0..6 {
                for b in 0..a {
                    let (one, other) = (seen(colour(a), vision), seen(colour(b), vision));
                    let apart: f64 = one.iter().zip(other).map(|(p, q)| (p - q).powi(2)).sum();
                    assert!(apart.sqrt() > 15.0, "{a} and {b}: {}", apart.sqrt());
                }
            }
        }
    }

    #[test]
    fn neighbours_stay_apart_in_grey() {
        for a in 0..5 {
            let [one, other] = [a, a + 1].map(|index| seen(colour(index), VISIONS[0])[0]);
            assert!((one - other).abs() > 10.0, "{a}: {one} and {other}");
        }
    }
}
