//! Operations on buckets and their CORS rules.

use s3s::dto::*;
use s3s::{S3Request, s3_error};

use super::{OperationResult, ok};
use crate::s3::conversions::{from_cors_dto, to_cors_dto};
use crate::s3::cors;
use crate::s3::store::Store;
use crate::s3::time::to_timestamp;
use crate::stack_spec::REGION;

pub(in crate::s3) async fn list_buckets(
    store: &Store,
    _: S3Request<ListBucketsInput>,
) -> OperationResult<ListBucketsOutput> {
    let buckets = store.index.transaction(|rows| rows.buckets()).await?;
    let named = |(name, created)| Bucket {
        name: Some(name),
        creation_date: Some(to_timestamp(created)),
        ..Bucket::default()
    };
    ok(ListBucketsOutput {
        buckets: Some(buckets.into_iter().map(named).collect()),
        ..ListBucketsOutput::default()
    })
}

pub(in crate::s3) async fn create_bucket(
    store: &Store,
    request: S3Request<CreateBucketInput>,
) -> OperationResult<CreateBucketOutput> {
    let location = format!("/{}", request.input.bucket);
    store.create_bucket(request.input.bucket).await?;
    ok(CreateBucketOutput {
        location: Some(location),
    })
}

pub(in crate::s3) async fn head_bucket(
    store: &Store,
    request: S3Request<HeadBucketInput>,
) -> OperationResult<HeadBucketOutput> {
    store.bucket(&request.input.bucket).await?;
    ok(HeadBucketOutput {
        bucket_region: Some(REGION.to_owned()),
        ..HeadBucketOutput::default()
    })
}

pub(in crate::s3) async fn delete_bucket(
    store: &Store,
    request: S3Request<DeleteBucketInput>,
) -> OperationResult<DeleteBucketOutput> {
    store.delete_bucket(request.input.bucket).await?;
    ok(DeleteBucketOutput::default())
}

/// An empty location means us-east-1, the region of every embedded bucket.
pub(in crate::s3) async fn get_bucket_location(
    store: &Store,
    request: S3Request<GetBucketLocationInput>,
) -> OperationResult<GetBucketLocationOutput> {
    store.bucket(&request.input.bucket).await?;
    ok(GetBucketLocationOutput::default())
}

pub(in crate::s3) async fn get_bucket_cors(
    store: &Store,
    request: S3Request<GetBucketCorsInput>,
) -> OperationResult<GetBucketCorsOutput> {
    let rules = store.bucket(&request.input.bucket).await?.cors;
    if rules.is_empty() {
        return Err(s3_error!(
            NoSuchCORSConfiguration,
            "The CORS configuration does not exist"
        ));
    }
    ok(GetBucketCorsOutput {
        cors_rules: Some(rules.into_iter().map(to_cors_dto).collect()),
    })
}

pub(in crate::s3) async fn put_bucket_cors(
    store: &Store,
    request: S3Request<PutBucketCorsInput>,
) -> OperationResult<PutBucketCorsOutput> {
    let rules = request.input.cors_configuration.cors_rules;
    let rules: Vec<_> = rules.into_iter().map(from_cors_dto).collect();
    cors::validate(&rules)?;
    store.set_cors(request.input.bucket, rules).await?;
    ok(PutBucketCorsOutput::default())
}

pub(in crate::s3) async fn delete_bucket_cors(
    store: &Store,
    request: S3Request<DeleteBucketCorsInput>,
) -> OperationResult<DeleteBucketCorsOutput> {
    store.set_cors(request.input.bucket, vec![]).await?;
    ok(DeleteBucketCorsOutput::default())
}
