//! A paper's PDF alone: its claims against the evidence that is attached to it.

use std::path::Path;

use rescience_typst_papers::evidence;
use serde_json::json;

use super::Report;
use crate::error::Error;

pub(super) fn check(report: &mut Report<'_>, path: &Path) -> Result<(), Error> {
    let bytes = std::fs::read(path).map_err(|error| Error::read(path, &error))?;
    let attached = evidence::attachments(&bytes);
    let checked = attached.and_then(|attached| {
        for name in attached.keys() {
            report.sound(format_args!("{name}: attached"));
        }
        report.count("attachments", attached.len());
        evidence::check(&attached)
    });
    match checked {
        Ok(checked) => {
            for problem in &checked.problems {
                report.problem(problem, &[], json!({ "problem": "claim", "message": problem }));
            }
            report.count("claims computed again", checked.again);
            report.shell.note("its pages were not read, only what is attached: verify its bundle");
            if checked.left > 0 {
                report.shell.note(format_args!(
                    "{} claims need the paper's text, or more than one experiment: verify its bundle",
                    checked.left
                ));
            }
        }
        Err(why) => report.problem(&why, &[], json!({ "problem": "evidence", "message": why })),
    }
    Ok(())
}
