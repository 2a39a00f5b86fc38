//! Recordings in the results bucket: their pieces as they come, in any order, and the whole once it is sealed.
//!
//! Pieces lie under the id of the job that is to hear them, so none but that job's worker reads them. What is
//! recorded, and whose it is, is not known here.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use tokio::task::JoinSet;

use crate::aws::clients;
use crate::domain::ids::JobId;
use crate::settings::{Environment, SettingsError};

/// Pieces that are fetched at once.
const AT_ONCE: usize = 16;

#[derive(Clone)]
pub struct Recordings {
    s3: Client,
    bucket: String,
}

/// What there is of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// In their order.
    pub indices: Vec<u32>,
    pub bytes: u64,
}

impl Recordings {
    /// In the bucket that `RESULTS_BUCKET` names.
    pub fn open(config: &Environment, sdk_config: &SdkConfig) -> Result<Self, SettingsError> {
        let bucket = config.required("RESULTS_BUCKET")?.to_owned();
        Ok(Self::in_bucket(bucket, sdk_config))
    }

    /// In this bucket.
    pub fn in_bucket(bucket: String, sdk_config: &SdkConfig) -> Self {
        let settings = Builder::from(sdk_config)
            .timeout_config(clients::slow_timeouts())
            .build();
        Self {
            s3: Client::from_conf(settings),
            bucket,
        }
    }

    /// Under which key the whole lies once it is sealed.
    pub fn object_key(job: JobId) -> String {
        format!("recordings/whole/{job}")
    }

    /// Keeps a piece; one that comes again takes its own place.
    pub async fn put_piece(&self, job: JobId, index: u32, audio: Vec<u8>) -> Result<()> {
        self.put(format!("{}{index:06}", pieces_of(job)), audio)
            .await
            .context("keeping a piece of a recording")
    }

    /// What has come so far.
    pub async fn pieces(&self, job: JobId) -> Result<Pieces> {
        let prefix = pieces_of(job);
        let mut pieces = Pieces::default();
        let mut next = None;
        loop {
            let list = self
                .s3
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(&prefix)
                .set_continuation_token(next);
            let page = list.send().await.context("listing a recording's pieces")?;
            for object in page.contents() {
                let index = object.key().and_then(|key| key.strip_prefix(&prefix));
                pieces
                    .indices
                    .extend(index.and_then(|index| index.parse::<u32>().ok()));
                pieces.bytes += object.size().unwrap_or(0).unsigned_abs();
            }
            next = page.next_continuation_token;
            if next.is_none() {
                return Ok(pieces);
            }
        }
    }

    /// The whole recording of so many pieces, made one object; `None` where a piece is missing. May be done
    /// again.
    pub async fn seal(&self, job: JobId, pieces: u32) -> Result<Option<Vec<u8>>> {
        let mut whole = vec![];
        let indices: Vec<u32> = (0..pieces).collect();
        for some in indices.chunks(AT_ONCE) {
            let mut fetched = JoinSet::new();
            for index in some.iter().copied() {
                let recordings = self.clone();
                fetched.spawn(async move { (index, recordings.piece(job, index).await) });
            }
            let mut fetched = fetched.join_all().await;
            fetched.sort_by_key(|(index, _)| *index);
            for (_, piece) in fetched {
                let Some(piece) = piece? else {
                    return Ok(None);
                };
                whole.extend(piece);
            }
        }
        self.put(Self::object_key(job), whole.clone())
            .await
            .context("sealing a recording")?;
        Ok(Some(whole))
    }

    async fn piece(&self, job: JobId, index: u32) -> Result<Option<Vec<u8>>> {
        let get = self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(format!("{}{index:06}", pieces_of(job)));
        match get.send().await.map_err(|error| error.into_service_error()) {
            Ok(answer) => Ok(Some(answer.body.collect().await?.to_vec())),
            Err(error) if error.is_no_such_key() => Ok(None),
            Err(error) => Err(error).context("reading a piece of a recording"),
        }
    }

    async fn put(&self, key: String, bytes: Vec<u8>) -> Result<()> {
        let put = self.s3.put_object().bucket(&self.bucket).key(key);
        put.body(ByteStream::from(bytes)).send().await?;
        Ok(())
    }
}

fn pieces_of(job: JobId) -> String {
    format!("recordings/pieces/{job}/")
}
