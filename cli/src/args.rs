//! What was typed: the command line as clap sees it, before anything is looked up.

mod exchange;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use rescience_exec::sandbox::Isolation;
use rescience_recipes::quantity;

pub(crate) use exchange::{Bundle, Fetch, Publish, Reproduce, Verify};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::BrightGreen.on_default().bold())
    .usage(AnsiColor::BrightGreen.on_default().bold())
    .literal(AnsiColor::BrightCyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// A research cargo: a number that no experiment produced does not compile.
#[derive(Debug, Parser)]
#[command(name = "rescience", version, styles = STYLES, disable_help_subcommand = false)]
#[command(
    after_help = "Exit status: 0 done, 1 wrong usage, 101 the recipe, the build or the store \
                        was found wrong.\nSee `rescience explain CODE` for every error code."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Say more: why things run, and what did not have to
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Change to DIRECTORY before doing anything
    #[arg(short = 'C', global = true, value_name = "DIRECTORY")]
    pub(crate) directory: Option<PathBuf>,
    /// Path to rescience.toml
    #[arg(long, global = true, value_name = "PATH", help_heading = "Recipe options")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// The profile to read the recipe with
    #[arg(long, global = true, value_name = "NAME", help_heading = "Recipe options")]
    pub(crate) profile: Option<String>,
    /// Refuse to change rescience.lock
    #[arg(long, global = true, help_heading = "Recipe options")]
    pub(crate) locked: bool,
    /// Do not use the network
    #[arg(long, global = true, help_heading = "Recipe options")]
    pub(crate) offline: bool,
    /// Both --locked and --offline
    #[arg(long, global = true, help_heading = "Recipe options")]
    pub(crate) frozen: bool,
}

impl Global {
    /// Whether rescience.lock must stay as it is.
    pub(crate) fn locked(&self) -> bool {
        self.locked || self.frozen
    }

    /// Whether the network is forbidden.
    pub(crate) fn offline(&self) -> bool {
        self.offline || self.frozen
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    Human,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make what is asked for: apply diffs, run experiments, draw figures, typeset papers
    #[command(visible_alias = "b")]
    Build(Build),
    /// Report everything wrong in the recipe and in the papers, without running an experiment
    ///
    /// A paper is typeset from what is made already; drawing its figures is all that runs, and
    /// nothing is recorded. A paper whose experiments are not made yet is named in a note, which
    /// is no error.
    #[command(visible_alias = "c")]
    Check(Check),
    /// Typeset a paper again whenever its text changes, until Ctrl-C
    ///
    /// Nothing runs: results are those of the last build, and if the recipe asks for others, it
    /// is said which.
    Watch(Watch),
    /// List, confirm and forget the entries of bibliographies
    ///
    /// A text can cite only entries that somebody confirmed: that the work exists, under the DOI
    /// or the arXiv id of the entry, and is what the entry says. rescience.lock records that.
    Cite(Cite),
    /// Show where a printed claim comes from: value, file, runs, machine, program, diff
    Trace(Trace),
    /// Create a project from a template, in a new directory
    New(New),
    /// Create a project from a template, in an existing directory
    Init(Init),
    /// Show what depends on what
    Tree(Tree),
    /// Say in one line each why a node would run, or what made it
    Why(Why),
    /// List what ran, failures included, or show one run's trace and output
    Log(Log),
    /// Print the graph, the keys and the artifacts as JSON
    Metadata(Metadata),
    /// Say what this machine offers and what is missing
    Doctor(Doctor),
    /// Remove out/ and all in it; the store keeps what its views show
    Clean(Clean),
    /// List, or delete, what no project needs any more
    Gc(Gc),
    /// Explain an error code
    Explain(Explain),
    /// Write a paper, and all it was made from, as one file that anybody can check
    Bundle(Bundle),
    /// Check every byte, trace and claim of a bundle, its unpacked folder, a project or a store
    ///
    /// Nothing is executed, and neither the network nor, for a bundle, a store is needed: every
    /// file against both lists of digests, every trace against its key, every key against the
    /// recipe, every figure, page and claim against what it was made from.
    Verify(Verify),
    /// Run experiments again, here, and judge whether what comes out is what was recorded
    ///
    /// Each metric is identical, within the recipe's tolerance, statistically indistinguishable
    /// over the seeds, different or missing; the report says how the machines differ. Nothing that
    /// was recorded takes part in the runs.
    Reproduce(Reproduce),
    /// Hand a bundle on: to a folder, a git repository, an OCI registry or Zenodo
    ///
    /// `dir:PATH`, `git:REMOTE[#BRANCH]`, `oci:REGISTRY/NAME:TAG`, `zenodo` or `zenodo:sandbox`. Every
    /// byte is verified first. For Zenodo, reserve a DOI with `--reserve`, and build and bundle again,
    /// so that the paper carries it. What is published there stays, so it asks before that; where
    /// nobody can be asked, nothing is sent without `--yes`.
    Publish(Publish),
    /// Get a bundle back, from where `publish` put it or from the web, and verify every byte
    Fetch(Fetch),
    /// Read the whole store and name every damaged object
    CheckStore(CheckStore),
    /// Print a completion script for a shell
    Completions(Completions),
}

impl Command {
    /// Whether the command was asked to speak JSON.
    pub(crate) fn json(&self) -> bool {
        let format = match self {
            Command::Build(args) => args.message_format,
            Command::Check(args) => args.message_format,
            Command::Doctor(args) => args.message_format,
            Command::Cite(args) => args.message_format,
            Command::Trace(args) => args.message_format,
            Command::Verify(args) => args.message_format,
            Command::Reproduce(args) => args.message_format,
            Command::Publish(args) => args.message_format,
            _ => MessageFormat::Human,
        };
        format == MessageFormat::Json
    }
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Nodes to make, by name (`paper.main`) or pattern (`experiment.*`); default: all papers
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
    /// Slots for concurrent work; negative: that many fewer than there are CPUs
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) jobs: Option<i64>,
    /// Go on with what does not depend on a failure
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Make nothing: fail, naming it, if something is in neither the store nor the shared results
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) require_cached: bool,
    /// Share what is found made as well, not only what is made now
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) push: bool,
    /// Leave the directories of failed runs in place
    #[arg(long)]
    pub(crate) keep_failed: bool,
    /// How well programs have to be shut in; what runs less well says so in the paper
    #[arg(long, value_name = "LEVEL", default_value = "full")]
    pub(crate) sandbox: SandboxLevel,
    /// Say what would run, and why, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The form of messages
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

/// How well programs have to be shut in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxLevel {
    /// Namespaces, a filter for system calls and limits, or nothing is started
    Full,
    /// Where namespaces are forbidden: Landlock, a filter for system calls and limits
    Partial,
    /// No isolation; limits hold, and every process ends with its run
    None,
}

/// A size as recipes have it: `64MiB`.
fn size(text: &str) -> Result<u64, String> {
    quantity::parse_size(text).ok_or_else(|| "expected a size such as `64MiB` or `2GB`".to_owned())
}

/// A duration as recipes have it: `1h30min`.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = quantity::parse_duration(text);
    parsed.ok_or_else(|| "expected a duration such as `10min` or `1h30min`".to_owned())
}

impl From<SandboxLevel> for Isolation {
    fn from(level: SandboxLevel) -> Isolation {
        match level {
            SandboxLevel::Full => Isolation::Full,
            SandboxLevel::Partial => Isolation::Partial,
            SandboxLevel::None => Isolation::None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The form of messages
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The paper, as `main` or `paper.main`; default: the only one
    pub(crate) paper: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Cite {
    #[command(subcommand)]
    pub(crate) command: CiteCommand,
    /// The form of messages
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CiteCommand {
    /// List the entries of all bibliographies, and which are confirmed
    List,
    /// Confirm entries: that each work exists and is what its entry says
    Confirm(CiteConfirm),
    /// Take back what was confirmed
    Forget(CiteForget),
}

#[derive(Debug, Args)]
pub(crate) struct CiteConfirm {
    /// Entries, by the key that the text cites
    #[arg(value_name = "KEY", required_unless_present = "all")]
    pub(crate) keys: Vec<String>,
    /// All entries of all bibliographies
    #[arg(long, conflicts_with = "keys")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CiteForget {
    /// Entries, by the key that the text cites
    #[arg(value_name = "KEY", required = true)]
    pub(crate) keys: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// A row of the ledger (`12`), a printed text (`2100 ± 40 steps`) or a path
    /// (`experiment.layerwise.steps_to_99`); default: list all claims
    pub(crate) claim: Option<String>,
    /// The paper, as `main` or `paper.main`; default: all
    #[arg(long, value_name = "NAME")]
    pub(crate) paper: Option<String>,
    /// The form of messages
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The directory to create
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) project: NewProject,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The directory; default: the current one
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) project: NewProject,
}

/// What a project is made from, wherever it is made.
#[derive(Debug, Args)]
pub(crate) struct NewProject {
    /// The project's name; default: the directory's
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The template to copy
    #[arg(long, default_value = "minimal")]
    pub(crate) template: String,
}

#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// Where to start; default: everything that nothing else needs
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
    /// Turn the tree around: what depends on NODE
    #[arg(short, long)]
    pub(crate) invert: bool,
    /// Show every run, not only how many there are
    #[arg(long)]
    pub(crate) runs: bool,
    /// How deep to go
    #[arg(long, value_name = "N")]
    pub(crate) depth: Option<usize>,
    /// Repeat what was shown already
    #[arg(long)]
    pub(crate) no_dedupe: bool,
    /// The characters to draw with
    #[arg(long, value_name = "SET", default_value = "utf8")]
    pub(crate) charset: Charset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Charset {
    Utf8,
    Ascii,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// A node (`paper.main`), a run (`experiment.x#0`) or a pattern; default: everything
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Show the newest trace of this action in full, with what it printed
    #[arg(value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// Only failures
    #[arg(long)]
    pub(crate) failed: bool,
    /// How many of the newest to list
    #[arg(short = 'n', long, value_name = "N", default_value_t = 30)]
    pub(crate) count: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Metadata {
    /// The version of the output's form; only 1 exists
    #[arg(long, value_name = "VERSION")]
    pub(crate) format_version: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The form of messages
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Say what would be removed, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Delete what is listed, rather than only list it
    #[arg(long)]
    pub(crate) delete: bool,
    /// Keep what is younger than this many days
    #[arg(long, value_name = "DAYS", default_value_t = 14)]
    pub(crate) grace: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A code such as RS0007; default: the list of all codes
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckStore {
    /// Read every byte, rather than only what changed since it was written
    #[arg(long)]
    pub(crate) read_data: bool,
    /// Drop damaged objects, so that the next build makes them again
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to print for
    pub(crate) shell: clap_complete::Shell,
}
