//! How far the reading of one file is, and the words for it. Whoever fetches and whoever reads count; who is told, and
//! when, it does not know.

use std::sync::atomic::{AtomicU64, Ordering};

/// A megabyte as S3's console and disks count it.
const MB: u64 = 1_000_000;

/// Bytes that have come of those that will, and rows that are read.
#[derive(Debug, Default)]
pub(crate) struct Headway {
    fetched: AtomicU64,
    wanted: AtomicU64,
    rows: AtomicU64,
}

impl Headway {
    /// So many bytes more are going to be fetched.
    pub(crate) fn wants(&self, bytes: u64) {
        self.wanted.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes more have come.
    pub(crate) fn fetched(&self, bytes: usize) {
        self.fetched.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many rows are read now.
    pub(crate) fn read(&self, rows: u64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    /// For whoever waits: of `what`, while `files` of all files are done.
    pub(crate) fn told(&self, what: &str, files: Option<(u64, u64)>) -> String {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (fetched, wanted, rows) = (get(&self.fetched), get(&self.wanted), get(&self.rows));
        if fetched < wanted {
            let (fetched, wanted) = (fetched / MB, wanted.div_ceil(MB));
            return format!("Fetching {what}: {fetched} of {wanted} MB");
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
    fn what_is_fetched_is_told_in_bytes_and_what_is_read_in_rows() {
        let headway = Headway::default();
        assert_eq!(headway.told("the bill", None), "Reading the bill");
        headway.wants(800_000_000);
        headway.fetched(120_900_000);
        let told = headway.told("May 2025", Some((1, 3)));
        assert_eq!(told, "Fetching May 2025: 120 of 800 MB");
        headway.fetched(679_100_000);
        headway.read(4_096);
        let told = headway.told("May 2025", Some((1, 3)));
        assert_eq!(told, "Reading May 2025: 1 of 3 files (4096 rows)");
    }
}
