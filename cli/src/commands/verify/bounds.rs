//! What it may cost to judge a bundle, whose text and numbers may be a stranger's: its pages are made
//! again in a process that may need only so much.

use std::ffi::OsString;

use rescience_exec::bounded::{self, Ended};
use rescience_recipes::quantity;

use crate::args::{ColorChoice, Global, MessageFormat, Verify};
use crate::error::Error;
use crate::settings::Settings;

/// Checks a bundle in a process of its own.
///
/// # Errors
/// What was found, which it has said, or that it needed more than it may.
pub(super) fn check(global: &Global, settings: &Settings, args: &Verify) -> Result<(), Error> {
    let arguments = arguments(global, args);
    let ended = bounded::run(&settings.binary, &settings.directory, &arguments)
        .map_err(|error| Error::read(&settings.binary, &error))?;
    let (time, memory) =
        (quantity::show_duration(args.time_limit), quantity::show_size(args.memory_limit));
    let why = match ended {
        Ended::Code(0) => return Ok(()),
        Ended::Code(code) => return Err(Error::Said(u8::try_from(code).unwrap_or(u8::MAX))),
        Ended::Overtime => format!("its pages take more than {time} to be made again"),
        Ended::Signal(signal) => {
            format!("signal {signal} ended this; {memory} of memory may be too little for it")
        }
    };
    Err(Error::Other {
        message: format!("`{}` was not checked to the end: {why}", args.path.display()),
        help: Some("`--time-limit` and `--memory-limit` grant more".to_owned()),
    })
}

/// The same command, which holds the limits itself.
fn arguments(global: &Global, args: &Verify) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["verify".into(), "--bounded".into()];
    let mut flag = |given: bool, flag: &str| arguments.extend(given.then(|| flag.into()));
    flag(global.verbose, "--verbose");
    flag(global.quiet, "--quiet");
    flag(global.color == ColorChoice::Always, "--color=always");
    flag(global.color == ColorChoice::Never, "--color=never");
    flag(args.other_versions, "--other-versions");
    flag(args.full, "--full");
    flag(args.message_format == MessageFormat::Json, "--message-format=json");
    if let Some(file) = &args.allowed_signers {
        arguments.extend(["--allowed-signers".into(), file.into()]);
    }
    let (time, memory) =
        (quantity::show_duration(args.time_limit), quantity::show_size(args.memory_limit));
    arguments.extend(["--time-limit".into(), time.into(), "--memory-limit".into(), memory.into()]);
    arguments.extend(["--".into(), args.path.clone().into()]);
    arguments
}
