//! The tables, and the triggers that maintain the counts. Times are milliseconds since the Unix epoch.
//!
//! A message is *ready* (0), *delayed* (1) or *in flight* (2). `due` is the time since which a ready message
//! waits, or at which a hidden one becomes visible. Bodies, up to a megabyte, are in a table of their own, so
//! that a change of state rewrites a row of about 80 bytes.
//!
//! `receive_count` is reported to receivers and continues in a dead-letter queue. `received_here` restarts
//! there; otherwise a dead-letter queue with a redrive policy of its own would never deliver.
//!
//! `counts` (by queue) and `groups` (by queue and message group) hold the numbers of messages by state.
//!
//! A purged or deleted queue is *detached*: its row loses its name, and its messages are deleted in chunks
//! later. So both operations take the same time for one message and for a million.

/// A message that can be received.
pub(super) const READY: i64 = 0;
/// A message whose delay has not ended.
pub(super) const DELAYED: i64 = 1;
/// A message that was received and is neither deleted nor visible again.
pub(super) const IN_FLIGHT: i64 = 2;

/// Set first on a new connection.
///
/// `synchronous` is set for each transaction. `EXCLUSIVE`, since a second process on the same folder would
/// deliver the same message twice. A negative cache size is in KiB.
pub(super) const PRAGMAS: &str = "
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA cache_size = -65536;
PRAGMA temp_store = MEMORY;
";

/// Creates what is missing.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    purged_at INTEGER
);
CREATE TABLE IF NOT EXISTS counts (
    queue INTEGER PRIMARY KEY,
    ready INTEGER NOT NULL DEFAULT 0,
    delayed INTEGER NOT NULL DEFAULT 0,
    in_flight INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS groups (
    id INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    name TEXT NOT NULL,
    served INTEGER NOT NULL,
    ready INTEGER NOT NULL DEFAULT 0,
    delayed INTEGER NOT NULL DEFAULT 0,
    in_flight INTEGER NOT NULL DEFAULT 0,
    UNIQUE (queue, name)
);
CREATE INDEX IF NOT EXISTS turns ON groups (queue, in_flight, served) WHERE ready > 0;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    grp INTEGER NOT NULL,
    state INTEGER NOT NULL,
    due INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    message_id BLOB NOT NULL,
    receipt INTEGER NOT NULL DEFAULT 0,
    receive_count INTEGER NOT NULL DEFAULT 0,
    received_here INTEGER NOT NULL DEFAULT 0,
    first_received_at INTEGER,
    received_at INTEGER NOT NULL DEFAULT 0,
    source TEXT
);
CREATE INDEX IF NOT EXISTS waiting ON messages (grp, due) WHERE state = 0;
CREATE INDEX IF NOT EXISTS hidden ON messages (queue, due) WHERE state > 0;
CREATE INDEX IF NOT EXISTS age ON messages (queue, sent_at);
CREATE TABLE IF NOT EXISTS contents (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    attributes TEXT,
    trace TEXT
);
CREATE TABLE IF NOT EXISTS moves (
    id INTEGER PRIMARY KEY,
    handle TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT,
    rate INTEGER,
    status TEXT NOT NULL,
    moved INTEGER NOT NULL DEFAULT 0,
    to_move INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    reason TEXT,
    cursor_sent_at INTEGER NOT NULL DEFAULT 0,
    cursor_id INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS moves_by_source ON moves (source, id);

CREATE TRIGGER IF NOT EXISTS message_came AFTER INSERT ON messages BEGIN
    UPDATE groups SET ready = ready + (new.state = 0), delayed = delayed + (new.state = 1),
        in_flight = in_flight + (new.state = 2) WHERE id = new.grp;
    UPDATE counts SET ready = ready + (new.state = 0), delayed = delayed + (new.state = 1),
        in_flight = in_flight + (new.state = 2) WHERE queue = new.queue;
END;
CREATE TRIGGER IF NOT EXISTS message_went AFTER DELETE ON messages BEGIN
    UPDATE groups SET ready = ready - (old.state = 0), delayed = delayed - (old.state = 1),
        in_flight = in_flight - (old.state = 2) WHERE id = old.grp;
    UPDATE counts SET ready = ready - (old.state = 0), delayed = delayed - (old.state = 1),
        in_flight = in_flight - (old.state = 2) WHERE queue = old.queue;
    DELETE FROM groups WHERE id = old.grp AND ready = 0 AND delayed = 0 AND in_flight = 0;
    DELETE FROM contents WHERE id = old.id;
END;
CREATE TRIGGER IF NOT EXISTS message_turned AFTER UPDATE OF state ON messages
WHEN old.grp = new.grp BEGIN
    UPDATE groups SET ready = ready + (new.state = 0) - (old.state = 0),
        delayed = delayed + (new.state = 1) - (old.state = 1),
        in_flight = in_flight + (new.state = 2) - (old.state = 2) WHERE id = new.grp;
    UPDATE counts SET ready = ready + (new.state = 0) - (old.state = 0),
        delayed = delayed + (new.state = 1) - (old.state = 1),
        in_flight = in_flight + (new.state = 2) - (old.state = 2) WHERE queue = new.queue;
END;
CREATE TRIGGER IF NOT EXISTS message_moved AFTER UPDATE OF state ON messages
WHEN old.grp <> new.grp BEGIN
    UPDATE groups SET ready = ready - (old.state = 0), delayed = delayed - (old.state = 1),
        in_flight = in_flight - (old.state = 2) WHERE id = old.grp;
    UPDATE counts SET ready = ready - (old.state = 0), delayed = delayed - (old.state = 1),
        in_flight = in_flight - (old.state = 2) WHERE queue = old.queue;
    UPDATE groups SET ready = ready + (new.state = 0), delayed = delayed + (new.state = 1),
        in_flight = in_flight + (new.state = 2) WHERE id = new.grp;
    UPDATE counts SET ready = ready + (new.state = 0), delayed = delayed + (new.state = 1),
        in_flight = in_flight + (new.state = 2) WHERE queue = new.queue;
    DELETE FROM groups WHERE id = old.grp AND ready = 0 AND delayed = 0 AND in_flight = 0;
END;
";
