//! Downloads an S3 object into an unnamed temporary file. Of a Parquet file only the needed ranges are downloaded,
//! to their positions in an otherwise empty file. Interrupted downloads resume.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a list of one range of bytes is what is meant"
)]

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;

use aws_sdk_s3::Client;
use longhaul_worker::analysis::Failure;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::read::bill_failures::{interrupted_failure, open_failure, s3_failure};
use crate::read::bill_file::BillFile;
use crate::read::bill_reader;
use crate::read::parquet_file::rows::{MAGIC, column_chunk_ranges};
use crate::read::read_progress::ReadProgress;
use crate::read::s3_client::s3_client;

/// Bytes at the end of a Parquet file that are requested first. Footers for some hundred column chunks fit.
const FOOTER_BYTES: u64 = 64 * 1024;
/// Ranges with fewer bytes between them are downloaded as one: about what is transferred in the time of a request.
const MAX_GAP_BYTES: u64 = 1 << 20;
/// How often the download of one range may be interrupted.
const MAX_RESUMES: u32 = 4;
/// Disk space of all downloaded files together, in MiB. `/tmp` of a Lambda function has 512 unless the template
/// says more.
const MAX_DISK_MIB: u32 = 448;

/// The free disk space, in MiB. A file that is larger waits until it is the only one.
static DISK_PERMITS: Semaphore = Semaphore::const_new(MAX_DISK_MIB as usize);

/// A file to read, and its share of the disk space, which is released with it.
pub(crate) struct OpenBillFile {
    pub file: File,
    pub disk_permit: Option<SemaphorePermit<'static>>,
}

/// Downloads this object of the bucket.
pub(crate) async fn download(
    bill_file: &BillFile,
    bucket: &str,
    progress: &ReadProgress,
) -> Result<OpenBillFile, Failure> {
    let open_failure = |error: std::io::Error| open_failure(bill_file.name(), &error);
    let file = tempfile::tempfile().map_err(open_failure)?;
    file.set_len(bill_file.size).map_err(open_failure)?;
    let mut s3 = S3Download {
        bill_file,
        bucket,
        client: s3_client().await,
        file,
        progress,
    };
    let ranges = match bill_file.path.to_lowercase().ends_with(".parquet") {
        true => s3.needed_ranges().await?,
        false => vec![0..bill_file.size],
    };
    let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    progress.add_expected_bytes(bytes);
    let mib = u32::try_from(bytes >> 20).unwrap_or(MAX_DISK_MIB) + 1;
    // The semaphore is never closed.
    let disk_permit = DISK_PERMITS.acquire_many(mib.min(MAX_DISK_MIB)).await.ok();
    for range in ranges {
        s3.download_range(range).await?;
    }
    s3.file.rewind().map_err(open_failure)?;
    Ok(OpenBillFile {
        file: s3.file,
        disk_permit,
    })
}

struct S3Download<'a> {
    bill_file: &'a BillFile,
    bucket: &'a str,
    client: Client,
    file: File,
    progress: &'a ReadProgress,
}

impl S3Download<'_> {
    /// Downloads the footer of a Parquet file, and returns the other ranges that are needed. A file that only has
    /// the suffix is needed whole.
    async fn needed_ranges(&mut self) -> Result<Vec<Range<u64>>, Failure> {
        let size = self.bill_file.size;
        let start = size.saturating_sub(FOOTER_BYTES);
        self.progress.add_expected_bytes(size - start);
        self.download_range(start..size).await?;
        let mut end = [0; 8];
        let read = match self.file.seek(SeekFrom::End(-8)) {
            Ok(_) => self.file.read_exact(&mut end),
            Err(error) => Err(error),
        };
        let [a, b, c, d, magic @ ..] = end;
        if read.is_err() || magic != *MAGIC {
            return Ok(vec![0..size]);
        }
        let footer = size.saturating_sub(u64::from(u32::from_le_bytes([a, b, c, d])) + 8);
        if footer < start {
            self.progress.add_expected_bytes(start - footer);
            self.download_range(footer..start).await?;
        }
        // Of a broken footer nothing more is downloaded; reading it reports the error.
        let mut ranges =
            column_chunk_ranges(&self.file, bill_reader::is_read_column).unwrap_or_default();
        ranges.push(0..MAGIC.len() as u64);
        Ok(merge_ranges(ranges, footer.min(start)))
    }

    /// Downloads one range to its position in the file. Resumes it when it is interrupted.
    async fn download_range(&mut self, range: Range<u64>) -> Result<(), Failure> {
        let name = self.bill_file.name();
        let (mut at, mut interruptions) = (range.start, 0);
        while at < range.end {
            let object = self
                .client
                .get_object()
                .bucket(self.bucket)
                .key(&self.bill_file.path)
                .if_match(&self.bill_file.version)
                .range(format!("bytes={at}-{}", range.end - 1))
                .send()
                .await
                .map_err(|error| s3_failure(name, &error.into()))?;
            let begins = format!("bytes {at}-");
            let as_asked = |range: &str| range.starts_with(&begins);
            let mut body = match object.content_range().is_some_and(as_asked) {
                true => object.body,
                false => return Err(interrupted_failure(name)),
            };
            let io = |error: std::io::Error| open_failure(name, &error);
            self.file.seek(SeekFrom::Start(at)).map_err(io)?;
            while at < range.end
                && let Some(Ok(bytes)) = body.next().await
            {
                let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
                let bytes = &bytes[..bytes.len().min(left)];
                self.file.write_all(bytes).map_err(io)?;
                at += bytes.len() as u64;
                self.progress.add_fetched_bytes(bytes.len());
            }
            if at < range.end {
                interruptions += 1;
                tracing::info!(at, interruptions, "the download of a bill was interrupted");
                if interruptions > MAX_RESUMES {
                    return Err(interrupted_failure(name));
                }
            }
        }
        Ok(())
    }
}

/// Sorts the ranges, cuts them at `end` and joins those that are close to each other.
fn merge_ranges(mut ranges: Vec<Range<u64>>, end: u64) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let range = range.start..range.end.min(end);
        match merged.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if range.start <= last.end.saturating_add(MAX_GAP_BYTES) => {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_ranges_are_merged_and_downloaded_bytes_are_left_out() {
        let end = 10 * MAX_GAP_BYTES;
        let far = 3 * MAX_GAP_BYTES..3 * MAX_GAP_BYTES + 1;
        let ranges = vec![
            far.clone(),
            0..4,
            9 * MAX_GAP_BYTES..11 * MAX_GAP_BYTES,
            2..MAX_GAP_BYTES,
            12 * MAX_GAP_BYTES..13 * MAX_GAP_BYTES,
        ];
        assert_eq!(
            merge_ranges(ranges, end),
            [0..MAX_GAP_BYTES, far, 9 * MAX_GAP_BYTES..end]
        );
        assert_eq!(
            merge_ranges(vec![0..1, MAX_GAP_BYTES + 1..MAX_GAP_BYTES + 2], end),
            [0..MAX_GAP_BYTES + 2]
        );
        assert_eq!(
            merge_ranges(vec![0..1, MAX_GAP_BYTES + 2..MAX_GAP_BYTES + 3], end).len(),
            2
        );
        assert_eq!(merge_ranges(vec![0..4], 0), []);
    }
}
