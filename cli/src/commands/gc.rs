//! `rescience gc`: what no project needs any more; only listed unless asked to delete.

use std::time::Duration;

use rescience_store::{GcOptions, Store};

use crate::args::Gc;
use crate::error::Error;
use crate::settings::Settings;
use crate::shell::Shell;

pub(crate) fn run(shell: &Shell, settings: &Settings, args: &Gc) -> Result<(), Error> {
    let store = Store::open(&settings.home.join("store"))?;
    let lock = if args.delete {
        match store.try_exclusive()? {
            Some(lock) => Some(lock),
            None => {
                shell.note_status("Blocking", "waiting for the store: a build uses it");
                Some(store.exclusive()?)
            }
        }
    } else {
        None
    };
    let now = settings.clock.now().as_second();
    let report = store.gc(GcOptions {
        delete: lock.as_ref(),
        grace: Duration::from_secs(args.grace.saturating_mul(24 * 3600)),
        now: std::time::UNIX_EPOCH + Duration::from_secs(now.max(0) as u64),
    })?;
    for digest in &report.objects {
        shell.detail(if report.deleted { "Deleted" } else { "Dead" }, digest);
    }
    for left in &report.unswept {
        shell.warning(left);
    }
    let count = report.objects.len();
    let dead =
        format!("{count} object{} ({})", if count == 1 { "" } else { "s" }, bytes(report.bytes));
    let kept = format!("{} kept ({})", report.kept_objects, bytes(report.kept_bytes));
    if report.deleted {
        shell.status("Deleted", format_args!("{dead}; {kept}"));
    } else {
        shell.status("Dead", format_args!("{dead}; {kept}; `--delete` deletes them"));
    }
    Ok(())
}

/// A size for people: `512 B`, `1.5 MiB`.
pub(crate) fn bytes(size: u64) -> String {
    let mut value = size as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{size} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_read_well() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
    }
}
