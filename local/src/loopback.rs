//! Restricts the loopback ports: any web page can make a browser on this machine send requests to them.
//!
//! [`Initiator`] says who has a request sent; the port's own classifier says what it is.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::aws_request::AwsRequest;
use crate::browser_guard::{forbidden, has_local_host};
use crate::gateway::GatewayRequest;
use crate::initiator::Initiator;

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
