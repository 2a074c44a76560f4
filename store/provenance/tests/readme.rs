//! The README is of use to somebody who has nothing but the bundle.

mod support;

use rescience_provenance::readme;

#[test]
fn the_readme_tells_the_commands() {
    let text = readme::readme(&support::sample().account);
    for command in [
        "b3sum -c manifest-blake3.txt",
        "sha256sum -c manifest-sha256.txt",
        "rescience verify .",
        "rescience build",
        "rescience reproduce .",
    ] {
        assert!(text.lines().any(|line| line == command), "{command}");
    }
}
