//! Conversions between stored rows and the `s3s` crate's protocol types.

use s3s::dto::{
    CORSRule, Checksum, ChecksumAlgorithm, ChecksumType, CommonPrefix, ETag, Object,
    ObjectStorageClass, Owner,
};
use s3s::{S3Result, s3_error};

use super::checksum::{Algorithm, StoredChecksum};
use super::index::{ObjectMetadata, ObjectRow};
use super::listing::url_encode;
use super::time::to_timestamp;
use crate::stack_spec::{ACCOUNT, CorsRule};

/// The content type of an object that was written without one (S3 API reference, `PutObject`).
pub(super) const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
/// Maximum size of user metadata in bytes.
const MAX_METADATA_BYTES: usize = 2 << 10;

/// The object metadata in a request, or an error if the user metadata is too large. For the inputs of
/// `PutObject`, `CopyObject` and `CreateMultipartUpload`, which have the same fields.
macro_rules! object_metadata {
    ($input:expr) => {{
        let user_metadata = $input.metadata.take().unwrap_or_default();
        $crate::s3::conversions::check_metadata_size($crate::s3::index::ObjectMetadata {
            content_type: $input.content_type.take().map(|value| value.to_string()),
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            user_metadata: user_metadata.into_iter().collect(),
            checksum: None,
            part_sizes: vec![],
        })
    }};
}

/// An output with the checksum, if any, in the field of its algorithm.
macro_rules! with_checksum {
    ($output:ident, $checksum:expr, { $($field:ident: $value:expr),* $(,)? }) => {{
        let checksum_fields = $crate::s3::conversions::checksum_fields($checksum);
        // Some outputs have no other fields than the given ones.
        #[allow(clippy::needless_update)]
        let output = $output {
            checksum_crc32: checksum_fields.checksum_crc32,
            checksum_crc32c: checksum_fields.checksum_crc32c,
            checksum_crc64nvme: checksum_fields.checksum_crc64nvme,
            checksum_sha1: checksum_fields.checksum_sha1,
            checksum_sha256: checksum_fields.checksum_sha256,
            $($field: $value,)*
            ..$output::default()
        };
        output
    }};
}

/// The output of `GetObject` or `HeadObject`, which have the same fields. `parts_count` is set only if
/// the request names a part.
macro_rules! object_response {
    ($output:ident, $object:expr, $part:expr, $range:expr, $checksum:expr) => {{
        let (object, range, checksum) = (&$object, $range, $checksum);
        let metadata = object.metadata.clone();
        let whole = 0..object.size;
        let bytes_range = range.clone().unwrap_or(whole);
        let content_type = metadata.content_type.as_deref();
        let content_type = content_type.unwrap_or($crate::s3::conversions::DEFAULT_CONTENT_TYPE);
        let parts = metadata.part_sizes.len() as i32;
        $crate::s3::conversions::with_checksum!($output, checksum, {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: metadata.cache_control,
            content_disposition: metadata.content_disposition,
            content_encoding: metadata.content_encoding,
            content_language: metadata.content_language,
            content_length: Some((bytes_range.end - bytes_range.start) as i64),
            content_range: range
                .map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, object.size)),
            content_type: Some(content_type.to_owned().into()),
            e_tag: Some($crate::s3::conversions::to_etag(&object.etag)),
            last_modified: Some($crate::s3::time::to_timestamp(object.modified)),
            metadata: Some(metadata.user_metadata.into_iter().collect())
                .filter(|metadata: &s3s::dto::Metadata| !metadata.is_empty()),
            checksum_type: checksum.map($crate::s3::conversions::checksum_type),
            parts_count: $part.map(|_| parts).filter(|parts| *parts > 0),
        })
    }};
}

pub(super) use {object_metadata, object_response, with_checksum};

/// # Errors
/// The user metadata's names and values together exceed 2 KB (S3 user guide, "Working with object
/// metadata").
pub(super) fn check_metadata_size(metadata: ObjectMetadata) -> S3Result<ObjectMetadata> {
    let bytes = |(name, value): (&String, &String)| name.len() + value.len();
    if metadata.user_metadata.iter().map(bytes).sum::<usize>() > MAX_METADATA_BYTES {
        return Err(s3_error!(
            MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size"
        ));
    }
    Ok(metadata)
}

pub(super) fn to_etag(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

/// The protocol's checksum fields, with the algorithm's own set.
pub(super) fn checksum_fields(checksum: Option<&StoredChecksum>) -> Checksum {
    let mut checksum_fields = Checksum::default();
    let Some(checksum) = checksum else {
        return checksum_fields;
    };
    let value = Some(checksum.value.clone());
    match checksum.algorithm {
        Algorithm::Crc32 => checksum_fields.checksum_crc32 = value,
        Algorithm::Crc32c => checksum_fields.checksum_crc32c = value,
        Algorithm::Crc64Nvme => checksum_fields.checksum_crc64nvme = value,
        Algorithm::Sha1 => checksum_fields.checksum_sha1 = value,
        Algorithm::Sha256 => checksum_fields.checksum_sha256 = value,
    }
    checksum_fields
}

pub(super) fn checksum_type(checksum: &StoredChecksum) -> ChecksumType {
    ChecksumType::from_static(if checksum.composite {
        ChecksumType::COMPOSITE
    } else {
        ChecksumType::FULL_OBJECT
    })
}

/// The checksum that a multipart upload requests, with an empty value. The default type is full object
/// for CRC-64/NVME and composite for all others (S3 user guide, "Full object and composite checksum
/// types").
pub(super) fn requested_checksum(
    algorithm: Option<&ChecksumAlgorithm>,
    kind: Option<&ChecksumType>,
) -> S3Result<StoredChecksum> {
    let algorithm = algorithm.map_or(Ok(Algorithm::Crc64Nvme), |name| {
        Algorithm::parse(name.as_str())
    })?;
    let composite = match kind.map(ChecksumType::as_str) {
        None => algorithm != Algorithm::Crc64Nvme,
        Some(kind) => kind == ChecksumType::COMPOSITE,
    };
    let hash = matches!(algorithm, Algorithm::Sha1 | Algorithm::Sha256);
    if (composite && algorithm == Algorithm::Crc64Nvme) || (!composite && hash) {
        return Err(s3_error!(
            InvalidRequest,
            "The checksum type cannot be used with the {} checksum algorithm.",
            algorithm.name()
        ));
    }
    Ok(StoredChecksum {
        algorithm,
        value: String::new(),
        composite,
    })
}

/// An object in a listing, with its owner if `owned`.
pub(super) fn listing_entry(object: ObjectRow, url: bool, owned: bool) -> Object {
    let checksum = object.metadata.checksum.as_ref();
    Object {
        checksum_algorithm: checksum
            .map(|checksum| vec![ChecksumAlgorithm::from_static(checksum.algorithm.name())]),
        checksum_type: checksum.map(checksum_type),
        e_tag: Some(to_etag(&object.etag)),
        last_modified: Some(to_timestamp(object.modified)),
        size: Some(object.size as i64),
        storage_class: Some(ObjectStorageClass::from_static(
            ObjectStorageClass::STANDARD,
        )),
        key: Some(encode_key(object.key, url)),
        owner: owned.then(owner),
        ..Object::default()
    }
}

/// The owner of all buckets and objects.
pub(super) fn owner() -> Owner {
    Owner {
        display_name: None,
        id: Some(ACCOUNT.to_owned()),
    }
}

pub(super) fn to_common_prefix(prefix: String, url: bool) -> CommonPrefix {
    CommonPrefix {
        prefix: Some(encode_key(prefix, url)),
    }
}

/// A key or prefix of a listing, URL-encoded if `url`.
pub(super) fn encode_key(text: String, url: bool) -> String {
    if url { url_encode(&text) } else { text }
}

pub(super) fn to_cors_dto(rule: CorsRule) -> CORSRule {
    let some = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
    CORSRule {
        id: rule.id,
        allowed_headers: some(rule.headers),
        allowed_methods: rule.methods,
        allowed_origins: rule.origins,
        expose_headers: some(rule.exposed),
        max_age_seconds: rule.max_age.and_then(|seconds| seconds.try_into().ok()),
    }
}

pub(super) fn from_cors_dto(rule: CORSRule) -> CorsRule {
    CorsRule {
        id: rule.id,
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers: rule.allowed_headers.unwrap_or_default(),
        exposed: rule.expose_headers.unwrap_or_default(),
        max_age: rule
            .max_age_seconds
            .and_then(|seconds| seconds.try_into().ok()),
    }
}
