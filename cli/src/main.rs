//! rescience, a research cargo: a number that no experiment produced does not compile.
//!
//! # The map
//!
//! A command reads the recipe and hands it down a chain of types, each of which consumes the one
//! before: [`Recipe`](rescience_recipes::Recipe) → [`Graph`](rescience_recipes::Graph) →
//! [`Plan`](rescience_recipes::Plan) → [`Report`](rescience_exec::build::Report).
//!
//! | crate | does | must not know |
//! |---|---|---|
//! | `rescience` (here) | commands, terminal, settings: the only code that prints or reads the environment | |
//! | [`rescience_typst_papers`] | artifacts in, PDF and SVG out | directories, clocks, processes, recipes |
//! | [`rescience_exec`] | starts processes, measures the machine, schedules | terminals, typst |
//! | [`rescience_recipes`] | text to graph to keys to plan | files, time, async: it is pure |
//! | [`rescience_store`] | bytes in, digests out; traces, locks, collection | recipes, typst |
//! | [`rescience_bundle`] | a paper's closure as one zip: written, read, checked | recipes, the store |
//! | [`rescience_provenance`] | what a bundle tells other tools: RO-Crate, SLSA, citations | recipes, the store: it is pure |
//! | [`rescience_sign`] | signatures with SSH keys, and the statements that they are under | recipes, the store |
//! | [`rescience_cache`] | results that several people share: a folder, S3, an OCI registry | recipes, the terminal |
//! | [`rescience_exchange`] | bundles to folders, git, OCI registries and Zenodo, and back | recipes, the store, the terminal |
//! | [`rescience_digest`] | names for bytes; the encoding behind keys | everything of ours |
//!
//! Start reading at [`commands::build`], then [`rescience_exec::build`] (the dispatcher), then
//! [`rescience_recipes::key`] (what enters a key and what is kept out).
//!
//! # Who owns which file on the user's disk
//!
//! | file | owner |
//! |---|---|
//! | `rescience.toml` | [`rescience_recipes`] reads it; [`templates`] writes the first one |
//! | `rescience.lock` | [`rescience_recipes::lock`] says its form; `rescience cite` writes it |
//! | `out/` | [`rescience_exec::views`]; `rescience watch` through [`rescience_exec::proof`] |
//! | `$RESCIENCE_HOME/store/` | [`rescience_store::Store`], which draws its tree |
//! | `$RESCIENCE_HOME/cache/stat/` | [`rescience_store::StatCache`] |
//! | `$RESCIENCE_HOME/cache/traces-v1/` | [`rescience_store::TraceIndex`] |
//! | `$RESCIENCE_HOME/cache/still-v1/` | [`rescience_exec::still`] |
//! | `$RESCIENCE_HOME/cache/cargo/` | [`rescience_exec::cargo`] |
//! | `$RESCIENCE_HOME/cache/failed/` | runs kept by `--keep-failed`; safe to delete |
//! | `$RESCIENCE_HOME/cache/toolchain` | [`rescience_exec::toolchain`] |

use std::process::ExitCode;

use clap::Parser as _;
use rescience_exec::supervisor;

mod account;
mod args;
mod commands;
mod console;
mod diagnostics;
mod drive;
mod error;
mod exit;
mod left_out;
mod project;
mod remote;
mod settings;
mod shell;
mod signing;
mod studio;
mod templates;
mod unpacked;

use args::{Cli, ColorChoice, Command};
use error::Error;
use settings::Settings;
use shell::{Shell, Verbosity};

fn main() -> ExitCode {
    // A supervised run is this binary again; it must not pay for a command line.
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == supervisor::ARGUMENT) {
        return supervisor::main(args);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, and are no errors.
            let code = if error.use_stderr() { exit::USAGE } else { exit::OK };
            error.print().ok();
            return code.into();
        }
    };
    match cli.global.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    let mut shell = Shell::new(match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    });
    let json = cli.command.json();
    match run(&cli, &mut shell) {
        Ok(()) => exit::OK.into(),
        Err(error) => {
            shell.stop_bar();
            error.report(&shell, json).into()
        }
    }
}

fn run(cli: &Cli, shell: &mut Shell) -> Result<(), Error> {
    let mut settings = Settings::from_environment().map_err(Error::usage)?;
    if let Some(directory) = &cli.global.directory {
        settings.directory = settings.directory.join(directory);
        if !settings.directory.is_dir() {
            let shown = directory.display();
            return Err(Error::usage(format!("`-C {shown}`: there is no such directory")));
        }
    }
    let (global, settings) = (&cli.global, &settings);
    match &cli.command {
        Command::Build(args) => commands::build::run(shell, global, settings, args),
        Command::Check(args) => commands::check::run(shell, global, settings, args),
        Command::Watch(args) => commands::watch::run(shell, global, settings, args),
        Command::Cite(args) => commands::cite::run(shell, global, settings, args),
        Command::Trace(args) => commands::trace::run(shell, global, settings, args),
        Command::New(args) => commands::new::new(shell, settings, args),
        Command::Init(args) => commands::new::init(shell, settings, args),
        Command::Tree(args) => commands::tree::run(shell, global, settings, args),
        Command::Why(args) => commands::why::run(shell, global, settings, args),
        Command::Log(args) => commands::log::run(shell, global, settings, args),
        Command::Metadata(args) => commands::metadata::run(shell, global, settings, args),
        Command::Doctor(args) => commands::doctor::run(shell, global, settings, args),
        Command::Clean(args) => commands::clean::run(shell, global, settings, args),
        Command::Gc(args) => commands::gc::run(shell, settings, args),
        Command::Explain(args) => commands::explain::run(shell, args),
        Command::Bundle(args) => commands::bundle::run(shell, global, settings, args),
        Command::Verify(args) => commands::verify::run(shell, global, settings, args),
        Command::Reproduce(args) => commands::reproduce::run(shell, global, settings, args),
        Command::Publish(args) => commands::publish::run(shell, global, settings, args),
        Command::Fetch(args) => commands::fetch::run(shell, global, settings, args),
        Command::CheckStore(args) => commands::check_store::run(shell, settings, args),
        Command::Completions(args) => commands::completions::run(shell, args),
    }
}
