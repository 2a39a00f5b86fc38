//! Amazon S3 on disk. Acknowledged changes survive `kill -9` and a power failure.
//!
//! A request passes `service` (CORS, `request_auth`), the `s3s` crate (routes, XML, presigned signatures),
//! `operations` and `store`, which keeps rows in `index` and bytes in `blobs`. Versions, permissions,
//! encryption and storage classes are not supported.

mod blobs;
mod checksum;
mod chunked;
mod conditions;
mod conversions;
mod cors;
mod index;
mod listing;
mod multipart;
mod operations;
mod request_auth;
mod service;
mod store;
mod target;
mod time;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use http::{Request, Response};
use s3s::service::S3Service;

use crate::stack_spec;
use store::Store;
use time::now_ms;

pub use target::S3Target;

/// Interval at which lifecycle rules are applied. They count days; AWS applies them once a day.
const LIFECYCLE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The buckets of one data folder. Clones share them.
#[derive(Clone)]
pub struct S3 {
    store: Store,
    service: S3Service,
}

impl S3 {
    /// Opens or creates the store in `folder`: `s3.sqlite`, and `blobs/` with a file for each object. URLs that
    /// functions presign are verified with `function_secret`.
    ///
    /// # Errors
    /// The folder can't be written or its contents can't be read.
    pub async fn open(folder: &Path, function_secret: &str) -> anyhow::Result<Self> {
        let store = Store::open(folder).await?;
        let service = service::build(store.clone(), function_secret);
        Ok(Self { store, service })
    }

    /// Creates the template's buckets, and replaces the rules of existing ones. Objects and undeclared
    /// buckets are kept.
    ///
    /// # Errors
    /// The store fails.
    pub async fn provision(&self, buckets: &[stack_spec::Bucket]) -> anyhow::Result<()> {
        let buckets = buckets.to_vec();
        let create = move |rows: &index::IndexTransaction<'_>| {
            for bucket in &buckets {
                rows.put_bucket(bucket, now_ms())?;
            }
            Ok(())
        };
        let created = self.store.index.transaction(create).await;
        created.context("creating the template's buckets")
    }

    /// Applies the lifecycle rules now and every hour, until dropped.
    pub async fn run_lifecycle(self) {
        let mut interval = tokio::time::interval(LIFECYCLE_INTERVAL);
        loop {
            interval.tick().await;
            if let Err(error) = self.store.expire_objects(now_ms()).await {
                tracing::warn!(%error, "deleting expired objects failed; retrying in an hour");
            }
        }
    }

    /// Handles one request. Errors are S3 error responses; a failure of the store is a 500.
    pub async fn call(&self, request: Request<Body>) -> Response<Body> {
        service::handle(&self.store, &self.service, request).await
    }
}
