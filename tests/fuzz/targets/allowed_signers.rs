//! A list of allowed signers: read, or refused with a line that it has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rescience_sign::AllowedSigners;

fuzz_target!(|data: &[u8]| {
    if let Err(error) = AllowedSigners::parse(data) {
        assert!(error.line >= 1 && error.line <= 1 + data.iter().filter(|it| **it == b'\n').count());
    }
});
