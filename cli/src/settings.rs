//! The environment, read once: everything below the command line is told, and looks nothing up.

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use rescience_exec::clock::Clock;

/// Variables that rescience itself reads.
mod variable {
    /// Where the store and the caches live. Default: `rescience` in the platform's data directory.
    pub(super) const HOME: &str = "RESCIENCE_HOME";
    /// A fixed UTC time for every date that is recorded, `2026-01-31T12:00:00Z`; for tests.
    pub(super) const CLOCK: &str = "RESCIENCE_CLOCK";
    /// Directories of software outside of the system's own, separated by `:`, that experiments may
    /// read and execute: a Conda environment, a Python installed in a home directory.
    pub(super) const TOOLS: &str = "RESCIENCE_TOOLS";
    /// Results that several people share: `dir:PATH`, `s3:BUCKET[/PREFIX]`, `oci:REGISTRY/NAME`; `none`
    /// leaves those of the recipe alone.
    pub(super) const REMOTE: &str = "RESCIENCE_REMOTE";
    /// The SSH key that signs what is made here, so that it is shared there.
    pub(super) const REMOTE_KEY: &str = "RESCIENCE_REMOTE_KEY";
    /// Whose shared results count, in the form of ssh-keygen. Default: `allowed_signers` in the home.
    pub(super) const ALLOWED_SIGNERS: &str = "RESCIENCE_ALLOWED_SIGNERS";
    /// `never` hides the progress bar.
    pub(super) const PROGRESS: &str = "RESCIENCE_PROGRESS";
}

/// What a toolchain may need to find itself and its registry.
const TOOLCHAIN: &[&str] = &[
    "PATH",
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "LD_LIBRARY_PATH",
    "CC",
    "CXX",
    "AR",
];

/// Keys of services, of which only whether they are set is ever told.
const KEYS: [&str; 5] =
    ["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENALEX_API_KEY", "S2_API_KEY"];

/// Names, passwords and tokens of services that bundles are handed on to; never told.
const SECRETS: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "GIT_USER",
    "GIT_PASSWORD",
    "GIT_TOKEN",
    "OCI_USER",
    "OCI_PASSWORD",
    "OCI_TOKEN",
    "WEB_TOKEN",
    "ZENODO_TOKEN",
];

/// The hosts that those are for, where an address is fetched that may be anybody's.
const HOSTS: [&str; 3] = ["GIT_HOST", "OCI_HOST", "WEB_HOST"];

/// Where the user says that shared results are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RemoteSetting {
    /// Where the recipe says, if it does.
    Unset,
    /// Nowhere.
    Off,
    /// There.
    At(String),
}

/// The environment's say.
pub(crate) struct Settings {
    /// `$RESCIENCE_HOME`.
    pub(crate) home: PathBuf,
    /// The current directory; relative paths of the command line start here.
    pub(crate) directory: PathBuf,
    /// This very binary, for supervising.
    pub(crate) binary: PathBuf,
    /// The clock to use.
    pub(crate) clock: Clock,
    /// Whether a progress bar may be shown.
    pub(crate) progress: bool,
    /// The toolchains' variables that are set.
    pub(crate) toolchain: BTreeMap<OsString, OsString>,
    /// Directories of software that experiments may use beside the system's.
    pub(crate) tools: Vec<PathBuf>,
    /// Where shared results are.
    pub(crate) remote: RemoteSetting,
    /// The key that signs what is shared.
    pub(crate) remote_key: Option<PathBuf>,
    /// The file that says whose shared results count.
    pub(crate) allowed_signers: Option<PathBuf>,
    /// The socket of the ssh-agent.
    pub(crate) agent: Option<PathBuf>,
    /// Services' keys by name, and whether they are set.
    pub(crate) keys: Vec<(&'static str, bool)>,
    secrets: BTreeMap<&'static str, String>,
    /// CPUs that this process may use.
    pub(crate) cpus: usize,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// In words, when a variable has a value that cannot be meant.
    pub(crate) fn from_environment() -> Result<Settings, String> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(PathBuf::from);
        let directory = std::env::current_dir()
            .map_err(|error| format!("the current directory cannot be read: {error}"))?;
        let home = path(variable::HOME)
            .or_else(|| path("XDG_DATA_HOME").map(|data| data.join("rescience")))
            .or_else(|| path("HOME").map(|home| home.join(".local/share/rescience")))
            .ok_or("no place for the store: set RESCIENCE_HOME or HOME")?;
        let clock = match set(variable::CLOCK) {
            None => Clock::System,
            Some(text) => {
                let text = text.to_string_lossy();
                let time = text.parse().map_err(|error| {
                    format!("RESCIENCE_CLOCK=`{text}` is not a UTC time: {error}")
                })?;
                Clock::Fixed(time)
            }
        };
        let dumb = set("TERM").is_some_and(|term| term == "dumb") || set("CI").is_some();
        let progress = !dumb && set(variable::PROGRESS).is_none_or(|value| value != "never");
        let binary = std::env::current_exe()
            .map_err(|error| format!("the path of this program cannot be read: {error}"))?;
        let toolchain =
            TOOLCHAIN.iter().filter_map(|name| Some((OsString::from(name), set(name)?))).collect();
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let secret = |name: &'static str| Some((name, set(name)?.into_string().ok()?));
        let secrets = SECRETS.into_iter().chain(KEYS).chain(HOSTS).filter_map(secret).collect();
        let keys = KEYS.iter().map(|name| (*name, set(name).is_some())).collect();
        let home = directory.join(home);
        let agent = path("SSH_AUTH_SOCK");
        let remote = match set(variable::REMOTE).map(|text| text.to_string_lossy().into_owned()) {
            None => RemoteSetting::Unset,
            Some(text) if text == "none" => RemoteSetting::Off,
            Some(text) => RemoteSetting::At(text),
        };
        let tools = set(variable::TOOLS).unwrap_or_default();
        let tools = std::env::split_paths(&tools).filter(|path| !path.as_os_str().is_empty());
        let tools = tools.map(|path| directory.join(path)).collect::<Vec<_>>();
        if let Some(absent) = tools.iter().find(|path| !path.exists()) {
            return Err(format!(
                "{} names `{}`, which does not exist",
                variable::TOOLS,
                absent.display()
            ));
        }
        Ok(Settings {
            home,
            directory,
            binary,
            clock,
            progress,
            toolchain,
            tools,
            remote,
            remote_key: path(variable::REMOTE_KEY),
            allowed_signers: path(variable::ALLOWED_SIGNERS),
            agent,
            keys,
            secrets,
            cpus,
        })
    }

    /// What gives access to a service, by the name of its variable.
    pub(crate) fn secret(&self, name: &str) -> Option<String> {
        self.secrets.get(name).cloned()
    }

    /// Every password, token and key that was given, so that it is found where it must not be.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        const ENDS: [&str; 4] = ["_PASSWORD", "_TOKEN", "_API_KEY", "_SECRET_ACCESS_KEY"];
        let is_secret = |name: &str| ENDS.iter().any(|end| name.ends_with(end));
        self.secrets.iter().filter(move |it| is_secret(it.0)).map(|(_, text)| text.as_str())
    }
}
