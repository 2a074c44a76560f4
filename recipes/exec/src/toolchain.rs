//! The Rust toolchain: which binaries build, and what they say of themselves.
//!
//! Asking three tools takes some 50 ms, which a build with nothing to do cannot spare. So the
//! answers are kept in a file, with a stamp of everything that can change them. `rustc` is often
//! rustup's proxy, whose own stamp says nothing about the compiler behind it; the real binaries are
//! found once, stamped too, and used directly.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rescience_digest::Digest;
use serde::{Deserialize, Serialize};

/// Variables that decide which toolchain rustup chooses, or how the tools find their things.
const VARIABLES: [&str; 5] = ["PATH", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_HOME"];

/// The tools, found and asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// The compiler itself, not a proxy.
    pub rustc: PathBuf,
    /// Cargo itself, not a proxy.
    pub cargo: PathBuf,
    /// All that `rustc -vV` prints.
    pub rustc_says: String,
    /// What `cargo -V` prints.
    pub cargo_says: String,
    /// The first line that the linker's driver prints of its version; none if there is none.
    pub linker_says: Option<String>,
    /// The instructions that the compiler takes for granted.
    pub target_features: Vec<String>,
}

/// The tools as facts: the lines that they print themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ToolchainFacts {
    /// The first line of `rustc -vV`.
    pub rustc: Option<String>,
    /// What `cargo -V` prints.
    pub cargo: Option<String>,
    /// The first line that the driver of the linker prints of its version.
    pub linker: Option<String>,
    /// What the interpreter prints of its version, for programs that have one.
    pub python: Option<String>,
    /// All that `rustc -vV` prints: commit, host, LLVM.
    #[serde(default)]
    pub rustc_verbose: Option<String>,
    /// The instructions that the compiler took for granted, separated by commas.
    #[serde(default)]
    pub target_features: Option<String>,
}

/// Why there is no toolchain.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// A tool is in no directory of `PATH`.
    #[error("`{tool}` not found in PATH ({path}); install Rust from https://rustup.rs")]
    NotFound {
        /// `rustc` or `cargo`.
        tool: &'static str,
        /// What was searched.
        path: String,
    },
    /// A tool is there but does not answer.
    #[error("`{command}` failed: {why}")]
    Silent {
        /// What was run.
        command: String,
        /// Its complaint.
        why: String,
    },
}

impl Toolchain {
    /// Finds the tools that `env` and `dir` select, where `env` is the user's environment and `dir`
    /// the directory whose `rust-toolchain.toml` counts, if rustup is in use.
    ///
    /// `cache` is a file of answers that can be removed at any time. It is used while all that
    /// could change an answer has kept its path, size and time of change; a cache that cannot be
    /// written costs time and nothing else.
    pub fn find(
        env: &BTreeMap<OsString, OsString>,
        dir: &Path,
        cache: &Path,
    ) -> Result<Toolchain, ToolchainError> {
        let proxies = [search("rustc", env)?, search("cargo", env)?];
        let asked = selection_stamp(env, dir, &proxies);
        let kept = fs::read(cache).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(Kept { asked: then, answered, toolchain }) = kept
            && then == asked
            && answered == toolchain.stamp()
        {
            return Ok(toolchain);
        }
        let toolchain = ask(env, dir, &proxies)?;
        let kept = Kept { asked, answered: toolchain.stamp(), toolchain };
        let fresh = cache.with_extension(format!("new{}", std::process::id()));
        // Only a cache: without it the tools are asked again.
        if let Ok(text) = serde_json::to_vec(&kept) {
            cache.parent().map(fs::create_dir_all);
            fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, cache)).ok();
        }
        Ok(kept.toolchain)
    }

    /// What enters the keys of programs that these tools build, by name.
    pub fn identity(&self) -> BTreeMap<String, String> {
        let mut identity = BTreeMap::from([("cargo".to_owned(), self.cargo_says.clone())]);
        let mut lines = self.rustc_says.lines();
        identity.extend(lines.next().map(|line| ("rustc".to_owned(), line.to_owned())));
        for line in lines {
            // The rest repeats the first line, or where the compiler was called.
            if let Some((name @ ("commit-hash" | "host" | "LLVM version"), value)) =
                line.split_once(": ")
            {
                identity.insert(format!("rustc {name}"), value.to_owned());
            }
        }
        identity
    }

    /// A short name for directories whose content these tools alone may share.
    pub fn directory_name(&self) -> String {
        let everything = format!("{}\n{}", self.rustc_says, self.cargo_says);
        format!("rust-{}", Digest::of(everything.as_bytes()).short())
    }

    /// The platform that the compiler runs on, and builds for: `x86_64-unknown-linux-gnu`.
    pub fn host(&self) -> Option<&str> {
        self.rustc_says.lines().find_map(|line| line.strip_prefix("host: "))
    }

    /// The lines that go into facts.
    pub fn facts(&self) -> ToolchainFacts {
        ToolchainFacts {
            rustc: self.rustc_says.lines().next().map(str::to_owned),
            cargo: Some(self.cargo_says.clone()),
            linker: self.linker_says.clone(),
            python: None,
            rustc_verbose: Some(self.rustc_says.clone()),
            target_features: Some(self.target_features.join(",")),
        }
    }

    fn stamp(&self) -> Vec<String> {
        vec![stamp(&self.rustc), stamp(&self.cargo)]
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Stamps of what selects the toolchain.
    asked: Vec<String>,
    /// Stamps of the toolchain's own binaries.
    answered: Vec<String>,
    toolchain: Toolchain,
}

/// Everything that decides which toolchain answers: the variables, the proxies, rustup's settings
/// and the toolchain files above `dir`, present or not.
fn selection_stamp(
    env: &BTreeMap<OsString, OsString>,
    dir: &Path,
    tools: &[PathBuf],
) -> Vec<String> {
    let value = |name: &str| env.get(OsStr::new(name));
    let mut stamps: Vec<String> =
        VARIABLES.iter().map(|name| format!("{name}={:?}", value(name))).collect();
    stamps.extend(tools.iter().map(|tool| stamp(tool)));
    stamps.extend(search("cc", env).map(|cc| stamp(&cc)));
    let rustup = value("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(value("HOME")?).join(".rustup")));
    stamps.extend(rustup.map(|home| stamp(&home.join("settings.toml"))));
    for above in dir.ancestors() {
        stamps.push(stamp(&above.join("rust-toolchain.toml")));
        stamps.push(stamp(&above.join("rust-toolchain")));
    }
    stamps
}

/// What changes when the file at `path` does.
fn stamp(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(meta) => format!(
            "{} {} {}.{:09} {}",
            path.display(),
            meta.size(),
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ino()
        ),
        Err(_) => format!("{} absent", path.display()),
    }
}

fn search(
    tool: &'static str,
    env: &BTreeMap<OsString, OsString>,
) -> Result<PathBuf, ToolchainError> {
    let path = env.get(OsStr::new("PATH")).map_or(OsStr::new(""), OsString::as_os_str);
    path.as_bytes()
        .split(|byte| *byte == b':')
        .map(|dir| Path::new(OsStr::from_bytes(dir)).join(tool))
        .find(|candidate| candidate.is_absolute() && candidate.is_file())
        .ok_or_else(|| ToolchainError::NotFound { tool, path: path.display().to_string() })
}

fn ask(
    env: &BTreeMap<OsString, OsString>,
    dir: &Path,
    [rustc, cargo]: &[PathBuf; 2],
) -> Result<Toolchain, ToolchainError> {
    let say = |tool: &Path, args: &[&str]| answer(tool, args, env, dir);
    let sysroot = PathBuf::from(say(rustc, &["--print", "sysroot"])?);
    let real = |proxy: &PathBuf, name: &str| {
        let inside = sysroot.join("bin").join(name);
        if inside.is_file() { inside } else { proxy.clone() }
    };
    let (rustc, cargo) = (real(rustc, "rustc"), real(cargo, "cargo"));
    let (rustc_says, cargo_says) = (say(&rustc, &["-vV"])?, say(&cargo, &["-V"])?);
    let configuration = say(&rustc, &["--print", "cfg"])?;
    let feature =
        |line: &str| Some(line.strip_prefix("target_feature=\"")?.strip_suffix('"')?.to_owned());
    let target_features = configuration.lines().filter_map(feature).collect();
    // Without one nothing can be linked, which is for the build to say.
    let linker = search("cc", env).and_then(|cc| say(&cc, &["--version"])).ok();
    let linker_says = linker.and_then(|text| text.lines().next().map(str::to_owned));
    Ok(Toolchain { rustc, cargo, rustc_says, cargo_says, linker_says, target_features })
}

fn answer(
    tool: &Path,
    args: &[&str],
    env: &BTreeMap<OsString, OsString>,
    dir: &Path,
) -> Result<String, ToolchainError> {
    let fail = |why: String| ToolchainError::Silent {
        command: format!("{} {}", tool.display(), args.join(" ")),
        why: why.trim().to_owned(),
    };
    #[expect(clippy::disallowed_methods, reason = "this crate starts processes")]
    let mut command = Command::new(tool);
    let known = VARIABLES.iter().filter_map(|name| env.get_key_value(OsStr::new(name)));
    let output = command
        .args(args)
        .env_clear()
        .envs(known)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|error: io::Error| fail(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(fail(format!("{}: {said}", output.status)));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| fail(error.to_string()))?;
    Ok(text.trim().to_owned())
}
