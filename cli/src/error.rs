//! What a command can fail with, and the one place where each is given its code, advice and exit.

use std::path::{Path, PathBuf};

use rescience_bundle::BundleError;
use rescience_exchange::ExchangeError;
use rescience_recipes::{Code, Diagnostics, UnknownTarget};
use rescience_sign::SignError;
use rescience_store::StoreError;

use crate::shell::Shell;
use crate::{diagnostics, exit};

/// Why a command stopped.
pub(crate) enum Error {
    /// The command line asks for something that cannot be meant.
    Usage(String),
    /// There is no recipe here or above.
    NoRecipe { start: PathBuf },
    /// The recipe or its inputs are wrong.
    Recipe(Box<Diagnostics>),
    /// A name on the command line that the recipe does not have.
    Target(UnknownTarget),
    /// The store says no.
    Store(StoreError),
    /// A bundle cannot be written or read.
    Bundle(BundleError),
    /// A key that cannot sign, or a signature that does not count.
    Sign(SignError),
    /// A bundle that could not be handed on or got back.
    Exchange(ExchangeError),
    /// Something that `rescience explain` says more about.
    Coded { code: Code, message: String, help: String },
    /// Anything else, in words, with advice.
    Other { message: String, help: Option<String> },
    /// What was asked for failed, and has said so.
    Build,
    /// A process of ours failed with this exit code, and has said so.
    Said(u8),
    /// Ctrl-C.
    Interrupted,
}

impl Error {
    pub(crate) fn usage(message: String) -> Error {
        Error::Usage(message)
    }

    pub(crate) fn other(message: impl Into<String>) -> Error {
        Error::Other { message: message.into(), help: None }
    }

    pub(crate) fn read(path: &Path, error: &std::io::Error) -> Error {
        Error::other(format!("cannot read `{}`: {error}", path.display()))
    }

    pub(crate) fn write(path: &Path, error: &std::io::Error) -> Error {
        Error::other(format!("cannot write `{}`: {error}", path.display()))
    }

    /// In a few words, for a message about something else.
    pub(crate) fn words(&self) -> String {
        match self {
            Error::Usage(message) | Error::Coded { message, .. } | Error::Other { message, .. } => {
                message.clone()
            }
            Error::NoRecipe { start } => format!("no recipe in `{}`", start.display()),
            Error::Recipe(found) => {
                let first = found.items.first();
                first.map_or_else(String::new, |diagnostic| diagnostic.message.clone())
            }
            Error::Target(unknown) => format!("the recipe has no `{}`", unknown.pattern),
            Error::Store(error) => error.to_string(),
            Error::Bundle(error) => error.to_string(),
            Error::Sign(error) => error.to_string(),
            Error::Exchange(error) => error.to_string(),
            Error::Build => "the build failed".to_owned(),
            Error::Said(code) => format!("it failed with code {code}"),
            Error::Interrupted => "interrupted".to_owned(),
        }
    }

    /// Tells the person, and returns the exit code.
    pub(crate) fn report(&self, shell: &Shell, json: bool) -> u8 {
        match self {
            Error::Usage(message) => {
                shell.error(message);
                return exit::USAGE;
            }
            Error::NoRecipe { start } => {
                let message = format!("no `rescience.toml` in `{}`", start.display());
                coded(shell, Code::NoRecipe, &format!("{message} or any directory above it"));
                help(
                    shell,
                    "`rescience init` makes one here, `rescience new DIR` elsewhere; `-C DIR` goes there first",
                );
            }
            Error::Recipe(found) => {
                if json {
                    for diagnostic in &found.items {
                        shell.data(diagnostics::json(found, diagnostic));
                    }
                }
                diagnostics::show(shell, found);
            }
            Error::Target(unknown) => {
                coded(
                    shell,
                    Code::UnknownTarget,
                    &format!("the recipe has no `{}`", unknown.pattern),
                );
                match &unknown.nearest {
                    Some(nearest) => help(shell, &format!("did you mean `{nearest}`?")),
                    None => help(shell, "`rescience tree` shows what there is"),
                }
            }
            Error::Store(error) => shell.error(format_args!("the store: {error}")),
            Error::Bundle(error) => shell.error(error),
            Error::Sign(error) => shell.error(error),
            Error::Exchange(error) => shell.error(error),
            Error::Coded { code, message, help: advice } => {
                if json {
                    shell.data(diagnostics::bare(*code, message, advice));
                }
                coded(shell, *code, message);
                help(shell, advice);
            }
            Error::Other { message, help: advice } => {
                shell.error(message);
                if let Some(advice) = advice {
                    help(shell, advice);
                }
            }
            Error::Build => {}
            Error::Said(code) => return *code,
            Error::Interrupted => {
                shell.error("interrupted; what was finished is kept");
                return exit::INTERRUPTED;
            }
        }
        exit::FAILED
    }
}

fn coded(shell: &Shell, code: Code, message: &str) {
    use annotate_snippets::{Group, Level, Renderer};
    let title = Level::ERROR.primary_title(message).id(code.to_string());
    shell.raw(Renderer::styled().render(&[Group::with_title(title)]));
}

fn help(shell: &Shell, advice: &str) {
    shell.raw(format_args!(
        "  {}= help:{} {advice}",
        crate::shell::STRONG.render(),
        crate::shell::STRONG.render_reset()
    ));
}

impl From<Diagnostics> for Error {
    fn from(found: Diagnostics) -> Error {
        Error::Recipe(Box::new(found))
    }
}

impl From<UnknownTarget> for Error {
    fn from(unknown: UnknownTarget) -> Error {
        Error::Target(unknown)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        Error::Store(error)
    }
}

impl From<SignError> for Error {
    fn from(error: SignError) -> Error {
        Error::Sign(error)
    }
}

impl From<ExchangeError> for Error {
    fn from(error: ExchangeError) -> Error {
        match error {
            ExchangeError::Bundle(error) => error.into(),
            other => Error::Exchange(other),
        }
    }
}

impl From<BundleError> for Error {
    fn from(error: BundleError) -> Error {
        match error {
            BundleError::Refused { .. } => Error::Coded {
                code: Code::BadBundle,
                message: error.to_string(),
                help: "nothing in it was used; fetch it again".to_owned(),
            },
            other => Error::Bundle(other),
        }
    }
}
