//! Rows in the protocol's terms, and the protocol's descriptions of an object as rows keep them.
//!
//! Conversions only: nothing here decides or does anything.

use s3s::dto::{
    CORSRule, Checksum, ChecksumAlgorithm, ChecksumType, CommonPrefix, ETag, Object,
    ObjectStorageClass, Owner,
};
use s3s::{S3Result, s3_error};

use super::checksum::{Algorithm, Sum};
use super::index::{About, Stored};
use super::listing::url_encoded;
use super::time::at;
use crate::plan::{ACCOUNT, CorsRule};

/// What S3 says an object is whose writer did not (S3 API reference, `PutObject`).
pub(super) const UNKNOWN_TYPE: &str = "binary/octet-stream";
/// The most bytes of user metadata.
const MOST_METADATA: usize = 2 << 10;

/// The description of an object in a request that writes one, or the error that it is too long. The
/// field names are those of all the requests that can: `PutObject`, `CopyObject`,
/// `CreateMultipartUpload`.
macro_rules! about {
    ($input:expr) => {{
        let metadata = $input.metadata.take().unwrap_or_default();
        $crate::s3::answers::of_allowed_size($crate::s3::index::About {
            content_type: $input.content_type.take().map(|value| value.to_string()),
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            metadata: metadata.into_iter().collect(),
            sum: None,
            parts: vec![],
        })
    }};
}

/// An answer with an object's checksum, if there is one to tell, in the field of its algorithm.
macro_rules! summed {
    ($output:ident, $sum:expr, { $($field:ident: $value:expr),* $(,)? }) => {{
        let sums = $crate::s3::answers::sums($sum);
        // Some answers have no other fields than those that are given here.
        #[allow(clippy::needless_update)]
        let answer = $output {
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            $($field: $value,)*
            ..$output::default()
        };
        answer
    }};
}

/// An answer that describes an object: `GetObject` and `HeadObject` have the same fields. How many parts
/// there are is told to who asked for one.
macro_rules! described {
    ($output:ident, $object:expr, $part:expr, $range:expr, $sum:expr) => {{
        let (object, range, sum) = (&$object, $range, $sum);
        let about = object.about.clone();
        let whole = 0..object.size;
        let asked = range.clone().unwrap_or(whole);
        let content_type = about.content_type.as_deref();
        let content_type = content_type.unwrap_or($crate::s3::answers::UNKNOWN_TYPE);
        let parts = about.parts.len() as i32;
        $crate::s3::answers::summed!($output, sum, {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: about.cache_control,
            content_disposition: about.content_disposition,
            content_encoding: about.content_encoding,
            content_language: about.content_language,
            content_length: Some((asked.end - asked.start) as i64),
            content_range: range
                .map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, object.size)),
            content_type: Some(content_type.to_owned().into()),
            e_tag: Some($crate::s3::answers::tag(&object.etag)),
            last_modified: Some($crate::s3::time::at(object.modified)),
            metadata: Some(about.metadata.into_iter().collect())
                .filter(|metadata: &s3s::dto::Metadata| !metadata.is_empty()),
            checksum_type: sum.map($crate::s3::answers::kind),
            parts_count: $part.map(|_| parts).filter(|parts| *parts > 0),
        })
    }};
}

pub(super) use {about, described, summed};

/// # Errors
/// For user metadata above 2 KB, names and values together (S3 user guide, "Working with object metadata").
pub(super) fn of_allowed_size(about: About) -> S3Result<About> {
    let bytes = |(name, value): (&String, &String)| name.len() + value.len();
    if about.metadata.iter().map(bytes).sum::<usize>() > MOST_METADATA {
        return Err(s3_error!(
            MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size"
        ));
    }
    Ok(about)
}

pub(super) fn tag(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

/// The checksum in the field of its algorithm.
pub(super) fn sums(sum: Option<&Sum>) -> Checksum {
    let mut sums = Checksum::default();
    let Some(sum) = sum else { return sums };
    let value = Some(sum.value.clone());
    match sum.algorithm {
        Algorithm::Crc32 => sums.checksum_crc32 = value,
        Algorithm::Crc32c => sums.checksum_crc32c = value,
        Algorithm::Crc64Nvme => sums.checksum_crc64nvme = value,
        Algorithm::Sha1 => sums.checksum_sha1 = value,
        Algorithm::Sha256 => sums.checksum_sha256 = value,
    }
    sums
}

pub(super) fn kind(sum: &Sum) -> ChecksumType {
    ChecksumType::from_static(if sum.composite {
        ChecksumType::COMPOSITE
    } else {
        ChecksumType::FULL_OBJECT
    })
}

/// The algorithm that a multipart upload asks for, its value still empty. Without a type, that of
/// the CRC-64 covers the whole object and those of the others cover the parts' checksums (S3 user
/// guide, "Full object and composite checksum types").
pub(super) fn asked(
    algorithm: Option<&ChecksumAlgorithm>,
    kind: Option<&ChecksumType>,
) -> S3Result<Sum> {
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
    Ok(Sum {
        algorithm,
        value: String::new(),
        composite,
    })
}

/// An object in a listing, with its owner where that was asked for.
pub(super) fn listed(object: Stored, url: bool, owned: bool) -> Object {
    let sum = object.about.sum.as_ref();
    Object {
        checksum_algorithm: sum
            .map(|sum| vec![ChecksumAlgorithm::from_static(sum.algorithm.name())]),
        checksum_type: sum.map(kind),
        e_tag: Some(tag(&object.etag)),
        last_modified: Some(at(object.modified)),
        size: Some(object.size as i64),
        storage_class: Some(ObjectStorageClass::from_static(
            ObjectStorageClass::STANDARD,
        )),
        key: Some(spelled(object.key, url)),
        owner: owned.then(owner),
        ..Object::default()
    }
}

/// Whose everything here is.
pub(super) fn owner() -> Owner {
    Owner {
        display_name: None,
        id: Some(ACCOUNT.to_owned()),
    }
}

pub(super) fn rolled_up(prefix: String, url: bool) -> CommonPrefix {
    CommonPrefix {
        prefix: Some(spelled(prefix, url)),
    }
}

/// A key or prefix of a listing, URL-encoded where the request wants that.
pub(super) fn spelled(text: String, url: bool) -> String {
    if url { url_encoded(&text) } else { text }
}

pub(super) fn from_rule(rule: CorsRule) -> CORSRule {
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

pub(super) fn to_rule(rule: CORSRule) -> CorsRule {
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
