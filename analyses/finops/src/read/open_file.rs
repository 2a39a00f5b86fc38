//! Opening.

use std::fs::File;
use std::path::PathBuf;

use longhaul_worker::analysis::Failure;

use crate::read::bill_failures::{replaced, unopened};
use crate::read::bill_file::{Part, changed};
use crate::read::locations::Location;
use crate::read::read_progress::Headway;
use crate::read::s3_download::{Opened, fetch};

/// The file as it is now, after it was replaced.
pub(crate) async fn anew(part: &Part) -> Result<Part, Failure> {
    let place = match &part.bucket {
        None => Location::Path(PathBuf::from(&part.at)),
        Some(bucket) => Location::Bucket {
            bucket: bucket.clone(),
            prefix: part.at.clone(),
        },
    };
    // Whatever is wrong with the list now, the next attempt makes the whole of it anew.
    let parts = place.parts().await.map_err(|_| replaced(part.name()))?;
    let now = parts.into_iter().find(|listed| listed.at == part.at);
    now.ok_or_else(|| replaced(part.name()))
}

/// The file itself, in the version that was listed; an object of S3 is fetched into one without a name, which goes
/// with its last use.
pub(crate) async fn open(part: &Part, headway: &Headway) -> Result<Opened, Failure> {
    if let Some(bucket) = &part.bucket {
        return fetch(part, bucket, headway).await;
    }
    let file = match File::open(&part.at) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(replaced(part.name()));
        }
        file => file.map_err(|error| unopened(part.name(), &error))?,
    };
    let about = file
        .metadata()
        .map_err(|error| unopened(part.name(), &error))?;
    match about.len() == part.size && changed(&about) == part.version {
        true => Ok(Opened { file, room: None }),
        false => Err(replaced(part.name())),
    }
}
