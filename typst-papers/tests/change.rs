//! One number of one run changes: every place of a paper that depends on it changes with it, in the
//! pages, for browsers and for machines, and no other does.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rescience_digest::Digest;
use rescience_typst_papers::{PaperInput, ProjectMeta, Results, Typeset, typeset};
use serde_json::{Value, json};

/// The metrics of every experiment, in the order of tables: a name, its unit, and another one.
const METRICS: [(&str, &str, &str); 3] =
    [("energy", "J", "kJ"), ("steps", "step", "step"), ("time", "s", "min")];
const EXPERIMENTS: [&str; 3] = ["amber", "birch", "cedar"];
const TASKS: [&str; 3] = ["add", "div", "mul"];
/// What ends each paragraph.
const END: &str = "herewith";

/// An experiment, a point and a metric, by their indices.
type Place = (usize, usize, usize);

/// What every experiment measured: the values of the runs at each place.
#[derive(Debug, Clone)]
struct Measured {
    points: usize,
    seeds: usize,
    values: BTreeMap<Place, Vec<f64>>,
}

impl Measured {
    /// Values that differ between the runs of a point, but never by much.
    fn new(experiments: usize, points: usize, seeds: usize, picks: &[u32]) -> Measured {
        let mut picks = picks.iter().copied().cycle();
        let mut values = BTreeMap::new();
        for e in 0..experiments {
            for (p, m) in (0..points).flat_map(|p| (0..METRICS.len()).map(move |m| (p, m))) {
                let first = picks.next().unwrap_or(0) as usize;
                let run = |i: usize| 500.0 + 25.0 * ((first + i) % seeds) as f64;
                let runs =
                    (0..seeds).map(|i| run(i) + f64::from(picks.next().unwrap_or(0) % 80) / 4.0);
                values.insert((e, p, m), runs.collect());
            }
        }
        Measured { points, seeds, values }
    }

    fn experiments(&self) -> usize {
        self.values.len() / (self.points * METRICS.len())
    }

    /// Moves the least value above all others or the greatest below, so that every statistic of the
    /// place moves with it; returns whose it was.
    fn change(&mut self, place: Place, up: bool) -> usize {
        let runs = self.values.get_mut(&place).expect("the place was measured");
        let by = |a: &usize, b: &usize| runs[*a].total_cmp(&runs[*b]);
        let run = if up { (0..runs.len()).min_by(by) } else { (0..runs.len()).max_by(by) };
        let run = run.expect("there are runs");
        runs[run] = if up { 2222.0 } else { 99.0 };
        run
    }

    fn point(&self, p: usize) -> Value {
        if self.points == 1 { json!({}) } else { json!({ "task": TASKS[p] }) }
    }

    fn results(&self, e: usize) -> Results {
        let points: Vec<Value> = (0..self.points)
            .map(|p| {
                let runs: Vec<Value> = (0..self.seeds).map(|run| self.run(e, p, run)).collect();
                json!({ "point": self.point(p), "params": { "rate": 1 + e }, "runs": runs })
            })
            .collect();
        let metrics: BTreeMap<&str, Value> = METRICS
            .iter()
            .map(|(name, unit, _)| {
                let at = format!("metrics.json#/{name}");
                (*name, json!({ "unit": unit, "better": "lower", "at": at }))
            })
            .collect();
        let artifact = json!({
            "schema": 1, "experiment": format!("experiment.{}", EXPERIMENTS[e]),
            "label": EXPERIMENTS[e], "params": { "rate": 1 + e }, "program": "b3:00",
            "metrics": metrics, "points": points,
        });
        Results::parse(artifact.to_string().as_bytes()).expect("the results are well-formed")
    }

    fn run(&self, e: usize, p: usize, run: usize) -> Value {
        let value = |m: usize| self.values[&(e, p, m)][run];
        let metrics: BTreeMap<&str, Value> =
            (0..METRICS.len()).map(|m| (METRICS[m].0, json!({ "value": value(m) }))).collect();
        // What a run wrote has the digest of its values.
        let output = Digest::of(json!(metrics).to_string().as_bytes()).to_string();
        json!({ "name": format!("run {e} {p} {run}"), "output": output, "metrics": metrics })
    }
}

/// A call of the package, and what it speaks of.
#[derive(Debug, Clone)]
struct Call {
    text: String,
    /// The values that it depends on; all runs, or one.
    on: Vec<(Place, Option<usize>)>,
    /// The experiment, or the run of a place, whose digest stands in the ledger.
    digest: Option<(usize, Option<(Place, usize)>)>,
}

impl Call {
    fn depends(&self, place: Place, run: usize) -> bool {
        self.on.iter().any(|(on, one)| *on == place && one.is_none_or(|one| one == run))
    }

    fn stands_for(&self, place: Place, run: usize) -> bool {
        self.digest.is_some_and(|(experiment, one)| match one {
            Some((at, one)) => (at.0, at.1) == (place.0, place.1) && one == run,
            None => experiment == place.0,
        })
    }
}

/// Picks one of the calls; `compare` is whether there may be a test, of which a paper has one:
/// several are corrected together, so that each depends on all.
fn call(world: &Measured, picks: &[u32], compare: bool) -> Call {
    let pick = |i: usize, n: usize| picks[i] as usize % n;
    let (e, p, m) = (pick(0, world.experiments()), pick(1, world.points), pick(2, METRICS.len()));
    // Another experiment, at any point.
    let others = world.experiments() - 1;
    let (f, q) = ((e + 1 + pick(3, others)) % world.experiments(), pick(4, world.points));
    let (name, _, other_unit) = METRICS[m];
    let path = |e: usize| format!("\"experiment.{}.{name}\"", EXPERIMENTS[e]);
    let point = |p: usize| {
        if world.points == 1 { "(:)".to_owned() } else { format!("(task: \"{}\")", TASKS[p]) }
    };
    let place = (e, p, m);
    let value = |rest: &str, on: Vec<(Place, Option<usize>)>, digest| Call {
        text: format!("#value({}, point: {}{rest})", path(e), point(p)),
        on,
        digest: Some((e, digest)),
    };
    let both = |function: &str, rest: &str| Call {
        text: format!(
            "#{function}({}, {}, point: ({}, {}){rest})",
            path(e),
            path(f),
            point(p),
            point(q)
        ),
        on: vec![(place, None), ((f, q, m), None)],
        digest: Some((e, None)),
    };
    let seed = pick(5, world.seeds);
    match pick(6, if compare { 17 } else { 16 }) {
        0 => value("", vec![(place, None)], None),
        1 => value(", stat: \"sd\"", vec![(place, None)], None),
        2 => value(", stat: \"median\"", vec![(place, None)], None),
        3 => value(", stat: \"min\"", vec![(place, None)], None),
        4 => value(", stat: \"max\", unit: false", vec![(place, None)], None),
        5 => value(&format!(", unit: \"{other_unit}\""), vec![(place, None)], None),
        6 => value(", spread: \"ci95\"", vec![(place, None)], None),
        7 => value(", spread: \"bootstrap\", digits: 1", vec![(place, None)], None),
        8 => value(", stat: \"n\"", Vec::new(), None),
        9 => {
            value(&format!(", seed-index: {seed}"), vec![(place, Some(seed))], Some((place, seed)))
        }
        10 => both("ratio", ""),
        11 => both("ratio", ", stat: \"max\", digits: 3"),
        12 => both("difference", ", spread: \"sem\""),
        // The change is said of the second side.
        13 => Call { digest: Some((f, None)), ..both("percent-change", ", digits: 1") },
        14 => Call {
            text: format!("#param(\"experiment.{}.rate\")", EXPERIMENTS[e]),
            on: Vec::new(),
            digest: Some((e, None)),
        },
        15 => Call { text: "#count(\"runs\")".to_owned(), on: Vec::new(), digest: None },
        _ => both("compare", ""),
    }
}

/// A paper with a paragraph for each call, and a table of everything if asked for.
#[derive(Debug, Clone)]
struct Paper {
    calls: Vec<Call>,
    table: bool,
}

impl Paper {
    fn new(world: &Measured, picks: &[[u32; 7]], table: bool) -> Paper {
        let mut compared = false;
        let mut one = |picks: &[u32; 7]| {
            let call = call(world, picks, !compared);
            compared |= call.text.starts_with("#compare");
            call
        };
        Paper { calls: picks.iter().map(&mut one).collect(), table }
    }

    /// All claims in order: those of the paragraphs, then the cells, row by row.
    fn claims(&self, world: &Measured) -> Vec<Call> {
        let cell = |&(e, p, m): &Place| Call {
            text: format!("the cell {e} {p} {m}"),
            on: vec![((e, p, m), None)],
            digest: Some((e, None)),
        };
        let cells = world.values.keys().filter(|_| self.table).map(cell);
        self.calls.iter().cloned().chain(cells).collect()
    }

    fn input(&self, world: &Measured) -> PaperInput {
        let mut text = "#import \"@rescience/paper:0.1.0\": *\n#show: paper\n\n".to_owned();
        for (index, call) in self.calls.iter().enumerate() {
            // A sentence says which statistic it prints, so these say them all.
            let statistics = "as median, minimum, maximum, deviation, run or seed";
            let (start, call) = (marker(index), &call.text);
            text.push_str(&format!("{start} holds, {statistics}, {call} {END}.\n\n"));
        }
        if self.table {
            text.push_str("#results-table(n: false, caption: [Cells.])\n");
        }
        PaperInput {
            main: "main.typ".to_owned(),
            files: BTreeMap::from([("main.typ".to_owned(), text.into_bytes())]),
            project: ProjectMeta {
                name: "changes".to_owned(),
                version: "0.1.0".to_owned(),
                style: "report".to_owned(),
                ..ProjectMeta::default()
            },
            experiments: (0..world.experiments()).map(|e| world.results(e)).collect(),
            ..PaperInput::default()
        }
    }
}

/// The word that begins a paragraph: letters alone, all of one length, so that none holds another.
fn marker(index: usize) -> String {
    let syllable = |i: usize| ["ba", "ko", "lu", "mi", "te"][i % 5];
    format!("Zo{}{}", syllable(index / 5), syllable(index))
}

fn made(input: &PaperInput) -> Typeset {
    typeset(input).unwrap_or_else(|problems| {
        let told: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
        panic!("{told}{}", String::from_utf8_lossy(&input.files["main.typ"]))
    })
}

/// The text of each paragraph, from its marker to its end.
fn paragraphs(text: &str, count: usize) -> Vec<String> {
    let one = |index: usize| {
        let marker = marker(index);
        let start = text.find(&marker).unwrap_or_else(|| panic!("no {marker} in {text}"));
        let end = text[start..].find(END).unwrap_or_else(|| panic!("{marker} has no end"));
        text[start..start + end].to_owned()
    };
    (0..count).map(one).collect()
}

/// A page for browsers without the digests of its claims, which the ledger's test looks at.
fn undigested(html: &str) -> String {
    let mut parts = html.split(" data-digest=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('"').map_or("", |(_, rest)| rest))
}

fn differing<T: PartialEq>(before: &[T], after: &[T]) -> BTreeSet<usize> {
    assert_eq!(before.len(), after.len());
    (0..before.len()).filter(|i| before[*i] != after[*i]).collect()
}

/// The text of a PDF; nothing, with a line about it, where no tool can read it.
#[expect(clippy::disallowed_methods, reason = "the tool is another's judge of our pages")]
#[expect(clippy::print_stderr, reason = "what was skipped is said")]
fn pdf_text(pdf: &[u8]) -> Option<String> {
    let mut file = tempfile::Builder::new().suffix(".pdf").tempfile().expect("a file is made");
    std::io::Write::write_all(&mut file, pdf).expect("the file is written");
    let Ok(run) = Command::new("pdftotext").arg("-raw").arg(file.path()).arg("-").output() else {
        eprintln!("skipped: pdftotext is not installed");
        return None;
    };
    assert!(run.status.success(), "pdftotext reads our pages");
    Some(String::from_utf8_lossy(&run.stdout).into_owned())
}

/// The paper for machines: its paragraphs, its cells by claim, and the rest of the keys.
fn for_machines(paper: &Typeset) -> (Vec<Value>, BTreeMap<u64, Value>, Value) {
    let mut json: Value = serde_json::from_slice(&paper.json).expect("it is JSON");
    let blocks = json["sections"][0]["blocks"].take();
    let blocks: Vec<Value> = blocks.as_array().into_iter().flatten().cloned().collect();
    let cells = json["tables"].take();
    let cells =
        cells.as_array().into_iter().flatten().flat_map(|table| table["rows"].as_array().cloned());
    let cells = cells.flatten().flat_map(|row| row.as_array().cloned().unwrap_or_default());
    // A cell that is no claim stands for the text around.
    let cells = cells.map(|cell| (cell[0]["claim"].as_u64().unwrap_or(u64::MAX), cell)).collect();
    for changing in ["claims", "digits", "experiments"] {
        json[changing].take();
    }
    (blocks, cells, json)
}

/// The rows of the ledger for browsers, and the claims that each points at.
fn ledger(html: &str) -> (Vec<String>, Vec<BTreeSet<usize>>) {
    let at = html.find("wide ledger").expect("the page has a ledger");
    let rows: Vec<String> = html[at..].split("<tr>").skip(2).map(str::to_owned).collect();
    let claims = |row: &String| {
        let targets = row.split("#rescience-claim-").skip(1);
        let number = |target: &str| target.split('"').next().and_then(|n| n.parse::<usize>().ok());
        targets.filter_map(number).map(|n| n - 1).collect()
    };
    let claims = rows.iter().map(claims).collect();
    (rows, claims)
}

/// Changes one run's number and looks at what moved.
fn check(world: &Measured, paper: &Paper, place: Place, up: bool) {
    let mut changed = world.clone();
    let run = changed.change(place, up);
    let (before, after) = (made(&paper.input(world)), made(&paper.input(&changed)));
    let all = paper.claims(world);
    let wanted = |holds: &dyn Fn(&Call) -> bool| -> BTreeSet<usize> {
        (0..all.len()).filter(|i| holds(&all[*i])).collect()
    };
    let dependent = wanted(&|call| call.depends(place, run));
    let count = paper.calls.len();
    let among: BTreeSet<usize> = dependent.range(..count).copied().collect();
    let calls: Vec<String> = (0..all.len()).map(|i| format!("\n{i} {}", all[i].text)).collect();
    let told = format!("run {run} of {place:?}: {}", calls.concat());

    let field = |paper: &Typeset, name: &str| -> Vec<Value> {
        let claims = paper.claims.as_array().expect("the ledger is an array");
        claims.iter().map(|claim| claim[name].clone()).collect()
    };
    let moved = |name: &str| differing(&field(&before, name), &field(&after, name));
    assert_eq!(field(&before, "printed").len(), all.len(), "{told}");
    assert_eq!(moved("printed"), dependent, "the ledger, {told}");
    assert_eq!(moved("digest"), wanted(&|call| call.stands_for(place, run)), "digests, {told}");
    for name in ["kind", "path", "source", "n", "unit"] {
        assert_eq!(moved(name), BTreeSet::new(), "{name}, {told}");
    }

    let (old, new) = (undigested(&before.html), undigested(&after.html));
    let moved = differing(&paragraphs(&old, count), &paragraphs(&new, count));
    assert_eq!(moved, among, "HTML, {told}");
    let ((old, claims), (new, _)) = (ledger(&before.html), ledger(&after.html));
    let named = wanted(&|call| {
        call.digest.is_some_and(|(_, run)| run.is_some()) && call.stands_for(place, run)
    });
    let rows: BTreeSet<usize> = (0..old.len())
        .filter(|row| {
            // Above the rows of an experiment stands its digest; a run's own stands in the row.
            let heading = claims[*row].is_empty() && old[*row].contains(EXPERIMENTS[place.0]);
            heading || !claims[*row].is_disjoint(&dependent) || !claims[*row].is_disjoint(&named)
        })
        .collect();
    assert_eq!(differing(&old, &new), rows, "rows {old:#?} {new:#?}, {told}");

    let ((old, old_cells, old_rest), (new, new_cells, new_rest)) =
        (for_machines(&before), for_machines(&after));
    assert_eq!(differing(&old, &new), among, "JSON, {told}");
    let cells: BTreeSet<usize> = old_cells
        .iter()
        .filter(|(claim, cell)| new_cells[*claim] != **cell)
        .map(|(claim, _)| usize::try_from(*claim).expect("a claim has an index"))
        .collect();
    assert_eq!(cells, dependent.range(count..).copied().collect(), "cells, {told}");
    assert_eq!(old_rest, new_rest, "the rest, {told}");

    if let (Some(old), Some(new)) = (pdf_text(&before.pdf), pdf_text(&after.pdf)) {
        let moved = differing(&paragraphs(&old, count), &paragraphs(&new, count));
        assert_eq!(moved, among, "PDF, {told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        rng_seed: RngSeed::Fixed(20_260_304),
        failure_persistence: None,
        max_shrink_iters: 40,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_changed_number_changes_what_depends_on_it_and_nothing_else(
        (experiments, points, seeds) in (2..=3_usize, 1..=3_usize, 2..=4_usize),
        values in prop::collection::vec(any::<u32>(), 31),
        calls in prop::collection::vec(any::<[u32; 7]>(), 5..=25),
        table in any::<bool>(),
        (at, up) in (any::<[u32; 2]>(), any::<bool>()),
    ) {
        let world = Measured::new(experiments, points, seeds, &values);
        let paper = Paper::new(&world, &calls, table);
        // Mostly what some paragraph speaks of; now and then what none does.
        let spoken: Vec<Place> = paper.calls.iter().flat_map(|call| &call.on).map(|on| on.0).collect();
        let measured: Vec<Place> = world.values.keys().copied().collect();
        let places = if spoken.is_empty() || at[0] % 4 == 0 { measured } else { spoken };
        check(&world, &paper, places[at[1] as usize % places.len()], up);
    }
}
