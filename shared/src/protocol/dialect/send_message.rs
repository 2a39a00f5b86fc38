//! `sendMessage` with `message`: `chunk`s, then an empty `complete`.

use serde_json::{Value, json};

use super::{DialectEvent, error};

pub(super) fn encode(word: DialectEvent<'_>) -> Vec<Value> {
    match word {
        DialectEvent::Begins | DialectEvent::Notice(_) => vec![],
        DialectEvent::Piece(text) => vec![json!({"type": "chunk", "content": text})],
        DialectEvent::Ends => vec![json!({"type": "complete", "content": ""})],
        DialectEvent::Breaks { code, sentence, .. } => vec![error(code, sentence)],
    }
}
