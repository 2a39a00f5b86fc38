//! The files that hold the bytes of objects and parts.
//!
//! A file is complete and durable before a row references it, and never changes.

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

/// Bytes that one disk read returns at most.
const READ_CHUNK_BYTES: u64 = 256 << 10;
/// Maximum body of one `PutObject` or `UploadPart` (S3 user guide: 5 GiB).
const MAX_UPLOAD_BYTES: u64 = 5 << 30;

/// The folder of the files.
#[derive(Debug, Clone)]
pub(super) struct BlobStore {
    folder: PathBuf,
}

/// A file that no row references yet. Dropping this value deletes the file unless it was committed.
#[derive(Debug)]
pub(super) struct UncommittedBlob {
    path: PathBuf,
    name: String,
    is_committed: bool,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    /// Base64, by the requested algorithm.
    pub(super) checksum: String,
}

impl UncommittedBlob {
    /// The file's name, for the row that will reference it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Keeps the file, since a row references it now.
    pub(super) fn commit(mut self) {
        self.is_committed = true;
    }

    pub(super) fn etag(&self) -> String {
        hex(&self.md5)
    }

    /// Checks the bytes against a `Content-MD5` header, if there is one.
    ///
    /// # Errors
    /// `BadDigest` or `InvalidDigest`.
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
            tracing::warn!(%error, "deleting an unfinished upload failed; the next start deletes it");
        }
    }
}

impl BlobStore {
    /// Opens the folder and deletes unreferenced files, which a crash may have left.
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

    /// Writes a body of `length` bytes; the file and its directory entry are synced when this returns.
    ///
    /// # Errors
    /// `IncompleteBody`, `EntityTooLarge`, or an internal error of the disk.
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
                    "The request body ended before it was complete: {source}"
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

    /// The bytes of `range`. Deleting the file does not affect an open reader.
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

    /// Deletes files that no row references any more. Failures are logged; the next start retries.
    pub(super) async fn remove(&self, names: Vec<String>) {
        for name in names {
            if let Err(error) = tokio::fs::remove_file(self.folder.join(&name)).await {
                tracing::warn!(%error, "deleting an object's old file failed; the next start deletes it");
            }
        }
    }
}

/// Lower-case hexadecimal, as in ETags.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
