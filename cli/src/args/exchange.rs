//! What was typed of what is handed on: bundles, their checks, and where they go.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{MessageFormat, SandboxLevel, duration, size};

#[derive(Debug, Args)]
pub(crate) struct Bundle {
    /// The paper, as `main` or `paper.main`; default: all
    pub(crate) paper: Option<String>,
    /// Where to write it; default: out/NAME-VERSION.zip
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Leave out files of this size and above that no page is made from: large sources, and what
    /// runs and builds made beside their results
    #[arg(long, value_name = "SIZE", num_args = 0..=1, require_equals = true,
          default_missing_value = "1MiB", value_parser = size)]
    pub(crate) thin: Option<u64>,
    /// Sign it with this SSH key: a private key, or a public one that the ssh-agent has
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Option<PathBuf>,
}

/// What a bundle may take to be checked unless more is granted: far more than papers need.
const VERIFY_TIME: &str = "10min";
const VERIFY_MEMORY: &str = "8GiB";

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A bundle, the folder it was unpacked to, a project, a paper's PDF, or a store
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// Who may sign, in the form of ssh-keygen; then one of them has to have signed the bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) allowed_signers: Option<PathBuf>,
    /// Take the pages and documents of a bundle that another version of rescience wrote as they are,
    /// since this one cannot make them again to compare
    #[arg(long)]
    pub(crate) other_versions: bool,
    /// Compare the SHA-256 digests of all of a bundle's files, not only of the smallest 32 MiB
    #[arg(long)]
    pub(crate) full: bool,
    /// How long a bundle's pages may take to be made again
    #[arg(long, value_name = "TIME", default_value = VERIFY_TIME, value_parser = duration)]
    pub(crate) time_limit: Duration,
    /// How much memory it may take to check a bundle
    #[arg(long, value_name = "SIZE", default_value = VERIFY_MEMORY, value_parser = verify_memory)]
    pub(crate) memory_limit: u64,
    /// Hold these limits in this process
    #[arg(long, hide = true)]
    pub(crate) bounded: bool,
    /// The form of messages
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

impl Verify {
    /// The check of a bundle that something else relies on, whichever version wrote it.
    pub(crate) fn relied_on(path: PathBuf, message_format: MessageFormat) -> Verify {
        Verify {
            path,
            allowed_signers: None,
            other_versions: true,
            full: false,
            time_limit: duration(VERIFY_TIME).expect("it is a duration"),
            memory_limit: size(VERIFY_MEMORY).expect("it is a size"),
            bounded: false,
            message_format,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// A project, a bundle, or the folder that one was unpacked to
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// Only what this node needs, by name or pattern; may be given several times
    #[arg(long, value_name = "NODE")]
    pub(crate) only: Vec<String>,
    /// So many seeds of each experiment, instead of as many as the recipe says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: Option<u32>,
    /// Sign the verdict with this SSH key: a private key, or a public one that the ssh-agent has
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Option<PathBuf>,
    /// The folder for the report; default: out/reproduction, for a file: reproduction
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Slots for concurrent work; negative: that many fewer than there are CPUs
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) jobs: Option<i64>,
    /// How well programs have to be shut in
    #[arg(long, value_name = "LEVEL", default_value = "full")]
    pub(crate) sandbox: SandboxLevel,
    /// The form of messages
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The bundle; default: the one that `rescience bundle` writes, out/NAME-VERSION.zip
    pub(crate) file: Option<PathBuf>,
    /// Where to
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: String,
    /// The tag in a git repository; default: v and the version
    #[arg(long, value_name = "NAME")]
    pub(crate) tag: Option<String>,
    /// Take the place of what is there under the same name
    #[arg(long)]
    pub(crate) replace: bool,
    /// Reserve a DOI on Zenodo, write it to the recipe, and stop
    #[arg(long, conflicts_with_all = ["file", "replace", "yes"])]
    pub(crate) reserve: bool,
    /// Do what cannot be undone without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Say what would be sent, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The form of messages
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// A path, `git:REMOTE[#BRANCH]`, `oci:REGISTRY/NAME:TAG`, or an address with `https:`
    pub(crate) from: String,
    /// The folder to put it in; default: the current one
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Take the place of what is there under the same name
    #[arg(long)]
    pub(crate) replace: bool,
}

/// Memory to check a bundle with: below this much not even its threads start.
fn verify_memory(text: &str) -> Result<u64, String> {
    match size(text)? {
        bytes if bytes < 16 << 20 => Err("expected at least `16MiB`".to_owned()),
        bytes => Ok(bytes),
    }
}
