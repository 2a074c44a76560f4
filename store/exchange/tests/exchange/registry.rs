//! A real registry, and a cable that is pulled out now and then.

#![expect(clippy::disallowed_methods, reason = "the registry is a program of its own")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

/// `me` and `hunter2`, as `htpasswd -B` writes them.
const PASSWORDS: &str = "me:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n";

/// The registry that Debian calls `docker-registry`, on a port of its own.
pub(crate) struct Registry {
    pub(crate) host: String,
    child: Child,
    _folder: TempDir,
}

impl Registry {
    /// None where the program is not installed, which is said.
    pub(crate) fn start() -> Option<Registry> {
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
        let registry = Registry { host, child, _folder: folder };
        for _ in 0..200 {
            if TcpStream::connect(&registry.host).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the registry does not listen on {}", registry.host);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A cable that breaks after so many bytes went over it, in one direction.
pub(crate) struct Chopper {
    pub(crate) host: String,
    cuts: Arc<AtomicUsize>,
}

impl Chopper {
    /// Counts what is sent.
    pub(crate) fn start(to: &str, cuts: &[usize]) -> Chopper {
        Chopper::between(to, cuts, true)
    }

    /// Counts what is received.
    pub(crate) fn start_down(to: &str, cuts: &[usize]) -> Chopper {
        Chopper::between(to, cuts, false)
    }

    /// How often it broke.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }

    fn between(to: &str, at: &[usize], up: bool) -> Chopper {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let cuts = Arc::new(AtomicUsize::new(0));
        let plan = Plan { at: at.to_vec(), done: Mutex::new(0), cuts: Arc::clone(&cuts) };
        let (to, plan) = (to.to_owned(), Arc::new(plan));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(&to) else { continue };
                for (from, to, counted) in
                    [(near.try_clone().unwrap(), far.try_clone().unwrap(), up), (far, near, !up)]
                {
                    let plan = counted.then(|| Arc::clone(&plan));
                    std::thread::spawn(move || carry(from, to, plan.as_deref()));
                }
            }
        });
        Chopper { host, cuts }
    }
}

struct Plan {
    at: Vec<usize>,
    done: Mutex<usize>,
    cuts: Arc<AtomicUsize>,
}

fn carry(mut from: TcpStream, mut to: TcpStream, plan: Option<&Plan>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if let Some(plan) = plan {
            let mut done = plan.done.lock().unwrap();
            *done += n;
            let cuts = plan.cuts.load(Ordering::SeqCst);
            if plan.at.get(cuts).is_some_and(|at| *done >= *at) {
                plan.cuts.fetch_add(1, Ordering::SeqCst);
                break;
            }
        }
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
