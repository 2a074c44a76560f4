//! Events to the person: status lines, the bar, failures where they happen; or JSON lines.

use std::collections::BTreeMap;

use rescience_exec::event::{Event, Summary, WorkKind};

use crate::diagnostics;
use crate::shell::{DIM, Shell, Verbosity};

/// Follows a build and tells about it.
pub(crate) struct Console<'a> {
    shell: &'a mut Shell,
    json: bool,
    progress: bool,
    jobs: usize,
    done: usize,
    active: BTreeMap<String, Option<String>>,
    profile: String,
}

impl<'a> Console<'a> {
    pub(crate) fn new(
        shell: &'a mut Shell,
        json: bool,
        progress: bool,
        jobs: usize,
    ) -> Console<'a> {
        let active = BTreeMap::new();
        Console { shell, json, progress, jobs, done: 0, active, profile: String::new() }
    }

    /// Tells about one event.
    pub(crate) fn handle(&mut self, event: &Event) {
        if self.json {
            let line = serde_json::to_string(event).expect("events serialise");
            self.shell.data(line);
        }
        match event {
            Event::BuildStarted { profile, actions, dirty, .. } => {
                self.profile.clone_from(profile);
                if *dirty > 0 {
                    self.shell.start_bar(*actions, self.progress && !self.json);
                }
            }
            Event::Fresh { action, .. } => {
                self.done += 1;
                self.active.remove(action);
                self.shell.detail("Fresh", action);
            }
            Event::Dirty { action, why } => {
                if let Some(reason) = why.first() {
                    self.shell.detail("Dirty", format_args!("{action}: {reason}"));
                }
            }
            Event::Blocking { on } => {
                self.shell.note_status("Blocking", format_args!("waiting for {on}"));
            }
            Event::Fetched { action, from, signer, bytes } => {
                let size = crate::commands::gc::bytes(*bytes);
                let line = format_args!("{action} from {from}, signed by {signer} ({size})");
                self.shell.status("Fetched", line);
            }
            Event::Pushed { action, to, bytes } => {
                let line =
                    format_args!("{action} to {to} ({})", crate::commands::gc::bytes(*bytes));
                self.shell.detail("Shared", line);
            }
            Event::Started { action, work } => {
                self.active.insert(action.clone(), None);
                self.started(action, *work);
            }
            Event::Progress { action, step, of, values } => {
                self.progress(action, *step, *of, values);
            }
            Event::Finished { action, work, wall_s, note, .. } => {
                self.done += 1;
                self.active.remove(action);
                self.finished(action, *work, *wall_s, note.as_deref());
            }
            Event::Accounted { accounting, .. } => self.shell.status("Accounted", accounting),
            Event::Failed(failure) => {
                self.active.remove(&failure.action);
                if !self.json {
                    diagnostics::show_failure(self.shell, failure);
                }
            }
            Event::Skipped { action, because } => {
                self.shell.detail("Skipped", format_args!("{action}: it needs {because}"));
            }
            Event::Written { path, digest, .. } => {
                self.shell.detail("Written", format_args!("{path} {DIM}{}{DIM:#}", digest.short()));
            }
            Event::Warning { action, message } => {
                self.shell.warning(format_args!("{action}: {message}"));
            }
            Event::BuildFinished(_) => self.shell.stop_bar(),
        }
        self.draw();
    }

    fn started(&self, action: &str, work: WorkKind) {
        let verb = match work {
            WorkKind::Patch => "Patching",
            WorkKind::Build => "Compiling",
            WorkKind::Run => "Running",
            WorkKind::Collect => return,
            WorkKind::Figure => "Drawing",
            WorkKind::Paper => "Typesetting",
        };
        let name = action.strip_suffix("@build").unwrap_or(action);
        self.shell.status(verb, name);
    }

    fn finished(&self, action: &str, work: WorkKind, wall_s: f64, note: Option<&str>) {
        let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
        match work {
            WorkKind::Run | WorkKind::Build => {
                self.shell.detail("Made", format_args!("{action} in {}{note}", seconds(wall_s)));
                if self.shell.verbosity() == Verbosity::Normal && !note.is_empty() {
                    self.shell.status("Made", format_args!("{action}{note}"));
                }
            }
            WorkKind::Patch if !note.is_empty() => {
                self.shell.warning(format_args!("{action}{note}"));
            }
            _ => self.shell.detail("Made", format_args!("{action}{note}")),
        }
    }

    fn progress(
        &mut self,
        action: &str,
        step: Option<u64>,
        of: Option<u64>,
        values: &BTreeMap<String, serde_json::Value>,
    ) {
        let said = match (step, of) {
            (Some(step), Some(of)) if of > 0 => {
                Some(format!("{}%", u128::from(step) * 100 / u128::from(of)))
            }
            (Some(step), _) => Some(format!("step {step}")),
            _ => values.get("crate").and_then(|name| name.as_str()).map(str::to_owned),
        };
        if let Some(state) = self.active.get_mut(action) {
            *state = said;
        }
    }

    fn draw(&self) {
        let active = self.active.iter().take(self.jobs.max(1));
        let names: Vec<String> = active
            .map(|(name, state)| {
                let name = name.rsplit_once('.').map_or(name.as_str(), |(_, rest)| rest);
                state.as_ref().map_or(name.to_owned(), |state| format!("{name} {state}"))
            })
            .collect();
        self.shell.advance_bar(self.done, names.join(", "));
    }
}

/// The last line of a build, cargo's way.
pub(crate) fn finish(shell: &Shell, summary: &Summary, profile: &str, what: &str) {
    let took = seconds(summary.wall_s);
    if summary.success {
        shell.status("Finished", format_args!("{} in {took}", said(summary, profile, what)));
    } else {
        let skipped = match summary.skipped {
            0 => String::new(),
            1 => "; 1 action that needs it was not run".to_owned(),
            count => format!("; {count} actions were not run"),
        };
        let failed = match summary.failed {
            1 => "1 action failed".to_owned(),
            count => format!("{count} actions failed"),
        };
        shell.error(format_args!("{failed}{skipped} ({took})"));
    }
}

/// What a build that succeeded says of itself, except how long it took.
pub(crate) fn said(summary: &Summary, profile: &str, what: &str) -> String {
    let ran = match summary.ran {
        0 => "nothing to do".to_owned(),
        1 => "1 action ran".to_owned(),
        ran => format!("{ran} actions ran"),
    };
    format!("`{profile}` profile, {what}: {ran}, {} fresh", summary.fresh)
}

/// A duration for people: `0.26s`, `12.3s`, `4m 07s`, `2h 05m`.
pub(crate) fn seconds(wall: f64) -> String {
    if wall < 10.0 {
        format!("{wall:.2}s")
    } else if wall < 60.0 {
        format!("{wall:.1}s")
    } else if wall < 3600.0 {
        format!("{}m {:02}s", wall as u64 / 60, wall as u64 % 60)
    } else {
        format!("{}h {:02}m", wall as u64 / 3600, wall as u64 % 3600 / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(0.257), "0.26s");
        assert_eq!(seconds(12.34), "12.3s");
        assert_eq!(seconds(247.9), "4m 07s");
        assert_eq!(seconds(7500.0), "2h 05m");
    }
}
