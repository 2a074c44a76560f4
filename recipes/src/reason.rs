//! Why an action has to run, as data and as one line.

use std::collections::BTreeMap;
use std::fmt;

use rescience_digest::Digest;
use serde::{Deserialize, Serialize};

use crate::key::KeyInputs;
use crate::quantity::show_size;
use crate::value::Value;

/// One reason why an action has to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "a name, and the value before and after")]
pub enum Reason {
    /// No trace of an action of this name.
    NeverBuilt,
    /// An input's content is another one.
    InputChanged { name: String, old: Digest, new: Digest },
    /// Something new is read.
    InputAdded { name: String, new: Digest },
    /// Something is no longer read.
    InputRemoved { name: String, old: Digest },
    /// A param has another value, or appeared, or went away.
    ParamChanged { name: String, old: Option<Value>, new: Option<Value> },
    /// The seed is another one.
    SeedChanged { old: Option<u64>, new: Option<u64> },
    /// The command is another one.
    ArgvChanged { old: Vec<String>, new: Vec<String> },
    /// An environment variable has another value, or appeared, or went away.
    EnvChanged { name: String, old: Option<String>, new: Option<String> },
    /// A limit that the program can see is another one.
    LimitChanged { name: String, old: Option<u64>, new: Option<u64> },
    /// A tool is another one.
    ToolchainChanged { name: String, old: Option<String>, new: Option<String> },
    /// Anything else that decides what comes out.
    SettingChanged { name: String, old: Option<Value>, new: Option<Value> },
    /// This version of rescience does the work in another way.
    SchemaChanged { old: u32, new: u32 },
    /// The key was made before, and its trace is gone.
    TraceMissing,
    /// The trace is there, and what it names is not in the store.
    OutputMissing { digest: Digest },
    /// What the trace names is in the store, with other bytes.
    OutputDamaged { digest: Digest },
    /// The last attempt with these inputs failed.
    LastFailed,
    /// Something that it needs has to run first; it may come out as before.
    Waiting { on: String },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NeverBuilt => f.write_str("never built"),
            Reason::InputChanged { name, old, new } => {
                write!(f, "input {name} changed from {} to {}", short(old), short(new))
            }
            Reason::InputAdded { name, .. } => write!(f, "input {name} was added"),
            Reason::InputRemoved { name, .. } => write!(f, "input {name} was removed"),
            Reason::ParamChanged { name, old, new } => {
                change(f, "parameter", name, old.as_ref(), new.as_ref())
            }
            Reason::SeedChanged { old, new } => change(f, "seed", "", old.as_ref(), new.as_ref()),
            Reason::ArgvChanged { old, new } => {
                write!(
                    f,
                    "command changed from `{}` to `{}`",
                    clip(&old.join(" ")),
                    clip(&new.join(" "))
                )
            }
            Reason::EnvChanged { name, old, new } => {
                change(f, "variable", name, old.as_ref(), new.as_ref())
            }
            Reason::LimitChanged { name, old, new } if name == "memory" => {
                let (old, new) = (old.map(show_size), new.map(show_size));
                change(f, "limit", name, old.as_ref(), new.as_ref())
            }
            Reason::LimitChanged { name, old, new } => {
                change(f, "limit", name, old.as_ref(), new.as_ref())
            }
            Reason::ToolchainChanged { name, old, new } => {
                change(f, "toolchain", name, old.as_ref(), new.as_ref())
            }
            Reason::SettingChanged { name, old, new } => {
                if old.iter().chain(new).all(Value::is_scalar) {
                    change(f, "setting", name, old.as_ref(), new.as_ref())
                } else {
                    write!(f, "setting {name} changed")
                }
            }
            Reason::SchemaChanged { .. } => {
                f.write_str("this version of rescience does the work in another way")
            }
            Reason::TraceMissing => f.write_str("its trace is gone from the store"),
            Reason::OutputMissing { digest } => {
                write!(f, "output {} is missing from the store", short(digest))
            }
            Reason::OutputDamaged { digest } => {
                write!(f, "output {} is damaged in the store", short(digest))
            }
            Reason::LastFailed => f.write_str("the last attempt failed"),
            Reason::Waiting { on } => write!(f, "waits for {on}"),
        }
    }
}

fn short(digest: &Digest) -> String {
    format!("b3:{}", digest.short())
}

fn change<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    name: &str,
    old: Option<&T>,
    new: Option<&T>,
) -> fmt::Result {
    let space = if name.is_empty() { "" } else { " " };
    write!(f, "{what}{space}{name} ")?;
    match (old, new) {
        (Some(old), Some(new)) => {
            write!(f, "changed from {} to {}", clip(&old.to_string()), clip(&new.to_string()))
        }
        (None, Some(new)) => write!(f, "was added: {}", clip(&new.to_string())),
        (Some(old), None) => write!(f, "was removed: {}", clip(&old.to_string())),
        (None, None) => f.write_str("changed"),
    }
}

/// A text on one line, cut where it would no longer be read.
fn clip(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

impl KeyInputs {
    /// What is different from last time; empty if nothing is.
    pub fn reasons(old: Option<&KeyInputs>, new: &KeyInputs) -> Vec<Reason> {
        match old {
            None => vec![Reason::NeverBuilt],
            Some(old) => compare(old, new, Inputs::Complete),
        }
    }

    /// The same while some inputs are not made yet: only what is known is compared.
    pub(crate) fn reasons_so_far(old: &KeyInputs, new: &KeyInputs) -> Vec<Reason> {
        compare(old, new, Inputs::Partial)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inputs {
    Complete,
    Partial,
}

fn compare(old: &KeyInputs, new: &KeyInputs, inputs: Inputs) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if old.schema != new.schema || old.kind != new.kind {
        reasons.push(Reason::SchemaChanged { old: old.schema, new: new.schema });
    }
    each(&old.params, &new.params, |name, old, new| {
        reasons.push(Reason::ParamChanged { name, old: old.cloned(), new: new.cloned() });
    });
    each(&old.inputs, &new.inputs, |name, old, new| match (old, new) {
        (Some(&old), Some(&new)) => reasons.push(Reason::InputChanged { name, old, new }),
        (None, Some(&new)) => reasons.push(Reason::InputAdded { name, new }),
        (Some(&old), None) if inputs == Inputs::Complete => {
            reasons.push(Reason::InputRemoved { name, old });
        }
        _ => {}
    });
    if old.argv != new.argv {
        reasons.push(Reason::ArgvChanged { old: old.argv.clone(), new: new.argv.clone() });
    }
    if old.seed != new.seed {
        reasons.push(Reason::SeedChanged { old: old.seed, new: new.seed });
    }
    each(&old.env, &new.env, |name, old, new| {
        reasons.push(Reason::EnvChanged { name, old: old.cloned(), new: new.cloned() });
    });
    each(&old.limits, &new.limits, |name, old, new| {
        reasons.push(Reason::LimitChanged { name, old: old.copied(), new: new.copied() });
    });
    each(&old.toolchain, &new.toolchain, |name, old, new| {
        reasons.push(Reason::ToolchainChanged { name, old: old.cloned(), new: new.cloned() });
    });
    each(&old.settings, &new.settings, |name, old, new| {
        // Keys of runs are known only when the runs are made.
        if name != "runs" || inputs == Inputs::Complete {
            reasons.push(Reason::SettingChanged { name, old: old.cloned(), new: new.cloned() });
        }
    });
    reasons
}

/// Visits every name whose value is different.
fn each<T: PartialEq>(
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    mut visit: impl FnMut(String, Option<&T>, Option<&T>),
) {
    for (name, before) in old {
        let after = new.get(name);
        if after != Some(before) {
            visit(name.clone(), Some(before), after);
        }
    }
    for (name, after) in new {
        if !old.contains_key(name) {
            visit(name.clone(), None, Some(after));
        }
    }
}
