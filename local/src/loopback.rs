//! Restricts the loopback ports by `Host` and `Origin`: any web page can make a browser on this machine
//! send requests to them.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri, header};

/// The policy of one port.
#[derive(Debug, Clone, Copy)]
pub struct LoopbackPolicy {
    /// The gateway's port. It serves the console, whose pages are the only allowed origin.
    pub console_port: u16,
    /// Whether this is the port of the AWS endpoint. The gateway's port accepts WebSockets from any
    /// page, as API Gateway does.
    pub is_aws_endpoint: bool,
}

/// Middleware. Rejects requests whose `Host` does not name this machine (DNS rebinding), and guarded
/// requests from pages other than the console's.
pub async fn guard(State(policy): State<LoopbackPolicy>, request: Request, next: Next) -> Response {
    if !has_local_host(request.uri(), request.headers()) {
        return forbidden(
            "The Host header must name this machine (localhost, 127.0.0.1 or [::1]).",
        );
    }
    let is_guarded = if policy.is_aws_endpoint {
        !is_authorized_by_s3(&request)
    } else {
        let path = request.uri().path();
        path.contains("/@connections/") || path.starts_with("/_local/")
    };
    if is_guarded && !has_allowed_origin(policy.console_port, request.headers()) {
        return forbidden("Only the console's pages may send this request.");
    }
    next.run(request).await
}

fn has_local_host(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host
            .to_str()
            .ok()
            .and_then(|host| host.parse::<Authority>().ok())
            .is_some_and(|authority| is_loopback_name(authority.host())),
        // HTTP/2 has the host in the request target.
        (None, _) => uri
            .authority()
            .is_some_and(|authority| is_loopback_name(authority.host())),
        _ => false,
    }
}

/// Whether the host is a loopback address or a name that every resolver maps to one.
fn is_loopback_name(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()) || host.ends_with(".localhost")
}

/// Whether S3 itself authorizes the request: it rejects unsigned requests, and the bucket's CORS rules
/// decide which pages may read the response. Other services name their target in a header.
fn is_authorized_by_s3(request: &Request) -> bool {
    let headers = request.headers();
    let changes_nothing = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let query = request.uri().query().unwrap_or_default();
    // URLs presigned with signature version 2 have plain `Signature`.
    let is_signed = headers.contains_key(header::AUTHORIZATION) || query.contains("Signature=");
    // The embedded cloud's own API has no signatures.
    let is_local_api = request.uri().path().starts_with("/_local/");
    (changes_nothing || is_signed) && !headers.contains_key("x-amz-target") && !is_local_api
}

/// Whether the request has no origin or the console's.
fn has_allowed_origin(console_port: u16, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    origins.all(|origin| {
        let uri = origin
            .to_str()
            .ok()
            .and_then(|text| text.parse::<Uri>().ok());
        uri.is_some_and(|uri| {
            uri.scheme_str() == Some("http")
                && uri.port_u16().unwrap_or(80) == console_port
                && uri.host().is_some_and(is_loopback_name)
        })
    })
}

fn forbidden(message: &str) -> Response {
    let body = serde_json::json!({ "message": message }).to_string();
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::FORBIDDEN, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        let pair = |value: &&str| (name.clone(), value.parse().unwrap());
        values.iter().map(pair).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_accepted_as_host() {
        let named =
            |hosts: &[&str]| has_local_host(&Uri::from_static("/"), &headers(header::HOST, hosts));
        for host in [
            "localhost",
            "LOCALHOST:4566",
            "127.0.0.1:1",
            "[::1]:80",
            "bucket.localhost:4566",
        ] {
            assert!(named(&[host]), "{host}");
        }
        for host in [
            "rebound.example",
            "127.0.0.1.example",
            "localhost.example:4566",
            "notlocalhost",
            "",
            "192.168.0.1",
        ] {
            assert!(!named(&[host]), "{host}");
        }
        assert!(!named(&[]));
        assert!(!named(&["localhost", "rebound.example"]));
    }

    #[test]
    fn only_signed_s3_requests_are_authorized_by_s3() {
        let left = |method: &str, uri: &str, header: &str| {
            let request = Request::builder()
                .method(method)
                .uri(uri)
                .header(header, "x");
            is_authorized_by_s3(&request.body(axum::body::Body::empty()).unwrap())
        };
        assert!(left("GET", "/bucket/key", "accept"));
        assert!(left("PUT", "/bucket/key?X-Amz-Signature=s", "accept"));
        assert!(left("PUT", "/bucket/key", "authorization"));
        assert!(!left("PUT", "/bucket/key", "accept"));
        assert!(!left("POST", "/?X-Amz-Signature=s", "x-amz-target"));
        assert!(!left("POST", "/_local/faults?Signature=s", "authorization"));
    }

    #[test]
    fn only_the_consoles_origin_is_allowed() {
        let may = |origins: &[&str]| has_allowed_origin(3001, &headers(header::ORIGIN, origins));
        assert!(may(&[]));
        assert!(may(&["http://localhost:3001"]));
        assert!(may(&["http://127.0.0.1:3001"]));
        for origin in [
            "http://localhost:5173",
            "https://localhost:3001",
            "https://example.com",
            "null",
            "http://localhost.example:3001",
        ] {
            assert!(!may(&[origin]), "{origin}");
        }
        assert!(!may(&["http://localhost:3001", "https://example.com"]));
    }
}
