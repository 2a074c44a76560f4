//! A repository of git gives back the files of a bundle, and nothing that is none.

#![expect(clippy::disallowed_methods, reason = "git itself serves and looks")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rescience_bundle::{Bundle, Depth, Writer, verify};
use rescience_exchange::address::GitAddress;
use rescience_exchange::dir::Clash;
use rescience_exchange::git::{self, Place, Record};
use rescience_exchange::{Credentials, ExchangeError, Token, unchecked, unwatched};
use tempfile::TempDir;

use crate::server::{Request, Server, hasty, noise};

fn bundle(folder: &Path, text: &str) -> Bundle {
    let path = folder.join("paper.zip");
    let mut writer = Writer::create(&path).unwrap();
    writer.add("README.md", text.as_bytes()).unwrap();
    writer.add("results/\u{e4}/noise.bin", &noise(6, 300_000)).unwrap();
    writer.add("line-ends.txt", b"a\r\nb\n").unwrap();
    writer.add(".gitattributes", b"* text eol=lf\n").unwrap();
    writer.add_file("run.sh", &mut &b"echo 1\n"[..], 7, true).unwrap();
    writer.finish().unwrap();
    Bundle::open(&path).unwrap()
}

fn record(tag: &str) -> Record {
    Record {
        author: "A. Author".to_owned(),
        email: "a@example.org".to_owned(),
        seconds: 1_700_000_000,
        message: "Publish a bundle\n".to_owned(),
        tag: tag.to_owned(),
    }
}

/// A world with a bare repository in it.
struct World {
    folder: TempDir,
    remote: String,
    credentials: Credentials,
}

impl World {
    fn new() -> World {
        let folder = TempDir::new().unwrap();
        let bare = folder.path().join("bare.git");
        git2::Repository::init_bare(&bare).unwrap();
        let remote = bare.to_str().unwrap().to_owned();
        World { folder, remote, credentials: Credentials::None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn address(&self, branch: &str) -> GitAddress {
        GitAddress { remote: self.remote.clone(), branch: branch.to_owned() }
    }

    fn publish(&self, text: &str, tag: &str, clash: Clash) -> Result<String, ExchangeError> {
        let (to, scratch, http) = (self.address("bundle"), self.path("scratch"), hasty());
        let place =
            Place { http: &http, address: &to, credentials: &self.credentials, scratch: &scratch };
        let bundle = bundle(self.folder.path(), text);
        let published = git::publish(place, &bundle, &record(tag), clash, &mut unwatched);
        assert_eq!(fs::read_dir(&scratch).map_or(0, Iterator::count), 0, "the scratch is empty");
        published
    }

    fn fetch(&self, branch: &str, name: &str) -> Result<String, ExchangeError> {
        let (from, scratch, http) = (self.address(branch), self.path("scratch"), hasty());
        let place = Place {
            http: &http,
            address: &from,
            credentials: &self.credentials,
            scratch: &scratch,
        };
        git::fetch(place, &self.path(name), &mut unchecked, &mut unwatched)
    }

    fn bare(&self) -> git2::Repository {
        git2::Repository::open_bare(self.path("bare.git")).unwrap()
    }
}

/// Everything that a remote must do, however it is reached.
fn a_remote_keeps_bundles(world: &World) {
    let first = world.publish("first", "v1", Clash::Refuse).unwrap();
    assert_eq!(world.publish("first", "v1", Clash::Refuse).unwrap(), first, "again is the same");
    let second = world.publish("second", "v2", Clash::Refuse).unwrap();
    let bare = world.bare();
    let tip = bare.find_reference("refs/heads/bundle").unwrap().peel_to_commit().unwrap();
    assert_eq!(tip.id().to_string(), second);
    assert_eq!(tip.parent_id(0).unwrap().to_string(), first);
    assert_eq!((tip.message(), tip.time().seconds()), (Ok("Publish a bundle\n"), 1_700_000_000));

    for (branch, commit, text) in [("bundle", &second, "second"), ("v1", &first, "first")] {
        assert_eq!(world.fetch(branch, branch).unwrap(), *commit);
        let folder = Bundle::open(&world.path(branch)).unwrap();
        let verified = verify(&folder, Depth::Both, |_, _| {}).unwrap();
        assert!(verified.findings.is_empty(), "{:?}", verified.findings);
        assert!(folder.executable("run.sh") && !folder.executable("README.md"));
        assert_eq!(folder.read("README.md").unwrap().unwrap(), text.as_bytes());
    }

    let error = world.publish("third", "v1", Clash::Refuse).unwrap_err();
    assert!(matches!(error, ExchangeError::Exists { .. }), "{error}");
    let third = world.publish("third", "v1", Clash::Replace).unwrap();
    assert_eq!(bare.find_reference("refs/tags/v1").unwrap().target().unwrap().to_string(), third);
    let error = world.fetch("v9", "v9").unwrap_err().to_string();
    assert!(error.contains("neither a branch nor a tag `v9`"), "{error}");
}

#[test]
fn a_bare_repository_keeps_bundles() {
    a_remote_keeps_bundles(&World::new());
}

#[test]
fn the_same_bundle_and_record_are_the_same_commit() {
    let [one, other] = [World::new(), World::new()];
    let commit = one.publish("first", "v1", Clash::Refuse).unwrap();
    assert_eq!(other.publish("first", "v1", Clash::Refuse).unwrap(), commit);
}

#[test]
fn a_repository_behind_a_server_keeps_bundles() {
    let mut world = World::new();
    let root = world.folder.path().to_owned();
    world.bare().config().unwrap().set_bool("http.receivepack", true).unwrap();
    if Command::new("git").arg("--version").output().is_err() {
        println!("skipped: `git` is not installed");
        return;
    }
    let server = Server::start(move |request| backend(&root, request));
    world.remote = format!("{}/bare.git", server.url);
    let refused = world.fetch("bundle", "refused").unwrap_err().to_string();
    assert!(refused.contains("answered 401"), "{refused}");
    world.credentials = Credentials::Bearer(Token::new("hunter2"));
    a_remote_keeps_bundles(&world);

    world.remote = format!("{}/nothing.git", server.url);
    let missing = world.fetch("bundle", "missing").unwrap_err().to_string();
    assert!(missing.contains("answered 404"), "{missing}");
}

/// Answers as `git http-backend` does.
fn backend(root: &Path, mut request: Request) {
    // `x-access-token:hunter2`
    if request.header("authorization") != "Basic eC1hY2Nlc3MtdG9rZW46aHVudGVyMg==" {
        request.body();
        return request.answer(401, &[("www-authenticate", "Basic realm=\"tests\"")], "");
    }
    let body = request.body();
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("REMOTE_USER", "tests")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(output[..end].to_vec()).unwrap();
    let mut headers: Vec<_> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let status = headers.iter().find(|header| header.0 == "Status");
    let status = status.map_or(200, |status| status.1[..3].parse().unwrap());
    headers.retain(|header| header.0 != "Status");
    request.answer(status, &headers, &output[end + 4..]);
}

#[test]
fn what_is_no_bundle_is_not_written() {
    let world = World::new();
    let bare = world.bare();
    let blob = bare.blob(b"../../etc/passwd").unwrap();
    for (branch, name, mode, why) in [
        ("link", "link", 0o120_000, "neither a file nor a folder"),
        ("module", "module", 0o160_000, "neither a file nor a folder"),
        ("plain", "README.md", 0o100_644, "it has no `manifest"),
        ("slash", "a\\b", 0o100_644, "backslash"),
    ] {
        let mut tree = bare.treebuilder(None).unwrap();
        tree.insert(name, blob, mode).unwrap();
        let tree = bare.find_tree(tree.write().unwrap()).unwrap();
        let who = git2::Signature::new("a", "b", &git2::Time::new(0, 0)).unwrap();
        let branch_name = format!("refs/heads/{branch}");
        bare.commit(Some(&branch_name), &who, &who, "", &tree, &[]).unwrap();
        let error = world.fetch(branch, branch).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(!world.path(branch).exists());
        let beside = fs::read_dir(world.folder.path()).unwrap().map(|it| it.unwrap().file_name());
        assert_eq!(beside.filter(|it| it != "bare.git" && it != "scratch").count(), 0);
    }
}

#[test]
fn a_file_that_git_would_have_in_memory_is_refused_by_its_size() {
    let world = World::new();
    let path = world.path("large.zip");
    let mut writer = Writer::create(&path).unwrap();
    writer.add("README.md", b"").unwrap();
    writer.finish().unwrap();
    // A folder of a bundle, with a hole of 3 GiB in it.
    let folder = world.path("large");
    Bundle::open(&path).unwrap().unpack(&folder).unwrap();
    fs::File::create(folder.join("hole")).unwrap().set_len(3 << 30).unwrap();
    let (to, scratch, http) = (world.address("bundle"), world.path("scratch"), hasty());
    let place =
        Place { http: &http, address: &to, credentials: &world.credentials, scratch: &scratch };
    let bundle = Bundle::open(&folder).unwrap();
    let error = git::publish(place, &bundle, &record("v1"), Clash::Refuse, &mut unwatched);
    let said = error.unwrap_err().to_string();
    assert!(said.contains("`hole` has 3221225472 bytes") && said.contains("--thin"), "{said}");
}

#[test]
fn ssh_is_answered_with_what_to_do() {
    for remote in ["git@github.com:a/b.git", "ssh://git@github.com/a/b.git"] {
        let world = World { remote: remote.to_owned(), ..World::new() };
        let error = world.fetch("bundle", "a").unwrap_err().to_string();
        assert!(error.contains("use `https:` with a token"), "{error}");
    }
}
