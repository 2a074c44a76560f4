//! Zenodo, as its API is documented, gets a bundle whatever the connection does, and nothing unasked.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Url;
use rescience_exchange::address::Site;
use rescience_exchange::zenodo::{
    Creator, Deposit, Kind, Metadata, Planned, Related, Relation, Start, Zenodo, plan,
};
use rescience_exchange::{Event, ExchangeError, Http, Options, Token, unwatched};
use serde_json::json;
use tempfile::TempDir;

use crate::archive::{Archive, Mishap, ROOM};
use crate::server::{Server, hasty, hasty_options, noise};

fn site(server: &Server) -> Site {
    Site::At(Url::parse(&format!("{}/api/", server.url)).unwrap())
}

fn metadata() -> Metadata {
    Metadata {
        kind: Kind::Preprint,
        title: "Grokking, again".to_owned(),
        creators: vec![Creator {
            name: "Author, Ada".to_owned(),
            affiliation: None,
            orcid: Some("0000-0002-1825-0097".to_owned()),
        }],
        description: "It groks for a < b.".to_owned(),
        license: "cc-by-4.0".to_owned(),
        keywords: vec!["grokking".to_owned()],
        version: Some("1".to_owned()),
        date: None,
        related: vec![Related {
            identifier: "https://example.org/source".to_owned(),
            relation: Relation::IsDerivedFrom,
        }],
    }
}

fn zip(folder: &TempDir, seed: u64) -> (PathBuf, Vec<u8>) {
    let (path, bytes) = (folder.path().join("paper 1.zip"), noise(seed, 3 << 20));
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

#[test]
fn the_doi_comes_first_and_publishing_last() {
    let (server, archive) = Archive::start();
    let world = TempDir::new().unwrap();
    let (path, bytes) = zip(&world, 7);
    let http = hasty();
    let zenodo = Zenodo::new(&http, &site(&server), &Token::new("full")).unwrap();
    let deposit = zenodo.reserve(&mut unwatched).unwrap();
    assert_eq!(deposit.doi, "10.5072/zenodo.100");
    let kept = serde_json::to_string(&deposit).unwrap();
    let deposit = serde_json::from_str(&kept).unwrap();

    zenodo.upload(&deposit, &path, &mut unwatched).unwrap();
    zenodo.describe(&deposit, &metadata(), &mut unwatched).unwrap();
    assert!(!archive.state.lock().unwrap().drafts[&100].submitted, "nobody asked for that");
    let published = zenodo.publish(&deposit, &mut unwatched).unwrap();
    assert_eq!(published.doi, deposit.doi);
    assert_eq!(published.page, format!("{}/record/100", server.url));
    let draft = archive.state.lock().unwrap().drafts[&100].clone();
    assert!(draft.submitted && draft.files["paper%201.zip"] == bytes);
    let expected = json!({
        "upload_type": "publication",
        "publication_type": "preprint",
        "title": "Grokking, again",
        "creators": [{"name": "Author, Ada", "orcid": "0000-0002-1825-0097"}],
        "description": "<p>It groks for a &lt; b.</p>",
        "access_right": "open",
        "license": "cc-by-4.0",
        "prereserve_doi": true,
        "keywords": ["grokking"],
        "version": "1",
        "related_identifiers":
            [{"identifier": "https://example.org/source", "relation": "isDerivedFrom"}],
    });
    assert_eq!(draft.metadata, expected);

    let sent = server.requests();
    let planned = plan(&site(&server), &Start::New, &[path], &metadata(), true).unwrap();
    let shape = |planned: &Planned| {
        let path = planned.url.trim_start_matches(&server.url).replace("BUCKET", "b100");
        format!("{} {}", planned.method, path.replace("/ID", "/100"))
    };
    assert_eq!(planned.iter().map(shape).collect::<Vec<_>>(), sent, "the dry run says the same");
    assert!(server.requests().is_empty(), "and sends nothing");
    assert!(planned[1].to_string().ends_with("paper 1.zip`"), "{}", planned[1]);
}

#[test]
fn an_upload_is_sent_again_until_the_bytes_are_right() {
    let (server, archive) = Archive::start();
    let world = TempDir::new().unwrap();
    let (path, bytes) = zip(&world, 8);
    let http = hasty();
    let zenodo = Zenodo::new(&http, &site(&server), &Token::new("full")).unwrap();
    let deposit = zenodo.reserve(&mut unwatched).unwrap();
    let mishaps = |all: &[Mishap]| archive.state.lock().unwrap().mishaps = all.to_vec();

    mishaps(&[Mishap::CutHalfWay, Mishap::CutHalfWay]);
    let mut waits = 0;
    let mut watch = |event: Event<'_>| waits += u32::from(matches!(event, Event::Waiting { .. }));
    zenodo.upload(&deposit, &path, &mut watch).unwrap();
    assert_eq!(waits, 2);
    assert!(archive.state.lock().unwrap().drafts[&100].files["paper%201.zip"] == bytes);

    mishaps(&[Mishap::Flip]);
    let error = zenodo.upload(&deposit, &path, &mut unwatched).unwrap_err();
    assert!(matches!(error, ExchangeError::Bytes { .. }), "{error}");

    mishaps(&[Mishap::CutAtEnd; 4]);
    let plain = world.path().join("paper.zip");
    fs::rename(&path, &plain).unwrap();
    zenodo.upload(&deposit, &plain, &mut unwatched).unwrap();
    let deposit = zenodo.deposit(deposit.id, &mut unwatched).unwrap();
    server.requests();
    zenodo.upload(&deposit, &plain, &mut unwatched).unwrap();
    assert!(server.requests().is_empty(), "it is there already");

    zenodo.describe(&deposit, &metadata(), &mut unwatched).unwrap();
    mishaps(&[Mishap::CutAtEnd]);
    let published = zenodo.publish(&deposit, &mut unwatched).unwrap();
    assert_eq!(published.doi, deposit.doi, "a lost answer is looked for");
}

#[test]
fn a_new_version_begins_without_the_old_files() {
    let (server, archive) = Archive::start();
    let world = TempDir::new().unwrap();
    let (path, _) = zip(&world, 9);
    let plain = world.path().join("paper.zip");
    fs::rename(path, &plain).unwrap();
    let http = hasty();
    let zenodo = Zenodo::new(&http, &site(&server), &Token::new("full")).unwrap();
    let first = zenodo.reserve(&mut unwatched).unwrap();
    zenodo.upload(&first, &plain, &mut unwatched).unwrap();
    zenodo.describe(&first, &metadata(), &mut unwatched).unwrap();
    zenodo.publish(&first, &mut unwatched).unwrap();

    server.requests();
    let second = zenodo.new_version(first.id, &mut unwatched).unwrap();
    assert_eq!((second.id, &*second.doi, second.files.len()), (101, "10.5072/zenodo.101", 0));
    assert_eq!(archive.state.lock().unwrap().drafts[&101].files.len(), 0);
    let sent = server.requests();
    let planned = plan(&site(&server), &Start::Version(100), &[], &metadata(), false).unwrap();
    let shape = |planned: &Planned| {
        let path = planned.url.trim_start_matches(&server.url).replace("FILE", "f-paper.zip");
        format!("{} {}", planned.method, path.replace("/ID", "/101"))
    };
    assert_eq!(planned[..3].iter().map(shape).collect::<Vec<_>>(), sent);
}

#[test]
fn what_zenodo_refuses_is_said_with_what_to_do() {
    let (server, _) = Archive::start();
    let world = TempDir::new().unwrap();
    let (path, _) = zip(&world, 10);
    let http = hasty();
    let of = |token: &str| Zenodo::new(&http, &site(&server), &Token::new(token)).unwrap();
    let said = of("nobody").reserve(&mut unwatched).unwrap_err().to_string();
    assert!(
        said.ends_with("answered 401: \"Unauthorized\"; the token is missing, wrong or expired"),
        "{said}"
    );

    let zenodo = of("write");
    let deposit = zenodo.reserve(&mut unwatched).unwrap();
    let bad = Metadata { license: "no-such-license".to_owned(), ..metadata() };
    let said = zenodo.describe(&deposit, &bad, &mut unwatched).unwrap_err().to_string();
    assert!(said.contains("\"Validation error.; metadata.license: Invalid license.\""), "{said}");

    server.requests();
    let orcid = Some("0000-0002-1825-0098".to_owned());
    let creators = vec![Creator { orcid, ..metadata().creators.remove(0) }];
    let bad = Metadata { title: String::new(), creators, ..metadata() };
    let said = zenodo.describe(&deposit, &bad, &mut unwatched).unwrap_err().to_string();
    assert!(said.ends_with("the title is missing, `0000-0002-1825-0098` is no ORCID"), "{said}");
    assert!(server.requests().is_empty(), "that much is known before anything is sent");

    zenodo.upload(&deposit, &path, &mut unwatched).unwrap();
    let said = zenodo.publish(&deposit, &mut unwatched).unwrap_err().to_string();
    assert!(said.contains("answered 403") && said.contains("look at its scopes"), "{said}");

    let huge = world.path().join("huge.zip");
    fs::File::create(&huge).unwrap().set_len(50_000_000_001).unwrap();
    let said = zenodo.upload(&deposit, &huge, &mut unwatched).unwrap_err().to_string();
    assert!(said.contains("50000000001 bytes, of 50000000000 at most"), "{said}");
}

#[test]
fn a_limit_of_requests_is_waited_for() {
    let (server, _) = Archive::start();
    let http = Http::new(Options { tries: 2, ..hasty_options() }).unwrap();
    let zenodo = Zenodo::new(&http, &site(&server), &Token::new("full")).unwrap();
    let deposit = zenodo.reserve(&mut unwatched).unwrap();
    let mut waited = Vec::new();
    let mut watch = |event: Event<'_>| {
        if let Event::Waiting { why, wait } = event {
            waited.push((why.ends_with("answered 429 Too Many Requests"), wait.as_secs()));
        }
    };
    for _ in 0..ROOM {
        zenodo.deposit(deposit.id, &mut watch).unwrap();
    }
    assert_eq!(waited, [(true, 1)], "as `X-RateLimit-Reset` says");
}

/// A deposit on a server that does as it likes.
fn deposit_at(server: &Server) -> Deposit {
    Deposit {
        id: 1,
        doi: "10.5072/zenodo.1".to_owned(),
        bucket: format!("{}/api/files/b1", server.url),
        page: String::new(),
        submitted: false,
        files: Vec::new(),
    }
}

#[test]
fn an_upload_that_stands_still_is_given_up() {
    let server = Server::start(|mut request| {
        if request.method == "GET" {
            return request.cut();
        }
        request.read(1 << 20);
        request.hang(Duration::from_secs(30));
    });
    let world = TempDir::new().unwrap();
    let path = world.path().join("paper.zip");
    fs::write(&path, noise(11, 32 << 20)).unwrap();
    let http = Http::new(Options { tries: 1, ..hasty_options() }).unwrap();
    let zenodo = Zenodo::new(&http, &site(&server), &Token::new("full")).unwrap();
    let start = Instant::now();
    let error = zenodo.upload(&deposit_at(&server), &path, &mut unwatched).unwrap_err();
    assert!(matches!(error, ExchangeError::Connection { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_answer_before_the_end_of_an_upload_is_heard() {
    let server = Server::start(|mut request| {
        request.read(1000);
        request.answer(403, &[], "{\"message\":\"The bucket is locked.\"}");
    });
    let world = TempDir::new().unwrap();
    let path = world.path().join("paper.zip");
    fs::write(&path, noise(12, 8 << 20)).unwrap();
    let http = hasty();
    let zenodo = Zenodo::new(&http, &site(&server), &Token::new("full")).unwrap();
    let error = zenodo.upload(&deposit_at(&server), &path, &mut unwatched).unwrap_err();
    assert!(error.to_string().contains("403: \"The bucket is locked.\""), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_bucket_on_another_server_gets_no_token() {
    let elsewhere = Server::start(|request| request.answer(200, &[], ""));
    let to = elsewhere.url.clone();
    let server = Server::start(move |mut request| {
        request.body();
        let doi = json!({"prereserve_doi": {"doi": "10.5072/zenodo.1"}});
        let links = json!({"bucket": format!("{to}/api/files/b1")});
        request.answer(201, &[], json!({"id": 1, "metadata": doi, "links": links}).to_string());
    });
    let http = hasty();
    let zenodo = Zenodo::new(&http, &site(&server), &Token::new("full")).unwrap();
    let error = zenodo.reserve(&mut unwatched).unwrap_err().to_string();
    assert!(error.contains("is on another server"), "{error}");
    let world = TempDir::new().unwrap();
    let (path, _) = zip(&world, 13);
    let error = zenodo.upload(&deposit_at(&elsewhere), &path, &mut unwatched).unwrap_err();
    assert!(error.to_string().contains("is on another server"), "{error}");
    assert!(elsewhere.requests().is_empty());
}
