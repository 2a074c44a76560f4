//! A file that claims to be a bundle: whatever is read of it is inside of it.

#![no_main]

use std::io::Write as _;

use libfuzzer_sys::fuzz_target;
use rescience_bundle::{Bundle, Depth, verify};

fuzz_target!(|data: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(data).unwrap();
    let Ok(bundle) = Bundle::open(file.path()) else { return };
    let names: Vec<String> = bundle.names().map(str::to_owned).collect();
    for name in &names {
        let bytes = bundle.read(name).unwrap().unwrap();
        assert!(bytes.len() <= data.len());
        assert!(!name.starts_with('/') && name.split('/').all(|part| part != ".."));
    }
    verify(&bundle, Depth::Both, |_, _| {}).unwrap();
});
