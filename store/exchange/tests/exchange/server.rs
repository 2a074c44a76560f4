//! A server of the tests: real connections, answers as a test wants them.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rescience_exchange::{Http, Options};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a connection reads from and writes to.
trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// One request, with the connection that waits for the answer.
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, as they came.
    pub(crate) path: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    wire: BufReader<Box<dyn Wire>>,
    socket: TcpStream,
}

impl Request {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn length(&self) -> usize {
        self.header("content-length").parse().unwrap_or(0)
    }

    /// The next bytes of the body.
    pub(crate) fn read(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        self.wire.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The whole body.
    pub(crate) fn body(&mut self) -> Vec<u8> {
        self.read(self.length())
    }

    /// Answers, and ends the connection.
    pub(crate) fn answer(self, status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) {
        let size = body.as_ref().len();
        self.answer_part(status, headers, body, size);
    }

    /// Promises `size` bytes, sends these, and ends the connection.
    pub(crate) fn answer_part(
        mut self,
        status: u16,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
        size: usize,
    ) {
        let mut head = format!("HTTP/1.1 {status} _\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "content-length") {
            head.push_str(&format!("content-length: {size}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let wire = self.wire.get_mut();
        wire.write_all(head.as_bytes()).ok();
        if self.method != "HEAD" {
            wire.write_all(body.as_ref()).ok();
        }
        wire.flush().ok();
        // What is still coming is read, so that the answer is not lost to a reset.
        self.socket.shutdown(Shutdown::Write).ok();
        self.socket.set_read_timeout(Some(Duration::from_millis(300))).ok();
        io::copy(&mut self.wire, &mut io::sink()).ok();
    }

    /// Ends the connection without an answer.
    pub(crate) fn cut(self) {
        self.socket.shutdown(Shutdown::Both).ok();
    }

    /// Leaves the connection open, and does nothing for a while.
    pub(crate) fn hang(self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// A server on a port of its own, until the process ends.
pub(crate) struct Server {
    /// Its address, without a slash at its end.
    pub(crate) url: String,
    /// Host and port.
    pub(crate) host: String,
    log: Arc<Mutex<Receiver<String>>>,
}

impl Server {
    /// Every connection brings one request, which `handle` answers.
    pub(crate) fn start(handle: impl Fn(Request) + Send + Sync + 'static) -> Server {
        Server::listen("http", handle, |socket| Some(Box::new(socket)))
    }

    /// The same over TLS.
    pub(crate) fn secure(
        config: ServerConfig,
        handle: impl Fn(Request) + Send + Sync + 'static,
    ) -> Server {
        let config = Arc::new(config);
        Server::listen("https", handle, move |mut socket| {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            while connection.is_handshaking() {
                connection.complete_io(&mut socket).ok()?;
            }
            Some(Box::new(StreamOwned::new(connection, socket)))
        })
    }

    fn listen(
        scheme: &str,
        handle: impl Fn(Request) + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<Box<dyn Wire>> + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (tell, log) = channel();
        let (handle, wrap) = (Arc::new(handle), Arc::new(wrap));
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (handle, wrap, tell) = (Arc::clone(&handle), Arc::clone(&wrap), tell.clone());
                std::thread::spawn(move || {
                    if let Some(request) = read(socket, &*wrap, &tell) {
                        handle(request);
                    }
                });
            }
        });
        Server { url: format!("{scheme}://{host}"), host, log: Arc::new(Mutex::new(log)) }
    }

    /// The requests since the last look, as `METHOD PATH`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().try_iter().collect()
    }
}

fn read(
    socket: TcpStream,
    wrap: &dyn Fn(TcpStream) -> Option<Box<dyn Wire>>,
    tell: &Sender<String>,
) -> Option<Request> {
    let mut wire = BufReader::new(wrap(socket.try_clone().ok()?)?);
    let mut line = String::new();
    wire.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        wire.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    tell.send(format!("{method} {}", path.split('?').next()?)).ok();
    Some(Request { method, path, headers, wire, socket })
}

/// A client that loses patience within two seconds.
pub(crate) fn hasty() -> Http {
    Http::new(hasty_options()).unwrap()
}

pub(crate) fn hasty_options() -> Options {
    Options {
        stall: Duration::from_secs(2),
        tries: 4,
        wait: Duration::from_millis(10),
        longest_wait: Duration::from_secs(2),
        ..Options::default()
    }
}

/// Bytes that look random, and are the same every time.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..len).map(|_| next() as u8).collect()
}
