//! Accelerators: what the driver's library tells is in facts and paper, and nothing else is.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::toy::{self, RECIPE};
use crate::support::{Project, World};

/// The stand-in for the driver's library, which `cargo test` builds beside the tests.
fn library() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_rescience"));
    let library = binary.with_file_name("examples").join("libfake_nvml.so");
    assert!(library.exists(), "build it: cargo build -p rescience-exec --example fake_nvml");
    library
}

/// A world with a driver that plays a scenario.
pub(super) fn world(scenario: &str) -> World {
    let mut world = World::new();
    let driver = world.path("driver");
    std::fs::create_dir(&driver).unwrap();
    std::fs::copy(library(), driver.join("libnvidia-ml.so.1")).unwrap();
    std::fs::write(driver.join("scenario"), scenario).unwrap();
    world.set("LD_LIBRARY_PATH", driver.display().to_string());
    world
}

/// The toy, whose runs ask for accelerators and take some time.
fn asking<'w>(world: &'w World, gpus: u32) -> Project<'w> {
    taking(world, gpus, "1.875")
}

/// The same with another time, by which its processes are known from those of other tests.
pub(super) fn taking<'w>(world: &'w World, gpus: u32, time: &str) -> Project<'w> {
    let toy = toy::toy(world, "toy");
    let wall = r#"{ wall = "30s" }"#;
    let recipe = RECIPE.replace(wall, &format!(r#"{{ wall = "30s", gpus = {gpus} }}"#));
    assert_ne!(recipe, RECIPE);
    toy.write("rescience.toml", &recipe.replace("seeds   = 2", "seeds   = 1"));
    toy.write("experiment/run.sh", &toy::script(time));
    toy
}

/// What the runs of a project were measured to be.
pub(super) fn facts(world: &World) -> Vec<Value> {
    let runs = world.traces();
    let runs = runs.iter().filter(|trace| trace["action"].as_str().unwrap().contains('#'));
    runs.map(|trace| {
        let hex = trace["facts"].as_str().unwrap().trim_start_matches("b3:").to_owned();
        let file = world
            .objects()
            .into_iter()
            .find(|path| path.display().to_string().replace('/', "").ends_with(&hex));
        serde_json::from_slice(&std::fs::read(file.unwrap()).unwrap()).unwrap()
    })
    .collect()
}

#[test]
fn doctor_says_what_the_driver_says() {
    for (scenario, says) in [
        ("none", "no NVIDIA GPU: the driver reports no devices"),
        ("mismatch", "libnvidia-ml.so.1 and the kernel driver are of different versions"),
        ("not-loaded", "no NVIDIA GPU: the kernel driver is not loaded"),
        ("refused", "no NVIDIA GPU: no permission to talk to the kernel driver"),
        ("one", "NVIDIA Fake 9000, 80.0 GiB, driver 570.86.15"),
        ("mig", "NVIDIA Fake 9000, 80.0 GiB, driver 570.86.15, split into instances"),
        ("closed", "NVIDIA Fake 9000, driver 570.86.15"),
    ] {
        let doctor = world(scenario).run(&["doctor"]).ok();
        assert!(doctor.stdout.contains(says), "{scenario}: no `{says}`\n{doctor}");
    }
    let eight = world("eight").run(&["doctor"]).ok();
    assert_eq!(eight.stdout.matches("NVIDIA Fake 9000").count(), 8, "{eight}");
}

#[test]
fn a_paper_prints_exactly_what_the_driver_says() {
    let fake = "NVIDIA Fake 9000";
    for (scenario, says, lacks) in [
        ("none", vec!["no NVIDIA GPU: the driver reports no devices"], fake),
        (
            "mismatch",
            vec!["libnvidia-ml.so.1 and the kernel driver are of different versions"],
            fake,
        ),
        ("not-loaded", vec!["no NVIDIA GPU: the kernel driver is not loaded"], fake),
        ("refused", vec!["no NVIDIA GPU: no permission to talk to the kernel driver"], fake),
        ("one", vec![fake, "85.9", "driver 570.86.15", "CUDA 12.8"], "split into"),
        ("eight", vec!["8 × NVIDIA Fake 9000", "driver 570.86.15"], "no NVIDIA GPU"),
        ("mig", vec![fake, "split into instances", "driver 570.86.15"], "no NVIDIA GPU"),
        ("closed", vec![fake, "driver 570.86.15"], "85.9"),
    ] {
        let world = world(scenario);
        let toy = toy::toy(&world, "toy");
        toy.run(&["build"]).ok();
        let html = toy.read("out/main.html");
        let closing = closing(&html);
        for says in says {
            assert!(closing.contains(says), "{scenario}: no `{says}`\n{closing}");
        }
        assert!(!closing.contains(lacks), "{scenario}: `{lacks}`\n{closing}");
    }
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    toy.run(&["build"]).ok();
    let html = toy.read("out/main.html");
    assert!(html.contains("no NVIDIA GPU: libnvidia-ml.so.1 not found"), "{}", closing(&html));
}

#[test]
fn a_run_that_computed_has_evidence() {
    let world = world("one");
    std::fs::write(world.path("driver/computing"), "1.8125").unwrap();
    let toy = taking(&world, 1, "1.8125");
    toy.run(&["build"]).ok();
    for facts in facts(&world) {
        let gpu = &facts["run"]["gpus"][0];
        assert_eq!(gpu["touched"], true, "{gpu:#}");
        assert_eq!(gpu["own_processes"], 1, "{gpu:#}");
        assert_eq!(gpu["other_processes"], 0, "{gpu:#}");
        assert_eq!(gpu["utilisation_percent"]["max"], 87.0, "{gpu:#}");
        assert_eq!(gpu["power_w"]["mean"], 400.0, "{gpu:#}");
        assert_eq!(gpu["throttled"], serde_json::json!(["sw-power-cap"]), "{gpu:#}");
        assert_eq!(gpu["energy_source"], "counter", "{gpu:#}");
        // The run slept for about two seconds at four hundred watts.
        let energy = gpu["energy_j"].as_f64().unwrap();
        assert!((400.0..40_000.0).contains(&energy), "{gpu:#}");
        // A sum with the processor's, where that can be read, or none.
        let cpu = facts["run"]["cpu_energy_j"].as_f64();
        assert_eq!(facts["run"]["energy_j"].as_f64(), cpu.map(|cpu| cpu + energy));
        assert_eq!(facts["run"]["energy_absent"].is_string(), cpu.is_none());
        let device = &facts["gpu"]["devices"][0];
        assert_eq!(device["vbios"], "96.00.89.00.01");
        assert_eq!((&device["ecc"], &device["mig"]), (&true.into(), &false.into()));
        assert_eq!(facts["gpu"]["cuda"], "12.8");
    }
    let html = toy.read("out/main.html");
    for says in
        ["NVIDIA Fake 9000", "driver 570.86.15", "times a device computed for its run", " % busy"]
    {
        assert!(html.contains(says), "no `{says}`:\n{}", closing(&html));
    }
}

#[test]
fn a_run_that_asked_and_was_not_seen_computing_says_so_in_the_paper() {
    let world = world("counterless");
    let toy = asking(&world, 1);
    toy.run(&["build"]).ok();
    for facts in facts(&world) {
        let gpu = &facts["run"]["gpus"][0];
        assert_eq!((&gpu["touched"], &gpu["own_processes"]), (&false.into(), &0.into()));
        assert_eq!(gpu["energy_source"], "integrated", "{gpu:#}");
    }
    let html = toy.read("out/main.html");
    assert!(html.contains("asked for and not seen computing"), "{}", closing(&html));
}

#[test]
fn a_device_that_is_lost_or_closed_is_told_and_nothing_is_filled_in() {
    let world_lost = world("lost");
    let toy = asking(&world_lost, 1);
    toy.run(&["build", "-j", "1"]).ok();
    assert!(
        facts(&world_lost).iter().any(|facts| facts["run"]["gpus"][0]["lost"].is_string()),
        "{:#?}",
        facts(&world_lost)
    );
    let html = toy.read("out/main.html");
    assert!(html.contains("not measured to the end"), "{}", closing(&html));

    let world = world("closed");
    asking(&world, 1).run(&["build"]).ok();
    for facts in facts(&world) {
        let gpu = &facts["run"]["gpus"][0];
        for unknown in ["power_w", "energy_j", "utilisation_percent", "touched", "memory_bytes"] {
            assert_eq!(gpu[unknown], Value::Null, "{unknown}");
        }
        // A look that nothing came of is none.
        assert_eq!(gpu["samples"], 0, "{gpu:#}");
        assert_eq!(facts["gpu"]["devices"][0]["memory_bytes"], Value::Null);
    }
}

#[test]
fn a_run_that_needs_what_is_missing_says_so_before_anything_starts() {
    let world_one = world("one");
    let toy = asking(&world_one, 2);
    toy.run(&["build"])
        .code(101)
        .says("error[RS0131]: experiment.less#0: it needs 2 GPUs; this machine has 1");
    assert_eq!(world_one.traces().len(), 0);

    let world = World::new();
    let toy = asking(&world, 1);
    toy.run(&["build"])
        .code(101)
        .says("it needs 1 GPU; no NVIDIA GPU: libnvidia-ml.so.1 not found");
    assert_eq!(world.traces().len(), 0);
}

/// Two runs of one device each, one device: never both at once.
#[test]
fn devices_are_handed_out_whole() {
    let world = world("one");
    let toy = asking(&world, 1);
    toy.write(
        "experiment/run.sh",
        &format!("{}echo \"<$CUDA_VISIBLE_DEVICES>\" >&2\n", toy::script("0.5")),
    );
    toy.run(&["build", "-j", "4"]).ok();
    let runs = facts(&world);
    assert_eq!(runs.len(), 2);
    for run in ["experiment.less#0", "experiment.more#0"] {
        toy.run(&["log", run]).ok().prints("<GPU-00000000-fake-0000-0000-000000000000>");
    }
}

/// Another build has the first of eight: what needs one takes another, and waits for nobody.
#[test]
fn what_another_build_has_is_not_waited_for() {
    let world = world("eight");
    let toy = asking(&world, 1);
    // It also makes the files of the locks.
    toy.run(&["build"]).ok();
    let first = "GPU-00000000-fake-0000-0000-000000000000";
    let place =
        ["/run/lock", "/tmp"].map(|dir| Path::new(dir).join(format!("rescience-gpu-{first}")));
    let file = place.iter().find_map(|path| std::fs::File::open(path).ok()).unwrap();
    file.lock().unwrap();
    toy.write(
        "experiment/run.sh",
        &format!("{}echo \"<$CUDA_VISIBLE_DEVICES>\" >&2\n", toy::script("0.25")),
    );
    toy.run(&["build", "-j", "1"]).ok();
    for run in ["experiment.less#0", "experiment.more#0"] {
        toy.run(&["log", run]).ok().lacks(first);
    }
}

/// What a test shows of a page that lacks something.
fn closing(html: &str) -> &str {
    html.split_once("class=\"closing\"").map_or(html, |(_, closing)| closing)
}
