//! The files that hold objects' bytes: each is written once, whole and durable before a row names
//! it, and never changed.
//!
//! Knows no keys and no buckets.

use std::collections::BTreeSet;
use std::io::SeekFrom;
use std::ops::Range;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use md5::{Digest, Md5};
use s3s::{S3Error, S3Result, StdError, s3_error};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

use super::checksum::Algorithm;

/// What a read takes from the disk at once.
const READ_CHUNK_BYTES: u64 = 256 << 10;
/// The largest body of one `PutObject` or `UploadPart` (S3 user guide: 5 GiB).
const MAX_UPLOAD_BYTES: u64 = 5 << 30;

/// The folder of the files.
#[derive(Debug, Clone)]
pub(super) struct BlobStore {
    folder: PathBuf,
}

/// A file on disk that no row names yet. It goes away with this value unless it is kept.
#[derive(Debug)]
pub(super) struct UncommittedBlob {
    path: PathBuf,
    name: String,
    is_committed: bool,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    /// Base64, by the algorithm that was asked for.
    pub(super) checksum: String,
}

impl UncommittedBlob {
    /// The file's name, for the row that is about to name it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Keeps the file: a row names it now.
    pub(super) fn commit(mut self) {
        self.is_committed = true;
    }

    pub(super) fn etag(&self) -> String {
        hex(&self.md5)
    }

    /// Holds the bytes to the `Content-MD5` that came with them, if one did.
    pub(super) fn check_md5(&self, header: Option<&str>) -> S3Result<()> {
        let Some(header) = header else { return Ok(()) };
        match STANDARD.decode(header) {
            Ok(digest) if digest == self.md5 => Ok(()),
            Ok(digest) if digest.len() == self.md5.len() => Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            )),
            _ => Err(s3_error!(
                InvalidDigest,
                "The Content-MD5 you specified was invalid."
            )),
        }
    }
}

impl Drop for UncommittedBlob {
    fn drop(&mut self) {
        if !self.is_committed
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "an unfinished upload stays until the next start");
        }
    }
}

impl BlobStore {
    /// Opens the folder and removes what no row names: what a crash left half written.
    pub(super) fn open(folder: &Path, referenced: &[String]) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let referenced: BTreeSet<&str> = referenced.iter().map(String::as_str).collect();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry
                .file_name()
                .to_str()
                .is_none_or(|name| !referenced.contains(name))
            {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Writes a whole body; on disk, its name too, when this returns. `length` is what was promised.
    pub(super) async fn write(
        &self,
        mut body: impl Stream<Item = Result<Bytes, StdError>> + Unpin,
        length: Option<u64>,
        algorithm: Algorithm,
    ) -> S3Result<UncommittedBlob> {
        let name = Uuid::new_v4().simple().to_string();
        let path = self.folder.join(&name);
        let mut file = File::create(&path).await.map_err(S3Error::internal_error)?;
        let mut blob = UncommittedBlob {
            path,
            name,
            is_committed: false,
            size: 0,
            md5: [0; 16],
            checksum: String::new(),
        };
        let (mut md5, mut hasher) = (Md5::new(), algorithm.hasher());
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|source| {
                let mut error = s3_error!(
                    IncompleteBody,
                    "The body ended or broke off before its end: {source}"
                );
                error.set_source(source);
                error
            })?;
            blob.size += piece.len() as u64;
            if blob.size > MAX_UPLOAD_BYTES {
                return Err(s3_error!(
                    EntityTooLarge,
                    "Your proposed upload exceeds the maximum allowed size."
                ));
            }
            md5.update(&piece);
            hasher.update(&piece);
            file.write_all(&piece)
                .await
                .map_err(S3Error::internal_error)?;
        }
        if length.is_some_and(|length| length != blob.size) {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header."
            ));
        }
        file.flush().await.map_err(S3Error::internal_error)?;
        file.sync_all().await.map_err(S3Error::internal_error)?;
        let folder = File::open(&self.folder)
            .await
            .map_err(S3Error::internal_error)?;
        folder.sync_all().await.map_err(S3Error::internal_error)?;
        blob.md5 = md5.finalize().into();
        blob.checksum = algorithm.finish(hasher);
        Ok(blob)
    }

    /// The bytes of `range`. Whoever deletes the file meanwhile does not disturb the reader.
    pub(super) async fn read(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> S3Result<impl Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static> {
        let file = File::open(self.folder.join(name)).await;
        let mut file = file.map_err(S3Error::internal_error)?;
        let start = SeekFrom::Start(range.start);
        file.seek(start).await.map_err(S3Error::internal_error)?;
        let remaining = range.end - range.start;
        let next = |(mut file, remaining): (File, u64)| async move {
            if remaining == 0 {
                return Ok(None);
            }
            let mut piece = vec![0; remaining.min(READ_CHUNK_BYTES) as usize];
            file.read_exact(&mut piece).await?;
            let remaining = remaining - piece.len() as u64;
            Ok(Some((Bytes::from(piece), (file, remaining))))
        };
        Ok(stream::try_unfold((file, remaining), next))
    }

    /// Removes files that no row names any more; one that stays is removed at the next start.
    pub(super) async fn remove(&self, names: Vec<String>) {
        for name in names {
            if let Err(error) = tokio::fs::remove_file(self.folder.join(&name)).await {
                tracing::warn!(%error, "an object's old file stays until the next start");
            }
        }
    }
}

/// Lowercase, as ETags are spelled.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
