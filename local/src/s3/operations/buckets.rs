//! The operations on buckets: which there are, and their CORS rules.
//!
//! It speaks the protocol's types and leaves what happens to the store.

use s3s::dto::*;
use s3s::{S3Request, s3_error};

use super::{Answer, ok};
use crate::plan::REGION;
use crate::s3::answers::{from_rule, to_rule};
use crate::s3::cors;
use crate::s3::store::Store;
use crate::s3::time::at;

pub(in crate::s3) async fn list_buckets(
    store: &Store,
    _: S3Request<ListBucketsInput>,
) -> Answer<ListBucketsOutput> {
    let buckets = store.index.change(|rows| rows.buckets()).await?;
    let named = |(name, created)| Bucket {
        name: Some(name),
        creation_date: Some(at(created)),
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
) -> Answer<CreateBucketOutput> {
    let location = format!("/{}", request.input.bucket);
    store.create_bucket(request.input.bucket).await?;
    ok(CreateBucketOutput {
        location: Some(location),
    })
}

pub(in crate::s3) async fn head_bucket(
    store: &Store,
    request: S3Request<HeadBucketInput>,
) -> Answer<HeadBucketOutput> {
    store.bucket(&request.input.bucket).await?;
    ok(HeadBucketOutput {
        bucket_region: Some(REGION.to_owned()),
        ..HeadBucketOutput::default()
    })
}

pub(in crate::s3) async fn delete_bucket(
    store: &Store,
    request: S3Request<DeleteBucketInput>,
) -> Answer<DeleteBucketOutput> {
    store.delete_bucket(request.input.bucket).await?;
    ok(DeleteBucketOutput::default())
}

/// Nothing stands for us-east-1, where every local bucket is.
pub(in crate::s3) async fn get_bucket_location(
    store: &Store,
    request: S3Request<GetBucketLocationInput>,
) -> Answer<GetBucketLocationOutput> {
    store.bucket(&request.input.bucket).await?;
    ok(GetBucketLocationOutput::default())
}

pub(in crate::s3) async fn get_bucket_cors(
    store: &Store,
    request: S3Request<GetBucketCorsInput>,
) -> Answer<GetBucketCorsOutput> {
    let rules = store.bucket(&request.input.bucket).await?.cors;
    if rules.is_empty() {
        return Err(s3_error!(
            NoSuchCORSConfiguration,
            "The CORS configuration does not exist"
        ));
    }
    ok(GetBucketCorsOutput {
        cors_rules: Some(rules.into_iter().map(from_rule).collect()),
    })
}

pub(in crate::s3) async fn put_bucket_cors(
    store: &Store,
    request: S3Request<PutBucketCorsInput>,
) -> Answer<PutBucketCorsOutput> {
    let rules = request.input.cors_configuration.cors_rules;
    let rules: Vec<_> = rules.into_iter().map(to_rule).collect();
    cors::check(&rules)?;
    store.set_cors(request.input.bucket, rules).await?;
    ok(PutBucketCorsOutput::default())
}

pub(in crate::s3) async fn delete_bucket_cors(
    store: &Store,
    request: S3Request<DeleteBucketCorsInput>,
) -> Answer<DeleteBucketCorsOutput> {
    store.set_cors(request.input.bucket, vec![]).await?;
    ok(DeleteBucketCorsOutput::default())
}
