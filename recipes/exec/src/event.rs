//! Everything that happens in a build, as one closed enum for terminal, JSON and journal alike.

use std::collections::BTreeMap;
use std::fmt;

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{ActionName, Code, Reason, Step};
use serde::Serialize;

/// One thing that happened. Serialised with a `reason` tag, as cargo does, one object a line.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Event {
    /// The plan is made; nothing has run yet.
    BuildStarted {
        /// The project's name.
        project: String,
        /// The profile the recipe was read with.
        profile: String,
        /// Actions in the selection.
        actions: usize,
        /// Actions whose key has no trace yet, or whose key is not known yet.
        dirty: usize,
    },
    /// An action has a trace for its key already.
    Fresh {
        /// The action's name.
        action: String,
        /// Its key; absent for a source, whose artifact is its own name.
        key: Option<ActionKey>,
        /// The digest of what it yields.
        output: Digest,
    },
    /// An action has to run, or will have to unless what it waits for comes out as before.
    Dirty {
        /// The action's name.
        action: String,
        /// Why.
        why: Vec<Reason>,
    },
    /// Another process holds a lock that this build needs.
    Blocking {
        /// What is waited for, in words.
        on: String,
    },
    /// What somebody else made was taken.
    Fetched {
        /// The action's name.
        action: String,
        /// Where it was.
        from: String,
        /// Who signed it.
        signer: String,
        /// How many bytes came.
        bytes: u64,
    },
    /// What was made here was shared.
    Pushed {
        /// The action's name.
        action: String,
        /// Where it is now.
        to: String,
        /// How many bytes went there.
        bytes: u64,
    },
    /// An action begins.
    Started {
        /// The action's name.
        action: String,
        /// What kind of work it is.
        work: WorkKind,
    },
    /// Something an action says about itself while it runs: a crate compiled, a step trained.
    Progress {
        /// The action's name.
        action: String,
        /// Units of work done.
        step: Option<u64>,
        /// Units of work in all.
        of: Option<u64>,
        /// What else the program reported, by name.
        values: BTreeMap<String, serde_json::Value>,
    },
    /// An action yielded its artifact.
    Finished {
        /// The action's name.
        action: String,
        /// What kind of work it was.
        work: WorkKind,
        /// Its key.
        key: ActionKey,
        /// The digest of what it yielded.
        output: Digest,
        /// Wall time in seconds; about zero when another process had made it meanwhile.
        wall_s: f64,
        /// What came of it beyond the artifact: `same program as before`, `2 crates compiled`.
        note: Option<String>,
    },
    /// A paper was typeset, and every digit of its pages has an origin.
    Accounted {
        /// The action's name.
        action: String,
        /// All digits.
        digits: usize,
        /// Where they come from.
        #[serde(flatten)]
        accounting: Accounting,
    },
    /// An action failed; its evidence is kept.
    Failed(Failure),
    /// An action cannot run because something it needs failed.
    Skipped {
        /// The action's name.
        action: String,
        /// The failed action it waits for.
        because: String,
    },
    /// A view of an artifact was written below `out/`.
    Written {
        /// The action whose artifact it shows.
        action: String,
        /// The path, relative to the project.
        path: String,
        /// The artifact's digest.
        digest: Digest,
    },
    /// Something the author should know that stops nothing.
    Warning {
        /// The action it concerns.
        action: String,
        /// The message, perhaps of several lines.
        message: String,
    },
    /// The build is over.
    BuildFinished(Summary),
}

impl Event {
    /// What a plan says of one action.
    pub fn of(action: &ActionName, step: &Step) -> Event {
        let action = action.to_string();
        match step {
            Step::Fresh { key, made, .. } => {
                Event::Fresh { action, key: *key, output: made.output }
            }
            Step::Run { reasons, .. } => Event::Dirty { action, why: reasons.clone() },
        }
    }
}

/// What kind of work an action is; decides the verb on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkKind {
    /// Applying a patch.
    Patch,
    /// Building a program.
    Build,
    /// Running an experiment once.
    Run,
    /// Collecting an experiment's metrics.
    Collect,
    /// Drawing a figure.
    Figure,
    /// Typesetting a paper.
    Paper,
}

/// How many digits the pages of a paper show, by where they come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Accounting {
    /// Results, parameters, facts and the recipe.
    pub artifacts: usize,
    /// Citations and references.
    pub citations: usize,
    /// Pages, sections, figures and what else the document numbers itself.
    pub numbering: usize,
    /// What the author declared.
    pub declared: usize,
}

impl Accounting {
    /// All digits.
    pub fn total(&self) -> usize {
        self.artifacts + self.citations + self.numbering + self.declared
    }
}

impl fmt::Display for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Accounting { artifacts, citations, numbering, declared } = self;
        write!(
            f,
            "{} digits: {artifacts} artifacts, {citations} citations, {numbering} numbering, \
             {declared} declared",
            self.total()
        )
    }
}

/// A failed action with its evidence.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// The action's name.
    pub action: String,
    /// Its key.
    pub key: Option<ActionKey>,
    /// The error code that `rescience explain` describes.
    pub code: Code,
    /// What went wrong, in one line.
    pub message: String,
    /// More lines: what was found instead, what to do.
    pub notes: Vec<String>,
    /// The end of the program's log, when there is one.
    pub log: Option<String>,
    /// Problems at places in the author's files.
    pub problems: Vec<Problem>,
}

impl Failure {
    /// A failure that has nothing but its message to show.
    pub fn new(action: &str, code: Code, message: impl Into<String>) -> Failure {
        Failure {
            action: action.to_owned(),
            key: None,
            code,
            message: message.into(),
            notes: Vec::new(),
            log: None,
            problems: Vec::new(),
        }
    }

    /// Adds a line of explanation or advice.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Failure {
        self.notes.push(note.into());
        self
    }
}

/// A problem at a place in a file that a person wrote.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The code that `rescience explain` describes; that of the whole failure if there is none.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Whether it only warns.
    pub warning: bool,
    /// The file, relative to the project.
    pub file: Option<String>,
    /// The file's text as it was read.
    #[serde(skip)]
    pub text: Option<String>,
    /// The bytes of `text` it is about.
    pub span: Option<std::ops::Range<usize>>,
    /// What to do.
    pub hints: Vec<String>,
}

/// How a build ended.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Whether everything selected was made.
    pub success: bool,
    /// Actions that ran.
    pub ran: usize,
    /// Actions that had a trace.
    pub fresh: usize,
    /// Actions that failed.
    pub failed: usize,
    /// Actions that could not run because another failed.
    pub skipped: usize,
    /// Wall time in seconds.
    pub wall_s: f64,
}
