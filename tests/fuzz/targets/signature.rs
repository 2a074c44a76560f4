//! An armoured SSH signature: what is read is written as it was, but for how its lines are wrapped.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rescience_sign::Signature;

fuzz_target!(|data: &[u8]| {
    if let Ok(signature) = Signature::parse(data) {
        let again = Signature::parse(signature.armour().as_bytes()).unwrap();
        assert_eq!(again.blob(), signature.blob());
    }
    Signature::from_blob(data).ok();
});
