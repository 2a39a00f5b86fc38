//! Frames that several tests send.

use serde_json::{Value, json};

/// A `query` for the kind `noop`, which does what its parameters say.
pub fn noop_query(params: Value) -> Value {
    json!({"action": "query", "kind": "noop", "query": "nothing", "params": params})
}

/// A message in a dialect, answered by the kind `noop`.
pub fn noop_message(action: &str, message: &str, params: Value) -> Value {
    json!({"action": action, "message": message, "kind": "noop", "params": params})
}

/// A message to another user, or to a room.
pub fn direct_message(recipient: &str, content: &str) -> Value {
    json!({"action": "sendMessage", "data": {"recipientId": recipient, "content": content}})
}
