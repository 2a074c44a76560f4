//! The tables of binary operations of which the model sees a part and infers the rest.

use crate::rng::Rng;
use serde::Deserialize;

/// The number of tokens of a sequence: `a o b =`.
pub const LENGTH: usize = 4;
/// The token of the operator, the same for every operation.
const OPERATOR: u32 = 0;
/// The token after which the result is due.
const EQUALS: u32 = 1;
/// The token of the first element; the result's class is its token less this.
const FIRST: u32 = 2;

/// A binary operation.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Addition modulo a number.
    Add,
    /// Subtraction modulo a number.
    Sub,
    /// Division modulo a prime.
    Div,
    /// Composition of the permutations of five things.
    S5,
}

impl Operation {
    /// Says what is wrong with a modulus.
    pub fn check(self, modulus: u32) -> Result<(), String> {
        let prime =
            |n: u32| n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
        match self {
            Self::S5 => Ok(()),
            _ if !(2..=1000).contains(&modulus) => {
                Err(format!("`modulus` must be from 2 to 1000, found {modulus}"))
            }
            Self::Div if !prime(modulus) => {
                Err(format!("`modulus` must be a prime to divide by, found {modulus}"))
            }
            _ => Ok(()),
        }
    }

    /// How many elements there are, which is also the number of results.
    pub fn elements(self, modulus: u32) -> usize {
        match self {
            Self::S5 => permutations().len(),
            _ => modulus as usize,
        }
    }

    /// How many tokens there are.
    pub fn vocabulary(self, modulus: u32) -> usize {
        self.elements(modulus) + FIRST as usize
    }

    /// Every pair with its result.
    fn table(self, modulus: u32) -> Vec<Example> {
        let p = modulus;
        let over = |right: std::ops::Range<u32>, result: &dyn Fn(u32, u32) -> u32| {
            (0..p)
                .flat_map(|a| right.clone().map(move |b| (a, b)))
                .map(|(a, b)| Example { a, b, result: result(a, b) })
                .collect()
        };
        match self {
            Self::Add => over(0..p, &|a, b| (a + b) % p),
            Self::Sub => over(0..p, &|a, b| (a + p - b) % p),
            Self::Div => over(1..p, &|a, b| a * inverse(b, p) % p),
            Self::S5 => composition(),
        }
    }
}

/// A pair of elements and the result of the operation on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    a: u32,
    b: u32,
    result: u32,
}

/// What the model reads and should answer.
pub struct Batch {
    /// The tokens, `LENGTH` for each pair.
    pub ids: Vec<u32>,
    /// The class of each result.
    pub targets: Vec<u32>,
}

impl Batch {
    pub fn new(examples: impl IntoIterator<Item = Example>) -> Self {
        let (mut ids, mut targets) = (Vec::new(), Vec::new());
        for Example { a, b, result } in examples {
            ids.extend([a + FIRST, OPERATOR, b + FIRST, EQUALS]);
            targets.push(result);
        }
        Self { ids, targets }
    }
}

/// All pairs, in two parts.
pub struct Split {
    pub train: Vec<Example>,
    pub validation: Vec<Example>,
}

impl Split {
    /// Shuffles all pairs and trains on the first part of them, rounded down.
    pub fn new(operation: Operation, modulus: u32, train_fraction: f64, rng: &mut Rng) -> Self {
        let mut train = operation.table(modulus);
        rng.shuffle(&mut train);
        let kept = ((train.len() as f64 * train_fraction) as usize).clamp(1, train.len() - 1);
        let validation = train.split_off(kept);
        Self { train, validation }
    }
}

/// Draws `n` examples with replacement.
pub fn sample(from: &[Example], n: usize, rng: &mut Rng) -> Vec<Example> {
    (0..n).map(|_| from[rng.below(from.len())]).collect()
}

/// The inverse of `b` modulo the prime `p`, by Fermat: `b` to the `p - 2`.
fn inverse(b: u32, p: u32) -> u32 {
    (0..p - 2).fold(1, |power, _| power * b % p)
}

type Permutation = [usize; 5];

/// The permutations of five things, in lexicographic order.
fn permutations() -> Vec<Permutation> {
    let mut all = Vec::new();
    for code in 0..5usize.pow(5) {
        let word: Permutation = std::array::from_fn(|i| code / 5usize.pow(4 - i as u32) % 5);
        if (0..5).all(|thing| word.contains(&thing)) {
            all.push(word);
        }
    }
    all
}

/// Every pair of permutations with the one that applies the second, then the first.
fn composition() -> Vec<Example> {
    let all = permutations();
    let mut table = Vec::with_capacity(all.len() * all.len());
    for (a, left) in (0..).zip(&all) {
        for (b, right) in (0..).zip(&all) {
            let composed: Permutation = std::array::from_fn(|i| left[right[i]]);
            let result = all.binary_search(&composed).expect("permutations are closed") as u32;
            table.push(Example { a, b, result });
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_the_published_sizes() {
        let pairs = |operation: Operation| operation.table(97).len();
        assert_eq!(
            [9409, 9409, 9312, 14400],
            [
                pairs(Operation::Add),
                pairs(Operation::Sub),
                pairs(Operation::Div),
                pairs(Operation::S5),
            ]
        );
    }

    #[test]
    fn division_undoes_multiplication() {
        for Example { a, b, result } in Operation::Div.table(43) {
            assert_eq!(result * b % 43, a);
        }
    }

    #[test]
    fn subtraction_undoes_addition() {
        for Example { a, b, result } in Operation::Sub.table(43) {
            assert_eq!((result + b) % 43, a);
        }
    }

    #[test]
    fn s5_is_a_group_and_not_an_abelian_one() {
        let table = Operation::S5.table(0);
        let times = |a: u32, b: u32| table[(a * 120 + b) as usize].result;
        let identity = 0;
        for a in 0..120 {
            assert_eq!((times(identity, a), times(a, identity)), (a, a));
            assert_eq!((0..120).filter(|&b| times(a, b) == identity).count(), 1);
        }
        let mut rng = Rng::new(5);
        for _ in 0..10_000 {
            let [a, b, c] = std::array::from_fn(|_| rng.below(120) as u32);
            assert_eq!(times(times(a, b), c), times(a, times(b, c)));
        }
        assert!((0..120).any(|a| times(a, 1) != times(1, a)));
    }

    #[test]
    fn a_split_is_its_seeds_and_covers_the_table_once() {
        let split = |seed| Split::new(Operation::Add, 43, 0.5, &mut Rng::new(seed));
        let (first, again, other) = (split(1), split(1), split(2));
        assert_eq!((&first.train, &first.validation), (&again.train, &again.validation));
        assert_ne!(first.train, other.train);
        assert_eq!((first.train.len(), first.validation.len()), (924, 925));
        let mut all = [first.train, first.validation].concat();
        all.sort();
        assert_eq!(all, Operation::Add.table(43));
    }
}
