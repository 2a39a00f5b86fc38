//! The store: one database connection, its transaction, and the queues by name.
//!
//! It is owned by one thread and reads no clock: `now` is always an argument, in milliseconds since the
//! Unix epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::error::SqsError;
use super::move_task::MoveTask;
use super::schema;
use super::settings::Settings;

/// How long opening waits for the file lock of a process that is ending.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// A queue's configuration.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    /// Changes with every purge, so that messages of the old id are no longer in the queue.
    pub(super) id: i64,
    /// As set, normalised, without defaults.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) settings: Settings,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created_at: i64,
    pub(super) modified_at: i64,
    pub(super) purged_at: Option<i64>,
}

/// The numbers of messages of a queue, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) ready: i64,
    pub(super) delayed: i64,
    pub(super) in_flight: i64,
}

/// The queues, their messages and the running move tasks.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) base_url: String,
    pub(super) queues: BTreeMap<String, Queue>,
    pub(super) move_tasks: Vec<MoveTask>,
    /// The ids of purged and deleted queues that still have rows.
    pub(super) detached_queues: Vec<i64>,
    /// Queues whose long polls must be retried.
    pub(super) changed_queues: BTreeSet<String>,
    /// Increases with every delivered message; orders the groups of the round robin.
    served_clock: i64,
}

impl Store {
    /// Opens or creates `sqs.sqlite` in `folder`.
    ///
    /// # Errors
    /// The file can't be opened, or another process has it open.
    pub(super) fn open(folder: &Path, base_url: String, now: i64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).context("creating the queue store's folder")?;
        let connection = Connection::open(folder.join("sqs.sqlite"))
            .context("opening the queue store sqs.sqlite")?;
        connection.busy_timeout(LOCK_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(96);
        // Otherwise SQLite recompiles a statement whenever a bound value changes, which takes longer
        // than the rest of a receive.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection
            .execute_batch(schema::PRAGMAS)
            .and_then(|()| connection.execute_batch(schema::TABLES))
            .context("preparing the queue store sqs.sqlite (does another process have it open?)")?;
        let mut store = Self {
            connection,
            base_url,
            queues: BTreeMap::new(),
            move_tasks: Vec::new(),
            detached_queues: Vec::new(),
            changed_queues: BTreeSet::new(),
            // Microseconds exceed any value that was used before.
            served_clock: now.saturating_mul(1000),
        };
        store.reload().context("reading the queue store")?;
        Ok(store)
    }

    /// Begins a transaction. If `is_synced`, it and all earlier ones survive a power failure once committed;
    /// else only a kill.
    pub(super) fn begin(&self, is_synced: bool) -> Result<(), SqsError> {
        let begin = match is_synced {
            true => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            false => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        };
        Ok(self.connection.execute_batch(begin)?)
    }

    /// Commits everything since [`Store::begin`].
    pub(super) fn commit(&self) -> Result<(), SqsError> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Rolls back everything since [`Store::begin`], also in memory.
    pub(super) fn roll_back(&mut self) -> Result<(), SqsError> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.reload()
    }

    /// Runs `operation` in a savepoint: an error rolls back its changes.
    pub(super) fn atomically<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T, SqsError>,
    ) -> Result<T, SqsError> {
        self.connection.execute_batch("SAVEPOINT operation")?;
        match operation(self) {
            Ok(output) => {
                self.connection.execute_batch("RELEASE operation")?;
                Ok(output)
            }
            // The engine rolls back the whole transaction; the savepoint may not exist any more.
            Err(error) if error.is_server_error() => Err(error),
            Err(error) => {
                self.connection
                    .execute_batch("ROLLBACK TO operation; RELEASE operation")?;
                self.reload()?;
                Err(error)
            }
        }
    }

    /// Loads the in-memory state from the tables.
    fn reload(&mut self) -> Result<(), SqsError> {
        self.queues.clear();
        self.detached_queues.clear();
        let mut statement = self.connection.prepare_cached(
            "SELECT id, name, attributes, tags, created_at, modified_at, purged_at FROM queues",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(name) = row.get::<_, Option<String>>(1)? else {
                self.detached_queues.push(row.get(0)?);
                continue;
            };
            let attributes = read_map(&row.get::<_, String>(2)?)?;
            let queue = Queue {
                id: row.get(0)?,
                settings: Settings::read(&attributes)?,
                attributes,
                tags: read_map(&row.get::<_, String>(3)?)?,
                created_at: row.get(4)?,
                modified_at: row.get(5)?,
                purged_at: row.get(6)?,
            };
            self.queues.insert(name, queue);
        }
        drop(rows);
        drop(statement);
        self.move_tasks = MoveTask::running(&self.connection)?;
        Ok(())
    }

    /// Executes one statement and returns the number of changed rows.
    pub(super) fn execute(&self, sql: &str, values: impl Params) -> Result<usize, SqsError> {
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
    }

    /// The queue with this name.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub(super) fn queue(&self, name: &str) -> Result<&Queue, SqsError> {
        self.queues
            .get(name)
            .ok_or_else(SqsError::queue_does_not_exist)
    }

    /// Stores a queue's configuration, also in memory. A queue with `id` 0 is new.
    pub(super) fn put_queue(&mut self, name: &str, mut queue: Queue) -> Result<(), SqsError> {
        let attributes = write_map(&queue.attributes);
        let tags = write_map(&queue.tags);
        if queue.id == 0 {
            self.execute(
                "INSERT INTO queues (name, attributes, tags, created_at, modified_at, purged_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    name,
                    attributes,
                    tags,
                    queue.created_at,
                    queue.modified_at,
                    queue.purged_at
                ],
            )?;
            queue.id = self.connection.last_insert_rowid();
            self.execute("INSERT INTO counts (queue) VALUES (?1)", [queue.id])?;
        } else {
            self.execute(
                "UPDATE queues SET attributes = ?2, tags = ?3, modified_at = ?4 WHERE id = ?1",
                params![queue.id, attributes, tags, queue.modified_at],
            )?;
        }
        // Long polls must see a new visibility timeout or redrive policy, or a recreated queue.
        self.changed_queues.insert(name.to_owned());
        self.queues.insert(name.to_owned(), queue);
        Ok(())
    }

    /// Removes the queue's name and returns its configuration; its messages are deleted later.
    pub(super) fn detach_queue(&mut self, name: &str) -> Result<Queue, SqsError> {
        let queue = self
            .queues
            .remove(name)
            .ok_or_else(SqsError::queue_does_not_exist)?;
        self.execute("UPDATE queues SET name = NULL WHERE id = ?1", [queue.id])?;
        self.detached_queues.push(queue.id);
        self.changed_queues.insert(name.to_owned());
        Ok(queue)
    }

    /// The number of messages of the queue with this id, by state.
    pub(super) fn counts(&self, queue: i64) -> Result<Counts, SqsError> {
        Ok(self
            .connection
            .prepare_cached("SELECT ready, delayed, in_flight FROM counts WHERE queue = ?1")?
            .query_row([queue], |row| {
                Ok(Counts {
                    ready: row.get(0)?,
                    delayed: row.get(1)?,
                    in_flight: row.get(2)?,
                })
            })?)
    }

    /// The id of a message group, which is created if it is new. A new group is served after all waiting
    /// groups, so that a stream of new groups does not starve them.
    pub(super) fn group(&mut self, queue: i64, name: &str) -> Result<i64, SqsError> {
        let known = self
            .connection
            .prepare_cached("SELECT id FROM groups WHERE queue = ?1 AND name = ?2")?
            .query_row(params![queue, name], |row| row.get(0))
            .optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
        let served_clock = self.next_served_tick();
        self.execute(
            "INSERT INTO groups (queue, name, served) VALUES (?1, ?2, ?3)",
            params![queue, name, served_clock],
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The next value of the round robin's clock.
    pub(super) fn next_served_tick(&mut self) -> i64 {
        self.served_clock += 1;
        self.served_clock
    }

    /// Marks the queue, so that its long polls are retried.
    pub(super) fn mark_changed(&mut self, queue: &str) {
        if !self.changed_queues.contains(queue) {
            self.changed_queues.insert(queue.to_owned());
        }
    }
}

fn read_map(json: &str) -> Result<BTreeMap<String, String>, SqsError> {
    serde_json::from_str(json)
        .map_err(|problem| SqsError::internal(format!("A queue's row is unreadable: {problem}")))
}

fn write_map(map: &BTreeMap<String, String>) -> String {
    serde_json::to_string(map).expect("a map of strings is always JSON")
}
