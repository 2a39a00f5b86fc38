//! Derives bucket, key and operation from a request's method, URL and headers.
//!
//! Nothing is validated: a request that S3 rejects has a target too, and is logged with it.

use http::request::Parts;
use http::{HeaderMap, Method, Uri, header};
use s3s::host::{S3Host, VirtualHost};

/// Virtual-hosted-style requests go to `<bucket>.localhost`, which resolves to loopback (RFC 6761).
const DOMAIN: &str = ".localhost";

/// The target of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Target {
    pub bucket: Option<String>,
    pub key: Option<String>,
    /// Such as `GetObject`; `Unknown` if S3 has no such operation.
    pub operation: &'static str,
    /// The prefix of a request that lists objects, if it has one.
    pub prefix: Option<String>,
}

impl S3Target {
    pub fn from_request(parts: &Parts) -> Self {
        let path = percent_decode(parts.uri.path());
        let path = path.trim_start_matches('/');
        let (bucket, key) = match host_bucket(&parts.headers) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (bucket, key) = (some(bucket), some(key));
        let level = (bucket.is_some(), key.is_some());
        let operation = operation(&parts.method, level, &parts.uri, &parts.headers);
        let prefix = match operation {
            "ListObjects" | "ListObjectsV2" => query_value(&parts.uri, "prefix"),
            _ => None,
        };
        Self {
            bucket,
            key,
            operation,
            prefix,
        }
    }
}

/// The first value of a parameter of the query.
fn query_value(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(uri.query()?.as_bytes());
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

fn operation(
    method: &Method,
    (bucket, key): (bool, bool),
    uri: &Uri,
    headers: &HeaderMap,
) -> &'static str {
    let query = uri.query().unwrap_or_default();
    let names: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default())
        .collect();
    let has = |name: &str| names.contains(&name);
    let copies = headers.contains_key("x-amz-copy-source");
    match (method.as_str(), bucket, key) {
        ("OPTIONS", ..) => "Preflight",
        ("GET", false, _) => "ListBuckets",
        ("GET", true, false) if has("location") => "GetBucketLocation",
        ("GET", true, false) if has("cors") => "GetBucketCors",
        ("GET", true, false) if has("uploads") => "ListMultipartUploads",
        ("GET", true, false) if query.contains("list-type=2") => "ListObjectsV2",
        ("GET", true, false) => "ListObjects",
        ("HEAD", true, false) => "HeadBucket",
        ("PUT", true, false) if has("cors") => "PutBucketCors",
        ("PUT", true, false) => "CreateBucket",
        ("DELETE", true, false) if has("cors") => "DeleteBucketCors",
        ("DELETE", true, false) => "DeleteBucket",
        ("POST", true, false) if has("delete") => "DeleteObjects",
        ("POST", true, false) => "PostObject",
        ("GET", true, true) if has("uploadId") => "ListParts",
        ("GET", true, true) => "GetObject",
        ("HEAD", true, true) => "HeadObject",
        ("PUT", true, true) if has("partNumber") && copies => "UploadPartCopy",
        ("PUT", true, true) if has("partNumber") => "UploadPart",
        ("PUT", true, true) if copies => "CopyObject",
        ("PUT", true, true) => "PutObject",
        ("POST", true, true) if has("uploads") => "CreateMultipartUpload",
        ("POST", true, true) if has("uploadId") => "CompleteMultipartUpload",
        ("DELETE", true, true) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", true, true) => "DeleteObject",
        _ => "Unknown",
    }
}

/// The bucket that the `Host` header names, in virtual-hosted style.
fn host_bucket(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    bucket_before_domain(host)
}

fn bucket_before_domain(host: &str) -> Option<&str> {
    let name = host.split(':').next().unwrap_or(host);
    name.strip_suffix(DOMAIN)
        .filter(|bucket| !bucket.is_empty())
}

/// Percent-decodes a path. A path that is not UTF-8 stays encoded, and S3 rejects it.
fn percent_decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let (mut text, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digits = path.get(at + 1..at + 3);
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if bytes[at] == b'%' => {
                text.push(byte);
                at += 3;
            }
            _ => {
                text.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(text).unwrap_or_else(|_| path.to_owned())
}

/// Resolves the bucket of a `Host` header for `s3s`.
pub(super) struct BucketHosts;

impl S3Host for BucketHosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> s3s::S3Result<VirtualHost<'a>> {
        Ok(match bucket_before_domain(host) {
            Some(bucket) => VirtualHost::new(host).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn bucket_key_and_operation_come_from_the_request() {
        for (method, uri, host, operation, bucket, key) in [
            ("GET", "/", "localhost:4566", "ListBuckets", "", ""),
            ("PUT", "/b", "127.0.0.1:4566", "CreateBucket", "b", ""),
            (
                "GET",
                "/b?list-type=2&prefix=a",
                "localhost",
                "ListObjectsV2",
                "b",
                "",
            ),
            (
                "GET",
                "/b/a%2Fb%20c/d?X-Amz-Signature=0",
                "localhost",
                "GetObject",
                "b",
                "a/b c/d",
            ),
            (
                "PUT",
                "/b/k?partNumber=1&uploadId=u",
                "localhost",
                "UploadPart",
                "b",
                "k",
            ),
            (
                "POST",
                "/?delete",
                "b.localhost:4566",
                "DeleteObjects",
                "b",
                "",
            ),
            ("HEAD", "/k", "b.localhost:4566", "HeadObject", "b", "k"),
            ("PATCH", "/b/k", "localhost", "Unknown", "b", "k"),
        ] {
            let target = S3Target::from_request(&parts(method, uri, &[("host", host)]));
            let found = (
                target.operation,
                target.bucket.unwrap_or_default(),
                target.key.unwrap_or_default(),
            );
            assert_eq!(found, (operation, bucket.to_owned(), key.to_owned()));
        }
    }
}
