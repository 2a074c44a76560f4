//! Crates of a registry: a directory of the test's own stands for it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use rescience_exec::sandbox::Exit;
use sha2::{Digest as _, Sha256};

use crate::Test;
use crate::shop::{Left, Shop, says, write};

pub(crate) const TESTS: &[Test] = &[
    ("what_is_compiled_was_unpacked_from_what_the_lock_names", unpacked),
    ("variants_cannot_change_each_others_dependencies", dependencies),
];

const MANIFEST: &str = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                        [dependencies]\ndep = \"1\"\n[workspace]\n";
const MAIN: &str = "fn main() { println!(\"{}\", dep::SAYS); }\n";

#[expect(clippy::disallowed_methods, reason = "a tool of the test's")]
fn tool(program: &str, args: &[&OsStr], home: &Path, dir: &Path) {
    let mut command = std::process::Command::new(program);
    let output = command.args(args).env("CARGO_HOME", home).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Publishes `dep` 1.0.0, which says something, in the registry of a shop, and returns the lock of
/// a package that needs it.
fn publish(shop: &Shop, text: &str) -> String {
    let registry = shop.path("registry");
    let dep = registry.join("dep-1.0.0");
    let manifest = "[package]\nname = \"dep\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
    write(&dep.join("Cargo.toml"), manifest);
    write(&dep.join("src/lib.rs"), &format!("pub const SAYS: &str = {text:?};\n"));
    let args = ["czf", "dep-1.0.0.crate", "dep-1.0.0"].map(OsStr::new);
    tool("tar", &args, &shop.cargo_home(), &registry);
    fs::remove_dir_all(&dep).unwrap();
    let digest = Sha256::digest(fs::read(registry.join("dep-1.0.0.crate")).unwrap());
    let checksum: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = serde_json::json!({
        "name": "dep", "vers": "1.0.0", "deps": [], "cksum": checksum, "features": {},
        "yanked": false,
    });
    write(&registry.join("index/3/d/dep"), &format!("{entry}\n"));
    let config = format!(
        "[source.crates-io]\nreplace-with = \"local\"\n[source.local]\nlocal-registry = {:?}\n",
        registry.to_str().unwrap()
    );
    write(&shop.cargo_home().join("config.toml"), &config);
    format!(
        "version = 4\n\n[[package]]\nname = \"dep\"\nversion = \"1.0.0\"\n\
         source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
         checksum = \"{checksum}\"\n\n\
         [[package]]\nname = \"hello\"\nversion = \"0.1.0\"\ndependencies = [\n \"dep\",\n]\n"
    )
}

fn build(shop: &Shop, lock: &str, more: &[(&str, &str)]) -> Left {
    let files = [("Cargo.toml", MANIFEST), ("Cargo.lock", lock), ("src/main.rs", MAIN)];
    let left = shop.build_with(&[&files[..], more].concat(), &[shop.path("registry")]).unwrap();
    assert_eq!(left.built.finished.exit, Exit::Code(0), "{}", left.log);
    left
}

fn hello(left: &Left) -> String {
    says(&left.output.join("hello"))
}

fn unpacked() {
    let shop = Shop::new();
    let lock = publish(&shop, "true");
    // Somebody unpacked it in the user's own home, and changed it there.
    let project = shop.path("project");
    for (path, text) in [("Cargo.toml", MANIFEST), ("Cargo.lock", &lock), ("src/main.rs", MAIN)] {
        write(&project.join(path), text);
    }
    tool("cargo", &["fetch", "--offline"].map(OsStr::new), &shop.cargo_home(), &project);
    let sources = shop.cargo_home().join("registry/src");
    let registry = fs::read_dir(&sources).unwrap().next().unwrap().unwrap().path();
    write(&registry.join("dep-1.0.0/src/lib.rs"), "pub const SAYS: &str = \"forged\";\n");
    assert_eq!(hello(&build(&shop, &lock, &[])), "true");
    // What was unpacked for one lock is not taken for what another names.
    let lock = publish(&shop, "another");
    assert_eq!(hello(&build(&shop, &lock, &[])), "another");
}

fn dependencies() {
    let shop = Shop::new();
    let lock = publish(&shop, "true");
    let left = build(&shop, &lock, &[]);
    assert_eq!((left.built.compiled, left.built.fresh), (2, 0), "{}", left.log);
    // One variant spoils what it finds compiled, and keeps the times by which cargo would see it.
    let script = r#"
fn main() {
    let mut spoilt = 0;
    for entry in std::fs::read_dir("/target/release/deps").unwrap().flatten() {
        if entry.file_name().to_str().unwrap().starts_with("libdep-") {
            let time = entry.metadata().unwrap().modified().unwrap();
            std::fs::write(entry.path(), "spoilt").unwrap();
            let file = std::fs::File::options().write(true).open(entry.path()).unwrap();
            file.set_times(std::fs::FileTimes::new().set_modified(time)).unwrap();
            spoilt += 1;
        }
    }
    assert!(spoilt > 0);
}
"#;
    let files = [
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", lock.as_str()),
        ("src/main.rs", MAIN),
        ("build.rs", script),
    ];
    let left = shop.build_with(&files, &[shop.path("registry")]).unwrap();
    assert_eq!(left.built.finished.exit, Exit::Code(101));
    assert!(left.log.contains("error[E0786]"), "{}", left.log);
    // The next finds what was compiled of it before.
    let left = build(&shop, &lock, &[]);
    assert_eq!((left.built.compiled, left.built.fresh), (1, 1), "{}", left.log);
    assert_eq!(hello(&left), "true");
}
