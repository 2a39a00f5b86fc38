//! Who may come in at a port that only this machine can reach: a browser on this machine can be made
//! to come by any web page. It knows names and origins, no service.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri, header};

/// One of the cloud's ports.
#[derive(Debug, Clone, Copy)]
pub struct LoopbackPolicy {
    /// The gateway's port, which serves the console: its pages are the only ones that may ask.
    pub console_port: u16,
    /// Whether this is the AWS endpoint; else it is the gateway, which takes any page's WebSockets,
    /// as API Gateway does.
    pub is_aws_endpoint: bool,
}

/// Lets in what names this machine as its host (a page of a name that was pointed at the loopback does
/// not), and, where a request could change or read something, no other page than the console's.
pub async fn guard(State(policy): State<LoopbackPolicy>, request: Request, next: Next) -> Response {
    if !has_local_host(request.uri(), request.headers()) {
        return forbidden("The Host header must name this machine.");
    }
    let is_guarded = if policy.is_aws_endpoint {
        !is_authorized_by_s3(&request)
    } else {
        let path = request.uri().path();
        path.contains("/@connections/") || path.starts_with("/_local/")
    };
    if is_guarded && !has_allowed_origin(policy.console_port, request.headers()) {
        return forbidden("No page but the console's may ask.");
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
        // HTTP/2 carries it in the request's target.
        (None, _) => uri
            .authority()
            .is_some_and(|authority| is_loopback_name(authority.host())),
        _ => false,
    }
}

/// A name that every resolver takes for the loopback, or the loopback's own address.
fn is_loopback_name(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()) || host.ends_with(".localhost")
}

/// Whether S3 decides: what is signed carries its own permission, S3 refuses what is not, and the bucket's
/// CORS rules say which pages may read the answer. The other services name their target in a header.
fn is_authorized_by_s3(request: &Request) -> bool {
    let headers = request.headers();
    let changes_nothing = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let query = request.uri().query().unwrap_or_default();
    // Presigned by the older scheme it is plain `Signature`.
    let is_signed = headers.contains_key(header::AUTHORIZATION) || query.contains("Signature=");
    // The cloud's own calls, which no signature protects.
    let is_local_api = request.uri().path().starts_with("/_local/");
    (changes_nothing || is_signed) && !headers.contains_key("x-amz-target") && !is_local_api
}

/// Whether no page asks, or one that the console's port serves.
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
    fn only_names_of_this_machine_are_hosts() {
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
    fn s3_decides_what_is_signed_for_it_and_nothing_else() {
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
    fn only_the_consoles_pages_may_ask() {
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
