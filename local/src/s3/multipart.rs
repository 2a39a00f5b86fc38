//! Multipart uploads: parts that are put one by one and become one object at the end.
//!
//! A part is as durable as an object. It knows nothing of HTTP; the object's place is `store`'s.

use md5::{Digest, Md5};
use s3s::dto::CompletedPart;
use s3s::{S3Result, s3_error};
use uuid::Uuid;

use super::blobs::{Draft, hex};
use super::checksum::Sum;
use super::conditions::Conditions;
use super::index::{About, Part, Rows, Stored, Upload};
use super::store::Store;
use super::time::now;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Every part but the last has at least so many bytes (S3 user guide, multipart upload limits).
const SMALLEST_PART: u64 = 5 << 20;
/// Part numbers begin at 1 (the same page).
const MOST_PARTS: i32 = 10_000;

impl Store {
    /// Starts an upload; its id. The description's checksum says which algorithm the parts will have.
    pub(super) async fn start_upload(
        &self,
        bucket: String,
        key: String,
        about: About,
    ) -> S3Result<String> {
        let upload = Upload {
            id: Uuid::new_v4().simple().to_string(),
            bucket,
            key,
            started: now(),
            about,
        };
        let id = upload.id.clone();
        let start = move |rows: &Rows<'_>| {
            rows.existing_bucket(&upload.bucket)?;
            rows.put_upload(&upload)
        };
        self.index.change(start).await?;
        Ok(id)
    }

    /// The upload and its parts.
    pub(super) async fn upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
    ) -> S3Result<(Upload, Vec<Part>)> {
        let (bucket, key, id) = (bucket.to_owned(), key.to_owned(), id.to_owned());
        let find = move |rows: &Rows<'_>| {
            let upload = under_way(rows, &bucket, &key, &id)?;
            let parts = rows.parts(&id)?;
            Ok((upload, parts))
        };
        self.index.change(find).await
    }

    /// Puts a part, in the place of an earlier one of its number.
    pub(super) async fn put_part(
        &self,
        upload: Upload,
        number: i32,
        draft: Draft,
        sum: Sum,
    ) -> S3Result<Part> {
        let part = Part {
            number,
            blob: draft.name().to_owned(),
            size: draft.size,
            etag: draft.etag(),
            modified: now(),
            sum,
        };
        let row = part.clone();
        let put = move |rows: &Rows<'_>| {
            under_way(rows, &upload.bucket, &upload.key, &upload.id)?;
            let mut parts = rows.parts(&upload.id)?.into_iter();
            rows.put_part(&upload.id, &row)?;
            let old = parts.find(|part| part.number == number);
            Ok(old.map(|old| old.blob))
        };
        self.keep(draft, put).await?;
        Ok(part)
    }

    /// Makes the object of the named parts and forgets the upload.
    pub(super) async fn complete_upload(
        &self,
        upload: Upload,
        parts: Vec<Part>,
        named: &[CompletedPart],
        conditions: Conditions,
    ) -> S3Result<Stored> {
        let chosen = choose(&parts, named)?;
        let piece = |part: &Part| (part.blob.clone(), 0..part.size);
        let pieces: Vec<_> = chosen.iter().map(piece).collect();
        let asked = upload.about.sum.clone();
        let draft = self.rewrite(&pieces, asked.as_ref()).await?;
        let about = About {
            sum: asked.map(|sum| whole(sum, &draft, &chosen)),
            parts: chosen.iter().map(|part| part.size).collect(),
            ..upload.about.clone()
        };
        let (bucket, key) = (upload.bucket.clone(), upload.key.clone());
        let etag = etag(&chosen);
        let object = self
            .put(bucket, key, draft, etag, about, conditions)
            .await?;
        self.abort_upload(upload).await?;
        Ok(object)
    }

    /// Forgets the upload and its parts.
    pub(super) async fn abort_upload(&self, upload: Upload) -> S3Result<()> {
        let abort = move |rows: &Rows<'_>| {
            let parts = rows.parts(&upload.id)?;
            rows.delete_upload(&upload.id)?;
            Ok(parts.into_iter().map(|part| part.blob).collect())
        };
        let blobs = self.index.change(abort).await?;
        self.blobs.remove(blobs).await;
        Ok(())
    }
}

/// # Errors
/// For a number that no part can have.
pub(super) fn check_number(number: i32) -> S3Result<()> {
    if (1..=MOST_PARTS).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(
        InvalidArgument,
        "Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
    ))
}

fn under_way(rows: &Rows<'_>, bucket: &str, key: &str, id: &str) -> S3Result<Upload> {
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

/// The parts that the request names, which must be there as named, in rising order, and large enough.
fn choose(parts: &[Part], named: &[CompletedPart]) -> S3Result<Vec<Part>> {
    if named.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let mut chosen: Vec<Part> = Vec::with_capacity(named.len());
    for name in named {
        if chosen
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
        chosen.push(part.clone());
    }
    let (_, all_but_last) = chosen.split_last().expect("at least one was named");
    if all_but_last.iter().any(|part| part.size < SMALLEST_PART) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    Ok(chosen)
}

/// The MD5 of the parts' MD5s, and how many there are.
fn etag(parts: &[Part]) -> String {
    let mut digest = Md5::new();
    for part in parts {
        let bytes = (0..part.etag.len() / 2)
            .filter_map(|at| u8::from_str_radix(&part.etag[2 * at..2 * at + 2], 16).ok());
        digest.update(bytes.collect::<Vec<u8>>());
    }
    format!("{}-{}", hex(&digest.finalize()), parts.len())
}

/// The checksum of the object: of all its bytes, or of its parts' checksums.
fn whole(asked: Sum, draft: &Draft, parts: &[Part]) -> Sum {
    if !asked.composite {
        return Sum {
            value: draft.sum.clone(),
            ..asked
        };
    }
    let mut hasher = asked.algorithm.hasher();
    for part in parts {
        hasher.update(&STANDARD.decode(&part.sum.value).unwrap_or_default());
    }
    let value = asked.algorithm.finish(hasher);
    Sum {
        value: format!("{value}-{}", parts.len()),
        ..asked
    }
}

#[cfg(test)]
mod tests {
    use s3s::dto::ETag;

    use super::super::checksum::Algorithm;
    use super::*;

    fn part(number: i32, size: u64) -> Part {
        Part {
            number,
            blob: number.to_string(),
            size,
            etag: format!("{number:032x}"),
            modified: 0,
            sum: Sum {
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
    fn the_named_parts_must_be_there_in_order_and_large_enough() {
        let parts = [part(1, SMALLEST_PART), part(2, 10), part(3, 1)];
        let code = |named: &[CompletedPart]| {
            let error = choose(&parts, named).err();
            error.map(|error| error.code().as_str().to_owned())
        };
        assert_eq!(code(&[named(1, 1), named(3, 3)]), None);
        assert_eq!(code(&[named(3, 3)]), None);
        let refused = |named: &[CompletedPart]| code(named).unwrap_or_default();
        assert_eq!(refused(&[named(2, 2), named(1, 1)]), "InvalidPartOrder");
        assert_eq!(refused(&[named(1, 1), named(4, 4)]), "InvalidPart");
        assert_eq!(refused(&[named(1, 2)]), "InvalidPart");
        assert_eq!(refused(&[named(2, 2), named(3, 3)]), "EntityTooSmall");
        assert_eq!(refused(&[]), "MalformedXML");
    }

    #[test]
    fn the_tag_counts_the_parts() {
        let tag = etag(&[part(1, 1), part(2, 1)]);
        assert_eq!((tag.len(), tag.ends_with("-2")), (34, true));
    }
}
