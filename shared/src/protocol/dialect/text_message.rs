//! The `text_message` dialect, also for voice input: `text_response` frames; the last one is `done`.

use super::DialectEvent;
use super::frame::{DialectFrame, TextPiece, error};

pub(super) fn encode(event: DialectEvent<'_>) -> Vec<DialectFrame<'_>> {
    match event {
        DialectEvent::Started | DialectEvent::Notice(_) => vec![],
        DialectEvent::Text(text) => vec![response(text, false)],
        DialectEvent::Completed => vec![response("", true)],
        DialectEvent::Failed { code, message, .. } => vec![error(code, message, None)],
    }
}

fn response(text: &str, done: bool) -> DialectFrame<'_> {
    let data = TextPiece { text, done };
    DialectFrame::TextResponse { data }
}
