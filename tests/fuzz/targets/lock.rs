//! A `rescience.lock`: read or refused, and what is read is written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rescience_recipes::Lock;

fuzz_target!(|data: &[u8]| {
    if let Ok(lock) = Lock::parse("rescience.lock", data) {
        let again = Lock::parse("rescience.lock", lock.to_string().as_bytes());
        assert!(again.is_ok_and(|again| again == lock));
    }
});
