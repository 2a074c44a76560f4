//! `rescience trace`: where a printed claim comes from, link by link.

mod chain;
mod claims;
mod tell;

use rescience_recipes::{Code, nearest};
use serde_json::json;

use crate::args::{Global, MessageFormat, Trace};
use crate::error::Error;
use crate::project::{self, Project};
use crate::settings::Settings;
use crate::shell::{DIM, Shell};
use chain::Archive;
use claims::{Claim, Record};

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Trace,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    let host = project::host(global, settings, None, project.unpacked.as_ref())?;
    let archive = Archive::open(&project, &host.store)?;
    let records = claims::records(&project, &host, &archive, args.paper.as_deref())?;
    let json = args.message_format == MessageFormat::Json;
    for record in records.iter().filter(|record| record.stale) {
        shell.warning(format_args!(
            "{} changed since it was built; these are the claims of its last build",
            record.paper
        ));
    }
    let Some(wanted) = &args.claim else {
        records.iter().for_each(|record| list(shell, record, json, records.len() > 1));
        return Ok(());
    };
    let found: Vec<(&Record, &Claim)> = records
        .iter()
        .flat_map(|record| record.find(wanted).into_iter().map(move |claim| (record, claim)))
        .collect();
    if found.is_empty() {
        return Err(unknown(wanted, &records));
    }
    for (nth, (record, claim)) in found.into_iter().enumerate() {
        let chain = archive.chain(record, claim)?;
        if json {
            shell.data(serde_json::to_string(&chain).expect("a chain has only string keys"));
        } else {
            if nth > 0 {
                shell.data("");
            }
            tell::chain(shell, &chain);
        }
    }
    Ok(())
}

fn list(shell: &Shell, record: &Record, json: bool, named: bool) {
    if named && !json {
        shell.data(&record.paper);
    }
    let mut rows: Vec<&Claim> = record.claims.iter().collect();
    rows.sort_by_key(|claim| claim.row);
    rows.dedup_by_key(|claim| claim.row);
    for claim in rows {
        let (row, printed, path) = (claim.row, claim.text("printed"), claim.text("path"));
        if json {
            shell.data(json!({
                "reason": "claim", "paper": record.paper, "row": row, "claim": claim.fields,
            }));
        } else {
            shell.data(format_args!("{row:>4}  {printed}  {DIM}{path}{DIM:#}"));
        }
    }
}

fn unknown(wanted: &str, records: &[Record]) -> Error {
    let claims = || records.iter().flat_map(|record| &record.claims);
    let names = claims().flat_map(|claim| [claim.text("path"), claim.text("printed")]);
    let help = match nearest(wanted, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`rescience trace` lists all claims".to_owned(),
    };
    Error::Coded {
        code: Code::UnknownClaim,
        message: match (records, wanted.parse::<usize>()) {
            ([one], Ok(row)) => {
                let rows = one.claims.iter().map(|claim| claim.row).max().unwrap_or(0);
                format!("the ledger of {} has {rows} rows, and no row {row}", one.paper)
            }
            _ => format!("no paper claims `{wanted}`"),
        },
        help,
    }
}
