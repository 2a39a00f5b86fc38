//! The `text_message` dialect, also for voice input: `text_response` frames, the last of which is `done`.

use serde_json::{Value, json};

use super::{DialectEvent, error};

pub(super) fn encode(event: DialectEvent<'_>) -> Vec<Value> {
    let response = |text: &str, done: bool| json!({"type": "text_response", "data": {"text": text, "done": done}});
    match event {
        DialectEvent::Started | DialectEvent::Notice(_) => vec![],
        DialectEvent::Text(text) => vec![response(text, false)],
        DialectEvent::Completed => vec![response("", true)],
        DialectEvent::Failed { code, message, .. } => vec![error(code, message)],
    }
}
