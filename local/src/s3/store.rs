//! Buckets and objects: changes rows and files together.
//!
//! A file is complete and durable before a row references it; a replaced file is deleted after the row
//! has changed.

use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::HeaderMap;
use s3s::dto::ETagCondition;
use s3s::{S3Result, StdError, s3_error};

use super::blobs::{BlobStore, UncommittedBlob};
use super::checksum::{Algorithm, DeclaredChecksum, StoredChecksum};
use super::chunked::Trailers;
use super::conditions::{Conditions, check_delete};
use super::index::{Index, IndexTransaction, ObjectMetadata, ObjectRow};
use super::time::now_ms;
use crate::stack_spec::{Bucket, CorsRule};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Objects that one transaction of the expiry checks.
const EXPIRY_PAGE: usize = 1_000;

/// The buckets of one data folder. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) index: Index,
    pub(super) blobs: BlobStore,
}

/// A request's body with its headers and trailers.
pub(super) struct BodyUpload<'r, B> {
    pub(super) body: B,
    /// `Content-Length` of the body without `aws-chunked` framing.
    pub(super) length: Option<i64>,
    pub(super) headers: &'r HeaderMap,
    pub(super) trailers: Option<&'r Trailers>,
}

impl Store {
    pub(super) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let index = Index::open(&folder.join("s3.sqlite")).context("opening S3's index")?;
        let named = index.transaction(|rows| rows.blob_names()).await?;
        let blobs = BlobStore::open(&folder.join("blobs"), &named).context("opening S3's files")?;
        Ok(Self { index, blobs })
    }

    /// The bucket, or `NoSuchBucket`.
    pub(super) async fn bucket(&self, name: &str) -> S3Result<Bucket> {
        let name = name.to_owned();
        self.index
            .transaction(move |rows| rows.existing_bucket(&name))
            .await
    }

    pub(super) async fn create_bucket(&self, name: String) -> S3Result<()> {
        let bucket = Bucket {
            name,
            ..Bucket::default()
        };
        let create = move |rows: &IndexTransaction<'_>| match rows.bucket(&bucket.name)? {
            // In us-east-1, the owner of a bucket may create it again (S3 API reference).
            Some(_) => Ok(()),
            None => rows.put_bucket(&bucket, now_ms()),
        };
        self.index.transaction(create).await
    }

    /// Replaces the bucket's CORS rules; an empty list disables CORS.
    pub(super) async fn set_cors(&self, name: String, rules: Vec<CorsRule>) -> S3Result<()> {
        let set = move |rows: &IndexTransaction<'_>| {
            let bucket = Bucket {
                cors: rules,
                ..rows.existing_bucket(&name)?
            };
            rows.put_bucket(&bucket, now_ms())
        };
        self.index.transaction(set).await
    }

    pub(super) async fn delete_bucket(&self, name: String) -> S3Result<()> {
        let delete = move |rows: &IndexTransaction<'_>| {
            rows.existing_bucket(&name)?;
            if !rows.list_objects(&name, "", 1)?.is_empty() || !rows.uploads(&name)?.is_empty() {
                return Err(s3_error!(
                    BucketNotEmpty,
                    "The bucket you tried to delete is not empty"
                ));
            }
            rows.delete_bucket(&name)
        };
        self.index.transaction(delete).await
    }

    /// Writes a body to disk and verifies its declared length and checksums.
    pub(super) async fn write_body<B>(
        &self,
        upload: BodyUpload<'_, B>,
    ) -> S3Result<(UncommittedBlob, StoredChecksum)>
    where
        B: Stream<Item = Result<Bytes, StdError>> + Unpin,
    {
        let missing = || {
            s3_error!(
                MissingContentLength,
                "You must provide the Content-Length HTTP header."
            )
        };
        let length = upload.length.ok_or_else(missing)?.unsigned_abs();
        let declared = DeclaredChecksum::from_headers(upload.headers)?;
        let algorithm = declared.algorithm;
        let blob = self.blobs.write(upload.body, Some(length), algorithm);
        let blob = blob.await?;
        let md5 = upload.headers.get("content-md5");
        blob.check_md5(md5.and_then(|value| value.to_str().ok()))?;
        let trailer = |name: &str| upload.trailers.and_then(|trailers| trailers.get(name));
        let checksum = declared.verify(blob.checksum.clone(), trailer)?;
        Ok((blob, checksum))
    }

    /// Stores the blob under the key, if the conditions hold in the same transaction.
    pub(super) async fn put_object(
        &self,
        bucket: String,
        key: String,
        blob: UncommittedBlob,
        etag: String,
        metadata: ObjectMetadata,
        conditions: Conditions,
    ) -> S3Result<ObjectRow> {
        let object = ObjectRow {
            key,
            blob: blob.name().to_owned(),
            size: blob.size,
            etag,
            modified: now_ms(),
            metadata,
        };
        let row = object.clone();
        let put = move |rows: &IndexTransaction<'_>| {
            rows.existing_bucket(&bucket)?;
            let old = rows.object(&bucket, &row.key)?;
            conditions.check_write(old.as_ref())?;
            rows.put_object(&bucket, &row)?;
            Ok(old.map(|old| old.blob))
        };
        self.commit_blob(blob, put).await?;
        Ok(object)
    }

    /// Runs `put`, which writes the row that references the blob and returns the name of the replaced
    /// file; then commits the blob and deletes the replaced file.
    pub(super) async fn commit_blob(
        &self,
        blob: UncommittedBlob,
        put: impl FnOnce(&IndexTransaction<'_>) -> S3Result<Option<String>> + Send + 'static,
    ) -> S3Result<()> {
        let old = self.index.transaction(put).await?;
        blob.commit();
        self.blobs.remove(old.into_iter().collect()).await;
        Ok(())
    }

    pub(super) async fn object(&self, bucket: &str, key: &str) -> S3Result<ObjectRow> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let find = move |rows: &IndexTransaction<'_>| {
            rows.existing_bucket(&bucket)?;
            rows.object(&bucket, &key)?
                .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
        };
        self.index.transaction(find).await
    }

    /// Stores a copy of the source's bytes with this metadata.
    pub(super) async fn copy(
        &self,
        source: &ObjectRow,
        bucket: String,
        key: String,
        metadata: ObjectMetadata,
        conditions: Conditions,
    ) -> S3Result<ObjectRow> {
        self.bucket(&bucket).await?;
        let pieces = [(source.blob.clone(), 0..source.size)];
        let blob = self
            .concatenate(&pieces, metadata.checksum.as_ref())
            .await?;
        let etag = blob.etag();
        let metadata = ObjectMetadata {
            checksum: metadata.checksum.map(|checksum| StoredChecksum {
                value: blob.checksum.clone(),
                composite: false,
                ..checksum
            }),
            part_sizes: vec![],
            ..metadata
        };
        self.put_object(bucket, key, blob, etag, metadata, conditions)
            .await
    }

    /// A new file with these ranges of files one after the other, hashed with the algorithm of `checksum`.
    pub(super) async fn concatenate(
        &self,
        pieces: &[(String, Range<u64>)],
        checksum: Option<&StoredChecksum>,
    ) -> S3Result<UncommittedBlob> {
        let algorithm = checksum.map_or(Algorithm::Crc64Nvme, |checksum| checksum.algorithm);
        let mut bodies = Vec::with_capacity(pieces.len());
        for (name, range) in pieces {
            bodies.push(self.blobs.read(name, range.clone()).await?);
        }
        let body = stream::iter(bodies).flatten().map_err(StdError::from);
        self.blobs.write(Box::pin(body), None, algorithm).await
    }

    /// Deletes these keys, each under its condition, and returns the result of each. A missing key is
    /// a success, as in S3.
    pub(super) async fn delete(
        &self,
        bucket: &str,
        keys: Vec<(String, Option<ETagCondition>)>,
    ) -> S3Result<Vec<S3Result<()>>> {
        let bucket = bucket.to_owned();
        let delete = move |rows: &IndexTransaction<'_>| {
            rows.existing_bucket(&bucket)?;
            let (mut outcomes, mut blobs) = (vec![], vec![]);
            for (key, condition) in &keys {
                let object = rows.object(&bucket, key)?;
                let allowed = check_delete(condition.as_ref(), object.as_ref());
                if let (Ok(()), Some(object)) = (&allowed, object) {
                    rows.delete_object(&bucket, key)?;
                    blobs.push(object.blob);
                }
                outcomes.push(allowed);
            }
            Ok((outcomes, blobs))
        };
        let (outcomes, blobs) = self.index.transaction(delete).await?;
        self.blobs.remove(blobs).await;
        Ok(outcomes)
    }

    /// Deletes objects that the lifecycle rules expire by `now`, in milliseconds since the epoch.
    pub(super) async fn expire_objects(&self, now: i64) -> S3Result<()> {
        for (name, _) in self.index.transaction(|rows| rows.buckets()).await? {
            let bucket = self.bucket(&name).await?;
            let mut after = String::new();
            while !bucket.expiry.is_empty() {
                let (of, from) = (name.clone(), after.clone());
                let page = self
                    .index
                    .transaction(move |rows| rows.list_objects(&of, &from, EXPIRY_PAGE));
                let page = page.await?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.key);
                let expired = page
                    .iter()
                    .filter(|object| is_expired(&bucket, object, now));
                let keys = expired.map(|object| (object.key.clone(), None)).collect();
                self.delete(&name, keys).await?;
            }
        }
        Ok(())
    }
}

/// An object expires at the first midnight UTC after the rule's days (S3 user guide, "Lifecycle rules:
/// based on an object's age").
fn is_expired(bucket: &Bucket, object: &ObjectRow, now: i64) -> bool {
    let mut rules = bucket.expiry.iter();
    rules.any(|rule| {
        let due = object.modified + i64::from(rule.days) * DAY_MS;
        let midnight = due.div_euclid(DAY_MS) * DAY_MS + DAY_MS;
        object.key.starts_with(&rule.prefix) && midnight <= now
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack_spec::Expiry;

    #[test]
    fn an_object_expires_at_the_midnight_after_its_days() {
        let bucket = Bucket {
            expiry: vec![Expiry {
                prefix: "tmp/".into(),
                days: 1,
            }],
            ..Bucket::default()
        };
        let object = |key: &str| ObjectRow {
            key: key.into(),
            blob: String::new(),
            size: 0,
            etag: String::new(),
            modified: DAY_MS / 2,
            metadata: ObjectMetadata::default(),
        };
        assert!(!is_expired(&bucket, &object("tmp/a"), 2 * DAY_MS - 1));
        assert!(is_expired(&bucket, &object("tmp/a"), 2 * DAY_MS));
        assert!(!is_expired(&bucket, &object("kept"), 9 * DAY_MS));
    }
}
