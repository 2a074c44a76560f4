//! A registry gives back the bytes that it was given: a real one, and one that asks for tokens.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use reqwest::Url;
use rescience_digest::{Hashed, Sha256};
use rescience_exchange::address::{OciAddress, Origin, Version};
use rescience_exchange::dir::Clash;
use rescience_exchange::oci::files::{Files, Layer, Use};
use rescience_exchange::oci::{self, ARTIFACT, Artifact, Fetched, Side};
use rescience_exchange::{Credentials, Event, ExchangeError, Token, unchecked, unwatched};
use serde_json::Value;
use tempfile::TempDir;

use crate::registry::{Chopper, Registry};
use crate::server::{Request, Server, hasty, noise};

fn address(host: &str, version: &str) -> OciAddress {
    let Ok(Origin::Oci(address)) = format!("oci:{host}/papers/grokking{version}").parse() else {
        panic!("no address");
    };
    address
}

fn login() -> Credentials {
    Credentials::Login { user: "me".to_owned(), password: Token::new("hunter2") }
}

fn sides() -> Vec<Side> {
    let (title, media_type) = ("attestation.json", "application/vnd.dsse.envelope.v1+json");
    let bytes = b"{\"payload\":\"\"}".to_vec();
    vec![Side { title: title.to_owned(), media_type: media_type.to_owned(), bytes }]
}

fn write(folder: &Path, bytes: &[u8]) -> PathBuf {
    let zip = folder.join("paper.zip");
    fs::write(&zip, bytes).unwrap();
    zip
}

fn publish(to: &OciAddress, zip: &Path, clash: Clash) -> Result<(Sha256, Vec<u64>), ExchangeError> {
    let annotations =
        BTreeMap::from([("org.opencontainers.image.licenses".to_owned(), "CC-BY-4.0".to_owned())]);
    let sides = sides();
    let artifact = Artifact { zip, sides: &sides, annotations: &annotations };
    let mut resumed = Vec::new();
    let mut watch = |event: Event<'_>| {
        if let Event::Resumed { at, .. } = event {
            resumed.push(at);
        }
    };
    let digest = oci::publish(&hasty(), to, &login(), artifact, clash, &mut watch)?;
    Ok((digest, resumed))
}

fn fetch(from: &OciAddress, folder: &Path) -> Result<Fetched, ExchangeError> {
    oci::fetch(&hasty(), from, &login(), folder, Clash::Refuse, &mut unchecked, &mut unwatched)
}

#[test]
fn a_registry_gives_back_the_same_bytes() {
    let Some(registry) = Registry::start() else { return };
    let world = TempDir::new().unwrap();
    let bytes = noise(3, 20 << 20);
    let zip = write(world.path(), &bytes);
    let to = address(&registry.host, ":v1");
    let (digest, _) = publish(&to, &zip, Clash::Refuse).unwrap();

    let here = TempDir::new().unwrap();
    let fetched = fetch(&to, here.path()).unwrap();
    assert!(fs::read(&fetched.zip).unwrap() == bytes);
    assert_eq!((fetched.manifest, fetched.sides), (digest, sides()));
    assert_eq!(fetched.zip, here.path().join("paper.zip"));

    let there = TempDir::new().unwrap();
    let pinned = OciAddress { version: Version::Digest(digest), ..to.clone() };
    assert!(fs::read(fetch(&pinned, there.path()).unwrap().zip).unwrap() == bytes);

    assert_eq!(publish(&to, &zip, Clash::Refuse).unwrap().0, digest, "again is the same");
    let other = write(there.path(), b"other");
    let error = publish(&to, &other, Clash::Refuse).unwrap_err();
    assert!(matches!(error, ExchangeError::Exists { .. }), "{error}");
    assert_ne!(publish(&to, &other, Clash::Replace).unwrap().0, digest);
    let again = TempDir::new().unwrap();
    assert_eq!(fs::read(fetch(&to, again.path()).unwrap().zip).unwrap(), b"other");

    let missing = fetch(&address(&registry.host, ":v2"), again.path()).unwrap_err().to_string();
    assert!(missing.contains("/manifests/v2 answered 404: \"manifest unknown\""), "{missing}");
    let wrong = Credentials::Login { user: "me".to_owned(), password: Token::new("wrong") };
    let replace = Clash::Replace;
    let refused =
        oci::fetch(&hasty(), &to, &wrong, again.path(), replace, &mut unchecked, &mut unwatched);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("answered 401"), "{refused}");
}

#[test]
fn uploads_and_downloads_outlive_connections_that_break() {
    let Some(registry) = Registry::start() else { return };
    let world = TempDir::new().unwrap();
    let bytes = noise(4, 20 << 20);
    let zip = write(world.path(), &bytes);
    let chopper = Chopper::start(&registry.host, &[5 << 20, 14 << 20]);
    let to = address(&chopper.host, ":v1");
    // This registry forgets an upload whose chunk was cut off: it is sent from its beginning.
    publish(&to, &zip, Clash::Refuse).unwrap();
    assert_eq!(chopper.cuts(), 2);

    let chopper = Chopper::start_down(&registry.host, &[3 << 20, 9 << 20]);
    let here = TempDir::new().unwrap();
    let fetched = fetch(&address(&chopper.host, ":v1"), here.path()).unwrap();
    assert!(fs::read(&fetched.zip).unwrap() == bytes);
    assert_eq!(chopper.cuts(), 2);
}

#[test]
fn files_of_another_kind_are_read_on_where_they_broke_off() {
    let Some(registry) = Registry::start() else { return };
    let (http, login, world) = (hasty(), login(), TempDir::new().unwrap());
    let bytes = noise(5, 10 << 20);
    let (path, hashed) = (write(world.path(), &bytes), Hashed::of(&bytes));
    let kind = "application/vnd.rescience.test.v1";
    let to = address(&registry.host, ":files");
    let files = Files::new(&http, &to, &login, kind, Use::Write);
    assert_eq!(files.layers(&mut unwatched).unwrap(), None, "nothing has the tag yet");
    assert!(files.upload_file(&path, &hashed, "a/b", &mut unwatched).unwrap());
    assert!(!files.upload_file(&path, &hashed, "a/b", &mut unwatched).unwrap());
    let Hashed { sha256, size, .. } = hashed;
    let media_type = "application/octet-stream".to_owned();
    let layer = Layer { title: "a/b".to_owned(), media_type, sha256, size };
    files.tag(std::slice::from_ref(&layer), &mut unwatched).unwrap();

    let chopper = Chopper::start_down(&registry.host, &[3 << 20, 7 << 20]);
    let from = address(&chopper.host, ":files");
    let files = Files::new(&http, &from, &login, kind, Use::Read);
    assert_eq!(files.layers(&mut unwatched).unwrap(), Some(vec![layer.clone()]));
    let mut read = Vec::new();
    let mut sink = |chunk: &[u8]| {
        read.extend_from_slice(chunk);
        true
    };
    files.read(&layer, &mut sink, &mut unwatched).unwrap();
    assert!(read == bytes);
    assert_eq!(chopper.cuts(), 2);
    let mut few = 0;
    files.read(&layer, &mut |chunk| (few += chunk.len(), few < 1000).1, &mut unwatched).unwrap();
    assert!((1000..bytes.len()).contains(&few), "it ends when nobody wants more");

    let other = Files::new(&http, &to, &login, ARTIFACT, Use::Read);
    let error = other.layers(&mut unwatched).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }), "{error}");
}

#[test]
fn a_download_that_another_process_began_goes_on() {
    let Some(registry) = Registry::start() else { return };
    let world = TempDir::new().unwrap();
    let bytes = noise(14, 1 << 20);
    let zip = write(world.path(), &bytes);
    let from = address(&registry.host, ":v1");
    publish(&from, &zip, Clash::Refuse).unwrap();
    let mut odd = bytes.clone();
    odd[7] ^= 1;
    let long = [&*bytes, b"more"].concat();
    for (left, whole) in
        [(&bytes[..1000], false), (&bytes, true), (&odd[..1000], false), (&long, false)]
    {
        let here = TempDir::new().unwrap();
        fs::write(here.path().join(".paper.zip.part"), left).unwrap();
        let mut begun = Vec::new();
        let mut watch = |event: Event<'_>| match event {
            Event::Resumed { at, .. } => begun.push(at),
            Event::Moved { what: "paper.zip", .. } => assert!(!whole, "it is there already"),
            _ => {}
        };
        let refuse = Clash::Refuse;
        let fetched =
            oci::fetch(&hasty(), &from, &login(), here.path(), refuse, &mut unchecked, &mut watch);
        assert!(fs::read(fetched.unwrap().zip).unwrap() == bytes);
        assert_eq!(begun, if left.len() == 1000 { vec![1000] } else { Vec::new() });
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
    }
}

/// A registry in memory that gives tokens out, loses the second chunk half way, and remembers.
#[derive(Default)]
struct Shelf {
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    upload: Mutex<Vec<u8>>,
    manifest: Mutex<Vec<u8>>,
    lost: Mutex<bool>,
    /// Whether the next manifest breaks off.
    torn: Mutex<bool>,
}

impl Shelf {
    fn serve(&self, mut request: Request) {
        let host = request.header("host").to_owned();
        let url = Url::parse(&format!("http://{host}{}", request.path)).unwrap();
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        if url.path() == "/token" {
            assert_eq!(request.header("authorization"), "Basic bWU6aHVudGVyMg==");
            assert_eq!((&*query["service"], query.len()), ("shelf", 2));
            let body = format!("{{\"token\":\"for {}\"}}", query["scope"]);
            return request.answer(200, &[], body);
        }
        let changes = !matches!(&*request.method, "GET" | "HEAD");
        let right = match request.header("authorization") {
            "Bearer for repository:papers/grokking:pull,push" => true,
            "Bearer for repository:papers/grokking:pull" => !changes,
            _ => false,
        };
        if !right {
            let challenge = format!(
                "Bearer realm=\"http://{host}/token\",service=\"shelf\",\
                 scope=\"repository:papers/grokking:pull{}\"",
                if changes { ",push" } else { "" }
            );
            request.body();
            return request.answer(401, &[("www-authenticate", &challenge)], "");
        }
        let uploads = "/v2/papers/grokking/blobs/uploads/1";
        let part = url.path().trim_start_matches("/v2/papers/grokking/").to_owned();
        match (&*request.method, &*part) {
            ("POST", "blobs/uploads/") => {
                self.upload.lock().unwrap().clear();
                request.answer(202, &[("location", uploads)], "");
            }
            ("PATCH", "blobs/uploads/1") => {
                let mut upload = self.upload.lock().unwrap();
                let range = request.header("content-range").to_owned();
                let (from, to) = range.split_once('-').unwrap();
                assert_eq!(from.parse::<usize>().unwrap(), upload.len());
                assert_eq!(to.parse::<usize>().unwrap() + 1 - upload.len(), request.length());
                if !upload.is_empty() && !std::mem::replace(&mut self.lost.lock().unwrap(), true) {
                    upload.extend(request.read(1000));
                    return request.cut();
                }
                upload.extend(request.body());
                let range = format!("0-{}", upload.len() - 1);
                request.answer(202, &[("location", uploads), ("range", &range)], "");
            }
            ("GET", "blobs/uploads/1") => {
                let range = format!("0-{}", self.upload.lock().unwrap().len() - 1);
                request.answer(204, &[("location", uploads), ("range", &range)], "");
            }
            ("PUT", "blobs/uploads/1") => {
                let mut bytes = self.upload.lock().unwrap().clone();
                bytes.extend(request.body());
                assert_eq!(query["digest"], format!("sha256:{}", Hashed::of(&bytes).sha256));
                self.blobs.lock().unwrap().insert(query["digest"].clone(), bytes);
                request.answer(201, &[], "");
            }
            ("PUT", "manifests/v1") => {
                *self.manifest.lock().unwrap() = request.body();
                request.answer(201, &[], "");
            }
            ("GET", "manifests/v1") => {
                let manifest = self.manifest.lock().unwrap().clone();
                if std::mem::take(&mut *self.torn.lock().unwrap()) {
                    return request.answer_part(200, &[], &manifest[..9], manifest.len());
                }
                request.answer(if manifest.is_empty() { 404 } else { 200 }, &[], manifest);
            }
            (_, blob) => {
                let blobs = self.blobs.lock().unwrap();
                let bytes = blobs.get(blob.trim_start_matches("blobs/")).cloned();
                let status = if bytes.is_some() { 200 } else { 404 };
                drop(blobs);
                request.answer(status, &[], bytes.unwrap_or_default());
            }
        }
    }
}

fn shelf() -> (Server, &'static Shelf) {
    let shelf: &'static Shelf = Box::leak(Box::default());
    (Server::start(move |request| shelf.serve(request)), shelf)
}

#[test]
fn tokens_are_asked_for_and_chunks_go_on_where_they_were_cut_off() {
    let (server, shelf) = shelf();
    let world = TempDir::new().unwrap();
    let bytes = noise(5, 20 << 20);
    let zip = write(world.path(), &bytes);
    let to = address(&server.host, ":v1");
    let (_, resumed) = publish(&to, &zip, Clash::Refuse).unwrap();
    assert_eq!(resumed, [(8 << 20) + 1000]);
    let requests = server.requests();
    let tokens = requests.iter().filter(|request| *request == "GET /token").count();
    assert_eq!(tokens, 1, "one that may push serves for all: {requests:?}");

    let manifest: Value = serde_json::from_slice(&shelf.manifest.lock().unwrap()).unwrap();
    assert_eq!(manifest["artifactType"], ARTIFACT);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);

    *shelf.torn.lock().unwrap() = true;
    let here = TempDir::new().unwrap();
    let fetched = fetch(&to, here.path()).unwrap();
    assert!(fs::read(&fetched.zip).unwrap() == bytes);
}

#[test]
fn what_a_registry_changed_or_made_up_is_refused() {
    let (server, shelf) = shelf();
    let world = TempDir::new().unwrap();
    let zip = write(world.path(), b"abc");
    let to = address(&server.host, ":v1");
    publish(&to, &zip, Clash::Refuse).unwrap();
    let manifest = String::from_utf8(shelf.manifest.lock().unwrap().clone()).unwrap();

    let here = TempDir::new().unwrap();
    let refusal = |from: &str, to_: &str| {
        assert!(manifest.contains(from), "{manifest}");
        *shelf.manifest.lock().unwrap() = manifest.replace(from, to_).into_bytes();
        let error = fetch(&to, here.path()).unwrap_err().to_string();
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0, "{error}");
        error
    };
    for (from, to, why) in [
        (ARTIFACT, "application/x", "is of the kind `application/x`"),
        ("paper.zip", "../paper.zip", "leaves its folder"),
        ("paper.zip", "a/paper.zip", "no plain name"),
        ("paper.zip", ".bashrc", "no plain name"),
        ("paper.zip", "Attestation.json", "there twice"),
        ("\"size\":3", "\"size\":4", "expected 4 bytes, found 3 bytes"),
        ("\"digest\":\"sha256:ba", "\"digest\":\"md5:ba", "is no SHA-256"),
        ("{\"schema", "{{\"schema", "holds no bundle: its manifest: "),
    ] {
        let error = refusal(from, to);
        assert!(error.contains(why), "{error}");
    }

    *shelf.manifest.lock().unwrap() = manifest.into_bytes();
    for (bytes, other) in [(&b"abc"[..], &b"abd"[..]), (&sides()[0].bytes, b"{}")] {
        let digest = format!("sha256:{}", Hashed::of(bytes).sha256);
        let put = |bytes: &[u8]| shelf.blobs.lock().unwrap().insert(digest.clone(), bytes.to_vec());
        put(other);
        let error = fetch(&to, here.path()).unwrap_err();
        let ExchangeError::Bytes { expected, .. } = &error else { panic!("{error}") };
        assert_eq!(*expected, digest);
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0);
        put(bytes);
    }
    assert!(fetch(&to, here.path()).is_ok(), "the right bytes are taken");

    let other = OciAddress { version: Version::Digest(Sha256::from_bytes([0; 32])), ..to };
    assert!(fetch(&other, here.path()).is_err());
}

/// A registry that asks for a token of `realm`, and takes only `hunter2` itself.
fn guarded(realm: &'static str) -> Server {
    Server::start(move |request| {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"guarded\"");
        match request.header("authorization") {
            "Bearer hunter2" => request.answer(404, &[], ""),
            "" => request.answer(401, &[("www-authenticate", &challenge)], ""),
            other => panic!("it was shown {other}"),
        }
    })
}

fn look(server: &Server, credentials: &Credentials) -> Result<(), ExchangeError> {
    let (http, from) = (hasty(), address(&server.host, ":v1"));
    Files::new(&http, &from, credentials, ARTIFACT, Use::Read).layers(&mut unwatched).map(|_| ())
}

#[test]
fn a_token_waits_until_it_is_asked_for() {
    let server = guarded("https://tokens.example.org/");
    look(&server, &Credentials::Bearer(Token::new("hunter2"))).unwrap();
    assert_eq!(server.requests().len(), 2, "the first without it");
    let open = Server::start(|request| {
        assert_eq!(request.header("authorization"), "");
        request.answer(404, &[], "");
    });
    look(&open, &Credentials::Bearer(Token::new("hunter2"))).unwrap();
}

#[test]
fn a_login_is_not_sent_where_a_registry_leads() {
    let server = guarded("https://tokens.example.org/give?for=you");
    let said = look(&server, &login()).unwrap_err().to_string();
    assert!(said.contains("https://tokens.example.org/give: it gives no tokens out for"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(server.requests().len(), 1);
}
