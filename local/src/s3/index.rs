//! The index: buckets, objects and uploads as rows in SQLite, so that an object's metadata and the name
//! of its file change atomically.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::checksum::StoredChecksum;
use crate::stack_spec::{Bucket, CorsRule, Expiry};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS buckets (
        name TEXT PRIMARY KEY, created INTEGER NOT NULL, cors TEXT NOT NULL, expiry TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS objects (
        bucket TEXT NOT NULL, key TEXT NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL,
        etag TEXT NOT NULL, modified INTEGER NOT NULL, about TEXT NOT NULL,
        PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS uploads (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, started INTEGER NOT NULL,
        about TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS parts (
        upload TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL,
        etag TEXT NOT NULL, modified INTEGER NOT NULL, sum TEXT NOT NULL,
        PRIMARY KEY (upload, number)
    ) WITHOUT ROWID;
";

/// The database. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Index {
    connection: Arc<Mutex<Connection>>,
}

/// An object's row.
#[derive(Debug, Clone)]
pub(super) struct ObjectRow {
    pub(super) key: String,
    /// The name of the file with its bytes.
    pub(super) blob: String,
    pub(super) size: u64,
    /// Without quotes.
    pub(super) etag: String,
    /// Milliseconds since the epoch.
    pub(super) modified: i64,
    pub(super) metadata: ObjectMetadata,
}

/// Metadata that an object's writer sets. Stored as JSON, with the serialized field names.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ObjectMetadata {
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    #[serde(rename = "metadata")]
    pub(super) user_metadata: BTreeMap<String, String>,
    #[serde(rename = "sum")]
    pub(super) checksum: Option<StoredChecksum>,
    /// The sizes of its parts in bytes; empty for an object written by one request.
    #[serde(rename = "parts", default)]
    pub(super) part_sizes: Vec<u64>,
}

/// The row of an open multipart upload.
#[derive(Debug, Clone)]
pub(super) struct UploadRow {
    pub(super) id: String,
    pub(super) bucket: String,
    pub(super) key: String,
    /// Milliseconds since the epoch.
    pub(super) started: i64,
    /// Its `checksum` has the requested algorithm and an empty value.
    pub(super) metadata: ObjectMetadata,
}

/// The row of a part of a multipart upload.
#[derive(Debug, Clone)]
pub(super) struct PartRow {
    pub(super) number: i32,
    pub(super) blob: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified: i64,
    pub(super) checksum: StoredChecksum,
}

impl Index {
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Runs `work` in one transaction, durable when this returns. An error rolls it back.
    pub(super) async fn transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&IndexTransaction<'_>) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let connection = self.connection.clone();
        let run = move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let rows = IndexTransaction(connection.transaction().map_err(S3Error::internal_error)?);
            let outcome = work(&rows)?;
            rows.0.commit().map_err(S3Error::internal_error)?;
            Ok(outcome)
        };
        let done = tokio::task::spawn_blocking(run).await;
        done.map_err(S3Error::internal_error)?
    }
}

/// A transaction over the index.
pub(super) struct IndexTransaction<'c>(Transaction<'c>);

impl IndexTransaction<'_> {
    pub(super) fn bucket(&self, name: &str) -> S3Result<Option<Bucket>> {
        let rules = self.0.query_row(
            "SELECT cors, expiry FROM buckets WHERE name = ?1",
            [name],
            |row| {
                Ok((
                    json_column::<Vec<CorsRule>>(row, 0)?,
                    json_column::<Vec<Expiry>>(row, 1)?,
                ))
            },
        );
        let rules = rules.optional().map_err(S3Error::internal_error)?;
        Ok(rules.map(|(cors, expiry)| Bucket {
            name: name.to_owned(),
            cors,
            expiry,
        }))
    }

    /// The bucket.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub(super) fn existing_bucket(&self, name: &str) -> S3Result<Bucket> {
        self.bucket(name)?
            .ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    /// The buckets' names and creation times, in milliseconds since the epoch.
    pub(super) fn buckets(&self) -> S3Result<Vec<(String, i64)>> {
        self.query_all(
            "SELECT name, created FROM buckets ORDER BY name",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// Creates the bucket, or replaces its rules if it exists.
    pub(super) fn put_bucket(&self, bucket: &Bucket, now: i64) -> S3Result<()> {
        self.execute(
            "INSERT INTO buckets VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET cors = excluded.cors, expiry = excluded.expiry",
            params![
                bucket.name,
                now,
                to_json(&bucket.cors)?,
                to_json(&bucket.expiry)?
            ],
        )
    }

    pub(super) fn delete_bucket(&self, name: &str) -> S3Result<()> {
        self.execute("DELETE FROM buckets WHERE name = ?1", [name])
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<Option<ObjectRow>> {
        let found = self.0.query_row(
            "SELECT key, blob, size, etag, modified, about FROM objects
             WHERE bucket = ?1 AND key = ?2",
            [bucket, key],
            read_object,
        );
        found.optional().map_err(S3Error::internal_error)
    }

    /// Up to `limit` objects with keys above `after`, ordered by the bytes of their keys.
    pub(super) fn list_objects(
        &self,
        bucket: &str,
        after: &str,
        limit: usize,
    ) -> S3Result<Vec<ObjectRow>> {
        self.query_all(
            "SELECT key, blob, size, etag, modified, about FROM objects
             WHERE bucket = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
            params![bucket, after, limit as i64],
            read_object,
        )
    }

    pub(super) fn put_object(&self, bucket: &str, object: &ObjectRow) -> S3Result<()> {
        self.execute(
            "INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                bucket,
                object.key,
                object.blob,
                object.size as i64,
                object.etag,
                object.modified,
                to_json(&object.metadata)?
            ],
        )
    }

    pub(super) fn delete_object(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.execute(
            "DELETE FROM objects WHERE bucket = ?1 AND key = ?2",
            [bucket, key],
        )
    }

    pub(super) fn uploads(&self, bucket: &str) -> S3Result<Vec<UploadRow>> {
        self.query_all(
            "SELECT id, bucket, key, started, about FROM uploads WHERE bucket = ?1 ORDER BY key, started",
            [bucket],
            |row| {
                Ok(UploadRow {
                    id: row.get(0)?,
                    bucket: row.get(1)?,
                    key: row.get(2)?,
                    started: row.get(3)?,
                    metadata: json_column(row, 4)?,
                })
            },
        )
    }

    pub(super) fn put_upload(&self, upload: &UploadRow) -> S3Result<()> {
        self.execute(
            "INSERT INTO uploads VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                upload.id,
                upload.bucket,
                upload.key,
                upload.started,
                to_json(&upload.metadata)?
            ],
        )
    }

    pub(super) fn delete_upload(&self, id: &str) -> S3Result<()> {
        self.execute("DELETE FROM parts WHERE upload = ?1", [id])?;
        self.execute("DELETE FROM uploads WHERE id = ?1", [id])
    }

    /// The upload's parts, ordered by number.
    pub(super) fn parts(&self, upload: &str) -> S3Result<Vec<PartRow>> {
        self.query_all(
            "SELECT number, blob, size, etag, modified, sum FROM parts
             WHERE upload = ?1 ORDER BY number",
            [upload],
            |row| {
                Ok(PartRow {
                    number: row.get(0)?,
                    blob: row.get(1)?,
                    size: row.get::<_, i64>(2)?.unsigned_abs(),
                    etag: row.get(3)?,
                    modified: row.get(4)?,
                    checksum: json_column(row, 5)?,
                })
            },
        )
    }

    pub(super) fn put_part(&self, upload: &str, part: &PartRow) -> S3Result<()> {
        self.execute(
            "INSERT OR REPLACE INTO parts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                upload,
                part.number,
                part.blob,
                part.size as i64,
                part.etag,
                part.modified,
                to_json(&part.checksum)?
            ],
        )
    }

    /// The names of all referenced files.
    pub(super) fn blob_names(&self) -> S3Result<Vec<String>> {
        self.query_all(
            "SELECT blob FROM objects UNION SELECT blob FROM parts",
            [],
            |row| row.get(0),
        )
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> S3Result<()> {
        let mut statement = self
            .0
            .prepare_cached(sql)
            .map_err(S3Error::internal_error)?;
        statement.execute(values).map_err(S3Error::internal_error)?;
        Ok(())
    }

    fn query_all<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> S3Result<Vec<T>> {
        let mut statement = self
            .0
            .prepare_cached(sql)
            .map_err(S3Error::internal_error)?;
        let rows = statement.query_map(values, read);
        let rows = rows.map_err(S3Error::internal_error)?;
        rows.collect::<rusqlite::Result<_>>()
            .map_err(S3Error::internal_error)
    }
}

fn read_object(row: &Row<'_>) -> rusqlite::Result<ObjectRow> {
    Ok(ObjectRow {
        key: row.get(0)?,
        blob: row.get(1)?,
        size: row.get::<_, i64>(2)?.unsigned_abs(),
        etag: row.get(3)?,
        modified: row.get(4)?,
        metadata: json_column(row, 5)?,
    })
}

fn to_json(value: &impl Serialize) -> S3Result<String> {
    serde_json::to_string(value).map_err(S3Error::internal_error)
}

fn json_column<T: for<'t> Deserialize<'t>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use super::super::checksum::Algorithm;
    use super::*;

    #[test]
    fn stored_metadata_has_the_json_names_of_existing_rows() {
        let metadata = ObjectMetadata {
            user_metadata: BTreeMap::from([("a".to_owned(), "1".to_owned())]),
            checksum: Some(StoredChecksum {
                algorithm: Algorithm::Crc32,
                value: "y/Q5Jg==".to_owned(),
                composite: false,
            }),
            part_sizes: vec![7],
            ..ObjectMetadata::default()
        };
        let row = r#"{"content_type":null,"cache_control":null,"content_disposition":null,"content_encoding":null,"content_language":null,"metadata":{"a":"1"},"sum":{"algorithm":"Crc32","value":"y/Q5Jg==","composite":false},"parts":[7]}"#;
        assert_eq!(to_json(&metadata).unwrap(), row);
    }
}
