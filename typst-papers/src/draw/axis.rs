//! Axes: the range they show, where they are divided, and the frame around the data.

use plotters::style::Color as _;

use super::FigureError;
use super::canvas::{Anchor, Canvas, GRID, INK, LETTERS, WIDTH, text_width};
use super::spec::Scale;

/// One axis: its scale and range in data coordinates.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Axis {
    /// An axis that shows all values and little more: it ends at a division where one lies near,
    /// else shortly behind the data. It does not cross nought where no value does.
    ///
    /// # Errors
    /// A value at or below zero on a logarithmic axis.
    pub(crate) fn new(
        name: &'static str,
        scale: Scale,
        values: impl Iterator<Item = f64>,
        from_zero: bool,
    ) -> Result<Axis, FigureError> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            if scale == Scale::Log && value <= 0.0 {
                return Err(FigureError::NoLogarithm { axis: name, value });
            }
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = if scale == Scale::Log { (1.0, 10.0) } else { (0.0, 1.0) };
        }
        Ok(match scale {
            Scale::Linear => {
                // Nought belongs to a quantity that comes near it.
                let near = low > 0.0 && low < 0.35 * high;
                let low = if from_zero || near { low.min(0.0) } else { low };
                Axis::linear(low, if from_zero { high.max(0.0) } else { high })
            }
            Scale::Log => Axis::log(low, high),
        })
    }

    fn linear(low: f64, high: f64) -> Axis {
        let span = if high > low { high - low } else { low.abs().max(1.0) };
        let high = low + span;
        // Divisions that begin and end at the data or near it, close to five of them.
        let near = steps(span).filter_map(|step| {
            let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
            let count = last - first;
            let close = count * step <= span * (1.0 + SLACK);
            (close && (3.0..=7.0).contains(&count)).then_some((step, first, last))
        });
        let distance = |(_, first, last): &(f64, f64, f64)| (last - first - 5.0).abs();
        if let Some((step, first, last)) = near.min_by(|a, b| distance(a).total_cmp(&distance(b))) {
            let ticks = divisions(step, first, last);
            return Axis { scale: Scale::Linear, low: first * step, high: last * step, ticks };
        }
        let air = span * AIR;
        let from = if low >= 0.0 { (low - air).max(0.0) } else { low - air };
        let to = if high <= 0.0 { (high + air).min(0.0) } else { high + air };
        let step = nice(span / 5.5);
        let ticks = divisions(step, (from / step - 1e-9).ceil(), (to / step + 1e-9).floor());
        Axis { scale: Scale::Linear, low: from, high: to, ticks }
    }

    fn log(low: f64, high: f64) -> Axis {
        let (first, last) = (low.log10(), high.log10());
        let air = ((last - first) * 0.04).max(0.02);
        let (low, high) = (first - air, last + air);
        let decades: Vec<f64> =
            (low.ceil() as i32..=high.floor() as i32).map(|e| 10f64.powi(e)).collect();
        let ticks = if decades.len() >= 2 {
            let every = decades.len().div_ceil(6);
            decades.into_iter().step_by(every).collect()
        } else {
            // Less than two decades: divide by 1, 2 and 5.
            (low.floor() as i32..=high.ceil() as i32)
                .flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e)))
                .filter(|tick| (low..=high).contains(&tick.log10()))
                .collect()
        };
        Axis { scale: Scale::Log, low, high, ticks }
    }

    /// Where a value lies between the ends, from 0 to 1.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Log => value.log10(),
        };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn labels(&self) -> Vec<(f64, String)> {
        let step =
            self.ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        self.ticks.iter().map(|tick| (*tick, label(*tick, step, self.scale))).collect()
    }
}

/// The share of the data's range by which an axis may go on to its last divisions.
const SLACK: f64 = 0.08;
/// The share of the data's range that is left free where no division is near.
const AIR: f64 = 0.04;

/// Round steps of the order of a fifth of `span`.
fn steps(span: f64) -> impl Iterator<Item = f64> {
    let power = 10f64.powf(span.log10().floor() - 1.0);
    [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0].into_iter().map(move |m| m * power)
}

/// The multiples of `step` from the `first` to the `last`.
fn divisions(step: f64, first: f64, last: f64) -> Vec<f64> {
    (0..=(last - first).max(0.0) as usize).map(|i| (first + i as f64) * step).collect()
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least `step`.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let found = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|m| m * power >= step * 0.999);
    found.unwrap_or(10.0) * power
}

/// A tick in as many digits as its distance to the next needs.
fn label(tick: f64, step: f64, scale: Scale) -> String {
    let size = tick.abs();
    if scale == Scale::Log && !(1e-2..1e5).contains(&size) {
        return power(tick.log10().round() as i32);
    }
    let text = match scale {
        Scale::Log => format!("{size}"),
        Scale::Linear => {
            let places = (0..=9).find(|p| {
                let shifted = step * 10f64.powi(*p);
                (shifted - shifted.round()).abs() < 1e-6 * shifted.abs().max(1e-9)
            });
            format!("{size:.*}", places.unwrap_or(9) as usize)
        }
    };
    let text = match text.split_once('.') {
        Some((whole, part)) => format!("{}.{part}", grouped(whole)),
        None => grouped(&text),
    };
    if tick < 0.0 { format!("−{text}") } else { text }
}

fn grouped(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_owned();
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

fn power(exponent: i32) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let sign = if exponent < 0 { "⁻" } else { "" };
    let digits = exponent.unsigned_abs().to_string();
    let raised: String =
        digits.chars().filter_map(|c| RAISED.get(c.to_digit(10)? as usize)).collect();
    format!("10{sign}{raised}")
}

/// The frame of a plot in points: where the data lies on the canvas.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// The height of the data's area in points.
const HEIGHT: f64 = 126.0;

impl Frame {
    /// Makes room for the legend above, and for the labels of the axes.
    pub(crate) fn new(y: &Axis, legend: f64) -> Frame {
        let labels = y.labels();
        let widest = labels.iter().map(|(_, text)| text_width(text)).fold(0.0, f64::max);
        let top = legend + if legend > 0.0 { 7.0 } else { 4.0 };
        Frame { left: LETTERS + 5.5 + widest, right: WIDTH - 5.0, top, bottom: top + HEIGHT }
    }

    /// The height of the whole drawing.
    pub(crate) fn height(&self) -> f64 {
        self.bottom + 2.6 * LETTERS + 4.0
    }

    /// The height of a drawing that may lack labels or a title below the axis.
    pub(crate) fn height_with(&self, labels: bool, title: bool) -> f64 {
        match (labels, title) {
            (_, true) => self.height(),
            (true, false) => self.bottom + 3.4 + 1.4 * LETTERS,
            (false, false) => self.bottom + 4.0,
        }
    }

    pub(crate) fn x(&self, place: f64) -> f64 {
        self.left + place * (self.right - self.left)
    }

    pub(crate) fn y(&self, place: f64) -> f64 {
        self.bottom - place * (self.bottom - self.top)
    }

    /// Where a pair of values lies.
    pub(crate) fn at(&self, axes: (&Axis, &Axis), x: f64, y: f64) -> (f64, f64) {
        (self.x(axes.0.place(x)), self.y(axes.1.place(y)))
    }

    /// The grid, the labels and the title of the vertical axis.
    pub(crate) fn draw_y(
        &self,
        canvas: &Canvas<'_>,
        axis: &Axis,
        title: &str,
    ) -> Result<(), FigureError> {
        for (tick, label) in axis.labels() {
            let y = self.y(axis.place(tick));
            canvas.line(&[(self.left, y), (self.right, y)], (GRID.to_rgba(), 0.4), &[])?;
            canvas.text(&label, (self.left - 3.0, y), Anchor::Right)?;
        }
        canvas.text(title, (LETTERS * 0.42, f64::midpoint(self.top, self.bottom)), Anchor::Upwards)
    }

    /// The line, the ticks, the labels and the title of the horizontal axis.
    pub(crate) fn draw_x(
        &self,
        canvas: &Canvas<'_>,
        axis: &Axis,
        title: &str,
    ) -> Result<(), FigureError> {
        let mut taken = f64::NEG_INFINITY;
        for (tick, label) in axis.labels() {
            let x = self.x(axis.place(tick));
            canvas.line(&[(x, self.bottom), (x, self.bottom + 2.2)], (INK.to_rgba(), 0.5), &[])?;
            // A label that would run into its neighbour is left out; its tick stays. The last
            // one keeps inside the drawing.
            let half = text_width(&label) / 2.0;
            let x = x.min(WIDTH - half);
            if x - half > taken + 3.0 {
                canvas.text(&label, (x, self.bottom + 3.4), Anchor::Top)?;
                taken = x + half;
            }
        }
        self.baseline(canvas)?;
        self.x_title(canvas, title)
    }

    pub(crate) fn baseline(&self, canvas: &Canvas<'_>) -> Result<(), FigureError> {
        let ends = [(self.left, self.bottom), (self.right, self.bottom)];
        canvas.line(&ends, (INK.to_rgba(), 0.6), &[])
    }

    pub(crate) fn x_title(&self, canvas: &Canvas<'_>, title: &str) -> Result<(), FigureError> {
        let at = (f64::midpoint(self.left, self.right), self.bottom + 3.4 + 1.25 * LETTERS);
        canvas.text(title, at, Anchor::Top)
    }

    /// A category's label, centred below the axis.
    pub(crate) fn category(
        &self,
        canvas: &Canvas<'_>,
        x: f64,
        label: &str,
    ) -> Result<(), FigureError> {
        canvas.text(label, (x, self.bottom + 3.4), Anchor::Top)
    }

    /// How much room there is from left to right.
    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, values: &[f64]) -> Vec<String> {
        let axis =
            Axis::new("y", scale, values.iter().copied(), false).expect("the values are positive");
        axis.labels().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_tell_their_place() {
        assert_eq!(labels(Scale::Linear, &[0.0, 100.0]), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(Scale::Linear, &[0.2, 0.24]), ["0.20", "0.21", "0.22", "0.23", "0.24"]);
        assert_eq!(labels(Scale::Linear, &[-3.0, 3.0]), ["−3", "−2", "−1", "0", "1", "2", "3"]);
        assert_eq!(
            labels(Scale::Linear, &[0.0, 40000.0]).last().map(String::as_str),
            Some("40\u{202f}000")
        );
        assert_eq!(labels(Scale::Log, &[1e-4, 1.0]), ["10⁻⁴", "10⁻³", "0.01", "0.1", "1"]);
        assert_eq!(labels(Scale::Log, &[3.0, 30.0]), ["5", "10", "20"]);
    }

    #[test]
    fn axes_keep_to_the_data() {
        let ends = |values: &[f64]| {
            let axis = Axis::new("y", Scale::Linear, values.iter().copied(), false).unwrap();
            (axis.low, axis.high)
        };
        assert_eq!(ends(&[0.01, 1.0]), (0.0, 1.0));
        assert_eq!(ends(&[0.0, 3400.0]), (0.0, 3500.0));
        for values in [[0.0, 3100.0], [0.7, 0.93], [-17.0, -0.3], [-1.3, 5.9], [4.0, 4.0]] {
            let (low, high) = ends(&values);
            let span = if values[1] > values[0] { values[1] - values[0] } else { values[0] };
            assert!(low <= values[0] && values[1] <= high, "{values:?}: {low} to {high}");
            assert!(high - low <= span * 1.1, "{values:?}: {low} to {high}");
            assert!(values[0] < 0.0 || low >= 0.0, "{values:?}: {low} to {high}");
        }
    }

    #[test]
    fn nought_has_no_logarithm() {
        let error = Axis::new("y", Scale::Log, [0.0, 1.0].into_iter(), false).unwrap_err();
        assert_eq!(error.to_string(), "the y axis is logarithmic, but a value is 0");
    }
}
