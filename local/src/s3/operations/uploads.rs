//! The operations on multipart uploads.
//!
//! It speaks the protocol's types and leaves what happens to the store.

use futures_util::{StreamExt, stream};
use s3s::dto::*;
use s3s::{S3Request, s3_error};

use super::{Answer, ok, source, upload};
use crate::s3::answers::{about, asked, kind, summed, tag};
use crate::s3::checksum::{Algorithm, Sum};
use crate::s3::chunked::Trailers;
use crate::s3::conditions::Conditions;
use crate::s3::index::About;
use crate::s3::multipart::check_number;
use crate::s3::store::{Store, Upload};
use crate::s3::time::at;

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
        ..about!(input)?
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
    ok(summed!(UploadPartOutput, Some(&part.sum), {
        e_tag: Some(tag(&part.etag)),
    }))
}

/// A part that is an object which is there already, or a range of it.
pub(in crate::s3) async fn upload_part_copy(
    store: &Store,
    mut request: S3Request<UploadPartCopyInput>,
) -> Answer<UploadPartCopyOutput> {
    let input = &mut request.input;
    check_number(input.part_number)?;
    let found = store.upload(&input.bucket, &input.key, &input.upload_id);
    let (upload, _) = found.await?;
    let source = source!(store, input);
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
    let sum = upload.about.sum.clone();
    let draft = store.rewrite(&[(source.blob, range)], sum.as_ref()).await?;
    let sum = Sum {
        algorithm: sum.map_or(Algorithm::Crc64Nvme, |sum| sum.algorithm),
        value: draft.sum.clone(),
        composite: false,
    };
    let part = store
        .put_part(upload, input.part_number, draft, sum)
        .await?;
    ok(UploadPartCopyOutput {
        copy_part_result: Some(summed!(CopyPartResult, Some(&part.sum), {
            e_tag: Some(tag(&part.etag)),
            last_modified: Some(at(part.modified)),
        })),
        ..UploadPartCopyOutput::default()
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
    let sum = object.about.sum.as_ref();
    ok(summed!(CompleteMultipartUploadOutput, sum, {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(tag(&object.etag)),
        checksum_type: sum.map(kind),
    }))
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
