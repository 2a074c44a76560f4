//! NVIDIA accelerators, as the driver's management library (NVML) lists them.

use std::ffi::OsStr;

use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Nvml, cuda_driver_version_major, cuda_driver_version_minor};
use serde::{Deserialize, Serialize};

/// The library that every NVIDIA driver installs; the name without a version needs a developer's
/// package and is tried second.
const LIBRARIES: [&str; 2] = ["libnvidia-ml.so.1", "libnvidia-ml.so"];

/// The accelerators of a machine, or why there are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gpu {
    /// The devices in the driver's order.
    pub devices: Vec<Device>,
    /// The version of the driver: `570.86.15`.
    pub driver: Option<String>,
    /// The newest CUDA version that the driver supports: `12.8`.
    pub cuda: Option<String>,
    /// Why there are no devices, for people; null if there are some.
    pub absent: Option<String>,
}

/// One accelerator. What the driver does not tell is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Device {
    /// The product's name: `NVIDIA H200`.
    pub name: Option<String>,
    /// The identity of this very device.
    pub uuid: Option<String>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// What programs can be compiled for: `9.0`.
    pub compute_capability: Option<String>,
    /// The version of its firmware.
    pub vbios: Option<String>,
    /// The power that it may draw as it is set now, in watts.
    pub power_limit_w: Option<f64>,
    /// The highest clock of its processors, in MHz.
    pub max_sm_clock_mhz: Option<u32>,
    /// The highest clock of its memory, in MHz.
    pub max_memory_clock_mhz: Option<u32>,
    /// Whether its memory corrects errors.
    pub ecc: Option<bool>,
    /// Whether it is split into instances (MIG).
    pub mig: Option<bool>,
    /// The number in the name of its device file. It says nothing of the device itself.
    #[serde(skip)]
    pub minor: Option<u32>,
}

impl Device {
    fn ask(device: &nvml_wrapper::Device<'_>) -> Device {
        let watts = |milliwatts: u32| f64::from(milliwatts) / 1000.0;
        Device {
            name: device.name().ok(),
            uuid: device.uuid().ok(),
            memory_bytes: device.memory_info().ok().map(|memory| memory.total),
            compute_capability: device
                .cuda_compute_capability()
                .ok()
                .map(|version| format!("{}.{}", version.major, version.minor)),
            vbios: device.vbios_version().ok(),
            power_limit_w: device.enforced_power_limit().ok().map(watts),
            max_sm_clock_mhz: device.max_clock_info(Clock::SM).ok(),
            max_memory_clock_mhz: device.max_clock_info(Clock::Memory).ok(),
            ecc: device.is_ecc_enabled().ok().map(|ecc| ecc.currently_enabled),
            mig: device.mig_mode().ok().map(|mig| mig.current != 0),
            minor: device.minor_number().ok(),
        }
    }
}

impl Gpu {
    /// Asks the driver. Without one this costs two failed searches for a library; with one it can
    /// take a second, so it is asked once per build.
    pub fn measure() -> Gpu {
        let mut absent = None;
        for library in LIBRARIES {
            match Gpu::by_library(library.as_ref()) {
                Ok(gpu) => return gpu,
                // The first name is the one to speak of.
                Err(why) => absent = absent.or(Some(why)),
            }
        }
        Gpu { absent, ..Gpu::default() }
    }

    /// Asks the library of that name or path. `Err` is why it could not be asked.
    fn by_library(library: &OsStr) -> Result<Gpu, String> {
        let nvml = load(library)?;
        Ok(inventory(&nvml).unwrap_or_else(|error| Gpu {
            driver: nvml.sys_driver_version().ok(),
            absent: Some(why_absent(&error, &library.to_string_lossy())),
            ..Gpu::default()
        }))
    }
}

/// The driver's library, loaded. It stays open as long as the value lives.
pub(super) fn driver() -> Result<Nvml, String> {
    let [first, second] = LIBRARIES;
    load(first.as_ref()).or_else(|why| load(second.as_ref()).map_err(|_| why))
}

fn load(library: &OsStr) -> Result<Nvml, String> {
    let nvml = Nvml::builder().lib_path(library).init();
    nvml.map_err(|error| why_absent(&error, &library.to_string_lossy()))
}

fn inventory(nvml: &Nvml) -> Result<Gpu, NvmlError> {
    let count = nvml.device_count()?;
    let devices = (0..count)
        .map(|index| Ok(Device::ask(&nvml.device_by_index(index)?)))
        .collect::<Result<Vec<_>, NvmlError>>()?;
    let cuda = nvml.sys_cuda_driver_version().ok().map(|version| {
        format!("{}.{}", cuda_driver_version_major(version), cuda_driver_version_minor(version))
    });
    let absent =
        devices.is_empty().then(|| "no NVIDIA GPU: the driver reports no devices".to_owned());
    Ok(Gpu { devices, driver: nvml.sys_driver_version().ok(), cuda, absent })
}

/// The reason, in words that a reader of a paper understands.
fn why_absent(error: &NvmlError, library: &str) -> String {
    match error {
        NvmlError::LibloadingError(error) => {
            let detail = error.to_string();
            if detail.contains("No such file") {
                format!("no NVIDIA GPU: {library} not found")
            } else {
                format!("no NVIDIA GPU: {library} cannot be loaded: {detail}")
            }
        }
        NvmlError::DriverNotLoaded => "no NVIDIA GPU: the kernel driver is not loaded".to_owned(),
        NvmlError::NoPermission => {
            "no NVIDIA GPU: no permission to talk to the kernel driver".to_owned()
        }
        NvmlError::LibRmVersionMismatch => {
            format!("no NVIDIA GPU: {library} and the kernel driver are of different versions")
        }
        error => format!("no NVIDIA GPU: {library}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named() {
        let why = Gpu::by_library("librescience-absent.so.1".as_ref()).unwrap_err();
        assert_eq!(why, "no NVIDIA GPU: librescience-absent.so.1 not found");
    }

    #[test]
    fn a_library_that_is_none_is_not_called_missing() {
        let file = tempfile::Builder::new().suffix(".so").tempfile().unwrap();
        std::fs::write(file.path(), "not a library").unwrap();
        let why = Gpu::by_library(file.path().as_os_str()).unwrap_err();
        assert!(why.contains("cannot be loaded: "), "{why}");
    }

    #[test]
    fn the_drivers_reasons_are_told_apart() {
        let why = |error| why_absent(&error, "libnvidia-ml.so.1");
        assert_eq!(
            [why(NvmlError::DriverNotLoaded), why(NvmlError::NoPermission)],
            [
                "no NVIDIA GPU: the kernel driver is not loaded",
                "no NVIDIA GPU: no permission to talk to the kernel driver"
            ]
        );
        assert_eq!(
            why(NvmlError::Unknown),
            format!("no NVIDIA GPU: libnvidia-ml.so.1: {}", NvmlError::Unknown)
        );
    }

    #[test]
    fn this_machine_has_devices_or_a_reason_why_not() {
        let gpu = Gpu::measure();
        assert_eq!(gpu.devices.is_empty(), gpu.absent.is_some(), "{gpu:?}");
    }
}
