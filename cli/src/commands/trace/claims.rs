//! The claims of a paper as its last build recorded them, numbered as its ledger numbers them.

use std::collections::BTreeMap;

use rescience_digest::{ActionKey, Digest};
use rescience_exec::host::Host;
use rescience_recipes::{KeyInputs, Step};
use rescience_store::Artifact;
use serde_json::{Map, Value};

use super::chain::Archive;
use crate::error::Error;
use crate::project::Project;

/// What a build recorded of a paper.
pub(super) struct Record {
    /// `paper.main`.
    pub(super) paper: String,
    pub(super) key: ActionKey,
    pub(super) pdf: Digest,
    /// Whether a build would typeset it again.
    pub(super) stale: bool,
    /// What it was made from.
    pub(super) inputs: KeyInputs,
    pub(super) claims: Vec<Claim>,
}

/// A printed claim.
pub(super) struct Claim {
    /// Its row in the ledger; claims that differ in nothing but their place share one.
    pub(super) row: usize,
    /// As the typesetter read it from the pages.
    pub(super) fields: Map<String, Value>,
}

impl Claim {
    /// A field that is text.
    pub(super) fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The newest record of each paper that is asked for.
pub(super) fn records(
    project: &Project,
    host: &Host,
    archive: &Archive<'_>,
    wanted: Option<&str>,
) -> Result<Vec<Record>, Error> {
    let everything = project.everything()?;
    let plan = rescience_exec::build::plan(project.as_built(), &everything, host)?;
    let mut records = Vec::new();
    for index in project.papers(wanted)? {
        let paper = project.graph.action(index).name.to_string();
        let fresh = plan.steps.iter().find_map(|step| match step {
            Step::Fresh { index: found, key, .. } if *found == index => *key,
            _ => None,
        });
        let trace = match fresh {
            Some(key) => host.store.traces(&key)?.into_iter().rev().find(|it| it.output.is_some()),
            None => archive.last(&paper)?,
        };
        let Some(trace) = trace else { continue };
        let (Some(pdf), Some(Artifact::Blob(claims))) = (&trace.output, trace.logs.get("claims"))
        else {
            continue;
        };
        let unreadable = |error| Error::other(format!("the trace of {paper}: {error}"));
        let claims: Vec<Map<String, Value>> =
            serde_json::from_slice(&host.store.read(claims)?).map_err(unreadable)?;
        records.push(Record {
            key: trace.key,
            pdf: pdf.digest(),
            stale: fresh.is_none(),
            claims: numbered(claims),
            inputs: serde_json::from_value(trace.inputs).map_err(unreadable)?,
            paper,
        });
    }
    if records.is_empty() {
        return Err(Error::Other {
            message: "no paper is built, so there are no claims to trace".to_owned(),
            help: Some("run `rescience build` first".to_owned()),
        });
    }
    Ok(records)
}

/// Gives each claim its row, as the ledger does: by owner, experiments first, then what was
/// measured, then what was declared; owners and claims in the order of the pages.
fn numbered(claims: Vec<Map<String, Value>>) -> Vec<Claim> {
    let mut claims: Vec<Claim> =
        claims.into_iter().map(|fields| Claim { row: 0, fields }).collect();
    let mut owners: Vec<(usize, String, Vec<String>)> = Vec::new();
    for claim in &claims {
        let source = claim.text("source");
        let first = source.split(' ').next().unwrap_or_default();
        let experiment = first.strip_prefix("experiment.").and_then(|rest| rest.split('.').next());
        let (rank, owner) = match (experiment, claim.text("kind")) {
            (Some(name), _) => (0, name.to_owned()),
            (None, "fact") => (1, claim.text("digest").to_owned()),
            _ => (2, String::new()),
        };
        let known = owners.iter().position(|(r, o, _)| *r == rank && *o == owner);
        let at = known.unwrap_or_else(|| {
            owners.push((rank, owner, Vec::new()));
            owners.len() - 1
        });
        let key = claim.text("key").to_owned();
        if !owners[at].2.contains(&key) {
            owners[at].2.push(key);
        }
    }
    owners.sort_by_key(|(rank, ..)| *rank);
    let keys = owners.into_iter().flat_map(|(.., keys)| keys);
    let rows: BTreeMap<String, usize> = keys.enumerate().map(|(row, key)| (key, row + 1)).collect();
    for claim in &mut claims {
        // A ledger that numbers its rows itself knows best.
        let own = claim.fields.get("row").and_then(Value::as_u64).map(|row| row as usize);
        claim.row = own.or_else(|| rows.get(claim.text("key")).copied()).unwrap_or(0);
    }
    claims
}

impl Record {
    /// The claims that a person means, each row once: by number, path, or printed text.
    pub(super) fn find(&self, wanted: &str) -> Vec<&Claim> {
        let said = plain(wanted);
        let ways: [&dyn Fn(&Claim) -> bool; 4] = [
            &|claim| said.parse() == Ok(claim.row),
            &|claim| claim.text("path") == said || claim.text("source") == said,
            &|claim| plain(claim.text("printed")) == said,
            &|claim| !said.is_empty() && plain(claim.text("printed")).contains(&said),
        ];
        for way in ways {
            let mut found: Vec<&Claim> = self.claims.iter().filter(|claim| way(claim)).collect();
            let mut seen = Vec::new();
            found.retain(|claim| {
                let new = !seen.contains(&claim.row);
                seen.push(claim.row);
                new
            });
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }
}

/// Text as a person types it: ordinary spaces and hyphens for those of the typesetter.
fn plain(text: &str) -> String {
    let text = text.replace(['\u{2212}', '\u{2011}'], "-").replace("+-", "±");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> Record {
        let claim = |key: &str, kind: &str, source: &str, printed: &str| {
            let row = json!({
                "key": key, "kind": kind, "source": source, "path": source, "printed": printed,
                "digest": "b3:1234",
            });
            row.as_object().unwrap().clone()
        };
        let claims = vec![
            claim("c", "constant", "constant", "99\u{a0}%"),
            claim("f", "fact", "fact cpu.model", "A CPU"),
            claim("b", "value", "experiment.b.loss", "−1\u{a0}±\u{a0}2"),
            claim("a", "value", "experiment.a.loss", "3"),
            claim("b", "value", "experiment.b.loss", "−1\u{a0}±\u{a0}2"),
            claim("b2", "param", "experiment.b.lr", "0.1"),
        ];
        let inputs = json!({ "kind": "paper", "schema": 1 });
        Record {
            paper: "paper.main".to_owned(),
            key: ActionKey::of("test", "key"),
            pdf: Digest::of(b""),
            stale: false,
            inputs: serde_json::from_value(inputs).unwrap(),
            claims: numbered(claims),
        }
    }

    #[test]
    fn rows_are_numbered_as_the_ledger_numbers_them() {
        let rows: Vec<(usize, String)> =
            record().claims.iter().map(|claim| (claim.row, claim.text("key").to_owned())).collect();
        let rows: Vec<(usize, &str)> = rows.iter().map(|(row, key)| (*row, key.as_str())).collect();
        assert_eq!(rows, [(5, "c"), (4, "f"), (1, "b"), (3, "a"), (1, "b"), (2, "b2")]);
    }

    #[test]
    fn a_claim_is_found_by_row_path_and_print() {
        let record = record();
        let found = |wanted: &str| -> Vec<&str> {
            record.find(wanted).into_iter().map(|claim| claim.text("key")).collect()
        };
        assert_eq!(found("1"), ["b"]);
        assert_eq!(found("experiment.b.lr"), ["b2"]);
        assert_eq!(found("-1 ± 2"), ["b"]);
        assert_eq!(found("-1 +- 2"), ["b"]);
        assert_eq!(found("99 %"), ["c"]);
        assert_eq!(found("CPU"), ["f"]);
        assert_eq!(found("7"), [""; 0]);
        assert_eq!(found(""), [""; 0]);
    }
}
