//! The nearest valid name to a mistyped one.

/// Picks the candidate that a mistyped `name` most likely meant, if one is near enough.
///
/// A third of the longer name may differ, as in cargo; a candidate whose part after the dot is
/// `name` itself (`baseline` for `experiment.baseline`) counts as near.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    // An edit distance is quadratic in the length, and outside text may be of any length.
    if lower.len() > 200 {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = distance(&lower, candidate);
        let Some(distance) = distance else { continue };
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn distance(lower: &str, candidate: &str) -> Option<usize> {
    let other = candidate.to_lowercase();
    if other == lower || other.split_once('.').is_some_and(|(_, name)| name == lower) {
        return Some(0);
    }
    let bound = (lower.len().max(other.len()) / 3).max(1);
    if lower.len().abs_diff(other.len()) > bound {
        return None;
    }
    let distance = strsim::damerau_levenshtein(lower, &other);
    (distance <= bound).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_typos_case_and_bare_names_but_nothing_far() {
        let names = ["experiment.baseline", "experiment.layerwise", "source.template"];
        assert_eq!(nearest("experiment.basline", names), Some("experiment.baseline"));
        assert_eq!(nearest("Source.Template", names), Some("source.template"));
        assert_eq!(nearest("layerwise", names), Some("experiment.layerwise"));
        assert_eq!(nearest("paper", names), None);
        assert_eq!(nearest("sede", ["seed", "seeds"]), Some("seed"));
    }
}
