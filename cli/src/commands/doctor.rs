//! `rescience doctor`: what this machine offers, what is missing, and the mend for each.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rescience_exec::facts::Machine;
use rescience_exec::host::free_space;
use rescience_exec::sandbox::{Offer, SOFTWARE, Sandbox};
use rescience_exec::toolchain::Toolchain;
use rescience_recipes::BuildSystem;
use rescience_store::{Store, StoreError};
use serde_json::json;

use super::gc::bytes;
use crate::args::{Doctor, Global, MessageFormat};
use crate::error::Error;
use crate::project::Project;
use crate::settings::Settings;
use crate::shell::{STRONG, Shell};

/// Free bytes that are soon used up.
const LITTLE: u64 = 5 << 30;

/// One thing looked at.
struct Finding {
    what: &'static str,
    found: String,
    mend: Option<String>,
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Finding {
        Finding { what, found: found.into(), mend: None }
    }

    fn missing(what: &'static str, found: impl Into<String>, mend: &str) -> Finding {
        Finding { what, found: found.into(), mend: Some(mend.to_owned()) }
    }
}

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Doctor,
) -> Result<(), Error> {
    let machine = Machine::measure();
    let findings = findings(global, settings, &machine);
    if args.message_format == MessageFormat::Json {
        for finding in &findings {
            shell.data(json!({
                "reason": "finding", "what": finding.what, "found": finding.found,
                "mend": finding.mend,
            }));
        }
        return Ok(());
    }
    for Finding { what, found, mend } in &findings {
        shell.data(format_args!("{STRONG}{what:>12}{STRONG:#}  {found}"));
        if let Some(mend) = mend {
            shell.data(format_args!("{:>12}  -> {mend}", ""));
        }
    }
    Ok(())
}

fn findings(global: &Global, settings: &Settings, machine: &Machine) -> Vec<Finding> {
    let unknown = || "unknown".to_owned();
    let count = |number: Option<u32>| number.map_or_else(unknown, |number| number.to_string());
    let cpu = &machine.cpu;
    let mut findings = vec![
        Finding::good(
            "processor",
            format!(
                "{}, {} cores, {} threads",
                cpu.model.clone().unwrap_or_else(unknown),
                count(cpu.cores),
                count(cpu.threads)
            ),
        ),
        Finding::good("memory", machine.memory.total_bytes.map_or_else(unknown, bytes)),
        Finding::good("system", machine.os.clone().unwrap_or_else(unknown)),
        Finding::good("kernel", machine.kernel.clone().unwrap_or_else(unknown)),
    ];
    findings.extend(gpus(machine));
    findings.extend(sandbox(settings));
    findings.push(rust(settings));
    findings.extend([linker(settings), python(settings)]);
    findings.push(store(settings));
    findings.push(disk(settings));
    findings.push(keys(settings));
    findings.push(recipe(global, settings));
    findings
}

fn sandbox(settings: &Settings) -> Vec<Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let place = open_store(settings).and_then(|store| store.scratch("doctor"));
    let offer = match (runtime, place) {
        (Ok(runtime), Ok(place)) => {
            Ok(runtime.block_on(Sandbox::offer(&settings.binary, place.path())))
        }
        (Err(error), _) => Err(error.to_string()),
        (_, Err(error)) => Err(error.to_string()),
    };
    match offer {
        Ok(Offer { level, lacks }) if lacks.is_empty() => {
            vec![Finding::good("sandbox", level.to_string())]
        }
        Ok(Offer { level, lacks }) => lacks
            .iter()
            .map(|lack| {
                let found = format!("{level}; not {}: {}", lack.level.as_str(), lack.why);
                Finding::missing("sandbox", found, &lack.mend)
            })
            .collect(),
        Err(why) => vec![Finding::missing("sandbox", why, "it could not be tried")],
    }
}

fn gpus(machine: &Machine) -> Vec<Finding> {
    if let Some(absent) = &machine.gpu.absent {
        return vec![Finding::missing("gpu", absent, "experiments run on the processor only")];
    }
    let driver = machine.gpu.driver.clone().unwrap_or_else(|| "unknown".to_owned());
    let devices = machine.gpu.devices.iter();
    devices
        .map(|device| {
            let name = device.name.clone().unwrap_or_else(|| "unnamed".to_owned());
            let memory =
                device.memory_bytes.map_or_else(String::new, |size| format!(", {}", bytes(size)));
            let split = if device.mig == Some(true) { ", split into instances (MIG)" } else { "" };
            Finding::good("gpu", format!("{name}{memory}, driver {driver}{split}"))
        })
        .collect()
}

fn rust(settings: &Settings) -> Finding {
    let cache = settings.home.join("cache").join("toolchain");
    match Toolchain::find(&settings.toolchain, &settings.directory, &cache) {
        Ok(tools) => {
            Finding::good("toolchain", format!("{} (for `build = \"cargo\"`)", tools.cargo_says))
        }
        Err(why) => Finding::missing(
            "toolchain",
            why.to_string(),
            "experiments with `build = \"cargo\"` need Rust",
        ),
    }
}

/// A program of that name in the directories of `PATH`.
fn on_path(settings: &Settings, names: &[&str]) -> Option<PathBuf> {
    let path = settings.toolchain.get(OsStr::new("PATH"))?;
    let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
    let among = |name: &&str| folders.iter().map(|dir| dir.join(name)).find(|file| file.is_file());
    names.iter().find_map(among)
}

fn linker(settings: &Settings) -> Finding {
    match on_path(settings, &["cc"]) {
        Some(cc) => Finding::good("linker", cc.display().to_string()),
        None => Finding::missing(
            "linker",
            "no `cc` in PATH",
            "programs in Rust are linked by a C compiler: `apt-get install gcc libc6-dev`",
        ),
    }
}

fn python(settings: &Settings) -> Finding {
    let Some(python) = on_path(settings, &["python3", "python"]) else {
        return Finding::missing("python", "none in PATH", "only experiments in Python need it");
    };
    let shown = SOFTWARE.iter().map(Path::new).chain(settings.tools.iter().map(PathBuf::as_path));
    let real = python.canonicalize().unwrap_or_else(|_| python.clone());
    match shown.into_iter().any(|root| python.starts_with(root) && real.starts_with(root)) {
        true => Finding::good("python", python.display().to_string()),
        false => Finding::missing(
            "python",
            format!("{}, which experiments do not see", python.display()),
            "name its directory in RESCIENCE_TOOLS, or use the system's",
        ),
    }
}

fn disk(settings: &Settings) -> Finding {
    let place = settings.home.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match free_space(place) {
        Some(free) if free >= LITTLE => Finding::good("disk", format!("{} free", bytes(free))),
        Some(free) => Finding::missing(
            "disk",
            format!("{} free at {}", bytes(free), place.display()),
            "set RESCIENCE_HOME to a larger file system, or see `rescience gc`",
        ),
        None => Finding::missing("disk", "unknown", "the file system does not tell"),
    }
}

/// Which keys of services are set; their values are nobody's business.
fn keys(settings: &Settings) -> Finding {
    let named = |set: bool| {
        let names = settings.keys.iter().filter(|(_, is)| *is == set).map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    let (set, unset) = (named(true), named(false));
    Finding::good(
        "keys",
        match (set.is_empty(), unset.is_empty()) {
            (true, _) => format!("none set ({unset})"),
            (false, true) => format!("{set} set"),
            (false, false) => format!("{set} set; not set: {unset}"),
        },
    )
}

fn open_store(settings: &Settings) -> Result<Store, StoreError> {
    Store::open(&settings.home.join("store"))
}

fn store(settings: &Settings) -> Finding {
    let root = settings.home.join("store");
    let report = open_store(settings).and_then(|store| store.check(false));
    match report {
        Ok(report) if report.problems.is_empty() => Finding::good(
            "store",
            format!("{}: {} objects, {}", root.display(), report.objects, bytes(report.bytes)),
        ),
        Ok(report) => Finding::missing(
            "store",
            format!("{}: {} problems", root.display(), report.problems.len()),
            "`rescience check-store --repair` names them and drops what is damaged",
        ),
        Err(error) => Finding::missing(
            "store",
            format!("{}: {error}", root.display()),
            "set RESCIENCE_HOME to a directory that can be written",
        ),
    }
}

fn recipe(global: &Global, settings: &Settings) -> Finding {
    match Project::open(global, settings) {
        Ok(project) => {
            let recipe = &project.recipe;
            let cargo = recipe
                .experiments
                .values()
                .any(|it| *it.build.get_ref() == Some(BuildSystem::Cargo));
            let needs = if cargo { ", needs cargo" } else { "" };
            Finding::good(
                "recipe",
                format!("{} {}{needs}", recipe.project.name, recipe.project.version),
            )
        }
        Err(Error::NoRecipe { .. }) => {
            Finding::missing("recipe", "none here", "`rescience new DIR` makes a project")
        }
        Err(_) => Finding::missing("recipe", "has errors", "`rescience check` shows them"),
    }
}
