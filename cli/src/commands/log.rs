//! `rescience log`: what ran and how it ended; or all that one action left behind.

use rescience_digest::ActionKey;
use rescience_exec::printable::printable;
use rescience_store::{Artifact, Outcome, Store, Trace};
use serde_json::Value;

use crate::args::{Global, Log};
use crate::console::seconds;
use crate::error::Error;
use crate::project::Project;
use crate::settings::Settings;
use crate::shell::{DIM, STRONG, Shell};

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Log,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    let store = Store::open(&settings.home.join("store"))?;
    let entries = store.journal(&project.recipe.project.name).entries()?;
    match &args.action {
        Some(action) => one(shell, &store, &entries, action),
        None => {
            list(shell, &entries, args);
            Ok(())
        }
    }
}

fn field<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list(shell: &Shell, entries: &[Value], args: &Log) {
    let failed = |entry: &&Value| entry.get("success") == Some(&Value::Bool(false));
    let wanted: Vec<&Value> =
        entries.iter().filter(|entry| !args.failed || failed(entry)).collect();
    if wanted.is_empty() {
        shell.status("Log", if args.failed { "no failures" } else { "nothing has run yet" });
        return;
    }
    for entry in &wanted[wanted.len().saturating_sub(args.count)..] {
        let when = field(entry, "finished").split('.').next().unwrap_or_default().replace('T', " ");
        let when = when.trim_end_matches('Z');
        let ended = if failed(entry) { "failed" } else { "ok" };
        let wall = entry.get("wall_s").and_then(Value::as_f64).map(seconds).unwrap_or_default();
        let action = field(entry, "action");
        shell.data(format_args!("{DIM}{when}{DIM:#}  {ended:<6} {wall:>8}  {action}"));
    }
}

fn one(shell: &Shell, store: &Store, entries: &[Value], action: &str) -> Result<(), Error> {
    let entry = entries.iter().rev().find(|entry| field(entry, "action") == action);
    let Some(entry) = entry else {
        return Err(Error::Other {
            message: format!("nothing is recorded of `{action}`"),
            help: Some(
                "`rescience log` lists what ran; a run is named like `experiment.x#0`".into(),
            ),
        });
    };
    let key: ActionKey = field(entry, "key")
        .parse()
        .map_err(|error| Error::other(format!("the log names no key: {error}")))?;
    let trace = store.traces(&key)?.pop();
    let trace = trace.ok_or_else(|| Error::other(format!("the trace of {key} is gone")))?;
    show(shell, store, &trace)
}

fn show(shell: &Shell, store: &Store, trace: &Trace) -> Result<(), Error> {
    let row = |name: &str, value: &dyn std::fmt::Display| {
        shell.data(format_args!("{STRONG}{name:>9}{STRONG:#}  {value}"));
    };
    row("action", &trace.action);
    row("key", &trace.key);
    match &trace.outcome {
        Outcome::Success => row("outcome", &"success"),
        Outcome::Failure { reason } => {
            row("outcome", &format_args!("failed: {}", printable(field(reason, "message"))));
        }
    }
    row("started", &trace.started);
    row("finished", &trace.finished);
    if let Some(output) = &trace.output {
        row("output", &output.digest());
    }
    if let Some(facts) = &trace.facts {
        row("facts", facts);
        let facts: Value = serde_json::from_slice(&store.read(facts)?).unwrap_or_default();
        for (name, value) in facts.get("run").and_then(Value::as_object).into_iter().flatten() {
            row("", &format_args!("{name} = {}", printable(&value.to_string())));
        }
    }
    for (name, log) in &trace.logs {
        let Artifact::Blob(digest) = log else { continue };
        // The other forms of a paper are documents, and `out/` shows them.
        if matches!(name.as_str(), "html" | "json") {
            row(name, digest);
            continue;
        }
        let text = store.read(digest)?;
        if text.is_empty() {
            continue;
        }
        shell.data(format_args!("{STRONG}{name}{STRONG:#}"));
        shell.data(printable(String::from_utf8_lossy(&text).trim_end()));
    }
    Ok(())
}
