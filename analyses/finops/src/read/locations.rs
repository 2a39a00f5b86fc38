//! Where bills are: files and folders, and objects in S3 under a prefix. It lists them, and opens each as it was listed;
//! how an object comes, and what is in it, it does not know.

use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::Date;
use longhaul_worker::analysis::Failure;

use crate::failures::failed;
use crate::read::bill_failures::{unopened, unreachable};
use crate::read::bill_file::{Part, changed, last};
use crate::read::s3_client::client;

/// Files of one location; more are a mistake, and would not end.
const MOST: usize = 100_000;
/// What names of bills end with, when a folder or a prefix is read.
const ENDINGS: [&str; 4] = [".csv", ".csv.gz", ".gz", ".parquet"];

/// Where bills are, and what is said of them.
#[derive(Debug, Clone)]
pub struct Source {
    pub locations: Vec<Location>,
    /// Whether it is the generated sample, which every answer then says.
    pub sample: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, or a folder of them.
    Path(PathBuf),
    /// All objects of a bucket whose keys begin so.
    Bucket { bucket: String, prefix: String },
}

impl Source {
    /// Reads locations with commas between them: paths, and `s3://bucket/prefix`.
    pub fn at(text: &str, sample: bool) -> Self {
        let one = |text: &str| match text.strip_prefix("s3://") {
            Some(rest) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                Location::Bucket {
                    bucket: bucket.to_owned(),
                    prefix: prefix.to_owned(),
                }
            }
            None => Location::Path(text.into()),
        };
        // A path may have a comma too.
        let locations = match Path::new(text).exists() {
            true => vec![Location::Path(text.into())],
            false => text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(one)
                .collect(),
        };
        Self { locations, sample }
    }
}

impl Location {
    /// For whoever asks: a path is not told, since it says how the worker's machine is laid out.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Path(path) => last(&path.to_string_lossy()).to_owned(),
            Self::Bucket { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
        }
    }

    /// Every file there, in the order of their names.
    pub(crate) async fn parts(&self) -> Result<Vec<Part>, Failure> {
        let mut parts = match self {
            Self::Path(path) => on_disk(path).map_err(|error| unopened(&self.name(), &error))?,
            Self::Bucket { bucket, prefix } => in_bucket(bucket, prefix).await?,
        };
        if parts.is_empty() {
            return Err(failed(format!("There is no bill at {}.", self.name())));
        }
        parts.sort_by(|a, b| a.at.cmp(&b.at));
        Ok(parts)
    }
}

fn on_disk(path: &Path) -> std::io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut folders = Vec::new();
    let mut add = |path: &Path, about: std::fs::Metadata| {
        parts.push(Part {
            bucket: None,
            at: path.to_string_lossy().into_owned(),
            size: about.len(),
            version: changed(&about),
            days: partition(&path.to_string_lossy()),
        });
    };
    let about = std::fs::metadata(path)?;
    if about.is_dir() {
        folders.push(path.to_path_buf());
    } else {
        add(path, about);
    }
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let about = entry.metadata()?;
            seen += 1;
            if seen > MOST {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            // A link may lead in circles; it is neither.
            if about.is_dir() {
                folders.push(entry.path());
            } else if about.is_file() && is_bill(&entry.path().to_string_lossy()) {
                add(&entry.path(), about);
            }
        }
    }
    Ok(parts)
}

async fn in_bucket(bucket: &str, prefix: &str) -> Result<Vec<Part>, Failure> {
    let name = format!("s3://{bucket}/{prefix}");
    let client = client().await;
    let mut pages = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .into_paginator()
        .send();
    let mut parts = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| unreachable(&name, &error.into()))?;
        for object in page.contents() {
            let Some(key) = object.key().filter(|key| is_bill(key)) else {
                continue;
            };
            if parts.len() == MOST {
                return Err(failed(format!(
                    "There are more than {MOST} files at {name}."
                )));
            }
            parts.push(Part {
                bucket: Some(bucket.to_owned()),
                at: key.to_owned(),
                size: object
                    .size()
                    .and_then(|size| size.try_into().ok())
                    .unwrap_or(0),
                version: object.e_tag().unwrap_or_default().to_owned(),
                days: partition(key),
            });
        }
    }
    Ok(parts)
}

fn is_bill(path: &str) -> bool {
    let path = path.to_lowercase();
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// The days of `billing_period=2025-05` or `BILLING_PERIOD=2025-05` in a path; of other paths none are known.
fn partition(path: &str) -> Option<(Date, Date)> {
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
