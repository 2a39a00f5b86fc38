//! The events that functions get, in the shapes of API Gateway's WebSocket proxy integration. It
//! only words them; `connect`, `message` and `connection` say when.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Inner;
use super::request::{Handshake, new_id};
use crate::plan::{ACCOUNT, REGION};

/// Who is at the other end, as all events of a connection tell it.
pub(super) struct Peer {
    pub(super) id: String,
    pub(super) connected_at: Timestamp,
    pub(super) source_ip: String,
    pub(super) user_agent: Option<String>,
    /// What the authorizer said, for all later events.
    pub(super) authorizer: Option<Value>,
}

impl Peer {
    pub(super) fn new(handshake: &Handshake) -> Peer {
        Peer {
            id: new_id(),
            connected_at: Timestamp::now(),
            source_ip: handshake.source_ip.to_string(),
            user_agent: handshake.user_agent.clone(),
            authorizer: None,
        }
    }

    pub(super) fn identity(&self) -> Value {
        let mut identity = json!({ "sourceIp": self.source_ip });
        if let Some(agent) = &self.user_agent {
            identity["userAgent"] = json!(agent);
        }
        identity
    }

    /// The request context of one event of this connection.
    fn context(&self, gateway: &Inner, route: &str, kind: &str, request: &str) -> Value {
        let now = Timestamp::now();
        let mut context = json!({
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": request,
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
            "messageDirection": "IN",
            "stage": gateway.spec.stage,
            "connectedAt": self.connected_at.as_millisecond(),
            "requestTimeEpoch": now.as_millisecond(),
            "identity": self.identity(),
            "requestId": request,
            "domainName": gateway.options.domain,
            "connectionId": self.id,
            "apiId": gateway.spec.api_id,
        });
        if let Some(authorizer) = &self.authorizer {
            context["authorizer"] = authorizer.clone();
        }
        context
    }
}

/// The ARN that an authorizer's policy must allow.
pub(super) fn method_arn(gateway: &Inner) -> String {
    let (api, stage) = (&gateway.spec.api_id, &gateway.spec.stage);
    format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/$connect")
}

pub(super) fn authorize(gateway: &Inner, peer: &Peer, handshake: &Handshake) -> Bytes {
    let mut event = Map::new();
    event.insert("type".into(), json!("REQUEST"));
    event.insert("methodArn".into(), json!(method_arn(gateway)));
    handshake.describe(&mut event);
    event.insert("stageVariables".into(), json!({}));
    let context = peer.context(gateway, "$connect", "CONNECT", &new_id());
    event.insert("requestContext".into(), context);
    bytes(event)
}

pub(super) fn connect(gateway: &Inner, peer: &Peer, handshake: &Handshake) -> Bytes {
    let mut event = Map::new();
    handshake.describe(&mut event);
    let context = peer.context(gateway, "$connect", "CONNECT", &new_id());
    event.insert("requestContext".into(), context);
    event.insert("isBase64Encoded".into(), json!(false));
    bytes(event)
}

pub(super) fn message(
    gateway: &Inner,
    peer: &Peer,
    route: &str,
    request: &str,
    body: &str,
) -> Bytes {
    let mut context = peer.context(gateway, route, "MESSAGE", request);
    context["messageId"] = json!(new_id());
    let mut event = Map::new();
    event.insert("requestContext".into(), context);
    event.insert("body".into(), json!(body));
    event.insert("isBase64Encoded".into(), json!(false));
    bytes(event)
}

pub(super) fn disconnect(gateway: &Inner, peer: &Peer, status: u16, reason: &str) -> Bytes {
    let mut context = peer.context(gateway, "$disconnect", "DISCONNECT", &new_id());
    context["disconnectStatusCode"] = json!(status);
    context["disconnectReason"] = json!(reason);
    let mut event = Map::new();
    event.insert("requestContext".into(), context);
    event.insert("isBase64Encoded".into(), json!(false));
    bytes(event)
}

/// API Gateway's own error, as frame or as body of a refused handshake.
pub(super) fn error(message: &str, connection: &str, request: &str) -> String {
    json!({ "message": message, "connectionId": connection, "requestId": request }).to_string()
}

fn bytes(event: Map<String, Value>) -> Bytes {
    Value::Object(event).to_string().into()
}
