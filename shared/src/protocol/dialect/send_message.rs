//! The dialect of `sendMessage` with `message`: `chunk` frames, then an empty `complete`.

use serde_json::{Value, json};

use super::{DialectEvent, error};

pub(super) fn encode(event: DialectEvent<'_>) -> Vec<Value> {
    match event {
        DialectEvent::Started | DialectEvent::Notice(_) => vec![],
        DialectEvent::Text(text) => vec![json!({"type": "chunk", "content": text})],
        DialectEvent::Completed => vec![json!({"type": "complete", "content": ""})],
        DialectEvent::Failed { code, message, .. } => vec![error(code, message)],
    }
}
