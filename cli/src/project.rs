//! Finding and reading a project: from a directory to a recipe with its graph.

use std::path::{Path, PathBuf};

use rescience_exec::build;
use rescience_exec::host::Host;
use rescience_exec::sandbox::Isolation;
use rescience_recipes::{
    ActionIndex, Code, Graph, Lock, Recipe, Selection, UnknownTarget, nearest, parse_bytes,
};
use rescience_store::Store;

use crate::args::Global;
use crate::error::Error;
use crate::settings::Settings;
use crate::studio::TypstStudio;
use crate::unpacked::{Tools, Unpacked};

/// The name of the recipe's file.
pub(crate) const RECIPE: &str = "rescience.toml";

/// The name of the file of pins, beside the recipe.
pub(crate) const LOCK: &str = "rescience.lock";

/// What a project is read from.
pub(crate) struct Texts {
    pub(crate) directory: PathBuf,
    shown: PathBuf,
    pub(crate) recipe: Vec<u8>,
    /// None if there is no lock.
    pub(crate) lock: Option<Vec<u8>>,
    /// The bundle that the directory was unpacked from, if it was.
    pub(crate) unpacked: Option<Unpacked>,
}

impl Texts {
    /// Reads the recipe that [`Project::open`] finds, and its lock, without a look at what they say.
    ///
    /// # Errors
    /// No recipe, or an unreadable one.
    pub(crate) fn read(global: &Global, settings: &Settings) -> Result<Texts, Error> {
        Texts::of(&locate(global, settings)?, settings)
    }

    /// Reads the recipe at a path, and the lock beside it.
    ///
    /// # Errors
    /// An unreadable one, or a bundle beside it that cannot be one.
    pub(crate) fn of(path: &Path, settings: &Settings) -> Result<Texts, Error> {
        let recipe = std::fs::read(path).map_err(|error| Error::read(path, &error))?;
        let shown = path.strip_prefix(&settings.directory).unwrap_or(path);
        let parent = |path: &Path| path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let (directory, shown) = (parent(path), parent(shown));
        let file = directory.join(LOCK);
        let lock = match std::fs::read(&file) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::read(&file, &error)),
        };
        let unpacked = Unpacked::open(&directory)?;
        Ok(Texts { directory, shown, recipe, lock, unpacked })
    }

    /// The profile to read the recipe with: the one that was asked for, or the bundle's.
    pub(crate) fn profile<'a>(&'a self, global: &'a Global) -> Option<&'a str> {
        let own = || self.unpacked.as_ref().map(|unpacked| unpacked.about.profile.as_str());
        global.profile.as_deref().or_else(own)
    }

    /// The project that they describe.
    ///
    /// # Errors
    /// Everything that is wrong in them.
    pub(crate) fn project(self, global: &Global) -> Result<Project, Error> {
        self.project_with(global, |_| ())
    }

    /// The same, with something in the recipe changed.
    ///
    /// # Errors
    /// Everything that is wrong in them.
    pub(crate) fn project_with(
        self,
        global: &Global,
        change: impl FnOnce(&mut Recipe),
    ) -> Result<Project, Error> {
        let profile = self.profile(global).map(str::to_owned);
        let Texts { directory, shown, recipe, lock, unpacked } = self;
        let file = |name: &str| shown.join(name).display().to_string();
        let mut recipe = parse_bytes(&file(RECIPE), &recipe, profile.as_deref())?;
        change(&mut recipe);
        let lock = match lock {
            Some(bytes) => Lock::parse(&file(LOCK), &bytes)?,
            None => Lock::default(),
        };
        let graph = Graph::with_lock(&recipe, &lock)?;
        Ok(Project { directory, shown, recipe, lock, graph, unpacked })
    }
}

/// A project whose recipe is right.
pub(crate) struct Project {
    pub(crate) directory: PathBuf,
    /// The directory as the user would type it.
    shown: PathBuf,
    pub(crate) recipe: Recipe,
    pub(crate) lock: Lock,
    pub(crate) graph: Graph,
    /// The bundle that it was unpacked from, if it was.
    pub(crate) unpacked: Option<Unpacked>,
}

impl Project {
    /// Finds the recipe from the command line's options, or from the directory upwards.
    ///
    /// # Errors
    /// No recipe, an unreadable one, or everything that is wrong in it.
    pub(crate) fn open(global: &Global, settings: &Settings) -> Result<Project, Error> {
        Texts::read(global, settings)?.project(global)
    }

    /// A path of the project as the user would type it.
    pub(crate) fn shown(&self, path: &str) -> String {
        self.shown.join(path).display().to_string()
    }

    /// Writes the lock if it differs from the one that was read, and tells whether it did.
    ///
    /// # Errors
    /// A change that the command line forbids, or a file system that refuses.
    pub(crate) fn write_lock(&self, global: &Global, lock: &Lock) -> Result<bool, Error> {
        if *lock == self.lock {
            return Ok(false);
        }
        if global.locked() {
            let flag = if global.locked { "--locked" } else { "--frozen" };
            return Err(Error::Coded {
                code: Code::Locked,
                message: format!("`{flag}` forbids changing `{}`", self.shown(LOCK)),
                help: format!("run the command without `{flag}`, and commit the lock"),
            });
        }
        let (path, new) = (self.directory.join(LOCK), self.directory.join(".rescience.lock.new"));
        std::fs::write(&new, lock.to_string()).map_err(|error| Error::write(&new, &error))?;
        std::fs::rename(&new, &path).map_err(|error| Error::write(&path, &error))?;
        Ok(true)
    }

    /// The paper that a person means by `main` or `paper.main`; without a name, all of them.
    pub(crate) fn papers(&self, wanted: Option<&str>) -> Result<Vec<ActionIndex>, Error> {
        let known: Vec<String> =
            self.recipe.papers.keys().map(|name| format!("paper.{name}")).collect();
        let index = |name: &String| {
            let name = name.parse().expect("the recipe's names are names of actions");
            self.graph.index(&name).expect("the graph has an action for every paper")
        };
        let Some(wanted) = wanted else { return Ok(known.iter().map(index).collect()) };
        let wanted = format!("paper.{}", wanted.strip_prefix("paper.").unwrap_or(wanted));
        match known.iter().find(|name| **name == wanted) {
            Some(name) => Ok(vec![index(name)]),
            None => {
                let nearest = nearest(&wanted, known.iter().map(String::as_str));
                let nearest = nearest.map(str::to_owned);
                Err(UnknownTarget { pattern: wanted, nearest }.into())
            }
        }
    }

    /// The same, as execution wants it.
    pub(crate) fn as_built(&self) -> build::Project<'_> {
        build::Project { directory: &self.directory, recipe: &self.recipe, graph: &self.graph }
    }

    /// Every node, with all they need.
    pub(crate) fn everything(&self) -> Result<Selection, Error> {
        self.select(&["*".to_owned()])
    }

    /// The actions that these names and patterns mean, with all they need.
    pub(crate) fn select(&self, nodes: &[String]) -> Result<Selection, Error> {
        Ok(self.graph.select(nodes)?)
    }
}

fn locate(global: &Global, settings: &Settings) -> Result<PathBuf, Error> {
    if let Some(path) = &global.manifest_path {
        let path = settings.directory.join(path);
        if path.file_name().is_none_or(|name| name != RECIPE) {
            return Err(Error::usage(format!(
                "`--manifest-path` must be the path of a `{RECIPE}`, not `{}`",
                path.display()
            )));
        }
        return if path.is_file() { Ok(path) } else { Err(Error::NoRecipe { start: path }) };
    }
    let found =
        settings.directory.ancestors().map(|folder| folder.join(RECIPE)).find(|p| p.is_file());
    found.ok_or_else(|| Error::NoRecipe { start: settings.directory.clone() })
}

/// Opens the store and puts together what a build takes from outside. An unpacked bundle has a
/// store of its own.
pub(crate) fn host(
    global: &Global,
    settings: &Settings,
    jobs: Option<i64>,
    unpacked: Option<&Unpacked>,
) -> Result<Host, Error> {
    let (store, recorded, cache) = match unpacked {
        None => (Store::open(&settings.home.join("store"))?, Tools::new(), settings.home.clone()),
        Some(bundle) => {
            let (store, tools) = bundle.store(settings)?;
            (store, tools, bundle.home(settings))
        }
    };
    Ok(Host {
        store,
        cache: cache.join("cache"),
        recorded,
        absent: unpacked.map(Unpacked::absent).unwrap_or_default(),
        clock: settings.clock,
        supervisor: settings.binary.clone(),
        studio: std::sync::Arc::new(TypstStudio),
        toolchain_env: settings.toolchain.clone(),
        jobs: slots(jobs, settings.cpus)?,
        remote: None,
        push_fresh: false,
        require_cached: false,
        keep_going: false,
        offline: global.offline(),
        keep_failed: false,
        isolation: Isolation::Full,
        tools: settings.tools.clone(),
    })
}

/// `-j` as cargo reads it: a count, or how many fewer than there are CPUs.
fn slots(jobs: Option<i64>, cpus: usize) -> Result<usize, Error> {
    let cpus = i64::try_from(cpus).unwrap_or(1);
    match jobs {
        None => Ok(cpus.max(1) as usize),
        Some(0) => Err(Error::usage("`--jobs` may not be 0".to_owned())),
        Some(jobs) if jobs < 0 => Ok((cpus + jobs).max(1) as usize),
        Some(jobs) => Ok(jobs as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::slots;

    #[test]
    fn jobs_are_counted_as_cargo_counts_them() {
        assert_eq!(slots(None, 4).ok(), Some(4));
        assert_eq!(slots(Some(9), 4).ok(), Some(9));
        assert_eq!(slots(Some(-1), 4).ok(), Some(3));
        assert_eq!(slots(Some(-9), 4).ok(), Some(1));
        assert!(slots(Some(0), 4).is_err());
    }
}
