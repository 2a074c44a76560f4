//! A list of digests: what is read is what would be written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rescience_bundle::manifest::{parse_blake3, parse_sha256};

fuzz_target!(|data: &[u8]| {
    if let Ok(files) = parse_blake3(data) {
        let line = |(name, digest): (&String, &_)| format!("{}  {name}\n", hex(digest));
        assert_eq!(files.iter().map(line).collect::<String>().as_bytes(), data);
    }
    parse_sha256(data).ok();
});

fn hex(digest: &impl ToString) -> String {
    digest.to_string().trim_start_matches("b3:").to_owned()
}
