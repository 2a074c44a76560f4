//! Figures from made-up runs: what is drawn, what is refused.

mod support;

use rescience_typst_papers::draw;
use serde_json::{Value, json};
use support::{figure_data, plots};

fn refused(plot: &Value) -> String {
    draw(plot, &figure_data()).expect_err("the plot is refused").to_string()
}

#[test]
fn every_plot_is_drawn_the_same_way_twice() {
    for (name, plot) in plots() {
        let svg = draw(&plot, &figure_data()).unwrap();
        assert_eq!(svg, draw(&plot, &figure_data()).unwrap(), "{name}");
        assert!(svg.starts_with("<svg width=\"241pt\""), "{name}");
        assert!(svg.contains("<title>"), "{name}");
        assert!(svg.contains("font-family=\"Libertinus Serif\""), "{name}");
    }
}

#[test]
fn a_figure_describes_itself() {
    let svg = draw(&plots()["curves"], &figure_data()).unwrap();
    let title = svg.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
    assert_eq!(
        title,
        Some(
            "Line plot of val accuracy (%) against step: uniform, rate 0.001, add; uniform, rate 0.001, \
             div; per-layer rates, add; per-layer rates, div; uniform, rate 0.003, add; uniform, rate \
             0.003, div."
        )
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
