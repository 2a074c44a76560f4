//! What happened in a project, line by line, only ever appended to.

use std::fs::File;
use std::io::Read as _;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use serde_json::Value;

use crate::error::{Context as _, Result};
use crate::files;
use crate::store::Store;

/// The journal of one project: JSON values, one per line.
#[derive(Clone, Debug)]
pub struct Journal {
    store: Store,
    path: PathBuf,
}

impl Store {
    /// The journal of `project`, which is made by its first entry.
    pub fn journal(&self, project: &str) -> Journal {
        Journal { store: self.clone(), path: self.journal_path(project) }
    }
}

impl Journal {
    /// Appends one entry, durably, after everything that was put.
    pub fn append(&self, entry: &Value) -> Result<()> {
        let path = &self.path;
        let mut options = File::options();
        let mut file =
            options.read(true).append(true).create(true).open(path).context("open", path)?;
        // Readers never wait; writers do, so that none takes another's half line for a torn one.
        file.lock().context("lock", path)?;
        let mut line = String::new();
        if is_torn(&mut file).context("read", path)? {
            line.push('\n');
        }
        line.push_str(&entry.to_string());
        line.push('\n');
        file.write_all(line.as_bytes()).context("write", path)?;
        self.store.changed(path);
        self.store.sync()?;
        file.sync_all().context("sync", path)
    }

    /// All entries, oldest first. A line torn by a crash is left out.
    pub fn entries(&self) -> Result<Vec<Value>> {
        let bytes = files::read(&self.path)?.unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = bytes[..whole].split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

/// Whether the last line lacks its end.
fn is_torn(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn journal() -> (tempfile::TempDir, Journal) {
        let temp = tempfile::tempdir().unwrap();
        let journal = Store::open(temp.path()).unwrap().journal("a/project");
        (temp, journal)
    }

    #[test]
    fn entries_come_back_in_order() {
        let (_temp, journal) = journal();
        assert!(journal.entries().unwrap().is_empty());
        journal.append(&json!({"n": 1, "text": "two\nlines"})).unwrap();
        journal.append(&json!(2)).unwrap();
        assert_eq!(journal.entries().unwrap(), [json!({"n": 1, "text": "two\nlines"}), json!(2)]);
    }

    #[test]
    fn a_line_torn_at_any_byte_harms_no_other() {
        let (_temp, journal) = journal();
        journal.append(&json!({"n": 1})).unwrap();
        let before = fs::read(&journal.path).unwrap();
        let torn = br#"{"n":12}"#;
        for length in 0..=torn.len() {
            fs::write(&journal.path, [&before, &torn[..length]].concat()).unwrap();
            assert_eq!(journal.entries().unwrap(), [json!({"n": 1})], "{length} bytes");
            journal.append(&json!({"n": 3})).unwrap();
            let entries = journal.entries().unwrap();
            assert_eq!(entries.first(), Some(&json!({"n": 1})), "{length} bytes");
            assert_eq!(entries.last(), Some(&json!({"n": 3})), "{length} bytes");
        }
    }

    #[test]
    fn writers_do_not_tear_each_others_lines() {
        let (_temp, journal) = journal();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let journal = &journal;
                scope.spawn(move || {
                    for n in 0..10 {
                        journal.append(&json!([writer, n, "x".repeat(n * 500)])).unwrap();
                    }
                });
            }
        });
        assert_eq!(journal.entries().unwrap().len(), 40);
    }
}
