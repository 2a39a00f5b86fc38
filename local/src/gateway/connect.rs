//! A handshake: throttle, authorizer, `$connect`, then the upgrade, or a refusal with its status.
//! It knows nothing of frames.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connection::{self, Connection};
use super::event::{self, Peer};
use super::integration::{self, Fault};
use super::request::{Handshake, new_id};
use super::{Inner, authorizer};

/// A status instead of an upgrade, and API Gateway's message with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    message: &'static str,
}

impl Refusal {
    pub(super) const UNAUTHORIZED: Refusal = Refusal {
        status: StatusCode::UNAUTHORIZED,
        message: "Unauthorized",
    };
    pub(super) const DENIED: Refusal = Refusal {
        status: StatusCode::FORBIDDEN,
        message: "User is not authorized to access this resource",
    };
    pub(super) const AUTHORIZER_FAILED: Refusal = Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        message: "Internal server error",
    };
    const NO_SUCH_STAGE: Refusal = Refusal {
        status: StatusCode::FORBIDDEN,
        message: "Forbidden",
    };
    const THROTTLED: Refusal = Refusal {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "Too Many Requests",
    };

    fn by_fault(fault: Fault) -> Refusal {
        Refusal {
            status: match fault {
                Fault::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                Fault::Failed => StatusCode::BAD_GATEWAY,
            },
            message: "Internal server error",
        }
    }

    /// The function's own status; its body is not passed on.
    fn by_function(status: u16) -> Refusal {
        match StatusCode::from_u16(status) {
            Ok(status) if status.as_u16() >= 300 => Refusal {
                status,
                message: status.canonical_reason().unwrap_or("Refused"),
            },
            _ => Refusal::by_fault(Fault::Failed),
        }
    }
}

/// Whether a request asks for a WebSocket. The rest of its headers are judged in `answer`.
pub(super) fn is_handshake(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == http::Method::GET
        && has_token(headers, header::CONNECTION, "upgrade")
        && has_token(headers, header::UPGRADE, "websocket")
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// Upgrades the connection and serves it from a task of its own, or says why not.
pub(super) async fn answer(gateway: Arc<Inner>, mut request: Request) -> Response {
    let headers = request.headers();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        let supported = [(header::SEC_WEBSOCKET_VERSION, "13")];
        return (StatusCode::UPGRADE_REQUIRED, supported).into_response();
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).cloned();
    // 16 bytes in base64 (RFC 6455, 4.2.1).
    let is_whole = |key: &HeaderValue| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16);
    let Some(key) = key.filter(is_whole) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let handshake = Handshake::read(&parts);
    let mut peer = Peer::new(&handshake);
    let subprotocol = match admit(&gateway, parts.uri.path(), &mut peer, &handshake).await {
        Ok(subprotocol) => subprotocol,
        Err(refusal) => {
            let body = event::error(refusal.message, &peer.id, &new_id());
            let kind = [(header::CONTENT_TYPE, "application/json")];
            return (refusal.status, kind, body).into_response();
        }
    };
    tokio::spawn(async move {
        let (connection, ends) = Connection::new(peer);
        match upgrade.await {
            Ok(socket) => {
                connection::serve(gateway, connection, TokioIo::new(socket), ends).await;
            }
            // The client left during `$connect`: the function has seen it come, so it sees it go.
            Err(error) => {
                tracing::debug!(%error, "the client left before the upgrade");
                connection::disconnected(&gateway, connection.peer(), 1006, "").await;
            }
        }
    });
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(
            header::SEC_WEBSOCKET_ACCEPT,
            derive_accept_key(key.as_bytes()),
        );
    if let Some(subprotocol) = subprotocol {
        response = response.header(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
        .body(Body::empty())
        .unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

/// Lets the peer in, with the subprotocol that `$connect` chose, or says why not.
async fn admit(
    gateway: &Inner,
    path: &str,
    peer: &mut Peer,
    handshake: &Handshake,
) -> Result<Option<String>, Refusal> {
    let stage = path.trim_matches('/');
    if !stage.is_empty() && stage != gateway.spec.stage {
        return Err(Refusal::NO_SUCH_STAGE);
    }
    if !gateway.admits() {
        return Err(Refusal::THROTTLED);
    }
    let Some(route) = gateway.spec.routes.get("$connect") else {
        return Ok(None);
    };
    peer.authorizer = authorizer::admit(gateway, route, peer, handshake).await?;
    let event = event::connect(gateway, peer, handshake);
    let answer = integration::ask(gateway, &route.function, event)
        .await
        .map_err(Refusal::by_fault)?;
    if !(200..300).contains(&answer.status_code) {
        return Err(Refusal::by_function(answer.status_code));
    }
    Ok(answer.header("sec-websocket-protocol").map(String::from))
}
