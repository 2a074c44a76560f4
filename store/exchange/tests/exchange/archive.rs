//! A stand-in for Zenodo that holds to its documented API.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::server::{Request, Server};

/// Requests that a minute has room for.
pub(crate) const ROOM: usize = 40;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) drafts: BTreeMap<u64, Draft>,
    asked: usize,
    /// What happens to the next uploads.
    pub(crate) mishaps: Vec<Mishap>,
}

#[derive(Default, Clone)]
pub(crate) struct Draft {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) metadata: Value,
    pub(crate) submitted: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mishap {
    CutHalfWay,
    CutAtEnd,
    Flip,
}

/// A stand-in that holds to the documented API.
pub(crate) struct Archive {
    pub(crate) state: Mutex<State>,
}

impl Archive {
    /// The stand-in, and what it holds.
    pub(crate) fn start() -> (Server, &'static Archive) {
        let archive: &'static Archive =
            Box::leak(Box::new(Archive { state: Mutex::new(State::default()) }));
        (Server::start(move |request| archive.serve(request)), archive)
    }

    fn serve(&self, mut request: Request) {
        let mut state = self.state.lock().unwrap();
        let scopes = match request.header("authorization") {
            "Bearer full" => "write actions",
            "Bearer write" => "write",
            _ => return refuse(request, 401, "Unauthorized"),
        };
        state.asked += 1;
        if state.asked == ROOM {
            let headers = [
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                ("x-ratelimit-limit", "40"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "784111777"),
            ];
            request.body();
            return request.answer(429, &headers, "{\"message\":\"Too many requests\"}");
        }
        let host = format!("http://{}", request.header("host"));
        let path = request.path.clone();
        let parts: Vec<&str> = path.trim_start_matches("/api/").split('/').collect();
        match (&*request.method, &*parts) {
            ("POST", ["deposit", "depositions"]) => {
                if request.header("content-type") != "application/json" {
                    return refuse(request, 415, "Unsupported media type");
                }
                assert_eq!(request.body(), b"{}");
                let id = 100 + state.drafts.len() as u64;
                state.drafts.insert(id, Draft::default());
                request.answer(201, &[], state.show(id, &host));
            }
            ("GET", ["deposit", "depositions", id]) => {
                request.answer(200, &[], state.show(id.parse().unwrap(), &host));
            }
            ("PUT", ["files", bucket, name]) => {
                let id: u64 = bucket.trim_start_matches('b').parse().unwrap();
                let mishap =
                    if state.mishaps.is_empty() { None } else { Some(state.mishaps.remove(0)) };
                if mishap == Some(Mishap::CutHalfWay) {
                    request.read(request.length() / 2);
                    return request.cut();
                }
                let mut bytes = request.body();
                if mishap == Some(Mishap::Flip) {
                    bytes[0] ^= 1;
                }
                let draft = state.drafts.get_mut(&id).unwrap();
                if draft.submitted {
                    return refuse(request, 403, "The bucket is locked.");
                }
                let answer = json!({"key": name, "size": bytes.len(), "checksum": md5(&bytes)});
                draft.files.insert((*name).to_owned(), bytes);
                if mishap == Some(Mishap::CutAtEnd) {
                    return request.cut();
                }
                request.answer(201, &[], answer.to_string());
            }
            ("DELETE", ["deposit", "depositions", id, "files", file]) => {
                let draft = state.drafts.get_mut(&id.parse().unwrap()).unwrap();
                let gone = draft.files.remove(file.trim_start_matches("f-"));
                request.answer(if gone.is_some() { 204 } else { 404 }, &[], "");
            }
            ("PUT", ["deposit", "depositions", id]) => {
                let body: Value = serde_json::from_slice(&request.body()).unwrap();
                let metadata = body["metadata"].clone();
                if let Some(errors) = wrong(&metadata) {
                    let body =
                        json!({"status": 400, "message": "Validation error.", "errors": errors});
                    return request.answer(400, &[], body.to_string());
                }
                let id = id.parse().unwrap();
                state.drafts.get_mut(&id).unwrap().metadata = metadata;
                request.answer(200, &[], state.show(id, &host));
            }
            ("POST", ["deposit", "depositions", id, "actions", action]) => {
                if !scopes.contains("actions") {
                    return refuse(request, 403, "You do not have the permission.");
                }
                let id: u64 = id.parse().unwrap();
                let draft = state.drafts[&id].clone();
                if *action == "newversion" {
                    assert!(draft.submitted);
                    let draft = Draft { submitted: false, ..draft };
                    let next = 100 + state.drafts.len() as u64;
                    state.drafts.insert(next, draft);
                    let mut old: Value = serde_json::from_str(&state.show(id, &host)).unwrap();
                    let link = format!("{host}/api/deposit/depositions/{next}");
                    old["links"]["latest_draft"] = json!(link);
                    return request.answer(201, &[], old.to_string());
                }
                if draft.files.is_empty() || draft.metadata.is_null() || draft.submitted {
                    return refuse(request, 400, "This draft cannot be published.");
                }
                state.drafts.get_mut(&id).unwrap().submitted = true;
                if state.mishaps.pop() == Some(Mishap::CutAtEnd) {
                    return request.cut();
                }
                request.answer(202, &[], state.show(id, &host));
            }
            _ => refuse(request, 404, "The requested URL was not found on the server."),
        }
    }
}

impl State {
    fn show(&self, id: u64, host: &str) -> String {
        let draft = &self.drafts[&id];
        let doi = format!("10.5072/zenodo.{id}");
        let files: Vec<Value> = draft
            .files
            .iter()
            .map(|(name, bytes)| {
                json!({"id": format!("f-{name}"), "filename": name, "filesize": bytes.len(),
                    "checksum": md5(bytes).trim_start_matches("md5:")})
            })
            .collect();
        let mut shown = json!({
            "id": id,
            "files": files,
            "submitted": draft.submitted,
            "metadata": {"prereserve_doi": {"doi": doi, "recid": id}},
            "links": {"bucket": format!("{host}/api/files/b{id}"), "html": format!("{host}/deposit/{id}")},
        });
        if draft.submitted {
            shown["doi"] = json!(doi);
            shown["links"]["record_html"] = json!(format!("{host}/record/{id}"));
        }
        shown.to_string()
    }
}

fn refuse(mut request: Request, status: u16, message: &str) {
    request.body();
    request.answer(status, &[], json!({"status": status, "message": message}).to_string());
}

/// What the documentation does not allow.
fn wrong(metadata: &Value) -> Option<Value> {
    let missing = |key: &&str| metadata[*key].as_str().is_none_or(str::is_empty);
    let mut errors: Vec<Value> = ["title", "description", "upload_type", "license"]
        .iter()
        .filter(|key| missing(key))
        .map(|key| json!({"field": format!("metadata.{key}"), "message": "Field is required."}))
        .collect();
    if metadata["upload_type"] == "publication" && missing(&"publication_type") {
        errors.push(json!({"field": "metadata.publication_type", "message": "Field is required."}));
    }
    if metadata["license"] == "no-such-license" {
        errors.push(json!({"field": "metadata.license", "message": "Invalid license."}));
    }
    (!errors.is_empty()).then(|| json!(errors))
}

fn md5(bytes: &[u8]) -> String {
    let digits = Md5::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    format!("md5:{digits}")
}
