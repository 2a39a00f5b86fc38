//! `text_message`, and the voice that answers in text: `text_response`s, the last of them `done`.

use serde_json::{Value, json};

use super::{Word, error};

pub(super) fn spell(word: Word<'_>) -> Vec<Value> {
    let response = |text: &str, done: bool| json!({"type": "text_response", "data": {"text": text, "done": done}});
    match word {
        Word::Begins | Word::Notice(_) => vec![],
        Word::Piece(text) => vec![response(text, false)],
        Word::Ends => vec![response("", true)],
        Word::Breaks { code, sentence, .. } => vec![error(code, sentence)],
    }
}
