//! A bundle goes to other places and comes back with the same bytes.

#![expect(clippy::disallowed_methods, reason = "stories start other programs")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::archive::Archive;
use crate::server::Server;
use crate::support::{Project, World, toy};

/// The toy, built and bundled under its own name.
fn bundled(world: &World) -> Project<'_> {
    let toy = toy::toy(world, "toy");
    toy.run(&["build"]).ok();
    toy.run(&["bundle"]).ok();
    toy
}

const ZIP: &str = "out/toy-0.1.0.zip";

#[test]
fn a_bundle_goes_to_a_folder_and_comes_back() {
    let world = World::new();
    let toy = bundled(&world);
    toy.run(&["publish", "--to", "dir:../shelf", "--dry-run"]).ok().says("Would publish");
    assert!(!world.path("shelf").exists());
    toy.run(&["publish", "--to", "dir:../shelf"]).ok().says("Published toy 0.1.0");
    std::fs::create_dir(world.path("back")).unwrap();
    world.run(&["fetch", "shelf", "--output", "back"]).ok().says("every byte as listed");
    assert_eq!(std::fs::read(world.path("back/toy-0.1.0.zip")).unwrap(), toy.bytes(ZIP));
    // The same again is nothing new; something else is not overwritten.
    toy.run(&["publish", "--to", "dir:../shelf"]).ok();
    toy.edit("paper/main.typ", "Less gives", "We find");
    toy.run(&["build"]).ok();
    toy.run(&["bundle"]).ok();
    toy.run(&["publish", "--to", "dir:../shelf"]).code(101).says("holds something else");
    toy.run(&["publish", "--to", "dir:../shelf", "--replace"]).ok();
}

#[test]
fn what_is_not_whole_is_neither_handed_on_nor_kept() {
    let world = World::new();
    let toy = bundled(&world);
    let mut bytes = toy.bytes(ZIP);
    let text = b"Does more give more?";
    let at = bytes.windows(text.len()).position(|it| it == text).unwrap();
    bytes[at] ^= 1;
    std::fs::create_dir(world.path("shelf")).unwrap();
    std::fs::write(world.path("shelf/toy.zip"), &bytes).unwrap();
    std::fs::create_dir(world.path("back")).unwrap();
    let said = world.run(&["fetch", "shelf/toy.zip", "--output", "back"]).code(101);
    said.says("RS0141").says("nothing of it was kept");
    assert_eq!(std::fs::read_dir(world.path("back")).unwrap().count(), 0);
    // Nor is it taken from where the user keeps it.
    world.run(&["fetch", "shelf/toy.zip", "--output", "shelf"]).code(101).says("RS0141");
    assert_eq!(std::fs::read(world.path("shelf/toy.zip")).unwrap(), bytes);
    std::fs::write(toy.directory.join(ZIP), &bytes).unwrap();
    toy.run(&["publish", "--to", "dir:../else"]).code(101).says("is not whole");
}

#[test]
fn what_is_fetched_is_checked_before_it_takes_anothers_place() {
    let world = World::new();
    let good = bundled(&world).bytes(ZIP);
    let mut bad = good.clone();
    let text = b"Does more give more?";
    let at = bad.windows(text.len()).position(|it| it == text).unwrap();
    bad[at] ^= 1;
    let (served, whole) = (bad, good.clone());
    let server = Server::start(move |request| match &*request.path {
        "/toy.zip" => request.answer(200, &[], &served),
        _ => request.answer(200, &[], &whole),
    });
    let back = world.path("back");
    std::fs::create_dir(&back).unwrap();
    std::fs::write(back.join("toy.zip"), &good).unwrap();
    let url = format!("{}/toy.zip", server.url);
    world.run(&["fetch", &url, "--output", "back"]).code(101).says("holds something else");
    let said = world.run(&["fetch", &url, "--output", "back", "--replace"]).code(101);
    said.says("RS0141").says("nothing of it was kept");
    assert_eq!(std::fs::read(back.join("toy.zip")).unwrap(), good, "the good one is still there");
    assert_eq!(std::fs::read_dir(&back).unwrap().count(), 1);
    let url = format!("{}/other/bundle.zip", server.url);
    world.run(&["fetch", &url, "--output", "back"]).ok().says("every byte as listed");
    assert_eq!(std::fs::read(back.join("bundle.zip")).unwrap(), good);
}

#[test]
fn a_token_is_fetched_with_only_where_the_user_says() {
    let mut world = World::new();
    world.set("WEB_TOKEN", "of the user");
    let server = Server::start(|request| {
        let shown = if request.header("authorization").is_empty() { "nobody" } else { "somebody" };
        request.answer(403, &[], format!("{shown} asked"));
    });
    let url = format!("{}/toy.zip", server.url);
    let allow = format!("set `WEB_HOST={}` beside them", server.host);
    world.run(&["fetch", &url]).code(101).says("nobody asked").says(&allow);
    world.set("WEB_HOST", "example.org");
    world.run(&["fetch", &url]).code(101).says("nobody asked").says(&allow);
    world.set("WEB_HOST", &server.host);
    world.run(&["fetch", &url]).code(101).says("somebody asked").lacks("WEB_HOST");
}

#[test]
fn a_bundle_goes_through_a_git_repository() {
    let world = World::new();
    let toy = bundled(&world);
    let bare = world.path("papers.git");
    let git = Command::new("git").args(["init", "-q", "--bare"]).arg(&bare).status();
    assert!(git.unwrap().success());
    let to = format!("git:{}#toy", bare.display());
    toy.run(&["publish", "--to", &to]).ok().says("Published toy 0.1.0");
    world.run(&["fetch", &to]).ok().says("every byte as listed");
    let folder = world.path("papers");
    world.run_in(&folder, &["verify"]).ok().says("all as recorded");
    world.run_in(&folder, &["build", "--offline"]).ok().says("bit for bit as in the bundle");
    let shown = Command::new("git").arg("-C").arg(&bare).args(["tag", "--list"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "v0.1.0\n");
}

const LICENSED: &str = "version = \"0.1.0\"\nlicense = \"CC-BY-4.0\"";

#[test]
fn zenodo_is_sent_nothing_without_a_yes() {
    let world = World::new();
    let toy = bundled(&world);
    toy.run(&["publish", "--to", "zenodo:sandbox"]).code(101).says("a deposit needs a licence");
    toy.edit("rescience.toml", "version = \"0.1.0\"", LICENSED);
    toy.run(&["build"]).ok();
    toy.run(&["bundle"]).ok();
    toy.run(&["publish", "--to", "zenodo:sandbox"])
        .code(101)
        .says("the paper carries no DOI")
        .says("--reserve");
    toy.edit("rescience.toml", LICENSED, &format!("{LICENSED}\ndoi = \"10.5072/zenodo.7\""));
    toy.run(&["build"]).ok();
    toy.run(&["bundle"]).ok();
    let said = toy.run(&["publish", "--to", "zenodo:sandbox"]).ok().says("nothing was sent");
    for request in [
        "GET https://sandbox.zenodo.org/api/deposit/depositions/7",
        "PUT https://sandbox.zenodo.org/api/files/BUCKET/toy-0.1.0.zip",
        "POST https://sandbox.zenodo.org/api/deposit/depositions/7/actions/publish",
    ] {
        assert!(said.stdout.contains(request), "{request}: {said}");
    }
    toy.run(&["publish", "--to", "zenodo:sandbox", "--yes"]).code(101).says("no `ZENODO_TOKEN`");
    toy.run(&["publish", "--to", "zendo"]).code(1).says("did you mean");
    toy.run(&["publish", "--to", "zenodo", "--offline"]).code(1).says("--offline");
    toy.run(&["publish", "--to", "dir:x", "--reserve"]).code(1).says("only Zenodo");
}

#[test]
fn a_doi_is_in_the_paper_before_zenodo_has_it() {
    let mut world = World::new();
    world.set("ZENODO_TOKEN", "full");
    let (server, archive) = Archive::start();
    let to = format!("zenodo:{}/api/", server.url);
    let toy = toy::toy(&world, "toy");
    toy.edit("rescience.toml", "version = \"0.1.0\"", LICENSED);
    toy.run(&["publish", "--to", &to, "--reserve", "--dry-run"]).ok().says("Would reserve");
    assert_eq!(server.requests(), [""; 0]);
    toy.run(&["publish", "--to", &to, "--reserve"]).ok().prints("10.5072/zenodo.100");
    assert!(toy.read("rescience.toml").contains("\ndoi = \"10.5072/zenodo.100\"\n"));
    // Who asks twice has what was reserved.
    toy.run(&["publish", "--to", &to, "--reserve"]).ok().prints("10.5072/zenodo.100");
    assert_eq!(archive.state.lock().unwrap().drafts.len(), 1);

    toy.run(&["build"]).ok();
    toy.run(&["bundle"]).ok();
    for file in ["out/main.html", "out/main.json"] {
        assert!(toy.read(file).contains("10.5072/zenodo.100"), "{file}");
    }
    if let Ok(text) =
        Command::new("pdftotext").arg(toy.directory.join("out/main.pdf")).arg("-").output()
    {
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        assert!(text.contains("doi:10.5072/zenodo.100"), "{text}");
    }
    let folder = world.unpack("toy/out/toy-0.1.0.zip", "unpacked");
    for file in ["CITATION.cff", "codemeta.json", "ro-crate-metadata.json"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains("10.5072/zenodo.100"), "{file}");
    }
    // A stranger cannot reserve for others' work.
    world.run_in(&folder, &["publish", "--to", &to, "--reserve"]).code(101).says("authors'");

    let sent = toy.run(&["publish", "--to", &to, "--yes"]).ok().prints("10.5072/zenodo.100");
    let draft = archive.state.lock().unwrap().drafts[&100].clone();
    assert!(draft.submitted, "{sent}");
    assert!(draft.files["toy-0.1.0.zip"] == toy.bytes(ZIP));
    toy.run(&["publish", "--to", &to, "--yes"]).code(101).says("is published already");
    // From then on, what is reserved is a new version.
    toy.run(&["publish", "--to", &to, "--reserve"]).ok().prints("10.5072/zenodo.101");
    assert!(toy.read("rescience.toml").contains("\ndoi = \"10.5072/zenodo.101\"\n"));
    // The old pages are not published under the new DOI.
    toy.run(&["publish", "--to", &to, "--yes"]).code(101).says("10.5072/zenodo.100 is published");
}

#[test]
fn somebody_at_a_terminal_is_asked_before_what_cannot_be_undone() {
    let mut world = World::new();
    world.set("ZENODO_TOKEN", "full");
    let (server, archive) = Archive::start();
    let toy = toy::toy(&world, "toy");
    toy.edit("rescience.toml", "version = \"0.1.0\"", LICENSED);
    let to = format!("zenodo:{}/api/", server.url);
    toy.run(&["publish", "--to", &to, "--reserve"]).ok();
    toy.run(&["build"]).ok();
    toy.run(&["bundle"]).ok();
    let answered = |answer: &str| {
        let script = format!(
            "echo {answer} | script --quiet --return --command \"$0 publish --to {to}\" /dev/null"
        );
        world.run_by_shell(&toy.directory, &script)
    };
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: script is not installed");
        return;
    }
    let said = answered("n").ok();
    assert!(
        said.stdout.contains("as 10.5072/zenodo.100, where nobody can take it back?"),
        "{said}"
    );
    assert!(!archive.state.lock().unwrap().drafts[&100].submitted);
    answered("y").ok();
    assert!(archive.state.lock().unwrap().drafts[&100].submitted);
}

/// A registry of Debian's, until it is dropped.
struct Registry(Child);

impl Drop for Registry {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_bundle_goes_through_a_registry() {
    let world = World::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
         http: {{ addr: 127.0.0.1:{port} }}\n",
        world.path("registry").display()
    );
    std::fs::write(world.path("registry.yml"), config).unwrap();
    let mut server = Command::new("docker-registry");
    server.arg("serve").arg(world.path("registry.yml"));
    let Ok(server) = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        println!("skipped: docker-registry is not installed");
        return;
    };
    let _server = Registry(server);
    for _ in 0..100 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let toy = bundled(&world);
    let address = format!("oci:127.0.0.1:{port}/papers/toy:0.1.0");
    let said = toy.run(&["publish", "--to", &address]).ok().prints("sha256:");
    std::fs::create_dir(world.path("back")).unwrap();
    world.run(&["fetch", &address, "--output", "back"]).ok().says("every byte as listed");
    assert_eq!(std::fs::read(world.path("back/toy-0.1.0.zip")).unwrap(), toy.bytes(ZIP), "{said}");
}
