//! Round numbers in a range, and how they are written.

/// Round divisions that begin and end at a range or near it, about `want` of them: their step, and
/// the first and last as multiples of it. None if none ends within `slack` of the range.
pub(crate) fn around(low: f64, high: f64, want: f64, slack: f64) -> Option<(f64, f64, f64)> {
    let span = high - low;
    let near = steps(span).filter_map(|step| {
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let count = last - first;
        let close = count * step <= span * (1.0 + slack);
        (close && (want * 0.6..=want * 1.4).contains(&count)).then_some((step, first, last))
    });
    let distance = |(_, first, last): &(f64, f64, f64)| (last - first - want).abs();
    near.min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

/// Round numbers within a range, about `want` of them.
pub(crate) fn round(low: f64, high: f64, want: f64) -> Vec<f64> {
    let step = nice((high - low) / (want + 0.5));
    multiples(step, (low / step - 1e-9).ceil(), (high / step + 1e-9).floor())
}

/// The multiples of `step` from the `first` to the `last`.
pub(crate) fn multiples(step: f64, first: f64, last: f64) -> Vec<f64> {
    let count = (last - first).clamp(0.0, 20.0) as usize;
    (0..=count).map(|i| (first + i as f64) * step).collect()
}

/// Round steps of the order of a fifth of `span`.
fn steps(span: f64) -> impl Iterator<Item = f64> {
    let power = 10f64.powf(span.log10().floor() - 1.0);
    [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0, 50.0].into_iter().map(move |m| m * power)
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least `step`.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let found = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|m| m * power >= step * 0.999);
    found.unwrap_or(10.0) * power
}

/// One of evenly spaced numbers, in as many digits as its distance to the next needs.
pub(crate) fn even(tick: f64, step: f64) -> String {
    let places = (0..=9).find(|places| {
        let shifted = step * 10f64.powi(*places);
        (shifted - shifted.round()).abs() < 1e-6 * shifted.abs().max(1e-9)
    });
    signed(tick, &format!("{:.*}", places.unwrap_or(9) as usize, tick.abs()))
}

/// A number on a logarithmic axis: 1, 2 or 5 times a power of ten.
pub(crate) fn power(tick: f64) -> String {
    let exponent = (tick.log10() + 1e-9).floor() as i32;
    if (1e-2 * 0.999..1e5).contains(&tick) {
        // Written from its digits, for 10 to the power of -1 is not quite 0.1.
        let places = usize::try_from(-exponent).unwrap_or(0);
        return signed(tick, &format!("{tick:.places$}"));
    }
    let factor = (tick / 10f64.powi(exponent)).round();
    let factor = if factor == 1.0 { String::new() } else { format!("{factor}\u{2009}·\u{2009}") };
    format!("{factor}{}", ten_to(exponent))
}

/// A power of ten.
pub(crate) fn ten_to(exponent: i32) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let sign = if exponent < 0 { "⁻" } else { "" };
    let digits = exponent.unsigned_abs().to_string();
    let raised: String =
        digits.chars().filter_map(|c| RAISED.get(c.to_digit(10)? as usize)).collect();
    format!("10{sign}{raised}")
}

/// A number in words of the figure: four significant digits.
pub(crate) fn brief(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        let exponent = size.log10().floor() as i32;
        let factor = size / 10f64.powi(exponent);
        if factor.is_finite() {
            return signed(value, &format!("{}e{exponent}", trimmed(&format!("{factor:.3}"))));
        }
        return format!("{value:e}");
    }
    let whole = if size < 1.0 { 0 } else { size.log10().floor() as usize };
    let first = if size == 0.0 || size >= 1.0 { 0 } else { (-size.log10().floor()) as usize };
    let places = 3usize.saturating_sub(whole) + first;
    signed(value, trimmed(&format!("{size:.places$}")))
}

/// Digits without the noughts that end their fraction.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

fn signed(value: f64, digits: &str) -> String {
    let text = match digits.split_once('.') {
        Some((whole, part)) => format!("{}.{part}", grouped(whole)),
        None if digits.contains('e') => digits.to_owned(),
        None => grouped(digits),
    };
    let nought = digits.chars().all(|c| matches!(c, '0' | '.'));
    if value < 0.0 && !nought { format!("−{text}") } else { text }
}

/// Digits in groups of three, where there are enough to lose count of.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words_keep_four_digits() {
        let told: Vec<String> =
            [0.0, 2120.0, 99.9123, -0.01234567, 12345.6, 1.5e-7, -2e9].map(brief).into();
        let thin = "12\u{202f}346";
        assert_eq!(told, ["0", "2120", "99.91", "−0.01235", thin, "1.5e-7", "−2e9"]);
    }

    #[test]
    fn powers_are_written_as_powers_where_digits_are_many() {
        let told: Vec<String> = [0.02, 0.1, 5.0, 2000.0, 1e5, 2e5, 5e-3].map(power).into();
        let (two, five) = ("2\u{2009}·\u{2009}10⁵", "5\u{2009}·\u{2009}10⁻³");
        assert_eq!(told, ["0.02", "0.1", "5", "2000", "10⁵", two, five]);
    }
}
