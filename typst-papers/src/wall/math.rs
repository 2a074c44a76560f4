//! Digits of mathematics: those that belong to a formula's structure state no number.

use typst::syntax::{LinkedNode, SyntaxKind};

use super::units;

/// Whether the digits at `node`, a text in an equation, belong to the formula: a subscript, an
/// exponent, a small coefficient beside a variable, the 0 or 1 of a bound, an entry of a matrix. A
/// decimal, a number of several digits, a percentage and a number that a side of a relation consists
/// of do not.
pub(super) fn structural(node: &LinkedNode<'_>) -> bool {
    let text = node.leaf_text();
    let digits = text.chars().filter(|c| c.is_numeric()).count();
    let plain = text.chars().all(|c| c.is_ascii_digit() || !c.is_numeric() && c != '.' && c != ',');
    if node.kind() != SyntaxKind::MathText || !plain || digits > 2 {
        return false;
    }
    let Some(digit) = text.chars().find(char::is_ascii_digit) else { return false };
    let mut chain = vec![node.clone()];
    while let Some(parent) = chain.last().and_then(|node| node.parent()).cloned() {
        if parent.kind() == SyntaxKind::Equation {
            break;
        }
        chain.push(parent);
    }
    let pairs = || chain.windows(2);
    let attached = pairs().find(|pair| {
        pair[1].kind() == SyntaxKind::MathAttach
            && !is_first(&pair[1], &pair[0])
            && pair[1].children().next().is_some_and(|base| has_variable(&base))
    });
    if let Some(pair) = attached {
        // "a_97" is a number below a name: an index has one digit, and only a logarithm's base two.
        if digits > 1 && is_below(&pair[0]) && called(&pair[1]) != "log" {
            return false;
        }
        // "A^97" and "e^10" are numbers; "x^10" is a power.
        if digits > 1 && !is_below(&pair[0]) {
            let base = called(&pair[1]);
            if base == "e" || text.parse::<u32>().is_ok_and(|power| power > 12) {
                return false;
            }
        }
        // "a_(= 97)" is no index.
        let mut inside = chain.iter().take_while(|node| node.kind() != SyntaxKind::MathAttach);
        return digits == 1
            || !inside.any(|node| node.children().any(|child| relation(&child).is_some()));
    }
    if digits > 1 {
        return false;
    }
    // An entry of a matrix from two on is a count or a measurement.
    let counts = |pair: &[LinkedNode<'_>]| {
        digit >= '2' && matches!(called(&pair[1]).as_str(), "mat" | "vec")
    };
    // What a formula says of things with names is a statement.
    let entry = (digit < '2' || !chain.last().is_some_and(has_string))
        && pairs().any(|pair| {
            pair[1].kind() == SyntaxKind::MathCall
                && STRUCTURES.contains(&called(&pair[1]).as_str())
                && !counts(pair)
        });
    entry
        || pairs()
            .find(|pair| is_side(&pair[1]))
            .is_some_and(|pair| side_allows(&pair[1], &pair[0], digit))
}

/// Functions whose arguments are parts of a formula, whatever stands around them.
const STRUCTURES: [&str; 14] = [
    "mat", "vec", "cases", "binom", "sqrt", "root", "log", "exp", "min", "max", "floor", "ceil",
    "gcd", "mod",
];

fn called(call: &LinkedNode<'_>) -> String {
    call.children().next().map(|name| name.get().full_text().to_string()).unwrap_or_default()
}

/// Whether a part of an attachment is its subscript.
fn is_below(part: &LinkedNode<'_>) -> bool {
    part.prev_sibling().is_some_and(|sign| sign.kind() == SyntaxKind::Underscore)
}

fn is_first(parent: &LinkedNode<'_>, child: &LinkedNode<'_>) -> bool {
    parent.children().next().is_some_and(|first| first.range() == child.range())
}

/// Whether a node holds the sides of a relation.
fn is_side(node: &LinkedNode<'_>) -> bool {
    matches!(node.kind(), SyntaxKind::Math | SyntaxKind::MathDelimited | SyntaxKind::MathArgs)
}

/// What parts the sides of a relation, as its text.
fn relation(node: &LinkedNode<'_>) -> Option<String> {
    let text = node.get().full_text();
    let told = matches!(
        text.as_str(),
        "=" | "<"
            | ">"
            | "<="
            | ">="
            | "!="
            | ":="
            | "->"
            | "=>"
            | ","
            | ";"
            | "&"
            | "approx"
            | "eq"
            | "lt"
            | "gt"
            | "lt.eq"
            | "gt.eq"
            | "leq"
            | "geq"
            | "neq"
            | "equiv"
            | "in"
            | "tilde"
            | "prop"
            | "\\"
            | "≈"
            | "≤"
            | "≥"
            | "~"
            | "quad"
            | "med"
    );
    told.then(|| text.to_string())
}

/// Whether the side of a relation in which `inner` stands has a variable beside it, or is the 0 or
/// 1 of a bound.
fn side_allows(math: &LinkedNode<'_>, inner: &LinkedNode<'_>, digit: char) -> bool {
    let mut children: Vec<LinkedNode<'_>> =
        math.children().filter(|child| child.kind() != SyntaxKind::Space).collect();
    if math.kind() == SyntaxKind::MathDelimited {
        // The brackets are no part of the sides.
        children.retain(|child| !is_bracket(child));
    }
    let Some(at) = children.iter().position(|child| child.range() == inner.range()) else {
        return false;
    };
    // "9 7" is a number with a space in it.
    let bare = |node: Option<&LinkedNode<'_>>| {
        node.is_some_and(|node| node.leaf_text().starts_with(|c: char| c.is_ascii_digit()))
    };
    if bare(at.checked_sub(1).and_then(|at| children.get(at))) || bare(children.get(at + 1)) {
        return false;
    }
    let start = children[..at].iter().rposition(|c| relation(c).is_some());
    let end = children[at..].iter().position(|c| relation(c).is_some()).map(|i| at + i);
    let side = &children[start.map_or(0, |i| i + 1)..end.unwrap_or(children.len())];
    if side.iter().any(|child| mentions(child, &["%", "percent", "times", "×", "dot"]))
        && !side.iter().any(|child| child.range() != inner.range() && has_variable(child))
    {
        return false;
    }
    let others = side.iter().filter(|child| child.range() != inner.range());
    let variables = others.clone().filter(|child| has_variable(child)).count();
    let named = side.iter().any(has_string);
    if named {
        return false;
    }
    // "3 x" alone is a multiple, not a formula.
    let alone = start.is_none() && end.is_none();
    let multiple = alone && side.len() == 2 && multiplies(math, side[1].get().full_text().as_str());
    if variables > 0 || has_variable(inner) {
        return !multiple;
    }
    let before = start.and_then(|i| relation(&children[i]));
    let inequality = |text: &Option<String>| {
        text.as_deref().is_some_and(|t| {
            matches!(
                t,
                "<" | ">"
                    | "<="
                    | ">="
                    | "!="
                    | "->"
                    | "lt.eq"
                    | "gt.eq"
                    | "≤"
                    | "≥"
                    | "in"
                    | "neq"
            )
        })
    };
    let after = end.and_then(|i| relation(&children[i]));
    // "f(0) = 0", "integral = 1": the other side is a formula and no bare name.
    let formula = before.as_deref() == Some("=") && is_formula(&children[..start.unwrap_or(0)]);
    let argument = is_delimited(math) && children.len() == 1 && follows_variable(math);
    let dots = end.is_some_and(|i| {
        children.get(i + 1).is_some_and(|c| mentions(c, &["...", "dots", "…", "dots.c", "dots.h"]))
    });
    matches!(digit, '0' | '1')
        && (inequality(&before)
            || inequality(&after)
            || dots
            || formula
            || argument
            // {0, 1}, [0, 1], (0, 1): sets and intervals
            || (is_delimited(math) && children.len() > 1))
}

/// Whether a letter behind a number is a factor: "3 x", or "9 k" before what is counted.
fn multiplies(math: &LinkedNode<'_>, letter: &str) -> bool {
    let mut up = Some(math.clone());
    let equation = loop {
        match up {
            Some(node) if node.kind() == SyntaxKind::Equation => break Some(node),
            Some(node) => up = node.parent().cloned(),
            None => break None,
        }
    };
    let mut next = equation.and_then(|equation| equation.next_sibling());
    while let Some(space) = next.as_ref().filter(|node| node.kind() == SyntaxKind::Space) {
        next = space.next_sibling();
    }
    let counted = next.is_some_and(|next| {
        let text = next.get().full_text();
        let word = text.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        units::is_counted(word)
    });
    matches!(letter, "x" | "X") || counted && matches!(letter, "k" | "K" | "M" | "B" | "G" | "T")
}

/// Whether a node stands between brackets.
fn is_delimited(math: &LinkedNode<'_>) -> bool {
    math.kind() == SyntaxKind::MathDelimited
        || math.parent().is_some_and(|parent| parent.kind() == SyntaxKind::MathDelimited)
}

/// Whether the side before a relation is more than a name: `norm(x)`, `x + y`, `f(0)`.
fn is_formula(before: &[LinkedNode<'_>]) -> bool {
    let start = before.iter().rposition(|c| relation(c).is_some()).map_or(0, |i| i + 1);
    let side = &before[start..];
    let compound = |node: &LinkedNode<'_>| {
        matches!(
            node.kind(),
            SyntaxKind::Math
                | SyntaxKind::MathAttach
                | SyntaxKind::MathCall
                | SyntaxKind::MathDelimited
                | SyntaxKind::MathFrac
                | SyntaxKind::MathPrimes
        )
    };
    side.iter().any(has_variable)
        && (side.len() > 1 || side.iter().any(compound))
        && !side.iter().any(has_string)
}

/// Whether brackets stand behind a variable, as those of an argument do.
fn follows_variable(inside: &LinkedNode<'_>) -> bool {
    let brackets = if inside.kind() == SyntaxKind::MathDelimited {
        Some(inside.clone())
    } else {
        inside.parent().cloned()
    };
    brackets
        .and_then(|brackets| brackets.prev_sibling())
        .is_some_and(|before| has_variable(&before))
}

fn is_bracket(node: &LinkedNode<'_>) -> bool {
    matches!(node.get().full_text().as_str(), "(" | ")" | "[" | "]" | "{" | "}" | "|")
}

fn mentions(node: &LinkedNode<'_>, words: &[&str]) -> bool {
    words.contains(&node.get().full_text().as_str())
        || node.children().any(|child| mentions(&child, words))
}

/// Words of formulas, which name nothing.
const WORDS: [&str; 10] =
    ["if", "else", "otherwise", "for", "and", "or", "where", "with", "for all", "s.t."];

fn has_string(node: &LinkedNode<'_>) -> bool {
    node.kind() == SyntaxKind::Str && !WORDS.contains(&node.leaf_text().trim_matches('"').trim())
        || node.children().any(|child| has_string(&child))
}

/// Names that are signs, spaces and relations, not variables.
const SIGNS: [&str; 14] = [
    "times", "dot", "plus", "minus", "percent", "quad", "thin", "med", "thick", "approx", "space",
    "div", "pm", "arrow",
];

fn has_variable(node: &LinkedNode<'_>) -> bool {
    match node.kind() {
        SyntaxKind::MathText => node.leaf_text().chars().any(char::is_alphabetic),
        SyntaxKind::MathIdent => !SIGNS.contains(&node.leaf_text().as_str()),
        _ => node.children().any(|child| has_variable(&child)),
    }
}

#[cfg(test)]
mod tests {
    use typst::syntax::parse_math;

    use super::*;

    fn verdicts(node: &LinkedNode<'_>, found: &mut Vec<bool>) {
        if node.kind() == SyntaxKind::MathText
            && node.leaf_text().chars().any(|c| c.is_ascii_digit())
        {
            found.push(structural(node));
        }
        for child in node.children() {
            verdicts(&child, found);
        }
    }

    fn accepted(math: &str) -> bool {
        let root = parse_math(math);
        let mut found = Vec::new();
        verdicts(&LinkedNode::new(&root), &mut found);
        !found.is_empty() && found.into_iter().all(|structural| structural)
    }

    #[test]
    fn formulas_are_accepted() {
        for math in [
            "x^2",
            "x_1 + x_2",
            "sum_(i=1)^n x_i",
            "1/2 m v^2",
            "1 - beta_1",
            "x >= 0",
            "4 pi r^2",
            "O(n^2)",
            "x in {0, 1}",
            "x in [0, 1]",
            "i = 1, ..., n",
            "f(x) = 2 x + 1",
            "(1 - x)/2",
            "p -> 0",
            "2^k",
            "norm(x)_2",
            "cal(N)(0, sigma^2)",
            "log_2 n",
            "0 <= t < T",
            "norm(x) = 1",
            "y(0) = 0",
            "O(1)",
            "mat(1, 0; 0, 1)",
            "cases(1 \"if\" i = j, 0 \"else\")",
            "sqrt(2)",
            "e^(i pi) + 1 = 0",
            "\"relu\"(x) = cases(x \"if\" x > 0, 0 \"otherwise\")",
            "x^10",
            "log_10 x",
            "binom(n, 2)",
            "f(0) = 0",
            "1/sqrt(2 pi sigma^2) e^(-(x - mu)^2 / (2 sigma^2))",
        ] {
            assert!(accepted(math), "{math}");
        }
    }

    #[test]
    fn statements_are_not() {
        for math in [
            "42",
            "9",
            "p < 0.05",
            "n = 3",
            "97 %",
            "9 %",
            "\"accuracy\" = 9",
            "x = 12",
            "3 x",
            "3 times",
            "a approx 7",
            "10^5",
            "x = 0",
            "x^100",
            "x^2.5",
            "a_(=97)",
            "a_97",
            "ZZ_97",
            "a_(97)",
            "\"seeds\" = cases(8 \"on addition\", k \"else\")",
            "alpha = 1",
            "x > 5",
            "e = 2.7",
            "k = 3 times",
            "A^97",
            "e^10",
            "mat(9, 1; 2, 8)",
            "vec(7, 3)",
        ] {
            assert!(!accepted(math), "{math}");
        }
    }
}
