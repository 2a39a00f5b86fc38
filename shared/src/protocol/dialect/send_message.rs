//! The dialect of `sendMessage` with `message`: `chunk` frames, then an empty `complete`.

use super::DialectEvent;
use super::frame::{DialectFrame, error};

pub(super) fn encode(event: DialectEvent<'_>) -> Vec<DialectFrame<'_>> {
    match event {
        DialectEvent::Started | DialectEvent::Notice(_) => vec![],
        DialectEvent::Text(content) => vec![DialectFrame::Chunk { content }],
        DialectEvent::Completed => vec![DialectFrame::Complete { content: "" }],
        DialectEvent::Failed { code, message, .. } => vec![error(code, message, None)],
    }
}
