//! The program's output: kept in files up to a cap, its lines of progress passed on.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::sandbox::{Limits, Log};

/// The longest line that is passed on as progress.
const LINE: usize = 64 << 10;

/// How long a stream may stay open after the last process of the run: somebody else has it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A stream that is being captured by a thread of its own.
pub(super) struct Capture {
    path: PathBuf,
    log: Receiver<io::Result<Log>>,
    flooded: Arc<AtomicBool>,
}

/// Starts to copy `stream` to the file at `path`, at most `cap` bytes, and to copy lines that look
/// like JSON objects to standard output if `progress`.
pub(super) fn start(
    stream: impl Read + Send + 'static,
    path: &Path,
    cap: u64,
    progress: bool,
) -> Capture {
    let (done, log) = mpsc::channel();
    let to = path.to_path_buf();
    let flooded = Arc::new(AtomicBool::new(false));
    let flood = Arc::clone(&flooded);
    thread::spawn(move || {
        let copied = copy(stream, &to, cap, progress, &flood);
        // Nobody listens when the supervisor lost its patience.
        done.send(copied).ok();
    });
    Capture { path: path.to_path_buf(), log, flooded }
}

impl Capture {
    /// Whether the program writes as if it would never stop.
    pub(super) fn is_flooded(&self) -> bool {
        self.flooded.load(Ordering::Relaxed)
    }

    /// Waits for the end of the stream; to be called when no process of the run is left.
    pub(super) fn finish(self) -> Result<Log, String> {
        match self.log.recv_timeout(PATIENCE) {
            Ok(Ok(log)) => Ok(log),
            Ok(Err(error)) => Err(format!("{}: {error}", self.path.display())),
            Err(_) => {
                let kept = fs::metadata(&self.path).map_or(0, |file| file.len());
                Ok(Log { written: kept, kept })
            }
        }
    }
}

fn copy(
    mut stream: impl Read,
    path: &Path,
    cap: u64,
    progress: bool,
    flooded: &AtomicBool,
) -> io::Result<Log> {
    let mut file = File::create(path);
    let mut log = Log::default();
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 << 10];
    // The stream is drained whatever happens to the file, or the program would hang.
    let mut failed = None;
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        log.written += read as u64;
        if log.written / Limits::FLOOD > cap {
            flooded.store(true, Ordering::Relaxed);
        }
        let room = usize::try_from(cap - log.kept).unwrap_or(usize::MAX);
        let kept = &buffer[..read.min(room)];
        match &mut file {
            Ok(file) if failed.is_none() => match file.write_all(kept) {
                Ok(()) => log.kept += kept.len() as u64,
                Err(error) => failed = Some(error),
            },
            _ => {}
        }
        if progress {
            lines.pass_on(kept);
        }
    }
    file?;
    failed.map_or(Ok(log), Err)
}

/// Finds the lines in a stream that look like JSON objects.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Writes the lines that `bytes` complete to standard output. The builder reads it; if it is
    /// gone, the supervisor learns so elsewhere.
    fn pass_on(&mut self, bytes: &[u8]) {
        let mut out = Vec::new();
        self.take(bytes, &mut out);
        if !out.is_empty() {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&out).and_then(|()| stdout.flush()).ok();
        }
    }

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + part.len() > LINE {
                self.too_long = true;
                self.line.clear();
            } else if !self.too_long {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                let line = self.line.trim_ascii();
                if !self.too_long && line.starts_with(b"{") && line.ends_with(b"}") {
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
                self.line.clear();
                self.too_long = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(chunks: &[&[u8]]) -> String {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for chunk in chunks {
            lines.take(chunk, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_whole_lines_that_look_like_objects_are_passed_on() {
        assert_eq!(passed(&[b"hello\n{\"step\":1}\n[1]\n{half\n"]), "{\"step\":1}\n");
        assert_eq!(passed(&[b"{\"st", b"ep\":1", b"}\r\n{"]), "{\"step\":1}\n");
    }

    #[test]
    fn a_line_that_is_too_long_is_dropped_and_the_next_is_not() {
        let mut long = vec![b'{'; LINE + 1];
        long.push(b'\n');
        assert_eq!(passed(&[&long[..100], &long[100..], b"{}\n"]), "{}\n");
    }

    #[test]
    fn the_file_is_capped_and_the_rest_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let flooded = AtomicBool::new(false);
        let log = copy(&[7; 1000][..], &path, 100, false, &flooded).unwrap();
        assert_eq!(log, Log { written: 1000, kept: 100 });
        assert!(!flooded.load(Ordering::Relaxed));
        copy(&[7; 10_000][..], &path, 100, false, &flooded).unwrap();
        assert!(flooded.load(Ordering::Relaxed));
        assert!(log.truncated());
        assert_eq!(fs::read(path).unwrap(), [7; 100]);
    }
}
