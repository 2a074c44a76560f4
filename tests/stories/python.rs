//! Python runs: the interpreter that ran and the packages where it looked, and no others.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::accelerators::facts;
use crate::support::toy::{self, RECIPE};
use crate::support::{Project, World};

/// Where there is a Python without which this says nothing.
const INTERPRETER: &str = "/usr/bin/python3";

const PROGRAM: &str = r#"import json, os, time
time.sleep(0.4)
out = os.environ["RESCIENCE_OUT"]
json.dump({"score": 1.5}, open(out + "/metrics.json", "w"))
open(out + "/series.jsonl", "w").write('{"step": 1, "score": 1.5}\n')
"#;

/// The `3.11` of the system's interpreter, if it has one.
fn version() -> Option<String> {
    let target = fs::read_link(INTERPRETER).ok()?;
    Some(target.file_name()?.to_str()?.strip_prefix("python")?.to_owned())
}

/// A virtual environment with one package, as `python3 -m venv` and an installer leave it.
fn environment(world: &World, version: &str, package: &str) -> PathBuf {
    let folder = world.path("venv");
    let packages = folder.join(format!("lib/python{version}/site-packages"));
    fs::create_dir_all(packages.join(package)).unwrap();
    fs::create_dir_all(folder.join("bin")).unwrap();
    symlink(INTERPRETER, folder.join("bin/python")).unwrap();
    let settings = "home = /usr/bin\ninclude-system-site-packages = false\n";
    fs::write(folder.join("pyvenv.cfg"), settings).unwrap();
    folder
}

fn project<'w>(world: &'w World, python: &Path) -> Project<'w> {
    let toy = toy::toy(world, "toy");
    let run = format!(r#"["{}", "run.py", "{{n}}"]"#, python.display());
    let recipe = RECIPE.replace(r#"["sh", "run.sh", "{n}"]"#, &run);
    assert_ne!(recipe, RECIPE);
    toy.write("rescience.toml", &recipe.replace("seeds   = 2", "seeds   = 1"));
    toy.write("experiment/run.py", PROGRAM);
    toy
}

/// A world whose tools are such an environment, with one package.
fn world_with_environment(version: &str) -> (World, PathBuf) {
    let mut world = World::new();
    let folder = environment(&world, version, "abacus-1.2.3.dist-info");
    world.set("RESCIENCE_TOOLS", folder.display().to_string());
    (world, folder)
}

/// The facts of both runs, which were this version's.
fn runs(world: &World, version: &str) -> Vec<Value> {
    let runs = facts(world);
    assert_eq!(runs.len(), 2);
    for facts in &runs {
        let says = facts["toolchain"]["python"].as_str().unwrap_or_default();
        assert!(says.starts_with(&format!("Python {version}.")), "{facts:#}");
    }
    runs
}

#[test]
fn the_packages_of_a_run_are_those_of_its_environment() {
    let Some(version) = version() else {
        return println!("skipped: there is no {INTERPRETER}");
    };
    let (world, folder) = world_with_environment(&version);
    let toy = project(&world, &folder.join("bin/python"));
    toy.run(&["build"]).ok();
    for facts in runs(&world, &version) {
        assert_eq!(facts["packages"], json!({ "abacus": "1.2.3" }), "{facts:#}");
    }
    let html = toy.read("out/main.html");
    for says in ["abacus</span> 1.2.3".to_owned(), format!("python</span> {version}.")] {
        assert!(html.contains(&says), "{says}: {html}");
    }
}

/// As `~/envs/current` is; and a program that the system's interpreter starts in another one.
#[test]
fn an_environment_that_is_a_link_is_looked_in_like_any_other() {
    let Some(version) = version() else {
        return println!("skipped: there is no {INTERPRETER}");
    };
    for level in ["full", "partial"] {
        let mut world = World::new();
        let folder = environment(&world, &version, "abacus-1.2.3.dist-info");
        let link = world.path("current");
        symlink(&folder, &link).unwrap();
        world.set("RESCIENCE_TOOLS", link.display().to_string());
        let toy = project(&world, Path::new(INTERPRETER));
        let inner = "import subprocess, time\ntime.sleep(0.2)\n";
        let python = link.join("bin/python").display().to_string();
        let starts = format!("subprocess.check_call(['{python}', 'inner.py'])\n");
        toy.write("experiment/run.py", &format!("{inner}{starts}"));
        toy.write("experiment/inner.py", PROGRAM);
        let said = toy.run(&["build", "--sandbox", level]).ok();
        said.lacks("tried to open");
        for facts in runs(&world, &version) {
            assert_eq!(facts["packages"]["abacus"], "1.2.3", "{level}: {facts:#}");
            let undeclared = facts["run"]["undeclared"].as_array().unwrap();
            let tools = |path: &&Value| path.as_str().unwrap().contains("venv");
            assert!(!undeclared.iter().any(|path| tools(&path)), "{level}: {undeclared:?}");
        }
    }
}

/// Nobody looks without a sandbox, and packages that nobody saw are none that are said.
#[test]
fn where_nobody_looks_no_packages_are_said() {
    let Some(version) = version() else {
        return println!("skipped: there is no {INTERPRETER}");
    };
    let (world, folder) = world_with_environment(&version);
    let toy = project(&world, &folder.join("bin/python"));
    toy.run(&["build", "--sandbox", "none"]).ok();
    for facts in runs(&world, &version) {
        assert_eq!(facts["packages"], json!({}), "{facts:#}");
        assert_eq!(facts["run"]["undeclared"], Value::Null);
    }
}

/// What a program brings along speaks for itself alone.
#[test]
fn packages_that_a_program_brings_along_are_none_of_the_machines() {
    let Some(version) = version() else {
        return println!("skipped: there is no {INTERPRETER}");
    };
    let world = World::new();
    let toy = project(&world, Path::new(INTERPRETER));
    let forged = "experiment/site-packages/numpy-99.0.dist-info/METADATA";
    toy.write(forged, "Name: numpy\nVersion: 99.0\n");
    toy.write("experiment/run.py", &format!("import os\nos.listdir('site-packages')\n{PROGRAM}"));
    // Where everything is seen where it is, so that the forged folder is there to be read.
    toy.run(&["build", "--sandbox", "partial"]).ok();
    for facts in runs(&world, &version) {
        assert_ne!(facts["packages"]["numpy"], "99.0", "{facts:#}");
    }
}
