//! Which service a request to the AWS endpoint is for.
//!
//! The endpoint routes by this and the guard of its port admits by it, so that no request is admitted as one service's
//! and answered by another.

use http::Method;
use http::request::Parts;

use crate::lambda::invoke_api::InvokeTarget;

/// The service that a request is for.
#[derive(Debug, PartialEq, Eq)]
pub enum AwsRequest {
    /// The embedded cloud's own API, which AWS does not have.
    LocalApi,
    Lambda(InvokeTarget),
    /// A JSON protocol: DynamoDB, SQS, EventBridge or Secrets Manager, by `x-amz-target`.
    Json,
    /// The query protocol: SNS.
    Query,
    S3,
}

impl AwsRequest {
    pub fn classify(parts: &Parts) -> Self {
        let text = |name: &str| {
            let value = parts.headers.get(name);
            value.and_then(|value| value.to_str().ok()).unwrap_or("")
        };
        if parts.uri.path().starts_with("/_local/") {
            return Self::LocalApi;
        }
        if parts.headers.contains_key("x-amz-target") {
            return Self::Json;
        }
        if let Some(target) = InvokeTarget::of(parts) {
            return Self::Lambda(target);
        }
        let scope = text("authorization").split_once("Credential=");
        let service = scope.and_then(|(_, scope)| scope.split('/').nth(3));
        let is_form = text("content-type").starts_with("application/x-www-form-urlencoded");
        match service {
            Some("s3") => Self::S3,
            Some(_) => Self::Query,
            None if is_form && parts.method == Method::POST => Self::Query,
            None => Self::S3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(method: &str, uri: &str, headers: &[(&str, &str)]) -> AwsRequest {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        AwsRequest::classify(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_headers_name_the_service_and_a_signature_in_the_query_does_not() {
        let form = (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        let target = ("x-amz-target", "AmazonSQS.SendMessage");
        for query in ["", "?Signature=", "?X-Amz-Signature=s"] {
            let uri = format!("/{query}");
            assert_eq!(classify("POST", &uri, &[target]), AwsRequest::Json);
            assert_eq!(classify("POST", &uri, &[form]), AwsRequest::Query);
            assert_eq!(classify("GET", &uri, &[]), AwsRequest::S3);
            let local = format!("/_local/faults{query}");
            assert_eq!(classify("POST", &local, &[target]), AwsRequest::LocalApi);
        }
    }

    #[test]
    fn a_signature_in_a_header_names_the_service() {
        let signed = |service: &str| {
            format!("AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request")
        };
        let of =
            |path, service: &str| classify("POST", path, &[("authorization", &signed(service))]);
        assert_eq!(of("/b/k", "s3"), AwsRequest::S3);
        assert_eq!(of("/", "sns"), AwsRequest::Query);
        let invoke = "/2015-03-31/functions/echo/invocations";
        assert!(matches!(of(invoke, "lambda"), AwsRequest::Lambda(_)));
        assert_eq!(of("/2015-03-31/functions", "lambda"), AwsRequest::Query);
    }
}
