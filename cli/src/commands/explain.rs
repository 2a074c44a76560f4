//! `rescience explain`: what an error code means and what to do.

use rescience_recipes::Code;

use crate::args::Explain;
use crate::error::Error;
use crate::shell::Shell;

pub(crate) fn run(shell: &Shell, args: &Explain) -> Result<(), Error> {
    let Some(text) = &args.code else {
        for code in Code::ALL {
            shell.data(format_args!("{code}  {}", code.title()));
        }
        return Ok(());
    };
    let Some(code) = Code::parse(text) else {
        return Err(Error::Other {
            message: format!("`{text}` is not an error code"),
            help: Some("`rescience explain` lists them all; they look like RS0001".to_owned()),
        });
    };
    shell.data(code.explain().trim_end());
    Ok(())
}
