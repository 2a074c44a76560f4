//! What code that is compiled tries.

use std::fs;

use rescience_exec::sandbox::Exit;

use crate::Test;
use crate::shop::{Shop, says, write};

pub(crate) const TESTS: &[Test] = &[
    ("messages_that_a_build_script_forges_name_no_file_of_the_host", forged_messages),
    ("links_that_a_build_script_leaves_are_not_followed", links),
    ("a_source_that_brings_other_code_is_refused", foreign_settings),
    ("tokens_of_cargos_home_stay_out_of_builds", tokens),
];

const MANIFEST: &str = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"0.1.0\"\n";
const MAIN: &str = "fn main() { println!(\"hello\"); }\n";

fn source(build: &str) -> [(&'static str, String); 4] {
    let file = |path, text: &str| (path, text.to_owned());
    [
        file("Cargo.toml", MANIFEST),
        file("Cargo.lock", LOCK),
        file("src/main.rs", MAIN),
        file("build.rs", build),
    ]
}

fn build(shop: &Shop, script: &str) -> Result<crate::shop::Left, String> {
    let files = source(script);
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    shop.build(&files).map_err(|error| error.to_string())
}

/// A build script that speaks in cargo's name.
fn forger(name: &str, executable: &str) -> String {
    let message = serde_json::json!({
        "reason": "compiler-artifact", "package_id": "x", "fresh": false,
        "target": { "name": name, "kind": ["bin"] }, "executable": executable,
    });
    format!(
        "use std::io::Write;\nfn main() {{\n let cargo = std::os::unix::process::parent_id();\n \
         let mut out = std::fs::OpenOptions::new().append(true)\
         .open(format!(\"/proc/{{cargo}}/fd/1\")).unwrap();\n \
         out.write_all({:?}.as_bytes()).unwrap();\n}}\n",
        format!("\n{message}\n")
    )
}

fn forged_messages() {
    let shop = Shop::new();
    let (escaped, secret) = (shop.path("ESCAPED"), shop.path("secret"));
    fs::write(&secret, "secret").unwrap();
    let (escaped_name, secret_path) = (escaped.to_str().unwrap(), secret.to_str().unwrap());
    for (name, executable, why) in [
        (escaped_name, secret_path, "its name is not a file name"),
        (escaped_name, "/target/release/hello", "its name is not a file name"),
        ("x", secret_path, "it is not in the target directory"),
        ("x", "/target/../secret", "it is not in the target directory"),
    ] {
        let error = build(&shop, &forger(name, executable)).expect_err("it is refused");
        assert!(error.ends_with(why), "{error}");
        assert!(!escaped.exists());
    }
    // The message arrives: what is in the target is the build's own.
    let left = build(&shop, &forger("x", "/target/release/hello")).unwrap();
    assert_eq!(left.built.programs, ["hello", "x"], "{}", left.log);
    assert_eq!(says(&left.output.join("x")), "hello");
}

fn links() {
    let shop = Shop::new();
    let secret = shop.path("secret");
    fs::write(&secret, "secret").unwrap();
    let script = |more: &str| {
        let forger = forger("x", "/target/release/link");
        forger.replace("fn main() {", &format!("fn main() {{\n {more};"))
    };
    let link = format!(
        "std::os::unix::fs::symlink({:?}, \"/target/release/link\").unwrap()",
        secret.to_str().unwrap()
    );
    let error = build(&shop, &script(&link)).expect_err("it is refused");
    assert!(error.ends_with("a link leads to it"), "{error}");
    // What the next build clears away is its own, and not what a link leads to.
    let other = shop.path("other/hello-0123456789abcdef");
    fs::create_dir_all(&other).unwrap();
    let away = format!(
        "let build = \"/target/release/build\"; std::fs::rename(build, \"/target/away\").unwrap(); \
         std::os::unix::fs::symlink({:?}, build).unwrap()",
        shop.path("other").to_str().unwrap()
    );
    build(&shop, &format!("fn main() {{ {away}; }}")).ok();
    let left = build(&shop, "fn main() {}").unwrap();
    assert_eq!(left.built.finished.exit, Exit::Code(0), "{}", left.log);
    assert!(other.exists());
}

fn foreign_settings() {
    let shop = Shop::new();
    let files = source("fn main() {}");
    let mut files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    files.push((".cargo/config.toml", "[source.crates-io]\ndirectory = \"other\"\n"));
    let error = shop.build(&files).expect_err("it is refused").to_string();
    let start = ".cargo/config.toml has the key `source`, by which other code";
    assert!(error.starts_with(start), "{error}");
    // A program that wraps the compiler is not started.
    files.pop();
    files.push((".cargo/config.toml", "[build]\nrustc-wrapper = \"/bin/false\"\n"));
    let left = shop.build(&files).unwrap();
    assert_eq!(left.built.finished.exit, Exit::Code(0), "{}", left.log);
}

fn tokens() {
    let shop = Shop::new();
    let config = "[registry]\ntoken = \"SECRET\"\n[registries.mine]\n\
                  index = \"sparse+https://example.org/\"\ntoken = \"SECRET\"\n";
    write(&shop.cargo_home().join("config.toml"), config);
    write(&shop.cargo_home().join("credentials.toml"), "[registry]\ntoken = \"SECRET\"\n");
    write(&shop.cargo_home().join("git/db/private-0123456789abcdef/FETCH_HEAD"), "SECRET");
    let script = r#"
fn look(dir: &std::path::Path, all: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            look(&entry.path(), all);
        } else {
            all.push_str(&format!("{} ", entry.path().display()));
            all.push_str(&std::fs::read_to_string(entry.path()).unwrap_or_default());
        }
    }
}
fn main() {
    let mut all = String::new();
    look(std::env::var_os("CARGO_HOME").unwrap().as_ref(), &mut all);
    assert!(all.contains("https://example.org/") && !all.contains("SECRET"), "{all}");
}
"#;
    let left = build(&shop, script).unwrap();
    assert_eq!(left.built.finished.exit, Exit::Code(0), "{}", left.log);
}
