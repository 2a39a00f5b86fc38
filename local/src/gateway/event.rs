//! The events that functions receive, in the format of API Gateway's WebSocket proxy integration.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::handshake_request::HandshakeRequest;
use super::ids::new_id;
use super::peer::Peer;
use super::state::GatewayState;
use crate::stack_spec::{ACCOUNT, REGION};

/// The ARN that an authorizer's policy must allow.
pub(super) fn method_arn(gateway: &GatewayState) -> String {
    let (api, stage) = (&gateway.spec.api_id, &gateway.spec.stage);
    format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/$connect")
}

/// The event of a REQUEST authorizer.
pub(super) fn authorize(
    gateway: &GatewayState,
    peer: &Peer,
    handshake: &HandshakeRequest,
) -> Bytes {
    let mut event = Map::new();
    event.insert("type".into(), json!("REQUEST"));
    event.insert("methodArn".into(), json!(method_arn(gateway)));
    handshake.add_to_event(&mut event);
    event.insert("stageVariables".into(), json!({}));
    let context = request_context(gateway, peer, "$connect", "CONNECT", &new_id());
    event.insert("requestContext".into(), context);
    to_bytes(event)
}

pub(super) fn connect(gateway: &GatewayState, peer: &Peer, handshake: &HandshakeRequest) -> Bytes {
    let mut event = Map::new();
    handshake.add_to_event(&mut event);
    let context = request_context(gateway, peer, "$connect", "CONNECT", &new_id());
    event.insert("requestContext".into(), context);
    event.insert("isBase64Encoded".into(), json!(false));
    to_bytes(event)
}

pub(super) fn message(
    gateway: &GatewayState,
    peer: &Peer,
    route_key: &str,
    request_id: &str,
    body: &str,
) -> Bytes {
    let mut context = request_context(gateway, peer, route_key, "MESSAGE", request_id);
    context["messageId"] = json!(new_id());
    let mut event = Map::new();
    event.insert("requestContext".into(), context);
    event.insert("body".into(), json!(body));
    event.insert("isBase64Encoded".into(), json!(false));
    to_bytes(event)
}

pub(super) fn disconnect(gateway: &GatewayState, peer: &Peer, status: u16, reason: &str) -> Bytes {
    let mut context = request_context(gateway, peer, "$disconnect", "DISCONNECT", &new_id());
    context["disconnectStatusCode"] = json!(status);
    context["disconnectReason"] = json!(reason);
    let mut event = Map::new();
    event.insert("requestContext".into(), context);
    event.insert("isBase64Encoded".into(), json!(false));
    to_bytes(event)
}

/// API Gateway's own error, as a frame or as the body of a rejected handshake.
pub(super) fn error(message: &str, connection_id: &str, request_id: &str) -> String {
    json!({ "message": message, "connectionId": connection_id, "requestId": request_id })
        .to_string()
}

fn request_context(
    gateway: &GatewayState,
    peer: &Peer,
    route_key: &str,
    event_type: &str,
    request_id: &str,
) -> Value {
    let now = Timestamp::now();
    let mut context = json!({
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
        "messageDirection": "IN",
        "stage": gateway.spec.stage,
        "connectedAt": peer.connected_at.as_millisecond(),
        "requestTimeEpoch": now.as_millisecond(),
        "identity": peer.identity(),
        "requestId": request_id,
        "domainName": gateway.options.domain,
        "connectionId": peer.connection_id,
        "apiId": gateway.spec.api_id,
    });
    if let Some(authorizer) = &peer.authorizer {
        context["authorizer"] = authorizer.clone();
    }
    context
}

fn to_bytes(event: Map<String, Value>) -> Bytes {
    Value::Object(event).to_string().into()
}
