//! The device files that a program sees: some that every program may use, and those of the
//! accelerators that it was lent.
//!
//! A device file is all that it takes to use an accelerator, whatever variables say, so those of
//! others stay out of sight. Files for drawing (`/dev/dri`) are not shown: they are another way to
//! all accelerators.

use std::fs;
use std::path::Path;

use crate::sandbox::Lent;

/// What every program may use.
const FOR_ALL: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// By what NVIDIA's driver is asked, whichever the device.
const DRIVER: [&str; 4] = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"];

/// The names in `/dev` of what every program may use.
pub(super) fn of_all() -> impl Iterator<Item = String> {
    FOR_ALL.into_iter().map(str::to_owned)
}

/// The names in `/dev` of what belongs to these accelerators and is there, on the machine whose
/// files are under `root`.
pub(super) fn of(gpus: &[Lent], root: &Path) -> Vec<String> {
    if gpus.is_empty() {
        return Vec::new();
    }
    // A device whose number the driver does not tell cannot be told from others, and is not shown.
    let minors = || gpus.iter().filter_map(|gpu| gpu.minor);
    let nodes = minors().map(|minor| format!("nvidia{minor}"));
    let instances = minors().flat_map(|minor| instances(root, minor));
    let names = nodes.chain(instances).chain(DRIVER.into_iter().map(str::to_owned));
    names.filter(|name| root.join("dev").join(name).exists()).collect()
}

/// The files for the instances into which a device is split (MIG): the driver lists them by device,
/// and beside them those that could split it otherwise.
fn instances(root: &Path, minor: u32) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.join(format!("proc/driver/nvidia/capabilities/gpu{minor}/mig"))];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            } else if entry.file_name() == "access" {
                let text = fs::read_to_string(entry.path()).unwrap_or_default();
                let number =
                    |line: &str| line.strip_prefix("DeviceFileMinor:")?.trim().parse::<u32>().ok();
                let numbers = text.lines().filter_map(number);
                found.extend(numbers.map(|number| format!("nvidia-caps/nvidia-cap{number}")));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine of two devices, the second of which is split in two.
    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for name in ["nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm", "dri/card0", "kfd"]
        {
            write(&format!("dev/{name}"), "");
        }
        for number in [1, 2, 30, 31, 39, 40] {
            write(&format!("dev/nvidia-caps/nvidia-cap{number}"), "");
        }
        let capabilities = "proc/driver/nvidia/capabilities";
        let access = |path: &str, number: u32| {
            let text = format!("DeviceFileMinor: {number}\nDeviceFileMode: 292\n");
            write(&format!("{capabilities}/{path}/access"), &text);
        };
        write(&format!("{capabilities}/mig/config"), "DeviceFileMinor: 1\n");
        write(&format!("{capabilities}/mig/monitor"), "DeviceFileMinor: 2\n");
        access("gpu0/mig/gi1", 39);
        access("gpu1/mig/gi1", 30);
        access("gpu1/mig/gi1/ci0", 31);
        access("gpu1/mig/gi2", 41);
        root
    }

    fn shown(minors: &[Option<u32>]) -> Vec<String> {
        let lent = |minor: &Option<u32>| Lent { uuid: "GPU-x".to_owned(), minor: *minor };
        of(&minors.iter().map(lent).collect::<Vec<_>>(), machine().path())
    }

    #[test]
    fn only_what_was_lent_is_shown() {
        assert_eq!(shown(&[]), [""; 0]);
        assert_eq!(
            shown(&[Some(1)]),
            [
                "nvidia1",
                "nvidia-caps/nvidia-cap30",
                "nvidia-caps/nvidia-cap31",
                "nvidiactl",
                "nvidia-uvm"
            ]
        );
        assert_eq!(shown(&[Some(2), None]), ["nvidia2", "nvidiactl", "nvidia-uvm"]);
    }
}
