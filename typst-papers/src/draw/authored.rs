//! The words of a figure that its author wrote, as opposed to those that come from the data.

use serde_json::Value;

/// The keys of a plot whose text is printed as it stands.
const KEYS: [&str; 4] = ["x-label", "y-label", "caption", "alt"];

/// The texts that a plot prints as the recipe has them, with their keys: whoever accounts for the
/// digits of a paper has to look at these, for no artifact backs them.
///
/// Everything else that a figure prints comes from the data (ticks, values of params, counts) or
/// is the name of a metric, param or experiment.
pub fn authored_strings(plot: &Value) -> Vec<(&'static str, String)> {
    let text = |key: &'static str| Some((key, plot.get(key)?.as_str()?.to_owned()));
    KEYS.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::draw::spec::Plot;

    #[test]
    fn what_the_author_wrote_is_told_with_its_key() {
        let plot = json!({
            "kind": "bar", "y": "steps_to_99", "x-label": "accuracy 99%", "alt": "Ninety-nine",
        });
        assert_eq!(
            authored_strings(&plot),
            [("x-label", "accuracy 99%".to_owned()), ("alt", "Ninety-nine".to_owned())]
        );
    }

    #[test]
    fn no_other_key_of_a_plot_prints_its_text() {
        // Whoever adds a text to the plot has to say here whether it is the author's.
        let mut plot = json!({ "kind": "line", "y": "loss" });
        let names = ["x", "at", "group", "facet", "x-unit", "y-unit"];
        for key in KEYS.iter().chain(&names) {
            plot[*key] = json!("text");
        }
        let read = Plot::parse(&plot).unwrap();
        let Plot {
            kind: _,
            y: _,
            band: _,
            x_scale: _,
            y_scale: _,
            max_points: _,
            width: _,
            x,
            at,
            group,
            facet,
            x_unit,
            y_unit,
            x_label,
            y_label,
            caption,
            alt,
        } = read;
        let all = [x, at, group, facet, x_unit, y_unit, x_label, y_label, caption, alt];
        assert!(all.iter().all(Option::is_some));
        assert_eq!(all.len(), KEYS.len() + names.len());
    }
}
