//! An object of S3 on its way into a file without a name: whole, or of Parquet the parts that are going to be read, at
//! their places in an otherwise empty file. A body that breaks off is gone on with where it broke.
//!
//! What is listed, and what the rows mean, it does not know.

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

use crate::read::bill_failures::{cut_off, unopened, unreachable};
use crate::read::bill_file::Part;
use crate::read::bill_reader;
use crate::read::parquet_file::rows::{MAGIC, chunks};
use crate::read::read_progress::Headway;
use crate::read::s3_client::client;

/// What is asked for of a Parquet file first, in bytes: its end, where footers of some hundred column chunks fit in.
const TAIL: u64 = 64 * 1024;
/// Bytes between two ranges that are fetched rather than asked around: about what comes in the time of a request.
const GAP: u64 = 1 << 20;
/// How often one range may break off.
const BREAKS: u32 = 4;
/// What all fetched files may take up at once, in MiB: `/tmp` of a Lambda function has 512, unless a template says more.
const SPACE: u32 = 448;

/// The room that is left for fetched files. A file that is larger waits until it is alone.
static ROOM: Semaphore = Semaphore::const_new(SPACE as usize);

/// A file to read, and its room, which is given back with it.
pub(crate) struct Opened {
    pub file: File,
    pub room: Option<SemaphorePermit<'static>>,
}

/// Fetches this object of the bucket.
pub(crate) async fn fetch(part: &Part, bucket: &str, headway: &Headway) -> Result<Opened, Failure> {
    let unopened = |error: std::io::Error| unopened(part.name(), &error);
    let file = tempfile::tempfile().map_err(unopened)?;
    file.set_len(part.size).map_err(unopened)?;
    let mut way = Way {
        part,
        bucket,
        client: client().await,
        file,
        headway,
    };
    let ranges = match part.at.to_lowercase().ends_with(".parquet") {
        true => way.needed().await?,
        false => vec![0..part.size],
    };
    let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    headway.wants(bytes);
    let mib = u32::try_from(bytes >> 20).unwrap_or(SPACE) + 1;
    // It is never closed.
    let room = ROOM.acquire_many(mib.min(SPACE)).await.ok();
    for range in ranges {
        way.range(range).await?;
    }
    way.file.rewind().map_err(unopened)?;
    Ok(Opened {
        file: way.file,
        room,
    })
}

struct Way<'a> {
    part: &'a Part,
    bucket: &'a str,
    client: Client,
    file: File,
    headway: &'a Headway,
}

impl Way<'_> {
    /// Fetches the end of a Parquet file; the ranges that are needed beside it. What only has the name is needed whole.
    async fn needed(&mut self) -> Result<Vec<Range<u64>>, Failure> {
        let size = self.part.size;
        let start = size.saturating_sub(TAIL);
        self.headway.wants(size - start);
        self.range(start..size).await?;
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
            self.headway.wants(start - footer);
            self.range(footer..start).await?;
        }
        // Of a broken footer nothing more is fetched: whoever reads it says so.
        let mut ranges = chunks(&self.file, bill_reader::is_needed).unwrap_or_default();
        ranges.push(0..MAGIC.len() as u64);
        Ok(merged(ranges, footer.min(start)))
    }

    /// Fetches one range to its place in the file.
    async fn range(&mut self, range: Range<u64>) -> Result<(), Failure> {
        let name = self.part.name();
        let (mut at, mut breaks) = (range.start, 0);
        while at < range.end {
            let object = self
                .client
                .get_object()
                .bucket(self.bucket)
                .key(&self.part.at)
                .if_match(&self.part.version)
                .range(format!("bytes={at}-{}", range.end - 1))
                .send()
                .await
                .map_err(|error| unreachable(name, &error.into()))?;
            let begins = format!("bytes {at}-");
            let as_asked = |range: &str| range.starts_with(&begins);
            let mut body = match object.content_range().is_some_and(as_asked) {
                true => object.body,
                false => return Err(cut_off(name)),
            };
            let io = |error: std::io::Error| unopened(name, &error);
            self.file.seek(SeekFrom::Start(at)).map_err(io)?;
            while at < range.end
                && let Some(Ok(bytes)) = body.next().await
            {
                let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
                let bytes = &bytes[..bytes.len().min(left)];
                self.file.write_all(bytes).map_err(io)?;
                at += bytes.len() as u64;
                self.headway.fetched(bytes.len());
            }
            if at < range.end {
                breaks += 1;
                tracing::info!(at, breaks, "a bill's body broke off");
                if breaks > BREAKS {
                    return Err(cut_off(name));
                }
            }
        }
        Ok(())
    }
}

/// These ranges as far as they are before `end`, in order, and those that are near each other as one.
fn merged(mut ranges: Vec<Range<u64>>, end: u64) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let range = range.start..range.end.min(end);
        match merged.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if range.start <= last.end.saturating_add(GAP) => {
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
    fn ranges_that_are_near_each_other_are_one_and_what_has_come_is_not_asked_for() {
        let end = 10 * GAP;
        let far = 3 * GAP..3 * GAP + 1;
        let ranges = vec![
            far.clone(),
            0..4,
            9 * GAP..11 * GAP,
            2..GAP,
            12 * GAP..13 * GAP,
        ];
        assert_eq!(merged(ranges, end), [0..GAP, far, 9 * GAP..end]);
        assert_eq!(merged(vec![0..1, GAP + 1..GAP + 2], end), [0..GAP + 2]);
        assert_eq!(merged(vec![0..1, GAP + 2..GAP + 3], end).len(), 2);
        assert_eq!(merged(vec![0..4], 0), []);
    }
}
