//! `rescience new` and `rescience init`: a project from a template.

use std::path::Path;

use crate::args::{Init, New, NewProject};
use crate::error::Error;
use crate::project::RECIPE;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::templates;

pub(crate) fn new(shell: &Shell, settings: &Settings, args: &New) -> Result<(), Error> {
    let target = settings.directory.join(&args.path);
    if target.exists() {
        return Err(Error::Other {
            message: format!("`{}` exists already", args.path.display()),
            help: Some("`rescience init` makes a project in an existing directory".to_owned()),
        });
    }
    create(shell, &target, &args.project)
}

pub(crate) fn init(shell: &Shell, settings: &Settings, args: &Init) -> Result<(), Error> {
    let target = settings.directory.join(&args.path);
    if target.join(RECIPE).exists() {
        let shown = args.path.display();
        return Err(Error::other(format!(
            "`{shown}` holds a {RECIPE} already; nothing was changed"
        )));
    }
    create(shell, &target, &args.project)
}

fn create(shell: &Shell, target: &Path, project: &NewProject) -> Result<(), Error> {
    let wanted = project.template.as_str();
    let template = templates::named(wanted).ok_or_else(|| Error::Other {
        message: format!("there is no template `{wanted}`"),
        help: Some(format!("there are: {}", templates::names().join(", "))),
    })?;
    let name = match &project.name {
        Some(name) => name.clone(),
        None => {
            let last = target.components().next_back();
            let last = last.map(|part| part.as_os_str().to_string_lossy().into_owned());
            templates::project_name(&last.unwrap_or_default())
        }
    };
    // Everything is checked before anything is written: a half-made project is nobody's wish.
    for (path, _) in template.files {
        let to = target.join(path);
        if to.exists() {
            return Err(Error::other(format!(
                "`{}` is in the way; nothing was changed",
                to.display()
            )));
        }
    }
    for (path, text) in template.files {
        let to = target.join(path);
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::write(folder, &error))?;
        }
        let text =
            if *path == RECIPE { templates::rename(text, &name) } else { (*text).to_owned() };
        std::fs::write(&to, text).map_err(|error| Error::write(&to, &error))?;
    }
    shell.status("Created", format_args!("project `{name}` from template `{wanted}`"));
    shell.status("Next", format_args!("rescience build -C {}", target.display()));
    Ok(())
}
