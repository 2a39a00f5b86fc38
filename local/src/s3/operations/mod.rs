//! The supported S3 operations. Others return S3's `NotImplemented`.

mod buckets;
mod listings;
mod objects;
mod uploads;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::store::Store;

/// The operations over one store.
pub(super) struct Operations(pub(super) Store);

type OperationResult<T> = S3Result<S3Response<T>>;

fn ok<T>(output: T) -> OperationResult<T> {
    Ok(S3Response::new(output))
}

/// The body of a request with its headers and trailers.
macro_rules! upload_body {
    ($request:expr) => {
        BodyUpload {
            body: Box::pin(stream::iter($request.input.body.take()).flatten()),
            length: $request.input.content_length,
            headers: &$request.headers,
            trailers: $request.extensions.get::<Trailers>(),
        }
    };
}
use upload_body;

/// The source object of `CopyObject` or `UploadPartCopy`, if its conditions hold.
macro_rules! copy_source {
    ($store:expr, $input:expr) => {{
        let conditions = Conditions {
            if_match: $input.copy_source_if_match.take(),
            if_none_match: $input.copy_source_if_none_match.take(),
            if_modified_since: $input.copy_source_if_modified_since.take(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.take(),
        };
        $crate::s3::operations::objects::copy_source($store, &$input.copy_source, &conditions)
            .await?
    }};
}
use copy_source;

macro_rules! operations {
    ($($module:ident::$name:ident($input:ident) -> $output:ident;)*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(async fn $name(&self, request: S3Request<$input>) -> OperationResult<$output> {
                $module::$name(&self.0, request).await
            })*
        }
    };
}

operations! {
    buckets::list_buckets(ListBucketsInput) -> ListBucketsOutput;
    buckets::create_bucket(CreateBucketInput) -> CreateBucketOutput;
    buckets::head_bucket(HeadBucketInput) -> HeadBucketOutput;
    buckets::delete_bucket(DeleteBucketInput) -> DeleteBucketOutput;
    buckets::get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput;
    buckets::get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput;
    buckets::put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput;
    buckets::delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput;
    listings::list_objects(ListObjectsInput) -> ListObjectsOutput;
    listings::list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
    listings::list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput;
    listings::list_parts(ListPartsInput) -> ListPartsOutput;
    objects::put_object(PutObjectInput) -> PutObjectOutput;
    objects::get_object(GetObjectInput) -> GetObjectOutput;
    objects::head_object(HeadObjectInput) -> HeadObjectOutput;
    objects::delete_object(DeleteObjectInput) -> DeleteObjectOutput;
    objects::delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput;
    objects::copy_object(CopyObjectInput) -> CopyObjectOutput;
    uploads::create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
    uploads::upload_part(UploadPartInput) -> UploadPartOutput;
    uploads::upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput;
    uploads::complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput;
    uploads::abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
}
