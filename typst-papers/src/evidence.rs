//! Reading a paper's PDF back: what is attached to it, and whether its claims follow from that.
//!
//! The attachments are the paper's own evidence (see `export`). From the results among them
//! every plain number is computed and printed again, by the same package, and compared with the
//! ledger; the pages themselves are not read, since only the bundle has their text.

use std::collections::BTreeMap;

use hayro_syntax::Pdf;
use hayro_syntax::object::{Dict, Object, Stream};
use serde_json::{Map, Value};

use crate::input::{Mode, PaperInput, ProjectMeta};
use crate::results::Results;
use crate::typeset;

/// What is attached to a PDF, by name.
///
/// # Errors
/// In words, why it cannot be read.
pub fn attachments(pdf: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let pdf = Pdf::new(pdf.to_vec()).map_err(|_| "it is no PDF that can be read".to_owned())?;
    let mut found = BTreeMap::new();
    for object in pdf.objects() {
        let Object::Dict(dict) = object else { continue };
        let Some(files) = dict.get::<Dict<'_>>("EF") else { continue };
        let name = dict.get::<hayro_syntax::object::String<'_>>("UF");
        let name = name.or_else(|| dict.get("F")).ok_or("an attachment has no name")?;
        let name = text(name.as_bytes());
        let stream = files.get::<Stream<'_>>("F").or_else(|| files.get("UF"));
        let stream = stream.ok_or_else(|| format!("`{name}` has no bytes"))?;
        let bytes = stream.decoded().map_err(|_| format!("`{name}` cannot be unpacked"))?;
        if found.insert(name.clone(), bytes.into_owned()).is_some() {
            return Err(format!("two attachments are called `{name}`"));
        }
    }
    Ok(found)
}

/// A text string: UTF-16 with its mark, or bytes that are ASCII for us.
fn text(bytes: &[u8]) -> String {
    match bytes.strip_prefix(b"\xfe\xff") {
        None => String::from_utf8_lossy(bytes).into_owned(),
        Some(wide) => {
            let units = wide.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16_lossy(&units.collect::<Vec<_>>())
        }
    }
}

/// What came of a paper's evidence.
#[derive(Debug, Default)]
pub struct Checked {
    /// How many claims were printed again as the ledger has them.
    pub again: usize,
    /// How many were not, because more than one number goes into them or the text is needed.
    pub left: usize,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// Checks the ledger that is attached to a PDF against the results that are attached beside it.
///
/// # Errors
/// In words, what is missing or cannot be read.
pub fn check(attached: &BTreeMap<String, Vec<u8>>) -> Result<Checked, String> {
    let json = |name: &str| -> Result<Value, String> {
        let bytes = attached.get(name).ok_or_else(|| format!("`{name}` is not attached"))?;
        serde_json::from_slice(bytes).map_err(|error| format!("`{name}`: {error}"))
    };
    let (ledger, provenance, facts) =
        (json("claims.json")?, json("provenance.json")?, json("facts.json")?);
    let facts: Map<String, Value> = facts["facts"].as_object().cloned().unwrap_or_default();
    let mut experiments = Vec::new();
    for made in provenance["experiments"].as_array().into_iter().flatten() {
        let name = made["name"].as_str().unwrap_or_default();
        let bare = name.trim_start_matches("experiment.");
        experiments.push(results(json(&format!("results-{bare}.json"))?, made)?);
    }
    let claims = ledger["claims"].as_array().cloned().unwrap_or_default();
    let mut checked = Checked::default();
    let (plain, others): (Vec<&Value>, Vec<&Value>) = claims.iter().partition(|it| is_plain(it));
    checked.left = others.len();
    for claim in &claims {
        let of = claim["digest"].as_str().unwrap_or_default();
        let path = claim["path"].as_str().unwrap_or_default();
        let known = experiments.iter().any(|it| {
            it.digest
                .as_deref()
                .is_some_and(|digest| digest.trim_start_matches("b3:").starts_with(of))
        });
        if path.starts_with("experiment.") && claim["kind"] == "value" && !known {
            checked.problems.push(format!("`{path}` names results that are not attached: {of}"));
        }
    }
    let lines: Vec<String> =
        plain.iter().map(|claim| format!("#value({})", claim["path"])).collect();
    let input = PaperInput {
        main: "main.typ".to_owned(),
        files: BTreeMap::from([(
            "main.typ".to_owned(),
            format!(
                "#import \"@rescience/paper:0.1.0\": *\n#show: paper\n{}\n",
                lines.join("\n\n")
            )
            .into_bytes(),
        )]),
        bibliography: None,
        project: ProjectMeta {
            title: "Evidence".to_owned(),
            style: "report".to_owned(),
            ..ProjectMeta::default()
        },
        experiments,
        facts: facts.into_iter().collect(),
        figures: BTreeMap::new(),
        mode: Mode::Strict,
        terms: Default::default(),
        lexicon: BTreeMap::new(),
        confirmed: BTreeMap::new(),
    };
    let paper = typeset(&input).map_err(|problems| {
        let first = problems.first().map_or("", |problem| problem.message.as_str());
        format!("its claims cannot be computed again: {first}")
    })?;
    let again = paper.claims.as_array().cloned().unwrap_or_default();
    for (claim, again) in plain.iter().zip(&again) {
        match claim["printed"] == again["printed"] {
            true => checked.again += 1,
            false => checked.problems.push(format!(
                "{} is claimed to be {}, and its results say {}",
                claim["path"], claim["printed"], again["printed"]
            )),
        }
    }
    if again.len() != plain.len() {
        checked.problems.push("not every claim could be printed again".to_owned());
    }
    Ok(checked)
}

/// A number of one experiment, printed as the package prints it unasked.
fn is_plain(claim: &Value) -> bool {
    let key = claim["key"].as_str().unwrap_or_default();
    claim["kind"] == "value"
        && key.ends_with("|(auto, none)")
        && claim["path"].as_str().is_some_and(|path| path.starts_with("experiment."))
}

/// Attached results in the form of the artifact, with the runs' facts from the provenance.
fn results(mut attached: Value, made: &Value) -> Result<Results, String> {
    let runs: BTreeMap<&str, &Value> = made["runs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|run| Some((run["name"].as_str()?, run)))
        .collect();
    for point in attached["points"].as_array_mut().into_iter().flatten() {
        for run in point["runs"].as_array_mut().into_iter().flatten() {
            let seed = run["seed"].as_str().and_then(|seed| seed.parse::<u64>().ok());
            run["seed"] = seed.unwrap_or_default().into();
            let twin = run["name"].as_str().and_then(|name| runs.get(name));
            for field in ["key", "output", "facts"] {
                let value = twin.and_then(|twin| twin[field].as_str()).unwrap_or_default();
                run[field] = value.into();
            }
        }
    }
    let digest = attached["digest"].as_str().map(str::to_owned);
    let name = made["name"].as_str().unwrap_or_default();
    if digest.as_deref() != made["digest"].as_str() {
        return Err(format!("the results of {name} are not those of the provenance"));
    }
    let mut results: Results =
        serde_json::from_value(attached).map_err(|error| format!("results of {name}: {error}"))?;
    results.digest = digest;
    Ok(results)
}
