//! Restricts the loopback ports: any web page can make a browser on this machine send requests to them.
//!
//! [`Initiator`] says who has a request sent; the port's own classifier says what it is.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri, header};

use crate::aws_request::AwsRequest;
use crate::gateway::GatewayRequest;
use crate::initiator::{Initiator, is_loopback_name};

/// The policy of one port.
#[derive(Debug, Clone, Copy)]
pub struct LoopbackPolicy {
    /// The gateway's port. It serves the console, whose pages are the only allowed origin.
    pub console_port: u16,
    pub port: GuardedPort,
}

/// A port that the embedded cloud listens on.
#[derive(Debug, Clone, Copy)]
pub enum GuardedPort {
    /// Accepts WebSockets from any page, as API Gateway does.
    Gateway,
    AwsEndpoint,
}

/// Middleware. Rejects requests whose `Host` does not name this machine (DNS rebinding), and requests that a page may
/// not send. An admitted request carries its [`Initiator`].
pub async fn guard(State(policy): State<LoopbackPolicy>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if !has_local_host(&parts.uri, &parts.headers) {
        return forbidden(
            "The Host header must name this machine (localhost, 127.0.0.1 or [::1]).",
        );
    }
    let initiator = Initiator::of(&parts, policy.console_port);
    let is_admitted = match (initiator, policy.port) {
        (Initiator::Program, _) => true,
        (_, GuardedPort::AwsEndpoint) => match AwsRequest::classify(&parts) {
            // S3 decides by the signature's key, and the bucket's CORS rules by the page.
            AwsRequest::S3 => true,
            AwsRequest::LocalApi => false,
            _ => initiator == Initiator::Console,
        },
        (_, GuardedPort::Gateway) => {
            GatewayRequest::classify(parts.uri.path()) == GatewayRequest::Public
                || initiator == Initiator::Console
        }
    };
    if !is_admitted {
        return forbidden(
            "No web page may send this request, except the console's where it needs to.",
        );
    }
    parts.extensions.insert(initiator);
    next.run(Request::from_parts(parts, body)).await
}

/// Middleware. Rejects every request that a browser sends.
pub async fn reject_browsers(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_from_browser = headers.contains_key(header::ORIGIN)
        || headers
            .keys()
            .any(|name| name.as_str().starts_with("sec-fetch-"));
    if is_from_browser || !has_local_host(request.uri(), headers) {
        return forbidden("Browsers may not send this request.");
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
}
