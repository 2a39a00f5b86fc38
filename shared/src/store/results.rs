//! The results bucket: results that are too large for a frame, gzipped, and the URLs to fetch them from.
//!
//! An object counts because a job's row points at it; others are left to the bucket's expiry. Who may be
//! given a URL is not known here.

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
use crate::settings::{Environment, SettingsError};

const JSON: &str = "application/json";

#[derive(Clone)]
pub struct Results {
    s3: Client,
    bucket: String,
    url_life: Duration,
}

impl Results {
    /// The bucket that `RESULTS_BUCKET` names. URLs are good for `RESULT_URL_SECONDS`, and for no longer
    /// than PROTOCOL says.
    pub fn open(config: &Environment, sdk_config: &SdkConfig) -> Result<Self, SettingsError> {
        let settings = Builder::from(sdk_config)
            .timeout_config(clients::slow_timeouts())
            .build();
        Ok(Self {
            s3: Client::from_conf(settings),
            bucket: config.required("RESULTS_BUCKET")?.to_owned(),
            url_life: config
                .seconds("RESULT_URL_SECONDS")?
                .min(limits::RESULT_URL),
        })
    }

    /// Keeps a result (JSON), before the row that points at it. The key carries the fence, so that a
    /// superseded worker can't touch what another one's row points at.
    pub async fn put(&self, job: &Job, result: String) -> Result<StoredResult> {
        let key = format!("results/{}/{}-{}.json.gz", job.id, job.replays, job.fence);
        let bytes = result.len() as u64;
        // Seconds of work at worst, during which this thread may be needed.
        let packed = tokio::task::spawn_blocking(move || pack(result.as_bytes()));
        let (sha256, packed) = packed.await?.context("compressing a result")?;
        self.s3
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type(JSON)
            .content_encoding("gzip")
            .body(ByteStream::from(packed))
            .send()
            .await
            .context("keeping a large result")?;
        Ok(StoredResult {
            key,
            bytes,
            sha256,
            content_type: JSON.to_owned(),
            url: None,
        })
    }

    /// The same result with a URL. No call is made: the URL carries the signature of this function's
    /// credentials, and dies with them.
    pub async fn with_url(&self, stored: StoredResult) -> Result<StoredResult> {
        let get = self.s3.get_object().bucket(&self.bucket).key(&stored.key);
        let presigned = get.presigned(PresigningConfig::expires_in(self.url_life)?);
        let url = presigned.await.context("presigning a result")?;
        Ok(StoredResult {
            url: Some(url.uri().to_owned()),
            ..stored
        })
    }
}

/// The checksum of the text, and the text compressed.
fn pack(text: &[u8]) -> io::Result<(String, Vec<u8>)> {
    let mut gzip = GzEncoder::new(vec![], Compression::default());
    gzip.write_all(text)?;
    Ok((format!("{:x}", Sha256::digest(text)), gzip.finish()?))
}
