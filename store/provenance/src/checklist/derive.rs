//! What follows from what was recorded: some answers, and the facts for some others.
//!
//! | question | follows from | answered |
//! |---|---|---|
//! | reproducibility | recipe, commands and inputs of the runs | yes |
//! | setting | parameters of the runs | yes |
//! | compute | measured use of the runs, failed ones too | yes |
//! | open access | sources of the programs that ran | no: whether it is open is no record |
//! | significance | the seeds of each experiment | no: whether it is reported, the paper says |
//! | licences | licences of the data sets | no: whether they were respected is no record |
//!
//! No answer is derived from the lack of a record.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Question, Verdict};
use crate::account::{Account, Action, Kind, Outcome, Usage};
use crate::index::Index;

pub(super) fn answer(account: &Account, question: Question) -> Option<Answer> {
    let runs: Vec<&Action> = account.actions.iter().filter(|it| it.kind == Kind::Run).collect();
    let (verdict, because) = match question {
        Question::Reproducibility => reproducibility(account, &runs)?,
        Question::OpenAccess => open_access(account, &runs)?,
        Question::Setting => setting(&runs)?,
        Question::Significance => significance(&runs)?,
        Question::Compute => compute(&runs)?,
        Question::Licenses => licenses(account)?,
        _ => return None,
    };
    Some(Answer { question, verdict, because })
}

/// An answer, if there is one, and why; `None` where nothing is known.
type Derived = Option<(Option<Verdict>, String)>;

fn reproducibility(account: &Account, runs: &[&Action]) -> Derived {
    let told = |action: &&Action| !action.argv.is_empty() && !action.inputs.is_empty();
    let all = !runs.is_empty() && runs.iter().all(told);
    (all && Index::of(account).file(&account.recipe).is_some()).then(|| {
        let because = format!(
            "{} holds the recipe; the commands, inputs, parameters and seeds of {} are recorded by \
             digest, and the command rescience reproduce runs them again.",
            account.recipe,
            count(runs.len(), "run"),
        );
        (Some(Verdict::Yes), because)
    })
}

fn open_access(account: &Account, runs: &[&Action]) -> Derived {
    let index = Index::of(account);
    let sources = |run: &&Action| {
        let sources = account.program(run)?.sources.as_deref()?;
        index.holds(sources).then_some(sources)
    };
    let sources: BTreeSet<&str> = runs.iter().map(sources).collect::<Option<_>>()?;
    (!sources.is_empty()).then(|| {
        let names = sources.into_iter().collect::<Vec<_>>().join(", ");
        let because = format!(
            "The bundle holds the sources of the programs that ran ({names}), and README.md says \
             which commands check and reproduce the results."
        );
        (None, because)
    })
}

fn setting(runs: &[&Action]) -> Derived {
    let all = !runs.is_empty() && runs.iter().all(|run| !run.parameters.is_empty());
    all.then(|| {
        let names: BTreeSet<&str> =
            runs.iter().flat_map(|run| run.parameters.keys().map(String::as_str)).collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let because = format!(
            "Every run was told its parameters ({names}), and they are in {}.",
            crate::ro_crate::PATH
        );
        (Some(Verdict::Yes), because)
    })
}

fn significance(runs: &[&Action]) -> Derived {
    let mut seeds: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.outcome == Outcome::Ok) {
        seeds.entry(&run.node).or_default().extend(run.seed);
    }
    let seeded = !seeds.is_empty() && seeds.values().all(|seeds| !seeds.is_empty());
    let list = seeds.iter().map(|(node, seeds)| format!("{node}: {}", count(seeds.len(), "seed")));
    let list = list.collect::<Vec<_>>().join(", ");
    seeded.then(|| (None, format!("Seeds with which each experiment succeeded: {list}.")))
}

fn compute(runs: &[&Action]) -> Derived {
    let wall = total(runs, |usage| usage.wall_seconds)?;
    let mut parts = vec![format!("{wall:.1} s of wall time")];
    if let Some(cpu) = total(runs, |usage| usage.cpu_seconds) {
        parts.push(format!("{cpu:.1} s of CPU time"));
    }
    if let Some(energy) = total(runs, |usage| usage.energy_joules) {
        parts.push(format!("{energy:.0} J of the accelerators"));
    }
    let most = |of: fn(&Usage) -> Option<u64>| runs.iter().filter_map(|run| of(&run.usage)).max();
    if let Some(bytes) = most(|usage| usage.peak_bytes) {
        parts.push(format!("at most {bytes} bytes of memory"));
    }
    if let Some(bytes) = most(|usage| usage.gpu_peak_bytes) {
        parts.push(format!("at most {bytes} bytes of the accelerators' memory"));
    }
    let failed = runs.iter().filter(|run| run.outcome != Outcome::Ok).count();
    let facts = if runs.iter().all(|run| run.facts.is_some()) {
        " The machine of each is in its facts."
    } else {
        ""
    };
    let because = format!(
        "{} used {}; of these failed {failed}.{facts}",
        count(runs.len(), "run"),
        parts.join(", "),
    );
    Some((Some(Verdict::Yes), because))
}

/// The sum, if every run was measured.
fn total(runs: &[&Action], of: fn(&Usage) -> Option<f64>) -> Option<f64> {
    if runs.is_empty() {
        return None;
    }
    let measured = |run: &&Action| of(&run.usage).filter(|value| value.is_finite());
    runs.iter().map(measured).sum()
}

fn licenses(account: &Account) -> Derived {
    let named = account
        .data_sets
        .iter()
        .map(|set| format!("{}: {}", set.name, set.license.as_deref().unwrap_or("none is stated")));
    let named: Vec<String> = named.collect();
    let list = named.join(", ");
    (!named.is_empty()).then(|| (None, format!("Licences of the data sets: {list}.")))
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
