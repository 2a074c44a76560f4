//! A stand-in for S3 on loopback: it checks signatures, pages its lists by two, joins parts, and
//! breaks down when a test wants it to.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use sha2::{Digest as _, Sha256};

pub(crate) const KEY_ID: &str = "AKIATEST";
pub(crate) const SECRET: &str = "hunter2";
pub(crate) const SESSION: &str = "a-session";
pub(crate) const REGION: &str = "eu-test-1";

/// What happens to the next request that begins with these words, such as `PUT /lab/objects`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is answered with 503.
    Busy,
    /// Its connection ends without an answer.
    Cut,
    /// Half of its answer comes.
    Half,
}

#[derive(Default)]
pub(crate) struct State {
    /// By path with the bucket: `/lab/objects/ab/...`.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    pub(crate) faults: VecDeque<(&'static str, Fault)>,
    /// Method, path and query of every request that was answered.
    pub(crate) log: Vec<String>,
    names: u32,
}

pub(crate) struct Storage {
    pub(crate) host: String,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    raw_query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Storage {
    /// Has the bucket `lab`.
    pub(crate) fn start() -> Storage {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(socket, &state));
            }
        });
        Storage { host, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve(socket: TcpStream, state: &Mutex<State>) -> Option<()> {
    let request = read(&socket)?;
    let line = format!("{} {}", request.method, request.path);
    let mut state = state.lock().unwrap();
    let at = state.faults.iter().position(|(start, _)| line.starts_with(start));
    let fault = at.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault);
    let answer = match fault {
        Some(Fault::Cut) => {
            socket.shutdown(Shutdown::Both).ok();
            return None;
        }
        Some(Fault::Busy) => error(503, "SlowDown"),
        _ => match unsigned(&request) {
            Some(why) => error(403, why),
            None => state.answer(&request),
        },
    };
    state.log.push(format!("{line}?{}", request.raw_query));
    drop(state);
    let mut text = format!("HTTP/1.1 {} _\r\nconnection: close\r\n", answer.status);
    if !answer.headers.iter().any(|(name, _)| *name == "content-length") {
        text += &format!("content-length: {}\r\n", answer.body.len());
    }
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    let mut bytes = (text + "\r\n").into_bytes();
    if request.method != "HEAD" {
        let half = matches!(fault, Some(Fault::Half));
        bytes.extend(&answer.body[..answer.body.len() / if half { 2 } else { 1 }]);
    }
    (&socket).write_all(&bytes).ok()?;
    socket.shutdown(Shutdown::Both).ok()
}

fn read(socket: &TcpStream) -> Option<Request> {
    let mut wire = BufReader::new(socket);
    let mut line = String::new();
    wire.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, raw_query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = raw_query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = pairs.map(|(name, value)| (name.to_owned(), plain(value))).collect();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        wire.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let size = headers.get("content-length").and_then(|size: &String| size.parse().ok());
    let mut body = vec![0; size.unwrap_or(0)];
    wire.read_exact(&mut body).ok()?;
    let (path, raw_query) = (path.to_owned(), raw_query.to_owned());
    Some(Request { method, path, query, raw_query, headers, body })
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        let query = |name: &str| request.query.get(name).map(String::as_str);
        if request.path != "/lab" && !request.path.starts_with("/lab/") {
            return error(404, "NoSuchBucket");
        }
        match (&*request.method, query("uploadId")) {
            ("GET", None) if query("list-type") == Some("2") => self.list(request),
            ("GET" | "HEAD", None) => self.get(request),
            ("PUT", None) => {
                self.files.insert(request.path.clone(), request.body.clone());
                answer(200, vec![("etag", etag(&request.body))], "")
            }
            ("POST", None) if query("uploads").is_some() => {
                self.names += 1;
                let id = format!("upload-{}", self.names);
                self.uploads.insert(id.clone(), BTreeMap::new());
                let body = format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId>\
                     </InitiateMultipartUploadResult>"
                );
                answer(200, vec![], &body)
            }
            ("PUT", Some(id)) => {
                let part = query("partNumber").and_then(|part| part.parse().ok()).unwrap();
                let Some(upload) = self.uploads.get_mut(id) else {
                    return error(404, "NoSuchUpload");
                };
                upload.insert(part, request.body.clone());
                answer(200, vec![("etag", etag(&request.body))], "")
            }
            ("POST", Some(id)) => {
                let Some(parts) = self.uploads.remove(id) else {
                    return error(404, "NoSuchUpload");
                };
                let named = String::from_utf8_lossy(&request.body);
                if named.matches("<ETag>").count() != parts.len()
                    || parts.values().any(|part| !named.contains(etag(part).trim_matches('"')))
                {
                    return error(400, "InvalidPart");
                }
                let whole: Vec<u8> = parts.into_values().flatten().collect();
                let tag = etag(&whole);
                self.files.insert(request.path.clone(), whole);
                let body = format!(
                    "<CompleteMultipartUploadResult><ETag>{tag}</ETag>\
                     </CompleteMultipartUploadResult>"
                );
                answer(200, vec![], &body)
            }
            ("DELETE", Some(id)) => {
                self.uploads.remove(id);
                answer(204, vec![], "")
            }
            _ => error(405, "MethodNotAllowed"),
        }
    }

    fn get(&self, request: &Request) -> Answer {
        let Some(bytes) = self.files.get(&request.path) else { return error(404, "NoSuchKey") };
        let mut headers = vec![
            ("etag", etag(bytes)),
            ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT".to_owned()),
        ];
        let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
        let Some((start, end)) = range.and_then(|range| range.split_once('-')) else {
            headers.push(("content-length", bytes.len().to_string()));
            return Answer { status: 200, headers, body: bytes.clone() };
        };
        let start: usize = start.parse().unwrap();
        let end = end.parse().map_or(bytes.len(), |end: usize| bytes.len().min(end + 1));
        headers.push(("content-range", format!("bytes {start}-{}/{}", end - 1, bytes.len())));
        Answer { status: 206, headers, body: bytes[start..end].to_vec() }
    }

    /// Two at a time.
    fn list(&self, request: &Request) -> Answer {
        let query = |name: &str| request.query.get(name).map_or("", String::as_str);
        let prefix = format!("/lab/{}", query("prefix"));
        let after = query("continuation-token");
        let found = self.files.iter().filter(|(path, _)| path.starts_with(&prefix));
        let mut found = found.filter(|(path, _)| path.as_str() > after).peekable();
        let (mut body, mut last) = (String::new(), "");
        for (path, bytes) in found.by_ref().take(2) {
            last = path;
            body += &format!(
                "<Contents><Key>{}</Key><Size>{}</Size>\
                 <LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>",
                path.strip_prefix("/lab/").unwrap(),
                bytes.len()
            );
        }
        let more = found.peek().is_some();
        if more {
            body += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
        }
        let body =
            format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{body}</ListBucketResult>");
        answer(200, vec![], &body)
    }
}

fn answer(status: u16, headers: Vec<(&'static str, String)>, body: &str) -> Answer {
    Answer { status, headers, body: body.as_bytes().to_vec() }
}

fn error(status: u16, code: &str) -> Answer {
    let text = format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>");
    answer(status, vec![], &text)
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&Sha256::digest(bytes)))
}

/// Why a request is not signed as AWS describes it in "Signature Version 4"; none if it is.
fn unsigned(request: &Request) -> Option<&'static str> {
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
    let Some(given) = header("authorization").strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Some("AccessDenied");
    };
    let field = |name: &str| {
        let mut fields = given.split(',').map(str::trim);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
    };
    let (key_id, scope) = field("Credential").split_once('/')?;
    let (day, time) = (scope.split('/').next()?, header("x-amz-date"));
    if key_id != KEY_ID {
        return Some("InvalidAccessKeyId");
    }
    if scope != format!("{day}/{REGION}/s3/aws4_request") || !time.starts_with(day) {
        return Some("AuthorizationHeaderMalformed");
    }
    if header("x-amz-security-token") != SESSION {
        return Some("InvalidToken");
    }
    let payload = header("x-amz-content-sha256");
    if payload != hex(&Sha256::digest(&request.body)) {
        return Some("XAmzContentSHA256Mismatch");
    }
    let signed: Vec<&str> = field("SignedHeaders").split(';').collect();
    if !["host", "x-amz-content-sha256", "x-amz-date"].iter().all(|name| signed.contains(name)) {
        return Some("AuthorizationHeaderMalformed");
    }
    let headers: String = signed.iter().map(|name| format!("{name}:{}\n", header(name))).collect();
    let mut query: Vec<String> = request.raw_query.split('&').map(str::to_owned).collect();
    for pair in &mut query {
        if !pair.is_empty() && !pair.contains('=') {
            pair.push('=');
        }
    }
    query.sort();
    let canonical =
        [&*request.method, &request.path, &query.join("&"), &headers, &signed.join(";"), payload]
            .join("\n");
    let canonical = hex(&Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in scope.split('/') {
        key = hmac(&key, part.as_bytes());
    }
    let expected = hex(&hmac(&key, text.as_bytes()));
    (field("Signature") != expected).then_some("SignatureDoesNotMatch")
}

/// RFC 2104, for keys of up to 64 bytes.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        for (place, byte) in block.iter_mut().zip(key) {
            *place ^= byte;
        }
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A part of a query without its percent signs.
fn plain(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
        plain.push_str(&part[2..]);
    }
    plain
}

#[test]
fn the_stand_in_knows_the_signature_of_a_known_example() {
    // RFC 4231, test case 2.
    assert_eq!(
        hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}
