//! The connections for which `$connect` was invoked and `$disconnect` was not, in a file.
//!
//! The next gateway on the folder ends them: API Gateway outlives its functions, and this gateway does not outlive its
//! process. A line is written before `$connect` and after `$disconnect`, so a crash at any time leaves none out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::peer::Peer;

/// Lines that are written before the file is replaced by one with only the open connections, beside four for each of
/// those.
const MAX_LINES: usize = 1_000;

/// The journal of one gateway. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct OpenJournal {
    /// `None` for a gateway that nothing is expected of after its end.
    state: Option<Arc<Mutex<JournalState>>>,
}

#[derive(Debug)]
struct JournalState {
    path: PathBuf,
    file: File,
    lines: usize,
    open: HashMap<String, Peer>,
    /// Those that an earlier gateway left open.
    earlier: Vec<Peer>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line<'a> {
    #[serde(borrow)]
    Opened(Cow<'a, Peer>),
    Closed(Cow<'a, str>),
}

impl OpenJournal {
    /// Opens or creates the journal in `folder`.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("open-connections");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).context("reading the open connections"),
        };
        let mut open = HashMap::new();
        // The last line may be cut off.
        for line in text.lines().flat_map(serde_json::from_str) {
            match line {
                Line::Opened(peer) => {
                    open.insert(peer.connection_id.clone(), peer.into_owned());
                }
                Line::Closed(id) => drop(open.remove(&*id)),
            }
        }
        let file = write_open(&path, &open).context("writing the open connections")?;
        let state = JournalState {
            path,
            file,
            lines: open.len(),
            earlier: open.values().cloned().collect(),
            open,
        };
        Ok(Self {
            state: Some(Arc::new(Mutex::new(state))),
        })
    }

    /// The connections that an earlier gateway left open, once.
    pub(super) fn take_earlier(&self) -> Vec<Peer> {
        let state = self.state.as_ref().map(lock);
        state.map_or(vec![], |mut state| std::mem::take(&mut state.earlier))
    }

    pub(super) fn opened(&self, peer: &Peer) {
        if let Some(mut state) = self.state.as_ref().map(lock) {
            state.open.insert(peer.connection_id.clone(), peer.clone());
            state.append(&Line::Opened(Cow::Borrowed(peer)));
        }
    }

    pub(super) fn closed(&self, peer: &Peer) {
        if let Some(mut state) = self.state.as_ref().map(lock) {
            state.open.remove(&peer.connection_id);
            state.append(&Line::Closed(peer.connection_id.as_str().into()));
        }
    }
}

impl JournalState {
    /// A line that can't be written costs one `$disconnect` after a crash.
    fn append(&mut self, line: &Line<'_>) {
        let written = if self.lines >= MAX_LINES + 4 * self.open.len() {
            self.lines = self.open.len();
            write_open(&self.path, &self.open).map(|file| self.file = file)
        } else {
            self.lines += 1;
            to_line(line).and_then(|line| self.file.write_all(&line))
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the journal of open connections can't be written");
        }
    }
}

/// Writes a new file and renames it, so that a crash leaves the old one or the new one.
fn write_open(path: &Path, open: &HashMap<String, Peer>) -> std::io::Result<File> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    let options = options.create(true).write(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    for peer in open.values() {
        file.write_all(&to_line(&Line::Opened(Cow::Borrowed(peer)))?)?;
    }
    std::fs::rename(&temporary, path)?;
    Ok(file)
}

fn to_line(line: &Line<'_>) -> std::io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The state is consistent between any two statements.
fn lock(state: &Arc<Mutex<JournalState>>) -> MutexGuard<'_, JournalState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: &str) -> Peer {
        Peer {
            connection_id: id.to_owned(),
            connected_at: jiff::Timestamp::UNIX_EPOCH,
            source_ip: "127.0.0.1".to_owned(),
            user_agent: None,
            authorizer: Some(serde_json::json!({"user": "alice"})),
        }
    }

    /// The ids that the next journal of the folder starts with.
    fn left_open(folder: &Path) -> Vec<String> {
        let peers = OpenJournal::open(folder).unwrap().take_earlier();
        let mut ids: Vec<String> = peers.into_iter().map(|peer| peer.connection_id).collect();
        ids.sort();
        ids
    }

    #[test]
    fn what_was_opened_and_not_closed_is_open_in_the_next_journal() {
        let folder = tempfile::tempdir().unwrap();
        let journal = OpenJournal::open(folder.path()).unwrap();
        for id in ["a", "b", "c"] {
            journal.opened(&peer(id));
        }
        journal.closed(&peer("b"));
        drop(journal);
        let mut file = OpenOptions::new();
        let mut file = file
            .append(true)
            .open(folder.path().join("open-connections"))
            .unwrap();
        file.write_all(br#"{"opened":{"conn"#).unwrap();
        assert_eq!(left_open(folder.path()), ["a", "c"]);
        let journal = OpenJournal::open(folder.path()).unwrap();
        let earlier = journal.take_earlier();
        assert_eq!(earlier[0].authorizer, peer("a").authorizer);
        journal.opened(&peer("d"));
        journal.closed(&peer("a"));
        assert!(journal.take_earlier().is_empty());
        assert_eq!(left_open(folder.path()), ["c", "d"]);
    }

    #[test]
    fn the_file_does_not_grow_with_the_connections_that_closed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = OpenJournal::open(folder.path()).unwrap();
        journal.opened(&peer("stays"));
        for _ in 0..10 * MAX_LINES {
            journal.opened(&peer("goes"));
            journal.closed(&peer("goes"));
        }
        let text = std::fs::read_to_string(folder.path().join("open-connections")).unwrap();
        assert!(text.lines().count() <= MAX_LINES + 8);
        assert_eq!(left_open(folder.path()), ["stays"]);
    }
}
