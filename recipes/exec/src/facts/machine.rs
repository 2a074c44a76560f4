//! The machine: processor, memory, kernel and system, as `/proc`, `/sys` and `/etc` tell them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Gpu;

/// What runs happen on. Measured once per build; it does not change meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor.
    pub cpu: Cpu,
    /// The memory.
    pub memory: Memory,
    /// Name and release of the kernel: `Linux 6.1.0`.
    pub kernel: Option<String>,
    /// The operating system in its own words: `Debian GNU/Linux 12 (bookworm)`.
    pub os: Option<String>,
    /// The accelerators, or why there are none.
    pub gpu: Gpu,
}

impl Machine {
    /// Measures this machine. On one with an NVIDIA driver this may take a second, elsewhere it
    /// takes a millisecond.
    pub fn measure() -> Machine {
        Machine::at(Path::new("/"), Gpu::measure())
    }

    /// Reads the machine described by the files under `root`.
    pub fn at(root: &Path, gpu: Gpu) -> Machine {
        let read = |path: &str| read_line(&root.join(path));
        let kernel = read("proc/sys/kernel/ostype")
            .zip(read("proc/sys/kernel/osrelease"))
            .map(|(name, release)| format!("{name} {release}"));
        Machine { cpu: Cpu::at(root), memory: Memory::at(root), kernel, os: os(root), gpu }
    }
}

/// The processor or processors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cpu {
    /// The model in the maker's words; for ARM, the name of the core's design. Different ones in
    /// one machine are joined by ` + `.
    pub model: Option<String>,
    /// The maker.
    pub vendor: Option<String>,
    /// Physical cores that are online.
    pub cores: Option<u32>,
    /// Hardware threads that are online.
    pub threads: Option<u32>,
    /// The architecture as the kernel names it: `x86_64`, `aarch64`.
    pub architecture: Option<String>,
    /// The version of the microcode.
    pub microcode: Option<String>,
    /// The level of instructions that all programs for it may use: `x86-64-v3`; see the psABI.
    pub level: Option<String>,
    /// The extensions of its instruction set, as the kernel names them.
    pub flags: Vec<String>,
}

/// The main memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Memory {
    /// All that the kernel manages, in bytes.
    pub total_bytes: Option<u64>,
}

impl Memory {
    fn at(root: &Path) -> Memory {
        let text = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kib = total.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        Memory { total_bytes: kib.map(|kib| kib * 1024) }
    }
}

impl Cpu {
    fn at(root: &Path) -> Cpu {
        let text = fs::read_to_string(root.join("proc/cpuinfo")).unwrap_or_default();
        let arm = arm_names(&text);
        let (model, vendor) = match &arm {
            Some((model, vendor)) => (Some(model.clone()), vendor.clone()),
            // `cpu` is what POWER calls it, `uarch` RISC-V.
            None => (
                ["model name", "cpu model", "cpu", "uarch"]
                    .into_iter()
                    .find_map(|key| joined(values(&text, key))),
                ["vendor_id", "vendor"].into_iter().find_map(|key| joined(values(&text, key))),
            ),
        };
        let threads = u32::try_from(values(&text, "processor").count()).ok().filter(|n| *n > 0);
        let architecture = read_line(&root.join("proc/sys/kernel/arch"))
            // Kernels before 6.1 tell it by a system call only, which is about this machine.
            .or_else(|| (root == Path::new("/")).then(machine_name).flatten());
        let flags = ["flags", "Features"].into_iter().find_map(|key| values(&text, key).next());
        let flags: Vec<String> =
            flags.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        Cpu {
            model,
            vendor,
            cores: cores(root, &text),
            threads,
            microcode: joined(values(&text, "microcode")),
            level: level(architecture.as_deref(), &flags),
            flags,
            architecture,
        }
    }
}

/// What each level of x86-64 adds to the one before, in the kernel's names.
const LEVELS: [(&str, &[&str]); 4] = [
    ("x86-64", &["cx8", "cmov", "fpu", "fxsr", "mmx", "syscall", "sse2"]),
    ("x86-64-v2", &["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]),
    ("x86-64-v3", &["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]),
    ("x86-64-v4", &["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]),
];

fn level(architecture: Option<&str>, flags: &[String]) -> Option<String> {
    let has = |wanted: &&str| flags.iter().any(|flag| flag == wanted);
    let reached = LEVELS.iter().take_while(|(_, wanted)| wanted.iter().all(has));
    let (name, _) = reached.last().filter(|_| architecture == Some("x86_64"))?;
    Some((*name).to_owned())
}

fn machine_name() -> Option<String> {
    Some(nix::sys::utsname::uname().ok()?.machine().to_str()?.to_owned())
}

/// Online physical cores: the kernel's topology first, since ARM's cpuinfo knows none.
fn cores(root: &Path, cpuinfo: &str) -> Option<u32> {
    let mut cores = BTreeSet::new();
    if let Ok(entries) = fs::read_dir(root.join("sys/devices/system/cpu")) {
        for entry in entries.flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("cpu"));
            if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
                let topology = entry.path().join("topology");
                // Which threads share the core; the second is its name before Linux 5.0.
                cores.extend(
                    read_line(&topology.join("core_cpus_list"))
                        .or_else(|| read_line(&topology.join("thread_siblings_list"))),
                );
            }
        }
    }
    if cores.is_empty() {
        let sockets = values(cpuinfo, "physical id");
        cores.extend(sockets.zip(values(cpuinfo, "core id")).map(|(s, c)| format!("{s}/{c}")));
    }
    u32::try_from(cores.len()).ok().filter(|count| *count > 0)
}

/// All values of a key of cpuinfo, one per thread.
fn values<'a>(cpuinfo: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    cpuinfo.lines().filter_map(move |line| {
        let (name, value) = line.split_once(':')?;
        (name.trim_end() == key).then(|| value.trim()).filter(|value| !value.is_empty())
    })
}

/// The different ones of `values`, in order of appearance.
fn joined<'a>(values: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut different: Vec<&str> = Vec::new();
    for value in values {
        if !different.contains(&value) {
            different.push(value);
        }
    }
    (!different.is_empty()).then(|| different.join(" + "))
}

/// Model and vendor of ARM processors, whose cpuinfo has only numbers. A number without a name
/// here is given as it is.
fn arm_names(cpuinfo: &str) -> Option<(String, Option<String>)> {
    let implementers: Vec<&str> = values(cpuinfo, "CPU implementer").collect();
    let parts: Vec<&str> = values(cpuinfo, "CPU part").collect();
    let models: Vec<String> = implementers
        .iter()
        .zip(&parts)
        .map(|(implementer, part)| match arm_part(implementer, part) {
            Some(name) => name.to_owned(),
            None => format!("implementer {implementer}, part {part}"),
        })
        .collect();
    let model = joined(models.iter().map(String::as_str))?;
    Some((model, joined(implementers.iter().map(|id| arm_implementer(id).unwrap_or(id)))))
}

/// The companies behind the implementer codes of the register MIDR_EL1.
fn arm_implementer(code: &str) -> Option<&'static str> {
    Some(match code {
        "0x41" => "ARM",
        "0x42" => "Broadcom",
        "0x43" => "Cavium",
        "0x46" => "Fujitsu",
        "0x48" => "HiSilicon",
        "0x4e" => "NVIDIA",
        "0x50" => "APM",
        "0x51" => "Qualcomm",
        "0x53" => "Samsung",
        "0x56" => "Marvell",
        "0x61" => "Apple",
        "0x6d" => "Microsoft",
        "0x70" => "Phytium",
        "0xc0" => "Ampere",
        _ => return None,
    })
}

/// The designs behind the part numbers that servers and boards for computing have.
fn arm_part(implementer: &str, part: &str) -> Option<&'static str> {
    Some(match (implementer, part) {
        ("0x41", "0xd03") => "Cortex-A53",
        ("0x41", "0xd04") => "Cortex-A35",
        ("0x41", "0xd05") => "Cortex-A55",
        ("0x41", "0xd07") => "Cortex-A57",
        ("0x41", "0xd08") => "Cortex-A72",
        ("0x41", "0xd09") => "Cortex-A73",
        ("0x41", "0xd0a") => "Cortex-A75",
        ("0x41", "0xd0b") => "Cortex-A76",
        ("0x41", "0xd0c") => "Neoverse-N1",
        ("0x41", "0xd40") => "Neoverse-V1",
        ("0x41", "0xd42") => "Cortex-A78AE",
        ("0x41", "0xd49") => "Neoverse-N2",
        ("0x41", "0xd4f") => "Neoverse-V2",
        ("0x41", "0xd84") => "Neoverse-V3",
        ("0x41", "0xd8e") => "Neoverse-N3",
        ("0x46", "0x001") => "A64FX",
        ("0x48", "0xd01") => "TaiShan-v110",
        ("0x4e", "0x004") => "Carmel",
        ("0xc0", "0xac3") => "Ampere-1",
        ("0xc0", "0xac4") => "Ampere-1a",
        _ => return None,
    })
}

/// `PRETTY_NAME` of os-release.
fn os(root: &Path) -> Option<String> {
    let text = ["etc/os-release", "usr/lib/os-release"]
        .into_iter()
        .find_map(|path| fs::read_to_string(root.join(path)).ok())?;
    let value = text.lines().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?;
    let bare = value.trim_matches(['"', '\'']);
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// The only line of a small file; `None` if there is none.
fn read_line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
