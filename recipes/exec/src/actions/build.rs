//! Building a program from a source: by cargo, by a command, or not at all.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rescience_recipes::{BuildSystem, Code};
use rescience_store::{Artifact, Entry, Materialize};

use super::{Context, Evidence, Failed, Job, Yield, run};
use crate::cargo::{Comparison, Request, Stage, Workshop, compare};
use crate::event::Event;
use crate::facts::{Facts, RunFacts, Software, packages};
use crate::sandbox::{Access, Isolation, Limits, Progress, Sandbox, Spec};
use crate::toolchain::Toolchain;

/// Compiling has no limit of its own in a recipe; this one is for a compiler that hangs.
const WALL: Duration = Duration::from_secs(6 * 3600);

/// What a compiler may write; the target directory that builds share counts too.
const DISK: u64 = 100 << 30;

/// Processes and threads of compilers, which start some for every core.
const PROCESSES: u32 = 4096;

/// What a build may use: most of the machine, but not all of it, since its code is not trusted.
fn limits(context: &Context) -> Limits {
    Limits {
        memory: context.machine().memory.total_bytes.map(|total| total / 10 * 9),
        disk: Some(DISK),
        processes: Some(PROCESSES),
        ..Limits::wall(WALL)
    }
}

pub(super) async fn perform(
    context: &Context,
    job: &Job,
    system: &BuildSystem,
) -> Result<Yield, Failed> {
    match system {
        BuildSystem::Cargo => cargo(context, job).await,
        BuildSystem::Command(argv) => command(context, job, argv).await,
    }
}

async fn cargo(context: &Context, job: &Job) -> Result<Yield, Failed> {
    let host = &context.host;
    let store = &host.store;
    let source = job.dep("source")?;
    let toolchain = context.toolchain().map_err(|why| job.failure(Code::BuildFailed, why))?;
    let scratch = context.scratch(job)?;
    let sandbox = context.sandbox(job).await?;
    let workshop = enter(context, job, &toolchain, &sandbox).await?;
    context.materialize(job, &source.artifact, &workshop.source(), Materialize::Own)?;
    let (control, log) = (scratch.path().join("control"), scratch.path().join("cargo.log"));
    let (output, temporary) = (scratch.path().join("program"), scratch.path().join("tmp"));
    std::fs::create_dir_all(&temporary).map_err(|error| job.io(&temporary, &error))?;
    let request = Request {
        toolchain: &toolchain,
        env: &host.toolchain_env,
        path: &context.software(sandbox.isolation()),
        tools: &context.tools(),
        cargo_home: &cargo_home(&host.toolchain_env),
        offline: host.offline,
        jobs: u32::try_from(host.jobs).unwrap_or(1),
        limits: limits(context),
        control: &control,
        temporary: &temporary,
        log: &log,
        output: &output.join("bin"),
    };
    let started = host.clock.now();
    let built = workshop
        .build(&sandbox, &request, |message| tell(context, job, &message))
        .await
        .map_err(|error| job.failure(Code::BuildFailed, super::chain(&error)))?;
    let ended = host.clock.now();

    let mut evidence = Evidence::default();
    if log.exists() {
        let log = store.put_file(&log).map_err(|error| job.store(&error))?;
        evidence.logs.insert("stderr".to_owned(), Artifact::Blob(log.digest));
    }
    let lock = std::fs::read_to_string(workshop.source().join("Cargo.lock")).unwrap_or_default();
    let packages = packages::resolved(&lock).unwrap_or_default();
    let run = RunFacts::of(&built.finished, &request.limits, started, ended);
    let version = env!("CARGO_PKG_VERSION");
    let software = Software {
        toolchain: toolchain.facts(),
        packages,
        programs: programs(&output.join("bin")),
    };
    let facts = Facts::new(context.machine(), software, version, run);
    evidence.facts = Some(context.put_json(job, &facts)?);

    if !built.finished.exit.success() {
        let doing = match built.stage {
            Stage::Fetch => "its dependencies could not be fetched",
            Stage::Compile => "it does not compile",
        };
        let mut failure =
            job.failure(Code::BuildFailed, format!("{doing} ({})", built.finished.exit));
        failure.log = run::tail(&log);
        if built.stage == Stage::Fetch && host.offline {
            failure.notes.push("`--offline` forbids fetching them".to_owned());
        }
        return Err(Failed { failure: Box::new(failure), evidence });
    }
    if built.programs.is_empty() {
        let failure = job.failure(Code::BuildFailed, "the package has no program").note(
            "`build = \"cargo\"` wants a package with a `src/main.rs` or a `[[bin]]` at the top of its source",
        );
        return Err(Failed { failure: Box::new(failure), evidence });
    }
    let program = store.adopt_dir(&output).map_err(|error| job.store(&error))?;
    let compiled = format!(
        "{} crate{} compiled, {} fresh",
        built.compiled,
        if built.compiled == 1 { "" } else { "s" },
        built.fresh
    );
    let note = match against_the_last(context, job, &program, scratch.path()) {
        Some(verdict) => format!("{verdict}; {compiled}"),
        None => compiled,
    };
    Ok(Yield { note: Some(note), ..Yield::with(Artifact::Tree(program), evidence) })
}

/// The digests of the programs in a directory; one that cannot be read has none.
fn programs(bin: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(bin).into_iter().flatten().flatten();
    let program = |entry: std::fs::DirEntry| {
        let bytes = std::fs::read(entry.path()).ok()?;
        let digest = rescience_digest::Digest::of(&bytes).to_string();
        Some((entry.file_name().to_str()?.to_owned(), digest))
    };
    entries.filter_map(program).collect()
}

/// Takes the shared target directory, and says so if somebody else has it.
async fn enter(
    context: &Context,
    job: &Job,
    toolchain: &Toolchain,
    sandbox: &Sandbox,
) -> Result<Workshop, Failed> {
    let failed = |error| job.failure(Code::BuildFailed, super::chain(&error));
    // Cargo remembers where things were, so those that saw other paths do not share.
    let cache = match sandbox.isolation() {
        Isolation::Full => context.host.cache.join("cargo"),
        Isolation::Partial | Isolation::None => context.host.cache.join("cargo-open"),
    };
    if let Some(workshop) = Workshop::try_enter(&cache, toolchain).map_err(failed)? {
        return Ok(workshop);
    }
    context.send(Event::Blocking { on: "the shared cargo target directory".to_owned() });
    let toolchain = toolchain.clone();
    let entered = tokio::task::spawn_blocking(move || Workshop::enter(&cache, &toolchain)).await;
    Ok(entered.expect("waiting for a lock does not panic").map_err(failed)?)
}

fn cargo_home(env: &BTreeMap<OsString, OsString>) -> PathBuf {
    let get = |name: &str| env.get(std::ffi::OsStr::new(name)).map(PathBuf::from);
    get("CARGO_HOME").unwrap_or_else(|| get("HOME").unwrap_or_default().join(".cargo"))
}

/// A crate compiled is progress.
fn tell(context: &Context, job: &Job, message: &Progress) {
    let name = message.get("target").and_then(|target| target.get("name"));
    if let (Some("compiler-artifact"), Some(name)) =
        (message.get("reason").and_then(serde_json::Value::as_str), name)
    {
        context.progress(&job.name, Progress::from_iter([("crate".to_owned(), name.clone())]));
    }
}

/// How the program relates to the one that this action made last, if it made one.
fn against_the_last(
    context: &Context,
    job: &Job,
    program: &rescience_digest::Digest,
    scratch: &Path,
) -> Option<String> {
    let store = &context.host.store;
    let last = job.last?;
    let before = store.traces(&last).ok()?.into_iter().rev().find_map(|trace| trace.output)?;
    if before.digest() == *program {
        return Some("same program as before".to_owned());
    }
    let (old, new) = (binary(context, &before.digest())?, binary(context, program)?);
    let (old_file, new_file) = (scratch.join("old"), scratch.join("new"));
    store.materialize(&old, &old_file, Materialize::Own).ok()?;
    store.materialize(&new, &new_file, Materialize::Own).ok()?;
    match compare(&old_file, &new_file).ok()? {
        Comparison::Identical => Some("other programs of the package changed".to_owned()),
        differs => Some(differs.to_string()),
    }
}

/// The first program of a built package.
fn binary(context: &Context, program: &rescience_digest::Digest) -> Option<Artifact> {
    let store = &context.host.store;
    let Entry::Directory { digest } = store.tree(program).ok()?.entries.remove("bin")? else {
        return None;
    };
    match store.tree(&digest).ok()?.entries.into_values().next()? {
        Entry::File { digest, .. } => Some(Artifact::Blob(digest)),
        _ => None,
    }
}

async fn command(context: &Context, job: &Job, argv: &[String]) -> Result<Yield, Failed> {
    let host = &context.host;
    let store = &host.store;
    let scratch = context.scratch(job)?;
    let sandbox = context.sandbox(job).await?;
    let inside = |name: &str| scratch.path().join(name);
    let show = |name: &str| sandbox.show(&inside(name), &format!("/{name}"), Access::Write);
    let (source, out, temporary, log) =
        (show("source"), show("out"), show("tmp"), inside("stderr.log"));
    for folder in [&out.from, &temporary.from] {
        std::fs::create_dir_all(folder).map_err(|error| job.io(folder, &error))?;
    }
    context.materialize(job, &job.dep("source")?.artifact, &source.from, Materialize::Own)?;
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: OsString| env.insert(OsString::from(name), value);
    let path = std::env::join_paths(context.software(sandbox.isolation()));
    set("PATH", path.unwrap_or_default());
    set("HOME", temporary.at.clone().into());
    set("TMPDIR", temporary.at.clone().into());
    set("LANG", "C.UTF-8".into());
    set("TZ", "UTC".into());
    set("RESCIENCE_OUT", out.at.clone().into());
    let spec = Spec {
        argv: argv
            .iter()
            .map(|word| word.replace("{out}", &out.at.to_string_lossy()).into())
            .collect(),
        cwd: source.at.clone(),
        env,
        limits: limits(context),
        control: inside("control"),
        stdout: inside("stdout.log"),
        stderr: log.clone(),
        shown: context.tools().into_iter().chain([source, out.clone(), temporary]).collect(),
        network: false,
        gpus: Vec::new(),
        observed: true,
        isolation: sandbox.isolation(),
    };
    let started = host.clock.now();
    let finished = sandbox.run(&spec, drop).await;
    let run = RunFacts::of(&finished, &spec.limits, started, host.clock.now());
    let mut evidence = Evidence::default();
    for (name, path) in [("stdout", &spec.stdout), ("stderr", &spec.stderr)] {
        if path.exists() {
            let log = store.put_file(path).map_err(|error| job.store(&error))?;
            evidence.logs.insert(name.to_owned(), Artifact::Blob(log.digest));
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    let facts = Facts::new(context.machine(), Software::default(), version, run);
    evidence.facts = Some(context.put_json(job, &facts)?);
    if !finished.exit.success() {
        let mut failure = job.failure(
            Code::BuildFailed,
            format!("`{}` ended with {}", argv.join(" "), finished.exit),
        );
        failure.log = run::tail(&log).or_else(|| run::tail(&spec.stdout));
        failure.notes.extend(run::missed(&finished));
        return Err(Failed { failure: Box::new(failure), evidence });
    }
    match store.adopt_dir(&out.from) {
        Ok(program) => Ok(Yield::with(Artifact::Tree(program), evidence)),
        Err(error) => {
            let failure = Box::new(job.failure(Code::BuildFailed, super::chain(&error)));
            Err(Failed { failure, evidence })
        }
    }
}
