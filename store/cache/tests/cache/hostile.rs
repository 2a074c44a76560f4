//! A place that lies: nothing of it counts, and nothing of it stays.

use std::fs;
use std::os::unix::fs::symlink;

use rescience_cache::CacheError;
use rescience_digest::{ActionKey, Digest, Sha256};
use rescience_sign::{namespace, sshsig};
use rescience_store::{Artifact, Blob, Entry, Outcome, Trace, Tree};

use crate::support::{Machine, Shared, key, reason, trust};

/// Puts a trace and a signature where a colleague would look for them, whatever they say.
fn forge(shared: &Shared, key: ActionKey, bytes: &[u8], signature: &[u8]) {
    let dir = shared.dir.path().join("traces").join(key.hex());
    fs::create_dir_all(&dir).unwrap();
    let name = Digest::of(bytes).hex();
    fs::write(dir.join(format!("{name}.json")), bytes).unwrap();
    fs::write(dir.join(format!("{name}.json.sig")), signature).unwrap();
}

fn sign(machine: &Machine, namespace: &str, bytes: &[u8]) -> Vec<u8> {
    sshsig::sign(&machine.signer, namespace, bytes).unwrap().armour().into_bytes()
}

/// A cache with one good trace in it.
fn pushed() -> (Machine, Shared, Trace) {
    let (ada, shared) = (Machine::new(1), Shared::new());
    let trace = ada.compute(key(7), "0.41");
    ada.push(&shared.cache, &trace).unwrap();
    (ada, shared, trace)
}

#[test]
fn every_bit_of_a_trace_and_its_signature_counts() {
    let (_, shared, trace) = pushed();
    let bob = Machine::new(2);
    for path in shared.trace(&trace) {
        let good = fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bad).unwrap();
            let found = bob.fetch(&shared.cache, key(7)).unwrap();
            assert!(!reason(&found).is_empty(), "{bit}");
        }
        for bad in [&good[..good.len() / 2], b"", &[&*good, b"more"].concat()] {
            fs::write(&path, bad).unwrap();
            reason(&bob.fetch(&shared.cache, key(7)).unwrap());
        }
        fs::write(&path, good).unwrap();
    }
    assert!(bob.files().is_empty());
    bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(bob.has(key(7)), "it was good all the time");
}

#[test]
fn a_wrong_object_leaves_nothing() {
    let (ada, shared, trace) = pushed();
    let bob = Machine::new(2);
    for artifact in ada.store.closure(trace.artifacts()).unwrap() {
        let digest = artifact.digest();
        let path = shared.object(&digest);
        let good = fs::read(&path).unwrap();
        let mut bads = vec![[&*good, b"more"].concat(), vec![0; 1 << 20]];
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            bads.push(bad);
        }
        bads.extend((0..good.len()).step_by(7).map(|size| good[..size].to_vec()));
        for bad in bads {
            fs::write(&path, bad).unwrap();
            let error = bob.fetch(&shared.cache, key(7)).unwrap_err();
            let CacheError::Wrong { digest: named, .. } = &error else { panic!("{error}") };
            let said = error.to_string();
            assert_eq!(*named, digest);
            assert!(said.contains("dir:.") && said.contains(&digest.to_string()), "{said}");
        }
        fs::write(&path, good).unwrap();
        assert!(bob.files().is_empty(), "nothing in the store");
    }
    bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(bob.has(key(7)));
}

#[test]
fn an_object_that_is_missing_there_refuses_the_trace() {
    let (_, shared, trace) = pushed();
    let bob = Machine::new(2);
    fs::remove_file(shared.object(&trace.facts.unwrap())).unwrap();
    let found = bob.fetch(&shared.cache, key(7)).unwrap();
    assert!(reason(&found).ends_with("which is missing there"), "{found:?}");
    assert!(bob.files().is_empty());
}

#[test]
fn links_and_pipes_are_no_objects() {
    let (_, shared, trace) = pushed();
    let bob = Machine::new(2);
    let path = shared.object(&trace.facts.unwrap());
    let elsewhere = shared.dir.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    let said = bob.fetch(&shared.cache, key(7)).unwrap_err().to_string();
    assert!(said.contains(path.file_name().unwrap().to_str().unwrap()), "{said}");
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o600),
        0,
    )
    .unwrap();
    assert!(bob.fetch(&shared.cache, key(7)).is_err(), "and it ends");
    assert!(!bob.has(key(7)));
}

#[test]
fn only_allowed_keys_count_and_only_for_traces_and_now() {
    let (ada, shared, _) = pushed();
    for (lines, said) in [
        (String::new(), "the key is nobody's in the list"),
        (Machine::new(3).line("eve", ""), "the key is nobody's in the list"),
        (ada.line("ada", "namespaces=\"bundle@rescience.dev\""), "may not sign this kind"),
        (ada.line("ada", "valid-before=\"20260630Z\""), "counts no more"),
        (ada.line("ada", "valid-after=\"20260702Z\""), "does not count yet"),
    ] {
        let bob = Machine::new(2);
        let found = shared.cache.fetch(&bob.store, &key(7), &trust(&lines)).unwrap();
        assert!(reason(&found).contains(said), "{found:?}");
        assert!(reason(&found).contains("SHA256:"), "{found:?}");
        assert!(bob.files().is_empty());
    }
    let bob = Machine::new(2);
    let lines = ada.line("*@lab.org", "namespaces=\"*@rescience.dev\",valid-before=\"20270101Z\"");
    let found = shared.cache.fetch(&bob.store, &key(7), &trust(&lines)).unwrap();
    assert_eq!(found.accepted[0].signer, "*@lab.org");
}

#[test]
fn other_signatures_do_not_count_and_good_traces_beside_them_do() {
    let (ada, shared, good) = pushed();
    let mut odd = ada.unrecorded(key(7), "odd");
    ada.store.closure(odd.artifacts()).unwrap();
    let bytes = odd.to_bytes();
    let eve = Machine::new(3);
    let of_the_other = fs::read(&shared.trace(&good)[1]).unwrap();
    for (signature, said) in [
        (Vec::new(), "refused"),
        (b"-----BEGIN SSH SIGNATURE-----\n".to_vec(), "refused"),
        (vec![b'x'; 1 << 20], "longer than any"),
        (of_the_other, "does not belong to these bytes"),
        (sign(&eve, namespace::TRACE, &bytes), "nobody's in the list"),
        (sign(&ada, namespace::BUNDLE, &bytes), "is for `bundle@rescience.dev`"),
    ] {
        forge(&shared, key(7), &bytes, &signature);
        let bob = Machine::new(2);
        let found = bob.fetch(&shared.cache, key(7)).unwrap();
        assert_eq!(found.accepted.len(), 1);
        assert_eq!(found.accepted[0].trace, good);
        assert!(found.refused[0].reason.contains(said), "{found:?}");
        assert!(found.refused[0].name.ends_with(".json"), "{found:?}");
    }
    fs::remove_file(&shared.trace(&odd)[1]).unwrap();
    let found = Machine::new(2).fetch(&shared.cache, key(7)).unwrap();
    assert_eq!(found.refused[0].reason, "nobody signed it");

    odd.outcome = Outcome::Failure { reason: "exit 1".into() };
    let elsewhere = ada.unrecorded(key(8), "odd");
    for (bytes, said) in [
        (odd.to_bytes(), "failed"),
        (elsewhere.to_bytes(), "it belongs to key:0808"),
        (b"{}".to_vec(), "no trace"),
        (vec![b' '; (4 << 20) + 1], "longer than"),
    ] {
        let shared = Shared::new();
        ada.push(&shared.cache, &good).unwrap();
        forge(&shared, key(7), &bytes, &sign(&ada, namespace::TRACE, &bytes));
        let found = Machine::new(2).fetch(&shared.cache, key(7)).unwrap();
        assert_eq!(found.accepted.len(), 1);
        assert!(found.refused[0].reason.contains(said), "{found:?}");
    }
}

#[test]
fn trees_that_lie_or_are_too_much_are_refused() {
    let (ada, shared, good) = pushed();
    // The store takes no such trees, so they are put where its objects would have gone.
    let put = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        fs::create_dir_all(shared.object(&digest).parent().unwrap()).unwrap();
        fs::write(shared.object(&digest), bytes).unwrap();
        digest
    };
    let listing =
        |name: &str, entry: Entry| Tree { entries: [(name.to_owned(), entry)].into() }.to_bytes();
    let abc = Blob { digest: put(b"abc"), sha256: Sha256::from_bytes([0; 32]), size: 3 };
    let other_sha = put(&listing("a", Entry::file(abc, false)));
    let no_tree = put(b"rescience-tree 1\nwhat\n");
    let mut deep = put(&listing("a", Entry::Symlink { target: "b".to_owned() }));
    for _ in 0..300 {
        deep = put(&listing("a", Entry::Directory { digest: deep }));
    }
    for (output, said) in [
        (Artifact::Tree(other_sha), "another size or SHA-256"),
        (Artifact::Tree(no_tree), "as a tree"),
        (Artifact::Tree(abc.digest), "as a tree"),
        (Artifact::Tree(deep), "nested more than 256 deep"),
    ] {
        let mut trace = good.clone();
        (trace.key, trace.output) = (key(9), Some(output));
        let bytes = trace.to_bytes();
        forge(&shared, key(9), &bytes, &sign(&ada, namespace::TRACE, &bytes));
        let bob = Machine::new(2);
        let found = bob.fetch(&shared.cache, key(9)).unwrap();
        assert!(reason(&found).contains(said), "{found:?}");
        assert!(bob.files().is_empty());
        fs::remove_dir_all(shared.dir.path().join("traces").join(key(9).hex())).unwrap();
    }
}

#[test]
fn a_heap_of_traces_is_not_read_to_its_end() {
    let (_, shared, _) = pushed();
    for nth in 0..300 {
        forge(&shared, key(7), format!("{nth}").as_bytes(), b"");
    }
    let found = Machine::new(2).fetch(&shared.cache, key(7)).unwrap();
    assert!(found.refused.len() + found.accepted.len() <= 101);
    let said = &found.refused.last().unwrap().reason;
    assert!(said.contains("more than 100 traces"), "{said}");
}
