//! `rescience clean`: remove the views below `out/`.

use rescience_exec::views;

use crate::args::{Clean, Global};
use crate::error::Error;
use crate::project::Project;
use crate::settings::Settings;
use crate::shell::Shell;

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Clean,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    let folder = project.directory.join(views::FOLDER);
    let count = views::paths(&project.directory).len();
    if !folder.exists() {
        shell.status("Removed", "nothing: there is no out/");
        return Ok(());
    }
    let views = format!("{count} view{} in out/", if count == 1 { "" } else { "s" });
    if args.dry_run {
        shell.status("Would remove", views);
        return Ok(());
    }
    std::fs::remove_dir_all(&folder).map_err(|error| Error::write(&folder, &error))?;
    shell.status(
        "Removed",
        format_args!("{views}; `rescience build` brings them back without a run"),
    );
    Ok(())
}
