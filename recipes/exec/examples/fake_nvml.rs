//! A stand-in for the library of NVIDIA's driver: a real shared library with the real symbols, for
//! machines without a device. A file `scenario` beside it says what machine it plays.
//!
//! | scenario | what it answers |
//! |---|---|
//! | `none` | a driver without devices |
//! | `one`, `eight` | so many devices |
//! | `mig` | one device that is split |
//! | `mismatch`, `not-loaded`, `refused` | the driver's reasons not to start |
//! | `lost` | a device that is gone after its first look |
//! | `closed` | a device that tells its name, and refuses to be measured |
//! | `counterless` | a device without a counter of energy |
//!
//! Processes compute on the first device if their command line has the word that the file
//! `computing` holds.

#![expect(unsafe_code, reason = "a C library")]
#![expect(missing_docs, reason = "the driver's own documentation says it")]
#![expect(clippy::missing_safety_doc, reason = "the driver's own documentation says it")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use nvml_wrapper_sys::bindings::{
    nvmlClockType_t, nvmlDevice_t, nvmlEnableState_t, nvmlMemory_v2_t, nvmlProcessInfo_t,
    nvmlReturn_t, nvmlUtilization_t,
};

const SUCCESS: nvmlReturn_t = 0;
const NOT_SUPPORTED: nvmlReturn_t = 3;
const NO_PERMISSION: nvmlReturn_t = 4;
const NOT_FOUND: nvmlReturn_t = 6;
const INSUFFICIENT_SIZE: nvmlReturn_t = 7;
const DRIVER_NOT_LOADED: nvmlReturn_t = 9;
const GPU_IS_LOST: nvmlReturn_t = 15;
const VERSION_MISMATCH: nvmlReturn_t = 18;

/// Looks at the power so far.
static LOOKS: AtomicU32 = AtomicU32::new(0);

/// What a file beside this library says.
fn beside(name: &str) -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let here = maps.lines().find(|line| line.ends_with("libnvidia-ml.so.1"));
    let path = here.and_then(|line| Some(PathBuf::from(&line[line.find('/')?..])));
    let text = path.and_then(|path| fs::read_to_string(path.with_file_name(name)).ok());
    text.unwrap_or_default().trim().to_owned()
}

fn count() -> c_uint {
    match beside("scenario").as_str() {
        "none" => 0,
        "eight" => 8,
        _ => 1,
    }
}

/// A handle is the device's number and one.
fn handle(index: c_uint) -> nvmlDevice_t {
    std::ptr::without_provenance_mut(index as usize + 1)
}

fn index(device: nvmlDevice_t) -> usize {
    device.addr() - 1
}

fn uuid(index: usize) -> String {
    format!("GPU-00000000-fake-0000-0000-{index:012}")
}

/// Whether the device can be measured now.
fn measurable() -> nvmlReturn_t {
    match beside("scenario").as_str() {
        "closed" => NO_PERMISSION,
        "lost" if LOOKS.load(Ordering::Relaxed) >= 1 => GPU_IS_LOST,
        _ => SUCCESS,
    }
}

unsafe fn say(text: &str, to: *mut c_char, length: c_uint) -> nvmlReturn_t {
    if text.len() >= length as usize {
        return INSUFFICIENT_SIZE;
    }
    for (at, byte) in text.bytes().chain([0]).enumerate() {
        // SAFETY: the caller has room for `length` bytes, as it says.
        unsafe { to.add(at).write(byte.cast_signed()) };
    }
    SUCCESS
}

/// Stores a value where the caller wants it, unless the device cannot be measured.
unsafe fn give<T>(value: T, to: *mut T) -> nvmlReturn_t {
    let can = measurable();
    if can == SUCCESS {
        // SAFETY: the caller points to room for one.
        unsafe { to.write(value) };
    }
    can
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> nvmlReturn_t {
    match beside("scenario").as_str() {
        "mismatch" => VERSION_MISMATCH,
        "not-loaded" => DRIVER_NOT_LOADED,
        "refused" => NO_PERMISSION,
        _ => SUCCESS,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInitWithFlags(_: c_uint) -> nvmlReturn_t {
    nvmlInit_v2()
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> nvmlReturn_t {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlErrorString(_: nvmlReturn_t) -> *const c_char {
    c"an error of the stand-in".as_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(to: *mut c_char, n: c_uint) -> nvmlReturn_t {
    // SAFETY: passed on.
    unsafe { say("570.86.15", to, n) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetCudaDriverVersion_v2(to: *mut c_int) -> nvmlReturn_t {
    // SAFETY: the caller points to room for one.
    unsafe { to.write(12080) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(to: *mut c_uint) -> nvmlReturn_t {
    // SAFETY: the caller points to room for one.
    unsafe { to.write(count()) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(
    index: c_uint,
    to: *mut nvmlDevice_t,
) -> nvmlReturn_t {
    if index >= count() {
        return NOT_FOUND;
    }
    // SAFETY: the caller points to room for one.
    unsafe { to.write(handle(index)) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByUUID(
    text: *const c_char,
    to: *mut nvmlDevice_t,
) -> nvmlReturn_t {
    // SAFETY: the caller passes a text with a zero at its end.
    let wanted = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    match (0..count()).find(|index| uuid(*index as usize) == wanted) {
        // SAFETY: passed on.
        Some(index) => unsafe { nvmlDeviceGetHandleByIndex_v2(index, to) },
        None => NOT_FOUND,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetName(
    _: nvmlDevice_t,
    to: *mut c_char,
    n: c_uint,
) -> nvmlReturn_t {
    // SAFETY: passed on.
    unsafe { say("NVIDIA Fake 9000", to, n) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUUID(
    device: nvmlDevice_t,
    to: *mut c_char,
    n: c_uint,
) -> nvmlReturn_t {
    // SAFETY: passed on.
    unsafe { say(&uuid(index(device)), to, n) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetVbiosVersion(
    _: nvmlDevice_t,
    to: *mut c_char,
    n: c_uint,
) -> nvmlReturn_t {
    // SAFETY: passed on.
    unsafe { say("96.00.89.00.01", to, n) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMinorNumber(
    device: nvmlDevice_t,
    to: *mut c_uint,
) -> nvmlReturn_t {
    // SAFETY: the caller points to room for one.
    unsafe { to.write(c_uint::try_from(index(device)).unwrap_or_default()) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(
    _: nvmlDevice_t,
    to: *mut nvmlMemory_v2_t,
) -> nvmlReturn_t {
    let (total, used) = (80 << 30, 3 << 30);
    let free = total - used;
    // SAFETY: passed on; the caller has set the version.
    unsafe {
        let version = (*to).version;
        give(nvmlMemory_v2_t { version, total, reserved: 0, free, used }, to)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCudaComputeCapability(
    _: nvmlDevice_t,
    major: *mut c_int,
    minor: *mut c_int,
) -> nvmlReturn_t {
    // SAFETY: the caller points to room for both.
    unsafe {
        major.write(9);
        minor.write(0);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetEnforcedPowerLimit(
    _: nvmlDevice_t,
    to: *mut c_uint,
) -> nvmlReturn_t {
    // SAFETY: passed on.
    unsafe { give(700_000, to) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMaxClockInfo(
    _: nvmlDevice_t,
    kind: nvmlClockType_t,
    to: *mut c_uint,
) -> nvmlReturn_t {
    // SAFETY: passed on. Memory is the third kind.
    unsafe { give(if kind == 2 { 2619 } else { 1980 }, to) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetEccMode(
    _: nvmlDevice_t,
    current: *mut nvmlEnableState_t,
    pending: *mut nvmlEnableState_t,
) -> nvmlReturn_t {
    // SAFETY: passed on, twice.
    unsafe { give(1, current).max(give(1, pending)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigMode(
    _: nvmlDevice_t,
    current: *mut c_uint,
    pending: *mut c_uint,
) -> nvmlReturn_t {
    let mode = c_uint::from(beside("scenario") == "mig");
    // SAFETY: passed on, twice.
    unsafe { give(mode, current).max(give(mode, pending)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(
    device: nvmlDevice_t,
    to: *mut nvmlUtilization_t,
) -> nvmlReturn_t {
    let gpu = if computing(device).is_empty() { 0 } else { 87 };
    // SAFETY: passed on.
    unsafe { give(nvmlUtilization_t { gpu, memory: gpu / 2 }, to) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPowerUsage(_: nvmlDevice_t, to: *mut c_uint) -> nvmlReturn_t {
    LOOKS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: passed on.
    unsafe { give(400_000, to) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetClockInfo(
    _: nvmlDevice_t,
    _: nvmlClockType_t,
    to: *mut c_uint,
) -> nvmlReturn_t {
    // SAFETY: passed on.
    unsafe { give(1755, to) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCurrentClocksThrottleReasons(
    _: nvmlDevice_t,
    to: *mut c_ulonglong,
) -> nvmlReturn_t {
    // SAFETY: passed on. Idle, and at the cap of its power.
    unsafe { give(1 | 4, to) }
}

/// Four hundred watts since the epoch, in millijoules.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTotalEnergyConsumption(
    _: nvmlDevice_t,
    to: *mut c_ulonglong,
) -> nvmlReturn_t {
    if beside("scenario") == "counterless" {
        return NOT_SUPPORTED;
    }
    #[expect(clippy::disallowed_methods, reason = "a counter that moves by itself")]
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(since.as_millis()).unwrap_or_default();
    // SAFETY: passed on.
    unsafe { give(milliseconds.wrapping_mul(400), to) }
}

/// The processes that compute on a device.
fn computing(device: nvmlDevice_t) -> Vec<c_uint> {
    let word = beside("computing");
    if word.is_empty() || index(device) != 0 {
        return Vec::new();
    }
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let named = |entry: &fs::DirEntry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
    };
    entries.filter(named).filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: nvmlDevice_t,
    count: *mut c_uint,
    to: *mut nvmlProcessInfo_t,
) -> nvmlReturn_t {
    let can = measurable();
    if can != SUCCESS {
        return can;
    }
    let pids = computing(device);
    // SAFETY: the caller points to a count, and to room for as many.
    unsafe {
        let room = *count as usize;
        count.write(c_uint::try_from(pids.len()).unwrap_or_default());
        if pids.len() > room {
            return INSUFFICIENT_SIZE;
        }
        for (at, pid) in pids.into_iter().enumerate() {
            let whole = c_uint::MAX;
            to.add(at).write(nvmlProcessInfo_t {
                pid,
                usedGpuMemory: 1 << 30,
                gpuInstanceId: whole,
                computeInstanceId: whole,
            });
        }
    }
    SUCCESS
}
