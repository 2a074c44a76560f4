//! What a bundle names and does not hold: the large files of a thin one, and links, for which a zip
//! has no form that is safe to unpack.

use std::collections::BTreeMap;

use rescience_bundle::{Bundle, name};
use rescience_digest::{Digest, Sha256};
use rescience_recipes::Code;
use rescience_store::Entry;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What was left out, by the path that it would have in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// The version of this form: 1.
    schema: u32,
    /// Files by digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) files: BTreeMap<String, File>,
    /// Symbolic links by what they point to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) links: BTreeMap<String, String>,
}

/// A file that can be had elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) blake3: Digest,
    pub(crate) sha256: Sha256,
    /// In bytes.
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) executable: bool,
}

impl Default for LeftOut {
    fn default() -> LeftOut {
        LeftOut { schema: 1, files: BTreeMap::new(), links: BTreeMap::new() }
    }
}

impl LeftOut {
    /// Where it stands in the bundle, if there is anything to say.
    pub(crate) const FILE: &str = "left-out.json";

    /// Reads what a bundle says it leaves out.
    ///
    /// # Errors
    /// It says that in another form, or of paths that no bundle can hold.
    pub(crate) fn read(bundle: &Bundle) -> Result<LeftOut, Error> {
        let Some(bytes) = bundle.read(LeftOut::FILE)? else { return Ok(LeftOut::default()) };
        let wrong = |why: String| Error::Coded {
            code: Code::NotAsRecorded,
            message: format!("`{}`: {why}", LeftOut::FILE),
            help: "`rescience verify` says what else was changed".to_owned(),
        };
        let left_out: LeftOut =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if left_out.schema != 1 {
            return Err(wrong(format!("its form is {}, not 1", left_out.schema)));
        }
        match left_out.misnamed() {
            Some((path, problem)) => Err(wrong(format!("`{}`: {problem}", path.escape_debug()))),
            None => Ok(left_out),
        }
    }

    /// A path that no bundle can hold, and why.
    pub(crate) fn misnamed(&self) -> Option<(&str, &'static str)> {
        let mut paths = self.files.keys().chain(self.links.keys());
        paths.find_map(|path| Some((path.as_str(), name::problem(path)?)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.links.is_empty()
    }

    pub(crate) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("plain fields serialise");
        text + "\n"
    }

    /// All of it, as a listing has it.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&String, Entry)> {
        let file = |(path, file)| {
            let &File { blake3: digest, sha256, size, executable } = file;
            (path, Entry::File { digest, sha256, size, executable })
        };
        let link = |(path, target): (_, &String)| (path, Entry::Symlink { target: target.clone() });
        self.files.iter().map(file).chain(self.links.iter().map(link))
    }

    /// Whether a file of the project with these bytes was left out.
    pub(crate) fn names_own(&self, digest: &Digest) -> bool {
        let own = |path: &str| !path.starts_with("objects/");
        self.files.iter().any(|(path, file)| own(path) && file.blake3 == *digest)
    }

    /// Whether a file with these bytes was left out.
    pub(crate) fn names(&self, digest: &Digest) -> bool {
        self.files.values().any(|file| file.blake3 == *digest)
    }
}
