//! Large results in the results bucket, gzipped, and their presigned URLs.
//!
//! An object that no job's row points at is removed by the bucket's expiry.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::aws::clients;
use crate::domain::job::{Job, StoredResult};
use crate::domain::limits;

const JSON: &str = "application/json";

#[derive(Clone)]
pub struct Results {
    s3: Client,
    bucket: String,
    url_lifetime: Duration,
}

impl Results {
    /// The results in this bucket. Their URLs are valid for `url_lifetime`, at most 15 minutes ([`limits::RESULT_URL`]).
    pub fn new(sdk_config: &SdkConfig, bucket: String, url_lifetime: Duration) -> Self {
        let settings = Builder::from(sdk_config)
            .timeout_config(clients::slow_timeouts())
            .build();
        Self {
            s3: Client::from_conf(settings),
            bucket,
            url_lifetime: url_lifetime.min(limits::RESULT_URL),
        }
    }

    /// Stores a result (JSON) before the row that points at it. The key contains the fence, so a stale worker
    /// can't overwrite the object of another one's row.
    pub async fn put(&self, job: &Job, result: String) -> Result<StoredResult> {
        let key = format!("results/{}/{}-{}.json.gz", job.id, job.replays, job.fence);
        let bytes = result.len() as u64;
        // Up to seconds of work, which must not block this thread.
        let compressed = tokio::task::spawn_blocking(move || compress(result.as_bytes()));
        let (sha256, compressed) = compressed.await?.context("compressing a result")?;
        self.s3
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type(JSON)
            .content_encoding("gzip")
            .body(ByteStream::from(compressed))
            .send()
            .await
            .context("storing a large result")?;
        Ok(StoredResult {
            key,
            bytes,
            sha256,
            content_type: JSON.to_owned(),
            url: None,
        })
    }

    /// Adds a presigned URL to the result, without a call. The URL expires with this function's credentials at
    /// the latest.
    pub async fn with_url(&self, stored: StoredResult) -> Result<StoredResult> {
        let get = self.s3.get_object().bucket(&self.bucket).key(&stored.key);
        let presigned = get.presigned(PresigningConfig::expires_in(self.url_lifetime)?);
        let url = presigned.await.context("presigning a result")?;
        Ok(StoredResult {
            url: Some(url.uri().to_owned()),
            ..stored
        })
    }
}

/// The SHA-256 of the text, and the compressed text.
fn compress(text: &[u8]) -> io::Result<(String, Vec<u8>)> {
    let mut gzip = GzEncoder::new(vec![], Compression::default());
    gzip.write_all(text)?;
    Ok((format!("{:x}", Sha256::digest(text)), gzip.finish()?))
}
