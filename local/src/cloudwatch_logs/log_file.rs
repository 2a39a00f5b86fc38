//! A function's log file as CloudWatch's events: each line is an event, and each execution environment is a stream.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogEvent {
    /// The first bytes of the execution environment's id.
    pub(super) environment: String,
    pub(super) at: Timestamp,
    pub(super) message: String,
    /// Where the line ends in the file, in bytes.
    pub(super) end: u64,
}

/// The complete lines of a log file from a byte offset on.
pub(super) struct LogReader {
    file: Option<BufReader<File>>,
    position: u64,
}

impl LogReader {
    /// A file that does not exist is empty: its function has not run yet.
    pub(super) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        let file = match File::open(path) {
            Ok(mut file) => {
                file.seek(SeekFrom::Start(offset))?;
                Some(BufReader::new(file))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            file,
            position: offset,
        })
    }

    /// The next event; `None` at the end, and before a line that is still written.
    pub(super) fn next(&mut self) -> io::Result<Option<LogEvent>> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        loop {
            let mut line = vec![];
            file.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                return Ok(None);
            }
            self.position += line.len() as u64;
            if let Some(event) = parse(&String::from_utf8_lossy(&line), self.position) {
                return Ok(Some(event));
            }
        }
    }
}

/// Parses `<time> <environment> <message>`.
fn parse(line: &str, end: u64) -> Option<LogEvent> {
    let mut parts = line.splitn(3, ' ');
    let (at, environment, message) = (parts.next()?, parts.next()?, parts.next()?);
    Some(LogEvent {
        environment: environment.to_owned(),
        at: at.parse().ok()?,
        message: message.to_owned(),
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_events_and_an_offset_continues() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        assert_eq!(LogReader::open(&path, 0).unwrap().next().unwrap(), None);
        let text = "2026-01-02T03:04:05.006Z 0a1b one two\nno event\n2026-01-02T03:04:05.007Z 0a1b \n2026-01-02T03";
        std::fs::write(&path, text).unwrap();
        let mut log = LogReader::open(&path, 0).unwrap();
        let first = log.next().unwrap().unwrap();
        assert_eq!(
            (first.environment.as_str(), first.message.as_str()),
            ("0a1b", "one two\n")
        );
        assert_eq!(first.at.as_millisecond() % 1000, 6);
        let second = log.next().unwrap().unwrap();
        assert_eq!(second.message, "\n");
        assert_eq!(log.next().unwrap(), None, "the last line is incomplete");
        let mut rest = LogReader::open(&path, first.end).unwrap();
        assert_eq!(rest.next().unwrap(), Some(second));
    }
}
