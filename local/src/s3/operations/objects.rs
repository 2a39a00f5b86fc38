//! The operations on objects.
//!
//! It speaks the protocol's types and leaves what happens to the store.

use futures_util::{StreamExt, stream};
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::{Answer, ok, upload};
use crate::s3::answers::{about, described, sums, tag};
use crate::s3::chunked::Trailers;
use crate::s3::conditions::Conditions;
use crate::s3::index::{About, Stored};
use crate::s3::store::{Store, Upload, at};

pub(in crate::s3) async fn put_object(
    store: &Store,
    mut request: S3Request<PutObjectInput>,
) -> Answer<PutObjectOutput> {
    store.bucket(&request.input.bucket).await?;
    let (draft, sum) = store.receive(upload!(request)).await?;
    let input = &mut request.input;
    let about = About {
        sum: Some(sum),
        ..about!(input)
    };
    let conditions = Conditions {
        if_match: input.if_match.take(),
        if_none_match: input.if_none_match.take(),
        ..Conditions::default()
    };
    let (etag, input) = (draft.etag(), request.input);
    let put = store.put(input.bucket, input.key, draft, etag, about, conditions);
    let object = put.await?;
    let sums = sums(object.about.sum.as_ref());
    ok(PutObjectOutput {
        e_tag: Some(tag(&object.etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..PutObjectOutput::default()
    })
}

pub(in crate::s3) async fn get_object(
    store: &Store,
    request: S3Request<GetObjectInput>,
) -> Answer<GetObjectOutput> {
    let input = request.input;
    only_version(input.version_id.as_deref(), input.part_number)?;
    let conditions = Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let object = store.object(&input.bucket, &input.key).await?;
    conditions.allow_reading(&object)?;
    let range = input
        .range
        .map(|range| range.check(object.size))
        .transpose()?;
    let asked = range.clone().unwrap_or(0..object.size);
    let bytes = store.blobs.read(&object.blob, asked).await?;
    let sums = checksums(&object, input.checksum_mode.is_some() && range.is_none());
    let answer = described!(GetObjectOutput, object, range, sums);
    ok(GetObjectOutput {
        body: Some(StreamingBlob::wrap(bytes)),
        ..answer
    })
}

pub(in crate::s3) async fn head_object(
    store: &Store,
    request: S3Request<HeadObjectInput>,
) -> Answer<HeadObjectOutput> {
    let input = request.input;
    only_version(input.version_id.as_deref(), input.part_number)?;
    let object = store.object(&input.bucket, &input.key).await?;
    let conditions = Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    conditions.allow_reading(&object)?;
    let range = input
        .range
        .map(|range| range.check(object.size))
        .transpose()?;
    let sums = checksums(&object, input.checksum_mode.is_some() && range.is_none());
    ok(described!(HeadObjectOutput, object, range, sums))
}

pub(in crate::s3) async fn delete_object(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> Answer<DeleteObjectOutput> {
    only_version(request.input.version_id.as_deref(), None)?;
    let keys = vec![request.input.key];
    store.delete(&request.input.bucket, keys).await?;
    // S3 answers 204 whether there was an object or not.
    ok(DeleteObjectOutput::default())
}

pub(in crate::s3) async fn delete_objects(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> Answer<DeleteObjectsOutput> {
    let input = request.input;
    // The most that one request may name (S3 API reference).
    if input.delete.objects.len() > 1_000 {
        return Err(s3_error!(
            MalformedXML,
            "A request deletes up to 1000 objects."
        ));
    }
    let keys: Vec<_> = input
        .delete
        .objects
        .into_iter()
        .map(|object| object.key)
        .collect();
    store.delete(&input.bucket, keys.clone()).await?;
    let deleted = |key| DeletedObject {
        key: Some(key),
        ..DeletedObject::default()
    };
    let quiet = input.delete.quiet == Some(true);
    let deleted = keys.into_iter().filter(|_| !quiet).map(deleted).collect();
    ok(DeleteObjectsOutput {
        deleted: Some(deleted),
        ..DeleteObjectsOutput::default()
    })
}

pub(in crate::s3) async fn copy_object(
    store: &Store,
    mut request: S3Request<CopyObjectInput>,
) -> Answer<CopyObjectOutput> {
    let input = &mut request.input;
    let CopySource::Bucket {
        bucket,
        key,
        version_id,
    } = &input.copy_source
    else {
        return Err(s3_error!(
            NotImplemented,
            "Objects are copied from buckets only."
        ));
    };
    only_version(version_id.as_deref(), None)?;
    let source = store.object(bucket, key).await?;
    let conditions = Conditions {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    conditions.allow_copying(&source)?;
    let directive = input
        .metadata_directive
        .as_ref()
        .map(MetadataDirective::as_str);
    let replaced = directive == Some(MetadataDirective::REPLACE);
    if !replaced && **bucket == input.bucket && **key == input.key {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let about = About {
        sum: source.about.sum.clone(),
        ..if replaced {
            about!(input)
        } else {
            source.about.clone()
        }
    };
    let input = request.input;
    let copy = store.copy(
        &source,
        input.bucket,
        input.key,
        about,
        Conditions::default(),
    );
    let object = copy.await?;
    ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(tag(&object.etag)),
            last_modified: Some(at(object.modified)),
            ..CopyObjectResult::default()
        }),
        ..CopyObjectOutput::default()
    })
}

fn checksums(object: &Stored, asked: bool) -> Checksum {
    sums(object.about.sum.as_ref().filter(|_| asked))
}

/// There are no versions here, and no single part of an object can be read.
fn only_version(version: Option<&str>, part: Option<i32>) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(s3_error!(
            NoSuchVersion,
            "The specified version does not exist."
        ));
    }
    if part.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "One part of an object can't be read here."
        ));
    }
    Ok(())
}
