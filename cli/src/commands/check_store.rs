//! `rescience check-store`: every damaged object, and what hangs on it.

use rescience_recipes::Code;
use rescience_store::{CheckReport, Store};

use crate::args::CheckStore;
use crate::error::Error;
use crate::settings::Settings;
use crate::shell::Shell;

pub(crate) fn run(shell: &Shell, settings: &Settings, args: &CheckStore) -> Result<(), Error> {
    let store = Store::open(&settings.home.join("store"))?;
    if args.repair {
        repair(shell, &store, args)?;
    }
    // Others may put meanwhile; nobody may delete.
    let _shared = store.share()?;
    let report = store.check(args.read_data)?;
    tell(shell, &report);
    let objects = report.objects;
    let size = super::gc::bytes(report.bytes);
    shell.status("Checked", format_args!("{objects} objects ({size}), {} traces", report.traces));
    if report.problems.is_empty() {
        return Ok(());
    }
    let count = report.problems.len();
    Err(Error::Other {
        message: format!("{count} problem{} in the store", if count == 1 { "" } else { "s" }),
        help: Some(
            "`--repair` drops what is damaged and what hangs on it; the next build makes it again"
                .to_owned(),
        ),
    })
}

fn tell(shell: &Shell, report: &CheckReport) {
    for problem in &report.problems {
        shell.error(format_args!("[{}] {problem}", Code::DamagedObject));
        for trace in problem.traces() {
            shell.raw(format_args!("  hangs on it: {} of {}", trace.action, trace.project));
        }
    }
}

fn repair(shell: &Shell, store: &Store, args: &CheckStore) -> Result<(), Error> {
    let lock = match store.try_exclusive()? {
        Some(lock) => lock,
        None => {
            shell.note_status("Blocking", "waiting for the store: a build uses it");
            store.exclusive()?
        }
    };
    let report = store.check(args.read_data)?;
    if report.problems.is_empty() {
        return Ok(());
    }
    tell(shell, &report);
    let repaired = store.repair(&report, &lock)?;
    let (objects, traces) = (repaired.objects.len(), repaired.traces.len());
    shell.status(
        "Repaired",
        format_args!(
            "{objects} objects and {traces} traces dropped; the next build makes them again"
        ),
    );
    Ok(())
}
