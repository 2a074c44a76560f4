//! Comparisons in formulas: a relation between quantities that are called by words.

use typst::syntax::{LinkedNode, SyntaxKind};

use super::Checker;
use super::nodes::callee;

/// Doors behind which a comparison is tested, a cited work's or no finding.
const DOORS: [&str; 4] = ["claim", "conjecture", "quoted", "declared"];

/// Indices that say where in an order something is, by definition.
const ORDERED: [&str; 16] = [
    "min", "max", "start", "end", "low", "high", "lower", "upper", "in", "out", "total", "warmup",
    "first", "last", "old", "new",
];

impl Checker<'_> {
    /// `A_"tuned" > A_"base"`, and `p << alpha`.
    pub(super) fn relation(&mut self, node: &LinkedNode<'_>) {
        if !matches!(node.kind(), SyntaxKind::Math | SyntaxKind::Equation) || behind_door(node) {
            return;
        }
        let parts: Vec<LinkedNode<'_>> = node
            .children()
            .filter(|child| !child.kind().is_trivia() && child.kind() != SyntaxKind::MathAlignPoint)
            .collect();
        for three in parts.windows(3) {
            let [left, sign, right] = three else { continue };
            let text = |node: &LinkedNode<'_>| node.get().full_text().to_string();
            let sign_text = text(sign);
            let compares = matches!(
                sign_text.as_str(),
                "<" | ">"
                    | "<="
                    | ">="
                    | "<<"
                    | ">>"
                    | "lt"
                    | "gt"
                    | "lt.eq"
                    | "gt.eq"
                    | "lt.double"
                    | "gt.double"
                    | "≪"
                    | "≫"
                    | "≤"
                    | "≥"
            );
            let named = is_named(left) && is_named(right);
            let chance = text(left) == "p"
                && text(right) == "alpha"
                && matches!(sign_text.as_str(), "<<" | "lt.double" | "≪");
            if compares && named || chance {
                let range = left.range().start..right.range().end;
                self.refuse(
                    "RS0206",
                    range,
                    format!(
                        "`{} {sign_text} {}` compares, and nothing tests it",
                        text(left),
                        text(right)
                    ),
                    "test it with `#claim` or `#compare`, or say what is expected in `#conjecture`",
                );
            }
        }
    }
}

/// Whether a quantity has a word for an index: `A_"tuned"`, `A_(text("tuned"))`.
fn is_named(node: &LinkedNode<'_>) -> bool {
    node.kind() == SyntaxKind::MathAttach
        && words(node).iter().any(|word| !ORDERED.contains(&word.as_str()))
}

fn words(node: &LinkedNode<'_>) -> Vec<String> {
    if node.kind() == SyntaxKind::Str {
        let word = node.leaf_text().trim_matches('"').to_lowercase();
        return vec![word].into_iter().filter(|word| word.len() > 1).collect();
    }
    node.children().flat_map(|child| words(&child)).collect()
}

fn behind_door(node: &LinkedNode<'_>) -> bool {
    let call = node.kind() == SyntaxKind::FuncCall && DOORS.contains(&callee(node).as_str());
    call || node.parent().is_some_and(behind_door)
}
