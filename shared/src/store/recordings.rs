//! Audio recordings in the results bucket: pieces in any order, and the whole recording once it is sealed.
//!
//! The keys contain the id of the job that transcribes the recording.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use tokio::task::JoinSet;

use crate::aws::clients;
use crate::domain::ids::JobId;

/// Pieces that are read in parallel.
const PARALLEL_READS: usize = 16;

#[derive(Clone)]
pub struct Recordings {
    s3: Client,
    bucket: String,
}

/// The pieces of a recording that have arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// In ascending order.
    pub indices: Vec<u32>,
    pub bytes: u64,
}

impl Recordings {
    /// The recordings in this bucket.
    pub fn new(sdk_config: &SdkConfig, bucket: String) -> Self {
        let settings = Builder::from(sdk_config)
            .timeout_config(clients::slow_timeouts())
            .build();
        Self {
            s3: Client::from_conf(settings),
            bucket,
        }
    }

    /// The key of the sealed recording.
    pub fn object_key(job: JobId) -> String {
        format!("recordings/whole/{job}")
    }

    /// Stores a piece. Storing it again replaces it.
    pub async fn put_piece(&self, job: JobId, index: u32, audio: Vec<u8>) -> Result<()> {
        self.put(format!("{}{index:06}", pieces_of(job)), audio)
            .await
            .context("storing a piece of a recording")
    }

    /// The pieces that have arrived so far.
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

    /// Joins the pieces of a recording into one object and returns it; `None` if a piece is missing.
    /// Idempotent.
    pub async fn seal(&self, job: JobId, pieces: u32) -> Result<Option<Vec<u8>>> {
        let mut whole = vec![];
        let indices: Vec<u32> = (0..pieces).collect();
        for batch in indices.chunks(PARALLEL_READS) {
            let mut fetched = JoinSet::new();
            for index in batch.iter().copied() {
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
            Ok(response) => Ok(Some(response.body.collect().await?.to_vec())),
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
