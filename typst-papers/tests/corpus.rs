//! The corpora that judge the wall: papers with one lie each, which must be refused where the lie
//! stands, and honest papers, which must be typeset.
//!
//! A paper of `tests/corpus` begins with comments that say what becomes of it:
//!
//! | line | meaning |
//! |---|---|
//! | `// refuses: RS0201 "97.5"` | refused with this code (`none` where there is none) at this text; `_` for any place, `"text…"` for one that begins so; one line per problem |
//! | `// refuses-free: …` | the same for free texts, where it differs |
//! | `// says: did you mean` | some problem's message or hints hold this |
//! | `// mode: free` | typeset as `strict` (the default), `free` or `both` |
//! | `// recipe: terms = ["GPT-2"]` | what the recipe says otherwise: `title`, `style`, `terms`, `labels`, `lexicon` |
//! | `// bib: changed.bib` | the bibliography, of `bib/`; the entries that the text cites where there is no such line |
//!
//! All papers see the project of `world.rs`, and the files of `parts/`.

#[path = "../../tests/corpus/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rescience_typst_papers::{Mode, PaperInput, Problem, Severity, typeset};
use serde::Deserialize;

#[test]
fn every_hostile_paper_is_refused_where_it_lies() {
    judge("hostile", |paper, mode| {
        let expected = paper.expected(mode);
        assert!(!expected.is_empty(), "{} says not what it is refused for", paper.name);
        match typeset(&paper.input(mode)) {
            Ok(_) => vec![format!("was typeset; expected {}", told(expected))],
            Err(problems) => paper.unmet(expected, &problems),
        }
    });
}

#[test]
fn every_friendly_paper_is_typeset() {
    judge("friendly", |paper, mode| match typeset(&paper.input(mode)) {
        Ok(made) => made.warnings.iter().map(|problem| format!("warned: {problem}")).collect(),
        Err(problems) => problems.iter().map(found).collect(),
    });
}

#[test]
fn the_corpora_are_as_large_as_they_are_meant_to_be() {
    assert!(papers("hostile").len() >= 120, "{} hostile papers", papers("hostile").len());
    assert!(papers("friendly").len() >= 60, "{} friendly papers", papers("friendly").len());
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus")
}

/// Judges each paper of a folder in each of its modes, and tells all verdicts at once. `CORPUS`
/// narrows it to the papers whose names hold that text.
fn judge(folder: &str, verdict: impl Fn(&Paper, Mode) -> Vec<String> + Sync) {
    let only = only();
    let papers: Vec<Paper> = papers(folder)
        .into_iter()
        .filter(|path| only.as_ref().is_none_or(|only| path.to_string_lossy().contains(only)))
        .map(|path| Paper::read(&path))
        .collect();
    let waiting = Mutex::new(papers.iter());
    let failures = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let next = waiting.lock().expect("no thread panics with the lock").next();
                let Some(paper) = next else { return };
                for &mode in &paper.modes {
                    let verdict = AssertUnwindSafe(|| verdict(paper, mode));
                    let wrong = catch_unwind(verdict)
                        .unwrap_or_else(|_| vec!["the compiler panicked, see above".to_owned()]);
                    if !wrong.is_empty() {
                        let mut failures = failures.lock().expect("no thread panics with the lock");
                        failures.insert((&paper.name, mode.as_str()), wrong);
                    }
                }
            }
        };
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().expect("no thread panicked");
    let lines: Vec<String> = failures
        .iter()
        .map(|((name, mode), wrong)| {
            format!("{folder}/{name} ({mode})\n    {}", wrong.join("\n    "))
        })
        .collect();
    assert!(lines.is_empty(), "{} of {} papers\n{}", lines.len(), papers.len(), lines.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "a filter for those who run the tests by hand")]
fn only() -> Option<String> {
    std::env::var("CORPUS").ok()
}

fn papers(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(corpus().join(folder)).expect("the corpus is there");
    let paths = entries.map(|entry| entry.expect("the corpus is readable").path());
    let mut papers: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "typ")).collect();
    papers.sort();
    papers
}

/// A problem that a paper is expected to have.
struct Expected {
    code: Option<String>,
    place: Underlined,
}

enum Underlined {
    Anything,
    Exactly(String),
    Beginning(String),
}

impl Expected {
    fn read(line: &str) -> Option<Expected> {
        let (code, place) = line.split_once(' ')?;
        let place = if place == "_" {
            Underlined::Anything
        } else {
            let text = place.strip_prefix('"')?.strip_suffix('"')?;
            match text.strip_suffix('…') {
                Some(start) => Underlined::Beginning(start.to_owned()),
                None => Underlined::Exactly(text.to_owned()),
            }
        };
        Some(Expected { code: (code != "none").then(|| code.to_owned()), place })
    }

    fn is(&self, problem: &Problem) -> bool {
        let there = match &self.place {
            Underlined::Anything => true,
            Underlined::Exactly(text) => underlined(problem) == Some(text),
            Underlined::Beginning(text) => underlined(problem).is_some_and(|u| u.starts_with(text)),
        };
        self.code.as_deref() == problem.code && there
    }
}

fn told(expected: &[Expected]) -> String {
    let told = expected.iter().map(|expected| {
        let place = match &expected.place {
            Underlined::Anything => "anywhere".to_owned(),
            Underlined::Exactly(text) => format!("at `{text}`"),
            Underlined::Beginning(text) => format!("at `{text}…`"),
        };
        format!("{} {place}", expected.code.as_deref().unwrap_or("an error without code"))
    });
    told.collect::<Vec<_>>().join(" and ")
}

fn underlined(problem: &Problem) -> Option<&str> {
    problem.text.as_deref()?.get(problem.span.clone()?)
}

fn found(problem: &Problem) -> String {
    let text = underlined(problem).unwrap_or_default().replace('\n', "⏎");
    let problem = problem.to_string().replace('\n', "\n      ");
    format!("{problem} [`{text}`]")
}

/// What the recipe says otherwise for one paper.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Recipe {
    title: Option<String>,
    style: Option<String>,
    terms: Vec<String>,
    labels: BTreeMap<String, String>,
    lexicon: BTreeMap<String, Vec<String>>,
}

/// A paper of the corpus and what its first lines say about it.
struct Paper {
    name: String,
    text: String,
    strict: Vec<Expected>,
    free: Vec<Expected>,
    says: Vec<String>,
    modes: Vec<Mode>,
    recipe: Recipe,
    bibliography: Option<String>,
}

impl Paper {
    fn read(path: &Path) -> Paper {
        let text = fs::read_to_string(path).expect("the paper is text");
        let name = path.file_name().expect("a paper has a name").to_string_lossy().into_owned();
        let mut paper = Paper {
            name,
            strict: Vec::new(),
            free: Vec::new(),
            says: Vec::new(),
            modes: vec![Mode::Strict],
            recipe: Recipe::default(),
            bibliography: None,
            text: String::new(),
        };
        let mut recipe = String::new();
        for line in text.lines().map_while(|line| line.strip_prefix("// ")) {
            paper.header(line, &mut recipe);
        }
        paper.recipe = toml::from_str(&recipe).unwrap_or_else(|e| panic!("{}: {e}", paper.name));
        paper.text = text;
        paper
    }

    fn header(&mut self, line: &str, recipe: &mut String) {
        let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{}: {line}", self.name));
        let expected = || Expected::read(value).unwrap_or_else(|| panic!("{}: {line}", self.name));
        match key {
            "refuses" => self.strict.push(expected()),
            "refuses-free" => self.free.push(expected()),
            "says" => self.says.push(value.to_owned()),
            "recipe" => recipe.extend([value, "\n"]),
            "bib" => self.bibliography = Some(value.to_owned()),
            "mode" => {
                self.modes = match value {
                    "strict" => vec![Mode::Strict],
                    "free" => vec![Mode::Free],
                    "both" => vec![Mode::Strict, Mode::Free],
                    other => panic!("{}: no mode {other}", self.name),
                };
            }
            _ => panic!("{}: nothing is known of `{key}:`", self.name),
        }
    }

    fn expected(&self, mode: Mode) -> &[Expected] {
        if mode == Mode::Free && !self.free.is_empty() { &self.free } else { &self.strict }
    }

    fn input(&self, mode: Mode) -> PaperInput {
        let mut input = world::world();
        input.mode = mode;
        input.main.clone_from(&self.name);
        input.terms = self.recipe.terms.iter().cloned().collect();
        input.lexicon.clone_from(&self.recipe.lexicon);
        if let Some(title) = &self.recipe.title {
            input.project.title.clone_from(title);
        }
        if let Some(style) = &self.recipe.style {
            input.project.style.clone_from(style);
        }
        for results in &mut input.experiments {
            if let Some(label) = self.recipe.labels.get(results.name()) {
                results.label = Some(label.clone());
            }
        }
        let mut cited = self.text.clone();
        for entry in fs::read_dir(corpus().join("parts")).expect("the parts are there") {
            let path = entry.expect("the corpus is readable").path();
            let name = path.file_name().expect("a part has a name").to_string_lossy().into_owned();
            let bytes = fs::read(&path).expect("the part is readable");
            if self.text.contains(&name) {
                cited.push_str(&String::from_utf8_lossy(&bytes));
            }
            input.files.insert(format!("parts/{name}"), bytes);
        }
        input.files.insert(self.name.clone(), self.text.clone().into_bytes());
        let bibliography = match &self.bibliography {
            Some(name) => fs::read_to_string(corpus().join("bib").join(name))
                .expect("the bibliography is there"),
            None => world::references(&cited),
        };
        if !bibliography.is_empty() {
            input.files.insert("refs.bib".to_owned(), bibliography.into_bytes());
            input.bibliography = Some("refs.bib".to_owned());
        }
        input
    }

    /// What is wrong with the problems that a refused paper has: one that was expected is not
    /// there, one is there that was not expected.
    fn unmet(&self, expected: &[Expected], problems: &[Problem]) -> Vec<String> {
        let errors: Vec<&Problem> =
            problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
        let missing = expected.iter().filter(|expected| !errors.iter().any(|p| expected.is(p)));
        let mut unmet: Vec<String> = missing
            .map(|expected| format!("expected {}", told(std::slice::from_ref(expected))))
            .collect();
        let strange = errors.iter().filter(|problem| !expected.iter().any(|e| e.is(problem)));
        unmet.extend(strange.map(|problem| {
            format!("found {}: {}", problem.code.unwrap_or("none"), found(problem))
        }));
        let all: String = errors.iter().map(|problem| format!("{problem}\n")).collect();
        unmet.extend(self.says.iter().filter(|words| !all.contains(words.as_str())).map(|words| {
            format!(
                "nothing says \"{words}\" in\n      {}",
                all.trim_end().replace('\n', "\n      ")
            )
        }));
        unmet
    }
}
