//! Conditional requests (`If-Match`, `If-None-Match` and so on), checked against an object's row.
//!
//! Pure.

use http::HeaderMap;
use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::index::ObjectRow;
use super::time::to_timestamp;

/// The conditional headers of a request, or of a copy's source.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// A copy's conditions on its destination.
    ///
    /// # Errors
    /// A header that is not an ETag.
    pub(super) fn of_destination(headers: &HeaderMap) -> S3Result<Self> {
        let read = |name: http::HeaderName| {
            let value = headers.get(name);
            let tag = value.map(|value| ETagCondition::parse_http_header(value.as_bytes()));
            tag.transpose().map_err(|_| {
                s3_error!(
                    InvalidArgument,
                    "If-Match and If-None-Match must be an ETag or *."
                )
            })
        };
        Ok(Self {
            if_match: read(http::header::IF_MATCH)?,
            if_none_match: read(http::header::IF_NONE_MATCH)?,
            ..Self::default()
        })
    }

    /// Checks a read, in the order of RFC 9110, 13.2.2.
    ///
    /// # Errors
    /// 304 `NotModified` if the reader has the object already; 412 `PreconditionFailed` if the object
    /// differs.
    pub(super) fn check_read(&self, object: &ObjectRow) -> S3Result<()> {
        // Header dates have whole seconds.
        let modified = to_timestamp(object.modified - object.modified.rem_euclid(1_000));
        let is_stale = match (&self.if_match, &self.if_unmodified_since) {
            (Some(tag), _) => !etag_matches(tag, object),
            (None, Some(time)) => modified > *time,
            (None, None) => false,
        };
        if is_stale {
            return Err(precondition_failed());
        }
        let is_unchanged = match (&self.if_none_match, &self.if_modified_since) {
            (Some(tag), _) => etag_matches(tag, object),
            (None, Some(time)) => modified <= *time,
            (None, None) => false,
        };
        if !is_unchanged {
            return Ok(());
        }
        let mut error = S3Error::new(S3ErrorCode::NotModified);
        let tag = ETag::Strong(object.etag.clone()).to_http_header();
        let tag = tag.map_err(S3Error::internal_error)?;
        error.set_headers(HeaderMap::from_iter([(http::header::ETAG, tag)]));
        Err(error)
    }

    /// Checks the source of a copy. Here an unmodified object is a failed precondition too.
    pub(super) fn check_copy_source(&self, object: &ObjectRow) -> S3Result<()> {
        self.check_read(object).map_err(|_| precondition_failed())
    }

    /// Checks whether a write may replace `existing`.
    pub(super) fn check_write(&self, existing: Option<&ObjectRow>) -> S3Result<()> {
        match &self.if_none_match {
            None => {}
            Some(ETagCondition::Any) if existing.is_none() => {}
            Some(ETagCondition::Any) => return Err(precondition_failed()),
            Some(ETagCondition::ETag(_)) => {
                return Err(s3_error!(
                    NotImplemented,
                    "A header you provided implies functionality that is not implemented: If-None-Match supports only *."
                ));
            }
        }
        match (&self.if_match, existing) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            (Some(tag), Some(object)) if etag_matches(tag, object) => Ok(()),
            (Some(_), Some(_)) => Err(precondition_failed()),
        }
    }
}

/// Checks whether `existing` may be deleted. A missing object satisfies any ETag (S3 API reference,
/// `DeleteObject`) but not `*`, which requires an object (S3 user guide, "How to perform conditional
/// deletes").
pub(super) fn check_delete(
    tag: Option<&ETagCondition>,
    existing: Option<&ObjectRow>,
) -> S3Result<()> {
    match (tag, existing) {
        (None, _) => Ok(()),
        (Some(tag), Some(object)) if etag_matches(tag, object) => Ok(()),
        (Some(ETagCondition::ETag(_)), None) => Ok(()),
        (Some(_), _) => Err(precondition_failed()),
    }
}

fn etag_matches(condition: &ETagCondition, object: &ObjectRow) -> bool {
    condition
        .as_etag()
        .is_none_or(|tag| tag.value() == object.etag)
}

fn precondition_failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}

#[cfg(test)]
mod tests {
    use super::super::index::ObjectMetadata;
    use super::*;

    fn object() -> ObjectRow {
        ObjectRow {
            key: "k".into(),
            blob: "b".into(),
            size: 1,
            etag: "abc".into(),
            modified: 10_500,
            metadata: ObjectMetadata::default(),
        }
    }

    fn tag(value: &str) -> Option<ETagCondition> {
        Some(ETagCondition::parse_http_header(value.as_bytes()).unwrap())
    }

    fn code(outcome: S3Result<()>) -> Option<u16> {
        let error = outcome.err()?;
        error.status_code().map(|status| status.as_u16())
    }

    #[test]
    fn a_read_is_refused_if_unmodified_or_changed() {
        let read = |conditions: Conditions| code(conditions.check_read(&object()));
        let if_match = |value| Conditions {
            if_match: tag(value),
            ..Conditions::default()
        };
        let if_none_match = |value| Conditions {
            if_none_match: tag(value),
            ..Conditions::default()
        };
        assert_eq!(read(Conditions::default()), None);
        assert_eq!(read(if_match("\"abc\"")), None);
        assert_eq!(read(if_match("\"xyz\"")), Some(412));
        assert_eq!(read(if_none_match("\"abc\"")), Some(304));
        assert_eq!(read(if_none_match("\"xyz\"")), None);
        let since = |milliseconds| Conditions {
            if_modified_since: Some(to_timestamp(milliseconds)),
            ..Conditions::default()
        };
        // The object was written half a second after its Last-Modified, which has whole seconds.
        assert_eq!(read(since(10_000)), Some(304));
        assert_eq!(read(since(9_000)), None);
        let until = |milliseconds| Conditions {
            if_unmodified_since: Some(to_timestamp(milliseconds)),
            ..Conditions::default()
        };
        assert_eq!(read(until(10_000)), None);
        assert_eq!(read(until(9_000)), Some(412));
    }

    #[test]
    fn a_write_replaces_only_the_expected_object() {
        let create = Conditions {
            if_none_match: tag("*"),
            ..Conditions::default()
        };
        assert_eq!(code(create.check_write(None)), None);
        assert_eq!(code(create.check_write(Some(&object()))), Some(412));
        let replace = Conditions {
            if_match: tag("\"abc\""),
            ..Conditions::default()
        };
        assert_eq!(code(replace.check_write(Some(&object()))), None);
        assert_eq!(code(replace.check_write(None)), Some(404));
    }

    #[test]
    fn a_delete_removes_only_the_expected_object() {
        let object = object();
        let delete = |value: Option<&str>, exists: bool| {
            let condition = value.and_then(tag);
            code(check_delete(condition.as_ref(), exists.then_some(&object)))
        };
        for (condition, exists, expected) in [
            (None, true, None),
            (None, false, None),
            (Some("\"abc\""), true, None),
            (Some("\"xyz\""), true, Some(412)),
            (Some("\"abc\""), false, None),
            (Some("*"), true, None),
            (Some("*"), false, Some(412)),
        ] {
            assert_eq!(
                delete(condition, exists),
                expected,
                "{condition:?} {exists}"
            );
        }
    }
}
