//! Cargo builds in a shared directory give the program of the source at hand, and no other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rescience_exec::cargo::{
    Built, CargoError, Cause, Comparison, Request, Stage, Workshop, compare,
};
use rescience_exec::sandbox::{Exit, Limits};
use rescience_exec::toolchain::Toolchain;
use tempfile::TempDir;

use crate::Test;
use crate::support::{block_on, sandbox, send};

pub(crate) const TESTS: &[Test] = &[
    ("variants_share_a_directory_and_are_never_confused", variants),
    ("programs_do_not_depend_on_directories", programs_do_not_depend_on_directories),
    ("a_source_that_does_not_compile_gives_the_compilers_words", compile_error),
    ("a_source_without_lock_or_manifest_is_refused", refused),
    ("the_toolchain_is_found_and_kept", the_toolchain_is_found_and_kept),
];

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"0.1.0\"\n\
                    dependencies = [\n \"part\",\n]\n\n\
                    [[package]]\nname = \"part\"\nversion = \"0.1.0\"\n";

fn env() -> BTreeMap<OsString, OsString> {
    let names = ["PATH", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    let value = |name: &str| {
        #[expect(clippy::disallowed_methods, reason = "the test's user chose the toolchain")]
        std::env::var_os(name)
    };
    names.into_iter().filter_map(|name| Some((name.into(), value(name)?))).collect()
}

fn toolchain(dir: &Path) -> Toolchain {
    Toolchain::find(&env(), dir, &dir.join("toolchain.json")).unwrap()
}

/// Puts a package into `to` that prints `says` through a local library, a build script and itself.
fn write(to: &Path, says: &str) {
    let file = |path: &str, text: &str| {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    file(
        "Cargo.toml",
        "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [dependencies]\npart = { path = \"part\" }\n",
    );
    file("Cargo.lock", LOCK);
    file(
        "part/Cargo.toml",
        "[package]\nname = \"part\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    file("part/src/lib.rs", &format!("pub const SAYS: &str = {says:?};\n"));
    file(
        "build.rs",
        &format!(
            // It finds what it made last time if anybody left it there.
            "fn main() {{\n let out = std::env::var(\"OUT_DIR\").unwrap() + \"/says\";\n \
             let old = std::fs::read_to_string(&out).unwrap_or_default();\n \
             std::fs::write(&out, old + {says:?}).unwrap();\n}}\n"
        ),
    );
    file(
        "src/main.rs",
        &format!(
            "fn main() {{\n println!(\"{{}} {{}} {{}}\", part::SAYS, \
             include_str!(concat!(env!(\"OUT_DIR\"), \"/says\")), {says:?});\n \
             if std::env::args().len() > 1 {{ panic!(\"too many\") }}\n}}\n"
        ),
    );
}

struct Shop {
    dir: TempDir,
    toolchain: Toolchain,
}

impl Shop {
    fn new() -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let toolchain = toolchain(dir.path());
        Shop { dir, toolchain }
    }

    fn build(&self, fill: impl FnOnce(&Path)) -> Result<(Built, PathBuf, String), CargoError> {
        let dir = self.dir.path();
        let workshop = Workshop::enter(&dir.join("cache"), &self.toolchain)?;
        assert!(Workshop::try_enter(&dir.join("cache"), &self.toolchain)?.is_none());
        fill(&workshop.source());
        let output = tempfile::tempdir_in(dir).unwrap().keep();
        let request = Request {
            toolchain: &self.toolchain,
            env: &env(),
            path: &std::env::split_paths(&env()[std::ffi::OsStr::new("PATH")])
                .filter(|path| path.starts_with("/usr"))
                .collect::<Vec<_>>(),
            tools: &[],
            cargo_home: &dir.join("cargo-home"),
            offline: true,
            jobs: 2,
            limits: Limits::wall(Duration::from_secs(300)),
            control: &dir.join("control"),
            temporary: &{
                fs::create_dir_all(dir.join("tmp")).unwrap();
                dir.join("tmp")
            },
            log: &dir.join("log"),
            output: &output,
        };
        let built = block_on(send(workshop.build(&sandbox(), &request, drop)))?;
        let log = fs::read_to_string(dir.join("log")).unwrap();
        Ok((built, output.join("hello"), log))
    }
}

fn says(program: &Path) -> String {
    #[expect(clippy::disallowed_methods, reason = "the program that was built")]
    let output = std::process::Command::new(program).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Sets every time of change in a directory to one hour ago.
fn age(dir: &Path) {
    #[expect(clippy::disallowed_methods, reason = "what the file system compares with")]
    let before = SystemTime::now() - Duration::from_secs(3600);
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path);
        } else {
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_times(FileTimes::new().set_modified(before)).unwrap();
        }
    }
}

fn variants() {
    let shop = Shop::new();
    let mut first = None;
    for variant in ["A", "B", "A"] {
        let (built, program, log) = shop.build(|to| write(to, variant)).unwrap();
        assert_eq!((built.stage, built.finished.exit), (Stage::Compile, Exit::Code(0)), "{log}");
        assert_eq!(built.programs, ["hello"]);
        assert_eq!((built.compiled, built.fresh), (2, 0), "{log}");
        assert_eq!(says(&program), format!("{variant} {variant} {variant}"));
        if variant == "A" {
            let same = first.replace(program.clone()).map(|one| compare(&one, &program).unwrap());
            assert!(same.is_none_or(|same| same == Comparison::Identical));
        }
    }
    // Times that lie must not matter: a source older than everything that was ever built.
    let fill = |to: &Path| {
        write(to, "C");
        age(to);
    };
    let (_, program, _) = shop.build(fill).unwrap();
    assert_eq!(says(&program), "C C C");
    // A change of a comment moves the line of a panic, and nothing else.
    let fill = |to: &Path| {
        write(to, "C");
        let main = to.join("src/main.rs");
        let text = fs::read_to_string(&main).unwrap();
        fs::write(main, format!("// A comment.\n{text}")).unwrap();
    };
    let (_, commented, _) = shop.build(fill).unwrap();
    let difference = compare(&program, &commented).unwrap();
    assert!(
        // The line, and the id that the linker may derive from everything.
        matches!(difference, Comparison::Differs { bytes: 1..=24, cause: Some(Cause::Lines), .. }),
        "{difference}"
    );
    let (_, other, _) = shop.build(|to| write(to, "another text")).unwrap();
    assert_ne!(compare(&program, &other).unwrap(), Comparison::Identical);
}

fn programs_do_not_depend_on_directories() {
    let programs = [Shop::new(), Shop::new()].map(|shop| {
        let (_, program, log) = shop.build(|to| write(to, "A")).unwrap();
        let bytes = fs::read(&program).unwrap_or_else(|_| panic!("{log}"));
        let dir = shop.dir.path().to_str().unwrap().as_bytes();
        assert!(!bytes.windows(dir.len()).any(|window| window == dir), "a path is in the program");
        bytes
    });
    assert!(programs[0] == programs[1]);
}

fn compile_error() {
    let shop = Shop::new();
    let fill = |to: &Path| {
        write(to, "A");
        fs::write(to.join("src/main.rs"), "fn main() {\n    let x: u32 = \"no\";\n}\n").unwrap();
    };
    let (built, _, log) = shop.build(fill).unwrap();
    assert_eq!((built.stage, built.finished.exit), (Stage::Compile, Exit::Code(101)));
    assert_eq!(built.programs, [""; 0]);
    assert!(log.contains("error[E0308]: mismatched types\n --> src/main.rs:2:18"), "{log}");
    // What was built before stays good for the next.
    let (built, program, log) = shop.build(|to| write(to, "A")).unwrap();
    assert_eq!(built.finished.exit, Exit::Code(0), "{log}");
    assert_eq!(says(&program), "A A A");
}

fn refused() {
    let shop = Shop::new();
    let without = |name: &'static str| {
        let fill = move |to: &Path| {
            write(to, "A");
            fs::remove_file(to.join(name)).unwrap();
        };
        shop.build(fill).unwrap_err().to_string()
    };
    assert_eq!(without("Cargo.toml"), "the source has no Cargo.toml at its top");
    assert_eq!(
        without("Cargo.lock"),
        "the source has no Cargo.lock; run `cargo generate-lockfile` in it"
    );
    // A lock that does not fit, and a dependency that nobody fetched: cargo's own words.
    let fill = |to: &Path| {
        write(to, "A");
        let manifest = to.join("part/Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(manifest, text + "[dependencies]\nno-such-crate = \"1\"\n").unwrap();
    };
    let (built, _, log) = shop.build(fill).unwrap();
    assert_eq!((built.stage, built.finished.exit), (Stage::Fetch, Exit::Code(101)));
    assert!(log.contains("no-such-crate"), "{log}");
}

fn the_toolchain_is_found_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("toolchain.json");
    let found = Toolchain::find(&env(), dir.path(), &cache).unwrap();
    assert!(found.facts().rustc.unwrap().starts_with("rustc 1."), "{found:?}");
    assert!(found.facts().cargo.unwrap().starts_with("cargo 1."), "{found:?}");
    assert!(found.rustc_says.contains(found.host().unwrap()));
    assert!(found.identity().len() >= 4, "{:?}", found.identity());
    // A kept answer is believed, so a marked one shows that it was not asked for again.
    let text = fs::read_to_string(&cache).unwrap();
    fs::write(&cache, text.replace("cargo 1.", "cargo 0.")).unwrap();
    let find = |env| Toolchain::find(&env, dir.path(), &cache).unwrap();
    assert!(find(env()).cargo_says.starts_with("cargo 0."));
    // Unless something that selects it changed.
    fs::write(dir.path().join("rust-toolchain"), "").unwrap();
    fs::remove_file(dir.path().join("rust-toolchain")).unwrap();
    assert!(find(env()).cargo_says.starts_with("cargo 0."));
    let mut other = env();
    other.insert("CARGO_HOME".into(), dir.path().into());
    assert_eq!(find(other).cargo_says, found.cargo_says);
    fs::write(&cache, "rubbish").unwrap();
    assert_eq!(find(env()), found);
    let nowhere = BTreeMap::from([("PATH".into(), "/no/such".into())]);
    let error = Toolchain::find(&nowhere, dir.path(), &cache).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`rustc` not found in PATH (/no/such); install Rust from https://rustup.rs"
    );
}
