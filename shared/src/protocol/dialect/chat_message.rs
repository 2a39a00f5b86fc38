//! `chat_message`: `chat_response`s between two `typing_indicator`s, and `system` for what is said beside them.

use serde_json::{Value, json};

use super::{DialectEvent, error};
use crate::domain::ids::JobId;

pub(super) fn encode(word: DialectEvent<'_>, job: JobId) -> Vec<Value> {
    let response = |text: &str, done: bool| {
        json!({
            "type": "chat_response",
            "content": text,
            "metadata": {"jobId": job.to_string(), "done": done},
        })
    };
    match word {
        DialectEvent::Begins => vec![typing(true)],
        DialectEvent::Notice(sentence) => vec![json!({"type": "system", "content": sentence})],
        DialectEvent::Piece(text) => vec![response(text, false)],
        DialectEvent::Ends => vec![response("", true), typing(false)],
        DialectEvent::Breaks {
            code,
            sentence,
            retryable,
        } => {
            let mut error = error(code, sentence);
            error["retryable"] = retryable.into();
            vec![typing(false), error]
        }
    }
}

fn typing(on: bool) -> Value {
    json!({"type": "typing_indicator", "isTyping": on})
}
