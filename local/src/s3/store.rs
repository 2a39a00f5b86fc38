//! Buckets and objects on disk: what each operation does to rows and files, under its conditions.
//!
//! A file is whole and durable before the row that names it; a row's old file goes after the row.
//! It knows neither HTTP answers nor signatures.

use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::HeaderMap;
use s3s::dto::ETagCondition;
use s3s::{S3Result, StdError, s3_error};

use super::blobs::{Blobs, Draft};
use super::checksum::{Algorithm, Announced, Sum};
use super::chunked::Trailers;
use super::conditions::{Conditions, allow_deleting};
use super::index::{About, Index, Rows, Stored};
use super::time::now;
use crate::plan::{Bucket, CorsRule};

const DAY: i64 = 24 * 60 * 60 * 1_000;
/// What one listing of expired objects looks at together.
const SWEEP: usize = 1_000;

/// The buckets of one data folder. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) index: Index,
    pub(super) blobs: Blobs,
}

/// A request's body and what came with it.
pub(super) struct Upload<'r, B> {
    pub(super) body: B,
    /// `Content-Length`, of the body without its chunks' framing.
    pub(super) length: Option<i64>,
    pub(super) headers: &'r HeaderMap,
    pub(super) trailers: Option<&'r Trailers>,
}

impl Store {
    pub(super) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let index = Index::open(&folder.join("s3.sqlite")).context("opening S3's index")?;
        let named = index.change(|rows| rows.blobs()).await?;
        let blobs = Blobs::open(&folder.join("blobs"), &named).context("opening S3's files")?;
        Ok(Self { index, blobs })
    }

    /// The bucket, or the error that there is none.
    pub(super) async fn bucket(&self, name: &str) -> S3Result<Bucket> {
        let name = name.to_owned();
        self.index
            .change(move |rows| rows.existing_bucket(&name))
            .await
    }

    pub(super) async fn create_bucket(&self, name: String) -> S3Result<()> {
        let bucket = Bucket {
            name,
            ..Bucket::default()
        };
        let create = move |rows: &Rows<'_>| match rows.bucket(&bucket.name)? {
            // In us-east-1, whoever owns a bucket may create it again (S3 API reference).
            Some(_) => Ok(()),
            None => rows.put_bucket(&bucket, now()),
        };
        self.index.change(create).await
    }

    /// Gives the bucket these rules; none for no CORS.
    pub(super) async fn set_cors(&self, name: String, rules: Vec<CorsRule>) -> S3Result<()> {
        let set = move |rows: &Rows<'_>| {
            let bucket = Bucket {
                cors: rules,
                ..rows.existing_bucket(&name)?
            };
            rows.put_bucket(&bucket, now())
        };
        self.index.change(set).await
    }

    pub(super) async fn delete_bucket(&self, name: String) -> S3Result<()> {
        let delete = move |rows: &Rows<'_>| {
            rows.existing_bucket(&name)?;
            if !rows.page(&name, "", 1)?.is_empty() || !rows.uploads(&name)?.is_empty() {
                return Err(s3_error!(
                    BucketNotEmpty,
                    "The bucket you tried to delete is not empty"
                ));
            }
            rows.delete_bucket(&name)
        };
        self.index.change(delete).await
    }

    /// Writes a body to disk, held to the length and checksums that its sender announced.
    pub(super) async fn receive<B>(&self, upload: Upload<'_, B>) -> S3Result<(Draft, Sum)>
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
        let announced = Announced::read(upload.headers)?;
        let algorithm = announced.algorithm;
        let draft = self.blobs.write(upload.body, Some(length), algorithm);
        let draft = draft.await?;
        let md5 = upload.headers.get("content-md5");
        draft.check_md5(md5.and_then(|value| value.to_str().ok()))?;
        let trailer = |name: &str| upload.trailers.and_then(|trailers| trailers.get(name));
        let sum = announced.check(draft.sum.clone(), trailer)?;
        Ok((draft, sum))
    }

    /// Puts the draft in the key's place, if the conditions still hold then.
    pub(super) async fn put(
        &self,
        bucket: String,
        key: String,
        draft: Draft,
        etag: String,
        about: About,
        conditions: Conditions,
    ) -> S3Result<Stored> {
        let object = Stored {
            key,
            blob: draft.name().to_owned(),
            size: draft.size,
            etag,
            modified: now(),
            about,
        };
        let row = object.clone();
        let put = move |rows: &Rows<'_>| {
            rows.existing_bucket(&bucket)?;
            let old = rows.object(&bucket, &row.key)?;
            conditions.allow_writing(old.as_ref())?;
            rows.put_object(&bucket, &row)?;
            Ok(old.map(|old| old.blob))
        };
        self.keep(draft, put).await?;
        Ok(object)
    }

    /// Keeps the draft once `put` has written the row that names it, and removes the file that `put`
    /// says the row named before.
    pub(super) async fn keep(
        &self,
        draft: Draft,
        put: impl FnOnce(&Rows<'_>) -> S3Result<Option<String>> + Send + 'static,
    ) -> S3Result<()> {
        let old = self.index.change(put).await?;
        draft.keep();
        self.blobs.remove(old.into_iter().collect()).await;
        Ok(())
    }

    pub(super) async fn object(&self, bucket: &str, key: &str) -> S3Result<Stored> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let find = move |rows: &Rows<'_>| {
            rows.existing_bucket(&bucket)?;
            rows.object(&bucket, &key)?
                .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
        };
        self.index.change(find).await
    }

    /// Another object with the source's bytes and this description.
    pub(super) async fn copy(
        &self,
        source: &Stored,
        bucket: String,
        key: String,
        about: About,
        conditions: Conditions,
    ) -> S3Result<Stored> {
        self.bucket(&bucket).await?;
        let pieces = [(source.blob.clone(), 0..source.size)];
        let draft = self.rewrite(&pieces, about.sum.as_ref()).await?;
        let etag = draft.etag();
        let about = About {
            sum: about.sum.map(|sum| Sum {
                value: draft.sum.clone(),
                composite: false,
                ..sum
            }),
            parts: vec![],
            ..about
        };
        self.put(bucket, key, draft, etag, about, conditions).await
    }

    /// One file of these pieces of files, hashed by the algorithm of `sum`.
    pub(super) async fn rewrite(
        &self,
        pieces: &[(String, Range<u64>)],
        sum: Option<&Sum>,
    ) -> S3Result<Draft> {
        let algorithm = sum.map_or(Algorithm::Crc64Nvme, |sum| sum.algorithm);
        let mut bodies = Vec::with_capacity(pieces.len());
        for (name, range) in pieces {
            bodies.push(self.blobs.read(name, range.clone()).await?);
        }
        let body = stream::iter(bodies).flatten().map_err(StdError::from);
        self.blobs.write(Box::pin(body), None, algorithm).await
    }

    /// Deletes what is there of these keys, each under its condition, and tells the fate of each; S3
    /// says nothing of those that are not there.
    pub(super) async fn delete(
        &self,
        bucket: &str,
        keys: Vec<(String, Option<ETagCondition>)>,
    ) -> S3Result<Vec<S3Result<()>>> {
        let bucket = bucket.to_owned();
        let delete = move |rows: &Rows<'_>| {
            rows.existing_bucket(&bucket)?;
            let (mut fates, mut blobs) = (vec![], vec![]);
            for (key, condition) in &keys {
                let object = rows.object(&bucket, key)?;
                let allowed = allow_deleting(condition.as_ref(), object.as_ref());
                if let (Ok(()), Some(object)) = (&allowed, object) {
                    rows.delete_object(&bucket, key)?;
                    blobs.push(object.blob);
                }
                fates.push(allowed);
            }
            Ok((fates, blobs))
        };
        let (fates, blobs) = self.index.change(delete).await?;
        self.blobs.remove(blobs).await;
        Ok(fates)
    }

    /// Deletes what the buckets' lifecycle rules let expire by `now`, in milliseconds since the epoch.
    pub(super) async fn expire(&self, now: i64) -> S3Result<()> {
        for (name, _) in self.index.change(|rows| rows.buckets()).await? {
            let bucket = self.bucket(&name).await?;
            let mut after = String::new();
            while !bucket.expiry.is_empty() {
                let (of, from) = (name.clone(), after.clone());
                let page = self.index.change(move |rows| rows.page(&of, &from, SWEEP));
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

/// Expiry falls on the first midnight UTC after the rule's days (S3 user guide, "Lifecycle rules:
/// based on an object's age").
fn is_expired(bucket: &Bucket, object: &Stored, now: i64) -> bool {
    let mut rules = bucket.expiry.iter();
    rules.any(|rule| {
        let due = object.modified + i64::from(rule.days) * DAY;
        let midnight = due.div_euclid(DAY) * DAY + DAY;
        object.key.starts_with(&rule.prefix) && midnight <= now
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Expiry;

    #[test]
    fn an_object_expires_at_the_midnight_after_its_days() {
        let bucket = Bucket {
            expiry: vec![Expiry {
                prefix: "tmp/".into(),
                days: 1,
            }],
            ..Bucket::default()
        };
        let object = |key: &str| Stored {
            key: key.into(),
            blob: String::new(),
            size: 0,
            etag: String::new(),
            modified: DAY / 2,
            about: About::default(),
        };
        assert!(!is_expired(&bucket, &object("tmp/a"), 2 * DAY - 1));
        assert!(is_expired(&bucket, &object("tmp/a"), 2 * DAY));
        assert!(!is_expired(&bucket, &object("kept"), 9 * DAY));
    }
}
