//! Operations on objects.

use futures_util::{StreamExt, stream};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, s3_error};

use super::{OperationResult, copy_source, ok, upload_body};
use crate::s3::checksum::StoredChecksum;
use crate::s3::chunked::Trailers;
use crate::s3::conditions::Conditions;
use crate::s3::conversions::{
    checksum_type, object_metadata, object_response, to_etag, with_checksum,
};
use crate::s3::index::{ObjectMetadata, ObjectRow};
use crate::s3::store::{BodyUpload, Store};
use crate::s3::time::to_timestamp;

pub(in crate::s3) async fn put_object(
    store: &Store,
    mut request: S3Request<PutObjectInput>,
) -> OperationResult<PutObjectOutput> {
    store.bucket(&request.input.bucket).await?;
    let (blob, checksum) = store.write_body(upload_body!(request)).await?;
    let input = &mut request.input;
    let metadata = ObjectMetadata {
        checksum: Some(checksum),
        ..object_metadata!(input)?
    };
    let conditions = Conditions {
        if_match: input.if_match.take(),
        if_none_match: input.if_none_match.take(),
        ..Conditions::default()
    };
    let (etag, input) = (blob.etag(), request.input);
    let put = store.put_object(input.bucket, input.key, blob, etag, metadata, conditions);
    let object = put.await?;
    let checksum = object.metadata.checksum.as_ref();
    ok(with_checksum!(PutObjectOutput, checksum, {
        e_tag: Some(to_etag(&object.etag)),
        checksum_type: checksum.map(checksum_type),
    }))
}

/// The object that a request reads, if its conditions hold, and the requested range.
macro_rules! object_to_read {
    ($store:expr, $input:expr) => {{
        reject_versions($input.version_id.as_deref())?;
        let conditions = Conditions {
            if_match: $input.if_match,
            if_none_match: $input.if_none_match,
            if_modified_since: $input.if_modified_since,
            if_unmodified_since: $input.if_unmodified_since,
        };
        let object = $store.object(&$input.bucket, &$input.key).await?;
        conditions.check_read(&object)?;
        let range = requested_range(&object, $input.range, $input.part_number)?;
        (object, range)
    }};
}

pub(in crate::s3) async fn get_object(
    store: &Store,
    request: S3Request<GetObjectInput>,
) -> OperationResult<GetObjectOutput> {
    let input = request.input;
    let (object, range) = object_to_read!(store, input);
    let bytes_range = range.clone().unwrap_or(0..object.size);
    let bytes = store.blobs.read(&object.blob, bytes_range).await?;
    let checksum = returned_checksum(&object, input.checksum_mode.is_some() && range.is_none());
    let output = object_response!(GetObjectOutput, object, input.part_number, range, checksum);
    ok(GetObjectOutput {
        body: Some(StreamingBlob::wrap(bytes)),
        ..output
    })
}

pub(in crate::s3) async fn head_object(
    store: &Store,
    request: S3Request<HeadObjectInput>,
) -> OperationResult<HeadObjectOutput> {
    let input = request.input;
    let (object, range) = object_to_read!(store, input);
    let checksum = returned_checksum(&object, input.checksum_mode.is_some() && range.is_none());
    ok(object_response!(
        HeadObjectOutput,
        object,
        input.part_number,
        range,
        checksum
    ))
}

pub(in crate::s3) async fn delete_object(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> OperationResult<DeleteObjectOutput> {
    let input = request.input;
    reject_versions(input.version_id.as_deref())?;
    let keys = vec![(input.key, input.if_match)];
    let mut outcomes = store.delete(&input.bucket, keys).await?;
    // S3 returns 204 whether or not the object existed.
    outcomes.pop().unwrap_or(Ok(()))?;
    ok(DeleteObjectOutput::default())
}

pub(in crate::s3) async fn delete_objects(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> OperationResult<DeleteObjectsOutput> {
    let input = request.input;
    // Maximum number of keys of one request (S3 API reference).
    if input.delete.objects.len() > 1_000 {
        return Err(s3_error!(
            MalformedXML,
            "A DeleteObjects request can name at most 1000 objects."
        ));
    }
    let objects = input.delete.objects.into_iter();
    let keys: Vec<_> = objects
        .map(|object| (object.key, object.e_tag.map(ETagCondition::ETag)))
        .collect();
    let outcomes = store.delete(&input.bucket, keys.clone()).await?;
    let (mut deleted, mut errors) = (vec![], vec![]);
    for ((key, _), outcome) in keys.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) if input.delete.quiet == Some(true) => {}
            Ok(()) => deleted.push(DeletedObject {
                key: Some(key),
                ..DeletedObject::default()
            }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                key: Some(key),
                message: error.message().map(str::to_owned),
                version_id: None,
            }),
        }
    }
    let some = |list: Vec<Error>| Some(list).filter(|list| !list.is_empty());
    ok(DeleteObjectsOutput {
        deleted: Some(deleted),
        errors: some(errors),
        ..DeleteObjectsOutput::default()
    })
}

pub(in crate::s3) async fn copy_object(
    store: &Store,
    mut request: S3Request<CopyObjectInput>,
) -> OperationResult<CopyObjectOutput> {
    let input = &mut request.input;
    let source = copy_source!(store, input);
    let directive = input
        .metadata_directive
        .as_ref()
        .map(MetadataDirective::as_str);
    let replaces_metadata = directive == Some(MetadataDirective::REPLACE);
    let onto_itself = matches!(
        &input.copy_source,
        CopySource::Bucket { bucket, key, .. } if **bucket == input.bucket && **key == input.key
    );
    if !replaces_metadata && onto_itself {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let metadata = ObjectMetadata {
        checksum: source.metadata.checksum.clone(),
        ..if replaces_metadata {
            object_metadata!(input)?
        } else {
            source.metadata.clone()
        }
    };
    let conditions = Conditions::of_destination(&request.headers)?;
    let input = request.input;
    let copy = store.copy(&source, input.bucket, input.key, metadata, conditions);
    let object = copy.await?;
    ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(to_etag(&object.etag)),
            last_modified: Some(to_timestamp(object.modified)),
            ..CopyObjectResult::default()
        }),
        ..CopyObjectOutput::default()
    })
}

/// The source object of a copy, if its conditions hold.
pub(super) async fn copy_source(
    store: &Store,
    named: &CopySource,
    conditions: &Conditions,
) -> S3Result<ObjectRow> {
    let CopySource::Bucket {
        bucket,
        key,
        version_id,
    } = named
    else {
        return Err(s3_error!(
            NotImplemented,
            "Copying from an access point is not implemented."
        ));
    };
    reject_versions(version_id.as_deref())?;
    let source = store.object(bucket, key).await?;
    conditions.check_copy_source(&source)?;
    Ok(source)
}

/// The byte range that a request reads, by range or part number; `None` for the whole object. An object
/// written by one request has one part.
fn requested_range(
    object: &ObjectRow,
    range: Option<Range>,
    part: Option<i32>,
) -> S3Result<Option<std::ops::Range<u64>>> {
    match (range, part) {
        (Some(_), Some(_)) => Err(s3_error!(
            InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter."
        )),
        (Some(range), None) => Ok(Some(range.check(object.size)?)),
        (None, None) => Ok(None),
        (None, Some(number)) => {
            let whole = [object.size];
            let sizes = match &object.metadata.part_sizes[..] {
                [] => &whole[..],
                sizes => sizes,
            };
            let index = usize::try_from(number)
                .ok()
                .and_then(|number| number.checked_sub(1));
            let Some((index, size)) = index.and_then(|index| Some((index, sizes.get(index)?)))
            else {
                return Err(no_such_part());
            };
            let start: u64 = sizes[..index].iter().sum();
            Ok(Some(start..start + size).filter(|range| !range.is_empty()))
        }
    }
}

fn no_such_part() -> S3Error {
    let code = S3ErrorCode::Custom("InvalidPartNumber".into());
    let mut error = S3Error::with_message(code, "The requested partnumber is not satisfiable");
    error.set_status_code(http::StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

/// The checksum, if `requested`.
fn returned_checksum(object: &ObjectRow, requested: bool) -> Option<&StoredChecksum> {
    object.metadata.checksum.as_ref().filter(|_| requested)
}

/// Rejects a version id other than `null`, since versions are not supported.
fn reject_versions(version: Option<&str>) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(s3_error!(
            NoSuchVersion,
            "The specified version does not exist."
        ));
    }
    Ok(())
}
