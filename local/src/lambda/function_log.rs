//! A function's log file: the output of its processes, between the lines that Lambda adds.
//!
//! Each line is `<time> <environment> <line>`, because the environments of a function share a file. The lines
//! of one environment between START and END belong to one request.

use std::fs::File;
use std::io::{self, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};

/// Longer lines are split: CloudWatch Logs accepts events of at most 1 MiB.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Adds lines to an environment's log. Clones share it.
#[derive(Clone)]
pub(super) struct FunctionLog {
    path: PathBuf,
    environment: String,
    entries: mpsc::Sender<HostEntry>,
}

/// Lines that the host adds.
struct HostEntry {
    lines: Vec<String>,
    written: oneshot::Sender<()>,
}

impl FunctionLog {
    /// Opens or creates the file. The pipe is for the process's stdout and stderr: one for both, so that their
    /// lines keep their order.
    pub(super) fn open(path: &Path, environment: &str) -> io::Result<(FunctionLog, PipeWriter)> {
        let file = File::options().create(true).append(true).open(path)?;
        let (read, write) = io::pipe()?;
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(read))?;
        let (entries, queue) = mpsc::channel(4);
        let writer = LineWriter {
            file,
            environment: environment.to_owned(),
            partial_line: Vec::new(),
        };
        tokio::spawn(copy_output(output, queue, writer));
        let log = FunctionLog {
            path: path.to_owned(),
            environment: environment.to_owned(),
            entries,
        };
        Ok((log, write))
    }

    /// The last lines of this environment, except for blank ones.
    pub(super) fn last_lines(&self, count: usize) -> Vec<String> {
        let text = std::fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let own = text.lines().rev().filter_map(|line| {
            let (_, line) = line.split_once(' ')?;
            let line = line.strip_prefix(&self.environment)?.trim();
            (!line.is_empty()).then(|| line.to_owned())
        });
        let mut last: Vec<String> = own.take(count).collect();
        last.reverse();
        last
    }

    /// Adds lines of the host after everything that the process has printed so far.
    pub(super) async fn write_lines(&self, lines: Vec<String>) {
        let (written, done) = oneshot::channel();
        if self
            .entries
            .send(HostEntry { lines, written })
            .await
            .is_ok()
        {
            // An error means that the log's task has ended. The invocation continues without its log.
            let _ = done.await;
        }
    }
}

/// Copies lines until the last `FunctionLog` is dropped, then the remaining output of the process.
async fn copy_output(
    output: pipe::Receiver,
    mut entries: mpsc::Receiver<HostEntry>,
    mut writer: LineWriter,
) {
    let mut open = true;
    loop {
        tokio::select! {
            ready = output.readable(), if open => {
                open = ready.is_ok() && writer.drain(&output);
            }
            entry = entries.recv() => {
                if open {
                    open = writer.drain(&output);
                }
                if !open {
                    // The process has ended, so nothing completes its last line.
                    writer.finish();
                }
                let Some(entry) = entry else { break };
                writer.write(entry.lines.iter().map(String::as_bytes));
                let _ = entry.written.send(());
            }
        }
    }
    writer.finish();
}

struct LineWriter {
    file: File,
    environment: String,
    /// The bytes after the last line break.
    partial_line: Vec<u8>,
}

impl LineWriter {
    /// Reads the pipe's content; false once the process's end is closed. It reads at most 1 MiB, which is more
    /// than a pipe holds, so that a process that prints without end does not block the host's entries.
    fn drain(&mut self, output: &pipe::Receiver) -> bool {
        let mut buffer = [0; 8192];
        for _ in 0..128 {
            match output.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => self.append(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
        true
    }

    fn append(&mut self, bytes: &[u8]) {
        self.partial_line.extend_from_slice(bytes);
        let mut pending = std::mem::take(&mut self.partial_line);
        let last_line_end = pending.iter().rposition(|byte| *byte == b'\n');
        if let Some(end) = last_line_end {
            self.write(pending[..end].split(|byte| *byte == b'\n'));
            pending.drain(..=end);
        }
        if pending.len() >= MAX_LINE_BYTES {
            self.write([pending.as_slice()]);
            pending.clear();
        }
        self.partial_line = pending;
    }

    /// Writes all lines at once: the file is shared and opened in append mode, so the lines stay whole. The
    /// file is not synced; a power failure may lose the log's end.
    fn write<'l>(&mut self, lines: impl IntoIterator<Item = &'l [u8]>) {
        let prefix = format!("{:.3} {} ", jiff::Timestamp::now(), self.environment);
        let mut text = vec![];
        for line in lines {
            text.extend_from_slice(prefix.as_bytes());
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        if let Err(error) = self.file.write_all(&text) {
            tracing::warn!(%error, "cannot write a function's log lines");
        }
    }

    fn finish(&mut self) {
        if !self.partial_line.is_empty() {
            let last = std::mem::take(&mut self.partial_line);
            self.write([last.as_slice()]);
        }
    }
}
