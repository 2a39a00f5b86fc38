//! List operations: objects (both versions), multipart uploads and parts.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::{OperationResult, ok};
use crate::s3::conversions::{encode_key, listing_entry, owner, to_common_prefix, to_etag};
use crate::s3::index;
use crate::s3::listing::{self, ListQuery};
use crate::s3::store::Store;
use crate::s3::time::to_timestamp;

/// Maximum number of uploads or parts of one page (S3 API reference).
const MAX_PAGE: usize = 1_000;

pub(in crate::s3) async fn list_objects_v2(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> OperationResult<ListObjectsV2Output> {
    let input = request.input;
    let token = input
        .continuation_token
        .as_deref()
        .map(listing::decode_token);
    let after = token.transpose()?.or_else(|| input.start_after.clone());
    let listing = ListQuery {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: after.unwrap_or_default(),
        limit: ListQuery::page_limit(input.max_keys)?,
    };
    let limit = listing.limit;
    let page = store
        .index
        .transaction(move |rows| listing.page(rows))
        .await?;
    let url = input.encoding_type.is_some();
    let owned = input.fetch_owner == Some(true);
    let count = page.objects.len() + page.prefixes.len();
    let objects = page.objects.into_iter();
    let prefixes = page.prefixes.into_iter();
    ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encode_key(input.prefix.unwrap_or_default(), url)),
        delimiter: input.delimiter.map(|text| encode_key(text, url)),
        start_after: input.start_after.map(|text| encode_key(text, url)),
        encoding_type: input.encoding_type,
        continuation_token: input.continuation_token,
        max_keys: Some(limit as i32),
        key_count: Some(count as i32),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_deref().map(listing::encode_token),
        contents: Some(
            objects
                .map(|object| listing_entry(object, url, owned))
                .collect(),
        ),
        common_prefixes: Some(
            prefixes
                .map(|prefix| to_common_prefix(prefix, url))
                .collect(),
        ),
        ..ListObjectsV2Output::default()
    })
}

/// The older version, in which the client names the key after which a page begins.
pub(in crate::s3) async fn list_objects(
    store: &Store,
    request: S3Request<ListObjectsInput>,
) -> OperationResult<ListObjectsOutput> {
    let input = request.input;
    let delimiter = input.delimiter.clone().unwrap_or_default();
    let listing = ListQuery {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        after: listing::start_after_marker(input.marker.as_deref().unwrap_or_default(), &delimiter),
        delimiter,
        limit: ListQuery::page_limit(input.max_keys)?,
    };
    let limit = listing.limit;
    let page = store
        .index
        .transaction(move |rows| listing.page(rows))
        .await?;
    let url = input.encoding_type.is_some();
    let is_truncated = page.next.is_some();
    // Without a delimiter there is no NextMarker: the last key is the marker (S3 API reference,
    // `ListObjects`).
    let next = page.next.filter(|_| input.delimiter.is_some());
    let next = next.map(|after| listing::next_marker(&after).to_owned());
    let objects = page.objects.into_iter();
    let prefixes = page.prefixes.into_iter();
    ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encode_key(input.prefix.unwrap_or_default(), url)),
        delimiter: input.delimiter.map(|text| encode_key(text, url)),
        marker: Some(encode_key(input.marker.unwrap_or_default(), url)),
        encoding_type: input.encoding_type,
        max_keys: Some(limit as i32),
        is_truncated: Some(is_truncated),
        next_marker: next.map(|text| encode_key(text, url)),
        contents: Some(
            objects
                .map(|object| listing_entry(object, url, true))
                .collect(),
        ),
        common_prefixes: Some(
            prefixes
                .map(|prefix| to_common_prefix(prefix, url))
                .collect(),
        ),
        ..ListObjectsOutput::default()
    })
}

pub(in crate::s3) async fn list_multipart_uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> OperationResult<ListMultipartUploadsOutput> {
    let input = request.input;
    if input.delimiter.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "ListMultipartUploads with a delimiter is not implemented."
        ));
    }
    let limit = page_limit(input.max_uploads, "max-uploads")?;
    let bucket = input.bucket.clone();
    let uploads = store.index.transaction(move |rows| {
        rows.existing_bucket(&bucket)?;
        rows.uploads(&bucket)
    });
    let mut uploads = uploads.await?;
    let prefix = input.prefix.clone().unwrap_or_default();
    uploads.retain(|upload| upload.key.starts_with(&prefix));
    // Uploads of one key are ordered by start, so the upload id marks the end of the last page.
    if let Some(key) = &input.key_marker {
        let id = input.upload_id_marker.as_ref();
        let last = id.and_then(|id| uploads.iter().position(|upload| upload.id == *id));
        match last {
            Some(last) => drop(uploads.drain(..=last)),
            None => uploads.retain(|upload| upload.key > *key),
        }
    }
    let is_truncated = uploads.len() > limit;
    uploads.truncate(limit);
    let last = uploads.last().filter(|_| is_truncated);
    let url = input.encoding_type.is_some();
    let entry = |upload: &index::UploadRow| MultipartUpload {
        key: Some(encode_key(upload.key.clone(), url)),
        upload_id: Some(upload.id.clone()),
        initiated: Some(to_timestamp(upload.started)),
        owner: Some(owner()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..MultipartUpload::default()
    };
    ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix.map(|text| encode_key(text, url)),
        key_marker: Some(encode_key(input.key_marker.unwrap_or_default(), url)),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        encoding_type: input.encoding_type,
        max_uploads: Some(limit as i32),
        is_truncated: Some(is_truncated),
        next_key_marker: last.map(|upload| encode_key(upload.key.clone(), url)),
        next_upload_id_marker: last.map(|upload| upload.id.clone()),
        uploads: Some(uploads.iter().map(entry).collect()),
        ..ListMultipartUploadsOutput::default()
    })
}

pub(in crate::s3) async fn list_parts(
    store: &Store,
    request: S3Request<ListPartsInput>,
) -> OperationResult<ListPartsOutput> {
    let input = request.input;
    let limit = page_limit(input.max_parts, "max-parts")?;
    let found = store.upload(&input.bucket, &input.key, &input.upload_id);
    let (_, mut parts) = found.await?;
    let after = input.part_number_marker.unwrap_or(0);
    parts.retain(|part| part.number > after);
    let is_truncated = parts.len() > limit;
    parts.truncate(limit);
    let last = parts.last().filter(|_| is_truncated);
    let entry = |part: &index::PartRow| Part {
        part_number: Some(part.number),
        size: Some(part.size as i64),
        e_tag: Some(to_etag(&part.etag)),
        last_modified: Some(to_timestamp(part.modified)),
        ..Part::default()
    };
    ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: Some(limit as i32),
        part_number_marker: Some(after),
        next_part_number_marker: last.map(|part| part.number),
        is_truncated: Some(is_truncated),
        parts: Some(parts.iter().map(entry).collect()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..ListPartsOutput::default()
    })
}

fn page_limit(requested: Option<i32>, parameter: &str) -> S3Result<usize> {
    let requested = requested.map_or(Ok(MAX_PAGE), usize::try_from);
    let requested = requested.map_err(|_| {
        s3_error!(
            InvalidArgument,
            "Argument {parameter} must be an integer between 0 and 2147483647"
        )
    })?;
    Ok(requested.min(MAX_PAGE))
}
