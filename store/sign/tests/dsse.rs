//! Envelopes: what they sign, who verifies it, and that no bit of them is free.

#[expect(dead_code, reason = "nothing is signed by `ssh-keygen` here")]
mod support;

use proptest::prelude::*;
use rescience_sign::namespace::{BUNDLE, PROVENANCE};
use rescience_sign::{Envelope, dsse};
use support::{Case, KINDS, World, flipped, settings, signer};

#[test]
fn a_signature_of_an_envelope_is_a_file_for_ssh_keygen() {
    let world = World::new();
    let (_, signer) = world.signer("key", KINDS[0]);
    let (_, other) = world.signer("other", KINDS[1]);
    let mut envelope = Envelope::new(dsse::IN_TOTO, b"{}".to_vec());
    assert!(envelope.verify(PROVENANCE, |_| true).is_err(), "nobody has signed it");
    envelope.sign(&signer, PROVENANCE).unwrap();
    envelope.sign(&other, PROVENANCE).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&envelope.to_json()).unwrap();
    assert_eq!(json["signatures"][0]["keyid"], signer.public().fingerprint());
    let base64 = json["signatures"][0]["sig"].as_str().unwrap();
    let armour = world.run("base64", &["-d"], base64.as_bytes()).unwrap();
    let case = Case {
        allowed: &format!("ada {}\n", signer.public()),
        signature: &armour,
        principal: "ada",
        namespace: PROVENANCE,
        time: "20250301Z",
        message: &dsse::pae(dsse::IN_TOTO, b"{}"),
    };
    assert!(world.keygen_verify(&case));

    let read = Envelope::parse(&envelope.to_json()).unwrap();
    let keys: Vec<_> = read.keys(PROVENANCE).into_iter().map(Result::unwrap).collect();
    assert_eq!(keys, [signer.public().clone(), other.public().clone()]);
    assert_eq!(read.verify(PROVENANCE, |key| key == other.public()).unwrap(), b"{}");
    let nobody = read.verify(PROVENANCE, |_| false).unwrap_err().to_string();
    assert!(nobody.contains("not trusted"), "{nobody}");
    assert!(read.verify(BUNDLE, |_| true).unwrap_err().to_string().contains(PROVENANCE));
}

#[test]
fn the_type_of_a_payload_is_signed_and_one_bad_signature_hides_no_good_one() {
    let world = World::new();
    let (_, signer) = world.signer("key", KINDS[0]);
    let mut envelope = Envelope::new("a", b"{}".to_vec());
    envelope.sign(&signer, PROVENANCE).unwrap();
    let json = String::from_utf8(envelope.to_json()).unwrap();
    let renamed = json.replace(r#""payloadType":"a""#, r#""payloadType":"b""#);
    assert!(Envelope::parse(renamed.as_bytes()).unwrap().verify(PROVENANCE, |_| true).is_err());
    let more = json.replace(r#""signatures":["#, r#""signatures":[{"keyid":"","sig":"AAAA"},"#);
    let read = Envelope::parse(more.as_bytes()).unwrap();
    assert!(read.keys(PROVENANCE)[0].is_err());
    assert_eq!(read.verify(PROVENANCE, |key| key == signer.public()).unwrap(), b"{}");
}

#[test]
fn every_bit_of_an_envelope_counts_but_those_of_the_hint() {
    let world = World::new();
    let signer = signer(&world);
    let mut envelope = Envelope::new("t", b"payload".to_vec());
    envelope.sign(&signer, PROVENANCE).unwrap();
    let json = envelope.to_json();
    let text = String::from_utf8(json.clone()).unwrap();
    let hint = text.find("\"keyid\"").unwrap()..text.find(",\"sig\"").unwrap();
    for bit in (0..json.len() * 8).filter(|bit| !hint.contains(&(bit / 8))) {
        let read = Envelope::parse(&flipped(&json, bit));
        let taken =
            read.is_ok_and(|it| it.verify(PROVENANCE, |key| key == signer.public()).is_ok());
        assert!(!taken, "bit {bit}: {}", String::from_utf8_lossy(&flipped(&json, bit)));
    }
}

fn signed() -> Vec<u8> {
    let mut envelope = Envelope::new("t", b"payload".to_vec());
    envelope.sign(&signer(&World::new()), BUNDLE).unwrap();
    envelope.to_json()
}

fn reads_or_refuses(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::parse(bytes) {
        drop(envelope.keys(BUNDLE));
        assert_eq!(Envelope::parse(&envelope.to_json()).unwrap(), envelope);
    }
}

proptest! {
    #![proptest_config(settings(512))]

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        reads_or_refuses(&bytes);
    }
}

#[test]
fn mutated_envelopes_never_panic() {
    let sound = signed();
    let change = (0..sound.len(), 0_usize..20, "[-_+/=A-Za-z0-9{}\\[\\]:,\"]{0,8}");
    let mut runner = prop::test_runner::TestRunner::new(settings(2048));
    runner
        .run(&change, |(at, remove, put)| {
            let mut bytes = sound.clone();
            bytes.splice(at..(at + remove).min(sound.len()), put.into_bytes());
            reads_or_refuses(&bytes);
            Ok(())
        })
        .unwrap();
}
