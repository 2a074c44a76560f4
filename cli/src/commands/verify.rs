//! `rescience verify`: every byte and every record, without executing anything.

use std::path::Path;

use rescience_bundle::{Bundle, Finding, verify};
use rescience_recipes::Code;
use rescience_store::Store;
use serde_json::json;

use crate::args::{MessageFormat, Verify};
use crate::error::Error;
use crate::settings::Settings;
use crate::shell::Shell;

mod records;

use records::Records;

pub(crate) fn run(shell: &Shell, settings: &Settings, args: &Verify) -> Result<(), Error> {
    let path = settings.directory.join(&args.path);
    let json = args.message_format == MessageFormat::Json;
    if path.join("v1/objects").is_dir() {
        return store(shell, &path, json);
    }
    if path.is_dir() && !Bundle::is_folder(&path) {
        return Err(Error::Other {
            message: format!("`{}` is no unpacked bundle and no store", args.path.display()),
            help: Some(
                "a project is checked by `rescience bundle`, and then its bundle".to_owned(),
            ),
        });
    }
    bundle(shell, &path, json)
}

fn bundle(shell: &Shell, path: &Path, json: bool) -> Result<(), Error> {
    let bundle = Bundle::open(path)?;
    let verified = verify(&bundle, |name, hashed| {
        shell.detail("Sound", format_args!("{name} {}", hashed.digest));
    })?;
    let records = Records::read(&bundle, &verified.files)?;
    let mut problems = 0;
    for finding in &verified.findings {
        problems += 1;
        let hanging = match finding {
            Finding::Changed { expected, .. } | Finding::Missing { expected, .. } => {
                records.hanging(expected.parse().ok())
            }
            _ => Vec::new(),
        };
        tell(shell, json, finding, &hanging, json!(finding));
    }
    for problem in records.problems() {
        problems += 1;
        let hanging = records.after([problem.action.clone()].into());
        let value =
            json!({ "problem": "record", "file": problem.file, "message": problem.message });
        tell(shell, json, format_args!("`{}`: {}", problem.file, problem.message), &hanging, value);
    }
    for name in records.sound() {
        shell.detail("Sound", format_args!("{name}: its key is that of its inputs, all there"));
    }
    let (files, traces) = (verified.files.len(), records.len());
    finish(shell, json, problems, &format!("{files} files and {traces} records"), files, traces)
}

fn store(shell: &Shell, path: &Path, json: bool) -> Result<(), Error> {
    let store = Store::open(path)?;
    let _shared = store.share()?;
    let report = store.check(true)?;
    for problem in &report.problems {
        let hanging: Vec<String> = problem
            .traces()
            .iter()
            .map(|trace| format!("{} of {}", trace.action, trace.project))
            .collect();
        tell(shell, json, problem, &hanging, json!(problem));
    }
    let (objects, traces) = (report.objects as usize, report.traces as usize);
    let what = format!("{objects} objects and {traces} records");
    finish(shell, json, report.problems.len(), &what, objects, traces)
}

/// Says what is wrong, and what hangs on it.
fn tell(
    shell: &Shell,
    json: bool,
    problem: impl std::fmt::Display,
    hanging: &[String],
    mut value: serde_json::Value,
) {
    if json {
        value["code"] = json!(Code::NotAsRecorded);
        value["hanging"] = json!(hanging);
        shell.data(value);
    }
    shell.error(format_args!("[{}] {problem}", Code::NotAsRecorded));
    for name in hanging {
        shell.raw(format_args!("  hangs on it: {name}"));
    }
}

fn finish(
    shell: &Shell,
    json: bool,
    problems: usize,
    what: &str,
    files: usize,
    records: usize,
) -> Result<(), Error> {
    if json {
        let summary = json!({
            "reason": "verified", "files": files, "records": records, "problems": problems,
        });
        shell.data(summary);
    }
    if problems == 0 {
        shell.status("Verified", format_args!("{what}: all as recorded"));
        return Ok(());
    }
    let plural = if problems == 1 { "" } else { "s" };
    Err(Error::Other {
        message: format!("{problems} problem{plural} in {what}"),
        help: Some(format!("`rescience explain {}` says what to do", Code::NotAsRecorded)),
    })
}
