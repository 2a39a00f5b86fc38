//! The operations on multipart uploads.
//!
//! It speaks the protocol's types and leaves what happens to the store.

use futures_util::{StreamExt, stream};
use s3s::S3Request;
use s3s::dto::*;

use super::{Answer, ok, upload};
use crate::s3::answers::{about, asked, sums, tag};
use crate::s3::chunked::Trailers;
use crate::s3::conditions::Conditions;
use crate::s3::index::{self, About};
use crate::s3::multipart::check_number;
use crate::s3::store::{Store, Upload, at};

pub(in crate::s3) async fn create_multipart_upload(
    store: &Store,
    mut request: S3Request<CreateMultipartUploadInput>,
) -> Answer<CreateMultipartUploadOutput> {
    let input = &mut request.input;
    let sum = asked(
        input.checksum_algorithm.as_ref(),
        input.checksum_type.as_ref(),
    )?;
    let about = About {
        sum: Some(sum),
        ..about!(input)
    };
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let id = store
        .start_upload(bucket.clone(), key.clone(), about)
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
) -> Answer<UploadPartOutput> {
    check_number(request.input.part_number)?;
    let (bucket, key, id) = (
        &request.input.bucket,
        &request.input.key,
        &request.input.upload_id,
    );
    let (upload, _) = store.upload(bucket, key, id).await?;
    let (draft, sum) = store.receive(upload!(request)).await?;
    let part = store
        .put_part(upload, request.input.part_number, draft, sum)
        .await?;
    let sums = sums(Some(&part.sum));
    ok(UploadPartOutput {
        e_tag: Some(tag(&part.etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        ..UploadPartOutput::default()
    })
}

pub(in crate::s3) async fn complete_multipart_upload(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> Answer<CompleteMultipartUploadOutput> {
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
    let sums = sums(object.about.sum.as_ref());
    ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(tag(&object.etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..CompleteMultipartUploadOutput::default()
    })
}

pub(in crate::s3) async fn abort_multipart_upload(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> Answer<AbortMultipartUploadOutput> {
    let input = request.input;
    let found = store.upload(&input.bucket, &input.key, &input.upload_id);
    let (upload, _) = found.await?;
    store.abort_upload(upload).await?;
    ok(AbortMultipartUploadOutput::default())
}

pub(in crate::s3) async fn list_parts(
    store: &Store,
    request: S3Request<ListPartsInput>,
) -> Answer<ListPartsOutput> {
    let input = request.input;
    let found = store.upload(&input.bucket, &input.key, &input.upload_id);
    let (_, parts) = found.await?;
    let part = |part: index::Part| Part {
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
        is_truncated: Some(false),
        parts: Some(parts.into_iter().map(part).collect()),
        ..ListPartsOutput::default()
    })
}
