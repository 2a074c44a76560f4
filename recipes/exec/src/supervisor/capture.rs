//! The program's output: kept in files up to a cap, its lines of progress passed on.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;

use crate::sandbox::{Limits, Log};

/// The longest line that is passed on as progress.
const LINE: usize = 64 << 10;

/// How long a stream may stay open after the last process of the run: somebody else has it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A stream to be captured.
pub(super) struct Stream {
    pub(super) from: OwnedFd,
    /// The file to copy it to.
    pub(super) to: PathBuf,
    /// The most bytes that are copied.
    pub(super) cap: u64,
    /// Whether lines that look like JSON objects are copied to standard output.
    pub(super) progress: bool,
}

/// A stream that is being captured.
pub(super) struct Capture {
    path: PathBuf,
    log: Receiver<io::Result<Log>>,
    flooded: Arc<AtomicBool>,
}

/// Starts to copy the streams, by one thread for all.
pub(super) fn start<const COUNT: usize>(streams: [Stream; COUNT]) -> [Capture; COUNT] {
    let mut open = Vec::new();
    let captures = streams.map(|stream| {
        let (done, log) = mpsc::channel();
        let flooded = Arc::new(AtomicBool::new(false));
        let capture = Capture { path: stream.to.clone(), log, flooded: Arc::clone(&flooded) };
        open.push((stream, flooded, done));
        capture
    });
    thread::spawn(move || {
        let open = open.into_iter().map(|(stream, flooded, done)| {
            let copy = Copy::new(&stream.to, stream.cap, stream.progress, flooded);
            (stream.from, copy, done)
        });
        copy(open.collect());
    });
    captures
}

type Open = (OwnedFd, Copy, Sender<io::Result<Log>>);

/// Copies until all streams are at their end.
fn copy(mut open: Vec<Open>) {
    let mut buffer = vec![0; 64 << 10];
    while !open.is_empty() {
        let mut ready: Vec<PollFd<'_>> =
            open.iter().map(|(from, ..)| PollFd::new(from.as_fd(), PollFlags::POLLIN)).collect();
        if poll(&mut ready, PollTimeout::NONE).is_err_and(|errno| errno != Errno::EINTR) {
            return;
        }
        let ready: Vec<bool> = ready.iter().map(|fd| fd.any().unwrap_or(true)).collect();
        let mut ready = ready.into_iter();
        let at_its_end = |(from, copy, _): &mut Open| {
            ready.next() == Some(true)
                && match read(&*from, &mut buffer) {
                    Ok(length) => {
                        copy.take(&buffer[..length]);
                        length == 0
                    }
                    Err(errno) => !matches!(errno, Errno::EINTR | Errno::EAGAIN),
                }
        };
        for (_, copy, done) in open.extract_if(.., at_its_end) {
            // Nobody listens when the supervisor lost its patience.
            done.send(copy.finish()).ok();
        }
    }
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

/// One stream's way into its file.
struct Copy {
    /// The stream is drained whatever happens to the file, or the program would hang.
    file: io::Result<File>,
    cap: u64,
    log: Log,
    lines: Option<Lines>,
    flooded: Arc<AtomicBool>,
}

impl Copy {
    fn new(path: &Path, cap: u64, progress: bool, flooded: Arc<AtomicBool>) -> Copy {
        let lines = progress.then(Lines::default);
        Copy { file: File::create(path), cap, log: Log::default(), lines, flooded }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.log.written += bytes.len() as u64;
        if self.log.written / Limits::FLOOD > self.cap {
            self.flooded.store(true, Ordering::Relaxed);
        }
        let room = usize::try_from(self.cap - self.log.kept).unwrap_or(usize::MAX);
        let kept = &bytes[..bytes.len().min(room)];
        if let Ok(file) = &mut self.file {
            match file.write_all(kept) {
                Ok(()) => self.log.kept += kept.len() as u64,
                Err(error) => self.file = Err(error),
            }
        }
        if let Some(lines) = &mut self.lines {
            lines.pass_on(kept);
        }
    }

    fn finish(self) -> io::Result<Log> {
        self.file.map(|_| self.log)
    }
}

/// Finds the lines in a stream that look like JSON objects.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    too_long: bool,
    /// When the second began in which so many bytes were passed on.
    second: Option<(Instant, usize)>,
}

/// The most bytes of progress in a second; who writes more is not read by anybody.
const READABLE: usize = 1 << 20;

impl Lines {
    /// Writes the lines that `bytes` complete to standard output. The builder reads it; if it is
    /// gone, the supervisor learns so elsewhere.
    fn pass_on(&mut self, bytes: &[u8]) {
        let mut out = Vec::new();
        self.take(bytes, &mut out);
        if !out.is_empty() && self.is_readable(out.len()) {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&out).and_then(|()| stdout.flush()).ok();
        }
    }

    fn is_readable(&mut self, bytes: usize) -> bool {
        let now = Instant::now();
        let (began, before) = self
            .second
            .filter(|(began, _)| now - *began < Duration::from_secs(1))
            .unwrap_or((now, 0));
        self.second = Some((began, before + bytes));
        before + bytes <= READABLE
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
    fn more_progress_than_anybody_reads_is_not_passed_on() {
        let mut lines = Lines::default();
        assert!(lines.is_readable(READABLE));
        assert!(!lines.is_readable(1));
        // Another second, another megabyte.
        lines.second = lines.second.map(|(began, bytes)| (began - Duration::from_secs(1), bytes));
        assert!(lines.is_readable(1));
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
    fn streams_end_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let ((one, mut to_one), (other, mut to_other)) = (io::pipe().unwrap(), io::pipe().unwrap());
        let stream = |from: io::PipeReader, name: &str| Stream {
            from: from.into(),
            to: dir.path().join(name),
            cap: 10,
            progress: false,
        };
        let [one, other] = start([stream(one, "one"), stream(other, "absent/other")]);
        to_other.write_all(b"no file for it").unwrap();
        drop(to_other);
        assert!(other.finish().unwrap_err().contains("absent/other"));
        to_one.write_all(b"goes on").unwrap();
        drop(to_one);
        assert_eq!(one.finish(), Ok(Log { written: 7, kept: 7 }));
        assert_eq!(fs::read(dir.path().join("one")).unwrap(), b"goes on");
    }

    #[test]
    fn the_file_is_capped_and_the_rest_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let flooded = Arc::new(AtomicBool::new(false));
        let mut copy = Copy::new(&path, 100, false, Arc::clone(&flooded));
        copy.take(&[7; 1000]);
        assert_eq!(copy.log, Log { written: 1000, kept: 100 });
        assert!(!flooded.load(Ordering::Relaxed));
        copy.take(&[7; 10_000]);
        assert!(flooded.load(Ordering::Relaxed));
        let log = copy.finish().unwrap();
        assert!(log.truncated());
        assert_eq!(fs::read(path).unwrap(), [7; 100]);
    }
}
