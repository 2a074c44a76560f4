//! Figures from made-up runs: what is drawn, what is refused.

mod support;

use proptest::prelude::*;
use rescience_typst_papers::draw::{self, alternative, draw, plotted};
use rescience_typst_papers::{FigureData, Results};
use serde_json::{Value, json};
use support::{figure_data, gallery, plots};

fn refused(plot: &Value) -> String {
    draw(plot, &figure_data()).expect_err("the plot is refused").to_string()
}

/// The points of marks that lie outside their panel, by more than the mark itself is wide.
fn astray(svg: &str) -> Vec<String> {
    let mut astray = Vec::new();
    for group in svg.split("<g class=\"marks\" data-area=\"").skip(1) {
        let (area, rest) = group.split_once("\">").unwrap();
        let area: Vec<f64> = area.split(' ').map(|part| part.parse().unwrap()).collect();
        let marks = rest.split_once("</g>").unwrap().0;
        for mark in marks.lines().filter(|line| !line.trim().is_empty()) {
            for (x, y) in points(mark) {
                let inside = x >= area[0] - 3.0
                    && x <= area[2] + 3.0
                    && y >= area[1] - 3.0
                    && y <= area[3] + 3.0;
                if !inside {
                    astray.push(mark.to_owned());
                }
            }
        }
    }
    astray
}

/// The points of a path, or the middle of a circle.
fn points(mark: &str) -> Vec<(f64, f64)> {
    let value = |name: &str| Some(mark.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0);
    let number = |text: &str| text.parse::<f64>().expect("coordinates are numbers");
    if let (Some(x), Some(y)) = (value("cx"), value("cy")) {
        return vec![(number(x), number(y))];
    }
    let path = value("d").expect("a mark is a circle or a path").trim_end_matches('Z');
    let pairs = path.split(['M', 'L']).skip(1).map(|pair| pair.split_once(' ').unwrap());
    pairs.map(|(x, y)| (number(x), number(y))).collect()
}

/// Experiments whose runs wrote these values, in points of these many runs.
fn made(values: &[f64], runs: usize, censored: bool) -> Vec<FigureData> {
    let halves = values.split_at(values.len() / 2);
    [("one", halves.0), ("two", halves.1)]
        .into_iter()
        .map(|(name, values)| {
            let mut data = FigureData::default();
            let mut points = Vec::new();
            for (index, values) in values.chunks(runs.max(1)).enumerate() {
                let runs = values.iter().enumerate().map(|(seed, value)| {
                    let run = format!("experiment.{name}[size={index}]#{seed}");
                    let lines: String = values
                        .iter()
                        .enumerate()
                        .map(|(step, other)| {
                            format!("{}\n", json!({ "step": step, "loss": other }))
                        })
                        .collect();
                    data.series.insert(run.clone(), lines.into_bytes());
                    let seen = json!({ "value": value, "censored": censored && seed == 0 });
                    json!({ "name": run, "seed": seed, "metrics": { "loss": seen } })
                });
                let runs: Vec<Value> = runs.collect();
                let point = json!({ "size": index });
                points.push(json!({ "point": point, "params": point, "runs": runs }));
            }
            let results = json!({
                "schema": 1, "experiment": format!("experiment.{name}"), "points": points,
                "metrics": { "loss": { "unit": "nat" } },
            });
            data.results = Results::parse(results.to_string().as_bytes()).unwrap();
            data
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_finite_data_are_drawn_within_their_panels(
        values in prop::collection::vec(prop_oneof![-1e3..1e3f64, prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL], 2..40),
        runs in 1usize..7,
        censored: bool,
        facet: bool,
        log: bool,
        band in prop::sample::select(vec!["none", "std", "sem", "ci95", "range"]),
    ) {
        let data = made(&values, runs, censored);
        for mut plot in [
            json!({ "kind": "line", "x": "step", "y": "loss", "at": "series.jsonl", "band": band }),
            json!({ "kind": "line", "x": "size", "y": "loss", "band": band }),
            json!({ "kind": "bar", "y": "loss", "band": band }),
            json!({ "kind": "bar", "y": "loss", "x": "size", "band": band }),
            json!({ "kind": "distribution", "y": "loss" }),
            json!({ "kind": "scatter", "x": "size", "y": "loss" }),
        ] {
            if facet {
                plot["facet"] = json!("size");
            }
            if log {
                plot["y-scale"] = json!("log");
            }
            match draw(&plot, &data) {
                Ok(svg) => {
                    prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
                    let astray = astray(&svg);
                    prop_assert!(astray.is_empty(), "{plot}: {astray:?}");
                }
                // Some data have no place: that is said, never drawn wrongly.
                Err(draw::FigureError::NoLogarithm { value, .. }) => prop_assert!(log && value <= 0.0),
                Err(draw::FigureError::TooManyPanels { count, .. }) => prop_assert!(count > 12),
                Err(other) => prop_assert!(false, "{plot}: {other}"),
            }
        }
    }
}

#[test]
fn every_plot_is_drawn_the_same_way_twice() {
    for (name, plot, data) in gallery::all() {
        let svg = draw(&plot, &data).unwrap();
        assert_eq!(svg, draw(&plot, &data).unwrap(), "{name}");
        let width = if plot.get("width").is_some() { 496 } else { 241 };
        assert!(svg.contains(&format!(" width=\"{width}pt\"")), "{name}");
        assert!(svg.contains("font-family=\"Libertinus Serif\""), "{name}");
    }
}

#[test]
fn every_mark_lies_within_its_panel() {
    for (name, plot, data) in gallery::all() {
        let astray = astray(&draw(&plot, &data).unwrap());
        assert!(astray.is_empty(), "{name}: {astray:?}");
    }
}

#[test]
fn a_figure_describes_itself() {
    let svg = draw(&plots()["steps"], &figure_data()).unwrap();
    assert_eq!(
        alternative(&svg).unwrap(),
        "Bar plot of steps to 99 (step) by operation. \
         Bars are means, whiskers one standard deviation to either side, dots runs. \
         uniform, rate 0.001, add: 2120, 3 runs from 2060 to 2190. \
         uniform, rate 0.001, div: at least 2947, 3 runs from 2840 to 3000. \
         per-layer rates, add: 1647, 3 runs from 1610 to 1690. \
         per-layer rates, div: 2283, 3 runs from 2210 to 2350. \
         uniform, rate 0.003, add: 871.7, 3 runs from 850 to 895. \
         uniform, rate 0.003, div: 1243, 3 runs from 1190 to 1310. \
         2 values are lower bounds (open triangles): their runs ended first."
    );
}

#[test]
fn words_of_the_recipe_take_the_place_of_those_from_the_data() {
    let mut plot = plots()["steps"].clone();
    plot["alt"] = json!("Steps, \"fewer\" < more");
    let svg = draw(&plot, &figure_data()).unwrap();
    assert_eq!(alternative(&svg).unwrap(), "Steps, \"fewer\" < more");
}

#[test]
fn the_drawn_data_travel_with_the_drawing() {
    for (name, plot, data) in gallery::all() {
        let svg = draw(&plot, &data).unwrap();
        assert_eq!(plotted(&svg).unwrap(), draw::data(&plot, &data).unwrap(), "{name}");
    }
    let data = draw::data(&plots()["steps"], &figure_data()).unwrap();
    assert_eq!(data["y"]["unit"], "step");
    assert_eq!(data["left_out"]["censored"], 2);
    let slow = &data["panels"][0]["traces"][1];
    assert_eq!(
        (&slow["category"], &slow["experiment"]),
        (&json!("div"), &json!("experiment.baseline"))
    );
    let runs = slow["column"]["runs"].as_array().unwrap();
    assert_eq!(runs.iter().filter(|run| run["censored"] == true).count(), 2);
    assert_eq!(
        (&slow["column"]["interval"], &slow["column"]["median"]),
        (&json!(null), &json!(null))
    );
}

#[test]
fn what_is_not_finite_is_left_out_and_said() {
    let (_, plot, data) = gallery::all().into_iter().find(|(name, ..)| *name == "panels").unwrap();
    let told = alternative(&draw(&plot, &data).unwrap()).unwrap();
    assert!(told.ends_with("120 values are not finite: left out."), "{told}");
    let drawn = draw::data(&plot, &data).unwrap();
    assert_eq!(drawn["left_out"]["not_finite"], 120);
    let widest = &drawn["panels"][5]["traces"][0]["curve"];
    assert_eq!((&widest[0]["n"], &widest[80]["n"]), (&json!(8), &json!(6)));
}

#[test]
fn a_figure_has_one_panel_for_each_value_of_its_facet() {
    let plot = json!({ "kind": "distribution", "y": "steps_to_99", "facet": "operation" });
    let drawn = draw::data(&plot, &figure_data()).unwrap();
    let titles: Vec<&Value> =
        drawn["panels"].as_array().unwrap().iter().map(|panel| &panel["title"]).collect();
    assert_eq!(titles, ["add", "div"]);
    let svg = draw(&plot, &figure_data()).unwrap();
    assert_eq!(svg.matches("class=\"marks\"").count(), 2);
}

#[test]
fn names_stand_at_the_ends_of_lines_or_in_a_legend_but_never_twice() {
    for (name, plot, data) in gallery::all() {
        let svg = draw(&plot, &data).unwrap();
        let (_, body) = svg.split_once("</metadata>").unwrap();
        let times = body.matches(">Adam<").count();
        assert!(times <= 1, "{name}: {times}");
    }
}

#[test]
fn two_units_do_not_share_an_axis() {
    let told = refused(&json!({ "kind": "bar", "y": ["steps_to_99", "accuracy"] }));
    assert_eq!(
        told,
        "`steps_to_99` is measured in `step` and `accuracy` in `%`: one axis shows one unit, draw \
         them in two figures"
    );
    let told = refused(&json!({ "kind": "line", "x": "operation", "y": "accuracy" }));
    assert!(
        told.starts_with("`operation` is \"add\" in experiment.baseline, and a line"),
        "{told}"
    );
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    assert_eq!(
        refused(&json!({ "kind": "line", "x": "step", "y": "val_acuracy", "at": "series.jsonl" })),
        "no field `val_acuracy` in the series of experiment.baseline[operation=add]#0; \
         did you mean `val_accuracy`?"
    );
    assert_eq!(
        refused(&json!({ "kind": "bar", "y": "step_to_99" })),
        "no metric `step_to_99` in experiment.baseline; did you mean `steps_to_99`?"
    );
    assert_eq!(
        refused(&json!({ "kind": "bar", "y": "accuracy", "group": "operaton" })),
        "no param `operaton` in experiment.baseline; did you mean `operation`?"
    );
    assert_eq!(refused(&json!({ "kind": "line", "y": "loss" })), "a line plot needs `x`");
    assert!(
        refused(&json!({ "kind": "pie", "y": "loss" }))
            .starts_with("the plot is malformed: unknown variant `pie`")
    );
}

#[test]
fn a_run_without_a_series_is_named() {
    let mut data = figure_data();
    data[0].series.clear();
    let plot = json!({ "kind": "line", "x": "step", "y": "loss", "at": "series.jsonl" });
    assert_eq!(
        draw(&plot, &data).unwrap_err().to_string(),
        "experiment.baseline[operation=add]#0 wrote no series"
    );
}

#[test]
fn broken_lines_are_named_but_a_torn_last_one_is_not() {
    let plot = json!({ "kind": "line", "x": "step", "y": "loss", "at": "series.jsonl" });
    let mut data = figure_data();
    let series = data[0].series.values_mut().next().unwrap();
    series.extend_from_slice(b"{\"step\": 99");
    assert!(draw(&plot, &data).is_ok());
    let series = data[0].series.values_mut().next().unwrap();
    series.push(b'\n');
    let told = draw(&plot, &data).unwrap_err().to_string();
    assert!(
        told.contains("of the series of experiment.baseline[operation=add]#0 is not a JSON object"),
        "{told}"
    );
}
