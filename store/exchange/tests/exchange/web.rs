//! A file comes whole whatever the connection does, or not at all.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::{Request, Server, hasty, hasty_options, noise};
use reqwest::Url;
use rescience_exchange::dir::Clash;
use rescience_exchange::{
    Credentials, Event, ExchangeError, Http, Options, Token, unchecked, unwatched, web,
};
use rustls::ServerConfig;
use tempfile::TempDir;

const PART: usize = 100_000;

fn fetch(http: &Http, url: &str, to: &Path) -> Result<Vec<u8>, ExchangeError> {
    let url = Url::parse(url).unwrap();
    web::fetch(http, &url, &Credentials::None, to, Clash::Refuse, &mut unchecked, &mut unwatched)?;
    Ok(fs::read(to).unwrap())
}

fn message(result: Result<Vec<u8>, ExchangeError>) -> String {
    result.unwrap_err().to_string()
}

/// Serves the bytes, a hundred thousand at a time at most.
fn serve_parts(request: Request, bytes: &[u8], tag: &str) {
    let from = request.header("range").trim_start_matches("bytes=").trim_end_matches('-');
    let from: usize = from.parse().unwrap_or(0);
    let until = bytes.len().min(from + PART);
    let whole = from == 0 || !["", tag].contains(&request.header("if-range"));
    if whole {
        return request.answer_part(200, &[("etag", tag)], &bytes[..PART], bytes.len());
    }
    let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
    let headers = [("content-range", &*range), ("etag", tag)];
    request.answer_part(206, &headers, &bytes[from..until], bytes.len() - from);
}

#[test]
fn a_download_goes_on_where_it_was_cut_off() {
    let bytes = noise(1, 3 * PART + 5);
    let sent = bytes.clone();
    let server = Server::start(move |request| serve_parts(request, &sent, "\"a\""));
    let world = TempDir::new().unwrap();
    let to = world.path().join("paper.zip");
    let mut resumed = Vec::new();
    let mut watch = |event: Event<'_>| {
        if let Event::Resumed { at, .. } = event {
            resumed.push(at);
        }
    };
    let url = Url::parse(&server.url).unwrap();
    web::fetch(&hasty(), &url, &Credentials::None, &to, Clash::Refuse, &mut unchecked, &mut watch)
        .unwrap();
    assert_eq!(fs::read(&to).unwrap(), bytes);
    assert_eq!(resumed, [PART, 2 * PART, 3 * PART].map(|at| at as u64));
    assert_eq!(fs::read_dir(world.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_file_that_changes_on_the_way_begins_anew() {
    let count = AtomicUsize::new(0);
    let bytes = noise(2, 2 * PART);
    let new = bytes.clone();
    let server = Server::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => serve_parts(request, &noise(1, 2 * PART), "\"old\""),
        _ => serve_parts(request, &new, "\"new\""),
    });
    let world = TempDir::new().unwrap();
    let got = fetch(&hasty(), &server.url, &world.path().join("paper.zip")).unwrap();
    assert!(got == bytes, "the old beginning was kept");
}

#[test]
fn a_server_that_is_busy_is_asked_again_and_not_for_ever() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => request.answer(429, &[("retry-after", "1")], ""),
        1 => request.answer(502, &[], ""),
        2 => request.cut(),
        _ => request.answer(200, &[], "whole"),
    });
    let world = TempDir::new().unwrap();
    let start = std::time::Instant::now();
    let got = fetch(&hasty(), &server.url, &world.path().join("paper.zip")).unwrap();
    assert_eq!(got, b"whole");
    assert!(start.elapsed() >= Duration::from_secs(1), "the server asked for a second");

    let server = Server::start(|request| request.answer(503, &[], "{\"message\":\"resting\"}"));
    let said = message(fetch(&hasty(), &server.url, &world.path().join("other.zip")));
    assert!(said.contains("answered 503: \"resting\"; the server has a problem"), "{said}");
    assert_eq!(server.requests().len(), 4);

    let server = Server::start(|request| request.answer(429, &[("retry-after", "3600")], ""));
    let said = message(fetch(&hasty(), &server.url, &world.path().join("other.zip")));
    assert!(said.contains("try again later"), "{said}");
    assert_eq!(server.requests().len(), 1, "an hour is not waited for");
}

#[test]
fn a_connection_on_which_nothing_moves_is_given_up() {
    let server = Server::start(|request| request.hang(Duration::from_secs(20)));
    let world = TempDir::new().unwrap();
    let http = Http::new(Options { tries: 2, ..hasty_options() }).unwrap();
    let said = message(fetch(&http, &server.url, &world.path().join("paper.zip")));
    assert!(said.ends_with("nothing moved for 2 s"), "{said}");
    assert_eq!(fs::read_dir(world.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn a_redirection_elsewhere_takes_no_token_along() {
    let elsewhere = Server::start(|request| {
        let body = format!("[{}]", request.header("authorization"));
        request.answer(200, &[], body);
    });
    let server = Server::start(move |request| {
        assert_eq!(request.header("authorization"), "Bearer hunter2");
        match &*request.path {
            "/here" => request.answer(302, &[("location", "/there")], ""),
            "/round" => request.answer(302, &[("location", "/round")], ""),
            _ => request.answer(307, &[("location", &elsewhere.url)], ""),
        }
    });
    let world = TempDir::new().unwrap();
    let to = world.path().join("paper.zip");
    let token = Credentials::Bearer(Token::new("hunter2"));
    let get = |path: &str| {
        let url = Url::parse(&format!("{}{path}", server.url)).unwrap();
        web::fetch(&hasty(), &url, &token, &to, Clash::Replace, &mut unchecked, &mut unwatched)
    };
    get("/here").unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"[]");
    let said = get("/round").unwrap_err().to_string();
    assert!(said.contains("without end"), "{said}");
}

#[test]
fn a_token_is_neither_sent_in_the_clear_nor_repeated() {
    let world = TempDir::new().unwrap();
    let to = world.path().join("paper.zip");
    let token = Credentials::Bearer(Token::new("hunter2"));
    let get = |url: &str| {
        let url = Url::parse(url).unwrap();
        web::fetch(&hasty(), &url, &token, &to, Clash::Refuse, &mut unchecked, &mut unwatched)
            .unwrap_err()
    };
    let said = get("http://example.org/").to_string();
    assert!(said.contains("not sent over http"), "{said}");

    let server = Server::start(|request| request.answer(401, &[], "bad token hunter2"));
    let error = get(&format!("{}/?access_token=hunter2", server.url));
    for said in [error.to_string(), format!("{error:?}")] {
        assert!(said.contains("bad token ***") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn https_trusts_whom_the_caller_trusts() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let chain = vec![key.cert.der().clone()];
    let private = rustls::pki_types::PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
    let provider = rustls::crypto::ring::default_provider().into();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .unwrap();
    let server = Server::secure(config, |request| request.answer(200, &[], "whole"));
    let url = server.url.replace("127.0.0.1", "localhost");

    let world = TempDir::new().unwrap();
    let roots = world.path().join("roots.pem");
    fs::write(&roots, key.cert.pem()).unwrap();
    let known = Http::new(Options { roots: Some(roots), ..hasty_options() }).unwrap();
    assert_eq!(fetch(&known, &url, &world.path().join("paper.zip")).unwrap(), b"whole");

    let said = message(fetch(&hasty(), &url, &world.path().join("other.zip")));
    assert!(said.contains("certificate") || said.contains("nobody is trusted"), "{said}");
}

#[test]
fn what_is_refused_takes_no_others_place() {
    let server = Server::start(|request| request.answer(200, &[], "bad"));
    let world = TempDir::new().unwrap();
    let (to, url) = (world.path().join("paper.zip"), Url::parse(&server.url).unwrap());
    fs::write(&to, "good").unwrap();
    let mut seen = Vec::new();
    let mut check = |path: &Path| {
        seen = fs::read(path).unwrap();
        let (from, reason) = ("the server".to_owned(), "it is bad".to_owned());
        Err(ExchangeError::Refused { from, reason })
    };
    let (http, none) = (hasty(), Credentials::None);
    let got = web::fetch(&http, &url, &none, &to, Clash::Replace, &mut check, &mut unwatched);
    assert!(got.unwrap_err().to_string().contains("it is bad"));
    assert_eq!((seen.as_slice(), fs::read(&to).unwrap().as_slice()), (&b"bad"[..], &b"good"[..]));
    assert_eq!(fs::read_dir(world.path()).unwrap().count(), 1);
    web::fetch(&http, &url, &none, &to, Clash::Replace, &mut unchecked, &mut unwatched).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"bad");
}

#[test]
fn what_is_larger_than_any_bundle_is_not_begun() {
    let server = Server::start(|request| request.answer_part(200, &[], "abc", 1 << 40));
    let world = TempDir::new().unwrap();
    let said = message(fetch(&hasty(), &server.url, &world.path().join("paper.zip")));
    assert!(said.contains("expected up to 274877906944 bytes, found 1099511627776"), "{said}");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(fs::read_dir(world.path()).unwrap().count(), 0);
}

#[test]
fn a_part_is_written_by_one_process_and_through_no_link() {
    let server = Server::start(|request| request.answer(200, &[], "whole"));
    let world = TempDir::new().unwrap();
    let [to, part, victim] =
        ["paper.zip", ".paper.zip.part", "victim"].map(|name| world.path().join(name));
    fs::write(&victim, "mine").unwrap();
    std::os::unix::fs::symlink(&victim, &part).unwrap();
    let said = message(fetch(&hasty(), &server.url, &to));
    assert!(said.contains("that is no file"), "{said}");
    assert_eq!(fs::read(&victim).unwrap(), b"mine");

    fs::remove_file(&part).unwrap();
    let other = fs::File::create(&part).unwrap();
    other.lock().unwrap();
    let said = message(fetch(&hasty(), &server.url, &to));
    assert!(said.contains("another process"), "{said}");
    drop(other);
    assert_eq!(fetch(&hasty(), &server.url, &to).unwrap(), b"whole");
}
