//! Multipart uploads: parts are stored one by one and combined into one object at the end.
//!
//! A part is as durable as an object.

use md5::{Digest, Md5};
use s3s::dto::CompletedPart;
use s3s::{S3Result, s3_error};
use uuid::Uuid;

use super::blobs::{UncommittedBlob, hex};
use super::checksum::StoredChecksum;
use super::conditions::Conditions;
use super::index::{IndexTransaction, ObjectMetadata, ObjectRow, PartRow, UploadRow};
use super::store::Store;
use super::time::now_ms;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Minimum size in bytes of every part but the last (S3 user guide, multipart upload limits).
const MIN_PART_BYTES: u64 = 5 << 20;
/// Highest part number; the lowest is 1 (the same page).
const MAX_PART_NUMBER: i32 = 10_000;

impl Store {
    /// Starts an upload and returns its id. `metadata.checksum` has the algorithm of the parts.
    pub(super) async fn start_upload(
        &self,
        bucket: String,
        key: String,
        metadata: ObjectMetadata,
    ) -> S3Result<String> {
        let upload = UploadRow {
            id: Uuid::new_v4().simple().to_string(),
            bucket,
            key,
            started: now_ms(),
            metadata,
        };
        let id = upload.id.clone();
        let start = move |rows: &IndexTransaction<'_>| {
            rows.existing_bucket(&upload.bucket)?;
            rows.put_upload(&upload)
        };
        self.index.transaction(start).await?;
        Ok(id)
    }

    /// The open upload and its parts.
    pub(super) async fn upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
    ) -> S3Result<(UploadRow, Vec<PartRow>)> {
        let (bucket, key, id) = (bucket.to_owned(), key.to_owned(), id.to_owned());
        let find = move |rows: &IndexTransaction<'_>| {
            let upload = open_upload(rows, &bucket, &key, &id)?;
            let parts = rows.parts(&id)?;
            Ok((upload, parts))
        };
        self.index.transaction(find).await
    }

    /// Stores a part and replaces an earlier one with the same number.
    pub(super) async fn put_part(
        &self,
        upload: UploadRow,
        number: i32,
        blob: UncommittedBlob,
        checksum: StoredChecksum,
    ) -> S3Result<PartRow> {
        let part = PartRow {
            number,
            blob: blob.name().to_owned(),
            size: blob.size,
            etag: blob.etag(),
            modified: now_ms(),
            checksum,
        };
        let row = part.clone();
        let put = move |rows: &IndexTransaction<'_>| {
            open_upload(rows, &upload.bucket, &upload.key, &upload.id)?;
            let mut parts = rows.parts(&upload.id)?.into_iter();
            rows.put_part(&upload.id, &row)?;
            let old = parts.find(|part| part.number == number);
            Ok(old.map(|old| old.blob))
        };
        self.commit_blob(blob, put).await?;
        Ok(part)
    }

    /// Combines the named parts into the object and deletes the upload.
    pub(super) async fn complete_upload(
        &self,
        upload: UploadRow,
        parts: Vec<PartRow>,
        named: &[CompletedPart],
        conditions: Conditions,
    ) -> S3Result<ObjectRow> {
        let selected = select_parts(&parts, named)?;
        let piece = |part: &PartRow| (part.blob.clone(), 0..part.size);
        let pieces: Vec<_> = selected.iter().map(piece).collect();
        let requested = upload.metadata.checksum.clone();
        let blob = self.concatenate(&pieces, requested.as_ref()).await?;
        let metadata = ObjectMetadata {
            checksum: requested.map(|checksum| object_checksum(checksum, &blob, &selected)),
            part_sizes: selected.iter().map(|part| part.size).collect(),
            ..upload.metadata.clone()
        };
        let (bucket, key) = (upload.bucket.clone(), upload.key.clone());
        let etag = multipart_etag(&selected);
        let object = self
            .put_object(bucket, key, blob, etag, metadata, conditions)
            .await?;
        self.abort_upload(upload).await?;
        Ok(object)
    }

    /// Deletes the upload and its parts.
    pub(super) async fn abort_upload(&self, upload: UploadRow) -> S3Result<()> {
        let abort = move |rows: &IndexTransaction<'_>| {
            let parts = rows.parts(&upload.id)?;
            rows.delete_upload(&upload.id)?;
            Ok(parts.into_iter().map(|part| part.blob).collect())
        };
        let blobs = self.index.transaction(abort).await?;
        self.blobs.remove(blobs).await;
        Ok(())
    }
}

/// Checks a part number.
///
/// # Errors
/// The number is out of range.
pub(super) fn check_number(number: i32) -> S3Result<()> {
    if (1..=MAX_PART_NUMBER).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(
        InvalidArgument,
        "Part number must be an integer between 1 and {MAX_PART_NUMBER}, inclusive"
    ))
}

fn open_upload(
    rows: &IndexTransaction<'_>,
    bucket: &str,
    key: &str,
    id: &str,
) -> S3Result<UploadRow> {
    rows.existing_bucket(bucket)?;
    let mut uploads = rows.uploads(bucket)?.into_iter();
    uploads
        .find(|upload| upload.id == id && upload.key == key)
        .ok_or_else(|| {
            s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
            )
        })
}

/// The parts that the request names.
///
/// # Errors
/// A part that is missing or has another ETag, is out of order, or is too small.
fn select_parts(parts: &[PartRow], named: &[CompletedPart]) -> S3Result<Vec<PartRow>> {
    if named.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let mut selected: Vec<PartRow> = Vec::with_capacity(named.len());
    for name in named {
        if selected
            .last()
            .is_some_and(|last| Some(last.number) >= name.part_number)
        {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let part = parts
            .iter()
            .find(|part| Some(part.number) == name.part_number);
        let part = part.filter(|part| {
            let tag = name.e_tag.as_ref();
            tag.is_none_or(|tag| tag.value() == part.etag)
        });
        let part = part.ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
            )
        })?;
        selected.push(part.clone());
    }
    let (_, all_but_last) = selected.split_last().expect("at least one was named");
    if all_but_last.iter().any(|part| part.size < MIN_PART_BYTES) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    Ok(selected)
}

/// The MD5 of the parts' MD5s, followed by the number of parts.
fn multipart_etag(parts: &[PartRow]) -> String {
    let mut digest = Md5::new();
    for part in parts {
        let bytes = (0..part.etag.len() / 2)
            .filter_map(|at| u8::from_str_radix(&part.etag[2 * at..2 * at + 2], 16).ok());
        digest.update(bytes.collect::<Vec<u8>>());
    }
    format!("{}-{}", hex(&digest.finalize()), parts.len())
}

/// The object's checksum: of all its bytes, or of its parts' checksums if composite.
fn object_checksum(
    requested: StoredChecksum,
    blob: &UncommittedBlob,
    parts: &[PartRow],
) -> StoredChecksum {
    if !requested.composite {
        return StoredChecksum {
            value: blob.checksum.clone(),
            ..requested
        };
    }
    let mut hasher = requested.algorithm.hasher();
    for part in parts {
        hasher.update(&STANDARD.decode(&part.checksum.value).unwrap_or_default());
    }
    let value = requested.algorithm.finish(hasher);
    StoredChecksum {
        value: format!("{value}-{}", parts.len()),
        ..requested
    }
}

#[cfg(test)]
mod tests {
    use s3s::dto::ETag;

    use super::super::checksum::Algorithm;
    use super::*;

    fn part(number: i32, size: u64) -> PartRow {
        PartRow {
            number,
            blob: number.to_string(),
            size,
            etag: format!("{number:032x}"),
            modified: 0,
            checksum: StoredChecksum {
                algorithm: Algorithm::Crc64Nvme,
                value: String::new(),
                composite: false,
            },
        }
    }

    fn named(number: i32, tag: i32) -> CompletedPart {
        CompletedPart {
            part_number: Some(number),
            e_tag: Some(ETag::Strong(format!("{tag:032x}"))),
            ..CompletedPart::default()
        }
    }

    #[test]
    fn named_parts_must_exist_in_order_and_be_large_enough() {
        let parts = [part(1, MIN_PART_BYTES), part(2, 10), part(3, 1)];
        let code = |named: &[CompletedPart]| {
            let error = select_parts(&parts, named).err();
            error.map(|error| error.code().as_str().to_owned())
        };
        assert_eq!(code(&[named(1, 1), named(3, 3)]), None);
        assert_eq!(code(&[named(3, 3)]), None);
        let error_code = |named: &[CompletedPart]| code(named).unwrap_or_default();
        assert_eq!(error_code(&[named(2, 2), named(1, 1)]), "InvalidPartOrder");
        assert_eq!(error_code(&[named(1, 1), named(4, 4)]), "InvalidPart");
        assert_eq!(error_code(&[named(1, 2)]), "InvalidPart");
        assert_eq!(error_code(&[named(2, 2), named(3, 3)]), "EntityTooSmall");
        assert_eq!(error_code(&[]), "MalformedXML");
    }

    #[test]
    fn the_etag_ends_with_the_number_of_parts() {
        let tag = multipart_etag(&[part(1, 1), part(2, 1)]);
        assert_eq!((tag.len(), tag.ends_with("-2")), (34, true));
    }
}
