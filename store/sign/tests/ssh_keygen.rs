//! This crate and `ssh-keygen -Y` take each other's signatures, and refuse the same ones.

#[expect(dead_code, reason = "nothing is mutated here")]
mod support;

use std::fs;

use jiff::Timestamp;
use rescience_sign::namespace::{BUNDLE, PROVENANCE};
use rescience_sign::{AllowedSigners, PublicKey, SignError, Signature, Signer, sshsig};
use sha2::{Digest as _, Sha256, Sha512};
use ssh_key::public::{Ed25519PublicKey, KeyData, SkEd25519};
use ssh_key::{Algorithm, HashAlg, SshSig};
use support::{Case, KINDS, World, public};

const MESSAGE: &[u8] = b"b3 and sha256 of everything\n";

/// Whether this crate takes a signature.
fn ours(case: &Case<'_>) -> bool {
    let Ok(allowed) = AllowedSigners::parse(case.allowed.as_bytes()) else { return false };
    let Ok(signature) = Signature::parse(case.signature.as_bytes()) else { return false };
    let Ok(key) = signature.verify(case.namespace, case.message) else { return false };
    let (day, _) = case.time.split_at(8);
    let time = format!("{}-{}-{}T00:00:00Z", &day[..4], &day[4..6], &day[6..]);
    allowed.check(case.principal, key, case.namespace, time.parse().unwrap()).is_ok()
}

#[test]
fn both_take_each_others_signatures_by_every_kind_of_key() {
    let world = World::new();
    for (index, kind) in KINDS.iter().enumerate() {
        let (path, signer) = world.signer(&format!("key{index}"), kind);
        let theirs = world.keygen_sign(&path, BUNDLE, &[], MESSAGE);
        let signature = sshsig::sign(&signer, BUNDLE, MESSAGE).unwrap();
        assert_eq!(Signature::parse(theirs.as_bytes()).unwrap().armour(), theirs, "{kind:?}");
        if kind[1] != "ecdsa" {
            assert_eq!(signature.armour(), theirs, "{kind:?} has one signature");
        }
        let digest = Sha512::digest(MESSAGE).into();
        assert_eq!(signature.verify_sha512(BUNDLE, &digest).unwrap(), &public(&path));
        let allowed = format!("ada@example.org {}\n", signer.public());
        for signature in [&theirs, &signature.armour()] {
            let time = "20250301Z";
            let case = Case {
                allowed: &allowed,
                signature,
                principal: "ada@example.org",
                namespace: BUNDLE,
                time,
                message: MESSAGE,
            };
            assert!(ours(&case) && world.keygen_verify(&case), "{kind:?}");
        }
    }
}

/// Signatures of `hello\n` for `file` that OpenSSH 9.2 made, by keys that exist no more.
#[test]
fn signatures_of_long_ago_are_taken() {
    for (key, signature) in [
        (include_str!("vectors/ed25519.pub"), &include_bytes!("vectors/ed25519.sig")[..]),
        (include_str!("vectors/ed25519.pub"), include_bytes!("vectors/ed25519-sha256.sig")),
        (include_str!("vectors/ecdsa.pub"), include_bytes!("vectors/ecdsa.sig")),
        (include_str!("vectors/rsa.pub"), include_bytes!("vectors/rsa.sig")),
    ] {
        let signature = Signature::parse(signature).unwrap();
        let key = PublicKey::parse(key).unwrap();
        assert_eq!(signature.verify("file", &b"hello\n"[..]).unwrap(), &key);
        assert!(matches!(signature.verify("file", &b"hello"[..]), Err(SignError::Forged { .. })));
        assert!(matches!(
            signature.verify("git", &b"hello\n"[..]),
            Err(SignError::Namespace { .. })
        ));
    }
}

#[test]
fn both_refuse_the_same_signatures() {
    let world = World::new();
    let (path, signer) = world.signer("key", KINDS[0]);
    let (_, other) = world.signer("other", KINDS[0]);
    let theirs = world.keygen_sign(&path, BUNDLE, &[], MESSAGE);
    let key = signer.public();
    let limited = format!(
        "*@example.org,!eve@example.org namespaces=\"git,bundle@*\",valid-after=\"20250101Z\",\
         valid-before=\"20250601Z\" {key}\n"
    );
    let others = format!("ada@example.org {}\n", other.public());
    let authority = format!("ada@example.org cert-authority {key}\n");
    let files = format!("ada@example.org namespaces=\"file\" {key}\n");
    let right = Case {
        allowed: &limited,
        signature: &theirs,
        principal: "ada@example.org",
        namespace: BUNDLE,
        time: "20250301Z",
        message: MESSAGE,
    };
    assert!(ours(&right) && world.keygen_verify(&right));
    let first = Case { time: "20250101Z", ..right };
    assert!(ours(&first) && world.keygen_verify(&first), "the first second");
    let last = Case { time: "20250601Z", ..right };
    assert!(ours(&last) && world.keygen_verify(&last), "the last second");
    let cut = theirs.replace("\n-----END", "-----END");
    for (what, case) in [
        ("another namespace", Case { namespace: PROVENANCE, ..right }),
        ("a changed byte", Case { message: b"b3 and sha256 of everythinG\n", ..right }),
        ("no bytes", Case { message: b"", ..right }),
        ("another person", Case { principal: "ada@example.com", ..right }),
        ("an excluded person", Case { principal: "eve@example.org", ..right }),
        ("too early", Case { time: "20241231Z", ..right }),
        ("too late", Case { time: "20250602Z", ..right }),
        ("another key", Case { allowed: &others, ..right }),
        ("a certificate authority", Case { allowed: &authority, ..right }),
        ("a namespace that the key may not sign", Case { allowed: &files, ..right }),
        ("nobody", Case { allowed: "# nobody\n", ..right }),
        ("a broken armour", Case { signature: &cut, ..right }),
    ] {
        assert!(!ours(&case), "{what}: we take it");
        assert!(!world.keygen_verify(&case), "{what}: ssh-keygen takes it");
    }
}

#[test]
fn both_hashes_are_taken() {
    let world = World::new();
    let (path, signer) = world.signer("key", KINDS[0]);
    for hash in ["sha256", "sha512"] {
        let option = format!("hashalg={hash}");
        let text = world.keygen_sign(&path, "file", &["-O", &option], MESSAGE);
        let signature = Signature::parse(text.as_bytes()).unwrap();
        assert_eq!(signature.verify("file", MESSAGE).unwrap(), signer.public(), "{hash}");
        let known = signature.verify_sha512("file", &Sha512::digest(MESSAGE).into());
        match hash {
            "sha512" => assert_eq!(known.unwrap(), signer.public()),
            _ => assert!(matches!(known, Err(SignError::Refused { .. }))),
        }
    }
}

/// No machine of the tests has a security key, so that its part is played here.
#[test]
fn both_take_signatures_by_security_keys() {
    use ed25519_dalek::{Signer as _, SigningKey};

    let world = World::new();
    let secret = SigningKey::from_bytes(&[7; 32]);
    let point = Ed25519PublicKey(secret.verifying_key().to_bytes());
    let key = KeyData::SkEd25519(SkEd25519::new(point, "ssh:"));
    let data = SshSig::signed_data(BUNDLE, HashAlg::Sha512, MESSAGE).unwrap();
    let (touched, counter) = (1, [0, 0, 0, 9]);
    let mut bytes = Sha256::digest(b"ssh:").to_vec();
    bytes.push(touched);
    bytes.extend(counter);
    bytes.extend(Sha256::digest(data));
    let mut made = secret.sign(&bytes).to_bytes().to_vec();
    made.push(touched);
    made.extend(counter);
    let made = ssh_key::Signature::new(Algorithm::SkEd25519, made).unwrap();
    let blob = SshSig::new(key, BUNDLE, HashAlg::Sha512, made).unwrap();
    let signature = Signature::parse(blob.to_string().as_bytes()).unwrap();
    let case = Case {
        allowed: &format!("ada {}\n", signature.key()),
        signature: &signature.armour(),
        principal: "ada",
        namespace: BUNDLE,
        time: "20250301Z",
        message: MESSAGE,
    };
    assert!(ours(&case));
    assert!(world.keygen_verify(&case));
    assert!(!ours(&Case { message: b"", ..case }));
}

#[test]
fn keys_that_cannot_sign_say_what_to_do() {
    let world = World::new();
    let encrypted = world.key("locked", KINDS[0], "a passphrase");
    assert!(matches!(Signer::open(&encrypted, None), Err(SignError::Encrypted { .. })));
    let message = Signer::open(&encrypted, None).unwrap_err().to_string();
    assert!(message.contains("ssh-agent") && message.contains("locked.pub"), "{message}");
    let pem = world.key("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"], "");
    let short = world.key("short", &["-t", "rsa", "-b", "1024"], "");
    let alone = encrypted.with_extension("pub");
    let cut = fs::read(world.key("cut", KINDS[0], "")).unwrap();
    let cut = world.write("cut", &cut[..cut.len() / 2]);
    let long = world.write("long", vec![b'A'; 1 << 17]);
    for (path, why) in [
        (&pem, "ssh-keygen -p -f"),
        (&short, "1024 bits"),
        (&alone, "no ssh-agent is known"),
        (&cut, "no key to sign with"),
        (&long, "longer than any key"),
        (&world.path("nowhere"), "cannot open"),
    ] {
        let found = Signer::open(path, None).unwrap_err().to_string();
        assert!(found.contains(why), "{found}");
    }
}

#[test]
fn whose_key_it_is_both_find_alike() {
    let world = World::new();
    let (path, signer) = world.signer("key", KINDS[0]);
    let theirs = world.keygen_sign(&path, "git", &[], MESSAGE);
    let key = signer.public();
    let allowed = format!("a@x,*@y namespaces=\"git\" {key} one\nb@x namespaces=\"file\" {key}\n");
    world.write("allowed", &allowed);
    world.write("sig", &theirs);
    let args = ["-Y", "find-principals", "-f", "allowed", "-s", "sig"];
    let found = world.run("ssh-keygen", &args, b"").unwrap();
    let allowed = AllowedSigners::parse(allowed.as_bytes()).unwrap();
    let ours = allowed.find(key, "git", Timestamp::UNIX_EPOCH).map(ToString::to_string);
    // `ssh-keygen` breaks the list up.
    assert_eq!(ours.collect::<Vec<_>>(), [found.trim_end().replace('\n', ",")]);
}
