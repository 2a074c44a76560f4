//! The data of a crate: its files and folders, and where in it the content of a slot is.

use std::collections::{BTreeMap, BTreeSet};

use rescience_digest::Digest;

use super::entity::{Entity, Graph};
use crate::account::{Account, Content, File};
use crate::index::Index;
use crate::uri;

/// Where some content is.
pub(crate) enum Place<'a> {
    /// In a file of the bundle.
    File(&'a File),
    /// In a folder of the bundle, whose path has no slash at its end.
    Folder(&'a str),
    /// Not in the bundle; its digest says what it was.
    Elsewhere(Digest),
}

impl Place<'_> {
    pub(crate) fn id(&self) -> String {
        match self {
            Place::File(file) => uri::path(&file.path),
            Place::Folder(path) => format!("{}/", uri::path(path)),
            Place::Elsewhere(digest) => format!("#b3-{}", digest.hex()),
        }
    }
}

/// What entities of the crate say of a file besides what it holds.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    /// The parameters that it was a value of, by the file's identifier.
    pub(crate) example_of: BTreeMap<String, Vec<String>>,
    /// What it tells of, by the file's identifier.
    pub(crate) about: BTreeMap<String, Vec<String>>,
}

/// The data entities: every file, and the folders that something speaks of.
pub(crate) struct Data<'a> {
    index: Index<'a>,
    folders: BTreeSet<&'a str>,
}

impl<'a> Data<'a> {
    pub(crate) fn of(account: &'a Account) -> Data<'a> {
        let index = Index::of(account);
        let slots = account.actions.iter().flat_map(|it| it.inputs.iter().chain(&it.outputs));
        let paths = slots.filter_map(|slot| match &slot.content {
            Content::Path(path) => Some(path),
            Content::Digest(_) => None,
        });
        let sources = account.programs.iter().filter_map(|program| program.sources.as_ref());
        let sets = account.data_sets.iter().map(|set| &set.path);
        let paths = paths.chain(sources).chain(sets).map(|path| path.trim_end_matches('/'));
        let is_folder = |path: &&str| index.file(path).is_none() && index.holds(path);
        let folders = paths.filter(is_folder).collect();
        Data { index, folders }
    }

    /// Where a content is; `None` for a path that the bundle does not have.
    pub(crate) fn place(&self, content: &Content) -> Option<Place<'a>> {
        match content {
            Content::Path(path) => self.path(path),
            Content::Digest(digest) => Some(match self.index.holder(digest) {
                Some(file) => Place::File(file),
                None => Place::Elsewhere(*digest),
            }),
        }
    }

    pub(crate) fn path(&self, path: &str) -> Option<Place<'a>> {
        let path = path.trim_end_matches('/');
        let file = self.index.file(path).map(Place::File);
        file.or_else(|| self.folders.get(path).map(|folder| Place::Folder(folder)))
    }

    /// The identifier of the file or the folder at a path, if there is one.
    pub(crate) fn id(&self, path: &str) -> Option<String> {
        self.path(path).map(|place| place.id())
    }

    /// The identifiers of all files and folders, which the root must list.
    pub(crate) fn ids(&self) -> impl Iterator<Item = String> {
        let files = self.index.files().map(Place::File);
        files.chain(self.folders.iter().map(|path| Place::Folder(path))).map(|place| place.id())
    }

    /// Adds every file and folder but the recipe, which is more than a file.
    pub(crate) fn describe(&self, graph: &mut Graph, recipe: &str, roles: &Roles) {
        for file in self.index.files().filter(|file| file.path != recipe) {
            let id = Place::File(file).id();
            let entity = Entity::new(&id, &["File"]).set("name", file.path.as_str());
            graph.add(with_roles(bytes_of(entity, file), &id, roles));
        }
        for path in &self.folders {
            let id = Place::Folder(path).id();
            let parts = self.index.below(path).into_iter().map(|file| Place::File(file).id());
            let entity = Entity::new(&id, &["Dataset"])
                .set("name", *path)
                .set("description", format!("The files below {path}."))
                .links("hasPart", parts);
            graph.add(with_roles(entity, &id, roles));
        }
    }

    pub(crate) fn file(&self, path: &str) -> Option<&'a File> {
        self.index.file(path)
    }
}

/// What is known of the bytes of a file.
pub(crate) fn bytes_of(entity: Entity, file: &File) -> Entity {
    entity
        .set("description", file.about.as_str())
        .set("encodingFormat", file.media_type.as_str())
        .set("contentSize", file.size.to_string())
        .set("sha256", file.sha256.to_string())
        .set("identifier", file.digest.to_string())
}

fn with_roles(entity: Entity, id: &str, roles: &Roles) -> Entity {
    let none = Vec::new();
    entity
        .links("exampleOfWork", roles.example_of.get(id).unwrap_or(&none))
        .links("about", roles.about.get(id).unwrap_or(&none))
}
