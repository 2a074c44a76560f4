//! `rescience cite`: which entries of bibliographies somebody confirmed, and confirming them.

use std::path::Path;

use rescience_recipes::lock::{Citation, Confirmer};
use rescience_recipes::{Code, Diagnostic, Diagnostics, Lock, nearest};
use rescience_typst_papers::citations::{self, Entry};
use serde_json::json;

use crate::args::{Cite, CiteCommand, Global, MessageFormat};
use crate::error::Error;
use crate::project::{LOCK, Project};
use crate::settings::Settings;
use crate::shell::{DIM, STRONG, Shell};

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Cite,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    let json = args.message_format == MessageFormat::Json;
    match &args.command {
        CiteCommand::List => list(shell, &project, json),
        CiteCommand::Confirm(args) => confirm(shell, global, &project, &args.keys, json),
        CiteCommand::Forget(args) => forget(shell, global, &project, &args.keys, json),
    }
}

/// The bibliography of one paper.
struct Bibliography {
    /// `paper.main`.
    paper: String,
    /// The file as the user would type it.
    file: String,
    text: String,
    entries: Vec<Entry>,
    /// Everything that the paper's folder holds in typst.
    texts: String,
}

/// Reads the bibliography of every paper that has one.
fn bibliographies(project: &Project) -> Result<Vec<Bibliography>, Error> {
    let mut found = Vec::new();
    for (name, paper) in &project.recipe.papers {
        let Some(path) = &paper.bibliography else { continue };
        let full = project.directory.join(path.get_ref());
        let bytes = std::fs::read(&full).map_err(|error| Error::read(&full, &error))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let file = project.shown(path.get_ref());
        let entries = citations::entries(&text).map_err(|(message, span)| {
            let message = format!("not BibTeX: {message}");
            Diagnostics::one(&file, &text, Diagnostic::new(Code::BadCitation, span, message))
        })?;
        let folder = paper.text.get_ref().rsplit_once('/').map_or("", |(folder, _)| folder);
        let texts = texts_below(&project.directory.join(folder))?;
        found.push(Bibliography { paper: format!("paper.{name}"), file, text, entries, texts });
    }
    Ok(found)
}

fn texts_below(folder: &Path) -> Result<String, Error> {
    let mut texts = String::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| Error::read(&folder, &error))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "typ") {
                let bytes = std::fs::read(&path).map_err(|error| Error::read(&path, &error))?;
                texts.push_str(&String::from_utf8_lossy(&bytes));
                texts.push('\n');
            }
        }
    }
    Ok(texts)
}

impl Bibliography {
    /// The file with a place in it, as editors read it.
    fn place(&self, entry: &Entry) -> (usize, usize) {
        let before = self.text.get(..entry.span.start).unwrap_or_default();
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        (before.matches('\n').count() + 1, column + 1)
    }

    /// The entry as it is written, from its `@` to the next one.
    fn written(&self, entry: &Entry) -> &str {
        let before = self.text.get(..entry.span.start).unwrap_or_default();
        let from = before.rfind('@').unwrap_or(entry.span.start);
        let rest = self.text.get(from..).unwrap_or_default();
        let length =
            rest.get(1..).and_then(|rest| rest.find("\n@")).map_or(rest.len(), |at| at + 1);
        rest.get(..length).unwrap_or(rest).trim_end()
    }

    fn problem(&self, entry: &Entry, message: String) -> Diagnostic {
        Diagnostic::new(Code::BadCitation, entry.span.clone(), message)
    }
}

/// Under which anybody can look an entry's work up.
fn id(entry: &Entry) -> Option<String> {
    let doi = entry.doi.as_ref().map(|doi| format!("doi:{doi}"));
    doi.or_else(|| entry.arxiv.as_ref().map(|id| format!("arXiv:{id}")))
}

/// Whether a text cites a key: `@key`, or `<key>` as the functions of typst take it.
fn cites(text: &str, key: &str) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let mut after = text[at + key.len()..].chars();
        match text[..at].chars().next_back() {
            Some('<') => after.next() == Some('>'),
            Some('@') => {
                let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
                match after.next() {
                    // These belong to a label only if more of it follows.
                    Some('.' | ':') => !after.next().is_some_and(part),
                    Some(c) => !part(c),
                    None => true,
                }
            }
            _ => false,
        }
    })
}

fn state(lock: &Lock, entry: &Entry) -> &'static str {
    match lock.citations.get(&entry.key) {
        None => "unconfirmed",
        Some(citation) if citation.entry == entry.digest => "confirmed",
        Some(_) => "changed",
    }
}

fn list(shell: &Shell, project: &Project, json: bool) -> Result<(), Error> {
    let found = bibliographies(project)?;
    let width = found.iter().flat_map(|one| &one.entries).map(|entry| entry.key.len()).max();
    let width = width.unwrap_or(0);
    for one in &found {
        if !json {
            shell.data(format_args!("{STRONG}{}{STRONG:#} ({})", one.file, one.paper));
        }
        for entry in &one.entries {
            let (state, unused) = (state(&project.lock, entry), !cites(&one.texts, &entry.key));
            let (line, column) = one.place(entry);
            if json {
                shell.data(json!({
                    "reason": "citation", "paper": one.paper, "file": one.file, "line": line,
                    "column": column, "start": entry.span.start, "end": entry.span.end,
                    "key": entry.key, "id": id(entry), "doi": entry.doi, "arxiv": entry.arxiv,
                    "entry": entry.digest, "state": state, "unused": unused,
                }));
                continue;
            }
            let key = format!("{:width$}", entry.key);
            let id = id(entry).unwrap_or_else(|| "no DOI and no arXiv id".to_owned());
            let unused = if unused { "  unused" } else { "" };
            shell.data(format_args!("  {state:<11}  {key}  {id}{DIM}{unused}{DIM:#}"));
        }
    }
    let known = |key: &String| found.iter().flat_map(|one| &one.entries).any(|it| it.key == *key);
    for key in project.lock.citations.keys().filter(|key| !known(key)) {
        if json {
            shell.data(json!({ "reason": "citation", "key": key, "state": "left-over" }));
        }
        shell.warning(format_args!(
            "{} confirms `{key}`, which no bibliography has; `rescience cite forget {key}` removes it",
            project.shown(LOCK)
        ));
    }
    if found.is_empty() {
        shell.status("Citations", "none: no paper of the recipe has a `bibliography`");
    }
    Ok(())
}

fn confirm(
    shell: &Shell,
    global: &Global,
    project: &Project,
    keys: &[String],
    json: bool,
) -> Result<(), Error> {
    let found = bibliographies(project)?;
    let all = || found.iter().flat_map(|one| one.entries.iter().map(move |entry| (one, entry)));
    for key in keys {
        if !all().any(|(_, entry)| entry.key == *key) {
            return Err(unknown(key, all().map(|(_, entry)| entry.key.as_str())));
        }
    }
    // Without keys, all are meant: clap lets nobody leave out both.
    let meant = || all().filter(|(_, entry)| keys.is_empty() || keys.contains(&entry.key));
    let mut lock = project.lock.clone();
    let mut wrong = false;
    for one in &found {
        let mut problems = Vec::new();
        for (_, entry) in meant().filter(|(of, _)| std::ptr::eq(*of, one)) {
            let other = meant().find(|(_, it)| it.key == entry.key && it.digest != entry.digest);
            let Some(id) = id(entry) else {
                let message = format!("`{}` has no DOI and no arXiv id", entry.key);
                problems.push(
                    one.problem(entry, message).label("nobody could look this up").help(
                        "add `doi = {...}`, or `eprint = {...}` with `archiveprefix = {arXiv}`",
                    ),
                );
                continue;
            };
            if let Some((other, _)) = other {
                let message = format!("`{}` says something else in `{}`", entry.key, other.file);
                let help = "a key stands for one work: rename one of the two";
                problems.push(one.problem(entry, message).label("the same key").help(help));
                continue;
            }
            let citation = Citation { entry: entry.digest, id, by: Confirmer::Hand };
            lock.citations.insert(entry.key.clone(), citation);
        }
        if !problems.is_empty() {
            wrong = true;
            let found = Diagnostics::new(&one.file, &one.text, problems);
            Error::Recipe(Box::new(found)).report(shell, json);
        }
    }
    if wrong {
        return Err(Error::Build);
    }
    let mut count = 0;
    for (key, citation) in &lock.citations {
        if project.lock.citations.get(key) == Some(citation) {
            continue;
        }
        count += 1;
        let Some((one, entry)) = meant().find(|(_, entry)| entry.key == *key) else { continue };
        if json {
            shell.data(json!({
                "reason": "confirmed", "key": key, "id": citation.id, "entry": citation.entry,
                "file": one.file, "written": one.written(entry),
            }));
        }
        shell.status("Confirming", format_args!("{key} as {}", citation.id));
        for line in one.written(entry).lines().filter(|_| !json) {
            shell.status("", format_args!("{DIM}{line}{DIM:#}"));
        }
    }
    let file = project.shown(LOCK);
    if project.write_lock(global, &lock)? {
        let entries = if count == 1 { "entry" } else { "entries" };
        shell.status("Locked", format_args!("{count} {entries} in {file}"));
    } else {
        shell.status("Locked", format_args!("nothing: {file} has them already"));
    }
    Ok(())
}

fn forget(
    shell: &Shell,
    global: &Global,
    project: &Project,
    keys: &[String],
    json: bool,
) -> Result<(), Error> {
    let mut lock = project.lock.clone();
    for key in keys {
        if !project.lock.citations.contains_key(key) {
            return Err(unknown(key, project.lock.citations.keys().map(String::as_str)));
        }
        lock.citations.remove(key);
    }
    project.write_lock(global, &lock)?;
    for key in project.lock.citations.keys().filter(|key| !lock.citations.contains_key(*key)) {
        if json {
            shell.data(json!({ "reason": "forgotten", "key": key }));
        }
        shell.status("Forgot", format_args!("{key}: a text that cites it is refused"));
    }
    Ok(())
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Error {
    Error::Coded {
        code: Code::UnknownCitation,
        message: format!("there is no entry `{key}`"),
        help: match nearest(key, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`rescience cite list` shows the entries there are".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::cites;

    #[test]
    fn a_key_is_cited_by_reference_or_by_label() {
        assert!(cites("as @power shows", "power"));
        assert!(cites("as in @power.", "power"));
        assert!(cites("@power[p. 3]", "power"));
        assert!(cites("#cite(<power>, form: \"prose\")", "power"));
        assert!(!cites("@power2022", "power"));
        assert!(!cites("@power.more", "power"));
        assert!(!cites("the power of it, a@b", "power"));
        assert!(!cites("<powers>", "power"));
    }
}
