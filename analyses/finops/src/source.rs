//! Where bills are: files and folders, and objects in S3 under a prefix. It lists them, and opens each as it was listed;
//! how an object comes, and what is in it, it does not know.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::Date;
use longhaul_shared::aws::clients;
use serde::{Deserialize, Serialize};

use super::failed;
use super::fetching::Opened;
use super::headway::Headway;
use longhaul_worker::analysis::Failure;

/// Files of one location; more are a mistake, and would not end.
const MOST: usize = 100_000;
/// What names of bills end with, when a folder or a prefix is read.
const ENDINGS: [&str; 4] = [".csv", ".csv.gz", ".gz", ".parquet"];

/// The code of a file's failure that is not as it was listed.
pub(super) const REPLACED: &str = "BILL_REPLACED";

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

/// One file of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The bucket that it is in; `None` for a file on disk.
    bucket: Option<String>,
    /// Its path or key.
    pub at: String,
    /// Its size, and what changes when it does: the entity tag of an object, a file's time of change.
    pub size: u64,
    pub version: String,
    /// The days of its partition, where its path names one.
    pub days: Option<(Date, Date)>,
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
    pub(super) fn name(&self) -> String {
        match self {
            Self::Path(path) => last(&path.to_string_lossy()).to_owned(),
            Self::Bucket { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
        }
    }

    /// Every file there, in the order of their names.
    pub(super) async fn parts(&self) -> Result<Vec<Part>, Failure> {
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

impl Part {
    /// The file's name, without its folder.
    pub(super) fn name(&self) -> &str {
        last(&self.at)
    }

    /// The file as it is now, after it was replaced.
    pub(super) async fn anew(&self) -> Result<Self, Failure> {
        let place = match &self.bucket {
            None => Location::Path(PathBuf::from(&self.at)),
            Some(bucket) => Location::Bucket {
                bucket: bucket.clone(),
                prefix: self.at.clone(),
            },
        };
        // Whatever is wrong with the list now, the next attempt makes the whole of it anew.
        let parts = place.parts().await.map_err(|_| replaced(self.name()))?;
        let now = parts.into_iter().find(|part| part.at == self.at);
        now.ok_or_else(|| replaced(self.name()))
    }

    /// The file itself, in the version that was listed; an object of S3 is fetched into one without a name, which goes
    /// with its last use.
    pub(super) async fn open(&self, headway: &Headway) -> Result<Opened, Failure> {
        if let Some(bucket) = &self.bucket {
            return self.fetch(bucket, headway).await;
        }
        let file = match File::open(&self.at) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(replaced(self.name()));
            }
            file => file.map_err(|error| unopened(self.name(), &error))?,
        };
        let about = file
            .metadata()
            .map_err(|error| unopened(self.name(), &error))?;
        match about.len() == self.size && changed(&about) == self.version {
            true => Ok(Opened { file, room: None }),
            false => Err(replaced(self.name())),
        }
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

/// When a file was written last, in nanoseconds; nothing where that is not known.
fn changed(about: &std::fs::Metadata) -> String {
    let at = about
        .modified()
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    at.map_or_else(String::new, |at| at.as_nanos().to_string())
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

pub(super) async fn client() -> aws_sdk_s3::Client {
    let config = clients::config().await;
    let settings = aws_sdk_s3::config::Builder::from(&config)
        .timeout_config(clients::slow_timeouts())
        .build();
    aws_sdk_s3::Client::from_conf(settings)
}

/// What S3 refuses for good is rejected; the rest may come right.
pub(super) fn unreachable(name: &str, error: &aws_sdk_s3::Error) -> Failure {
    use aws_sdk_s3::error::ProvideErrorMetadata;
    let code = error.code().unwrap_or("no answer");
    // What was listed is another version now, or gone: a list speaks of buckets only.
    if matches!(code, "PreconditionFailed" | "NoSuchKey") {
        return replaced(name);
    }
    let message = format!("The bill {name} can't be had from S3 ({code}).");
    match code {
        "AccessDenied" | "NoSuchBucket" | "PermanentRedirect" => failed(message),
        _ => Failure::Retry {
            code: "BILL_UNREACHABLE",
            message,
        },
    }
}

pub(super) fn unopened(name: &str, error: &std::io::Error) -> Failure {
    failed(format!(
        "The bill {name} can't be opened: {}.",
        error.kind()
    ))
}

fn replaced(name: &str) -> Failure {
    let message = format!("The bill {name} was replaced before it was read.");
    Failure::Retry {
        code: REPLACED,
        message,
    }
}

pub(super) fn cut_off(name: &str) -> Failure {
    let message = format!("The bill {name} was cut off on its way from S3.");
    Failure::Retry {
        code: "BILL_UNREACHABLE",
        message,
    }
}

fn is_bill(path: &str) -> bool {
    let path = path.to_lowercase();
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

fn last(path: &str) -> &str {
    path.rsplit('/')
        .find(|name| !name.is_empty())
        .unwrap_or("bill")
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
