//! Signing through an `ssh-agent`: the real one, and some that lie.

#![expect(clippy::disallowed_methods, reason = "a real agent is started")]

#[expect(dead_code, reason = "nothing is signed by `ssh-keygen` here")]
mod support;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use base64ct::{Base64, Encoding as _};
use rescience_sign::namespace::BUNDLE;
use rescience_sign::{SignError, Signer, sshsig};
use support::{Case, KINDS, World};

/// An agent that ends with the test.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(world: &World) -> Agent {
        let socket = world.path("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("`ssh-agent` of OpenSSH is needed");
        for _ in 0..1000 {
            if UnixStream::connect(&socket).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Agent { child, socket }
    }

    /// Gives the agent a key, whose passphrase a program says.
    fn add(&self, world: &World, key: &Path) {
        let asked = world.write("askpass", "#!/bin/sh\necho a passphrase\n");
        fs::set_permissions(&asked, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("ssh-add");
        command.arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket);
        command.env("SSH_ASKPASS", asked).env("SSH_ASKPASS_REQUIRE", "force");
        assert!(command.stderr(Stdio::null()).status().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_key_with_a_passphrase_signs_through_the_agent() {
    let world = World::new();
    let agent = Agent::start(&world);
    for (index, kind) in KINDS.iter().enumerate() {
        let name = format!("key{index}");
        let private = world.key(&name, kind, "a passphrase");
        agent.add(&world, &private);
        let signer = Signer::open(&private.with_extension("pub"), Some(&agent.socket)).unwrap();
        for message in [&b"one"[..], b"two"] {
            let signature = sshsig::sign(&signer, BUNDLE, message).unwrap();
            let case = Case {
                allowed: &format!("ada {}\n", signer.public()),
                signature: &signature.armour(),
                principal: "ada",
                namespace: BUNDLE,
                time: "20250301Z",
                message,
            };
            assert!(world.keygen_verify(&case), "{kind:?}");
        }
    }
}

#[test]
fn an_agent_without_the_key_says_what_to_do() {
    let world = World::new();
    let agent = Agent::start(&world);
    let public = world.key("key", KINDS[0], "").with_extension("pub");
    let found = Signer::open(&public, Some(&agent.socket)).unwrap_err().to_string();
    assert!(found.contains("ssh-add") && found.contains("SHA256:"), "{found}");
    let nowhere = Signer::open(&public, Some(&world.path("nowhere"))).unwrap_err();
    assert!(matches!(nowhere, SignError::Io { .. }), "{nowhere}");
}

#[test]
fn an_agent_that_forgets_the_key_refuses_to_sign() {
    let world = World::new();
    let agent = Agent::start(&world);
    let private = world.key("key", KINDS[0], "");
    agent.add(&world, &private);
    let signer = Signer::open(&private.with_extension("pub"), Some(&agent.socket)).unwrap();
    let mut command = Command::new("ssh-add");
    command.args(["-q", "-D"]).env("SSH_AUTH_SOCK", &agent.socket).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
    let found = sshsig::sign(&signer, BUNDLE, &b"x"[..]).unwrap_err().to_string();
    assert!(found.contains("refused to sign"), "{found}");
}

/// An agent that gives the same answers to whoever asks.
fn liar(socket: &Path, answers: Vec<Vec<u8>>) -> thread::JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in answers {
            let mut length = [0; 4];
            if stream.read_exact(&mut length).is_err() {
                return;
            }
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).unwrap();
            drop(stream.write_all(&answer));
        }
    })
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn answer(kind: u8, content: &[u8]) -> Vec<u8> {
    string(&[&[kind], content].concat())
}

#[test]
fn what_an_agent_says_is_checked() {
    let world = World::new();
    let (path, signer) = world.signer("key", KINDS[0]);
    let public = path.with_extension("pub");
    let text = fs::read_to_string(&public).unwrap();
    let blob = Base64::decode_vec(text.split(' ').nth(1).unwrap()).unwrap();
    let keys = answer(12, &[&1_u32.to_be_bytes()[..], &string(&blob), &string(b"c")].concat());
    let wrong = [string(b"ssh-ed25519"), string(&[1; 64])].concat();
    let rsa = [string(b"ssh-rsa"), string(&[1; 256])].concat();
    for (index, (answers, why)) in [
        (vec![vec![]], "cannot talk to"),
        (vec![vec![0, 0, 0, 9, 12]], "cannot talk to"),
        (vec![vec![255; 4]], "its answer has 4294967295 bytes"),
        (vec![answer(5, b"")], "did not list its keys"),
        (vec![answer(14, b"")], "no answer"),
        (vec![string(b"")], "no answer"),
        (vec![answer(12, &[255; 4])], "no answer"),
        (vec![answer(12, &[0; 4])], "`ssh-add` adds it"),
        (vec![keys.clone(), answer(5, b"")], "refused to sign"),
        (vec![keys.clone(), answer(14, b"")], "no answer"),
        (vec![keys.clone(), answer(14, &string(b"junk"))], "no answer"),
        (vec![keys.clone(), answer(14, &string(&rsa))], "does not belong to these bytes"),
        (vec![keys, answer(14, &string(&wrong))], "does not belong to these bytes"),
    ]
    .into_iter()
    .enumerate()
    {
        let socket = world.path(&format!("liar{index}"));
        let liar = liar(&socket, answers);
        let signed = Signer::open(&public, Some(&socket))
            .and_then(|signer| sshsig::sign(&signer, BUNDLE, &b"x"[..]));
        let found = signed.unwrap_err().to_string();
        assert!(found.contains(why), "{index}: {found}");
        liar.join().unwrap();
    }
    assert!(sshsig::sign(&signer, BUNDLE, &b"x"[..]).is_ok());
}
