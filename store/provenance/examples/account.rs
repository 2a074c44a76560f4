//! Writes the bundle of a small account into a folder, for `tests/validators.sh` to look at:
//! `cargo run -p rescience-provenance --example account -- FOLDER`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use rescience_digest::Hashed;
use rescience_provenance::documents;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1);
    let folder = folder.ok_or_else(|| io::Error::other("give the folder to write into"))?;
    let sample = support::sample();
    let mut files = sample.files;
    for document in documents(&sample.account) {
        files.insert(document.path, document.bytes);
    }
    let lines = |files: &BTreeMap<String, Vec<u8>>, hex: fn(&Hashed) -> String| -> Vec<u8> {
        let line =
            |(path, bytes): (&String, &Vec<u8>)| format!("{}  {path}\n", hex(&Hashed::of(bytes)));
        files.iter().map(line).collect::<String>().into_bytes()
    };
    let blake3 = lines(&files, |hashed| hashed.digest.hex());
    files.insert("manifest-blake3.txt".to_owned(), blake3);
    let sha256 = lines(&files, |hashed| hashed.sha256.to_string());
    files.insert("manifest-sha256.txt".to_owned(), sha256);
    for (path, bytes) in files {
        let path = Path::new(&folder).join(path);
        fs::create_dir_all(path.parent().expect("it is below the folder"))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}
