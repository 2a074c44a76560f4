//! Whatever comes from outside is read or refused, never a panic, and no bit of a signature is free.

#[expect(dead_code, reason = "only keys are needed here")]
mod support;

use jiff::Timestamp;
use proptest::prelude::*;
use rescience_sign::namespace::BUNDLE;
use rescience_sign::pattern::Patterns;
use rescience_sign::{AllowedSigners, PublicKey, Signature, Signer, sshsig};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use support::{KINDS, World, flipped, settings, signer};

/// A key whose private half nobody has any more.
const KEY: &str = include_str!("vectors/ed25519.pub");

const ALLOWED: &str = "*@example.org,!eve@* namespaces=\"git,*@rescience.dev\",\
    valid-after=\"20250101Z\",valid-before=\"202506012359Z\" \
    ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti c\n";

#[test]
fn every_bit_of_a_signature_counts() {
    let world = World::new();
    for (index, kind) in [KINDS[0], KINDS[1], KINDS[4]].into_iter().enumerate() {
        let (_, signer) = world.signer(&format!("key{index}"), kind);
        let signature = sshsig::sign(&signer, BUNDLE, &b"x"[..]).unwrap();
        let (blob, armour) = (signature.blob(), signature.armour().into_bytes());
        for bit in 0..blob.len() * 8 {
            let read = Signature::from_blob(&flipped(&blob, bit));
            let taken = read.is_ok_and(|it| it.verify(BUNDLE, &b"x"[..]).is_ok());
            assert!(!taken, "{kind:?}: bit {bit} of the signature");
        }
        for bit in 0..armour.len() * 8 {
            let read = Signature::parse(&flipped(&armour, bit));
            let taken = read.is_ok_and(|it| it.verify(BUNDLE, &b"x"[..]).is_ok());
            assert!(!taken, "{kind:?}: bit {bit} of the armour");
        }
    }
}

#[test]
fn a_signature_has_one_reading() {
    let world = World::new();
    let signature = sshsig::sign(&signer(&world), BUNDLE, &b"x"[..]).unwrap();
    let blob = signature.blob();
    let armour = signature.armour();
    let longer = [&blob[..], &[0]].concat();
    let mut version = blob.clone();
    version[9] = 0;
    // The key's string is a byte longer than the key.
    let mut inside = blob.clone();
    inside[13] += 1;
    inside.insert(14 + 51, 0);
    let reserved = blob.windows(4).position(|bytes| bytes == [0; 4]).unwrap();
    let mut filled = blob.clone();
    filled[reserved + 3] = 1;
    filled.insert(reserved + 4, b'r');
    for (bad, why) in [
        (&longer, "nobody reads"),
        (&version, "version"),
        (&inside, "nobody reads"),
        (&filled, "reserved"),
        (&blob[..20].to_vec(), "length"),
        (&b"SSHSIX".to_vec(), ""),
    ] {
        let found = Signature::from_blob(bad).unwrap_err().to_string();
        assert!(found.contains(why), "{why}: {found}");
    }
    let body = armour.replace('\n', "");
    for bad in [
        format!("{armour}\n"),
        format!("\n{armour}"),
        format!(" {armour}"),
        armour.replace('\n', "\r\n"),
        armour.replace("BEGIN SSH", "BEGIN  SSH"),
        armour.replacen("\nU1NI", "\nComment: x\n\nU1NI", 1),
        armour.replacen("U1NI", "U1N\nI", 1),
        armour.replacen("\n-----END", "\n\n-----END", 1),
        body,
        String::new(),
    ] {
        assert!(Signature::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert_eq!(Signature::parse(armour.trim_end().as_bytes()).unwrap(), signature);
}

#[test]
fn signatures_are_for_a_namespace_that_can_be_seen() {
    let world = World::new();
    for bad in ["", "a b", "a\n", "ä"] {
        assert!(sshsig::sign(&signer(&world), bad, &b"x"[..]).is_err(), "{bad:?}");
    }
}

/// The point of order one: under RFC 8032's loose rule, this signature fits every message.
#[test]
fn a_key_whose_signature_fits_everything_is_no_key() {
    use ssh_key::public::{Ed25519PublicKey, KeyData};
    use ssh_key::{Algorithm, HashAlg, SshSig};

    let mut one = [0; 32];
    one[0] = 1;
    let universal = [&one[..], &[0; 32]].concat();
    let universal = ssh_key::Signature::new(Algorithm::Ed25519, universal).unwrap();
    let key = KeyData::Ed25519(Ed25519PublicKey(one));
    let blob = SshSig::new(key, BUNDLE, HashAlg::Sha512, universal).unwrap();
    let found = Signature::parse(blob.to_string().as_bytes()).unwrap_err().to_string();
    assert!(found.contains("weak key"), "{found}");
}

fn reads_nothing_into(bytes: &[u8]) {
    if let Ok(signature) = Signature::parse(bytes) {
        drop(signature.verify(BUNDLE, &b""[..]));
        assert_eq!(Signature::parse(signature.armour().as_bytes()).unwrap(), signature);
    }
    if let Ok(signature) = Signature::from_blob(bytes) {
        assert_eq!(signature.blob(), bytes);
    }
    if let Ok(allowed) = AllowedSigners::parse(bytes) {
        let key = PublicKey::parse(KEY).unwrap();
        assert_eq!(allowed.find(&key, BUNDLE, Timestamp::UNIX_EPOCH).count(), 0);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(PublicKey::parse(text));
        if let Ok(patterns) = Patterns::parse(text) {
            assert_eq!(patterns.to_string(), text);
        }
    }
}

/// Sound documents, for mutations to begin with.
fn sound() -> Vec<Vec<u8>> {
    let world = World::new();
    let signature = sshsig::sign(&signer(&world), BUNDLE, &b""[..]).unwrap();
    vec![
        signature.armour().into_bytes(),
        signature.blob(),
        ALLOWED.as_bytes().to_vec(),
        KEY.as_bytes().to_vec(),
    ]
}

proptest! {
    #![proptest_config(settings(512))]

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        reads_nothing_into(&bytes);
    }

    #[test]
    fn text_never_panics(text in "[-!*?,\"=A-Za-z0-9+/ {}:\\[\\]\n\t#@]{0,200}") {
        reads_nothing_into(text.as_bytes());
    }

    #[test]
    fn an_allowed_line_never_panics(
        options in "(namespaces|valid-after|valid-before|cert-authority|x)?=?\"?[0-9a-zZ*!,]{0,14}\"?,?",
        rest in "[a-z0-9=\", ]{0,30}",
    ) {
        drop(AllowedSigners::parse(format!("a@b {options}{rest} {KEY}").as_bytes()));
    }
}

#[test]
fn mutated_documents_never_panic() {
    let sound = sound();
    let world = World::new();
    let change = (0..sound.len(), any::<prop::sample::Index>(), 0_usize..20, any::<Vec<u8>>());
    let mut runner = prop::test_runner::TestRunner::new(settings(4096));
    runner
        .run(&change, |(which, at, remove, put)| {
            let mut bytes = sound[which].clone();
            let at = at.index(bytes.len());
            let end = (at + remove).min(bytes.len());
            bytes.splice(at..end, put.into_iter().take(20));
            reads_nothing_into(&bytes);
            Ok(())
        })
        .unwrap();
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let key = key.to_openssh(LineEnding::LF).unwrap().as_bytes().to_vec();
    for bit in 0..key.len() * 8 {
        let path = world.write("flipped", flipped(&key, bit));
        if let Ok(signer) = Signer::open(&path, None) {
            drop(sshsig::sign(&signer, BUNDLE, &b"x"[..]));
        }
    }
}
