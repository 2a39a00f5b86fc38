//! `sendMessage` with `message`: `chunk`s, then an empty `complete`.

use serde_json::{Value, json};

use super::{Word, error};

pub(super) fn spell(word: Word<'_>) -> Vec<Value> {
    match word {
        Word::Begins | Word::Notice(_) => vec![],
        Word::Piece(text) => vec![json!({"type": "chunk", "content": text})],
        Word::Ends => vec![json!({"type": "complete", "content": ""})],
        Word::Breaks { code, sentence, .. } => vec![error(code, sentence)],
    }
}
