//! One file of a bill.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One file of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BillFile {
    /// The bucket that it is in; `None` for a file on disk.
    pub bucket: Option<String>,
    /// Its path or key.
    #[serde(rename = "at")]
    pub path: String,
    /// Its size, and what changes when it does: the entity tag of an object, a file's time of change.
    pub size: u64,
    pub version: String,
    /// The days of its partition, where its path names one.
    pub days: Option<(Date, Date)>,
}

impl BillFile {
    /// The file's name, without its folder.
    pub(crate) fn name(&self) -> &str {
        last_segment(&self.path)
    }
}

/// The last name of a path.
pub(crate) fn last_segment(path: &str) -> &str {
    path.rsplit('/')
        .find(|name| !name.is_empty())
        .unwrap_or("bill")
}

/// When a file was written last, in nanoseconds; nothing where that is not known.
pub(crate) fn modified_nanos(metadata: &std::fs::Metadata) -> String {
    let at = metadata
        .modified()
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    at.map_or_else(String::new, |at| at.as_nanos().to_string())
}
