//! Bundles and verdicts are signed with SSH keys, and the real ssh-keygen says the same.

#![expect(clippy::disallowed_methods, reason = "stories start other programs")]

use std::process::Command;

use crate::support::{World, toy};

/// A new key of ssh-keygen's, and the line that lets it sign bundles and verdicts.
fn key(world: &World, name: &str) -> (String, String) {
    let path = world.path(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path);
    assert!(keygen.status().expect("openssh-client is installed").success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (path.display().to_string(), format!("{name}@example.org {public}"))
}

#[test]
fn a_signed_bundle_is_verified_by_anybody() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let (key, line) = key(&world, "alice");
    let (_, other) = self::key(&world, "bob");
    std::fs::write(world.path("allowed"), &line).unwrap();
    std::fs::write(world.path("others"), &other).unwrap();
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../toy.zip", "--sign", &key]).ok();
    world.run(&["verify", "toy.zip"]).ok().says("signed by SHA256:").says("--allowed-signers");
    let said = world.run(&["verify", "toy.zip", "--allowed-signers", "allowed"]).ok();
    said.says("the key of alice@example.org").says("1 signatures");
    let said = world.run(&["verify", "toy.zip", "--allowed-signers", "others"]).code(101);
    said.says("the key is nobody's in the list").says("none of the allowed signers");
    // A tool that knows nothing of us says the same.
    let folder = world.unpack("toy.zip", "toy-unpacked");
    let signature = std::fs::read_dir(folder.join("signatures")).unwrap().next().unwrap().unwrap();
    let list = std::fs::File::open(folder.join("manifest-blake3.txt")).unwrap();
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-Y", "verify", "-n", "bundle@rescience.dev", "-I", "alice@example.org", "-f"]);
    keygen.arg(world.path("allowed")).arg("-s").arg(signature.path()).stdin(list);
    assert!(keygen.status().unwrap().success());
    // A signature of something else is none.
    let text = std::fs::read_to_string(signature.path()).unwrap();
    toy.edit("paper/main.typ", "Less gives", "We find");
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../new.zip"]).ok();
    let folder = world.unpack("new.zip", "new-unpacked");
    std::fs::create_dir(folder.join("signatures")).unwrap();
    std::fs::write(folder.join("signatures/alice.sig"), text).unwrap();
    world.run_in(&folder, &["verify"]).code(101).says("does not belong to these bytes");
    std::fs::write(folder.join("signatures/alice.sig"), "nonsense").unwrap();
    world.run_in(&folder, &["verify"]).code(101).says("`signatures/alice.sig`");
    toy.run(&["bundle", "--sign", "nowhere"]).code(101).says("nowhere");
    toy.run(&["bundle"]).ok();
    let said = toy.run(&["verify", "out/toy-0.1.0.zip", "--allowed-signers", "../allowed"]);
    said.code(101).says("none of the allowed signers");
}

#[test]
fn only_another_key_makes_a_reproduction_independent() {
    let world = World::new();
    let toy = toy::toy(&world, "toy");
    let ((alice, _), (bob, line)) = (key(&world, "alice"), key(&world, "bob"));
    toy.run(&["build"]).ok();
    toy.run(&["bundle", "--output", "../toy.zip", "--sign", &alice]).ok();
    let verdict = |key: &str| {
        world.run(&["reproduce", "toy.zip", "--sign", key]).ok();
        std::fs::read_to_string(world.path("reproduction/reproduction.json")).unwrap()
    };
    assert!(verdict(&alice).contains("checked, not reproduced by another"));
    assert!(verdict(&bob).contains("who did not sign the bundle"));
    // Each line is a DSSE envelope, whose signature is one of ssh-keygen's.
    let lines = std::fs::read(world.path("reproduction/reproduction.intoto.jsonl")).unwrap();
    let allowed = rescience_sign::AllowedSigners::parse(line.as_bytes()).unwrap();
    let mut kinds = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let envelope = rescience_sign::Envelope::parse(line).unwrap();
        let namespace = rescience_sign::namespace::VERDICT;
        let now = "2026-01-31T12:00:00Z".parse().unwrap();
        let trusted = |key: &_| allowed.find(key, namespace, now).next().is_some();
        let payload = envelope.verify(namespace, trusted).unwrap();
        kinds.push(rescience_sign::statement::predicate_type(payload).unwrap());
    }
    assert_eq!(
        kinds,
        [
            "https://in-toto.io/attestation/test-result/v0.1",
            "https://in-toto.io/attestation/svr/v0.2"
        ]
    );
}
