//! A project that builds in a moment: shell runs, a figure and a paper.

use super::{Project, World};

/// Runs of the toy: two experiments, two seeds each.
pub(crate) const RUNS: usize = 4;
/// Actions that run in a first build: the runs, two collections, a figure and a paper.
pub(crate) const FIRST: usize = RUNS + 4;

pub(crate) const RECIPE: &str = r#"
[project]
name = "toy"
version = "0.1.0"
title = "Does more give more?"
authors = [{ name = "A. Person" }]
seed = 7

[source.toy]
path = "experiment"

[experiment.less]
source  = "source.toy"
build   = "none"
run     = ["sh", "run.sh", "{n}"]
params  = { n = 3 }
seeds   = 2
limits  = { wall = "30s" }
metrics = { score = { at = "metrics.json#/score", unit = "1", better = "higher" } }

[experiment.more]
extends = "experiment.less"
params  = { n = 5 }

[figure.scores]
data = ["experiment.less", "experiment.more"]
plot = { kind = "line", at = "series.jsonl", x = "step", y = "score", band = "std" }

[paper.main]
text  = "paper/main.typ"
style = "report"
"#;

pub(crate) const TEXT: &str = r#"#import "@rescience/paper:0.1.0": *

#show: paper.with(abstract: [Whether more gives more.])

= Result

Less gives #value("experiment.less.score"), more gives #value("experiment.more.score").

#figure("scores", caption: [Scores while they grow.])
"#;

/// The script of a run: it takes `pause` seconds, and writes its results.
pub(crate) fn script(pause: &str) -> String {
    format!(
        "set -eu\n\
         sleep {pause}\n\
         awk -v n=\"$1\" -v seed=\"$RESCIENCE_SEED\" -v out=\"$RESCIENCE_OUT\" 'BEGIN {{\n\
             for (i = 1; i <= n; i++) {{\n\
                 score += i + seed % 10 / 100\n\
                 printf \"{{\\\"step\\\": %d, \\\"score\\\": %.4f}}\\n\", i, score > (out \"/series.jsonl\")\n\
             }}\n\
             printf \"{{\\\"score\\\": %.4f}}\\n\", score > (out \"/metrics.json\")\n\
         }}'\n"
    )
}

/// The toy in a world, not built yet.
pub(crate) fn toy<'w>(world: &'w World, folder: &str) -> Project<'w> {
    let script = script("0");
    world.project(
        folder,
        &[
            ("rescience.toml", RECIPE),
            ("experiment/run.sh", &script),
            ("paper/main.typ", TEXT),
            (".gitignore", "/out/\n"),
        ],
    )
}
