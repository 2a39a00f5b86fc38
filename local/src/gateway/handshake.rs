//! Handles a WebSocket handshake: throttle, authorizer, `$connect`, then the upgrade or a rejection.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connection::Connection;
use super::handshake_request::HandshakeRequest;
use super::ids::new_id;
use super::integration::IntegrationError;
use super::peer::Peer;
use super::rejection::HandshakeRejection;
use super::state::GatewayState;
use super::{authorizer, event, integration, socket};

/// Maximum length of the URL of a WebSocket API in characters, the query with a token included (API Gateway quotas).
const MAX_URL_LENGTH: usize = 4_096;

/// Whether a request asks for a WebSocket. [`handle`] validates the other headers.
pub(super) fn is_websocket_upgrade(request: &Request) -> bool {
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

/// Upgrades the connection and serves it in a new task, or rejects the handshake.
pub(super) async fn handle(gateway: Arc<GatewayState>, mut request: Request) -> Response {
    let headers = request.headers();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        let supported = [(header::SEC_WEBSOCKET_VERSION, "13")];
        return (StatusCode::UPGRADE_REQUIRED, supported).into_response();
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).cloned();
    // 16 bytes in base64 (RFC 6455, 4.2.1).
    let is_valid = |key: &HeaderValue| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16);
    let Some(key) = key.filter(is_valid) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let handshake = HandshakeRequest::new(&parts);
    let peer = Peer::new(&handshake);
    let id = peer.connection_id.clone();
    let connected = match url_length(&parts) {
        _ if gateway.is_closing() => Err(HandshakeRejection::CLOSING),
        ..=MAX_URL_LENGTH => {
            // The request is dropped if its client leaves. A connection that is accepted then has to be ended.
            let (reply, connected) = oneshot::channel();
            let (gateway, path) = (gateway.clone(), parts.uri.path().to_owned());
            tokio::spawn(async move {
                let connected = connect(&gateway, &path, peer, &handshake).await;
                if let Err(Ok((peer, _))) = reply.send(connected) {
                    tracing::debug!("the client closed the connection during `$connect`");
                    socket::notify_disconnect(&gateway, &peer, 1006, "").await;
                }
            });
            let aborted = Err(HandshakeRejection::from_integration_error(
                IntegrationError::Failed,
            ));
            connected.await.unwrap_or(aborted)
        }
        _ => Err(HandshakeRejection::URL_TOO_LONG),
    };
    let (peer, subprotocol) = match connected {
        Ok(connected) => connected,
        Err(rejection) => {
            let body = event::error(rejection.message, &id, &new_id());
            let content_type = [(header::CONTENT_TYPE, "application/json")];
            return (rejection.status, content_type, body).into_response();
        }
    };
    tokio::spawn(async move {
        let (connection, receivers) = Connection::new(peer);
        match upgrade.await {
            Ok(upgraded) => {
                let io = TokioIo::new(upgraded);
                socket::serve(gateway, connection, io, receivers).await;
            }
            // The function has accepted `$connect`, so it also gets a `$disconnect`.
            Err(error) => {
                tracing::debug!(%error, "the client closed the connection before the upgrade");
                socket::notify_disconnect(&gateway, connection.peer(), 1006, "").await;
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

/// The length of the URL that the client asked for.
fn url_length(parts: &Parts) -> usize {
    let host = parts.headers.get(header::HOST).map_or(0, HeaderValue::len);
    let path_and_query = parts.uri.path_and_query();
    let path_and_query = path_and_query.map_or(0, |text| text.as_str().len());
    "wss://".len() + host + path_and_query
}

/// Authorizes the peer and invokes `$connect`; returns the peer, and the subprotocol that the function selected.
async fn connect(
    gateway: &GatewayState,
    path: &str,
    mut peer: Peer,
    handshake: &HandshakeRequest,
) -> Result<(Peer, Option<String>), HandshakeRejection> {
    let stage = path.trim_matches('/');
    if !stage.is_empty() && stage != gateway.spec.stage {
        return Err(HandshakeRejection::NO_SUCH_STAGE);
    }
    if !gateway.try_pass_throttle() {
        return Err(HandshakeRejection::THROTTLED);
    }
    let Some(route) = gateway.spec.routes.get("$connect") else {
        return Ok((peer, None));
    };
    peer.authorizer = authorizer::authorize(gateway, route, &peer, handshake).await?;
    let event = event::connect(gateway, &peer, handshake);
    gateway.options.journal.opened(&peer);
    let response = integration::invoke_proxy(gateway, &route.function, event)
        .await
        .map_err(HandshakeRejection::from_integration_error)?;
    if !(200..300).contains(&response.status_code) {
        // The function has said that there is no connection.
        gateway.options.journal.closed(&peer);
        return Err(HandshakeRejection::from_function_status(
            response.status_code,
        ));
    }
    let subprotocol = response.header("sec-websocket-protocol").map(String::from);
    Ok((peer, subprotocol))
}
