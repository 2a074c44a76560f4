//! Cargo's configuration: what builds get of the user's own, and what a source may not bring.

use std::fs;
use std::io;
use std::path::Path;

use toml::{Table, Value};

use super::{CargoError, at};

/// The names that cargo gives the file; the first is taken if there are both.
const NAMES: [&str; 2] = ["config", "config.toml"];

/// What of `[source.NAME]` says where crates are.
const SOURCE: [&str; 8] =
    ["replace-with", "registry", "directory", "local-registry", "git", "branch", "tag", "rev"];

/// Keys by which a source would put other code in the place of what its lock names.
const REPLACING: [&str; 4] = ["source", "paths", "patch", "include"];

/// Variables of `[env]` by which it would change the tools instead.
const TOOLS: [&str; 4] = ["LD_", "RUSTC", "CARGO", "PATH"];

/// What the configuration in cargo's home says of registries and of what replaces them. All else
/// stays out: tokens, programs to start, and settings that no key of a program would name.
pub(super) fn of_home(home: &Path) -> Result<String, CargoError> {
    let Some(path) = NAMES.iter().map(|name| home.join(name)).find(|path| path.exists()) else {
        return Ok(String::new());
    };
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    // The complaint of the parser would quote the line, which may hold a token.
    let table: Table = toml::from_str(&text)
        .map_err(|_| CargoError::Settings { path: path.clone(), why: "is no TOML".to_owned() })?;
    Ok(registries(&table).to_string())
}

fn registries(all: &Table) -> Table {
    let mut kept = Table::new();
    for (section, keys) in [("registries", &["index"][..]), ("source", &SOURCE)] {
        let mut entries = Table::new();
        for (name, entry) in all.get(section).and_then(Value::as_table).into_iter().flatten() {
            let entry = entry.as_table().into_iter().flatten();
            let public =
                entry.filter(|(key, value)| keys.contains(&key.as_str()) && !secret(value));
            let public: Table = public.map(|(key, value)| (key.clone(), value.clone())).collect();
            if !public.is_empty() {
                entries.insert(name.clone(), public.into());
            }
        }
        if !entries.is_empty() {
            kept.insert(section.to_owned(), entries.into());
        }
    }
    if let Some(default) = all.get("registry").and_then(|registry| registry.get("default")) {
        kept.insert(
            "registry".to_owned(),
            Table::from_iter([("default".to_owned(), default.clone())]).into(),
        );
    }
    kept
}

/// Whether an address holds a user's name or a token.
fn secret(value: &Value) -> bool {
    let Some((_, rest)) = value.as_str().and_then(|text| text.split_once("://")) else {
        return !value.is_str();
    };
    rest.split('/').next().is_some_and(|authority| authority.contains('@'))
}

/// Refuses a source whose own configuration would have cargo compile other code than its lock
/// names, or with other tools. Keys that do neither stay.
pub(super) fn check(source: &Path) -> Result<(), CargoError> {
    let folder = source.join(".cargo");
    for path in [folder.clone()].into_iter().chain(NAMES.map(|name| folder.join(name))) {
        let shown = || path.strip_prefix(source).unwrap_or(&path).to_path_buf();
        let refused = |why: String| CargoError::Settings { path: shown(), why };
        let meta = match path.symlink_metadata() {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at(&path)(error)),
        };
        if path == folder && meta.is_dir() {
            continue;
        }
        if path == folder || !meta.is_file() {
            // A link would be followed here to where the build does not get.
            return Err(refused("is not what its name says; put the file itself there".to_owned()));
        }
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let table =
            toml::from_str(&text).map_err(|error| refused(format!("is no TOML: {error}")))?;
        if let Some(key) = forbidden(&table) {
            return Err(refused(format!(
                "has the key `{key}`, by which other code could be compiled than Cargo.lock names; \
                 remove it"
            )));
        }
    }
    Ok(())
}

/// The first key that [`check`] refuses.
fn forbidden(settings: &Table) -> Option<String> {
    if let Some(key) = REPLACING.iter().find(|key| settings.contains_key(**key)) {
        return Some((*key).to_owned());
    }
    let section = |name| settings.get(name).and_then(Value::as_table).into_iter().flatten();
    if let Some((name, _)) =
        section("env").find(|(name, _)| TOOLS.iter().any(|start| name.starts_with(start)))
    {
        return Some(format!("env.{name}"));
    }
    section("target").find_map(|(target, settings)| {
        // A table stands for a library's build script, and is used instead of running it.
        let mut keys = settings.as_table()?.iter();
        let (key, _) = keys.find(|(key, value)| *key == "linker" || value.is_table())?;
        Some(format!("target.{target}.{key}"))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn builds_get_registries_and_no_secrets() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(of_home(home.path()).unwrap(), "");
        let text = r#"
[registry]
default = "mine"
token = "SECRET"
global-credential-providers = ["cargo:token SECRET"]
[registries.mine]
index = "sparse+https://example.org/index/"
token = "SECRET"
[registries.other]
index = "https://user:SECRET@example.org/git"
[source.crates-io]
replace-with = "mirror"
[source.mirror]
registry = "sparse+https://mirror.example.org/"
[source.private]
git = "https://SECRET@example.org/x"
[net]
git-fetch-with-cli = true
[build]
rustc-wrapper = "sccache"
[env]
KEY = "SECRET"
"#;
        fs::write(home.path().join("config.toml"), text).unwrap();
        let kept = of_home(home.path()).unwrap();
        assert!(!kept.contains("SECRET"), "{kept}");
        let expected = r#"
registry.default = "mine"
registries.mine.index = "sparse+https://example.org/index/"
source.crates-io.replace-with = "mirror"
source.mirror.registry = "sparse+https://mirror.example.org/"
"#;
        let table = |text: &str| toml::from_str::<Table>(text).unwrap();
        assert_eq!(table(&kept), table(expected));
        fs::write(home.path().join("config.toml"), "token = SECRET").unwrap();
        let why = of_home(home.path()).unwrap_err().to_string();
        assert!(why.ends_with("config.toml is no TOML"), "{why}");
    }

    #[test]
    fn a_source_brings_no_other_code() {
        let source = tempfile::tempdir().unwrap();
        let (folder, file) =
            (source.path().join(".cargo"), source.path().join(".cargo/config.toml"));
        check(source.path()).unwrap();
        fs::create_dir(&folder).unwrap();
        check(source.path()).unwrap();
        for (text, key) in [
            ("[source.crates-io]\nreplace-with = \"x\"", "source"),
            ("paths = [\"other\"]", "paths"),
            ("[patch.crates-io]\nserde = { path = \"x\" }", "patch"),
            ("include = \"other.toml\"", "include"),
            ("[env]\nLD_PRELOAD = \"x\"", "env.LD_PRELOAD"),
            (
                "[target.x86_64-unknown-linux-gnu]\nlinker = \"x\"",
                "target.x86_64-unknown-linux-gnu.linker",
            ),
            ("[target.'cfg(unix)'.z]\nrustc-link-lib = [\"z\"]", "target.cfg(unix).z"),
        ] {
            fs::write(&file, text).unwrap();
            let why = check(source.path()).unwrap_err().to_string();
            let start = format!(".cargo/config.toml has the key `{key}`, by which other code");
            assert!(why.starts_with(&start), "{why}");
        }
        let harmless = "[alias]\nb = \"build\"\n[profile.release]\nlto = true\n[env]\nN = \"1\"\n\
                        [target.x]\nrunner = \"y\"\nrustflags = [\"-O\"]\n";
        fs::write(&file, harmless).unwrap();
        check(source.path()).unwrap();
        fs::remove_file(&file).unwrap();
        symlink("/etc/passwd", &file).unwrap();
        let why = check(source.path()).unwrap_err().to_string();
        assert!(why.starts_with(".cargo/config.toml is not what its name says"), "{why}");
        fs::remove_file(&file).unwrap();
        fs::remove_dir(&folder).unwrap();
        symlink("/etc", &folder).unwrap();
        let why = check(source.path()).unwrap_err().to_string();
        assert!(why.starts_with(".cargo is not what its name says"), "{why}");
    }
}
