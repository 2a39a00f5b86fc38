//! Opens a file of a bill in the version that was listed, and lists it again after it was replaced.

use std::fs::File;
use std::path::PathBuf;

use longhaul_worker::analysis::Failure;

use crate::read::bill_failures::{open_failure, replaced_failure};
use crate::read::bill_file::{BillFile, modified_nanos};
use crate::read::locations::BillLocation;
use crate::read::read_progress::ReadProgress;
use crate::read::s3_download::{OpenBillFile, download};

/// The current version of a file that was replaced.
pub(crate) async fn relist(bill_file: &BillFile) -> Result<BillFile, Failure> {
    let location = match &bill_file.bucket {
        None => BillLocation::Path(PathBuf::from(&bill_file.path)),
        Some(bucket) => BillLocation::Bucket {
            bucket: bucket.clone(),
            prefix: bill_file.path.clone(),
        },
    };
    // Whatever is wrong with the list now, the next attempt lists everything again.
    let files = location
        .list_files()
        .await
        .map_err(|_| replaced_failure(bill_file.name()))?;
    let now = files
        .into_iter()
        .find(|listed| listed.path == bill_file.path);
    now.ok_or_else(|| replaced_failure(bill_file.name()))
}

/// Opens the listed version. An S3 object is downloaded into an unnamed temporary file, which is deleted when it is
/// closed.
pub(crate) async fn open(
    bill_file: &BillFile,
    progress: &ReadProgress,
) -> Result<OpenBillFile, Failure> {
    if let Some(bucket) = &bill_file.bucket {
        return download(bill_file, bucket, progress).await;
    }
    let file = match File::open(&bill_file.path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(replaced_failure(bill_file.name()));
        }
        file => file.map_err(|error| open_failure(bill_file.name(), &error))?,
    };
    let metadata = file
        .metadata()
        .map_err(|error| open_failure(bill_file.name(), &error))?;
    match metadata.len() == bill_file.size && modified_nanos(&metadata) == bill_file.version {
        true => Ok(OpenBillFile {
            file,
            disk_permit: None,
        }),
        false => Err(replaced_failure(bill_file.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::bill_failures::REPLACED_CODE;
    use crate::read::locations::BillSource;

    #[tokio::test]
    async fn a_replaced_file_is_not_opened_as_the_listed_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bill.csv");
        std::fs::write(&path, "one").unwrap();
        let source = BillSource::parse(&path.display().to_string(), false);
        let [listed] = source.locations[0]
            .list_files()
            .await
            .unwrap()
            .try_into()
            .unwrap();
        let progress = ReadProgress::default();
        assert!(open(&listed, &progress).await.is_ok());
        std::fs::write(&path, "another").unwrap();
        assert_eq!(
            open(&listed, &progress).await.err().unwrap().code(),
            REPLACED_CODE
        );
        let now = relist(&listed).await.unwrap();
        assert_ne!(now, listed);
        assert!(open(&now, &progress).await.is_ok());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            open(&now, &progress).await.err().unwrap().code(),
            REPLACED_CODE
        );
        assert_eq!(relist(&now).await.err().unwrap().code(), REPLACED_CODE);
    }
}
