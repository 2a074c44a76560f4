//! A small hermetic world: its own home, clock and projects, and the real binary to run in it.

#![expect(clippy::disallowed_methods, reason = "stories start the binary and read where tools are")]

pub(crate) mod toy;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_rescience");

/// The time in every world unless a story changes it.
pub(crate) const NOON: &str = "2026-01-31T12:00:00Z";

/// The ids of a user and a group who own nothing.
const ANOTHER: u32 = 12345;

/// One test's world.
pub(crate) struct World {
    root: TempDir,
    env: BTreeMap<String, String>,
}

/// How a command ended.
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> World {
        let root = TempDir::with_prefix("rescience-world-").unwrap();
        let mut env = BTreeMap::new();
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        set("PATH", std::env::var("PATH").unwrap());
        set("HOME", root.path().join("home").display().to_string());
        set("RESCIENCE_HOME", root.path().join("home/rescience").display().to_string());
        set("RESCIENCE_CLOCK", NOON.to_owned());
        // Where this machine keeps its Rust is not the story's business.
        let home = std::env::var("HOME").unwrap_or_default();
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            set(name, std::env::var(name).unwrap_or_else(|_| format!("{home}/{folder}")));
        }
        std::fs::create_dir(root.path().join("home")).unwrap();
        World { root, env }
    }

    /// Changes the environment of the commands to come.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut World {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    pub(crate) fn store(&self) -> PathBuf {
        Path::new(&self.env["RESCIENCE_HOME"]).join("store")
    }

    /// Unpacks a bundle, with a tool that knows nothing of us where there is Python.
    pub(crate) fn unpack(&self, zip: &str, folder: &str) -> PathBuf {
        let (zip, to) = (self.path(zip), self.path(folder));
        let script = "import os,sys,zipfile\n\
                      z = zipfile.ZipFile(sys.argv[1])\n\
                      for i in z.infolist():\n    \
                          p = z.extract(i, sys.argv[2]); os.chmod(p, i.external_attr >> 16 & 0o777)\n";
        let python = Command::new("python3").args(["-c", script]).arg(&zip).arg(&to).status();
        if !python.is_ok_and(|status| status.success()) {
            std::fs::remove_dir_all(&to).ok();
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            rescience_bundle::Bundle::open(&zip).unwrap().unpack(&to).unwrap();
        }
        to
    }

    /// A project folder with these files.
    pub(crate) fn project(&self, name: &str, files: &[(&str, &str)]) -> Project<'_> {
        let directory = self.path(name);
        std::fs::create_dir_all(&directory).unwrap();
        let project = Project { world: self, directory };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// A command in the world, not started yet.
    pub(crate) fn command(&self, directory: &Path, args: &[&str]) -> Command {
        self.command_of(BINARY, directory, args)
    }

    fn command_of(&self, program: &str, directory: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.current_dir(directory).args(args).env_clear().envs(&self.env).stdin(Stdio::null());
        command
    }

    #[must_use = "look at what the command printed"]
    pub(crate) fn run_in(&self, directory: &Path, args: &[&str]) -> Output {
        self.output(self.command(directory, args))
    }

    /// Hands a copy of the binary and the commands to come to an ordinary user with no more than a home
    /// in this world, and nothing of what they make is for others. False where one may not: the tests
    /// are an ordinary user's already.
    pub(crate) fn become_another(&mut self) -> bool {
        let (home, binary) = (self.path("another"), self.path("another/rescience"));
        std::fs::create_dir(&home).unwrap();
        std::fs::copy(BINARY, &binary).unwrap();
        std::fs::set_permissions(self.root.path(), Permissions::from_mode(0o755)).unwrap();
        if std::os::unix::fs::chown(&home, Some(ANOTHER), Some(ANOTHER)).is_err() {
            return false;
        }
        self.env.retain(|name, _| name == "RESCIENCE_CLOCK");
        self.set("PATH", "/usr/local/bin:/usr/bin:/bin").set("HOME", home.display().to_string());
        self.set("TMPDIR", home.display().to_string());
        true
    }

    /// Gives a folder to that user, with all in it.
    pub(crate) fn give(&self, folder: &str) {
        let owner = format!("{ANOTHER}:{ANOTHER}");
        let mut chown = Command::new("chown");
        assert!(chown.args(["-R", &owner]).arg(self.path(folder)).status().unwrap().success());
    }

    /// Runs the binary as that user, in their home.
    #[must_use = "look at what the command printed"]
    pub(crate) fn run_by_another(&self, folder: &str, args: &[&str]) -> Output {
        let home = self.path("another");
        let script = "umask 077; binary=$1; shift; exec \"$binary\" \"$@\"";
        let mut command = self.command_of("sh", &home.join(folder), &["-c", script, "sh"]);
        command.arg(home.join("rescience")).args(args).uid(ANOTHER).gid(ANOTHER);
        self.output(command)
    }

    /// Runs the binary as the last word of a shell's script, which finds it as `$0`.
    #[must_use = "look at what the command printed"]
    pub(crate) fn run_by_shell(&self, directory: &Path, script: &str) -> Output {
        self.output(self.command_of("sh", directory, &["-c", script, BINARY]))
    }

    /// Runs a command of another program, with the world's names in what it printed.
    pub(crate) fn output(&self, mut command: Command) -> Output {
        let output = command.output().unwrap();
        Output {
            code: output.status.code(),
            stdout: self.plain(&output.stdout),
            stderr: self.plain(&output.stderr),
        }
    }

    /// Runs the binary in the world's root.
    #[must_use = "look at what the command printed"]
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_in(self.root.path(), args)
    }

    /// All traces in the store; those of one key follow each other.
    pub(crate) fn traces(&self) -> Vec<Value> {
        let read = |path: &PathBuf| {
            let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            file["trace"].clone()
        };
        files_below(&self.store().join("v1/traces")).iter().map(read).collect()
    }

    /// The files of all objects in the store.
    pub(crate) fn objects(&self) -> Vec<PathBuf> {
        files_below(&self.store().join("v1/objects"))
    }

    /// Output without what differs from world to world and from run to run.
    fn plain(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        redact(&text.replace(&self.root.path().display().to_string(), "[WORLD]"))
    }
}

/// A project in a world.
pub(crate) struct Project<'w> {
    pub(crate) world: &'w World,
    pub(crate) directory: PathBuf,
}

impl Project<'_> {
    pub(crate) fn write(&self, path: &str, text: &str) {
        let to = self.directory.join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.directory.join(path)).unwrap()
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.directory.join(path)).unwrap()
    }

    /// Replaces text that must be there, exactly once, in a file.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {path}:\n{text}");
        self.write(path, &text.replace(from, to));
    }

    #[must_use = "look at what the command printed"]
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.world.run_in(&self.directory, args)
    }

    /// The actions as `metadata` tells them, with nothing redacted.
    pub(crate) fn actions(&self) -> Vec<Value> {
        let args = ["metadata", "--format-version", "1"];
        let output = self.world.command(&self.directory, &args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        metadata["actions"].as_array().unwrap().clone()
    }

    /// Starts the binary and does not wait.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.world
            .command(&self.directory, args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The keys of the runs that came to a good end, oldest first: one for each time that a run
    /// really ran, as the store's journals have it. A crash can tear a line.
    pub(crate) fn tally(&self) -> Vec<String> {
        let runs = |entry: &Value| {
            entry["action"].as_str().is_some_and(|name| name.contains('#'))
                && entry["success"] == true
        };
        files_below(&self.world.store().join("v1/log"))
            .iter()
            .flat_map(|path| {
                let text = std::fs::read_to_string(path).unwrap();
                let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
                lines.collect::<Vec<Value>>()
            })
            .filter(runs)
            .map(|entry| entry["key"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Output {
    /// Asserts success, and returns the output for a closer look.
    pub(crate) fn ok(self) -> Output {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// Asserts an exit code.
    pub(crate) fn code(self, code: i32) -> Output {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Asserts that stderr has this text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Output {
        assert!(self.stderr.contains(text), "no `{text}` in\n{self}");
        self
    }

    /// Asserts that stdout has this text.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Output {
        assert!(self.stdout.contains(text), "no `{text}` in\n{self}");
        self
    }

    /// Asserts that neither has this text.
    #[track_caller]
    pub(crate) fn lacks(self, text: &str) -> Output {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "`{text}` in\n{self}");
        self
    }

    /// The actions that ran, in the order of their names, from `-v`'s status lines.
    pub(crate) fn ran(&self) -> Vec<String> {
        let verbs = ["Patching", "Compiling", "Running", "Drawing", "Typesetting"];
        let words = self.stderr.lines().filter_map(|line| line.trim_start().split_once(' '));
        let mut ran: Vec<_> = words
            .filter(|(verb, _)| verbs.contains(verb))
            .map(|(_, action)| action.to_owned())
            .collect();
        ran.sort();
        ran
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Output { code, stdout, stderr } = self;
        write!(f, "exit {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// The files in a folder and in the folders in it, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// Replaces durations and digests, which differ or say nothing to a reader.
fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-') {
            word.push(c);
            continue;
        }
        redacted.push_str(redact_word(&word));
        word.clear();
        if c != '\0' {
            redacted.push(c);
        }
    }
    redacted
}

fn redact_word(word: &str) -> &str {
    let bare = word.trim_end_matches('.');
    let seconds = bare.strip_suffix('s').is_some_and(|number| {
        number.contains('.') && number.chars().all(|c| c.is_ascii_digit() || c == '.')
    });
    let digest = word.strip_prefix("b3:").or_else(|| word.strip_prefix("key:"));
    if seconds {
        "[ELAPSED]"
    } else if digest.is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit())) {
        "[DIGEST]"
    } else {
        word
    }
}
