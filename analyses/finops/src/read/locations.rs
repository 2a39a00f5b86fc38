//! Where bills are: files, folders, and S3 objects under a prefix; and the list of their files.

use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::Date;
use longhaul_worker::analysis::Failure;

use crate::failures::unreadable;
use crate::read::bill_failures::{open_failure, s3_failure};
use crate::read::bill_file::{BillFile, last_segment, modified_nanos};
use crate::read::s3_client::s3_client;

/// Files of one location. More would be a mistake, and reading them would take too long.
const MAX_FILES: usize = 100_000;
/// How the names of bills end in a folder or under a prefix.
const BILL_SUFFIXES: [&str; 4] = [".csv", ".csv.gz", ".gz", ".parquet"];

/// Where bills are.
#[derive(Debug, Clone)]
pub struct BillSource {
    pub locations: Vec<BillLocation>,
    /// Whether it is the generated sample; every answer then says so.
    pub sample: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BillLocation {
    /// A file, or a folder of files.
    Path(PathBuf),
    /// All objects of a bucket under this key prefix.
    Bucket { bucket: String, prefix: String },
}

impl BillSource {
    /// Parses locations separated by commas: paths and `s3://bucket/prefix`.
    pub fn parse(text: &str, sample: bool) -> Self {
        let parse_one = |text: &str| match text.strip_prefix("s3://") {
            Some(rest) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                BillLocation::Bucket {
                    bucket: bucket.to_owned(),
                    prefix: prefix.to_owned(),
                }
            }
            None => BillLocation::Path(text.into()),
        };
        // A path may contain a comma too.
        let locations = match Path::new(text).exists() {
            true => vec![BillLocation::Path(text.into())],
            false => text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(parse_one)
                .collect(),
        };
        Self { locations, sample }
    }
}

impl BillLocation {
    /// The name for messages. A path is shortened to its last segment, since it shows how the worker's machine is
    /// set up.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Path(path) => last_segment(&path.to_string_lossy()).to_owned(),
            Self::Bucket { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
        }
    }

    /// All its files, sorted by path.
    pub(crate) async fn list_files(&self) -> Result<Vec<BillFile>, Failure> {
        let mut files = match self {
            Self::Path(path) => {
                list_path(path).map_err(|error| open_failure(&self.name(), &error))?
            }
            Self::Bucket { bucket, prefix } => list_bucket(bucket, prefix).await?,
        };
        if files.is_empty() {
            return Err(unreadable(format!("There is no bill at {}.", self.name())));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

fn list_path(path: &Path) -> std::io::Result<Vec<BillFile>> {
    let mut files = Vec::new();
    let mut folders = Vec::new();
    let mut add = |path: &Path, metadata: std::fs::Metadata| {
        files.push(BillFile {
            bucket: None,
            path: path.to_string_lossy().into_owned(),
            size: metadata.len(),
            version: modified_nanos(&metadata),
            days: partition_days(&path.to_string_lossy()),
        });
    };
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        folders.push(path.to_path_buf());
    } else {
        add(path, metadata);
    }
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            seen += 1;
            if seen > MAX_FILES {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            // A symbolic link may lead in a circle; it is neither a directory nor a file here.
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() && is_bill(&entry.path().to_string_lossy()) {
                add(&entry.path(), metadata);
            }
        }
    }
    Ok(files)
}

async fn list_bucket(bucket: &str, prefix: &str) -> Result<Vec<BillFile>, Failure> {
    let name = format!("s3://{bucket}/{prefix}");
    let client = s3_client().await;
    let mut pages = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .into_paginator()
        .send();
    let mut files = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| s3_failure(&name, &error.into()))?;
        for object in page.contents() {
            let Some(key) = object.key().filter(|key| is_bill(key)) else {
                continue;
            };
            if files.len() == MAX_FILES {
                return Err(unreadable(format!(
                    "There are more than {MAX_FILES} files at {name}."
                )));
            }
            files.push(BillFile {
                bucket: Some(bucket.to_owned()),
                path: key.to_owned(),
                size: object
                    .size()
                    .and_then(|size| size.try_into().ok())
                    .unwrap_or(0),
                version: object.e_tag().unwrap_or_default().to_owned(),
                days: partition_days(key),
            });
        }
    }
    Ok(files)
}

fn is_bill(path: &str) -> bool {
    let path = path.to_lowercase();
    BILL_SUFFIXES.iter().any(|ending| path.ends_with(ending))
}

/// The days of `billing_period=2025-05` or `BILLING_PERIOD=2025-05` in a path, or `None`.
fn partition_days(path: &str) -> Option<(Date, Date)> {
    let (_, value) = path
        .split('/')
        .filter_map(|name| name.split_once('='))
        .find(|(name, _)| {
            name.eq_ignore_ascii_case("billing_period")
                || name.eq_ignore_ascii_case("billingperiod")
        })?;
    let start: Date = format!("{}-01", value.get(..7)?).parse().ok()?;
    Some((start, start.checked_add(1.month()).ok()?))
}
