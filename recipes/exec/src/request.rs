//! What figures and papers are made from, gathered by digest from wherever the artifacts are: a
//! store, or a bundle that somebody checks.

use std::collections::BTreeMap;

use rescience_digest::Digest;
use rescience_recipes::results::Results;
use rescience_recipes::{ActionName, Collect, NodeKind, NodeName, PaperSpec, Plot, Project};
use rescience_store::{Entry, Store, StoreError, Tree};

use crate::studio::{FigureData, FigureRequest, PaperRequest};

/// The bytes of artifacts, by digest.
pub trait Artifacts {
    /// Why there are none.
    type Error;

    /// The bytes of this digest.
    ///
    /// # Errors
    /// They are not there, or are others.
    fn read(&self, digest: &Digest) -> Result<Vec<u8>, Self::Error>;

    /// The listing of this digest.
    ///
    /// # Errors
    /// It is not there, or is none.
    fn tree(&self, digest: &Digest) -> Result<Tree, Self::Error>;
}

/// An input that is made: whose it is, and its digest.
pub type Input<'a> = (&'a ActionName, Digest);

/// Why a figure has nothing to be drawn from.
#[derive(Debug)]
pub enum NoFigure<E> {
    /// An artifact is not to be had.
    Artifact(E),
    /// A run wrote no such file.
    NoSeries {
        /// The run.
        run: String,
        /// The file.
        file: String,
    },
}

impl<E> From<E> for NoFigure<E> {
    fn from(error: E) -> NoFigure<E> {
        NoFigure::Artifact(error)
    }
}

/// The files of one run that hold metrics, by path.
///
/// # Errors
/// One that cannot be read; one that the run did not write is none.
pub fn metric_files<A: Artifacts>(
    artifacts: &A,
    spec: &Collect,
    output: &Digest,
) -> Result<BTreeMap<String, Vec<u8>>, A::Error> {
    let mut files = BTreeMap::new();
    for metric in spec.metrics.values() {
        if !files.contains_key(&metric.file) {
            let bytes = read_at(artifacts, *output, &metric.file)?;
            files.extend(bytes.map(|bytes| (metric.file.clone(), bytes)));
        }
    }
    Ok(files)
}

/// What a figure is drawn from.
///
/// # Errors
/// An artifact that is not to be had, or a run without the series.
pub fn figure<A: Artifacts>(
    name: &str,
    plot: &Plot,
    inputs: &[Input<'_>],
    artifacts: &A,
) -> Result<FigureRequest, NoFigure<A::Error>> {
    let mut data = Vec::new();
    for (name, digest) in inputs {
        let ActionName::Node(node) = name else { continue };
        if node.kind != NodeKind::Experiment {
            continue;
        }
        let results = artifacts.read(digest)?;
        let series = match &plot.at {
            Some(file) => series(node, file, inputs, artifacts)?,
            None => BTreeMap::new(),
        };
        data.push(FigureData { results, series });
    }
    let plot = serde_json::to_value(plot).expect("a plot has only string keys");
    Ok(FigureRequest { name: name.to_owned(), plot, data })
}

fn series<A: Artifacts>(
    node: &NodeName,
    file: &str,
    inputs: &[Input<'_>],
    artifacts: &A,
) -> Result<BTreeMap<String, Vec<u8>>, NoFigure<A::Error>> {
    let mut series = BTreeMap::new();
    for (name, digest) in inputs {
        let ActionName::Run { experiment, .. } = name else { continue };
        if experiment != node {
            continue;
        }
        let bytes = read_at(artifacts, *digest, file)?;
        let (run, file) = (name.to_string(), file.to_owned());
        let bytes = bytes.ok_or(NoFigure::NoSeries { run: run.clone(), file })?;
        series.insert(run, bytes);
    }
    Ok(series)
}

fn read_at<A: Artifacts>(
    artifacts: &A,
    mut tree: Digest,
    path: &str,
) -> Result<Option<Vec<u8>>, A::Error> {
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        match artifacts.tree(&tree)?.entries.remove(name) {
            Some(Entry::Directory { digest }) => tree = digest,
            Some(Entry::File { digest, .. }) if names.peek().is_none() => {
                return artifacts.read(&digest).map(Some);
            }
            _ => break,
        }
    }
    Ok(None)
}

/// What a paper is typeset from. `text` is the listing of the folder of its text.
///
/// # Errors
/// An artifact that is not to be had.
pub fn paper<A: Artifacts>(
    project: &Project,
    profile: &str,
    spec: &PaperSpec,
    text: &Digest,
    inputs: &[Input<'_>],
    artifacts: &A,
) -> Result<PaperRequest, A::Error> {
    let mut files = BTreeMap::new();
    gather(artifacts, text, "", &mut files)?;
    let mut request = PaperRequest {
        project: project.clone(),
        profile: profile.to_owned(),
        style: spec.style.to_string(),
        mode: spec.mode,
        terms: spec.terms.clone(),
        lexicon: spec.lexicon.clone(),
        confirmed: spec.confirmed.clone(),
        folder: spec.directory.clone(),
        main: spec.main().to_owned(),
        bibliography: spec.bibliography_in_folder().map(str::to_owned),
        files,
        results: Vec::new(),
        facts: BTreeMap::new(),
        figures: BTreeMap::new(),
    };
    for (name, digest) in inputs {
        let ActionName::Node(node) = name else { continue };
        match node.kind {
            NodeKind::Experiment => request.results.push(artifacts.read(digest)?),
            NodeKind::Figure => {
                let figure = (*digest, artifacts.read(digest)?);
                request.figures.insert(node.name.clone(), figure);
            }
            _ => {}
        }
    }
    for results in &request.results {
        for digest in facts_named(results) {
            if let std::collections::btree_map::Entry::Vacant(slot) = request.facts.entry(digest) {
                slot.insert(artifacts.read(&digest)?);
            }
        }
    }
    Ok(request)
}

/// The digests of the facts that a `results.json` names.
fn facts_named(results: &[u8]) -> Vec<Digest> {
    let Ok(results) = serde_json::from_slice::<Results>(results) else {
        return Vec::new();
    };
    results.points.iter().flat_map(|point| &point.runs).filter_map(|run| run.facts).collect()
}

fn gather<A: Artifacts>(
    artifacts: &A,
    tree: &Digest,
    prefix: &str,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), A::Error> {
    for (name, entry) in artifacts.tree(tree)?.entries {
        let path = format!("{prefix}{name}");
        match entry {
            Entry::File { digest, .. } => {
                files.insert(path, artifacts.read(&digest)?);
            }
            Entry::Directory { digest } => {
                gather(artifacts, &digest, &format!("{path}/"), files)?;
            }
            // A paper sees artifacts, not links: what a link points at is in the tree anyway.
            Entry::Symlink { .. } => {}
        }
    }
    Ok(())
}

impl Artifacts for Store {
    type Error = StoreError;

    fn read(&self, digest: &Digest) -> Result<Vec<u8>, Self::Error> {
        Store::read(self, digest)
    }

    fn tree(&self, digest: &Digest) -> Result<Tree, Self::Error> {
        Store::tree(self, digest)
    }
}
