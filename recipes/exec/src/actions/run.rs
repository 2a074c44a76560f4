//! One run of an experiment: a private directory, the contract's variables, evidence whatever ends it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rescience_recipes::placeholder;
use rescience_recipes::quantity::show_duration;
use rescience_recipes::results::extract;
use rescience_recipes::{Code, Run};
use rescience_store::{Artifact, Materialize};

use super::{Context, Evidence, Failed, Job, Yield};
use crate::event::Failure;
use crate::facts::{Facts, RunFacts};
use crate::sandbox::{Exit, Finished, Limit, Limits, Sandbox, Spec};
use crate::toolchain::ToolchainFacts;

/// Bytes of a log that a failure shows.
const TAIL: u64 = 4 << 10;

pub(super) async fn perform(context: &Context, job: &Job, run: &Run) -> Result<Yield, Failed> {
    let store = &context.host.store;
    let scratch = context.scratch(job)?;
    let place = Place::lay_out(context, job, run, scratch.path())?;
    let spec = place.spec(context, run);
    let started = context.host.clock.now();
    let finished = Sandbox::new(context.host.supervisor.clone())
        .run(&spec, |line| context.progress(&job.name, line))
        .await;
    let ended = context.host.clock.now();

    let mut evidence = Evidence::default();
    for (name, path) in [("stdout", &spec.stdout), ("stderr", &spec.stderr)] {
        if path.exists() {
            let log = store.put_file(path).map_err(|error| job.store(&error))?;
            evidence.logs.insert(name.to_owned(), Artifact::Blob(log.digest));
        }
    }
    let facts = facts(context, job, RunFacts::of(&finished, started, ended))?;
    evidence.facts = Some(context.put_json(job, &facts)?);

    if let Err(mut failure) = judge(job, run, &finished, &spec) {
        let kept = context.host.keep_failed.then(|| keep(context, job, scratch.path())).flatten();
        let kept = kept.map(|path| format!("its directory is kept: {}", path.display()));
        failure.notes.extend(kept);
        return Err(Failed { failure, evidence });
    }
    let outputs = listing(&place.out);
    let output = match store.adopt_dir(&place.out) {
        Ok(output) => output,
        // What the program wrote cannot be kept; what is known of the run can.
        Err(error) => {
            let failure = Box::new(job.failure(Code::RunFailed, super::chain(&error)));
            return Err(Failed { failure, evidence });
        }
    };
    let mut made = Yield::with(Artifact::Tree(output), evidence);
    made.note =
        finished.stdout.truncated().then(|| "its output was cut at the log limit".to_owned());
    for metric in run.metrics.values() {
        let bytes = store.read_at(&output, &metric.file).map_err(|error| job.store(&error))?;
        if let Err(problem) = extract(metric, bytes.as_deref(), &outputs) {
            let failure = job.failure(Code::MetricMissing, problem.to_string());
            let mut failure = problem.notes().into_iter().fold(failure, Failure::note);
            failure.log = tail(&spec.stderr).or_else(|| tail(&spec.stdout));
            failure.notes.push("the run is kept: a mended `at` does not run it again".to_owned());
            made.complaint = Some(Box::new(failure));
            break;
        }
    }
    Ok(made)
}

/// The directories of one run, all inside its scratch directory.
pub(super) struct Place {
    control: PathBuf,
    program: PathBuf,
    inputs: BTreeMap<String, PathBuf>,
    params: PathBuf,
    out: PathBuf,
    temporary: PathBuf,
    home: PathBuf,
    logs: PathBuf,
}

impl Place {
    fn lay_out(context: &Context, job: &Job, run: &Run, root: &Path) -> Result<Place, Failed> {
        let store = &context.host.store;
        let mut place = Place {
            control: root.join("control"),
            program: root.join("program"),
            inputs: BTreeMap::new(),
            params: root.join("params.json"),
            out: root.join("out"),
            temporary: root.join("tmp"),
            home: root.join("home"),
            logs: root.join("logs"),
        };
        for folder in [&place.out, &place.temporary, &place.home, &place.logs] {
            std::fs::create_dir_all(folder).map_err(|error| job.io(folder, &error))?;
        }
        // A copy of its own: a program that writes beside itself must not write into the store.
        let program = job.dep("program")?;
        if let Artifact::Blob(_) = program.artifact {
            let message = format!("{} is a file, and a program is a folder", program.name);
            let failure = job.failure(Code::RunFailed, message);
            return Err(failure
                .note("give the source the path of the folder that holds it")
                .into());
        }
        store
            .materialize(&program.artifact, &place.program, Materialize::Own)
            .map_err(|error| job.store(&error))?;
        for dep in &job.deps {
            let Some(name) = dep.role.strip_prefix("input.") else { continue };
            let path = root.join("inputs").join(name);
            std::fs::create_dir_all(root.join("inputs")).map_err(|error| job.io(root, &error))?;
            store
                .materialize(&dep.artifact, &path, Materialize::Share)
                .map_err(|error| job.store(&error))?;
            place.inputs.insert(name.to_owned(), path);
        }
        let params = serde_json::to_vec_pretty(&run.params)
            .map_err(|error| job.failure(Code::Internal, error.to_string()))?;
        std::fs::write(&place.params, params).map_err(|error| job.io(&place.params, &error))?;
        Ok(place)
    }

    fn spec(&self, context: &Context, run: &Run) -> Spec {
        let threads = run.limits.cpus.to_string();
        let mut env: BTreeMap<OsString, OsString> = BTreeMap::new();
        let mut set = |name: &str, value: OsString| env.insert(name.into(), value);
        set("PATH", self.path(context));
        set("HOME", self.home.clone().into());
        set("TMPDIR", self.temporary.clone().into());
        set("LANG", "C.UTF-8".into());
        set("LC_ALL", "C.UTF-8".into());
        set("TZ", "UTC".into());
        // What thread pools read; a run that takes more cores than it asked for disturbs others.
        for name in ["RESCIENCE_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"] {
            set(name, threads.clone().into());
        }
        set("RESCIENCE_PARAMS", self.params.clone().into());
        set("RESCIENCE_SEED", run.seed.to_string().into());
        set("RESCIENCE_OUT", self.out.clone().into());
        for (name, path) in &self.inputs {
            let name = name.to_uppercase().replace('-', "_");
            set(&format!("RESCIENCE_INPUT_{name}"), path.clone().into());
        }
        for (name, value) in &run.env {
            set(name, value.into());
        }
        Spec {
            argv: self.argv(run),
            cwd: self.program.clone(),
            env,
            limits: Limits {
                wall: run.limits.wall,
                memory: Some(run.limits.memory),
                disk: Some(run.limits.disk),
                processes: Some(run.limits.processes),
                log: Limits::LOG,
            },
            control: self.control.clone(),
            stdout: self.logs.join("stdout.log"),
            stderr: self.logs.join("stderr.log"),
            writable: vec![
                self.out.clone(),
                self.temporary.clone(),
                self.home.clone(),
                self.program.clone(),
            ],
            read_only: self.inputs.values().cloned().chain([self.params.clone()]).collect(),
            network: false,
        }
    }

    /// The program's own binaries first, then whatever the machine offers.
    fn path(&self, context: &Context) -> OsString {
        let mut path = OsString::from(self.program.join("bin"));
        if let Some(machine) = context.host.toolchain_env.get(std::ffi::OsStr::new("PATH")) {
            path.push(":");
            path.push(machine);
        }
        path
    }

    fn argv(&self, run: &Run) -> Vec<OsString> {
        let mut argv: Vec<OsString> = run.argv.iter().map(|word| self.fill(word, run)).collect();
        // A program beside its source is found without `./`.
        if let Some(first) = argv.first_mut() {
            let beside = self.program.join(&*first);
            if !Path::new(&*first).is_absolute() && beside.is_file() {
                *first = beside.into();
            }
        }
        argv
    }

    /// Replaces the placeholders of one word; the recipe has checked that all are known.
    fn fill(&self, word: &str, run: &Run) -> OsString {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let filled = placeholder::fill(word, |name| match name {
            "params" => Some(path(&self.params)),
            "out" => Some(path(&self.out)),
            "seed" => Some(run.seed.to_string()),
            _ => match name.strip_prefix("input.") {
                Some(input) => self.inputs.get(input).map(path),
                None => run.params.get(name).map(ToString::to_string),
            },
        });
        filled.into()
    }
}

/// Whether the program came to a good end; otherwise what to tell.
fn judge(job: &Job, run: &Run, finished: &Finished, spec: &Spec) -> Result<(), Box<Failure>> {
    let (code, message) = match &finished.exit {
        Exit::Code(0) => return Ok(()),
        Exit::Limit(Limit::Wall) => (
            Code::RunTimedOut,
            format!("killed at its wall limit of {}", show_duration(run.limits.wall)),
        ),
        Exit::Limit(limit) => (Code::RunFailed, format!("killed at its {limit} limit")),
        Exit::NotStarted(why) => (Code::RunFailed, format!("could not be started: {why}")),
        other => (Code::RunFailed, format!("ended with {other}")),
    };
    let mut failure = job.failure(code, message);
    failure.log = tail(&spec.stderr).or_else(|| tail(&spec.stdout));
    let words: Vec<_> = spec.argv.iter().map(|word| word.to_string_lossy()).collect();
    failure.notes.push(format!("it was started as `{}`", words.join(" ")));
    if code == Code::RunTimedOut {
        failure.notes.push("`limits = { wall = \"...\" }` of the experiment sets it".to_owned());
    }
    failure.notes.push(format!("`rescience log '{}'` shows all it printed", job.name));
    Err(Box::new(failure))
}

fn facts(context: &Context, job: &Job, run: RunFacts) -> Result<Facts, Failed> {
    // The program's own facts know what built it.
    let built = match job.dep("program")?.facts {
        Some(digest) => {
            let bytes = context.host.store.read(&digest).map_err(|error| job.store(&error))?;
            serde_json::from_slice::<Facts>(&bytes).ok()
        }
        None => None,
    };
    let (toolchain, packages) = built.map_or_else(
        || (ToolchainFacts::default(), BTreeMap::new()),
        |built| (built.toolchain, built.packages),
    );
    Ok(Facts::new(context.machine(), toolchain, packages, env!("CARGO_PKG_VERSION"), run))
}

/// Moves a failed run's directory to where no build sweeps it away; none if that cannot be.
fn keep(context: &Context, job: &Job, scratch: &Path) -> Option<PathBuf> {
    let folder = context.host.cache.join("failed");
    std::fs::create_dir_all(&folder).ok()?;
    let to = folder.join(job.key.short());
    if to.exists() {
        std::fs::remove_dir_all(&to).ok()?;
    }
    std::fs::rename(scratch, &to).ok()?;
    Some(to)
}

/// The end of a log, from the start of a line; none if it is empty or absent.
pub(super) fn tail(path: &Path) -> Option<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = if from > 0 { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &*text };
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(20)..];
    (!last.is_empty()).then(|| last.join("\n"))
}

/// The files a run wrote, relative to its output directory, sorted.
fn listing(out: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![out.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if let Ok(inside) = path.strip_prefix(out) {
                found.push(inside.display().to_string());
            }
        }
    }
    found.sort();
    found
}
