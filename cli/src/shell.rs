//! The terminal: cargo's status verbs on stderr, data on stdout, one progress line below.

use std::fmt::Display;
use std::io::IsTerminal as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// What happens.
    Normal,
    /// And why, and what did not have to happen.
    Verbose,
}

/// Named channels to the person at the terminal.
pub(crate) struct Shell {
    verbosity: Verbosity,
    bar: Option<ProgressBar>,
}

const HEADER: Style = AnsiColor::BrightGreen.on_default().bold();
const NOTE: Style = AnsiColor::BrightCyan.on_default().bold();
const WARNING: Style = AnsiColor::BrightYellow.on_default().bold();
const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
/// The emphasis of names within a line.
pub(crate) const STRONG: Style = Style::new().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

impl Shell {
    pub(crate) fn new(verbosity: Verbosity) -> Shell {
        Shell { verbosity, bar: None }
    }

    pub(crate) fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    pub(crate) fn verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    /// `   Compiling grokking`: a thing that happens, in green.
    pub(crate) fn status(&self, verb: &str, message: impl Display) {
        self.line(Verbosity::Normal, HEADER, verb, message);
    }

    /// `    Blocking waiting for ...`: a thing to know about what happens, in cyan.
    pub(crate) fn note_status(&self, verb: &str, message: impl Display) {
        self.line(Verbosity::Normal, NOTE, verb, message);
    }

    /// A status that only `-v` shows.
    pub(crate) fn detail(&self, verb: &str, message: impl Display) {
        self.line(Verbosity::Verbose, HEADER, verb, message);
    }

    fn line(&self, from: Verbosity, style: Style, verb: &str, message: impl Display) {
        if self.verbosity >= from {
            self.eprint(format_args!("{style}{verb:>12}{style:#} {message}"));
        }
    }

    pub(crate) fn warning(&self, message: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.eprint(format_args!("{WARNING}warning{WARNING:#}{STRONG}:{STRONG:#} {message}"));
        }
    }

    /// Something to know that is neither an error nor about to become one.
    pub(crate) fn note(&self, message: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.eprint(format_args!("{NOTE}note{NOTE:#}{STRONG}:{STRONG:#} {message}"));
        }
    }

    /// Without a code; what has one is a diagnostic.
    pub(crate) fn error(&self, message: impl Display) {
        self.eprint(format_args!("{ERROR}error{ERROR:#}{STRONG}:{STRONG:#} {message}"));
    }

    /// Text that has its own form already, such as a rendered diagnostic.
    pub(crate) fn raw(&self, text: impl Display) {
        self.eprint(format_args!("{text}"));
    }

    fn eprint(&self, text: std::fmt::Arguments<'_>) {
        match &self.bar {
            Some(bar) => bar.suspend(|| anstream::eprintln!("{text}")),
            None => anstream::eprintln!("{text}"),
        }
    }

    /// Data, on stdout. A closed pipe is no error: the reader has seen enough.
    pub(crate) fn data(&self, line: impl Display) {
        use std::io::Write as _;
        let write = || writeln!(anstream::stdout(), "{line}");
        let written = match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        if written.is_err() {
            std::process::exit(0);
        }
    }

    /// Asks a person who sits at a terminal; where nobody does, and by default, the answer is no.
    pub(crate) fn ask(&self, question: &str) -> bool {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return false;
        }
        anstream::eprint!("{STRONG}{question}{STRONG:#} [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Shows a bar of `len` actions, unless quiet, in CI or not at a terminal.
    pub(crate) fn start_bar(&mut self, len: usize, allowed: bool) {
        if !allowed || self.verbosity == Verbosity::Quiet || !std::io::stderr().is_terminal() {
            return;
        }
        let bar =
            ProgressBar::with_draw_target(Some(len as u64), ProgressDrawTarget::stderr_with_hz(10));
        let style = ProgressStyle::with_template(
            "{prefix:>12.cyan.bold} [{bar:28}] {pos}/{len}: {wide_msg}",
        );
        bar.set_style(style.expect("the template is well-formed").progress_chars("=> "));
        bar.set_prefix("Building");
        bar.enable_steady_tick(Duration::from_millis(500));
        self.bar = Some(bar);
    }

    pub(crate) fn advance_bar(&self, done: usize, message: String) {
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            bar.set_message(message);
        }
    }

    pub(crate) fn stop_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
