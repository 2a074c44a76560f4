//! The right number called what it is not: a parameter a result, a minimum the mean, all runs the
//! seeds, an accuracy an error; and two numbers in the order of each other's names.

use super::claims::Claim;
use super::pages::Pages;
use super::sentence::{named, report, said};
use super::trimmed;
use crate::input::PaperInput;
use crate::problem::Problem;
use crate::world::PaperWorld;

/// Verbs that make what follows them a result.
const ACHIEVING: [&str; 15] = [
    "achieves", "achieve", "achieved", "attains", "attain", "attained", "obtains", "obtain",
    "obtained", "scores", "score", "scored", "yields", "yield", "yielded",
];

/// Words between a verb and its number.
const FILLERS: [&str; 7] = ["a", "an", "only", "about", "just", "still", "the"];

/// Quantities that only a run can tell, and that are not each other.
const RESULTS: [&str; 9] =
    ["accuracy", "error", "loss", "perplexity", "auc", "bleu", "f1", "precision", "recall"];

/// The words by which a sentence says that a number is no mean.
const STATISTICS: [(&str, &[&str]); 6] = [
    (
        "min",
        &[
            "minimum", "min", "minima", "lowest", "least", "worst", "best", "smallest", "fewest",
            "fastest", "slowest", "every", "all", "each", "any", "no", "never", "range", "ranges",
            "between", "from", "shortest", "extremes",
        ],
    ),
    (
        "max",
        &[
            "maximum", "max", "maxima", "highest", "most", "worst", "best", "largest", "greatest",
            "slowest", "fastest", "every", "all", "each", "any", "no", "never", "range", "ranges",
            "between", "to", "longest", "extremes", "peak",
        ],
    ),
    ("median", &["median", "medians", "middle", "half"]),
    (
        "sd",
        &[
            "sd",
            "std",
            "deviation",
            "deviations",
            "deviate",
            "deviates",
            "spread",
            "vary",
            "varies",
            "varied",
            "variation",
            "scatter",
            "noise",
            "±",
            "σ",
        ],
    ),
    ("n", &["n", "run", "runs", "seed", "seeds", "value", "values", "measurements", "times"]),
    ("run", &["run", "runs", "seed", "seeds", "single", "repetition"]),
];

/// Numbers that a sentence calls what they are not.
pub(super) fn check(input: &PaperInput, world: &PaperWorld, pages: &Pages) -> Vec<Problem> {
    let plain: Vec<String> = pages.words.iter().map(said).collect();
    let mut problems = Vec::new();
    for (i, word) in pages.words.iter().enumerate() {
        if plain[i].starts_with("respectively") {
            problems.extend(swapped(input, world, pages, &plain, i));
        }
        let Some(claim) = word.letters.first().and_then(|letter| pages.claim(letter)) else {
            continue;
        };
        // A cell has its heading far away.
        if word.apart {
            continue;
        }
        let wrong = match claim.kind().as_str() {
            "param" => as_result(&plain, i, &claim.path()),
            "value" => as_mean(&plain, i, claim).or_else(|| as_other(&plain, i, claim)),
            "count" => as_seeds(input, &plain, i, claim),
            _ => None,
        };
        if let Some((at, message)) = wrong {
            problems.extend(report(world, &pages.words[at], message));
        }
    }
    problems
}

/// A parameter that something is said to have achieved.
fn as_result(plain: &[String], i: usize, path: &str) -> Option<(usize, String)> {
    let at = plain[..i].iter().rposition(|word| !FILLERS.contains(&word.as_str()))?;
    let word = plain[at].as_str();
    let result = at > 0 && word == "of" && RESULTS.contains(&plain[at - 1].as_str());
    let achieved = ACHIEVING.contains(&word) || result;
    let at = if result { at - 1 } else { at };
    let message = format!("\"{}\" makes a result of `{path}`, which is a parameter", plain[at]);
    achieved.then_some((at, message))
}

/// A minimum, a deviation or one run's value that the sentence gives as if it were the mean.
fn as_mean(plain: &[String], i: usize, claim: &Claim) -> Option<(usize, String)> {
    let statistic = claim.statistic();
    let name = statistic.split(' ').next().unwrap_or_default();
    let (_, words) = STATISTICS.iter().find(|(known, _)| *known == name)?;
    let (start, end) = sentence(plain, i);
    let told = plain[start..end].iter().any(|word| {
        let word = trimmed(word);
        words.contains(&word) || word == "±" || word.split('-').any(|part| words.contains(&part))
    });
    // In a formula or alone in a cell there are no words.
    let at = (start..i).rev().find(|at| plain[*at].chars().any(char::is_alphabetic))?;
    let what =
        if name == "run" { format!("the value of {statistic}") } else { format!("the {name}") };
    (!told)
        .then(|| (at, format!("the number behind this is {what}, which the sentence does not say")))
}

/// An accuracy that is called an error.
fn as_other(plain: &[String], i: usize, claim: &Claim) -> Option<(usize, String)> {
    let at = plain[..i].iter().rposition(|word| !FILLERS.contains(&word.as_str()))?;
    let noun = at.checked_sub(1).filter(|_| plain[at] == "of")?;
    let noun = if plain[noun] == "rate" { noun.checked_sub(1)? } else { noun };
    let said = plain[noun].as_str();
    let path = claim.path();
    let metric = path.rsplit('.').next().unwrap_or_default();
    let own: Vec<&str> = metric.split(['_', '-']).collect();
    let other = RESULTS.contains(&said) && own.iter().any(|part| RESULTS.contains(part));
    (other && !own.contains(&said))
        .then(|| (noun, format!("this is `{said}`, but the number behind it is `{metric}`")))
}

/// All runs, of several points or experiments, that are called seeds.
fn as_seeds(
    input: &PaperInput,
    plain: &[String],
    i: usize,
    claim: &Claim,
) -> Option<(usize, String)> {
    let path = claim.path();
    let of = path.strip_suffix("runs")?.trim_end_matches('.');
    let at = (i..plain.len()).skip(1).find(|at| !plain[*at].is_empty())?;
    let counted = input.experiments.iter().filter(|it| of.is_empty() || it.experiment == of);
    let points: Vec<usize> =
        counted.flat_map(|it| it.points.iter().map(|p| p.runs.len())).collect();
    let several = points.len() > 1;
    (several && plain[at].starts_with("seed")).then(|| {
        let message = "the number before this counts the runs of all points, not seeds; \
                       `count(\"experiment.NAME.seeds\")` counts those";
        (at, message.to_owned())
    })
}

/// Names and numbers of the same experiments in another order, behind which "respectively" stands.
fn swapped(
    input: &PaperInput,
    world: &PaperWorld,
    pages: &Pages,
    plain: &[String],
    i: usize,
) -> Option<Problem> {
    let (start, end) = sentence(plain, i);
    let mut names: Vec<&str> = Vec::new();
    let mut numbers: Vec<String> = Vec::new();
    for at in start..end {
        if let Some((results, _)) = named(input, plain, at)
            && !names.contains(&results.name())
        {
            names.push(results.name());
        }
        let claim = pages.words[at].letters.first().and_then(|letter| pages.claim(letter));
        let path = claim.filter(|claim| claim.kind() == "value").map(Claim::path);
        let experiment = path.as_deref().and_then(|path| path.split('.').nth(1));
        if let Some(experiment) = experiment
            && !numbers.iter().any(|known| known == experiment)
        {
            numbers.push(experiment.to_owned());
        }
    }
    let mut sorted = (names.clone(), numbers.iter().map(String::as_str).collect::<Vec<_>>());
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    let same = sorted.0 == sorted.1 && names.len() > 1;
    if !same || names == numbers {
        return None;
    }
    let message = format!(
        "the names are in the order {}, the numbers {}",
        names.join(", "),
        numbers.join(", ")
    );
    report(world, &pages.words[i], message)
}

/// The sentence of a word: from behind the end of the one before to its own end.
fn sentence(plain: &[String], i: usize) -> (usize, usize) {
    let ends = |word: &String| word.ends_with(['.', '!', '?']);
    let start = plain[..i].iter().rposition(ends).map_or(0, |at| at + 1);
    let end = plain[i..].iter().position(ends).map_or(plain.len(), |at| i + at + 1);
    (start, end)
}
