//! Figures of every kind, from made-up runs: what a paper about a sweep would show.

use std::collections::BTreeMap;

use rescience_typst_papers::{FigureData, Results};
use serde_json::{Value, json};

use super::{figure_data, plots};

/// Numbers that look random and are the same everywhere.
struct Noise(u64);

impl Noise {
    /// The next number from -1 to 1; the mean of four, so that the middle is more likely.
    fn next(&mut self) -> f64 {
        let mut sum = 0.0;
        for _ in 0..4 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            sum += (self.0 >> 33) as f64 / f64::from(1u32 << 31) * 2.0 - 1.0;
        }
        sum / 2.0
    }
}

/// Three optimisers at six widths, eight seeds each, of which the widest diverge now and then.
pub(crate) fn sweep() -> Vec<FigureData> {
    let mut noise = Noise(7);
    let of = |(name, label, best, floor): (&str, &str, f64, f64), noise: &mut Noise| {
        let mut series = BTreeMap::new();
        let mut points = Vec::new();
        for width in [32, 64, 128, 256, 512, 1024] {
            let mut runs = Vec::new();
            for seed in 0..8 {
                let size = f64::from(width);
                let run = format!("experiment.{name}[width={width}]#{seed}");
                let end = floor + 1.9 * (size / 32.0).powf(-0.45) * (1.0 + 0.05 * noise.next());
                let hours = best * size / 64.0 * (1.0 + 0.1 * noise.next());
                let late = width == 1024 && seed > 5;
                let lines: String = (0..=80)
                    .map(|i| {
                        let step = f64::from(i) * 125.0;
                        let loss =
                            end + 3.0 * (-step / (1300.0 * best)).exp() + 0.02 * noise.next();
                        let loss = if late && i > 60 { Value::Null } else { json!(loss) };
                        format!("{}\n", json!({ "step": step, "loss": loss }))
                    })
                    .collect();
                series.insert(run.clone(), lines.into_bytes());
                runs.push(json!({
                    "name": run, "seed": seed, "metrics": {
                        "loss": { "value": end },
                        "hours": { "value": hours.min(20.0), "censored": hours > 20.0 },
                    },
                }));
            }
            points.push(
                json!({ "point": { "width": width }, "params": { "width": width }, "runs": runs }),
            );
        }
        let results = json!({
            "schema": 1, "experiment": format!("experiment.{name}"), "label": label,
            "metrics": {
                "loss": { "unit": "nat", "better": "lower" },
                "hours": { "unit": "h", "better": "lower" },
            },
            "points": points,
        });
        let results =
            Results::parse(results.to_string().as_bytes()).expect("the results are well-formed");
        FigureData { results, series }
    };
    [("sgd", "momentum", 1.9, 1.3), ("adam", "Adam", 1.0, 0.9), ("muon", "Muon", 0.8, 0.55)]
        .map(|one| of(one, &mut noise))
        .into()
}

/// The experiments of the sweep at some widths alone.
fn at(widths: &[u64]) -> Vec<FigureData> {
    let mut data = sweep();
    for of in &mut data {
        let wanted = |value: &Value| value.as_u64().is_some_and(|width| widths.contains(&width));
        of.results.points.retain(|point| wanted(&point.point["width"]));
    }
    data
}

/// Every figure: its name, its plot and its data.
pub(crate) fn all() -> Vec<(&'static str, Value, Vec<FigureData>)> {
    let curves = json!({ "kind": "line", "x": "step", "y": "loss", "at": "series.jsonl" });
    let with = |more: Value| {
        let mut plot = curves.clone();
        if let (Some(plot), Some(more)) = (plot.as_object_mut(), more.as_object()) {
            plot.extend(more.clone());
        }
        plot
    };
    let mut figures = vec![
        ("named-ends", with(json!({ "band": "ci95" })), at(&[256])),
        ("log-loss", with(json!({ "x-scale": "log", "band": "range" })), at(&[64, 256])),
        (
            "scaling",
            json!({ "kind": "line", "x": "width", "y": "loss", "band": "range", "x-scale": "log", "y-scale": "log", "x-label": "width of the model" }),
            sweep(),
        ),
        (
            "time-by-width",
            json!({ "kind": "line", "x": "width", "y": "hours", "x-scale": "log", "y-scale": "log" }),
            sweep(),
        ),
        ("panels", with(json!({ "facet": "width" })), sweep()),
        ("few-panels", with(json!({ "facet": "width", "band": "sem" })), at(&[64, 512])),
        (
            "wide-panels",
            with(json!({ "facet": "width", "width": "page", "x-scale": "linear" })),
            sweep(),
        ),
        ("distribution", json!({ "kind": "distribution", "y": "loss" }), at(&[256])),
        (
            "distribution-by-width",
            json!({ "kind": "distribution", "y": "hours", "x": "width", "y-scale": "log" }),
            at(&[64, 256, 1024]),
        ),
        ("bars", json!({ "kind": "bar", "y": "loss", "band": "ci95" }), at(&[256])),
        (
            "bars-by-width",
            json!({ "kind": "bar", "y": "hours", "x": "width", "band": "sem" }),
            at(&[256, 512, 1024]),
        ),
        (
            "bar-panels",
            json!({ "kind": "bar", "y": "loss", "facet": "width" }),
            at(&[64, 256, 1024]),
        ),
        (
            "cloud",
            json!({ "kind": "scatter", "x": "hours", "y": "loss", "x-scale": "log" }),
            sweep(),
        ),
        (
            "cloud-panels",
            json!({ "kind": "scatter", "x": "hours", "y": "loss", "facet": "width" }),
            at(&[64, 512]),
        ),
        (
            "records",
            json!({ "kind": "scatter", "x": "step", "y": "loss", "at": "series.jsonl" }),
            at(&[64]),
        ),
    ];
    figures.extend(plots().into_iter().map(|(name, plot)| (name, plot, figure_data())));
    figures
}
