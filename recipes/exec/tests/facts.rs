//! Facts of machines that are described by files, and of the one at hand.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rescience_exec::facts::{Facts, Gpu, GpuUse, Machine, RunFacts, Software};
use rescience_exec::sandbox::{Exit, Finished, Level, Limit, Limits, Log, Opened, Usage};
use rescience_exec::toolchain::ToolchainFacts;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The files that a machine of `threads` shows, of which `siblings` share each core.
fn machine(arch: &str, cpuinfo: &str, threads: usize, siblings: usize) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("proc/cpuinfo", cpuinfo);
    write("proc/meminfo", "MemTotal:       24635392 kB\nMemFree:        1 kB\n");
    write("proc/sys/kernel/ostype", "Linux\n");
    write("proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
    write("proc/sys/kernel/arch", arch);
    write("etc/os-release", "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
    for thread in 0..threads {
        let first = thread / siblings * siblings;
        let list = format!("{first}-{}\n", first + siblings - 1);
        write(&format!("sys/devices/system/cpu/cpu{thread}/topology/core_cpus_list"), &list);
    }
    write("sys/devices/system/cpu/cpufreq/unrelated", "");
    root
}

fn measured(root: &Path) -> Value {
    serde_json::to_value(Machine::at(root, Gpu::default())).unwrap()
}

fn per_thread(threads: usize, text: &str) -> String {
    (0..threads).map(|thread| format!("processor\t: {thread}\n{text}\n")).collect()
}

/// What makes the third level of x86-64, and one instruction of the fourth.
const FLAGS: &str = "fpu cx8 cmov fxsr mmx syscall sse2 pni ssse3 cx16 sse4_1 sse4_2 popcnt \
                     lahf_lm avx avx2 bmi1 bmi2 f16c fma abm movbe xsave avx512f";

#[test]
fn an_amd_machine() {
    let info = per_thread(
        4,
        &format!(
            "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n\
             model name\t: AMD EPYC 9354 32-Core Processor\nmicrocode\t: 0xa10113e\n\
             physical id\t: 0\ncore id\t\t: 0\nflags\t\t: {FLAGS}\n"
        ),
    );
    assert_eq!(
        measured(machine("x86_64", &info, 4, 2).path()),
        json!({
            "cpu": {
                "model": "AMD EPYC 9354 32-Core Processor", "vendor": "AuthenticAMD",
                "cores": 2, "threads": 4, "architecture": "x86_64",
                "microcode": "0xa10113e", "level": "x86-64-v3",
                "flags": FLAGS.split(' ').collect::<Vec<_>>()
            },
            "memory": { "total_bytes": 25_226_641_408_u64 },
            "kernel": "Linux 6.1.0-13-amd64",
            "os": "Debian GNU/Linux 12 (bookworm)",
            "gpu": { "devices": [], "driver": null, "cuda": null, "absent": null }
        })
    );
}

#[test]
fn an_intel_machine_without_a_topology_in_sys() {
    let info: String = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0), (0, 1), (1, 0), (1, 1)]
        .iter()
        .enumerate()
        .map(|(thread, (socket, core))| {
            format!(
                "processor\t: {thread}\nvendor_id\t: GenuineIntel\n\
                 model name\t: Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz\n\
                 physical id\t: {socket}\ncore id\t\t: {core}\n\n"
            )
        })
        .collect();
    assert_eq!(
        measured(machine("x86_64\n", &info, 0, 1).path())["cpu"],
        json!({
            "model": "Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz", "vendor": "GenuineIntel",
            "cores": 4, "threads": 8, "architecture": "x86_64",
            "microcode": null, "level": null, "flags": []
        })
    );
}

#[test]
fn arm_machines_have_numbers_for_names() {
    let core = |part: &str| {
        format!(
            "BogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n\
             CPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: {part}\nCPU revision\t: 1\n"
        )
    };
    let cpu = |info: &str, threads| {
        measured(machine("aarch64\n", info, threads, 1).path())["cpu"].clone()
    };
    assert_eq!(
        cpu(&per_thread(2, &core("0xd0c")), 2),
        json!({
            "model": "Neoverse-N1", "vendor": "ARM", "cores": 2, "threads": 2,
            "architecture": "aarch64", "microcode": null, "level": null,
            "flags": ["fp", "asimd"]
        })
    );
    let mixed = per_thread(4, &core("0xd03")) + &per_thread(2, &core("0xd08"));
    assert_eq!(cpu(&mixed, 6)["model"], "Cortex-A53 + Cortex-A72");
    let unknown = core("0xfff").replace("0x41", "0x99");
    let seen = cpu(&per_thread(1, &unknown), 1);
    assert_eq!(seen["model"], "implementer 0x99, part 0xfff");
    assert_eq!(seen["vendor"], "0x99");
}

#[test]
fn what_cannot_be_read_is_null() {
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(
        measured(nothing.path()),
        json!({
            "cpu": {
                "model": null, "vendor": null, "cores": null, "threads": null,
                "architecture": null, "microcode": null, "level": null, "flags": []
            },
            "memory": { "total_bytes": null },
            "kernel": null,
            "os": null,
            "gpu": { "devices": [], "driver": null, "cuda": null, "absent": null }
        })
    );
}

#[test]
fn this_machine_is_measured() {
    let machine = Machine::measure();
    let (cores, threads) = (machine.cpu.cores.unwrap(), machine.cpu.threads.unwrap());
    assert!(cores >= 1 && cores <= threads, "{machine:?}");
    assert!(machine.memory.total_bytes.unwrap() > 1 << 26, "{machine:?}");
    assert!(machine.kernel.as_deref().unwrap().starts_with("Linux "), "{machine:?}");
    assert!(machine.cpu.architecture.is_some(), "{machine:?}");
}

#[test]
fn the_document_has_the_documented_shape() {
    let nothing = tempfile::tempdir().unwrap();
    let machine = Machine::at(nothing.path(), Gpu::default());
    let log = Log { written: 0, kept: 0 };
    let mut finished = Finished {
        exit: Exit::Code(0),
        told: true,
        usage: Usage {
            wall: Duration::from_millis(21_300),
            user: Duration::from_millis(20_900),
            system: Duration::from_millis(200),
            peak_memory_bytes: 123,
            charged_memory_bytes: None,
        },
        level: Level::Full,
        stdout: log,
        stderr: log,
        left_running: 0,
        held: Default::default(),
        opened: None,
        measured: Default::default(),
    };
    let times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:22Z"].map(|time| time.parse().unwrap());
    let limits = Limits { memory: Some(1 << 30), ..Limits::wall(Duration::from_secs(60)) };
    let run = |finished: &Finished| RunFacts::of(finished, &limits, times[0], times[1]);
    let software = Software {
        toolchain: ToolchainFacts {
            rustc: Some("rustc 1.95.0".to_owned()),
            ..ToolchainFacts::default()
        },
        packages: [("candle-core".to_owned(), "0.11.1".to_owned())].into(),
        programs: [("grokking".to_owned(), "b3:00".to_owned())].into(),
    };
    let facts = Facts::new(&machine, software, "0.1.0", run(&finished));
    let document = serde_json::to_value(&facts).unwrap();
    assert_eq!(document["schema"], 4);
    assert_eq!(
        document["toolchain"],
        json!({
            "rustc": "rustc 1.95.0", "cargo": null, "linker": null, "python": null,
            "rustc_verbose": null, "target_features": null
        })
    );
    assert_eq!(document["packages"], json!({ "candle-core": "0.11.1" }));
    assert_eq!(document["programs"], json!({ "grokking": "b3:00" }));
    assert_eq!(document["rescience"], "0.1.0");
    assert_eq!(
        document["run"],
        json!({
            "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:22Z",
            "wall_s": 21.3, "user_s": 20.9, "system_s": 0.2, "peak_memory_bytes": 123,
            "cores": 21.1 / 21.3, "exit": 0, "sandbox": "full",
            // What nobody could measure.
            "others_cores": null, "frequency_mhz": null, "peak_threads": null, "read_bytes": null,
            "written_bytes": null, "energy_j": null, "cpu_energy_j": null, "gpu_absent": null,
            "charged_memory_bytes": null, "undeclared": null, "gpus": [], "libraries": null,
            "energy_absent": "no counter of the processor's energy can be read",
            "limits": {
                "wall_s": 60.0, "cpu_s": null, "memory_bytes": 1 << 30, "disk_bytes": null,
                "processes": null, "files": null, "memory_held_by": "sampling",
                "processes_held_by": "sampling"
            }
        })
    );
    assert_eq!(serde_json::from_value::<Facts>(document).unwrap(), facts);
    finished.exit = Exit::Limit(Limit::Wall);
    assert_eq!(run(&finished).exit, None);
    finished.opened = Some(Opened::default());
    assert_eq!(run(&finished).undeclared, Some(Default::default()));

    finished.usage.charged_memory_bytes = Some(456);
    assert_eq!(run(&finished).charged_memory_bytes, Some(456));

    // Of a run whose supervisor was lost, only its times and what it was allowed are known.
    finished = Finished { told: false, exit: Exit::Lost("gone".to_owned()), ..finished };
    let lost = serde_json::to_value(run(&finished)).unwrap();
    for unknown in [
        "charged_memory_bytes",
        "wall_s",
        "user_s",
        "system_s",
        "cores",
        "peak_memory_bytes",
        "sandbox",
        "exit",
    ] {
        assert_eq!(lost[unknown], Value::Null, "{unknown}");
    }
    assert_eq!(lost["limits"]["memory_held_by"], Value::Null);
    assert_eq!(lost["limits"]["processes_held_by"], Value::Null);
    assert_eq!(lost["limits"]["memory_bytes"], 1 << 30);
    assert_eq!(lost["energy_absent"], "nobody could tell how the run went");

    // Energy is a sum of all parts or none.
    let gpu = |energy_j| GpuUse { energy_j, ..GpuUse::default() };
    finished.told = true;
    finished.measured.gpus = vec![gpu(Some(5.0)), gpu(Some(7.0))];
    assert_eq!(run(&finished).energy_j, None);
    finished.measured.cpu_energy_j = Some(30.0);
    let whole = run(&finished);
    assert_eq!((whole.energy_j, whole.energy_absent), (Some(42.0), None));
    finished.measured.gpus.push(gpu(None));
    let part = run(&finished);
    assert_eq!((part.energy_j, part.energy_absent.is_some()), (None, true));
    finished.measured.gpus = Vec::new();
    finished.measured.gpu_absent = Some("none".to_owned());
    assert_eq!(run(&finished).energy_j, None);
}
