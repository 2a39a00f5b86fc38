//! Caches paid responses for some hours, as objects in the results bucket whose keys contain the period of the day.
//!
//! Errors are ignored: without the cache an answer costs more and stays the same.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use longhaul_shared::aws::clients;
use longhaul_shared::clock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// How long a response is used, at most. AWS updates its charges up to three times a day.
const PERIOD_HOURS: i64 = 6;

/// The cached responses of Cost Explorer.
pub(crate) struct ResponseCache {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl ResponseCache {
    pub(crate) async fn in_bucket(bucket: &str) -> Self {
        Self {
            client: aws_sdk_s3::Client::new(&clients::config().await),
            bucket: bucket.to_owned(),
        }
    }

    /// The response to this request, if it was cached in the current period.
    pub(crate) async fn get<T: DeserializeOwned>(&self, request: &str) -> Option<T> {
        let object = self.client.get_object().bucket(&self.bucket);
        let object = object
            .key(object_key(request, clock::now()))
            .send()
            .await
            .ok()?;
        let compressed = object.body.collect().await.ok()?.into_bytes();
        let mut text = Vec::new();
        GzDecoder::new(&compressed[..])
            .read_to_end(&mut text)
            .ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Caches a response. A failure is logged and ignored.
    pub(crate) async fn put(&self, request: &str, answer: &impl Serialize) {
        let Some(compressed) = compress(answer) else {
            return;
        };
        let object = self.client.put_object().bucket(&self.bucket);
        let object = object
            .key(object_key(request, clock::now()))
            .body(compressed.into());
        if let Err(error) = object.send().await {
            let error = error.into_service_error();
            tracing::warn!(%error, "a paid response could not be cached");
        }
    }
}

fn compress(answer: &impl Serialize) -> Option<Vec<u8>> {
    let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut compressed, answer).ok()?;
    compressed.flush().ok()?;
    compressed.finish().ok()
}

/// The current period, and a hash of the request.
fn object_key(request: &str, now: Timestamp) -> String {
    let period = now.as_second().div_euclid(PERIOD_HOURS * 3600);
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, request.as_bytes());
    format!("cost-explorer/{period}/{id}")
}
