//! Operations on multipart uploads.

use futures_util::{StreamExt, stream};
use s3s::dto::*;
use s3s::{S3Request, s3_error};

use super::{OperationResult, copy_source, ok, upload_body};
use crate::s3::checksum::{Algorithm, StoredChecksum};
use crate::s3::chunked::Trailers;
use crate::s3::conditions::Conditions;
use crate::s3::conversions::{
    checksum_type, object_metadata, requested_checksum, to_etag, with_checksum,
};
use crate::s3::index::ObjectMetadata;
use crate::s3::multipart::check_number;
use crate::s3::store::{BodyUpload, Store};
use crate::s3::time::to_timestamp;

pub(in crate::s3) async fn create_multipart_upload(
    store: &Store,
    mut request: S3Request<CreateMultipartUploadInput>,
) -> OperationResult<CreateMultipartUploadOutput> {
    let input = &mut request.input;
    let checksum = requested_checksum(
        input.checksum_algorithm.as_ref(),
        input.checksum_type.as_ref(),
    )?;
    let metadata = ObjectMetadata {
        checksum: Some(checksum),
        ..object_metadata!(input)?
    };
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let id = store
        .start_upload(bucket.clone(), key.clone(), metadata)
        .await?;
    ok(CreateMultipartUploadOutput {
        bucket: Some(bucket),
        key: Some(key),
        upload_id: Some(id),
        checksum_algorithm: request.input.checksum_algorithm,
        checksum_type: request.input.checksum_type,
        ..CreateMultipartUploadOutput::default()
    })
}

pub(in crate::s3) async fn upload_part(
    store: &Store,
    mut request: S3Request<UploadPartInput>,
) -> OperationResult<UploadPartOutput> {
    check_number(request.input.part_number)?;
    let (bucket, key, id) = (
        &request.input.bucket,
        &request.input.key,
        &request.input.upload_id,
    );
    let (upload, _) = store.upload(bucket, key, id).await?;
    let (blob, checksum) = store.write_body(upload_body!(request)).await?;
    let part = store
        .put_part(upload, request.input.part_number, blob, checksum)
        .await?;
    ok(with_checksum!(UploadPartOutput, Some(&part.checksum), {
        e_tag: Some(to_etag(&part.etag)),
    }))
}

/// Stores an existing object, or a range of it, as a part.
pub(in crate::s3) async fn upload_part_copy(
    store: &Store,
    mut request: S3Request<UploadPartCopyInput>,
) -> OperationResult<UploadPartCopyOutput> {
    let input = &mut request.input;
    check_number(input.part_number)?;
    let found = store.upload(&input.bucket, &input.key, &input.upload_id);
    let (upload, _) = found.await?;
    let source = copy_source!(store, input);
    let range = input.copy_source_range.as_deref().map(Range::parse);
    let range = match range {
        None => 0..source.size,
        Some(Ok(
            range @ Range::Int {
                last: Some(last), ..
            },
        )) if last < source.size => range.check(source.size)?,
        Some(_) => {
            return Err(s3_error!(
                InvalidArgument,
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"
            ));
        }
    };
    let checksum = upload.metadata.checksum.clone();
    let blob = store
        .concatenate(&[(source.blob, range)], checksum.as_ref())
        .await?;
    let checksum = StoredChecksum {
        algorithm: checksum.map_or(Algorithm::Crc64Nvme, |checksum| checksum.algorithm),
        value: blob.checksum.clone(),
        composite: false,
    };
    let part = store
        .put_part(upload, input.part_number, blob, checksum)
        .await?;
    ok(UploadPartCopyOutput {
        copy_part_result: Some(with_checksum!(CopyPartResult, Some(&part.checksum), {
            e_tag: Some(to_etag(&part.etag)),
            last_modified: Some(to_timestamp(part.modified)),
        })),
        ..UploadPartCopyOutput::default()
    })
}

pub(in crate::s3) async fn complete_multipart_upload(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> OperationResult<CompleteMultipartUploadOutput> {
    let input = request.input;
    let found = store.upload(&input.bucket, &input.key, &input.upload_id);
    let (upload, parts) = found.await?;
    let named = input.multipart_upload.and_then(|upload| upload.parts);
    let conditions = Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        ..Conditions::default()
    };
    let named = named.unwrap_or_default();
    let object = store
        .complete_upload(upload, parts, &named, conditions)
        .await?;
    let checksum = object.metadata.checksum.as_ref();
    ok(with_checksum!(CompleteMultipartUploadOutput, checksum, {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(to_etag(&object.etag)),
        checksum_type: checksum.map(checksum_type),
    }))
}

pub(in crate::s3) async fn abort_multipart_upload(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> OperationResult<AbortMultipartUploadOutput> {
    let input = request.input;
    let found = store.upload(&input.bucket, &input.key, &input.upload_id);
    let (upload, _) = found.await?;
    store.abort_upload(upload).await?;
    ok(AbortMultipartUploadOutput::default())
}
