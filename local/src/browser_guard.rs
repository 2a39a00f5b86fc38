//! What every port of this machine refuses to browsers.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri, header};

use crate::initiator::is_loopback_name;

/// Middleware. Rejects every request that a browser sends.
pub async fn reject_browsers(request: Request, next: Next) -> Response {
    let headers = request.headers();
    // Not `Sec-Fetch-Mode`, which Node's `fetch` sends too.
    let is_from_browser =
        headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    if is_from_browser || !has_local_host(request.uri(), headers) {
        return forbidden("Browsers may not send this request.");
    }
    next.run(request).await
}

/// Whether the request's only `Host` names this machine: a page can give this machine's address another name.
pub fn has_local_host(uri: &Uri, headers: &HeaderMap) -> bool {
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

/// A refusal with this sentence.
pub fn forbidden(message: &str) -> Response {
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
