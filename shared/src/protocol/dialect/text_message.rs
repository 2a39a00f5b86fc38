//! The `text_message` dialect, also for voice input: `text_response` frames; the last one is `done`.

use super::DialectEvent;
use super::frame::{TextFrame, TextPiece, error_data};

pub(super) fn encode(event: DialectEvent<'_>) -> Vec<TextFrame<'_>> {
    match event {
        DialectEvent::Started | DialectEvent::Notice(_) => vec![],
        DialectEvent::Text(text) => vec![response(text, false)],
        DialectEvent::Completed => vec![response("", true)],
        DialectEvent::Failed { code, message, .. } => vec![TextFrame::Error {
            content: message,
            data: error_data(code, message),
        }],
    }
}

fn response(text: &str, done: bool) -> TextFrame<'_> {
    let data = TextPiece { text, done };
    TextFrame::TextResponse { data }
}
