//! `rescience verify`: every byte, every trace, every claim, without executing anything.
//!
//! | path | what is checked |
//! |---|---|
//! | a bundle, or its unpacked folder | both lists of digests; every trace against its key; every key from the recipe inside; every patched source, result, figure, page, claim and document made again; that there is nothing else; signatures |
//! | a project | every key from the recipe; every object that the papers lead to; the same made again; the views in `out/` |
//! | a PDF | what is attached to it: each plain claim computed again from the results inside; not its pages |
//! | a store | every object and every trace |

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rescience_bundle::Bundle;
use rescience_exec::bounded;
use rescience_recipes::Code;
use rescience_store::Store;
use serde_json::{Value, json};

use crate::args::{Global, MessageFormat, Verify};
use crate::error::Error;
use crate::project::RECIPE;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::signing;

mod accounted;
mod bounds;
mod bundle;
mod derived;
mod inside;
mod pages;
mod pdf;
mod project;
mod signatures;
mod traces;

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Verify,
) -> Result<(), Error> {
    let path = settings.directory.join(&args.path);
    let json = args.message_format == MessageFormat::Json;
    let mut report = Report::new(shell, json, args.other_versions);
    if path.join("v1/objects").is_dir() {
        store(&mut report, &path)?;
    } else if is_pdf(&path) {
        pdf::check(&mut report, &path)?;
    } else if path.is_file() || Bundle::is_folder(&path) {
        if !args.bounded {
            return bounds::check(global, settings, args);
        }
        bounded::limit_memory(args.memory_limit)
            .map_err(|error| Error::other(format!("`--memory-limit`: {error}")))?;
        let allowed = args.allowed_signers.as_deref();
        let allowed = allowed.map(|file| signing::allowed(settings, file)).transpose()?;
        let bundle = Bundle::open(&path)?;
        bundle::check(&mut report, &bundle, args)?;
        signatures::check(&mut report, &bundle, allowed.as_ref(), settings.clock.now())?;
    } else if path.join(RECIPE).is_file() {
        project::check(&mut report, global, settings, &path)?;
    } else {
        let what = args.path.display();
        return Err(match path.exists() {
            true => Error::Other {
                message: format!("`{what}` is no project, no unpacked bundle and no store"),
                help: Some("a project has a `rescience.toml`, a store a `v1/objects`".to_owned()),
            },
            false => Error::other(format!("there is no `{what}`")),
        });
    }
    report.finish()
}

/// Whether a file begins as a PDF does.
fn is_pdf(path: &Path) -> bool {
    let mut start = [0; 5];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    path.is_file() && read.is_ok() && start == *b"%PDF-"
}

fn store(report: &mut Report<'_>, path: &Path) -> Result<(), Error> {
    let store = Store::open(path)?;
    let _shared = store.share()?;
    let checked = store.check(true)?;
    for problem in &checked.problems {
        let traces = problem.traces();
        let hanging = traces.iter().map(|trace| format!("{} of {}", trace.action, trace.project));
        report.problem(problem, &hanging.collect::<Vec<_>>(), json!(problem));
    }
    report.count("objects", checked.objects as usize);
    report.count("traces", checked.traces as usize);
    Ok(())
}

/// What was found, told as it is found.
struct Report<'a> {
    shell: &'a Shell,
    json: bool,
    /// Whether what another version made is taken as it is.
    other_versions: bool,
    problems: usize,
    /// How much of that there is.
    unread: usize,
    counts: Vec<(&'static str, usize)>,
}

impl<'a> Report<'a> {
    fn new(shell: &'a Shell, json: bool, other_versions: bool) -> Report<'a> {
        Report { shell, json, other_versions, problems: 0, unread: 0, counts: Vec::new() }
    }

    /// Something that is as it should be.
    fn sound(&self, what: impl Display) {
        self.shell.detail("Sound", what);
    }

    /// Something that is wrong, and what hangs on it.
    fn problem(&mut self, problem: impl Display, hanging: &[String], mut value: Value) {
        self.problems += 1;
        if self.json {
            value["code"] = json!(Code::NotAsRecorded);
            value["hanging"] = json!(hanging);
            self.shell.data(value);
        }
        self.shell.error(format_args!("[{}] {problem}", Code::NotAsRecorded));
        for name in hanging {
            self.shell.raw(format_args!("  hangs on it: {name}"));
        }
    }

    /// Something that another version made, which this one cannot make again.
    fn others(&mut self, count: usize, what: &str, version: &str) {
        self.unread += count;
        let message = format!("{count} {what} made by {version} cannot be made again by this one");
        if self.other_versions {
            return self.shell.note(message);
        }
        let value = json!({ "problem": "version", "message": message });
        self.problem(format_args!("{message}; `--other-versions` takes what it says"), &[], value);
    }

    /// How many of a kind were looked at.
    fn count(&mut self, what: &'static str, count: usize) {
        self.counts.push((what, count));
    }

    fn finish(self) -> Result<(), Error> {
        let Report { shell, json, problems, unread, counts, .. } = self;
        if json {
            let mut summary =
                json!({ "reason": "verified", "problems": problems, "unread": unread });
            for (what, count) in &counts {
                summary[*what] = json!(count);
            }
            shell.data(summary);
        }
        let counts: Vec<String> = counts.iter().map(|(what, n)| format!("{n} {what}")).collect();
        let what = counts.join(", ");
        if problems == 0 {
            let but = if unread > 0 { " but for what another version made" } else { "" };
            shell.status("Verified", format_args!("{what}: all as recorded{but}"));
            return Ok(());
        }
        let plural = if problems == 1 { "" } else { "s" };
        Err(Error::Other {
            message: format!("{problems} problem{plural} in {what}"),
            help: Some(format!("`rescience explain {}` says what to do", Code::NotAsRecorded)),
        })
    }
}
