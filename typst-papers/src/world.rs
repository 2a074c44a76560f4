//! What typst may see of the world: the author's files, the package, the embedded fonts, one date.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

use typst::diag::{FileError, FileResult, PackageError};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::package::PackageSpec;
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Feature, Library, LibraryExt as _, World};
use typst_kit::fonts::FontStore;

use crate::input::Mode;
use crate::wall::Accounting;

use crate::{html, native};

/// The package that every paper imports, by its files.
const PACKAGE: &[(&str, &str)] = &[
    ("typst.toml", include_str!("../package/typst.toml")),
    ("lib.typ", include_str!("../package/lib.typ")),
    ("data.typ", include_str!("../package/data.typ")),
    ("format.typ", include_str!("../package/format.typ")),
    ("authored.typ", include_str!("../package/authored.typ")),
    ("declared.typ", include_str!("../package/declared.typ")),
    ("numbering.typ", include_str!("../package/numbering.typ")),
    ("references.typ", include_str!("../package/references.typ")),
    ("claims.typ", include_str!("../package/claims.typ")),
    ("sides.typ", include_str!("../package/sides.typ")),
    ("changes.typ", include_str!("../package/changes.typ")),
    ("compare.typ", include_str!("../package/compare.typ")),
    ("claim.typ", include_str!("../package/claim.typ")),
    ("facts.typ", include_str!("../package/facts.typ")),
    ("tables.typ", include_str!("../package/tables.typ")),
    ("figures.typ", include_str!("../package/figures.typ")),
    ("paper.typ", include_str!("../package/paper.typ")),
    ("algorithm.typ", include_str!("../package/algorithm.typ")),
    ("checklist.typ", include_str!("../package/checklist.typ")),
    ("digits.typ", include_str!("../package/digits.typ")),
    ("design.typ", include_str!("../package/design.typ")),
    ("ledger.typ", include_str!("../package/ledger.typ")),
    ("sheet.typ", include_str!("../package/sheet.typ")),
    ("closing.typ", include_str!("../package/closing.typ")),
];

/// How a paper names the package.
pub(crate) const PACKAGE_NAME: &str = "@rescience/paper:0.1.0";

/// The name of the bibliography among the package's files.
pub(crate) const BIBLIOGRAPHY: &str = "bibliography.bib";

/// The embedded fonts: no other machine has others.
static FONTS: LazyLock<FontStore> = LazyLock::new(|| {
    let mut fonts = FontStore::new();
    fonts.extend(typst_kit::fonts::embedded());
    fonts
});

/// The standard library without inputs, the package's native functions, and what typst leaves out
/// for browsers.
static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| {
    let features = [Feature::Html].into_iter().collect();
    let mut library = Library::builder().with_features(features).build();
    html::register(&mut library.rules);
    library.global.scope_mut().define(native::NAME, native::module());
    LazyHash::new(library)
});

static SPEC: LazyLock<PackageSpec> =
    LazyLock::new(|| PACKAGE_NAME.parse().expect("the package's name is well-formed"));

/// A closed world of in-memory files.
pub(crate) struct PaperWorld {
    main: FileId,
    author: BTreeMap<String, Slot>,
    package: BTreeMap<String, Slot>,
    today: Option<Datetime>,
    mode: Mode,
}

/// A file, and its text once typst has asked for it.
struct Slot {
    bytes: Bytes,
    source: OnceLock<FileResult<Source>>,
}

impl PaperWorld {
    /// Lays the author's files and the package's side by side under two roots. `data` are the
    /// files that only the package can read, by name.
    pub(crate) fn new(
        main: VirtualPath,
        author: &BTreeMap<String, Vec<u8>>,
        data: Vec<(String, Vec<u8>)>,
        today: Option<Datetime>,
        mode: Mode,
    ) -> PaperWorld {
        let slot = |bytes: Bytes| Slot { bytes, source: OnceLock::new() };
        PaperWorld {
            main: RootedPath::new(VirtualRoot::Project, main).intern(),
            author: author
                .iter()
                .map(|(path, bytes)| (path.clone(), slot(Bytes::new(bytes.clone()))))
                .collect(),
            package: PACKAGE
                .iter()
                .map(|(path, text)| ((*path).to_owned(), slot(Bytes::from_string(*text))))
                .chain(data.into_iter().map(|(path, bytes)| (path, slot(Bytes::new(bytes)))))
                .collect(),
            today,
            mode,
        }
    }

    /// How much of typst the text may use.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Tells the package how many digits the pages showed when they were laid out before.
    pub(crate) fn tell_digits(&mut self, account: Option<&Accounting>) {
        let json = account.map_or_else(|| "null".to_owned(), |account| account.json().to_string());
        let slot = Slot { bytes: Bytes::from_string(json), source: OnceLock::new() };
        self.package.insert("digits.json".to_owned(), slot);
    }

    /// Whether the file is one of the author's.
    pub(crate) fn is_author(id: FileId) -> bool {
        matches!(id.root(), VirtualRoot::Project)
    }

    fn slot(&self, id: FileId) -> FileResult<&Slot> {
        let path = id.vpath().get_without_slash();
        match id.root() {
            VirtualRoot::Project => {
                self.author.get(path).ok_or_else(|| FileError::NotFound(PathBuf::from(path)))
            }
            VirtualRoot::Package(spec) if *spec == *SPEC => {
                self.package.get(path).ok_or_else(|| FileError::NotFound(PathBuf::from(path)))
            }
            VirtualRoot::Package(spec) => Err(FileError::Package(PackageError::Other(Some(
                format!("papers see no network; {spec} is not {PACKAGE_NAME}").into(),
            )))),
        }
    }
}

impl World for PaperWorld {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        FONTS.book()
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let slot = self.slot(id)?;
        slot.source
            .get_or_init(|| {
                let text = slot.bytes.as_str().map_err(FileError::from)?;
                Ok(Source::new(id, text.to_owned()))
            })
            .clone()
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        Ok(self.slot(id)?.bytes.clone())
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.font(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        self.today
    }
}
