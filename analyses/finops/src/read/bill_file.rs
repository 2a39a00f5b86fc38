//! One file of a bill, as it was listed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One listed version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BillFile {
    /// The S3 bucket; `None` for a file on disk.
    pub bucket: Option<String>,
    /// The path or the object key.
    #[serde(rename = "at")]
    pub path: String,
    /// The size in bytes, and a text that changes with the content: an object's entity tag, or a file's
    /// modification time.
    pub size: u64,
    pub version: String,
    /// The days of its partition, where the path names one.
    pub days: Option<(Date, Date)>,
}

impl BillFile {
    /// The file's name without its folder, for messages.
    pub(crate) fn name(&self) -> &str {
        last_segment(&self.path)
    }
}

/// The last segment of a path that is not empty.
pub(crate) fn last_segment(path: &str) -> &str {
    path.rsplit('/')
        .find(|name| !name.is_empty())
        .unwrap_or("bill")
}

/// The modification time in nanoseconds; empty where it is unknown.
pub(crate) fn modified_nanos(metadata: &std::fs::Metadata) -> String {
    let at = metadata
        .modified()
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    at.map_or_else(String::new, |at| at.as_nanos().to_string())
}
