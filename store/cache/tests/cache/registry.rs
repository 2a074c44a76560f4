//! What one machine computed is there on another, through a real OCI registry.

#![expect(clippy::disallowed_methods, reason = "the registry is a program of its own")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rescience_cache::{Access, Cache, CacheError};
use rescience_digest::Digest;
use rescience_exchange::{Credentials, Token};
use rescience_store::Artifact;
use tempfile::TempDir;

use crate::support::{Machine, files, hasty, key, noise, open, reason};

/// `me` and `hunter2`, as `htpasswd -B` writes them.
const PASSWORDS: &str = "me:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n";

/// The registry that Debian calls `docker-registry`, on a port of its own.
struct Registry {
    host: String,
    child: Child,
    folder: TempDir,
}

impl Registry {
    /// None where the program is not installed, which is said.
    fn start() -> Option<Registry> {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let at = folder.path().display();
        fs::write(folder.path().join("passwords"), PASSWORDS).unwrap();
        let config = folder.path().join("config.yml");
        fs::write(
            &config,
            format!(
                "version: 0.1\nlog: {{level: error}}\n\
                 storage: {{filesystem: {{rootdirectory: {at}/data}}}}\n\
                 http: {{addr: '{host}'}}\n\
                 auth: {{htpasswd: {{realm: tests, path: {at}/passwords}}}}\n"
            ),
        )
        .unwrap();
        let started = ["docker-registry", "registry"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        });
        let Some(child) = started else {
            println!("skipped: neither `docker-registry` nor `registry` is installed");
            return None;
        };
        let registry = Registry { host, child, folder };
        for _ in 0..200 {
            if TcpStream::connect(&registry.host).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the registry does not listen on {}", registry.host);
    }

    fn cache(&self, password: &str) -> Cache {
        let registry = Credentials::Login { user: "me".to_owned(), password: Token::new(password) };
        let access = Access { http: hasty(), registry, ..Access::default() };
        open(&format!("oci:{}/lab/cache", self.host), Path::new("/"), access)
    }

    /// The file in which it keeps the blob with these bytes.
    fn blob(&self, bytes: &[u8]) -> PathBuf {
        let all = files(&self.folder.path().join("data"));
        let mut same = all.into_iter().filter(|path| {
            path.ends_with("data") && path.is_file() && fs::read(path).unwrap() == bytes
        });
        same.next().unwrap()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn what_one_computed_the_other_has() {
    let Some(registry) = Registry::start() else { return };
    let (ada, bob, cache) = (Machine::new(1), Machine::new(2), registry.cache("hunter2"));
    let found = bob.fetch(&cache, key(7)).unwrap();
    assert!(found.accepted.is_empty() && found.refused.is_empty(), "nothing was pushed yet");

    let mut trace = ada.unrecorded(key(7), "0.41");
    let large = noise(5, (9 << 20) + 3);
    let large = ada.store.put_bytes(&large).unwrap();
    trace.logs.insert("large".to_owned(), Artifact::Blob(large.digest));
    let pushed = ada.push(&cache, &trace).unwrap();
    assert_eq!((pushed.objects, pushed.present, pushed.known), (9, 0, false));
    let found = bob.fetch(&cache, key(7)).unwrap();
    assert_eq!((&found.accepted[0].trace, &*found.accepted[0].signer), (&trace, "ada"));
    assert!(bob.has(key(7)));
    bob.store.verify(&large.digest).unwrap();

    let again = ada.push(&cache, &trace).unwrap();
    assert_eq!((again.objects, again.present, again.bytes, again.known), (0, 9, 0, true));

    // Another trace of the key stands beside the first one.
    ada.push(&cache, &ada.compute(key(7), "0.42")).unwrap();
    let eve = Machine::new(3);
    assert_eq!(eve.fetch(&cache, key(7)).unwrap().accepted.len(), 2);
    assert_eq!(eve.fetch(&cache, key(8)).map(|found| found.accepted.len()).unwrap(), 0);
}

#[test]
fn a_registry_that_lies_leaves_nothing() {
    let Some(registry) = Registry::start() else { return };
    let (ada, bob, cache) = (Machine::new(1), Machine::new(2), registry.cache("hunter2"));
    let trace = ada.compute(key(7), "0.41");
    ada.push(&cache, &trace).unwrap();
    for artifact in ada.store.closure(trace.artifacts()).unwrap() {
        let good = ada.store.read(&artifact.digest()).unwrap();
        let Some(byte) = good.first() else { continue };
        let path = registry.blob(&good);
        let mut bad = good.clone();
        bad[0] = byte ^ 1;
        fs::write(&path, bad).unwrap();
        let error = bob.fetch(&cache, key(7)).unwrap_err();
        let CacheError::Wrong { digest, .. } = &error else { panic!("{error}") };
        assert_eq!(*digest, artifact.digest());
        assert!(bob.files().is_empty());
        fs::write(&path, good).unwrap();
    }
    let good = trace.to_bytes();
    let path = registry.blob(&good);
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(&path, bad).unwrap();
    let found = bob.fetch(&cache, key(7)).unwrap();
    assert!(reason(&found).contains("not those that it is named by"), "{found:?}");
    fs::write(&path, good).unwrap();
    bob.fetch(&cache, key(7)).unwrap();
    assert!(bob.has(key(7)));
}

#[test]
fn a_wrong_password_is_named_and_not_shown() {
    let Some(registry) = Registry::start() else { return };
    let (ada, cache) = (Machine::new(1), registry.cache("hunter3"));
    for error in [
        ada.push(&cache, &ada.compute(key(7), "0")).unwrap_err(),
        Machine::new(2).fetch(&cache, key(7)).unwrap_err(),
    ] {
        let said = error.to_string();
        assert!(said.contains("answered 401") && !said.contains("hunter3"), "{said}");
    }
}

#[test]
fn two_push_the_same_at_once() {
    let Some(registry) = Registry::start() else { return };
    let machines = [Machine::new(1), Machine::new(1)];
    let cache = registry.cache("hunter2");
    std::thread::scope(|scope| {
        for machine in &machines {
            scope.spawn(|| machine.push(&cache, &machine.compute(key(7), "the same")).unwrap());
        }
    });
    let bob = Machine::new(2);
    let found = bob.fetch(&cache, key(7)).unwrap();
    assert_eq!(found.accepted.len(), 1);
    assert_eq!(found.accepted[0].digest, Digest::of(&found.accepted[0].trace.to_bytes()));
    assert!(bob.has(key(7)));
}
