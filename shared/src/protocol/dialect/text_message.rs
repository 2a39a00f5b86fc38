//! `text_message`, and the voice that answers in text: `text_response`s, the last of them `done`.

use serde_json::{Value, json};

use super::{DialectEvent, error};

pub(super) fn encode(word: DialectEvent<'_>) -> Vec<Value> {
    let response = |text: &str, done: bool| json!({"type": "text_response", "data": {"text": text, "done": done}});
    match word {
        DialectEvent::Begins | DialectEvent::Notice(_) => vec![],
        DialectEvent::Piece(text) => vec![response(text, false)],
        DialectEvent::Ends => vec![response("", true)],
        DialectEvent::Breaks { code, sentence, .. } => vec![error(code, sentence)],
    }
}
