//! The progress of reading one file, and the message that reports it.

use std::sync::atomic::{AtomicU64, Ordering};

/// A megabyte as S3's console and disks count it.
const BYTES_PER_MB: u64 = 1_000_000;

/// Bytes downloaded and expected, and rows read. The downloading and the reading task both update it.
#[derive(Debug, Default)]
pub(crate) struct ReadProgress {
    fetched: AtomicU64,
    expected: AtomicU64,
    rows: AtomicU64,
}

impl ReadProgress {
    /// Adds to the bytes that will be downloaded.
    pub(crate) fn add_expected_bytes(&self, bytes: u64) {
        self.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds to the bytes that were downloaded.
    pub(crate) fn add_fetched_bytes(&self, bytes: usize) {
        self.fetched.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Sets how many rows were read.
    pub(crate) fn set_rows_read(&self, rows: u64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    /// The progress message about `what`; `files` is how many files are done, and how many there are.
    pub(crate) fn message(&self, what: &str, files: Option<(u64, u64)>) -> String {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (fetched, expected, rows) = (get(&self.fetched), get(&self.expected), get(&self.rows));
        if fetched < expected {
            let (fetched, expected) = (fetched / BYTES_PER_MB, expected.div_ceil(BYTES_PER_MB));
            return format!("Fetching {what}: {fetched} of {expected} MB");
        }
        let files = files.map_or(String::new(), |(done, all)| {
            format!(": {done} of {all} files")
        });
        let rows = match rows {
            0 => String::new(),
            rows => format!(" ({rows} rows)"),
        };
        format!("Reading {what}{files}{rows}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_counts_downloaded_megabytes_and_read_rows() {
        let progress = ReadProgress::default();
        assert_eq!(progress.message("the bill", None), "Reading the bill");
        progress.add_expected_bytes(800_000_000);
        progress.add_fetched_bytes(120_900_000);
        let message = progress.message("May 2025", Some((1, 3)));
        assert_eq!(message, "Fetching May 2025: 120 of 800 MB");
        progress.add_fetched_bytes(679_100_000);
        progress.set_rows_read(4_096);
        let message = progress.message("May 2025", Some((1, 3)));
        assert_eq!(message, "Reading May 2025: 1 of 3 files (4096 rows)");
    }
}
