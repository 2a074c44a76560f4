//! One run of an experiment: a private directory, the contract's variables, evidence whatever ends it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rescience_recipes::placeholder;
use rescience_recipes::quantity::{show_duration, show_size};
use rescience_recipes::results::extract;
use rescience_recipes::{Code, Run};
use rescience_store::{Artifact, Materialize};

use super::{Context, Evidence, Failed, Job, Yield};
use crate::event::{Event, Failure};
use crate::facts::python::{self, Installed};
use crate::facts::{Facts, RunFacts, Software};
use crate::lending::Loan;
use crate::printable::printable_line;
use crate::sandbox::{
    Access, Exit, Finished, Isolation, Lent, Limit, Limits, Sandbox, Shown, Spec,
};

/// The most bytes of a file of metrics.
const METRICS: u64 = 64 << 20;

/// The most interpreters of a run that are asked, and told of.
const INTERPRETERS: usize = 4;

/// How long an interpreter may think about its version.
const ANSWER: Duration = Duration::from_secs(10);

/// Bytes of a log that a failure shows.
const TAIL: u64 = 4 << 10;

pub(super) async fn perform(context: &Context, job: &Job, run: &Run) -> Result<Yield, Failed> {
    let store = &context.host.store;
    let sandbox = context.sandbox(job).await?;
    let scratch = context.scratch(job)?;
    let place = Place::lay_out(context, job, run, scratch.path(), &sandbox)?;
    let waits = || context.send(Event::Blocking { on: "GPUs that another build has".to_owned() });
    let loan = Loan::of(&job.gpus, waits).await.map_err(|why| {
        let message = format!("no GPU can be lent to it alone: {why}");
        Failed::from(job.failure(Code::MissingHardware, message))
    })?;
    let spec = place.spec(context, run, &job.gpus);
    let started = context.host.clock.now();
    let finished = sandbox.run(&spec, |line| context.progress(&job.name, line)).await;
    let ended = context.host.clock.now();
    drop(loan);

    let mut evidence = Evidence::default();
    for (name, path) in [("stdout", &spec.stdout), ("stderr", &spec.stderr)] {
        if path.exists() {
            let log = store.put_file(path).map_err(|error| job.store(&error))?;
            evidence.logs.insert(name.to_owned(), Artifact::Blob(log.digest));
        }
    }
    let run_facts = RunFacts::of(&finished, &spec.limits, started, ended);
    let python = python(context, &sandbox, &place, &spec, &finished).await;
    let facts = facts(context, job, python, run_facts)?;
    evidence.facts = Some(context.put_json(job, &facts)?);

    if let Err(mut failure) = judge(job, run, &finished, &spec) {
        let kept = context.host.keep_failed.then(|| keep(context, job, scratch.path())).flatten();
        let kept = kept.map(|path| format!("its directory is kept: {}", path.display()));
        failure.notes.extend(kept);
        return Err(Failed { failure, evidence });
    }
    if let Err(failure) = check_sizes(job, run, &place.out.from) {
        return Err(Failed { failure, evidence });
    }
    let outputs = listing(&place.out.from);
    let output = match store.adopt_dir(&place.out.from) {
        Ok(output) => output,
        // What the program wrote cannot be kept; what is known of the run can.
        Err(error) => {
            let failure = Box::new(job.failure(Code::RunFailed, super::chain(&error)));
            return Err(Failed { failure, evidence });
        }
    };
    let mut made = Yield::with(Artifact::Tree(output), evidence);
    let cut = finished.stdout.truncated().then(|| "its output was cut at the log limit".to_owned());
    // The system's own settings are looked for by every other library.
    let missed = || undeclared(&finished, |path| !path.starts_with("/etc/"));
    made.note = cut.or_else(|| missed().into_iter().next());
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

/// The directories of one run, all inside its scratch directory, and where the program sees them.
pub(super) struct Place {
    control: PathBuf,
    program: Shown,
    inputs: BTreeMap<String, Shown>,
    params: Shown,
    out: Shown,
    temporary: Shown,
    logs: PathBuf,
    isolation: Isolation,
}

impl Place {
    fn lay_out(
        context: &Context,
        job: &Job,
        run: &Run,
        root: &Path,
        sandbox: &Sandbox,
    ) -> Result<Place, Failed> {
        let show = |name: &str, at: &str, access| sandbox.show(&root.join(name), at, access);
        let mut place = Place {
            control: root.join("control"),
            program: show("program", "/program", Access::Read),
            inputs: BTreeMap::new(),
            params: show("params.json", "/params.json", Access::Read),
            out: show("out", "/out", Access::Write),
            temporary: show("tmp", "/tmp", Access::Write),
            logs: root.join("logs"),
            isolation: sandbox.isolation(),
        };
        for folder in [&place.out.from, &place.temporary.from, &place.logs] {
            std::fs::create_dir_all(folder).map_err(|error| job.io(folder, &error))?;
        }
        let program = job.dep("program")?;
        if let Artifact::Blob(_) = program.artifact {
            let message = format!("{} is a file, and a program is a folder", program.name);
            let failure = job.failure(Code::RunFailed, message);
            return Err(failure
                .note("give the source the path of the folder that holds it")
                .into());
        }
        // Without a wall, a copy of its own: what it writes must not get into the store.
        let mode = match place.isolation {
            Isolation::Full => Materialize::Share,
            Isolation::Partial | Isolation::None => Materialize::Own,
        };
        context.materialize(job, &program.artifact, &place.program.from, mode)?;
        for dep in &job.deps {
            let Some(name) = dep.role.strip_prefix("input.") else { continue };
            let folder = root.join("inputs");
            std::fs::create_dir_all(&folder).map_err(|error| job.io(&folder, &error))?;
            let shown = sandbox.show(&folder.join(name), &format!("/inputs/{name}"), Access::Read);
            context.materialize(job, &dep.artifact, &shown.from, mode)?;
            place.inputs.insert(name.to_owned(), shown);
        }
        let params = serde_json::to_vec_pretty(&run.params)
            .map_err(|error| job.failure(Code::Internal, error.to_string()))?;
        let to = &place.params.from;
        std::fs::write(to, params).map_err(|error| job.io(to, &error))?;
        Ok(place)
    }

    /// What the program sees of the run.
    fn own(&self) -> Vec<Shown> {
        let fixed = [&self.program, &self.params, &self.out, &self.temporary];
        fixed.into_iter().chain(self.inputs.values()).cloned().collect()
    }

    fn spec(&self, context: &Context, run: &Run, gpus: &[String]) -> Spec {
        let threads = run.limits.cpus.to_string();
        let mut env: BTreeMap<OsString, OsString> = BTreeMap::new();
        let mut set = |name: &str, value: OsString| env.insert(name.into(), value);
        set("PATH", self.path(context));
        set("HOME", self.temporary.at.clone().into());
        set("TMPDIR", self.temporary.at.clone().into());
        set("LANG", "C.UTF-8".into());
        set("LC_ALL", "C.UTF-8".into());
        set("TZ", "UTC".into());
        // What thread pools read; a run that takes more cores than it asked for disturbs others.
        for name in ["RESCIENCE_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"] {
            set(name, threads.clone().into());
        }
        // Also where nothing hides the devices that it was not given.
        set("CUDA_VISIBLE_DEVICES", gpus.join(",").into());
        // Where the driver's libraries are if the linker does not know.
        let driver = context.host.toolchain_env.get(OsStr::new("LD_LIBRARY_PATH"));
        if let Some(path) = driver.filter(|_| !gpus.is_empty()) {
            set("LD_LIBRARY_PATH", path.clone());
        }
        set("RESCIENCE_PARAMS", self.params.at.clone().into());
        set("RESCIENCE_SEED", run.seed.to_string().into());
        set("RESCIENCE_OUT", self.out.at.clone().into());
        for (name, input) in &self.inputs {
            let name = name.to_uppercase().replace('-', "_");
            set(&format!("RESCIENCE_INPUT_{name}"), input.at.clone().into());
        }
        for (name, value) in &run.env {
            set(name, value.into());
        }
        Spec {
            argv: self.argv(run),
            cwd: self.program.at.clone(),
            env,
            limits: Limits {
                wall: run.limits.wall,
                cpu: run.limits.cpu,
                memory: Some(run.limits.memory),
                disk: Some(run.limits.disk),
                processes: Some(run.limits.processes),
                files: Some(run.limits.files),
                log: run.limits.log,
            },
            control: self.control.clone(),
            stdout: self.logs.join("stdout.log"),
            stderr: self.logs.join("stderr.log"),
            shown: context.tools().into_iter().chain(self.own()).collect(),
            network: false,
            gpus: gpus.iter().map(|uuid| lent(context, uuid)).collect(),
            observed: true,
            isolation: self.isolation,
        }
    }

    /// The program's own binaries first, then whatever the machine offers.
    fn path(&self, context: &Context) -> OsString {
        let mut path = OsString::from(self.program.at.join("bin"));
        for folder in context.software(self.isolation) {
            path.push(":");
            path.push(folder);
        }
        path
    }

    fn argv(&self, run: &Run) -> Vec<OsString> {
        let mut argv: Vec<OsString> = run.argv.iter().map(|word| self.fill(word, run)).collect();
        // A program beside its source is found without `./`.
        if let Some(first) = argv.first_mut() {
            let relative = !Path::new(&*first).is_absolute();
            if relative && self.program.from.join(&*first).is_file() {
                *first = self.program.at.join(&*first).into();
            }
        }
        argv
    }

    /// Replaces the placeholders of one word; the recipe has checked that all are known.
    fn fill(&self, word: &str, run: &Run) -> OsString {
        let path = |shown: &Shown| shown.at.to_string_lossy().into_owned();
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

/// A device of this machine by its id.
fn lent(context: &Context, uuid: &String) -> Lent {
    let devices = &context.machine().gpu.devices;
    let device = devices.iter().find(|device| device.uuid.as_ref() == Some(uuid));
    Lent { uuid: uuid.clone(), minor: device.and_then(|device| device.minor) }
}

/// Whether the program came to a good end; otherwise what to tell.
fn judge(job: &Job, run: &Run, finished: &Finished, spec: &Spec) -> Result<(), Box<Failure>> {
    let (code, message) = match &finished.exit {
        Exit::Code(0) => return Ok(()),
        Exit::Limit(Limit::Wall) => (
            Code::RunTimedOut,
            format!("killed at its wall limit of {}", show_duration(run.limits.wall)),
        ),
        Exit::Limit(limit) => (Code::RunFailed, over(*limit, run)),
        Exit::NotStarted(why) => (Code::RunFailed, format!("could not be started: {why}")),
        other => (Code::RunFailed, format!("ended with {other}")),
    };
    let mut failure = job.failure(code, message);
    failure.log = tail(&spec.stderr).or_else(|| tail(&spec.stdout));
    let words: Vec<_> = spec.argv.iter().map(|word| word.to_string_lossy()).collect();
    failure.notes.push(format!("it was started as `{}`", words.join(" ")));
    failure.notes.extend(missed(finished));
    if code == Code::RunTimedOut {
        failure.notes.push("`limits = { wall = \"...\" }` of the experiment sets it".to_owned());
    }
    failure.notes.push(format!("`rescience log '{}'` shows all it printed", job.name));
    Err(Box::new(failure))
}

/// Refuses a file of metrics that nobody could read at once.
fn check_sizes(job: &Job, run: &Run, out: &Path) -> Result<(), Box<Failure>> {
    for metric in run.metrics.values() {
        let size = std::fs::symlink_metadata(out.join(&metric.file)).map_or(0, |file| file.len());
        if size > METRICS {
            let (size, most) = (show_size(size), show_size(METRICS));
            let message = format!("`{}` has {size}, and metrics at most {most}", metric.file);
            let failure = job.failure(Code::RunFailed, message);
            let note = "series of numbers belong into a file of JSON lines beside it";
            return Err(Box::new(failure.note(note)));
        }
    }
    Ok(())
}

/// What a run is told that went over a limit: which one, and how much it was.
fn over(limit: Limit, run: &Run) -> String {
    let limits = &run.limits;
    let most = match limit {
        Limit::Wall => show_duration(limits.wall),
        Limit::Cpu => limits.cpu.map(show_duration).unwrap_or_default(),
        Limit::Memory => show_size(limits.memory),
        Limit::Disk => show_size(limits.disk),
        Limit::Processes => format!("{} processes and threads", limits.processes),
        Limit::Log => format!("{} times {}", Limits::FLOOD, show_size(limits.log)),
    };
    format!("killed at its {limit} limit of {most}")
}

/// What the program tried to open without having been given it, of those that are `wanted`.
pub(super) fn undeclared(finished: &Finished, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let paths = finished.opened.iter().flat_map(|opened| &opened.undeclared);
    let said = |path: &String| {
        format!("it tried to open `{path}`, which exists here but is not among its inputs")
    };
    paths.filter(|path| wanted(path)).map(said).collect()
}

/// The same for a program that failed; files of people first.
pub(super) fn missed(finished: &Finished) -> Vec<String> {
    let own = undeclared(finished, |path| !path.starts_with("/etc/"));
    let system = undeclared(finished, |path| path.starts_with("/etc/"));
    own.into_iter().chain(system).take(5).collect()
}

/// What the Pythons that a run's processes were say they are, each asked in a sandbox that shows
/// nothing of the run, and the packages where they looked, if anybody saw that.
async fn python(
    context: &Context,
    sandbox: &Sandbox,
    place: &Place,
    spec: &Spec,
    run: &Finished,
) -> (Option<String>, BTreeMap<String, String>) {
    let installed = Installed::new(&context.host.tools, &place.own());
    let looked = run.opened.as_ref().map_or(&[][..], |opened| &opened.packages);
    let interpreters = installed.interpreters(&run.measured.programs, looked);
    let interpreters: BTreeSet<PathBuf> = interpreters.into_iter().take(INTERPRETERS).collect();
    let mut says = BTreeSet::new();
    for interpreter in &interpreters {
        let (stdout, stderr) = (place.logs.join("python.out"), place.logs.join("python.err"));
        let question = Spec {
            argv: vec![interpreter.into(), "-V".into()],
            cwd: "/".into(),
            env: BTreeMap::new(),
            limits: Limits { memory: spec.limits.memory, log: 1 << 10, ..Limits::wall(ANSWER) },
            stdout: stdout.clone(),
            stderr,
            shown: context.tools(),
            gpus: Vec::new(),
            observed: false,
            ..spec.clone()
        };
        let answered = sandbox.run(&question, drop).await.exit.success();
        let said = std::fs::read_to_string(stdout).ok().filter(|_| answered);
        says.extend(said.map(|text| printable_line(text.trim())));
    }
    let says = Vec::from_iter(says);
    let says = (!says.is_empty()).then(|| says.join(", "));
    (says, installed.packages(&interpreters, looked))
}

fn facts(
    context: &Context,
    job: &Job,
    (python, packages): (Option<String>, BTreeMap<String, String>),
    run: RunFacts,
) -> Result<Facts, Failed> {
    // The program's own facts know what built it.
    let built = match job.dep("program")?.facts {
        Some(digest) => {
            let bytes = context.host.store.read(&digest).map_err(|error| job.store(&error))?;
            serde_json::from_slice::<Facts>(&bytes).ok()
        }
        None => None,
    };
    let mut software = built.map_or_else(Software::default, |built| Software {
        toolchain: built.toolchain,
        packages: built.packages,
        programs: built.programs,
    });
    software.toolchain.python = python;
    python::join(&mut software.packages, packages);
    Ok(Facts::new(context.machine(), software, env!("CARGO_PKG_VERSION"), run))
}

/// Moves a failed run's directory to where no build sweeps it away; none if that cannot be.
fn keep(context: &Context, job: &Job, scratch: &Path) -> Option<PathBuf> {
    let folder = context.host.cache.join("failed");
    std::fs::create_dir_all(&folder).ok()?;
    let to = folder.join(job.key.short());
    if to.exists() {
        rescience_store::remove_tree(&to).ok()?;
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
    // Progress bars return to the start of a line to write it anew.
    let lines: Vec<&str> = text.lines().flat_map(|line| line.rsplit('\r').next()).collect();
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
