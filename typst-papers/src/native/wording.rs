//! Whether the words of a claim say what its operator says.
//!
//! This reads a small table of English comparatives, not English. A claim of a direction needs one
//! of them; refused is a comparative whose direction the operator contradicts.

use super::units;

/// Where a metric's value lies, compared with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Lower,
    Higher,
}

impl Direction {
    fn flipped(self) -> Direction {
        match self {
            Direction::Lower => Direction::Higher,
            Direction::Higher => Direction::Lower,
        }
    }

    fn told(self) -> &'static str {
        match self {
            Direction::Lower => "lower",
            Direction::Higher => "higher",
        }
    }
}

/// What a word compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// The value itself.
    Value(Direction),
    /// How soon something is done: for steps and times lower is faster, for rates higher.
    Speed(Direction),
    /// How good it is: as the metric declares.
    Merit(Direction),
}

const LOWER: &str = "lower less fewer smaller below fewest lowest smallest reduces reduced reduce \
    decreases decreased decrease lowers lowered shrinks drops cuts halves undercuts saves saved save";
const HIGHER: &str = "higher more greater larger bigger above highest largest greatest exceeds exceed \
    exceeded increases increased increase raises doubles grows";
const FASTER: &str = "faster quicker sooner earlier shorter fastest quickest accelerates accelerated quickly rapidly";
const SLOWER: &str = "slower later longer slowest delays delayed slowly";
const BETTER: &str = "better best improves improved improve improvement outperforms outperformed \
    outperform beats beat surpasses surpass wins superior efficient efficiently accurate accurately \
    robust reliable";
const WORSE: &str = "worse worst underperforms underperform underperformed inferior loses regresses \
    degrades degraded degrade hurts hurt";
const NEGATIONS: &[&str] = &["not", "no", "never", "neither", "nor", "without", "cannot"];

/// What is claimed of the first side.
pub(crate) struct Claimed<'a> {
    pub(crate) operator: &'a str,
    pub(crate) metric: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) better: Option<&'a str>,
    /// The names of the first side.
    pub(crate) first: Vec<String>,
    /// The names of the other sides.
    pub(crate) second: Vec<String>,
    /// The names of experiments on neither side.
    pub(crate) others: Vec<String>,
    /// The other metrics of the first side.
    pub(crate) metrics: Vec<String>,
    /// Whether every point of the matrix was compared.
    pub(crate) covered: bool,
    /// Whether one point of several is enough.
    pub(crate) some: bool,
    /// Whether the claim says by how much at least.
    pub(crate) margin: bool,
    /// Whether all experiments with the metric are on one side or the other.
    pub(crate) all: bool,
}

/// What is wrong with the words of a claim, and what to do about it; `None` where nothing is.
pub(crate) fn objection(text: &str, claimed: &Claimed<'_>) -> Option<(String, &'static str)> {
    if several_sentences(text) {
        return Some((
            "the words are several sentences, and one claim".to_owned(),
            "claim each sentence by itself; what needs no claim stands outside",
        ));
    }
    let text = text.to_lowercase();
    let words = words(&text);
    if let Some(told) = contradiction(&words, claimed) {
        return Some((
            format!("the words contradict the claim: {told}"),
            "change the words, or turn the claim around",
        ));
    }
    if let Some(told) = unsaid(&words, claimed) {
        return Some((
            format!("the words do not say the claim: {told}"),
            "say which side is lower, higher, faster, better, ...",
        ));
    }
    let (told, hint) = super::reach::beyond(&words, claimed)?;
    Some((format!("the words say more than the claim: {told}"), hint))
}

/// The words of a text in lower case.
pub(super) fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .filter(|w| !w.is_empty())
        .collect()
}

/// The words of a name.
pub(super) fn parts(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    name.split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Where the first of these names stands in a text.
pub(super) fn place(words: &[&str], names: &[String]) -> Option<usize> {
    let of = |name: &String| {
        let parts = parts(name);
        words.windows(parts.len().max(1)).position(|window| window == parts)
    };
    names.iter().filter_map(of).min()
}

/// Whether a word is about speed.
pub(super) fn is_speed(word: &str) -> bool {
    matches!(sense(word), Some(Sense::Speed(_)))
}

/// Whether a sentence ends and another begins.
fn several_sentences(text: &str) -> bool {
    let mut parts = text.split_inclusive(['.', '!', '?']);
    parts.next();
    parts.any(|rest| rest.trim_start() != rest && rest.trim_start().starts_with(char::is_uppercase))
}

/// What a claim of a direction, or of sameness, leaves unsaid.
fn unsaid(words: &[&str], claimed: &Claimed<'_>) -> Option<String> {
    let compares = !comparatives(words).is_empty();
    match claimed.operator {
        "<" | ">" | "best of" if !compares => {
            Some(format!("nothing in them compares, and the operator is \"{}\"", claimed.operator))
        }
        "no difference" => {
            let equal = ["equal", "equally", "equivalent", "identical", "same"];
            let said = words.iter().find(|word| equal.contains(word))?;
            Some(format!("that no difference was found does not make them \"{said}\""))
        }
        _ => None,
    }
}

fn contradiction(words: &[&str], claimed: &Claimed<'_>) -> Option<String> {
    let better = match claimed.better {
        Some("lower") => Some(Direction::Lower),
        Some("higher") => Some(Direction::Higher),
        _ => None,
    };
    let found = comparatives(words);
    if better.is_none()
        && let Some(said) = found.iter().find(|said| matches!(said.sense, Sense::Merit(_)))
    {
        return Some(format!(
            "\"{}\" needs a metric that declares which direction is better",
            said.word
        ));
    }
    let mut directed: Vec<(&Said<'_>, Direction)> = Vec::new();
    for said in &found {
        let direction = match said.sense {
            Sense::Value(direction) => Some(direction),
            Sense::Speed(direction) => units::sooner(claimed.unit)
                .map(|fast| if direction == Direction::Lower { fast } else { fast.flipped() }),
            Sense::Merit(direction) => better
                .map(|good| if direction == Direction::Higher { good } else { good.flipped() }),
        };
        directed.extend(direction.map(|direction| (said, direction)));
    }
    // Where a comparative stands right before its "than", the others are about something else.
    if directed.iter().any(|(said, _)| said.than) {
        directed.retain(|(said, _)| said.than);
    }
    let swapped = swapped(words, claimed);
    let fits = |said: &Said<'_>, direction: Direction| {
        let direction = if swapped { direction.flipped() } else { direction };
        let claims = match claimed.operator {
            "<" => Some(Direction::Lower),
            ">" => Some(Direction::Higher),
            "best of" => better,
            _ => None,
        };
        match claims {
            Some(claims) => (claims == direction) != said.negated,
            None => said.negated,
        }
    };
    let decisive = directed.iter().any(|(said, _)| said.than);
    let wrong = directed.iter().find(|(said, direction)| !fits(said, *direction))?;
    if !decisive && directed.iter().any(|(said, direction)| fits(said, *direction)) {
        return None;
    }
    let (said, direction) = wrong;
    let not = if said.negated { "not " } else { "" };
    let subject = if swapped { "the second side is named first, and " } else { "" };
    Some(format!(
        "{subject}\"{not}{}\" says {not}{}, but the operator is \"{}\"",
        said.word,
        direction.told(),
        claimed.operator
    ))
}

/// A comparative of the text.
struct Said<'a> {
    word: &'a str,
    sense: Sense,
    negated: bool,
    /// Whether it stands up to four words before "than", with no other comparative between.
    than: bool,
}

fn comparatives<'a>(words: &[&'a str]) -> Vec<Said<'a>> {
    let mut found: Vec<(usize, Said<'a>)> = Vec::new();
    let mut skip = false;
    for (at, word) in words.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        let Some(mut sense) = sense(word) else { continue };
        // "more slowly", "less accurate": the second word has the sense, "less" turns it.
        if matches!(*word, "more" | "less")
            && let Some(next) = words.get(at + 1).and_then(|next| self::sense(next))
            && !matches!(next, Sense::Value(_))
        {
            sense = if *word == "less" { turned(next) } else { next };
            skip = true;
        }
        let before = &words[at.saturating_sub(3)..at];
        let negated = before
            .iter()
            .any(|w| NEGATIONS.contains(w) || w.ends_with("n't") || w.ends_with("n’t"));
        found.push((at, Said { word, sense, negated, than: false }));
    }
    for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == "than") {
        let nearest = found.iter_mut().rfind(|(place, _)| *place < at && at - *place <= 4);
        if let Some((_, said)) = nearest {
            said.than = true;
        }
    }
    found.into_iter().map(|(_, said)| said).collect()
}

fn sense(word: &str) -> Option<Sense> {
    let table = [
        (LOWER, Sense::Value(Direction::Lower)),
        (HIGHER, Sense::Value(Direction::Higher)),
        (FASTER, Sense::Speed(Direction::Lower)),
        (SLOWER, Sense::Speed(Direction::Higher)),
        (BETTER, Sense::Merit(Direction::Higher)),
        (WORSE, Sense::Merit(Direction::Lower)),
    ];
    table
        .into_iter()
        .find(|(words, _)| words.split(' ').any(|known| known == word))
        .map(|(_, sense)| sense)
}

fn turned(sense: Sense) -> Sense {
    match sense {
        Sense::Value(direction) => Sense::Value(direction.flipped()),
        Sense::Speed(direction) => Sense::Speed(direction.flipped()),
        Sense::Merit(direction) => Sense::Merit(direction.flipped()),
    }
}

/// Whether the text names the second side before the first.
fn swapped(words: &[&str], claimed: &Claimed<'_>) -> bool {
    match (place(words, &claimed.first), place(words, &claimed.second)) {
        (Some(first), Some(second)) => second < first,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, operator: &str, unit: &str, better: Option<&str>) -> Option<String> {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        let claimed = Claimed {
            operator,
            metric: "steps_to_99",
            unit,
            better,
            first: names(&["fast", "uniform, rate 0.003"]),
            second: names(&["baseline"]),
            others: Vec::new(),
            metrics: Vec::new(),
            covered: true,
            some: false,
            margin: false,
            all: true,
        };
        contradiction(&words(&text.to_lowercase()), &claimed)
    }

    #[test]
    fn words_that_say_what_the_operator_says_pass() {
        for text in [
            "The fast variant needs fewer steps than the baseline.",
            "A higher uniform rate needs fewer steps than the baseline.",
            "It is faster.",
            "The baseline is slower than the fast variant.",
            "It is not slower.",
            "It improves on the baseline.",
            "It generalises more quickly.",
            "The two differ.",
        ] {
            assert_eq!(said(text, "<", "step", Some("lower")), None, "{text}");
        }
    }

    #[test]
    fn words_that_say_the_opposite_are_found() {
        for text in [
            "The fast variant needs more steps than the baseline.",
            "The baseline is faster than the fast variant.",
            "It is slower.",
            "It generalises more slowly.",
            "It is not faster.",
            "It is worse, and uses fewer parameters than promised, or later than hoped.",
        ] {
            assert!(said(text, "<", "step", Some("lower")).is_some(), "{text}");
        }
        assert_eq!(
            said("The baseline is faster.", ">", "step", Some("lower")).as_deref(),
            Some("\"faster\" says lower, but the operator is \">\"")
        );
    }

    #[test]
    fn speed_follows_the_unit_and_merit_the_metric() {
        assert_eq!(said("It is faster.", ">", "token/s", None), None);
        assert!(said("It is faster.", "<", "token/s", None).is_some());
        assert_eq!(said("It is better.", ">", "%", Some("higher")), None);
        assert!(said("It is better.", "<", "%", Some("higher")).is_some());
        let told = said("It is better.", "<", "nat", None);
        assert_eq!(
            told.as_deref(),
            Some("\"better\" needs a metric that declares which direction is better")
        );
        // Speed says nothing about a loss.
        assert_eq!(said("It is faster.", ">", "nat", None), None);
    }

    #[test]
    fn sameness_has_no_direction() {
        assert_eq!(said("Neither is faster.", "=", "step", Some("lower")), None);
        assert_eq!(said("The two are the same.", "=", "step", Some("lower")), None);
        assert!(said("It is faster.", "=", "step", Some("lower")).is_some());
        assert!(said("It is faster.", "no difference", "step", Some("lower")).is_some());
    }
}
