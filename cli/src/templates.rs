//! The projects that `rescience new` copies, as they stand in `templates/`.

use std::borrow::Cow;

/// A whole project, file by file.
pub(crate) struct Template {
    /// What `--template` calls it.
    pub(crate) name: &'static str,
    /// Path in the project, and content.
    pub(crate) files: &'static [(&'static str, &'static str)],
}

macro_rules! template {
    ($name:literal: $($file:literal),+ $(,)?) => {
        Template {
            name: $name,
            files: &[$((
                $file,
                include_str!(concat!("../../templates/", $name, "/", $file)),
            )),+],
        }
    };
}

const TEMPLATES: &[Template] = &[
    template!("minimal":
        ".gitignore",
        "rescience.toml",
        "experiment/estimate.sh",
        "paper/main.typ",
    ),
    template!("grokking":
        ".gitignore",
        "README.md",
        "rescience.lock",
        "diffs/layerwise.patch",
        "experiment/.gitignore",
        "experiment/Cargo.lock",
        "experiment/Cargo.toml",
        "experiment/clippy.toml",
        "experiment/rustfmt.toml",
        "experiment/src/config.rs",
        "experiment/src/data.rs",
        "experiment/src/error.rs",
        "experiment/src/main.rs",
        "experiment/src/metrics.rs",
        "experiment/src/model.rs",
        "experiment/src/ops/attention.rs",
        "experiment/src/ops/check.rs",
        "experiment/src/ops/cross_entropy.rs",
        "experiment/src/ops/embed.rs",
        "experiment/src/ops/gelu.rs",
        "experiment/src/ops/layer_norm.rs",
        "experiment/src/ops/linear.rs",
        "experiment/src/ops/math.rs",
        "experiment/src/ops/matmul.rs",
        "experiment/src/ops/mod.rs",
        "experiment/src/optim.rs",
        "experiment/src/rng.rs",
        "experiment/src/train.rs",
        "experiment/tests/threads.rs",
        "experiment/tests/tiny.json",
        "paper/main.typ",
        "paper/refs.bib",
        "rescience.toml",
    ),
];

pub(crate) fn named(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}

pub(crate) fn names() -> Vec<&'static str> {
    TEMPLATES.iter().map(|template| template.name).collect()
}

/// Makes a project name of a directory's: lower case, with `-` for what a name cannot hold.
pub(crate) fn project_name(directory: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = directory.chars().map(plain).collect();
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        format!("project-{name}").trim_end_matches('-').to_owned()
    }
}

/// A template's recipe under another project's name; everything else stays as it was written.
pub(crate) fn rename(recipe: &str, name: &str) -> String {
    let mut renamed = false;
    let line = |line: &str| -> String {
        if !renamed && line.starts_with("name = ") {
            renamed = true;
            return format!("name = \"{name}\"\n");
        }
        line.to_owned()
    };
    recipe.split_inclusive('\n').map(line).map(Cow::<str>::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gives_a_name() {
        assert_eq!(project_name("My Paper"), "my-paper");
        assert_eq!(project_name("2026"), "project-2026");
        assert_eq!(project_name(""), "project");
    }

    #[test]
    fn renaming_touches_one_line() {
        let recipe = "[project]\nname = \"minimal\"\n[x]\nname = \"other\"\n";
        let renamed = "[project]\nname = \"mine\"\n[x]\nname = \"other\"\n";
        assert_eq!(rename(recipe, "mine"), renamed);
    }

    /// A file that git tracks in a template and that nobody listed would be missing in new projects.
    #[test]
    fn no_file_of_a_template_is_forgotten() {
        for template in TEMPLATES {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/");
            let root = std::path::Path::new(root).join(template.name);
            let mut folders = vec![root.clone()];
            let mut found = Vec::new();
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                    let inside = entry.path().strip_prefix(&root).unwrap().display().to_string();
                    let made = inside == "out" || inside.ends_with("target");
                    match entry.file_type().unwrap().is_dir() {
                        true if made => {}
                        true => folders.push(entry.path()),
                        false => found.push(inside),
                    }
                }
            }
            let mut listed: Vec<_> = template.files.iter().map(|(path, _)| *path).collect();
            listed.sort_unstable();
            found.sort();
            assert_eq!(listed, found, "{}", template.name);
        }
    }
}
