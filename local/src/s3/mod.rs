//! Amazon S3 on one machine: buckets and objects on disk, spoken to in the service's own protocol.
//!
//! What was acknowledged survives `kill -9` and a power cut. This file is the list and the start. The
//! protocol (routes, XML, presigned signatures) is the `s3s` crate's; what operations do is ours. It
//! refuses to know versions, permissions, encryption and storage classes.
//!
//! A request enters by `door`, which settles who asks and from which page, and goes through `s3s` to
//! `operations`, which speak of it in `store`'s terms: rows in `index`, bytes in `blobs`.

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

use crate::plan;
use store::Store;
use time::now_ms;

pub use target::{S3Target, is_for_s3};

/// How often lifecycle rules are applied. They count days; AWS applies them once a day.
const LIFECYCLE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The buckets of one data folder. Cheap to clone.
#[derive(Clone)]
pub struct S3 {
    store: Store,
    service: S3Service,
}

impl S3 {
    /// Opens (or creates) the store in `folder`: `s3.sqlite`, and `blobs/` with a file for each object.
    ///
    /// # Errors
    /// When the folder cannot be written or what is in it cannot be read.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        let store = Store::open(folder).await?;
        let service = service::build(store.clone());
        Ok(Self { store, service })
    }

    /// Creates the template's buckets, or gives those that exist the template's rules. Objects stay,
    /// and so do buckets that are not named.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn provision(&self, buckets: &[plan::Bucket]) -> anyhow::Result<()> {
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

    /// Applies the lifecycle rules now and each hour, for as long as it is polled.
    pub async fn run_lifecycle(self) {
        let mut interval = tokio::time::interval(LIFECYCLE_INTERVAL);
        loop {
            interval.tick().await;
            if let Err(error) = self.store.expire_objects(now_ms()).await {
                tracing::warn!(%error, "objects that have expired stay for another hour");
            }
        }
    }

    /// Answers one request: with S3's own errors where it is refused, 500 where the store failed.
    pub async fn call(&self, request: Request<Body>) -> Response<Body> {
        service::handle(&self.store, &self.service, request).await
    }
}
