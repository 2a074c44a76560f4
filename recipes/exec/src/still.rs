//! Still: whether a build that had nothing to do has nothing to do again, without planning it.
//!
//! Planning is pure. It follows from what it is asked (the recipe, the lock, the profile, the nodes,
//! by which program) and from what a [`World`](rescience_recipes::World) answers about the outside.
//! So a build in which nothing happened notes both, and how it left `out/` and the store's root. A
//! later build that is asked the same asks the world the same questions; if nothing has changed,
//! there is nothing to do, and the recipe need not be read into actions and keys again.
//!
//! | what could change | how that is noticed |
//! |---|---|
//! | recipe, lock, profile, nodes, this program, its engine | another [`Question`] |
//! | files of the project | each is imported anew, and has the digest that it had |
//! | toolchains | they are asked anew |
//! | traces, objects | every key's result stands: see [`TraceIndex`](rescience_store::TraceIndex) |
//! | what the store keeps for the project | the root's digest |
//! | views | each file and directory in them has the stamp it had before it was last checked |
//!
//! The note is a cache, `still-v1/<project>`: the digest of all that follows, a line of JSON, and
//! the [`Stamps`]. One that is torn, changed or gone costs time, nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rescience_digest::Digest;
use rescience_store::Stamps;
use serde::{Deserialize, Serialize};

use crate::build::Report;
use crate::host::Host;
use crate::views;
use crate::world::{Outside, project_name};

/// What a build is asked, besides what it finds.
#[derive(Clone, Debug)]
pub struct Question {
    directory: PathBuf,
    digest: Digest,
}

/// What the world answered while a build was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Files and directories of the project, by path.
    pub(crate) inputs: BTreeMap<String, Digest>,
    /// What cargo and its compiler said, if they were asked.
    pub(crate) toolchain: Option<BTreeMap<String, String>>,
    /// The digest of the index of traces; none if it does not hold every answer.
    pub(crate) traces: Option<Digest>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    question: Digest,
    answers: Answers,
    root: Digest,
    /// What the build said at its end.
    said: String,
}

impl Question {
    /// The question that a recipe and a lock pose, asked with this profile for these nodes; of this
    /// very program, since another may plan otherwise. None if the program cannot be told apart.
    pub fn new(
        host: &Host,
        directory: &Path,
        (recipe, lock): (&[u8], Option<&[u8]>),
        profile: Option<&str>,
        nodes: &[String],
    ) -> Option<Question> {
        let program = fs::metadata(&host.supervisor).ok()?;
        let program = (program.ino(), program.len(), program.mtime(), program.mtime_nsec());
        let texts = (Digest::of(recipe), lock.map(Digest::of));
        let asked = (texts, profile, nodes, program, host.studio.engine());
        let digest = Digest::of(&serde_json::to_vec(&asked).ok()?);
        Some(Question { directory: directory.to_path_buf(), digest })
    }

    fn path(&self, host: &Host) -> PathBuf {
        host.cache.join("still-v1").join(project_name(&self.directory))
    }
}

/// What a build said at its end when it was asked this and had nothing to do, if that still stands;
/// `root` is the name of the project's root. Hold the store's shared lock.
pub fn recall(host: &Host, question: &Question, root: &str) -> Option<String> {
    let bytes = fs::read(question.path(host)).ok()?;
    let (digest, bytes) = bytes.split_first_chunk()?;
    if Digest::from_bytes(*digest) != Digest::of(bytes) {
        return None;
    }
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let note: Note = serde_json::from_slice(&bytes[..line]).ok()?;
    let directory = question.directory.as_path();
    let stands = note.question == question.digest
        && host.store.root_digest(root).ok()? == Some(note.root)
        && Stamps::parse(&bytes[line + 1..])?.stand(&directory.join(views::FOLDER))
        && Outside::new(host, directory, "").gives(&note.answers);
    stands.then_some(note.said)
}

/// How a project's views looked before they were checked.
pub struct Before(Option<Stamps>);

/// Looks at the views of a project, for a build that had nothing to do.
pub fn before(host: &Host, directory: &Path, report: &Report) -> Before {
    let idle = report.summary.success && report.summary.ran == 0;
    let look = || Stamps::of(&host.store, &directory.join(views::FOLDER), views::files(directory));
    Before(if idle { look().ok().flatten() } else { None })
}

/// Notes that nothing happened in a build, from its plan to its views, and what it said.
pub fn note(
    host: &Host,
    question: &Question,
    report: &Report,
    before: &Before,
    root: Digest,
    said: String,
) {
    let (Before(Some(stamps)), Some(_)) = (before, report.answers.traces) else { return };
    let note = Note { question: question.digest, answers: report.answers.clone(), root, said };
    let mut bytes = serde_json::to_vec(&note).expect("a note has only string keys");
    bytes.push(b'\n');
    bytes.extend(stamps.to_bytes());
    let digest = Digest::of(&bytes);
    bytes.splice(0..0, *digest.as_bytes());
    let path = question.path(host);
    let beside = path.with_extension(format!("new{}", std::process::id()));
    // Only a cache: without it the next build plans.
    path.parent().map(fs::create_dir_all);
    fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path)).ok();
}
