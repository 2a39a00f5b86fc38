//! Checksums that clients send with a body and that S3 stores with an object, in the five algorithms of
//! the S3 API reference.

use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// The name and the header of each algorithm.
const NAMES: [(Algorithm, &str, &str); 5] = [
    (Algorithm::Crc32, "CRC32", "x-amz-checksum-crc32"),
    (Algorithm::Crc32c, "CRC32C", "x-amz-checksum-crc32c"),
    (
        Algorithm::Crc64Nvme,
        "CRC64NVME",
        "x-amz-checksum-crc64nvme",
    ),
    (Algorithm::Sha1, "SHA1", "x-amz-checksum-sha1"),
    (Algorithm::Sha256, "SHA256", "x-amz-checksum-sha256"),
];

/// A checksum of an object or of one of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredChecksum {
    pub(super) algorithm: Algorithm,
    /// Base64, followed by `-<parts>` if it is composite.
    pub(super) value: String,
    /// Whether it is computed from the parts' checksums instead of the whole object.
    pub(super) composite: bool,
}

/// The checksum that a request declares for its body.
#[derive(Debug)]
pub(super) struct DeclaredChecksum {
    pub(super) algorithm: Algorithm,
    /// `None` if it follows the body or the client sends none.
    value: Option<String>,
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> S3Result<Self> {
        let found = NAMES.iter().find(|(_, known, _)| *known == name);
        found.map(|(algorithm, ..)| *algorithm).ok_or_else(|| {
            s3_error!(
                InvalidRequest,
                "Checksum algorithm {name} is not supported."
            )
        })
    }

    pub(super) fn name(self) -> &'static str {
        self.names().0
    }

    pub(super) fn header(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        let encoded = NAMES.iter().find(|(algorithm, ..)| *algorithm == self);
        encoded
            .map(|(_, name, header)| (*name, *header))
            .expect("every algorithm is named")
    }

    pub(super) fn hasher(self) -> ChecksumHasher {
        let mut hasher = ChecksumHasher::default();
        match self {
            Self::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Self::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Self::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Self::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Self::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        hasher
    }

    /// The checksum in base64.
    pub(super) fn finish(self, hasher: ChecksumHasher) -> String {
        let checksum_fields = hasher.finalize();
        let encoded = match self {
            Self::Crc32 => checksum_fields.checksum_crc32,
            Self::Crc32c => checksum_fields.checksum_crc32c,
            Self::Crc64Nvme => checksum_fields.checksum_crc64nvme,
            Self::Sha1 => checksum_fields.checksum_sha1,
            Self::Sha256 => checksum_fields.checksum_sha256,
        };
        encoded.expect("the hasher was made for this algorithm")
    }
}

impl DeclaredChecksum {
    /// Reads the checksum headers. Without any, S3 computes and stores a CRC-64/NVME (S3 user guide,
    /// "Checking object integrity").
    ///
    /// # Errors
    /// More than one checksum, or an unknown algorithm.
    pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut in_headers = NAMES.iter().filter_map(|(algorithm, _, header)| {
            let value = text(header)?.to_owned();
            Some(Self {
                algorithm: *algorithm,
                value: Some(value),
            })
        });
        if let Some(declared) = in_headers.next() {
            return match in_headers.next() {
                None => Ok(declared),
                Some(_) => Err(s3_error!(
                    InvalidRequest,
                    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
                )),
            };
        }
        let trailer = text("x-amz-trailer").unwrap_or_default();
        let trailing = NAMES
            .iter()
            .find(|(_, _, header)| trailer.eq_ignore_ascii_case(header));
        let algorithm = match (trailing, text("x-amz-sdk-checksum-algorithm")) {
            (Some((algorithm, ..)), _) => *algorithm,
            (None, Some(name)) => Algorithm::parse(name)?,
            (None, None) => Algorithm::Crc64Nvme,
        };
        Ok(Self {
            algorithm,
            value: None,
        })
    }

    /// The checksum to store, if the computed one equals the declared one. `trailer` returns a header
    /// that followed the body.
    ///
    /// # Errors
    /// `BadDigest`.
    pub(super) fn verify(
        self,
        computed: String,
        trailer: impl Fn(&str) -> Option<String>,
    ) -> S3Result<StoredChecksum> {
        let declared = self.value.or_else(|| trailer(self.algorithm.header()));
        if declared.is_some_and(|declared| declared != computed) {
            return Err(s3_error!(
                BadDigest,
                "The {} you specified did not match the calculated checksum.",
                self.algorithm.name()
            ));
        }
        Ok(StoredChecksum {
            algorithm: self.algorithm,
            value: computed,
            composite: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(headers: &[(&'static str, &'static str)]) -> S3Result<DeclaredChecksum> {
        let pairs = headers.iter().map(|(name, value)| {
            let value = http::HeaderValue::from_static(value);
            (http::HeaderName::from_static(name), value)
        });
        DeclaredChecksum::from_headers(&pairs.collect())
    }

    fn computed(algorithm: Algorithm) -> String {
        let mut hasher = algorithm.hasher();
        hasher.update(b"123456789");
        algorithm.finish(hasher)
    }

    #[test]
    fn a_checksum_is_verified_in_header_and_trailer() {
        // The check value of CRC-32/ISO-HDLC for "123456789" is cbf43926.
        assert_eq!(computed(Algorithm::Crc32), "y/Q5Jg==");
        let header = declared(&[("x-amz-checksum-crc32", "y/Q5Jg==")]).unwrap();
        let checksum = header.verify(computed(Algorithm::Crc32), |_| None).unwrap();
        assert_eq!(checksum.value, "y/Q5Jg==");
        for value in ["y/Q5Jg==", "AAAAAA=="] {
            let trailing = declared(&[("x-amz-trailer", "x-amz-checksum-crc32")]).unwrap();
            let checked = trailing.verify(computed(Algorithm::Crc32), |name| {
                assert_eq!(name, "x-amz-checksum-crc32");
                Some(value.to_owned())
            });
            assert_eq!(checked.is_ok(), value == "y/Q5Jg==");
        }
    }

    #[test]
    fn the_default_is_crc64_nvme_and_two_checksums_are_rejected() {
        assert_eq!(declared(&[]).unwrap().algorithm, Algorithm::Crc64Nvme);
        let named = declared(&[("x-amz-sdk-checksum-algorithm", "SHA256")]).unwrap();
        assert_eq!(named.algorithm, Algorithm::Sha256);
        let two = [("x-amz-checksum-crc32", "a"), ("x-amz-checksum-sha1", "b")];
        assert!(declared(&two).is_err());
        assert!(declared(&[("x-amz-sdk-checksum-algorithm", "MD4")]).is_err());
    }
}
