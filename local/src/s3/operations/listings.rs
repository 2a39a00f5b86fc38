//! The operations that list: objects, in both versions, uploads and their parts.
//!
//! It speaks the protocol's types; what is on a page of objects, `listing` knows.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::{Answer, ok};
use crate::s3::answers::{listed, owner, rolled_up, spelled, tag};
use crate::s3::index;
use crate::s3::listing::{self, Listing};
use crate::s3::store::Store;
use crate::s3::time::at;

/// The most uploads or parts of one page (S3 API reference).
const MOST: usize = 1_000;

pub(in crate::s3) async fn list_objects_v2(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> Answer<ListObjectsV2Output> {
    let input = request.input;
    let token = input.continuation_token.as_deref().map(listing::after);
    let after = token.transpose()?.or_else(|| input.start_after.clone());
    let listing = Listing {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: after.unwrap_or_default(),
        most: Listing::most(input.max_keys)?,
    };
    let most = listing.most;
    let page = store.index.change(move |rows| listing.page(rows)).await?;
    let url = input.encoding_type.is_some();
    let owned = input.fetch_owner == Some(true);
    let count = page.objects.len() + page.prefixes.len();
    let objects = page.objects.into_iter();
    let prefixes = page.prefixes.into_iter();
    ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(spelled(input.prefix.unwrap_or_default(), url)),
        delimiter: input.delimiter.map(|text| spelled(text, url)),
        start_after: input.start_after.map(|text| spelled(text, url)),
        encoding_type: input.encoding_type,
        continuation_token: input.continuation_token,
        max_keys: Some(most as i32),
        key_count: Some(count as i32),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_deref().map(listing::token),
        contents: Some(objects.map(|object| listed(object, url, owned)).collect()),
        common_prefixes: Some(prefixes.map(|prefix| rolled_up(prefix, url)).collect()),
        ..ListObjectsV2Output::default()
    })
}

/// The older version, whose pages begin after a key that the client names.
pub(in crate::s3) async fn list_objects(
    store: &Store,
    request: S3Request<ListObjectsInput>,
) -> Answer<ListObjectsOutput> {
    let input = request.input;
    let delimiter = input.delimiter.clone().unwrap_or_default();
    let listing = Listing {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        after: listing::after_marker(input.marker.as_deref().unwrap_or_default(), &delimiter),
        delimiter,
        most: Listing::most(input.max_keys)?,
    };
    let most = listing.most;
    let page = store.index.change(move |rows| listing.page(rows)).await?;
    let url = input.encoding_type.is_some();
    let is_truncated = page.next.is_some();
    // Without a delimiter, the last key is the marker (S3 API reference, `ListObjects`).
    let next = page.next.filter(|_| input.delimiter.is_some());
    let next = next.map(|after| listing::marker(&after).to_owned());
    let objects = page.objects.into_iter();
    let prefixes = page.prefixes.into_iter();
    ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(spelled(input.prefix.unwrap_or_default(), url)),
        delimiter: input.delimiter.map(|text| spelled(text, url)),
        marker: Some(spelled(input.marker.unwrap_or_default(), url)),
        encoding_type: input.encoding_type,
        max_keys: Some(most as i32),
        is_truncated: Some(is_truncated),
        next_marker: next.map(|text| spelled(text, url)),
        contents: Some(objects.map(|object| listed(object, url, true)).collect()),
        common_prefixes: Some(prefixes.map(|prefix| rolled_up(prefix, url)).collect()),
        ..ListObjectsOutput::default()
    })
}

pub(in crate::s3) async fn list_multipart_uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> Answer<ListMultipartUploadsOutput> {
    let input = request.input;
    if input.delimiter.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "Uploads can't be listed by a delimiter here."
        ));
    }
    let most = at_most(input.max_uploads, "max-uploads")?;
    let bucket = input.bucket.clone();
    let uploads = store.index.change(move |rows| {
        rows.existing_bucket(&bucket)?;
        rows.uploads(&bucket)
    });
    let mut uploads = uploads.await?;
    let prefix = input.prefix.clone().unwrap_or_default();
    uploads.retain(|upload| upload.key.starts_with(&prefix));
    // Uploads of one key are in the order of their starts, so the id says how far the last page came.
    if let Some(key) = &input.key_marker {
        let id = input.upload_id_marker.as_ref();
        let last = id.and_then(|id| uploads.iter().position(|upload| upload.id == *id));
        match last {
            Some(last) => drop(uploads.drain(..=last)),
            None => uploads.retain(|upload| upload.key > *key),
        }
    }
    let is_truncated = uploads.len() > most;
    uploads.truncate(most);
    let last = uploads.last().filter(|_| is_truncated);
    let url = input.encoding_type.is_some();
    let listed = |upload: &index::Upload| MultipartUpload {
        key: Some(spelled(upload.key.clone(), url)),
        upload_id: Some(upload.id.clone()),
        initiated: Some(at(upload.started)),
        owner: Some(owner()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..MultipartUpload::default()
    };
    ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix.map(|text| spelled(text, url)),
        key_marker: Some(spelled(input.key_marker.unwrap_or_default(), url)),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        encoding_type: input.encoding_type,
        max_uploads: Some(most as i32),
        is_truncated: Some(is_truncated),
        next_key_marker: last.map(|upload| spelled(upload.key.clone(), url)),
        next_upload_id_marker: last.map(|upload| upload.id.clone()),
        uploads: Some(uploads.iter().map(listed).collect()),
        ..ListMultipartUploadsOutput::default()
    })
}

pub(in crate::s3) async fn list_parts(
    store: &Store,
    request: S3Request<ListPartsInput>,
) -> Answer<ListPartsOutput> {
    let input = request.input;
    let most = at_most(input.max_parts, "max-parts")?;
    let found = store.upload(&input.bucket, &input.key, &input.upload_id);
    let (_, mut parts) = found.await?;
    let after = input.part_number_marker.unwrap_or(0);
    parts.retain(|part| part.number > after);
    let is_truncated = parts.len() > most;
    parts.truncate(most);
    let last = parts.last().filter(|_| is_truncated);
    let listed = |part: &index::Part| Part {
        part_number: Some(part.number),
        size: Some(part.size as i64),
        e_tag: Some(tag(&part.etag)),
        last_modified: Some(at(part.modified)),
        ..Part::default()
    };
    ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: Some(most as i32),
        part_number_marker: Some(after),
        next_part_number_marker: last.map(|part| part.number),
        is_truncated: Some(is_truncated),
        parts: Some(parts.iter().map(listed).collect()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..ListPartsOutput::default()
    })
}

fn at_most(asked: Option<i32>, parameter: &str) -> S3Result<usize> {
    let asked = asked.map_or(Ok(MOST), usize::try_from);
    let asked = asked.map_err(|_| {
        s3_error!(
            InvalidArgument,
            "Argument {parameter} must be an integer between 0 and 2147483647"
        )
    })?;
    Ok(asked.min(MOST))
}
