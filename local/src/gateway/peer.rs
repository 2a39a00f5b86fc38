//! The client of one connection, as its events describe it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::handshake_request::HandshakeRequest;
use super::ids::new_id;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Peer {
    pub(super) connection_id: String,
    pub(super) connected_at: Timestamp,
    pub(super) source_ip: String,
    pub(super) user_agent: Option<String>,
    /// The authorizer's context, which every event contains.
    pub(super) authorizer: Option<Value>,
}

impl Peer {
    pub(super) fn new(handshake: &HandshakeRequest) -> Peer {
        Peer {
            connection_id: new_id(),
            connected_at: Timestamp::now(),
            source_ip: handshake.source_ip.to_string(),
            user_agent: handshake.user_agent.clone(),
            authorizer: None,
        }
    }

    /// The `identity` of an event's request context.
    pub(super) fn identity(&self) -> Value {
        let mut identity = json!({ "sourceIp": self.source_ip });
        if let Some(agent) = &self.user_agent {
            identity["userAgent"] = json!(agent);
        }
        identity
    }
}
