//! Traces: this key gave these artifacts, then and there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rescience_digest::{ActionKey, Digest, Hashed};
use serde::{Deserialize, Serialize};

use crate::artifact::Artifact;
use crate::error::{Parsed, Result, StoreError};
use crate::files;
use crate::store::Store;

/// One execution of an action and what it gave. A key may have several: that is variance, not an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// What was executed.
    pub key: ActionKey,
    /// The project that wanted it, for people.
    pub project: String,
    /// The action's display name, for people.
    pub action: String,
    /// Everything that went into the key; opaque here, kept so that two can be compared.
    pub inputs: serde_json::Value,
    /// Whether the result was measured: it cost machine hours, and is never collected on its own.
    pub measured: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// What it yielded; a failed action may have left something to look at.
    pub output: Option<Artifact>,
    /// What it said, by stream or file name.
    pub logs: BTreeMap<String, Artifact>,
    /// The blob of facts that the runner measured.
    pub facts: Option<Digest>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Success,
    /// Not as it should; a result with evidence all the same.
    Failure {
        /// Why, as data; opaque here.
        reason: serde_json::Value,
    },
}

impl Trace {
    /// The bytes of the trace's file, by whose digest it is named.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(self)
    }

    /// Reads what [`to_bytes`](Trace::to_bytes) writes; the error is a lower-case fragment.
    pub fn parse(bytes: &[u8]) -> Result<Trace, String> {
        let file: TraceFile<Trace> =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if file.schema != SCHEMA {
            return Err(format!("its schema is {}, not {SCHEMA}", file.schema));
        }
        Ok(file.trace)
    }

    /// Every artifact that the trace names: output, logs, facts.
    pub fn artifacts(&self) -> impl Iterator<Item = Artifact> + '_ {
        let facts = self.facts.map(Artifact::Blob);
        self.output.into_iter().chain(self.logs.values().copied()).chain(facts)
    }
}

impl Store {
    /// Records a trace for good. What it names is made durable first and must be in the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if the trace names an object that is not there.
    pub fn record(&self, trace: &Trace) -> Result<()> {
        self.record_written(trace, &to_bytes(trace))
    }

    /// The same for a trace that was written elsewhere: it keeps its bytes, and so its name.
    ///
    /// # Errors
    ///
    /// As [`Store::record`], and [`StoreError::BadTrace`] if the bytes are no trace.
    pub fn record_bytes(&self, bytes: &[u8]) -> Result<Trace> {
        let trace = Trace::parse(bytes)
            .map_err(|problem| StoreError::BadTrace { path: self.dir("traces"), problem })?;
        self.record_written(&trace, bytes)?;
        Ok(trace)
    }

    fn record_written(&self, trace: &Trace, bytes: &[u8]) -> Result<()> {
        for artifact in trace.artifacts() {
            if !self.contains(&artifact.digest())? {
                return Err(self.missing(&artifact.digest()));
            }
        }
        self.sync()?;
        let hashed = Hashed::of(bytes);
        let path = self.trace_dir(&trace.key).join(hashed.digest.hex() + ".json");
        self.put_hashed(bytes, &hashed, &path)?;
        self.sync()
    }

    /// The traces of `key`, oldest first. One that cannot be read is left out; [`Store::check`]
    /// reports it.
    pub fn traces(&self, key: &ActionKey) -> Result<Vec<Trace>> {
        Ok(self.trace_files(key)?.into_iter().map(|(_, trace)| trace).collect())
    }

    /// The same, each with its file.
    pub(crate) fn trace_files(&self, key: &ActionKey) -> Result<Vec<(PathBuf, Trace)>> {
        let mut traces = Vec::new();
        for (_, path) in files::list(&self.trace_dir(key))? {
            if let Ok(trace) = read_trace(&path, key)? {
                traces.push((path, trace));
            }
        }
        // Listed by name, so that traces of one moment keep one order.
        traces.sort_by_key(|(_, trace)| trace.finished);
        Ok(traces)
    }

    /// Every trace file in the store: path, and what it holds or why it cannot be read.
    pub(crate) fn all_traces(&self) -> Result<Vec<Parsed<Trace>>> {
        let mut traces = Vec::new();
        for (shard, dir) in files::list(&self.dir("traces"))? {
            for (rest, dir) in files::list(&dir)? {
                let hex = format!("{}{}", shard.display(), rest.display());
                let key = ActionKey::from_hex(&hex);
                for (_, path) in files::list(&dir)? {
                    let trace = match &key {
                        Some(key) => read_trace(&path, key)?,
                        None => Err("its directory is not named by a key".to_owned()),
                    };
                    traces.push((path, trace));
                }
            }
        }
        Ok(traces)
    }
}

/// What a trace's file holds.
#[derive(Serialize, Deserialize)]
struct TraceFile<T> {
    schema: u32,
    trace: T,
}

const SCHEMA: u32 = 1;

fn to_bytes(trace: &Trace) -> Vec<u8> {
    let file = TraceFile { schema: SCHEMA, trace };
    let mut bytes = serde_json::to_vec(&file).expect("a trace has only string keys");
    bytes.push(b'\n');
    bytes
}

/// The trace in a file, or what is wrong with the file; the outer error is the file system's.
fn read_trace(path: &Path, key: &ActionKey) -> Result<Result<Trace, String>> {
    let Some(bytes) = files::read(path)? else {
        return Ok(Err("it was collected meanwhile".to_owned()));
    };
    Ok(parse_trace(&bytes, path, key))
}

fn parse_trace(bytes: &[u8], path: &Path, key: &ActionKey) -> Result<Trace, String> {
    let name = path.file_stem().and_then(|name| name.to_str()).and_then(Digest::from_hex);
    if name != Some(Digest::of(bytes)) {
        return Err("its bytes are not those it is named by".to_owned());
    }
    let trace = Trace::parse(bytes)?;
    if trace.key != *key {
        return Err(format!("it belongs to {}", trace.key));
    }
    Ok(trace)
}
