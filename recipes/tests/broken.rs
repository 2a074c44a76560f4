//! Broken recipes: each `broken/NAME.toml` yields exactly what `broken/NAME.txt` says.
//!
//! `SNAPSHOTS=overwrite cargo test -p rescience-recipes` writes the expectations anew; read them
//! before you commit them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rescience_recipes::{Diagnostics, MAX_SIZE, parse_bytes};
use snapbox::{Assert, Data};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    found.sort();
    found
}

/// One diagnostic after the other: place, code and message, then whatever else it says.
fn shown(found: &Diagnostics) -> String {
    let mut text = String::new();
    for item in &found.items {
        let (line, column) = found.line_column(item.span.start);
        writeln!(text, "{} {line}:{column} {}", item.code, item.message).unwrap();
        let underlined = &found.text[item.span.clone()];
        let underlined = underlined.lines().next().unwrap_or_default();
        if !underlined.is_empty() {
            writeln!(
                text,
                "    `{}`: {}",
                underlined.chars().take(60).collect::<String>(),
                item.label
            )
            .unwrap();
        }
        for (span, label) in &item.secondary {
            let (line, column) = found.line_column(span.start);
            writeln!(text, "    {line}:{column} {label}").unwrap();
        }
        for note in &item.notes {
            writeln!(text, "    note: {note}").unwrap();
        }
        if let Some(help) = &item.help {
            writeln!(text, "    help: {help}").unwrap();
        }
    }
    text
}

#[test]
fn broken_recipes_say_what_is_wrong() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 30, "{} fixtures", fixtures.len());
    for path in fixtures {
        let bytes = std::fs::read(&path).unwrap();
        let Err(found) = parse_bytes("rescience.toml", &bytes, None) else {
            panic!("{} is not broken", path.display());
        };
        assert!(!found.items.is_empty());
        let expected = path.with_extension("txt");
        Assert::new()
            .action_env("SNAPSHOTS")
            .eq(shown(&found), Data::read_from(&expected, Some(snapbox::data::DataFormat::Text)));
    }
}

#[test]
fn fifty_megabytes_are_refused_at_once() {
    let began = std::time::Instant::now();
    let bytes = vec![b'['; 50 << 20];
    let found = parse_bytes("rescience.toml", &bytes, None).unwrap_err();
    assert_eq!(
        shown(&found).lines().next(),
        Some("RS0022 1:1 the recipe is 50.0 MiB, more than 16 MiB")
    );
    assert!(began.elapsed().as_millis() < 500, "{:?}", began.elapsed());
    assert!(bytes.len() > MAX_SIZE);
}

#[test]
fn depth_never_overflows_the_stack() {
    for (open, close) in [("[", "]"), ("{a=", "}"), ("a.", "")] {
        for levels in [100, 100_000] {
            let text = format!("x = {}1{}", open.repeat(levels), close.repeat(levels));
            let found = parse_bytes("rescience.toml", text.as_bytes(), None).unwrap_err();
            assert!(!found.items.is_empty(), "{levels} x {open}");
            let text = format!("{}x = 1", open.repeat(levels));
            parse_bytes("rescience.toml", text.as_bytes(), None).unwrap_err();
        }
    }
}

#[test]
fn an_unknown_profile_names_the_known_ones() {
    let text = "[project]\nname = \"p\"\n[profile.quick]\n";
    let found = parse_bytes("rescience.toml", text.as_bytes(), Some("quik")).unwrap_err();
    assert_eq!(
        shown(&found),
        "RS0027 1:1 the recipe has no profile `quik`\n    \
         help: profiles are `default` and `quick`\n"
    );
}
