//! What one machine computed is there on another, through S3-compatible storage.

use std::path::Path;

use rescience_cache::{Access, Cache, CacheError, S3};
use rescience_digest::Digest;
use rescience_exchange::Token;
use rescience_store::Artifact;

use crate::s3::{Fault, KEY_ID, REGION, SECRET, SESSION, Storage};
use crate::support::{Machine, hasty, key, noise, open, reason};

fn access(storage: &Storage) -> Access {
    let s3 = S3 {
        key_id: Some(KEY_ID.to_owned()),
        secret: Some(Token::new(SECRET)),
        session: Some(Token::new(SESSION)),
        region: Some(REGION.to_owned()),
        endpoint: Some(format!("http://{}", storage.host)),
    };
    Access { http: hasty(), s3, ..Access::default() }
}

fn cache(storage: &Storage) -> Cache {
    open("s3:lab/papers/v1", Path::new("/"), access(storage))
}

#[test]
fn what_one_computed_the_other_has() {
    let (ada, bob, storage) = (Machine::new(1), Machine::new(2), Storage::start());
    let trace = ada.compute(key(7), "0.41");
    let pushed = ada.push(&cache(&storage), &trace).unwrap();
    assert_eq!((pushed.objects, pushed.present, pushed.known), (8, 0, false));
    {
        let state = storage.state();
        assert_eq!(state.files.len(), 11);
        assert!(state.files.keys().all(|path| path.starts_with("/lab/papers/v1/")));
        assert!(state.files.contains_key("/lab/papers/v1/rescience-cache.json"));
        let order = |what: &str| {
            let put = format!("PUT /lab/papers/v1/{what}");
            state.log.iter().rposition(|line| line.starts_with(&put)).unwrap()
        };
        assert!(order("objects") < order("traces"), "the trace comes last");
        assert!(state.log.last().unwrap().ends_with(".json?"), "{:?}", state.log);
    }
    let found = bob.fetch(&cache(&storage), key(7)).unwrap();
    assert_eq!((&found.accepted[0].trace, &*found.accepted[0].signer), (&trace, "ada"));
    assert!(bob.has(key(7)));

    let again = ada.push(&cache(&storage), &trace).unwrap();
    assert_eq!((again.objects, again.present, again.known), (0, 8, true));
}

#[test]
fn lists_of_several_pages_are_read_to_their_end() {
    let (ada, bob, storage) = (Machine::new(1), Machine::new(2), Storage::start());
    for nth in 0..5 {
        ada.push(&cache(&storage), &ada.compute(key(7), &nth.to_string())).unwrap();
    }
    assert_eq!(bob.fetch(&cache(&storage), key(7)).unwrap().accepted.len(), 5);
    let state = storage.state();
    assert!(state.log.iter().any(|line| line.contains("continuation-token")), "{:?}", state.log);
}

#[test]
fn large_objects_go_over_in_parts() {
    let (ada, bob, storage) = (Machine::new(1), Machine::new(2), Storage::start());
    let large = noise(5, (17 << 20) + 3);
    let mut trace = ada.unrecorded(key(7), "0");
    trace.output = Some(Artifact::Blob(ada.store.put_bytes(&large).unwrap().digest));
    ada.push(&cache(&storage), &trace).unwrap();
    {
        let state = storage.state();
        assert_eq!(state.log.iter().filter(|line| line.contains("partNumber")).count(), 3);
        assert!(state.uploads.is_empty());
    }
    bob.fetch(&cache(&storage), key(7)).unwrap();
    assert!(bob.store.read(&Digest::of(&large)).unwrap() == large);
}

#[test]
fn what_breaks_is_tried_again() {
    let (ada, bob, storage) = (Machine::new(1), Machine::new(2), Storage::start());
    let large = noise(6, 9 << 20);
    let mut trace = ada.unrecorded(key(7), "0");
    trace.output = Some(Artifact::Blob(ada.store.put_bytes(&large).unwrap().digest));
    storage.state().faults.extend([
        ("GET /lab/papers/v1/rescience-cache", Fault::Busy),
        ("HEAD /lab/papers/v1/objects", Fault::Cut),
        ("PUT /lab/papers/v1/objects", Fault::Busy),
        ("PUT /lab/papers/v1/objects", Fault::Cut),
        ("POST /lab/papers/v1/objects", Fault::Busy),
        ("PUT /lab/papers/v1/traces", Fault::Cut),
    ]);
    ada.push(&cache(&storage), &trace).unwrap();
    assert!(storage.state().faults.is_empty(), "all of it happened");
    storage.state().faults.extend([
        ("GET /lab", Fault::Cut),
        ("GET /lab/papers/v1/traces", Fault::Busy),
        ("GET /lab/papers/v1/objects", Fault::Half),
        ("GET /lab/papers/v1/objects", Fault::Half),
    ]);
    bob.fetch(&cache(&storage), key(7)).unwrap();
    assert!(storage.state().faults.is_empty(), "all of it happened");
    assert!(bob.store.read(&Digest::of(&large)).unwrap() == large);
    assert!(bob.has(key(7)));
}

#[test]
fn a_push_that_breaks_off_leaves_nothing_that_counts() {
    let (ada, bob, storage) = (Machine::new(1), Machine::new(2), Storage::start());
    let trace = ada.compute(key(7), "0");
    storage.state().faults.extend([("PUT /lab/papers/v1/objects", Fault::Busy); 8]);
    let error = ada.push(&cache(&storage), &trace).unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
    storage.state().faults.clear();
    let found = bob.fetch(&cache(&storage), key(7)).unwrap();
    assert!(found.accepted.is_empty() && found.refused.is_empty(), "{found:?}");
    ada.push(&cache(&storage), &trace).unwrap();
    bob.fetch(&cache(&storage), key(7)).unwrap();
    assert!(bob.has(key(7)));
}

#[test]
fn a_fetch_that_breaks_off_goes_on_where_it_was() {
    let (ada, bob, storage) = (Machine::new(1), Machine::new(2), Storage::start());
    let trace = ada.compute(key(7), "0");
    let pushed = ada.push(&cache(&storage), &trace).unwrap();
    let hex = trace.facts.unwrap().hex();
    let last = format!("GET /lab/papers/v1/objects/{}/{}", &hex[..2], &hex[2..]);
    storage.state().faults.extend([(&*last.leak(), Fault::Busy); 8]);
    let error = bob.fetch(&cache(&storage), key(7)).unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
    assert_eq!(bob.files().len(), 7, "all objects but the facts");
    assert!(!bob.has(key(7)));
    storage.state().faults.clear();
    let found = bob.fetch(&cache(&storage), key(7)).unwrap();
    assert!(found.bytes < pushed.bytes, "the rest");
    assert!(bob.has(key(7)));
}

#[test]
fn a_place_that_lies_leaves_nothing() {
    let (ada, bob, storage) = (Machine::new(1), Machine::new(2), Storage::start());
    ada.push(&cache(&storage), &ada.compute(key(7), "0")).unwrap();
    let good = storage.state().files.clone();
    for path in good.keys().filter(|path| !path.ends_with("cache.json")) {
        let mut files = good.clone();
        let bytes = files.get_mut(path).unwrap();
        match bytes.len() {
            0 => bytes.push(0),
            size => bytes[size / 2] ^= 4,
        }
        storage.state().files = files;
        let found = bob.fetch(&cache(&storage), key(7));
        if path.contains("/objects/") {
            assert!(matches!(found, Err(CacheError::Wrong { .. })), "{path}: {found:?}");
        } else {
            assert!(!reason(&found.unwrap()).is_empty());
        }
        assert!(bob.files().is_empty());
    }
}

#[test]
fn who_is_denied_learns_why_and_no_secret_is_shown() {
    let (ada, storage) = (Machine::new(1), Storage::start());
    let trace = ada.compute(key(7), "0");
    let said = |access: Access, place: &str| {
        let cache = open(place, Path::new("/"), access);
        ada.push(&cache, &trace).unwrap_err().to_string()
    };
    let mut wrong = access(&storage);
    wrong.s3.secret = Some(Token::new("hunter3"));
    let text = said(wrong, "s3:lab/a");
    assert!(text.contains("s3:lab/a: it answered 403"), "{text}");
    assert!(text.contains("SignatureDoesNotMatch"), "{text}");
    assert!(text.contains("access key `AKIATEST`"), "{text}");
    assert!(text.contains("`AWS_SECRET_ACCESS_KEY`"), "{text}");
    assert!(!text.contains("hunter3"), "{text}");

    let mut none = access(&storage);
    (none.s3.key_id, none.s3.secret, none.s3.session) = (None, None, None);
    let text = said(none, "s3:lab");
    assert!(text.contains("without an access key"), "{text}");

    let text = said(access(&storage), "s3:other");
    assert!(text.contains("NoSuchBucket") && text.contains("make the bucket"), "{text}");

    let mut far = access(&storage);
    far.s3.endpoint = Some("http://127.0.0.1:1".to_owned());
    far.http.tries = 1;
    let text = said(far, "s3:lab");
    assert!(text.contains("AWS_ENDPOINT_URL"), "{text}");

    let mut half = access(&storage);
    half.s3.secret = None;
    let error = Cache::open("s3:lab".parse().unwrap(), Path::new("/"), half).unwrap_err();
    assert!(error.to_string().contains("only one is set"), "{error}");
    let access = Access { http: hasty(), ..Access::default() };
    assert!(Cache::open("s3:lab".parse().unwrap(), Path::new("/"), access).is_ok());
}

#[test]
fn only_an_empty_prefix_becomes_a_cache() {
    let (ada, storage) = (Machine::new(1), Storage::start());
    let trace = ada.compute(key(7), "0");
    storage.state().files.insert("/lab/thesis.tex".to_owned(), Vec::new());
    let cache = open("s3:lab", Path::new("/"), access(&storage));
    let said = ada.push(&cache, &trace).unwrap_err().to_string();
    assert!(said.contains("name an empty one"), "{said}");
    ada.push(&self::cache(&storage), &trace).unwrap();
}

#[test]
fn many_push_and_fetch_at_once_through_one_cache() {
    let (ada, storage) = (Machine::new(1), Storage::start());
    let cache = cache(&storage);
    let traces: Vec<_> = (0..4).map(|nth| ada.compute(key(nth), "the same")).collect();
    let bobs = [Machine::new(2), Machine::new(3)];
    std::thread::scope(|scope| {
        for bob in &bobs {
            scope.spawn(|| {
                for trace in &traces {
                    ada.push(&cache, trace).unwrap();
                    bob.fetch(&cache, trace.key).unwrap();
                    assert!(bob.has(trace.key));
                }
            });
        }
    });
}
