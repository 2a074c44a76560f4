//! Numbers are printed as people write them, whatever they are.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rescience_typst_papers::{PaperInput, Results};
use serde_json::{Value, json};

use crate::made;
use crate::support::{digest, facts, sample};

/// A paper that prints each list of values as a metric of its own.
fn metrics_paper(metrics: &[Vec<f64>]) -> PaperInput {
    let names: Vec<String> = (0..metrics.len()).map(|i| format!("m{i}")).collect();
    let seeds = metrics.iter().map(Vec::len).max().unwrap_or(0);
    let runs: Vec<Value> = (0..seeds)
        .map(|seed| {
            let values: BTreeMap<&String, Option<Value>> = names
                .iter()
                .zip(metrics)
                .map(|(name, values)| (name, values.get(seed).map(|v| json!({ "value": v }))))
                .collect();
            json!({ "name": format!("experiment.e#{seed}"), "output": digest('a'), "facts": digest('f'), "metrics": values })
        })
        .collect();
    let declared: BTreeMap<&String, Value> =
        names.iter().map(|name| (name, json!({ "unit": "" }))).collect();
    let artifact = json!({ "schema": 1, "experiment": "experiment.e", "metrics": declared, "points": [{ "runs": runs }] });
    let calls: String =
        names.iter().map(|name| format!("#value(\"experiment.e.{name}\")\n")).collect();
    let main = format!("#import \"@rescience/paper:0.1.0\": *\n#show: paper\n{calls}");
    let mut input = sample();
    input.bibliography = None;
    input.files = BTreeMap::from([("main.typ".to_owned(), main.into_bytes())]);
    input.experiments = vec![Results::parse(artifact.to_string().as_bytes()).unwrap()];
    input.facts = BTreeMap::from([(digest('f'), facts())]);
    input.figures.clear();
    input
}

fn printed_metrics(metrics: &[Vec<f64>]) -> Vec<String> {
    let claims = made(&metrics_paper(metrics)).claims;
    claims.as_array().unwrap().iter().map(|c| c["printed"].as_str().unwrap().to_owned()).collect()
}

/// Reads a mean as it was printed: its value and half a unit of its last place.
fn read_back(text: &str) -> (f64, f64) {
    let plain: String = text.chars().filter(|c| !matches!(c, '\u{202f}' | '\u{a0}')).collect();
    let plain = plain.replace('−', "-");
    // A power behind brackets scales mean and deviation, any other only what it stands beside.
    let (mean, sd, shared) = match plain.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((both, power)) => {
            (both.split_once('±').unwrap().0, both.split_once('±').unwrap().1, power)
        }
        None => plain.split_once('±').map_or((plain.as_str(), "", ""), |(mean, sd)| (mean, sd, "")),
    };
    let (mean, own) = split_power(mean);
    let scale = 10f64.powi(own + split_power(shared).1);
    let place = |number: &str| match number.split_once('.') {
        Some((_, part)) => -(part.len() as i32),
        None => (number.len() - number.trim_end_matches('0').len()) as i32,
    };
    // A mean that rounds to nought ends where its deviation does.
    let place = if mean.trim_start_matches('-') == "0" && !sd.is_empty() {
        place(sd)
    } else {
        place(&mean)
    };
    (mean.parse::<f64>().unwrap() * scale, 0.5 * 10f64.powi(place) * scale)
}

/// A mantissa, which is not written where it is one, and the exponent of its power of ten.
fn split_power(text: &str) -> (String, i32) {
    let power = text.rsplit_once("10").filter(|(_, raised)| {
        !raised.is_empty() && raised.chars().all(|c| "⁻⁰¹²³⁴⁵⁶⁷⁸⁹".contains(c))
    });
    let Some((mantissa, raised)) = power else { return (text.to_owned(), 0) };
    let digits: String = raised
        .chars()
        .map(|c| match c {
            '⁻' => '-',
            '¹' => '1',
            '²' => '2',
            '³' => '3',
            c => char::from_digit(c as u32 - '⁰' as u32, 10).unwrap(),
        })
        .collect();
    let mantissa = match mantissa.trim_end_matches('×') {
        "" => "1",
        "-" => "-1",
        mantissa => mantissa,
    };
    (mantissa.to_owned(), digits.parse().unwrap())
}

#[test]
fn numbers_are_printed_as_people_write_them() {
    let cases: [(&[f64], &str); 16] = [
        (&[1170.0, 1130.0, 1210.0], "1170 ± 40"),
        (&[2100.0], "2100"),
        (&[0.3, 0.3, 0.3], "0.3"),
        (&[0.991_234], "0.9912"),
        (&[12_345.0, 12_355.0], "12 350 ± 7"),
        (&[1_234_567.0], "1 234 567"),
        (&[0.0], "0"),
        (&[-0.5, -0.7], "−0.60 ± 0.14"),
        (&[-0.001, 0.0005], "−0.0003 ± 0.0011"),
        (&[0.000_012, 0.000_014], "(1.30 ± 0.14) × 10⁻⁵"),
        (&[3.2e9, 3.4e9], "(3.30 ± 0.14) × 10⁹"),
        (&[1e-7], "10⁻⁷"),
        (&[0.999_96, 1.000_04], "1.00000 ± 0.00006"),
        (&[100.0, 101.0, 99.0], "100.0 ± 1.0"),
        // A spread far below the mean: each has a power of its own.
        (&[987_654_321.5, 987_654_321.5, 987_654_322.1], "9.8765432 × 10⁸ ± 0.3"),
        (&[5.123_456_7, 5.123_456_704_2], "5.1234567 ± 3 × 10⁻⁹"),
    ];
    let metrics: Vec<Vec<f64>> = cases.iter().map(|(values, _)| values.to_vec()).collect();
    let found: Vec<String> =
        printed_metrics(&metrics).iter().map(|t| t.replace(['\u{202f}', '\u{a0}'], " ")).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, text)| *text).collect();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 60,
        failure_persistence: None,
        // A build is red or green, never lucky.
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn printing_keeps_sign_and_magnitude(
        metrics in proptest::collection::vec(
            (prop_oneof![Just(1), Just(2), Just(3)], -9.999..9.999f64, -9..10i32, 0.0..2.0f64, -6..2i32),
            40,
        )
    ) {
        let metrics: Vec<Vec<f64>> = metrics
            .into_iter()
            .map(|(n, m, e, spread, below)| {
                let mean = m * 10f64.powi(e);
                let half = spread * 10f64.powi(e + below);
                (0..n).map(|i| mean + half * (f64::from(i) - 1.0)).collect()
            })
            .collect();
        for (text, values) in printed_metrics(&metrics).iter().zip(&metrics) {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let (read, half) = read_back(text);
            prop_assert!((read - mean).abs() <= half * 1.000_001 + mean.abs() * 1e-9, "{mean} printed as {text}, read as {read}");
            let clear = mean.abs() > 1e-300 && values.iter().any(|v| *v != values[0]) || values.len() == 1;
            if clear && mean != 0.0 {
                // What rounds to nought has no sign.
                let negative = mean < 0.0 && read != 0.0;
                prop_assert_eq!(text.trim_start_matches('(').starts_with('−'), negative, "{} printed as {}", mean, text);
            }
        }
    }
}
