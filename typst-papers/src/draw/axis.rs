//! Axes: the range they show, and where they are divided.

use super::FigureError;
use super::spec::Scale;
use super::ticks;

/// One axis: its scale, its range, and its divisions in data coordinates.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    scale: Scale,
    /// The ends; their logarithms on a logarithmic axis.
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    /// Between the ticks of a logarithmic axis.
    minor: Vec<f64>,
    /// Whether the ticks lie evenly, so that one number of decimals fits them all.
    even: bool,
}

/// The share of the data's range by which an axis may go on to its last divisions.
const SLACK: f64 = 0.08;
/// The share of the data's range that is left free where no division is near.
const AIR: f64 = 0.04;
/// Nothing is drawn beyond this, where ranges would no longer be numbers.
const LARGEST: f64 = 1e290;
/// The smallest range, as a share of the values: labels would not tell values apart that are nearer.
const FINEST: f64 = 1e-8;

impl Axis {
    /// An axis that shows all values and little more: it ends at a division where one lies near,
    /// else shortly behind the data. It does not cross nought where no value does. `want` is how
    /// many divisions have room.
    ///
    /// # Errors
    /// A value at or below zero on a logarithmic axis.
    pub(crate) fn new(
        name: &'static str,
        scale: Scale,
        values: impl Iterator<Item = f64>,
        from_zero: bool,
        want: f64,
    ) -> Result<Axis, FigureError> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            if scale == Scale::Log && value <= 0.0 {
                return Err(FigureError::NoLogarithm { axis: name, value });
            }
            let value = value.clamp(-LARGEST, LARGEST);
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
                Axis::linear(low, if from_zero { high.max(0.0) } else { high }, want)
            }
            Scale::Log => Axis::log(low, high, want),
        })
    }

    fn linear(low: f64, high: f64, want: f64) -> Axis {
        let span = high - low;
        let size = low.abs().max(high.abs());
        let even = |low, high, ticks| Axis {
            scale: Scale::Linear,
            low,
            high,
            ticks,
            minor: Vec::new(),
            even: true,
        };
        if span <= size * FINEST || span < LARGEST.recip() {
            // One value stands in the middle, nought at the foot.
            let half = if size < LARGEST.recip() { 1.0 } else { size * 0.1 };
            let from = if size < LARGEST.recip() { low } else { low - half };
            return even(from, high + half, ticks::round(from, high + half, want));
        }
        if let Some((step, first, last)) = ticks::around(low, high, want, SLACK) {
            return even(first * step, last * step, ticks::multiples(step, first, last));
        }
        let air = span * AIR;
        let from = if low >= 0.0 { (low - air).max(0.0) } else { low - air };
        let to = if high <= 0.0 { (high + air).min(0.0) } else { high + air };
        even(from, to, ticks::round(from, to, want))
    }

    fn log(low: f64, high: f64, want: f64) -> Axis {
        let (first, last) = (low.log10(), high.log10());
        let air = if last - first < 0.1 { 0.15 } else { (last - first) * 0.04 };
        let (from, to) = (first - air, last + air);
        let inside = |tick: &f64| (from..=to).contains(&tick.log10());
        let axis = |ticks, minor, even| Axis {
            scale: Scale::Log,
            low: from,
            high: to,
            ticks,
            minor,
            even,
        };
        if to - from < 0.6 {
            // Too short for powers: divide as evenly as any.
            let round = ticks::round(10f64.powf(from), 10f64.powf(to), want);
            return axis(
                round.into_iter().filter(|tick| *tick > 0.0).filter(inside).collect(),
                Vec::new(),
                true,
            );
        }
        let exponents = || from.floor() as i32..=to.ceil() as i32;
        let decades: Vec<f64> = exponents().map(|e| 10f64.powi(e)).filter(inside).collect();
        let parts = |parts: std::ops::RangeInclusive<i32>| -> Vec<f64> {
            let all =
                exponents().flat_map(|e| parts.clone().map(move |m| f64::from(m) * 10f64.powi(e)));
            all.filter(inside).collect()
        };
        if to - from > 1.75 && decades.len() >= 2 {
            let every = decades.len().div_ceil((want + 1.0) as usize).max(1);
            let minor =
                if every == 1 && decades.len() <= 6 { parts(2..=9) } else { decades.clone() };
            axis(decades.into_iter().step_by(every).collect(), minor, false)
        } else {
            // Few decades: divide by 1, 2 and 5.
            let labelled = exponents().flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e)));
            axis(labelled.filter(inside).collect(), parts(1..=9), false)
        }
    }

    /// Where a value lies between the ends, from 0 to 1; what lies beyond them is cut.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            // Nought and less lie below the foot of a logarithmic axis.
            Scale::Log if value <= 0.0 => return 0.0,
            Scale::Log => value.log10(),
        };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Whether lengths from nought mean something on it.
    pub(crate) fn has_zero(&self) -> bool {
        self.scale == Scale::Linear
    }

    /// The power of ten that labels are divided by; its place is in the heading.
    pub(crate) fn power(&self) -> i32 {
        let most = self.ticks.iter().map(|tick| tick.abs()).fold(0.0, f64::max);
        if !self.even || most == 0.0 || (2e-3..1e6).contains(&most) {
            return 0;
        }
        (most.log10().floor() as i32).div_euclid(3) * 3
    }

    /// The divisions with their labels.
    pub(crate) fn labels(&self) -> Vec<(f64, String)> {
        let unit = 10f64.powi(self.power());
        let step =
            self.ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let label = |tick: f64| {
            if self.even { ticks::even(tick / unit, step / unit) } else { ticks::power(tick) }
        };
        self.ticks.iter().map(|tick| (*tick, label(*tick))).collect()
    }

    /// The divisions that have no label.
    pub(crate) fn minor(&self) -> &[f64] {
        &self.minor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale, values: &[f64]) -> Axis {
        Axis::new("y", scale, values.iter().copied(), false, 5.0).expect("the values are positive")
    }

    fn labels(scale: Scale, values: &[f64]) -> Vec<String> {
        axis(scale, values).labels().into_iter().map(|(_, label)| label).collect()
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
        assert_eq!(labels(Scale::Log, &[3.1, 3.9]), ["3", "4", "5"]);
    }

    #[test]
    fn large_and_small_numbers_leave_their_power_to_the_heading() {
        let large = axis(Scale::Linear, &[0.0, 4e7]);
        assert_eq!(large.power(), 6);
        assert_eq!(large.labels().last().map(|(_, label)| label.as_str()), Some("40"));
        let small = axis(Scale::Linear, &[1e-5, 9e-5]);
        assert_eq!((small.power(), small.labels()[1].1.as_str()), (-6, "20"));
        assert_eq!(axis(Scale::Linear, &[0.0, 900_000.0]).power(), 0);
    }

    #[test]
    fn axes_keep_to_the_data() {
        let ends = |values: &[f64]| {
            let axis = axis(Scale::Linear, values);
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
    fn values_at_the_edge_of_what_numbers_hold_have_an_axis() {
        let edges =
            [f64::MIN, -1.0, -f64::MIN_POSITIVE, 0.0, 5e-324, 1.0, 1.0 + f64::EPSILON, f64::MAX];
        for one in edges {
            for other in edges {
                let axis = axis(Scale::Linear, &[one, other]);
                assert!(axis.place(one).is_finite() && axis.place(other).is_finite());
                assert!(axis.labels().len() <= 12, "{one} and {other}: {:?}", axis.labels());
            }
        }
    }

    #[test]
    fn nought_has_no_logarithm() {
        let error = Axis::new("y", Scale::Log, [0.0, 1.0].into_iter(), false, 5.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the y axis is logarithmic, but a value is 0: use `y-scale = \"linear\"`"
        );
    }
}
