//! A function's log file: what the child prints, line by line, between the lines that Lambda adds.
//! It knows bytes and lines, nothing of processes.
//!
//! Each line is `<time> <environment> <line>`, since the environments of a function share a file;
//! those of one environment between START and END belong to one request.

use std::fs::File;
use std::io::{self, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};

/// Where a line is cut: CloudWatch Logs takes events of at most 1 MiB.
const LINE_LIMIT: usize = 1024 * 1024;

/// The way to add lines to an environment's log. Clones share it.
#[derive(Clone)]
pub(super) struct Log {
    marks: mpsc::Sender<Mark>,
}

struct Mark {
    lines: Vec<String>,
    written: oneshot::Sender<()>,
}

impl Log {
    /// Opens (and if need be makes) the file; the pipe is for the child's stdout and stderr, one
    /// for both so that their lines keep their order.
    pub(super) fn open(path: &Path, environment: &str) -> io::Result<(Log, PipeWriter)> {
        let file = File::options().create(true).append(true).open(path)?;
        let (read, write) = io::pipe()?;
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(read))?;
        let (marks, queue) = mpsc::channel(4);
        let writer = Writer {
            file,
            environment: environment.to_owned(),
            partial: Vec::new(),
        };
        tokio::spawn(pump(output, queue, writer));
        Ok((Log { marks }, write))
    }

    /// Adds lines of the host's own, after all that the child has printed by now.
    pub(super) async fn mark(&self, lines: Vec<String>) {
        let (written, done) = oneshot::channel();
        if self.marks.send(Mark { lines, written }).await.is_ok() {
            // No answer means that the log is gone; the invocation goes on without it.
            let _ = done.await;
        }
    }
}

/// Copies lines until the last `Log` is gone, and then what the child had still printed.
async fn pump(output: pipe::Receiver, mut marks: mpsc::Receiver<Mark>, mut writer: Writer) {
    let mut open = true;
    loop {
        tokio::select! {
            ready = output.readable(), if open => {
                open = ready.is_ok() && writer.drain(&output);
            }
            mark = marks.recv() => {
                if open {
                    open = writer.drain(&output);
                }
                let Some(mark) = mark else { break };
                writer.write(mark.lines.iter().map(String::as_bytes));
                let _ = mark.written.send(());
            }
        }
    }
    writer.finish();
}

struct Writer {
    file: File,
    environment: String,
    partial: Vec<u8>,
}

impl Writer {
    /// Takes what the pipe holds (at most 1 MiB, more than a pipe can hold at a time, so that one who
    /// prints without end does not starve the marks); false once the child's side is closed.
    fn drain(&mut self, output: &pipe::Receiver) -> bool {
        let mut buffer = [0; 8192];
        for _ in 0..128 {
            match output.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => self.take(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
        true
    }

    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let mut pending = std::mem::take(&mut self.partial);
        let whole = pending.iter().rposition(|byte| *byte == b'\n');
        if let Some(end) = whole {
            self.write(pending[..end].split(|byte| *byte == b'\n'));
            pending.drain(..=end);
        }
        if pending.len() >= LINE_LIMIT {
            self.write([pending.as_slice()]);
            pending.clear();
        }
        self.partial = pending;
    }

    /// One write for what has come together: the file is shared and opened to append, so lines stay
    /// whole. It goes to the page cache and is not synced: a log may lose its end to a power cut.
    fn write<'l>(&mut self, lines: impl IntoIterator<Item = &'l [u8]>) {
        let start = format!("{:.3} {} ", jiff::Timestamp::now(), self.environment);
        let mut whole = vec![];
        for line in lines {
            whole.extend_from_slice(start.as_bytes());
            whole.extend_from_slice(line);
            whole.push(b'\n');
        }
        if let Err(error) = self.file.write_all(&whole) {
            tracing::warn!(%error, "a function's log lines were lost");
        }
    }

    fn finish(&mut self) {
        if !self.partial.is_empty() {
            let last = std::mem::take(&mut self.partial);
            self.write([last.as_slice()]);
        }
    }
}
