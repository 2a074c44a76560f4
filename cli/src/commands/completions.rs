//! `rescience completions`: a script for a shell.

use clap::CommandFactory as _;

use crate::args::{Cli, Completions};
use crate::error::Error;
use crate::shell::Shell;

pub(crate) fn run(shell: &Shell, args: &Completions) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rescience", &mut script);
    shell.data(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
