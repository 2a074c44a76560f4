//! A DSSE envelope: what is read is written and read again, and nobody has signed it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rescience_sign::{Envelope, namespace};

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = Envelope::parse(data) {
        assert_eq!(Envelope::parse(&envelope.to_json()).unwrap(), envelope);
        assert!(envelope.verify(namespace::PROVENANCE, |_| true).is_err());
    }
});
