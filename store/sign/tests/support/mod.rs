//! Keys made by the real `ssh-keygen`, and what it says of signatures.

#![expect(clippy::disallowed_methods, reason = "the tools of OpenSSH are what is compared with")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::test_runner::{Config, RngSeed};
use rescience_sign::{PublicKey, Signer};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use tempfile::TempDir;

/// Kinds of keys, as arguments of `ssh-keygen`.
pub(crate) const KINDS: &[&[&str]] = &[
    &["-t", "ed25519"],
    &["-t", "ecdsa", "-b", "256"],
    &["-t", "ecdsa", "-b", "384"],
    &["-t", "ecdsa", "-b", "521"],
    &["-t", "rsa", "-b", "2048"],
];

/// A folder for keys and files.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> World {
        World { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// Makes a key, and returns the path of its private half.
    pub(crate) fn key(&self, name: &str, kind: &[&str], passphrase: &str) -> PathBuf {
        let path = self.path(name);
        let mut command = Command::new("ssh-keygen");
        command.args(kind).args(["-q", "-C", "a comment", "-N", passphrase, "-f"]).arg(&path);
        assert!(command.status().expect("`ssh-keygen` of OpenSSH is needed").success());
        path
    }

    /// Makes a key without passphrase, and opens it.
    pub(crate) fn signer(&self, name: &str, kind: &[&str]) -> (PathBuf, Signer) {
        let path = self.key(name, kind, "");
        let signer = Signer::open(&path, None).unwrap();
        (path, signer)
    }

    /// Runs a command on some standard input; none if it fails.
    #[must_use]
    pub(crate) fn run(&self, program: &str, args: &[&str], input: &[u8]) -> Option<String> {
        let input = fs::File::open(self.write("stdin", input)).unwrap();
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder.path()).stdin(input).stderr(Stdio::null());
        let output = command.output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Signs with `ssh-keygen`.
    #[must_use]
    pub(crate) fn keygen_sign(
        &self,
        key: &Path,
        namespace: &str,
        more: &[&str],
        message: &[u8],
    ) -> String {
        let key = key.to_str().unwrap();
        let args = [&["-Y", "sign", "-q", "-f", key, "-n", namespace], more].concat();
        self.run("ssh-keygen", &args, message).expect("`ssh-keygen` signs")
    }

    /// Whether `ssh-keygen` takes a signature.
    #[must_use]
    pub(crate) fn keygen_verify(&self, case: &Case) -> bool {
        self.write("allowed", case.allowed);
        self.write("sig", case.signature);
        let time = format!("verify-time={}", case.time);
        let args = ["-Y", "verify", "-q", "-f", "allowed", "-I", case.principal, "-n"];
        let args = [&args[..], &[case.namespace, "-s", "sig", "-O", &time]].concat();
        self.run("ssh-keygen", &args, case.message).is_some()
    }
}

/// A question to a verifier.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) allowed: &'a str,
    pub(crate) signature: &'a str,
    pub(crate) principal: &'a str,
    pub(crate) namespace: &'a str,
    /// `YYYYMMDDZ`.
    pub(crate) time: &'a str,
    pub(crate) message: &'a [u8],
}

/// The public key beside a private one.
pub(crate) fn public(private: &Path) -> PublicKey {
    PublicKey::parse(&fs::read_to_string(private.with_extension("pub")).unwrap()).unwrap()
}

/// The same key in every test, without a file that looks like a secret.
pub(crate) fn signer(world: &World) -> Signer {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let path = world.write("key", key.to_openssh(LineEnding::LF).unwrap());
    Signer::open(&path, None).unwrap()
}

/// The bytes with one bit changed.
pub(crate) fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// The same cases on every run, and no file of failures.
pub(crate) fn settings(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(20_260_131),
        failure_persistence: None,
        ..Config::default()
    }
}
