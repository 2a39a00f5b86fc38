//! The `chat_message` dialect: `chat_response` frames between two `typing_indicator` frames, and `system` for notices.

use serde_json::{Value, json};

use super::{DialectEvent, error};
use crate::domain::ids::JobId;

pub(super) fn encode(event: DialectEvent<'_>, job: JobId) -> Vec<Value> {
    let response = |text: &str, done: bool| {
        json!({
            "type": "chat_response",
            "content": text,
            "metadata": {"jobId": job.to_string(), "done": done},
        })
    };
    match event {
        DialectEvent::Started => vec![typing(true)],
        DialectEvent::Notice(message) => vec![json!({"type": "system", "content": message})],
        DialectEvent::Text(text) => vec![response(text, false)],
        DialectEvent::Completed => vec![response("", true), typing(false)],
        DialectEvent::Failed {
            code,
            message,
            retryable,
        } => {
            let mut error = error(code, message);
            error["retryable"] = retryable.into();
            vec![typing(false), error]
        }
    }
}

fn typing(on: bool) -> Value {
    json!({"type": "typing_indicator", "isTyping": on})
}
